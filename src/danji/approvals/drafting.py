"""Writing a draft and submitting it; taking a document back, and beginning again from it."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import transaction

from danji.accounts.models import Officeholder
from danji.accounts.queries import actor_value
from danji.approvals.citing import adjusting_form, check_same_form
from danji.approvals.content import content_of
from danji.approvals.guard import check_in_office, lock_cited, lock_document
from danji.approvals.lines import Changes, Plan, given_back, plan_line, text_of
from danji.approvals.messages import ask_to_read
from danji.approvals.models import Circulation, Document, Draft, Enclosure, Step, Turn
from danji.approvals.queries import (
    current,
    document_for,
    draft_mending,
    drafts_of,
    is_own,
    is_stuck,
    line_of,
    published_form,
    was_decided,
)
from danji.approvals.turns import end_line, pass_turn
from danji.attachments.actions import note_attached
from danji.attachments.intake import examine
from danji.base import files
from danji.base.prepared import Prepared
from danji.formbook import inputs as typed
from danji.formbook import values
from danji.formbook.definition import FormDefinition, load
from danji.records.models import Relation
from danji.records.queries import sealed_record
from danji.routing.queries import net_of
from danji.rules import approval
from danji.rules.approval import Decision, Ending
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.rules.text import clean_line
from danji.transparency.actions import Kept, append_event
from danji_verify.canonical import canonical
from danji_verify.entry import Event

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


@transaction.atomic
def start_draft(form_key: str, *, actor: Officeholder, at: datetime) -> Draft:
    """Begin a draft (기안) on the newest version of a form."""
    check_in_office(actor, at)
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
def open_draft(form_key: str, *, actor: Officeholder, at: datetime) -> Draft:
    """Go on with a draft of this form that nothing was written into yet, or begin one."""
    check_in_office(actor, at)
    form = published_form(form_key)
    blank: Draft | None = (
        drafts_of(actor)
        .filter(
            form_id=form.id,
            inputs=typed.starting(load(bytes(form.definition))),
            attachments=[],
            cites=[],
            line={},
            follows=None,
        )
        .first()
    )
    return blank or start_draft(form_key, actor=actor, at=at)


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
            next_step="여기서 고친 글을 복사해 둔 뒤, 다른 창에서 저장한 글에 이어서 써 주세요.",
        )
    _update_draft(draft, inputs=typed.keep(load(bytes(draft.form.definition)), inputs), saved_at=at)
    return draft


def attach_file(
    draft_id: UUID, name: str, data: bytes, *, actor: Officeholder, at: datetime
) -> Draft:
    """Attach a file (붙임) to a draft. What it is follows from its bytes, never from its name.

    Raises: Refusal for a kind that is not taken, or too many.
    """
    name = clean_line(name, "붙임 파일 이름")
    # Looking takes seconds: before anything is locked.
    media_type = examine(name, data).media_type
    return attach_examined(draft_id, name, data, media_type, actor=actor, at=at)


@transaction.atomic
def attach_examined(
    draft_id: UUID, name: str, data: bytes, media_type: str, *, actor: Officeholder, at: datetime
) -> Draft:
    """Attach a file that was examined when it came, under the name it was examined with.

    Raises: Refusal when there are too many, or the same is attached already.
    """
    draft = _own_draft(draft_id, actor, at)
    if len(draft.attachments) >= ATTACHMENT_LIMIT:
        raise Refusal(
            f"붙임은 {ATTACHMENT_LIMIT}개까지 넣을 수 있습니다.",
            next_step="필요 없는 붙임을 빼고 다시 넣어 주세요.",
        )
    digest = files.put(data)
    if any(attachment["sha256"] == digest for attachment in draft.attachments):
        raise Refusal("같은 파일이 이미 붙어 있습니다.", next_step="다른 파일을 골라 주세요.")
    note_attached(actor.complex_id, digest, media_type, at=at)
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
    """Let the draft cite a record on file (관련 문서), or take its place (정정).

    Raises: Refusal when that record is not sealed yet, or is of another form and to be replaced.
    """
    draft = _own_draft(draft_id, actor, at)
    record = sealed_record(actor.complex_id, doc)
    if relation is Relation.SUPERSEDES:
        check_same_form(record.number, record.form, draft.form.key)
    others = [cite for cite in draft.cites if cite["doc"] != record.doc.hex]
    _update_draft(draft, cites=[*others, _cite(record.doc, record.number, relation)], saved_at=at)
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
def save_line(
    draft_id: UUID, line: Mapping[str, Any], *, actor: Officeholder, at: datetime
) -> Draft:
    """Keep what the drafter changed of the proposed line: added, left out, shown to.

    Raises: Refusal when it cannot be read.
    """
    draft = _own_draft(draft_id, actor, at)
    _update_draft(draft, line=Changes.parse(line).as_json(), saved_at=at)
    return draft


# --- Submitting, and taking back ----------------------------------------------------------------


@transaction.atomic
def submit_draft(draft_id: UUID, *, actor: Officeholder, at: datetime) -> Document:
    """Submit (상신): the content is frozen, its digest fixed, and the first in the line is told.

    Raises: Refusal when something is missing, nobody is in the deciding office, a resolution of
    the council has to be cited, or a cited record is not sealed.
    """
    draft = _own_draft(draft_id, actor, at)
    definition = load(bytes(draft.form.definition))
    filled = _filled(definition, draft)
    if definition.adjusts:
        lock_cited(actor.complex_id, draft.cites)
    plan = plan_line(
        definition,
        filled,
        drafter=actor,
        changes=Changes.parse(draft.line),
        attachments=draft.attachments,
        cites=draft.cites,
        on=day_in_seoul(at),
    )
    _check_grounds(definition, plan, draft)
    for attachment in draft.attachments:
        files.require(attachment["sha256"], attachment["name"])
    document = _frozen(draft, definition, filled, plan, at)
    leaf_hash = append_event(
        actor.complex,
        document.id,
        Event.SUBMITTED,
        {
            "body": Kept(document.digest),
            "form": Kept(draft.form.sha256),
            "actor": actor_value(actor),
        },
        at=at,
    )
    steps = _line_begun(document, plan, leaf_hash, at)
    _note_readers(document, plan, at)
    Enclosure.objects.bulk_create(
        Enclosure(complex=actor.complex, document=document, sha256=file["sha256"])
        for file in draft.attachments
    )
    draft.delete()
    document.withdrawn_at = None
    pass_turn(document, steps, (), line_of(steps, document), at=at)
    for kind, reader in plan.readers:
        if kind == Circulation.Kind.REFERENCE:
            ask_to_read(reader, document, kind, at)
    return document


@transaction.atomic
def withdraw_document(document_id: UUID, *, actor: Officeholder, at: datetime) -> Draft:
    """Take a document back (회수) before anybody has decided, or when nobody can any more.

    When the drafter has left office too, the manager may do it.
    Returns: a new draft with what was typed, so that it can be mended and submitted again.
    Raises: Refusal when a decision was made, or the document is someone else's.
    """
    check_in_office(actor, at)
    document, steps = lock_document(document_id, actor)
    line = line_of(steps, document)
    on = day_in_seoul(at)
    approval.check_withdrawal(
        line,
        is_own=is_own(document, steps, actor, on=on),
        was_decided=was_decided(steps),
        is_stuck=is_stuck(current(steps), line, on=on),
    )
    end_line(document, Ending.WITHDRAWN, at)
    Turn.objects.within(actor.complex_id).filter(document_id=document.id).delete()
    append_event(
        actor.complex,
        document.id,
        Event.WITHDRAWN,
        {"body": Kept(document.digest), "actor": actor_value(actor)},
        at=at,
    )
    return _draft_again(document, actor, at, follows=document.id)


# --- Beginning again ----------------------------------------------------------------------------


@transaction.atomic
def redraft_document(document_id: UUID, *, actor: Officeholder, at: datetime) -> Draft:
    """Begin a new draft that mends a returned or withdrawn document of the same drafter, or go on
    with the one begun already.

    Raises: Document.DoesNotExist for somebody else's; Refusal while its line is open, and for one
    that was approved, which only `correct_document` follows.
    """
    check_in_office(actor, at)
    document, steps = lock_document(document_id, actor)
    if document.drafter.person_id != actor.person_id:
        raise Document.DoesNotExist(document_id)
    ending = approval.ending(line_of(steps, document))
    if ending is None:
        raise Refusal(
            "아직 결재가 끝나지 않은 문서입니다.",
            next_step="결재가 끝난 뒤 다시 쓰거나, 지금 회수해 주세요.",
        )
    if ending is Ending.FINISHED:
        raise Refusal(
            "결재가 끝난 문서는 고쳐서 다시 올릴 수 없습니다.",
            next_step="바로잡을 것이 있으면 ‘정정 문서 쓰기’를 눌러 주세요.",
        )
    begun = draft_mending(actor, document.id)
    return begun or _draft_again(document, actor, at, follows=document.id)


@transaction.atomic
def correct_document(document_id: UUID, *, actor: Officeholder, at: datetime) -> Draft:
    """Begin a new document that takes the place of an approved one (정정). That one never changes.
    What it referred to, such as a resolution, the new one refers to as well.

    Raises: Refusal unless the earlier one is on record and sealed.
    Source: 행정업무의 운영 및 혁신에 관한 규정 제17조(결재받은 문서의 수정, 관행으로 따름).
    """
    document = document_for(actor, document_id, on=day_in_seoul(at))
    record = sealed_record(actor.complex_id, document.id)
    draft = copy_document(document_id, actor=actor, at=at)
    _update_draft(
        draft,
        cites=[
            *(cite for cite in _cites_of(document) if cite["relation"] == Relation.REFERS),
            _cite(record.doc, record.number, Relation.SUPERSEDES),
        ],
        follows=document.id,
    )
    return draft


@transaction.atomic
def adjust_document(document_id: UUID, *, actor: Officeholder, at: datetime) -> Draft:
    """Begin a document that takes back or changes an approved amount (취소·증감), and cites it.

    Raises: Refusal unless the earlier one is on record and sealed, and of a form whose amounts are
    changed so; Document.DoesNotExist for one the actor may not see.
    Source: 공동주택 회계처리기준 제26조제4항(지출결의의 취소와 증감).
    """
    document = document_for(actor, document_id, on=day_in_seoul(at))
    record = sealed_record(actor.complex_id, document.id)
    form = adjusting_form(document.form.key)
    if form is None:
        raise Refusal(
            "금액을 취소하거나 고칠 수 있는 서식이 아닙니다.",
            next_step="바로잡을 것이 있으면 ‘정정 문서 쓰기’를 눌러 주세요.",
        )
    draft = start_draft(form.key, actor=actor, at=at)
    _update_draft(
        draft,
        inputs=draft.inputs
        | {
            "title": [f"{document.title} 취소·증감"],
            "payee": [document.payee],
            "account": [document.account],
        },
        cites=[_cite(record.doc, record.number, Relation.REFERS)],
        line=given_back(document.line, actor),
        follows=document.id,
    )
    return draft


@transaction.atomic
def copy_document(document_id: UUID, *, actor: Officeholder, at: datetime) -> Draft:
    """Begin a new draft with what was written in an earlier document, and its line; its files and
    citations stay behind.

    Raises: Document.DoesNotExist for one the actor may not see.
    """
    check_in_office(actor, at)
    document = document_for(actor, document_id, on=day_in_seoul(at))
    return _draft_again(document, actor, at, copied=True)


# --- What these are made of ---------------------------------------------------------------------


def _filled(definition: FormDefinition, draft: Draft) -> Mapping[str, Any]:
    """The values of a draft. Raises: Refusal when some are missing or wrong."""
    parsed = values.parse(definition, draft.inputs)
    if parsed.errors:
        raise Refusal(
            f"빠지거나 맞지 않는 곳이 {len(parsed.errors)}군데 있습니다.",
            next_step="표시한 곳을 고친 뒤 다시 상신해 주세요.",
        )
    return parsed.values


def _check_grounds(definition: FormDefinition, plan: Plan, draft: Draft) -> None:
    """Raises: Refusal where somebody else's word is needed and not shown."""
    if plan.resolution and not plan.resolved:
        raise Refusal(
            f"입주자대표회의의 의결이 있어야 하는 일입니다({plan.resolution}).",
            next_step="가결된 ‘의결 사항 등록’ 문서를 ‘관련 문서’에 넣은 뒤 다시 상신해 주세요.",
        )
    if plan.consent and not (plan.resolved or draft.attachments):
        raise Refusal(
            f"달이 지난 뒤의 취소·증감에는 승인이 있어야 합니다({plan.consent}).",
            next_step="위탁관리이면 주택관리업자가 승인한 문서를 붙이고, 자치관리이면 가결된 ‘의결 "
            "사항 등록’ 문서를 ‘관련 문서’에 넣은 뒤 다시 상신해 주세요.",
        )
    if definition.result and not draft.attachments:
        raise Refusal(
            "회의록이 붙어 있지 않습니다.",
            next_step="참석하신 분들이 서명한 회의록을 ‘붙임’에 넣은 뒤 다시 상신해 주세요.",
        )


