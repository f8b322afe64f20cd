"""Receipts: everybody is told each morning what was submitted and decided in their name.

They are written from what the log committed to, never from our own rows or pages: whoever shows one
document and has another signed, or decides in somebody's name, is given away by them. What is told
goes by the places in the log, for a decision can be dated back and its place cannot.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from danji.accounts.models import Officeholder
from danji.approvals.lateness import is_open
from danji.approvals.models import Receipt
from danji.base import tenancy
from danji.formbook.definition import load
from danji.outbox.actions import tell
from danji.rules.approval import Act, Decision
from danji.rules.money import figures_line
from danji.rules.periods import day_in_seoul, format_moment
from danji.transparency.models import Leaf
from danji.transparency.queries import log_of
from danji_verify.canonical import b64decode
from danji_verify.checkpoint import Checkpoint
from danji_verify.entry import parse_time

logger = logging.getLogger(__name__)

# Every submission and decision whose first place came since, and those made since that have none
# yet; what opens them is there unless it was erased. An event can have a second place only in a
# further log. Of a submission the log has the digest of the content: that is held against it.
DECIDED = """
SELECT event.id, event.entry, opening.fields, document.content, form.definition, TRUE
FROM transparency_leaf AS leaf
JOIN transparency_event AS event
    ON (event.complex_id, event.id) = (leaf.complex_id, leaf.event_id)
JOIN transparency_opening AS opening
    ON (opening.complex_id, opening.event_id) = (event.complex_id, event.id)
LEFT JOIN approvals_document AS document
    ON (document.complex_id, document.id) = (event.complex_id, event.doc)
    AND event.name = 'doc.submitted'
LEFT JOIN formbook_form AS form ON form.id = document.form_id
WHERE leaf.complex_id = %(complex)s
    AND (event.name LIKE 'approval.%%' OR event.name = 'doc.submitted')
    AND (leaf.log_number, leaf.index) >= (%(log)s, %(size)s)
    AND (leaf.log_number, leaf.index) < (%(until_log)s, %(until_size)s)
    AND NOT EXISTS (
        SELECT FROM transparency_leaf AS earlier
        WHERE (earlier.complex_id, earlier.event_id) = (leaf.complex_id, leaf.event_id)
            AND earlier.log_number < leaf.log_number
    )
UNION ALL
SELECT event.id, event.entry, opening.fields, document.content, form.definition, FALSE
FROM transparency_event AS event
JOIN transparency_opening AS opening
    ON (opening.complex_id, opening.event_id) = (event.complex_id, event.id)
LEFT JOIN approvals_document AS document
    ON (document.complex_id, document.id) = (event.complex_id, event.doc)
    AND event.name = 'doc.submitted'
LEFT JOIN formbook_form AS form ON form.id = document.form_id
WHERE event.complex_id = %(complex)s
    AND (event.name LIKE 'approval.%%' OR event.name = 'doc.submitted')
    AND event.id > %(told)s
    AND NOT EXISTS (
        SELECT FROM transparency_leaf AS leaf
        WHERE (leaf.complex_id, leaf.event_id) = (event.complex_id, event.id)
    )
