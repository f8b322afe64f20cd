"""Whether a place was left out (생략) for a reason that the log bears out: away, or late."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from danji.approvals.lateness import days_until, due
from danji.approvals.models import Reminder
from danji.audit.basis import Basis
from danji.audit.chains import Logged
from danji.audit.replay import Way
from danji.rules.approval import FINAL, Act
from danji.rules.bylaws import ESCALATE
from danji.rules.periods import day_in_seoul
from danji_verify.entry import Event


def is_founded(
    event: Logged, places: Mapping[int, Mapping[str, Any]], way: Way, basis: Basis, complex_id: UUID
) -> bool:
    """Whether the officer of a place that was left out was away, or the place was late.

    By the moments in the log alone, for the rows that say how long it waits are easily put back.
    Args: `places` as in the content, by position.
    """
    place = places[event.json("stmt")["step"]]
    if event.entry is None or _was_away(place, way, basis, day_in_seoul(event.entry.at)):
        return True
    decides = next(one for one in places.values() if Act(one["act"]) in FINAL)
    if decides["position"] > place["position"]:
        return False  # only who sees what is decided already is not waited for
    stages = {position: one.get("stage", position) for position, one in places.items()}
    before = [way.submitted] + [
        decided
        for (position, _), decided in way.decided.items()
        if stages[position] < stages[place["position"]] and decided.seq < event.seq
    ]
    began = [entry.at for one in before if (entry := one.entry)]
    since = max(began, default=event.entry.at)
    days = days_until(Reminder.Kind.ESCALATE, complex_id, on=day_in_seoul(since))
    return event.entry.at >= due(since, days or ESCALATE.otherwise, is_held=False)


def _was_away(place: Mapping[str, Any], way: Way, basis: Basis, day: date) -> bool:
    """Whether somebody had left office since the submission, or was absent on a day."""
    officer = (place["office"], place["name"])
    began = day_in_seoul(way.submitted.entry.at) if way.submitted.entry else day
    for holder in basis.holders.values():
        stood = (holder.office, holder.name) == officer and holder.since <= began
        if stood and holder.until is not None and began <= holder.until < day:
            return True
    for chain in basis.personal.values():
        for event in chain.all(Event.DELEGATION_SET):
            said = event.json("delegation")
            absent = said.get("absent", {})
            ended = chain.last(Event.DELEGATION_ENDED)
            back_on = ended.json("delegation").get("back_on") if ended else None
            if (
                (absent.get("office"), absent.get("name")) == officer
                and date.fromisoformat(said["since"]) <= day <= date.fromisoformat(said["until"])
                and (back_on is None or day < date.fromisoformat(back_on))
            ):
                return True
    return False