def _frozen(
    draft: Draft,
    definition: FormDefinition,
    filled: Mapping[str, Any],
    plan: Plan,
    at: datetime,
) -> Document:
    """The document that a draft becomes, with its canonical content."""
    content = canonical(content_of(draft, definition, filled, plan, at))
    document: Document = Document.objects.create(
        complex=draft.complex,
        id=draft.id,
        drafter=draft.drafter,
        form=draft.form,
        title=filled["title"],
        amount=filled.get(definition.amount) if definition.amount else None,
        net=net_of(definition, filled),
        payee=text_of(definition.payee, filled),
        account=text_of(definition.account, filled),
        content=content,
        digest=sha256(content).hexdigest(),
        line=draft.line,
        follows=draft.follows,
        submitted_at=at,
    )
    return document


def _line_begun(document: Document, plan: Plan, leaf_hash: bytes, at: datetime) -> list[Step]:
    """The places of the line. The drafter's own, the first, is decided by submitting."""
    decided = {
        "decision": Decision.APPROVE,
        "decided_by": document.drafter,
        "decided_at": at,
        "leaf_hash": leaf_hash,
    }
    return Step.objects.bulk_create(
        Step(
            complex=document.complex,
            document=document,
            position=step.position,
            stage=step.stage,
            act=step.act,
            approver=step.officeholder,
            basis=step.basis,
            **(decided if step.position == 1 else {}),
        )
        for step in plan.steps
        if not step.skipped
    )


