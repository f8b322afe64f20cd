"""Writing drafts, submitting them, deciding."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from danji.accounts.models import Officeholder
from danji.approvals.models import Document, Draft, Step, Withdrawal
from danji.approvals.queries import (
    PlannedStep,
    documents_within,
    is_stuck,
    line_of,
    plan_line,
    published_form,
)
from danji.base import files
from danji.base.filetypes import recognise
from danji.base.prepared import Prepared
from danji.formbook import inputs as typed
from danji.formbook import present, values
from danji.formbook.definition import FormDefinition, load
from danji.outbox.actions import tell
from danji.records.actions import Finished, file_record
from danji.records.models import Relation
from danji.records.queries import sealed_record
from danji.rules import approval, retention
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.rules.text import clean_line
from danji.transparency.actions import Kept, Tail, append_event, tail_of
from danji_verify.canonical import b64encode, canonical
from danji_verify.entry import Event, format_time

ATTACHMENT_LIMIT = 10  # files in one document

_draft_to_lock: Prepared[Draft] = Prepared(
    lambda complex_id, draft_id, drafter_id: (
        Draft.objects.within(complex_id)
        .filter(id=draft_id, drafter_id=drafter_id)
        .select_for_update(of=("self",))
        .select_related("form")
    ),
    UUID,
    UUID,
    UUID,
)
_steps_to_lock: Prepared[Step] = Prepared(
    lambda complex_id, document_id: (
        Step.objects.within(complex_id)
        .filter(document_id=document_id)
        .select_for_update(of=("self",))
        .select_related("approver__person")
        .order_by("position")
    ),
    UUID,
    UUID,
)
_document_by_id: Prepared[Document] = Prepared(
    lambda complex_id, document_id: (
        documents_within(complex_id).filter(id=document_id).select_related("form")
    ),
    UUID,
    UUID,
)


@dataclass(frozen=True)
class Evidence:
    """How the person who decides had signed in (EDS-10). Kept as it was, and no higher.

    Source: 전자서명법 제3조제2항.
    """

    method: str  # "demo", "mail-code" or "passkey"
    signed_in_at: datetime

    def as_json(self) -> dict[str, str]:
        return {
            "level": "simple",
            "method": self.method,
            "signed_in_at": format_time(_second(self.signed_in_at)),
        }


@transaction.atomic
def start_draft(form_key: str, *, actor: Officeholder, at: datetime) -> Draft:
    """Begin a draft (기안) on the newest version of a form."""
    _check_in_office(actor, at)
    form = published_form(form_key)
    draft: Draft = Draft.objects.create(
        complex_id=actor.complex_id,
        drafter=actor,
        form=form,
        inputs=typed.starting(load(bytes(form.definition))),
        saved_at=at,
    )
    return draft


@transaction.atomic
def save_draft(
    draft_id: UUID,
    inputs: Mapping[str, list[str]],
    *,
    revision: int,
    actor: Officeholder,
    at: datetime,
) -> Draft:
    """Keep what was typed, as typed. Nothing is checked yet, so that nothing is lost.

    Raises: Refusal when the draft was saved from another window in between.
    """
    draft = _own_draft(draft_id, actor, at)
    if draft.revision != revision:
        raise Refusal(
            "다른 창에서 먼저 저장한 내용이 있습니다. 여기서 고친 내용은 저장하지 않았습니다.",
            next_step="여기서 고친 글을 따로 복사해 둔 뒤, 화면을 새로 열어 이어서 써 주세요.",
        )
    _update_draft(draft, inputs=typed.keep(load(bytes(draft.form.definition)), inputs), saved_at=at)
    return draft


@transaction.atomic
def attach_file(
    draft_id: UUID, name: str, data: bytes, *, actor: Officeholder, at: datetime
) -> Draft:
    """Attach a file (붙임) to a draft. What it is follows from its bytes, never from its name.

    Raises: Refusal for a kind that is not taken, or too many.
    """
    draft = _own_draft(draft_id, actor, at)
    if len(draft.attachments) >= ATTACHMENT_LIMIT:
        raise Refusal(
            f"붙임은 {ATTACHMENT_LIMIT}개까지 넣을 수 있습니다.",
            next_step="필요 없는 붙임을 빼고 다시 넣어 주세요.",
        )
    name = clean_line(name, "붙임 파일 이름")
    media_type = recognise(name, data)
    digest = files.put(data)
    if any(attachment["sha256"] == digest for attachment in draft.attachments):
        raise Refusal("같은 파일이 이미 붙어 있습니다.", next_step="다른 파일을 골라 주세요.")
    attachment = {"name": name, "media_type": media_type, "size": len(data), "sha256": digest}
    _update_draft(draft, attachments=[*draft.attachments, attachment], saved_at=at)
    return draft


@transaction.atomic
def detach_file(draft_id: UUID, digest: str, *, actor: Officeholder, at: datetime) -> Draft:
    """Take an attachment out of a draft."""
    draft = _own_draft(draft_id, actor, at)
    left = [attachment for attachment in draft.attachments if attachment["sha256"] != digest]
    _update_draft(draft, attachments=left, saved_at=at)
    return draft


@transaction.atomic
def cite_record(
    draft_id: UUID, doc: UUID, relation: Relation, *, actor: Officeholder, at: datetime
) -> Draft:
    """Let the draft cite a record on file (관련 문서), or replace it.

    Raises: Refusal when that record is not sealed yet.
    """
    draft = _own_draft(draft_id, actor, at)
    record = sealed_record(actor.complex_id, doc)
    others = [cite for cite in draft.cites if cite["doc"] != record.doc.hex]
    cite = {"doc": record.doc.hex, "number": record.number, "relation": relation.value}
    _update_draft(draft, cites=[*others, cite], saved_at=at)
    return draft


@transaction.atomic
def uncite_record(draft_id: UUID, doc: UUID, *, actor: Officeholder, at: datetime) -> Draft:
    """Take a citation out of a draft."""
    draft = _own_draft(draft_id, actor, at)
    left = [cite for cite in draft.cites if cite["doc"] != doc.hex]
    _update_draft(draft, cites=left, saved_at=at)
    return draft


@transaction.atomic
def discard_draft(draft_id: UUID, *, actor: Officeholder, at: datetime) -> None:
    """Throw a draft away. Nobody but its drafter ever saw it."""
    _own_draft(draft_id, actor, at).delete()


@transaction.atomic
def submit_draft(draft_id: UUID, *, actor: Officeholder, at: datetime) -> Document:
    """Submit (상신): the content is frozen, its digest fixed, and the first in the line is told.

    Raises: Refusal when something is missing, nobody is in the deciding office, or a cited record
    is not sealed.
    """
    draft = _own_draft(draft_id, actor, at)
    definition = load(bytes(draft.form.definition))
    parsed = values.parse(definition, draft.inputs)
    if parsed.errors:
        raise Refusal(
            f"빠지거나 맞지 않는 곳이 {len(parsed.errors)}군데 있습니다.",
            next_step="표시한 곳을 고친 뒤 다시 상신해 주세요.",
        )
    plan = plan_line(definition, drafter=actor, on=day_in_seoul(at))
    for attachment in draft.attachments:
        files.require(attachment["sha256"], attachment["name"])
    content = canonical(_content(draft, definition, parsed.values, plan, at))
    digest = sha256(content).hexdigest()
    document: Document = Document.objects.create(
        complex=actor.complex,
        id=draft.id,
        drafter=actor,
        form=draft.form,
        title=parsed.values["title"],
        amount=parsed.values.get(definition.amount) if definition.amount else None,
        content=content,
        digest=digest,
        submitted_at=at,
    )
    leaf_hash = append_event(
        actor.complex,
        document.id,
        Event.SUBMITTED,
        {
            "body": Kept(digest),
            "form": Kept(draft.form.sha256),
            "actor": canonical(_actor(actor)),
        },
        at=at,
    )
    Step.objects.bulk_create(
        Step(
            complex=actor.complex,
            document=document,
            position=step.position,
            act=step.act,
            approver=step.officeholder,
            decision=approval.Decision.APPROVE if step.position == 1 else "",
            decided_at=at if step.position == 1 else None,
            leaf_hash=leaf_hash if step.position == 1 else None,
        )
        for step in plan
    )
    draft.delete()
    _ask(plan[1].officeholder, document, actor, at)
    return document


@transaction.atomic
def decide_step(
    document_id: UUID,
    *,
    actor: Officeholder,
    decision: approval.Decision,
    opinion: str,
    evidence: Evidence,
    at: datetime,
) -> Document:
    """Record one approver's decision; the last approval files the document as a record.

    Raises: Refusal when the line is closed, it is someone else's turn, the person is out of
    office, or a return gives no reason.
    """
    _check_in_office(actor, at)
    opinion = clean_line(opinion, "의견", limit=approval.OPINION_LIMIT)
    approval.check_opinion(decision, opinion)
    # Locked before the line is read: two approvers may press the button at the same moment.
    steps = _locked_steps(document_id, actor)
    document = _document(document_id, actor)
    line = line_of(steps, document)
    step = approval.step_for(actor.id, line)
    _check_amount(document)
    if evidence.signed_in_at > at:
        raise Refusal(
            "서버의 시계가 로그인하신 때보다 뒤로 가 있습니다. 결재하지 않았습니다.",
            next_step="로그아웃한 뒤 다시 로그인해 주세요. 계속되면 운영자에게 알려 주세요.",
        )

    tail = tail_of(actor.complex_id, document_id)
    leaf_hash = _log_decision(
        document,
        step,
        actor,
        decision=decision,
        opinion=opinion,
        evidence=evidence,
        at=at,
        tail=tail,
    )
    row = steps[step.position - 1]
    row.decision, row.decided_at, row.opinion, row.leaf_hash = decision, at, opinion, leaf_hash
    Step.objects.within(actor.complex_id).filter(id=row.id, decision="").update(
        decision=decision, decided_at=at, opinion=opinion, leaf_hash=leaf_hash
    )
    _pass_on(document, steps, Tail(tail.seq + 1, leaf_hash, at), at=at)
    return document


def _check_amount(document: Document) -> None:
    """What is signed is what was submitted: the amount beside the content is the one inside.

    Raises: Refusal.
    """
    amount = load(bytes(document.form.definition)).amount
    content = document.parsed_content()
    if document.amount != (content["values"][amount] if amount else None):
        raise Refusal(
            "이 문서의 금액이 상신한 뒤에 바뀌어 있어 결재할 수 없습니다.",
            next_step="결재하지 말고 운영자에게 알려 주세요.",
        )


def _pass_on(document: Document, steps: list[Step], tail: Tail, *, at: datetime) -> None:
    """Tell who comes next, or file the record; the drafter hears how it ended."""
    line = line_of(steps, document)
    if approval.is_returned(line):
        tell(
            steps[0].approver,
            f"반려: {document.title}",
            f"{_returned_by(steps)}\n{_address(document)}",
            at=at,
        )
    elif waiting := approval.turn(line):
        _ask(steps[waiting.position - 1].approver, document, steps[0].approver, at)
    else:
        for attachment in document.parsed_content()["attachments"]:
            files.require(attachment["sha256"], attachment["name"])
        file_record(_finished(document, steps, tail), at=at)
        tell(
            steps[0].approver,
            f"완결: {document.title}",
            f"결재가 끝났습니다.\n{_address(document)}",
            at=at,
        )


def _returned_by(steps: list[Step]) -> str:
    step = next(step for step in steps if step.decision == approval.Decision.RETURN)
    return f"{step.approver} 님이 반려했습니다.\n사유: {step.opinion}"


@transaction.atomic
def withdraw_document(document_id: UUID, *, actor: Officeholder, at: datetime) -> Draft:
    """Take a document back (회수) before anybody has decided, or when nobody can any more.

    Returns: a new draft with what was typed, so that it can be mended and submitted again.
    Raises: Refusal when a decision was made, or the document is someone else's.
    """
    _check_in_office(actor, at)
    steps = _locked_steps(document_id, actor)
    document = _document(document_id, actor)
    line = line_of(steps, document)
    stuck = is_stuck(steps, line, on=day_in_seoul(at))
    approval.check_withdrawal(actor.id, line, is_stuck=stuck)
    Withdrawal.objects.create(complex=actor.complex, document=document, withdrawn_at=at)
    append_event(
        actor.complex,
        document.id,
        Event.WITHDRAWN,
        {"body": Kept(document.digest), "actor": canonical(_actor(actor))},
        at=at,
    )
    return _draft_again(document, actor, at)


@transaction.atomic
def redraft_document(document_id: UUID, *, actor: Officeholder, at: datetime) -> Draft:
    """Begin a new draft with the content of an earlier document of the same drafter.

    Raises: Document.DoesNotExist for somebody else's.
    """
    _check_in_office(actor, at)
    document = _document(document_id, actor)
    if document.drafter_id != actor.id:
        raise Document.DoesNotExist(document_id)
    return _draft_again(document, actor, at)


def _draft_again(document: Document, actor: Officeholder, at: datetime) -> Draft:
    content = document.parsed_content()
    definition = load(bytes(document.form.definition))
    draft: Draft = Draft.objects.create(
        complex=actor.complex,
        drafter=actor,
        form=document.form,
        inputs=values.to_inputs(definition, content["values"]),
        attachments=content["attachments"],
        cites=[
            {key: cite[key] for key in ("doc", "number", "relation")} for cite in content["cites"]
        ],
        saved_at=at,
    )
    return draft


def _log_decision(
    document: Document,
    step: approval.Step,
    actor: Officeholder,
    *,
    decision: approval.Decision,
    opinion: str,
    evidence: Evidence,
    at: datetime,
    tail: Tail,
) -> bytes:
    statement = {
        "v": 1,
        "complex": actor.complex.code,
        "doc": document.id.hex,
        "seq": tail.seq,
        "prev": b64encode(tail.prev or b""),
        "step": step.position,
        "act": step.act.value,
        "decision": decision.value,
        "body": document.digest,
        "form": document.form.sha256,
        "title": document.title,
        "amount": document.amount,
        "office": actor.get_office_display(),
        "name": actor.person.name,
        "at": format_time(_second(at)),
        "opinion": opinion,
    }
    approved = decision is approval.Decision.APPROVE
    return append_event(
        actor.complex,
        document.id,
        Event.DECIDED if approved else Event.RETURNED,
        {
            "stmt": canonical(statement),
            "body": Kept(document.digest),
            "form": Kept(document.form.sha256),
            "actor": canonical(_actor(actor)),
            "auth": canonical(evidence.as_json()),
        },
        at=at,
        tail=tail,
    )


def _finished(document: Document, steps: list[Step], tail: Tail) -> Finished:
    definition = load(bytes(document.form.definition))
    return Finished(
        complex=document.complex,
        doc=document.id,
        content=bytes(document.content),
        decisions=[
            {
                "position": step.position,
                "act": step.act,
                "office": step.approver.get_office_display(),
                "name": step.approver.person.name,
                "decision": step.decision,
                "at": format_time(_second(step.decided_at)),
                "opinion": step.opinion,
                "leaf": b64encode(bytes(step.leaf_hash)),
            }
            for step in steps
            if step.decided_at and step.leaf_hash
        ],
        series=definition.series,
        tail=tail,
    )


def _content(
    draft: Draft,
    definition: FormDefinition,
    filled: Mapping[str, Any],
    plan: list[PlannedStep],
    at: datetime,
) -> dict[str, Any]:
    complex_ = draft.complex
    return {
        "v": 1,
        "complex": {"code": complex_.code, "name": complex_.name},
        "doc": draft.id.hex,
        "form": {
            "key": definition.key,
            "version": definition.version,
            "title": definition.title,
            "kind": definition.kind.value,
            "sha256": draft.form.sha256,
        },
        "title": filled["title"],
        "values": dict(filled),
        "blocks": [asdict(block) for block in present.present(definition, filled)],
        "attachments": draft.attachments,
        "cites": [
            cite | {"sha256": sealed_record(complex_.id, UUID(cite["doc"])).digest}
            for cite in draft.cites
        ],
        "line": [
            {
                "position": step.position,
                "act": step.act.value,
                "office": step.officeholder.get_office_display(),
                "name": step.officeholder.person.name,
            }
            for step in plan
        ],
        "folder": definition.folder,
        "retention": {
            "class": definition.retention,
            "basis": retention.class_of(definition.retention, day_in_seoul(at)).basis,
        },
        "disclosure": {
            "scope": definition.disclosure.scope.value,
            "basis": definition.disclosure.basis,
        },
        "submitted_at": format_time(_second(at)),
    }


def _own_draft(draft_id: UUID, actor: Officeholder, at: datetime) -> Draft:
    _check_in_office(actor, at)
    for draft in _draft_to_lock(actor.complex_id, draft_id, actor.id):
        draft.complex = actor.complex
        return draft
    if Document.objects.within(actor.complex_id).filter(id=draft_id).exists():
        raise Refusal(
            "이미 상신한 문서입니다.",
            next_step="진행 중인 문서에서 결재가 어디까지 왔는지 볼 수 있습니다.",
        )
    raise Draft.DoesNotExist(draft_id)


def _update_draft(draft: Draft, **changes: Any) -> None:
    draft.revision += 1
    for name, value in changes.items():
        setattr(draft, name, value)
    Draft.objects.within(draft.complex_id).filter(id=draft.id).update(
        revision=draft.revision, **changes
    )


def _locked_steps(document_id: UUID, actor: Officeholder) -> list[Step]:
    steps = _steps_to_lock(actor.complex_id, document_id)
    if not steps:
        raise Document.DoesNotExist(document_id)
    return steps


def _document(document_id: UUID, actor: Officeholder) -> Document:
    for document in _document_by_id(actor.complex_id, document_id):
        document.complex = actor.complex
        return document
    raise Document.DoesNotExist(document_id)


def _check_in_office(actor: Officeholder, at: datetime) -> None:
    if not actor.covers(day_in_seoul(at)):
        raise Refusal(
            f"{actor.get_office_display()} 임기가 아니어서 처리할 수 없습니다.",
            next_step="임기가 맞는지 관리사무소에 확인해 주세요.",
        )


def _actor(actor: Officeholder) -> dict[str, str | None]:
    return {
        "officeholder": actor.id.hex,
        "office": actor.get_office_display(),
        "name": actor.person.name,
        "from": actor.since.isoformat(),
        "until": actor.until.isoformat() if actor.until else None,
    }


def _ask(approver: Officeholder, document: Document, drafter: Officeholder, at: datetime) -> None:
    tell(
        approver,
        f"결재 요청: {document.title}",
        f"{drafter} 님이 올린 문서가 결재를 기다립니다.\n{_address(document)}",
        at=at,
    )


def _address(document: Document) -> str:
    return f"{settings.SITE_URL}/desk/documents/{document.id}/"


def _second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)