"""
FIRST = Receipt(id=UUID(int=0), log_number=1, size=0)  # nobody was told anything before


@dataclass(frozen=True)
class Decided:
    """One decision or submission as the log has it. `amount` in won, or None."""

    officeholder: UUID
    title: str
    amount: int | None
    decision: str
    at: datetime
    is_logged: bool

    def __str__(self) -> str:
        amount = f" · {figures_line(self.amount)}" if self.amount is not None else ""
        missing = "" if self.is_logged else " · 아직 봉인 장부에 적히지 않았습니다"
        return f"{format_moment(self.at)} {self.decision} · {self.title}{amount}{missing}"


def send_receipts(complex_id: UUID, *, at: datetime | None = None) -> int:
    """Tell everybody what was submitted and decided in their name since they were told last, once
    a day and when offices are open.

    Returns: how many were told.
    """
    now = at or timezone.now()
    if not is_open(now):
        return 0
    day = day_in_seoul(now)
    with tenancy.within(complex_id):
        if Receipt.objects.within(complex_id).filter(day=day).exists():
            return 0
        last = Receipt.objects.within(complex_id).order_by("-id").first() or FIRST
        until = Receipt(complex_id=complex_id, day=day, sent_at=now)
        until.log_number, until.size = _end(complex_id)
        by_officer: dict[UUID, list[Decided]] = defaultdict(list)
        for decided in decided_between(complex_id, last, until):
            by_officer[decided.officeholder].append(decided)
        log = log_of(complex_id)
        head = Checkpoint(log.origin, log.size, bytes(log.root))
        officers = Officeholder.objects.within(complex_id).filter(id__in=by_officer)
        for officer in officers.select_related("person", "complex"):
            tell(officer, *receipt(officer, by_officer[officer.id], head), at=now)
        until.told = len(by_officer)
        until.save(force_insert=True)
    return until.told


def _end(complex_id: UUID) -> tuple[int, int]:
    """The number of the newest log, and how many places it has."""
    places = Leaf.objects.within(complex_id).order_by("-log_number", "-index")
    newest = places.values_list("log_number", "index").first()
    return (newest[0], newest[1] + 1) if newest else (1, 0)


def receipt(
    officer: Officeholder, decisions: Sequence[Decided], head: Checkpoint
) -> tuple[str, str]:
    """What somebody is told, and the newest head, for whoever keeps it to hold against the log.

    Returns: subject and body.
    """
    lines = "\n".join(f"- {decided}" for decided in decisions)
    return (
        f"결재 확인 알림: {len(decisions)}건",
        f"지난번 알림 뒤에 {officer} 님의 이름으로 장부에 적힌 상신과 결재입니다.\n\n{lines}\n\n"
        "하지 않으신 일이 있거나 시각, 제목, 금액이 보신 것과 다르면 감사와 회장께 바로 알려 "
        "주세요.\n\n"
        "지금까지의 장부입니다. 이 알림을 보관해 두시면, 나중에 장부가 고쳐지지 않았는지 확인 "
        f"화면에서 견줄 수 있습니다.\n{head.printed}",
    )


def decided_between(complex_id: UUID, last: Receipt, until: Receipt) -> list[Decided]:
    """What came into the log between two receipts, and what was decided since the first of them and
    is not in it yet; in order of the time that each states.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            DECIDED,
            {
                "complex": complex_id,
                "log": last.log_number,
                "size": last.size,
                "until_log": until.log_number,
                "until_size": until.size,
                "told": last.id,
            },
        )
        rows = cursor.fetchall()
    return sorted(_read(rows), key=lambda decided: decided.at)


def _read(rows: Sequence[tuple[UUID, bytes, Any, Any, Any, bool]]) -> Iterator[Decided]:
    for event_id, entry, fields, content, definition, is_logged in rows:
        try:
            opened = json.loads(fields) if isinstance(fields, str) else fields
            actor, statement = _value(opened, "actor"), _value(opened, "stmt")
            if content is not None:
                statement = _submitted(opened, bytes(content), bytes(definition))
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
        except (ValueError, LookupError, TypeError, AttributeError):
            # Somebody altered it, which the audit tells; nobody goes without a receipt for it.
            logger.exception("event %s cannot be read", event_id)


def _submitted(
    opened: Mapping[str, Mapping[str, str]], content: bytes, definition: bytes
) -> dict[str, Any] | None:
    """What was submitted, in the shape of a statement; None where it was erased.

    Raises: ValueError where it is not what the log has the digest of.
    """
    if not content:
        return None
    held = {"body": content, "form": definition}
    if any(sha256(data).hexdigest() != opened[name]["sha256"] for name, data in held.items()):
        raise ValueError("this is not what was submitted")
    said, amount = json.loads(content), load(definition).amount
    return {
        "act": Act.DRAFT,
        "title": said["title"],
        "amount": said["values"][amount] if amount else None,
    }


def _words(statement: Mapping[str, Any]) -> str:
    """`상신`, `결재 승인`, `검토 반려`, `후결 승인`."""
    if statement["act"] == Act.DRAFT:
        return "상신"
    act = "후결" if statement["act"] == "afterwards" else Act(statement["act"]).label
    return f"{act} {Decision(statement['decision']).label}"


def _value(opened: Mapping[str, Mapping[str, str]], field: str) -> dict[str, Any] | None:
    opening = opened.get(field, {})
    if "value" not in opening:
        return None
    value: dict[str, Any] = json.loads(b64decode(opening["value"]))
    return value