def _note_readers(document: Document, plan: Plan, at: datetime) -> None:
    """Who else is shown the document: at once (참조), or when its line is at its end."""
    Circulation.objects.bulk_create(
        Circulation(
            complex=document.complex,
            document=document,
            recipient=reader,
            kind=kind,
            sent_at=at if kind == Circulation.Kind.REFERENCE else None,
        )
        for kind, reader in plan.readers
    )


def _draft_again(
    document: Document,
    actor: Officeholder,
    at: datetime,
    *,
    follows: UUID | None = None,
    copied: bool = False,
) -> Draft:
    content = document.parsed_content()
    form = published_form(document.form.key)
    draft: Draft = Draft.objects.create(
        complex=actor.complex,
        drafter=actor,
        form=form,
        inputs=values.to_inputs(load(bytes(form.definition)), content["values"]),
        attachments=[] if copied else content["attachments"],
        cites=[] if copied else _cites_of(document),
        line=given_back(document.line, actor),
        follows=follows,
        saved_at=at,
    )
    return draft


def _cite(doc: UUID, number: str, relation: Relation) -> dict[str, str]:
    return {"doc": doc.hex, "number": number, "relation": relation.value}


def _cites_of(document: Document) -> list[dict[str, str]]:
    """What a document cites, as a draft keeps it."""
    cites = document.parsed_content()["cites"]
    return [{key: cite[key] for key in ("doc", "number", "relation")} for cite in cites]


def _own_draft(draft_id: UUID, actor: Officeholder, at: datetime) -> Draft:
    check_in_office(actor, at)
    for draft in _draft_to_lock(actor.complex_id, draft_id, actor.id):
        draft.complex, draft.drafter = actor.complex, actor
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
