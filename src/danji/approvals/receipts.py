"""Receipts: everybody is told, the morning after, what was decided in their name.

They are written from what the log committed to, never from our own rows or pages: whoever shows one
document and has another signed, or decides in somebody's name, is given away by them.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from danji.accounts.models import Officeholder
from danji.approvals.models import Receipt
from danji.base import tenancy
from danji.outbox.actions import tell
from danji.rules.approval import Act, Decision
from danji.rules.money import figures_line
from danji.rules.periods import day_in_seoul, format_date, is_office_time, start_of_day
from danji_verify.canonical import b64decode
from danji_verify.entry import format_time, parse_time

# Every decision whose time in the log is of that day; what opens it is there unless it was erased.
DECIDED = """
SELECT event.entry, opening.fields, EXISTS (
    SELECT FROM transparency_leaf AS leaf
    WHERE (leaf.complex_id, leaf.event_id) = (event.complex_id, event.id)
)
FROM transparency_event AS event
JOIN transparency_opening AS opening
    ON (opening.complex_id, opening.event_id) = (event.complex_id, event.id)
WHERE event.complex_id = %s AND event.name LIKE 'approval.%%'
    AND convert_from(event.entry, 'UTF8')::json ->> 't' BETWEEN %s AND %s
ORDER BY convert_from(event.entry, 'UTF8')::json ->> 't', event.id
"""


@dataclass(frozen=True)
class Decided:
    """One decision as the log has it. `amount` in won, or None."""

    officeholder: UUID
    title: str
    amount: int | None
    decision: str
    at: datetime
    is_logged: bool

    def __str__(self) -> str:
        amount = f" · {figures_line(self.amount)}" if self.amount is not None else ""
        missing = "" if self.is_logged else " · 아직 봉인 장부에 적히지 않았습니다"
        local = self.at.astimezone(timezone.get_default_timezone())
        return f"{local:%H:%M} {self.decision} · {self.title}{amount}{missing}"


def send_receipts(complex_id: UUID, *, at: datetime | None = None) -> int:
    """Tell everybody what was decided in their name the day before, once offices are open.

    Returns: how many were told.
    """
    now = at or timezone.now()
    day = day_in_seoul(now) - timedelta(days=1)
    if not is_office_time(now):
        return 0
    told = 0
    with tenancy.within(complex_id):
        days = _unsent(complex_id, day)
        for unsent in days:
            told += _send(complex_id, unsent, now)
    return told


def _unsent(complex_id: UUID, until: date) -> list[date]:
    """The days of which nobody was told yet, up to `until`: more than one after a weekend."""
    last = Receipt.objects.within(complex_id).order_by("-day").values_list("day", flat=True).first()
    first = until if last is None else last + timedelta(days=1)
    return [first + timedelta(days=number) for number in range((until - first).days + 1)]


def _send(complex_id: UUID, day: date, now: datetime) -> int:
    by_officer: dict[UUID, list[Decided]] = defaultdict(list)
    for decided in decided_on(complex_id, day):
        by_officer[decided.officeholder].append(decided)
    officers = Officeholder.objects.within(complex_id).filter(id__in=by_officer)
    for officer in officers.select_related("person", "complex"):
        tell(officer, *receipt(officer, day, by_officer[officer.id]), at=now)
    Receipt.objects.create(complex_id=complex_id, day=day, told=len(by_officer), sent_at=now)
    return len(by_officer)


def receipt(officer: Officeholder, day: date, decisions: Sequence[Decided]) -> tuple[str, str]:
    """What somebody is told. Returns: subject and body."""
    lines = "\n".join(f"- {decided}" for decided in decisions)
    return (
        f"{format_date(day)} 결재하신 문서 {len(decisions)}건",
        f"{officer} 님의 이름으로 장부에 적힌 결재입니다.\n\n{lines}\n\n"
        "하지 않으신 결재가 있거나 제목과 금액이 보신 것과 다르면 감사와 회장께 바로 알려 주세요.",
    )


def decided_on(complex_id: UUID, day: date) -> Iterator[Decided]:
    """What was decided on a day (in Korea), as the log has it, in order of time."""
    first = start_of_day(day).astimezone(UTC)
    last = start_of_day(day + timedelta(days=1)).astimezone(UTC) - timedelta(seconds=1)
    with connection.cursor() as cursor:
        cursor.execute(DECIDED, [complex_id, format_time(first), format_time(last)])
        rows = cursor.fetchall()
    for entry, fields, is_logged in rows:
        opened = json.loads(fields) if isinstance(fields, str) else fields
        actor, statement = _value(opened, "actor"), _value(opened, "stmt")
        if actor is None or statement is None:
            continue
        yield Decided(
            UUID(actor["officeholder"]),
            statement["title"],
            statement["amount"],
            _words(statement),
            parse_time(json.loads(bytes(entry))["t"]),
            is_logged,
        )


def _words(statement: Mapping[str, Any]) -> str:
    """`결재 승인`, `검토 반려`, `후결 승인`."""
    act = "후결" if statement["act"] == "afterwards" else Act(statement["act"]).label
    return f"{act} {Decision(statement['decision']).label}"


def _value(opened: Mapping[str, Mapping[str, str]], field: str) -> dict[str, Any] | None:
    opening = opened.get(field, {})
    if "value" not in opening:
        return None
    value: dict[str, Any] = json.loads(b64decode(opening["value"]))
    return value
