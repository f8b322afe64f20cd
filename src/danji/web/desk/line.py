"""The approval line (결재선) as it is drawn: where a document waits and since when, and why."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from danji.accounts.models import Officeholder
from danji.approvals.lines import Plan, PlannedStep
from danji.approvals.models import Circulation, Document, Step
from danji.approvals.queries import current, hold_on, said_afterwards
from danji.authority.queries import absence_of, is_away
from danji.records.content import content_now
from danji.rules import approval
from danji.rules.approval import Act, Decision
from danji.signing.evidence import method_label
from danji.transparency.queries import methods_of
from danji.web.sign.words import pressed_word
from danji_verify.canonical import b64decode

# How a decided place looks.
_LOOKS = {
    Decision.APPROVE: "done",
    Decision.DISSENT: "dissent",
    Decision.RETURN: "returned",
    Decision.SEND_BACK: "returned",
    Decision.SKIP: "skipped",
}


def line_view(
    shown: Document, steps: Sequence[Step], line: approval.Line, *, on: date
) -> dict[str, Any]:
    """The context of desk/_line.html: where the document stands in its line.

    Args: `steps` of every round, in order of position and round.
    """
    now = {step.position for step in approval.turns(line)}
    since: dict[UUID, datetime] = dict(shown.turns.values_list("step_id", "since"))
    rows = [_place(step, now=step.position in now, closed=not now) for step in current(steps)]
    methods = methods_of(shown.complex_id, shown.id)
    for row, step in zip(rows, current(steps), strict=True):
        row["signed"] = method_label(methods.get(bytes(step.leaf_hash or b""), ""))
        if step.position in now:
            row.update(_waiting(step, since.get(step.id), on))
    rows += [_left_out(place) for place in shown.parsed_content()["line"] if place["skipped"]]
    rows.sort(key=itemgetter("position"))
    return {
        "stages": stages(rows),
        "waiting_steps": [row for row in rows if row["state"] == "now"],
        "returned_step": next((row for row in rows if row["decision"] == Decision.RETURN), None),
        "earlier": _earlier(steps),
    }


def readers_view(shown: Document) -> dict[str, Any]:
    """Who is shown a document beside those who decide: part of the context of desk/_line.html."""
    circulations = list(shown.circulations.all())
    said = said_afterwards(shown)
    return {
        "readers": [
            {
                "kind": circulation.get_kind_display(),
                "who": str(circulation.recipient),
                "sent_at": circulation.sent_at,
                "read_at": circulation.read_at,
                "confirmed_at": circulation.confirmed_at,
                "dissents": circulation.id in said
                and said[circulation.id].decision is Decision.DISSENT,
                "opinion": said[circulation.id].opinion if circulation.id in said else "",
                "afterwards": circulation.kind == Circulation.Kind.AFTERWARDS,
            }
            for circulation in circulations
        ]
    }


def record_line(payload: dict[str, Any], methods: Mapping[bytes, str]) -> dict[str, Any]:
    """The line of a record, as its payload keeps it: part of the context of desk/_line.html.

    Args: `methods` is from `transparency.queries.methods_of`.
    """
    places = {place["position"]: place for place in content_now(payload["content"])["line"]}
    rows = [
        _recorded(decision, places[decision["position"]]["stage"])
        for decision in payload["decisions"]
    ]
    for row, decision in zip(rows, payload["decisions"], strict=True):
        row["signed"] = method_label(methods.get(b64decode(decision["leaf"]), ""))
    rows += [_left_out(place) for place in places.values() if place["skipped"]]
    rows.sort(key=itemgetter("position"))
    return {
        "stages": stages(rows),
        "waiting_steps": [],
        "returned_step": None,
        "earlier": [_recorded(decision, 0) for decision in payload.get("history", ())],
        "readers": [],
    }


def plan_view(plan: Plan, *, drafter: Officeholder, on: date) -> dict[str, Any]:
    """The line that a submission would take, and what is said about it."""
    return {
        "stages": stages([_planned(step, drafter, on) for step in plan.steps]),
        "readers": [
            {"kind": kind.label, "who": str(reader), "id": reader.id.hex}
            for kind, reader in plan.readers
        ],
        "resolution": plan.resolution,
        "resolved": plan.resolved,
        "consent": plan.consent,
        "notes": plan.notes,
    }


def stages(rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The places side by side in one list each, in order."""
    return [list(beside) for _, beside in groupby(rows, key=itemgetter("stage"))]


