"""Whose turn it is after a decision, and how a line ends. Called with the document locked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from danji.approvals.links import desk_link
from danji.approvals.messages import ask_to_decide, ask_to_read
from danji.approvals.models import Circulation, Document, Outcome, Step
from danji.approvals.queries import current
from danji.approvals.statements import said_at
from danji.base import files
from danji.base.ids import uuid7
from danji.formbook.definition import load
from danji.outbox.actions import tell
from danji.records.actions import Finished, file_record
from danji.rules import approval
from danji.rules.approval import Ending
from danji.transparency.actions import Tail
from danji_verify.canonical import b64encode

# A decision, and whose turn it is after it: one statement, for every decision waits for it.
MOVE = """
WITH decided AS (
    UPDATE approvals_step SET decision = %(decision)s, decided_by_id = %(by)s,
        decided_at = %(at)s, opinion = %(opinion)s, leaf_hash = %(leaf)s
    WHERE complex_id = %(complex)s AND id = %(step)s AND decision = ''
), over AS (
    DELETE FROM approvals_turn
    WHERE complex_id = %(complex)s AND document_id = %(document)s AND NOT step_id = ANY(%(stay)s)
)
INSERT INTO approvals_turn (complex_id, id, document_id, step_id, approver_id, since)
SELECT %(complex)s, turn.id, %(document)s, turn.step, turn.approver, %(since)s
FROM unnest(%(ids)s::uuid[], %(steps)s::uuid[], %(approvers)s::uuid[])
    AS turn (id, step, approver)
"""


def pass_turn(
    document: Document,
    steps: Sequence[Step],
    before: Sequence[approval.Step],
    after: approval.Line,
    *,
    at: datetime,
    decided: Step | None = None,
) -> None:
    """Write down a decision and whose turn it is after it, and ask whoever's turn it became.

    Args: `before` are the places whose turn it was, as the rules see them.
    """
    rows = {step.position: step for step in current(steps)}
    asked = {rows[step.position].id for step in before}
    turns = [rows[step.position] for step in approval.turns(after)]
    new = [row for row in turns if row.id not in asked]
    with connection.cursor() as cursor:
        cursor.execute(
            MOVE,
            {
                "complex": document.complex_id,
                "document": document.id,
                "step": decided.id if decided else None,
                "decision": decided.decision if decided else "",
                "by": decided.decided_by_id if decided else None,
                "at": decided.decided_at if decided else None,
                "opinion": decided.opinion if decided else "",
                "leaf": bytes(decided.leaf_hash) if decided and decided.leaf_hash else None,
                "stay": [row.id for row in turns if row.id in asked],
                "ids": [uuid7() for _ in new],
                "steps": [row.id for row in new],
                "approvers": [row.approver_id for row in new],
                "since": at,
            },
        )
    for row in new:
        ask_to_decide(row, document, steps, at)


def close_line(
    document: Document,
    steps: Sequence[Step],
    line: approval.Line,
    tail: Tail,
    *,
    at: datetime,
) -> None:
    """Note how the line ended, if it did; a finished document becomes a record at that moment."""
    ending = approval.ending(line)
    if ending is None:
        return
    end_line(document, ending, at)
    if ending is not Ending.FINISHED:
        return
    content = document.parsed_content()
    for attachment in content["attachments"]:
        files.require(attachment["sha256"], attachment["name"])
    file_record(_finished(document, steps, tail), at=at)
    tell(
        steps[0].approver,
        f"완결: {document.title}",
        "결재가 끝났습니다.",
        at=at,
        link=desk_link(document.id),
    )
    if content["readers"]:
        _send_circulations(document, at)


def end_line(document: Document, ending: Ending, at: datetime) -> None:
    """Note that the line of a document is at its end, and which."""
    Outcome.objects.create(
        complex_id=document.complex_id, document=document, ending=ending, ended_at=at
    )


def _send_circulations(document: Document, at: datetime) -> None:
    waiting = Circulation.objects.within(document.complex_id).filter(
        document_id=document.id, sent_at=None
    )
    for circulation in waiting.select_related("recipient__person"):
        kind = Circulation.Kind(circulation.kind)
        ask_to_read(circulation.recipient, document, kind, at)
    waiting.update(sent_at=at)


def _finished(document: Document, steps: Sequence[Step], tail: Tail) -> Finished:
    definition = load(bytes(document.form.definition))
    counting = {step.id for step in current(steps)}
    return Finished(
        complex=document.complex,
        doc=document.id,
        content=bytes(document.content),
        decisions=[_as_decided(step) for step in current(steps)],
        history=[_as_decided(step) for step in steps if step.decision and step.id not in counting],
        series=definition.series,
        tail=tail,
    )


def _as_decided(step: Step) -> dict[str, Any]:
    other = step.decided_by if step.decided_by_id != step.approver_id else None
    if step.decided_at is None or step.leaf_hash is None:
        raise ValueError(f"step {step.position} was not decided")
    return {
        "position": step.position,
        "act": step.act,
        "office": step.approver.get_office_display(),
        "name": step.approver.person.name,
        "by": {"office": other.get_office_display(), "name": other.person.name} if other else None,
        "decision": step.decision,
        "at": said_at(step.decided_at),
        "opinion": step.opinion,
        "leaf": b64encode(bytes(step.leaf_hash)),
    }
