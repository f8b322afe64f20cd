"""What is signed by a decision, and whether the rows it is made from say what the log says."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from danji.accounts.models import Officeholder
from danji.approvals.lines import text_of
from danji.approvals.models import Document, Step
from danji.authority.models import Absence
from danji.formbook.definition import load
from danji.rules import approval
from danji.rules.approval import Choice
from danji.rules.refusal import Refusal
from danji.transparency.actions import Chained, Tail
from danji_verify.canonical import b64decode, b64encode, canonical
from danji_verify.entry import Event, format_time


@dataclass(frozen=True)
class Statement:
    """What is signed (승인문): exactly these canonical bytes, and what of them is shown.

    `data` is laid out in `docs/spec/record.md`; `digest` is the SHA-256 of the document's content.
    """

    data: bytes
    document_id: UUID
    title: str
    amount: int | None  # won
    payee: str
    digest: str
    act: approval.Act
    choice: Choice
    at: datetime


@dataclass(frozen=True)
class Case:
    """A decision about to be made: the document, its steps of every round, and the step it is."""

    document: Document
    steps: Sequence[Step]
    line: approval.Line
    step: approval.Step
    row: Step
    absence: Absence | None  # the actor stands in for its absent officer (대결)
    tail: Tail


def stated(case: Case, actor: Officeholder, choice: Choice, at: datetime) -> Statement:
    """What `actor` would sign by deciding so, and what of it is shown."""
    return Statement(
        data=decision_statement(case, actor, choice, at),
        document_id=case.document.id,
        title=case.document.title,
        amount=case.document.amount,
        payee=case.document.payee,
        digest=case.document.digest,
        act=case.step.act,
        choice=choice,
        at=at,
    )


def decision_statement(case: Case, actor: Officeholder, choice: Choice, at: datetime) -> bytes:
    """What `actor` signs by deciding so: canonical bytes, laid out in `docs/spec/record.md`."""
    document, row, tail = case.document, case.row, case.tail
    is_skip = choice.decision is approval.Decision.SKIP
    return canonical(
        {
            "v": 3 if is_skip else 2,
            "complex": actor.complex.code,
            "doc": document.id.hex,
            "seq": tail.seq,
            "prev": b64encode(tail.prev or b""),
            "step": row.position,
            "round": row.round,
            "act": row.act,
            "decision": choice.decision.value,
            "to": choice.to,
            "body": document.digest,
            "form": document.form.sha256,
            "title": document.title,
            "amount": document.amount,
            "payee": document.payee,
            "office": row.approver.get_office_display(),
            "name": row.approver.person.name,
            "acting": _acting(case.absence, actor) if is_skip or case.absence else None,
            "at": said_at(at),
            "opinion": choice.opinion,
        }
    )


def _acting(absence: Absence | None, actor: Officeholder) -> dict[str, str]:
    """Who decides in another's place, and by which absence; or who leaves the place out."""
    who = {"office": actor.get_office_display(), "name": actor.person.name}
    if absence is None:
        return who
    delegation = b64encode(bytes(absence.leaf_hash))
    return who | {"absence": absence.id.hex, "delegation": delegation}


def said_at(at: datetime) -> str:
    """A moment as statements and records write it: UTC, whole seconds."""
    return format_time(at.astimezone(UTC).replace(microsecond=0))


def check_columns(document: Document) -> None:
    """What is signed is what was submitted: what stands beside the content is what is inside.

    Raises: Refusal.
    """
    definition = load(bytes(document.form.definition))
    content = document.parsed_content()
    filled = content["values"]
    amount = filled[definition.amount] if definition.amount else None
    if (
        content["form"]["sha256"] != document.form.sha256
        or document.amount != amount
        or document.payee != text_of(definition.payee, filled)
    ):
        raise Refusal(
            "이 문서의 금액이나 받는 곳이 상신한 뒤에 바뀌어 있어 결재할 수 없습니다.",
            next_step="결재하지 말고 운영자에게 알려 주세요.",
        )


def check_logged(document: Document, steps: Sequence[Step], chain: Sequence[Chained]) -> None:
    """What was submitted and decided is what the log says: rows are not believed without it.

    Raises: Refusal.
    """
    if not all(event.fields for event in chain):
        raise Refusal(
            "이 문서의 결재 가운데 내용이 사라진 것이 있습니다. 이어서 결재하면 아무도 확인할 수 "
            "없는 문서가 됩니다.",
            next_step="옛 데이터베이스를 되살린 뒤라면 기안하신 분이 회수하고 새로 올리게 해 "
            "주세요. 그런 적이 없으면 감사와 운영자에게 알려 주세요.",
        )
    logged = {event.leaf_hash: event for event in chain}
    for step in steps:
        if not step.decision:
            continue
        event = logged.get(bytes(step.leaf_hash or b""))
        if event is None or not _is_as_logged(document, step, event):
            raise Refusal(
                "이 문서의 내용이나 결재가 봉인 장부에 적힌 것과 달라 결재할 수 없습니다. "
                "누가 자료를 고쳤을 수 있습니다.",
                next_step="결재하지 말고 감사와 운영자에게 알려 주세요.",
            )


def _is_as_logged(document: Document, step: Step, event: Chained) -> bool:
    if event.fields.get("body", {}).get("sha256") != document.digest:
        return False
    if step.act == approval.Act.DRAFT:
        return event.name == Event.SUBMITTED
    statement = json.loads(b64decode(event.fields["stmt"]["value"]))
    said = [statement.get(key) for key in ("step", "act", "decision", "opinion", "at")]
    return step.decided_at is not None and said == [
        step.position,
        step.act,
        step.decision,
        step.opinion,
        said_at(step.decided_at),
    ]