def _place(step: Step, *, now: bool, closed: bool) -> dict[str, Any]:
    if step.decision:
        made = Decision(step.decision)
        state, word = _LOOKS[made], _decided_word(Act(step.act), made)
    elif now:
        state, word = "now", "기다리는 중"
    else:
        state, word = ("closed", "-") if closed else ("later", "다음 차례")
    acting = step.decided_by if step.decided_by_id not in {None, step.approver_id} else None
    skipped = step.decision == Decision.SKIP
    return {
        "position": step.position,
        "stage": step.stage,
        "act": Act(step.act).label,
        "office": step.approver.get_office_display(),
        "name": step.approver.person.name,
        "state": state,
        "word": word,
        "decision": step.decision,
        "at": step.decided_at,
        **_who_decided(str(step.approver), str(acting) if acting and not skipped else ""),
        "opinion": "" if skipped else step.opinion,
        "reason": _why_left_out(step.opinion, str(acting)) if skipped else "",
        "basis": step.basis,
        "deputy": "",
        "hold": None,
        "since": None,
    }


def _who_decided(officer: str, acting: str) -> dict[str, str]:
    """Who decided at a place, and in whose stead: `과장 이민호` for `관리사무소장 박정호` or ""."""
    return {"who": acting or officer, "absent": officer if acting else ""}


def _decided_word(act: Act, decision: Decision) -> str:
    """What stands in a decided place; whoever only sees a document never approved it."""
    if act is Act.DRAFT:
        return "상신"
    if decision is Decision.DISSENT:
        return f"{pressed_word(act, Decision.APPROVE)} (의견 있음)"
    return pressed_word(act, decision)


def _waiting(step: Step, since: datetime | None, on: date) -> dict[str, Any]:
    """Since when a place waits, why it is held, and who may decide in it."""
    absence = absence_of(step.approver, on=on)
    hold = hold_on(step)
    return {
        "since": since,
        "deputy": str(absence.deputy) if absence else "",
        "hold": {"reason": hold.reason, "at": hold.held_at} if hold else None,
    }


def _recorded(decision: dict[str, Any], stage: int) -> dict[str, Any]:
    made = Decision(decision["decision"])
    act, acting, skipped = Act(decision["act"]), decision.get("by"), made is Decision.SKIP
    by = f"{acting['office']} {acting['name']}" if acting else ""
    return {
        "position": decision["position"],
        "stage": stage,
        "act": act.label,
        "office": decision["office"],
        "name": decision["name"],
        "state": _LOOKS[made],
        "word": _decided_word(act, made),
        "decision": decision["decision"],
        "at": datetime.fromisoformat(decision["at"]),
        **_who_decided(f"{decision['office']} {decision['name']}", "" if skipped else by),
        "opinion": "" if skipped else decision["opinion"],
        "reason": _why_left_out(decision["opinion"], by) if skipped else "",
        "basis": "",
        "deputy": "",
        "hold": None,
        "since": None,
    }


def _why_left_out(reason: str, by: str) -> str:
    """`기한 안에 확인하지 않음 (관리사무소장 박정호)`."""
    return f"{reason} ({by})"


def _left_out(place: dict[str, Any]) -> dict[str, Any]:
    """A place that the drafter left out with the submission."""
    return {
        "position": place["position"],
        "stage": place["stage"],
        "act": Act(place["act"]).label,
        "office": place["office"],
        "name": place["name"],
        "state": "skipped",
        "word": "생략",
        "decision": "",
        "at": None,
        **_who_decided(f"{place['office']} {place['name']}", ""),
        "opinion": "",
        "reason": place["skipped"],
        "basis": place["basis"],
        "deputy": "",
        "hold": None,
        "since": None,
    }


def _earlier(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """What was decided before the document was sent back, the first round first."""
    counting = {step.id for step in current(steps)}
    past = sorted(
        (step for step in steps if step.decision and step.id not in counting),
        key=lambda step: (step.round, step.decided_at),
    )
    return [_place(step, now=False, closed=True) for step in past]


def _planned(step: PlannedStep, drafter: Officeholder, on: date) -> dict[str, Any]:
    absence = absence_of(step.officeholder, on=on) if step.officeholder.id != drafter.id else None
    away = step.officeholder.id != drafter.id and is_away(step.officeholder, on=on)
    return {
        "position": step.position,
        "stage": step.stage,
        "act": step.act.label,
        "office": step.officeholder.get_office_display(),
        "office_key": step.officeholder.office,
        "name": step.officeholder.person.name,
        "state": "skipped" if step.skipped else "later",
        "word": "생략" if step.skipped else "",
        "basis": step.basis,
        "reason": step.skipped,
        "deputy": str(absence.deputy) if absence else "",
        "can_skip": away and step.act in approval.SKIPPABLE,
    }
