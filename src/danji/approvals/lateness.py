"""Since when a place is late: after how many working days, and twice as many where it is held."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from django.conf import settings

from danji.accounts.models import Office, Officeholder
from danji.approvals.models import Hold, Reminder, Step, Turn
from danji.approvals.queries import current
from danji.authority.queries import is_away
from danji.complexes.queries import bylaw_setting
from danji.rules import approval
from danji.rules.bylaws import ESCALATE, REMIND
from danji.rules.periods import day_in_seoul, is_office_time, working_days_after

# Which setting of the bylaws says after how many working days.
AFTER = {Reminder.Kind.REMIND: REMIND, Reminder.Kind.ESCALATE: ESCALATE}
# Whoever holds a document (보류) has said why, and the drafter knows it: there is twice the time.
HELD = 2


def days_until(kind: Reminder.Kind, complex_id: UUID, *, on: date) -> int:
    """After how many working days somebody is told; 0 for never."""
    setting = AFTER[kind]
    days: int = bylaw_setting(complex_id, setting.key, on=on, default=setting.otherwise)
    return days


def days_by_day(
    kind: Reminder.Kind, complex_id: UUID, waiting: Iterable[datetime]
) -> dict[date, int]:
    """The same for what waits since these moments, by the day: what held then holds for it."""
    begun = {day_in_seoul(since) for since in waiting}
    return {day: days_until(kind, complex_id, on=day) for day in begun}


def due(since: datetime, days: int, *, is_held: bool) -> datetime:
    """When that is over for what waits since a moment."""
    return working_days_after(since, days * HELD if is_held else days, settings.HOLIDAYS)


def is_open(at: datetime) -> bool:
    """Whether offices are open: nobody is woken by a reminder."""
    return is_office_time(at, settings.HOLIDAYS)


def late_from(step: Step) -> datetime | None:
    """From when on a place that waits is late (지연): when others are told of it.

    Where the bylaws let nobody be told, it is late after the days that hold where they are silent:
    they may spare people the message, and not let one of them wait for ever. None when it is not
    the place's turn.
    """
    since = Turn.objects.within(step.complex_id).filter(step_id=step.id).values_list("since")
    if (turn := since.first()) is None:
        return None
    kind = Reminder.Kind.ESCALATE
    days = days_until(kind, step.complex_id, on=day_in_seoul(turn[0])) or AFTER[kind].otherwise
    held = Hold.objects.within(step.complex_id).filter(step_id=step.id, lifted_at=None)
    return due(turn[0], days, is_held=held.exists())


def is_late(step: Step, *, at: datetime) -> bool:
    """Whether a place has waited so long that others were told of it, or would have been."""
    late = late_from(step)
    return late is not None and at >= late


def skippable(
    steps: Sequence[Step], line: approval.Line, reader: Officeholder, *, at: datetime
) -> list[tuple[Step, bool]]:
    """The places that the reader may leave out (생략) at a moment, and whether for being late.

    Args: `steps` of every round.
    """
    rows = {step.position: step for step in current(steps)}
    found = []
    for turn in approval.turns(line):
        row = rows[turn.position]
        known = {
            "is_drafter": line.steps[0].approver == reader.id,
            "is_manager": reader.office == Office.MANAGER,
            "is_away": is_away(row.approver, on=day_in_seoul(at)),
        }
        late = approval.follows_decision(turn, line) and is_late(row, at=at)
        if approval.can_skip(turn, line, is_late=late, **known):
            found.append((row, late))
    return found
