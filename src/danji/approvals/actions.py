"""Writing drafts, submitting them, deciding."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Subquery

from danji.accounts.models import Officeholder
from danji.accounts.queries import actor_value
from danji.approvals.lines import Changes, Plan, plan_line, text_of
from danji.approvals.links import decision_link
from danji.approvals.models import (
    Circulation,
    Document,
    Draft,
    Enclosure,
    Hold,
    Outcome,
    Step,
    Turn,
)
from danji.approvals.queries import (
    current,
    document_for,
    hold_on,
    is_own,
    is_stuck,
    line_of,
    published_form,
    was_decided,
)
from danji.attachments.actions import note_attached
from danji.attachments.intake import examine
from danji.authority.models import Absence
from danji.authority.queries import absence_of, is_away
from danji.base import files
from danji.base.ids import uuid7
from danji.base.prepared import Prepared
from danji.formbook import inputs as typed
from danji.formbook import present, values
from danji.formbook.definition import FormDefinition, load
from danji.outbox.actions import tell
from danji.records.actions import Finished, file_record
from danji.records.models import Relation
from danji.records.queries import sealed_record
from danji.routing.queries import net_of
from danji.rules import approval, retention
from danji.rules.approval import Choice, Decision, Ending
from danji.rules.money import figures_line
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.rules.text import clean_line
from danji.signing.evidence import SIGNED_WITHIN, Signer
from danji.transparency.actions import Chained, Kept, Tail, append_event, chain_of
from danji_verify.canonical import b64decode, b64encode, canonical
from danji_verify.entry import Event, format_time

ATTACHMENT_LIMIT = 10  # files in one document
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
# The drafter's step is never rewritten, and stands for the document: whoever decides locks it.
_first_step_to_lock: Prepared[Step] = Prepared(
    lambda complex_id, document_id: (
        Step.objects.within(complex_id)
        .filter(document_id=document_id, position=1)
        .select_for_update(of=("self",))
        .select_related("document__form", "document__drafter__person")
    ),
    UUID,
    UUID,
)
# Asked after the lock: a question that waited for it would not see what was added meanwhile.
_steps: Prepared[Step] = Prepared(
    lambda complex_id, document_id: (
        Step.objects.within(complex_id)
        .filter(document_id=document_id)
        .annotate(
            withdrawn_at=Subquery(
                Outcome.objects.filter(
                    complex_id=complex_id,
                    document_id=document_id,
                    ending=Ending.WITHDRAWN.value,
                ).values("ended_at")
            )
        )
        .select_related("approver__person")
        .order_by("position", "round")
    ),
    UUID,
    UUID,
)


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
class _Case:
    """A decision about to be made: the document, its steps of every round, and the step it is."""

    document: Document
    steps: Sequence[Step]
    line: approval.Line
    step: approval.Step
    row: Step
    absence: Absence | None  # the actor stands in for its absent officer (대결)
    tail: Tail


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
def save_line(
    draft_id: UUID, line: Mapping[str, Any], *, actor: Officeholder, at: datetime
) -> Draft:
    """Keep what the drafter changed of the proposed line: added, left out, shown to.

    Raises: Refusal when it cannot be read.
    """
    draft = _own_draft(draft_id, actor, at)
    _update_draft(draft, line=Changes.parse(line).as_json(), saved_at=at)
    return draft


@transaction.atomic
def submit_draft(draft_id: UUID, *, actor: Officeholder, at: datetime) -> Document:
    """Submit (상신): the content is frozen, its digest fixed, and the first in the line is told.

    Raises: Refusal when something is missing, nobody is in the deciding office, a resolution of
    the council has to be cited, or a cited record is not sealed.
    """
    draft = _own_draft(draft_id, actor, at)
    definition = load(bytes(draft.form.definition))
    parsed = values.parse(definition, draft.inputs)
    if parsed.errors:
        raise Refusal(
            f"빠지거나 맞지 않는 곳이 {len(parsed.errors)}군데 있습니다.",
            next_step="표시한 곳을 고친 뒤 다시 상신해 주세요.",
        )
    plan = plan_line(
        definition,
        parsed.values,
        drafter=actor,
        changes=Changes.parse(draft.line),
        attachments=draft.attachments,
        on=day_in_seoul(at),
    )
    if plan.resolution and not any(cite["relation"] == Relation.REFERS for cite in draft.cites):
        raise Refusal(
            f"입주자대표회의의 의결이 있어야 하는 일입니다({plan.resolution}).",
            next_step="의결한 문서를 ‘관련 문서’에 넣은 뒤 다시 상신해 주세요.",
        )
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
        net=net_of(definition, parsed.values),
        payee=text_of(definition.payee, parsed.values),
        account=text_of(definition.account, parsed.values),
        content=content,
        digest=digest,
        follows=draft.follows,
        submitted_at=at,
    )
    leaf_hash = append_event(
        actor.complex,
        document.id,
        Event.SUBMITTED,
        {"body": Kept(digest), "form": Kept(draft.form.sha256), "actor": actor_value(actor)},
        at=at,
    )
    steps = [
        Step(
            complex=actor.complex,
            document=document,
            position=step.position,
            stage=step.stage,
            act=step.act,
            approver=step.officeholder,
            basis=step.basis,
            **(_decided(actor, at, leaf_hash) if step.position == 1 else {}),
        )
        for step in plan.steps
        if not step.skipped
    ]
    Step.objects.bulk_create(steps)
    Circulation.objects.bulk_create(
        Circulation(
            complex=actor.complex,
            document=document,
            recipient=reader,
            kind=kind,
            sent_at=at if kind == Circulation.Kind.REFERENCE else None,
        )
        for kind, reader in plan.readers
    )
    Enclosure.objects.bulk_create(
        Enclosure(complex=actor.complex, document=document, sha256=file["sha256"])
        for file in draft.attachments
    )
    draft.delete()
    document.withdrawn_at = None
    _pass_turn(document, steps, (), line_of(steps, document), at=at)
    for kind, reader in plan.readers:
        if kind == Circulation.Kind.REFERENCE:
            _show(reader, document, kind.label, at)
    return document


def _decided(actor: Officeholder, at: datetime, leaf_hash: bytes) -> dict[str, Any]:
    return {
        "decision": Decision.APPROVE,
        "decided_by": actor,
        "decided_at": at,
        "leaf_hash": leaf_hash,
    }


# --- Deciding ----------------------------------------------------------------------------------


@transaction.atomic
def state_decision(
    document_id: UUID,
    *,
    actor: Officeholder,
    choice: Choice,
    at: datetime,
    acting_for: UUID | None = None,
) -> Statement:
    """What would be signed by deciding so at this moment. Nothing is written.

    Args: `acting_for` is the absent officer in whose place the actor decides (대결).
    Raises: Refusal as `decide_step` would.
    """
    case = _case(document_id, actor, acting_for, at)
    choice = _checked(choice, case)
    return Statement(
        data=_statement(case, actor, choice, at),
        document_id=document_id,
        title=case.document.title,
        amount=case.document.amount,
        payee=case.document.payee,
        digest=case.document.digest,
        act=case.step.act,
        choice=choice,
        at=at,
    )


@transaction.atomic
def decide_step(
    document_id: UUID,
    *,
    actor: Officeholder,
    choice: Choice,
    sign: Signer,
    at: datetime,
    stated_at: datetime | None = None,
    acting_for: UUID | None = None,
) -> Document:
    """Record one approver's decision; the last approval files the document as a record.

    Args: `sign` says by what the statement was signed; `stated_at` is the moment that the
    statement names, where it was frozen before it was signed.
    Raises: Refusal when the line is closed, it is someone else's turn, the person is out of
    office, a reason is lacking, or the statement was not signed or is no longer so.
    """
    stated_at = _stated(stated_at, actor, at)
    case = _case(document_id, actor, acting_for, stated_at)
    choice = _checked(choice, case)
    if case.tail.at is not None and case.tail.at > stated_at.replace(microsecond=0):
        raise Refusal(
            "그사이 다른 분이 먼저 결재했습니다. 처리하지 않았습니다.",
            next_step="화면을 새로 열어 내용을 확인한 뒤 다시 결재해 주세요.",
        )
    statement = _statement(case, actor, choice, stated_at)
    evidence = sign(statement)
    document, row = case.document, case.row
    leaf_hash = append_event(
        actor.complex,
        document.id,
        _EVENTS.get(choice.decision, Event.DECIDED),
        {
            "stmt": statement,
            "body": Kept(document.digest),
            "form": Kept(document.form.sha256),
            "actor": actor_value(actor),
            "auth": canonical(evidence.as_json()),
        },
        at=stated_at,
        tail=case.tail,
    )
    row.decision, row.decided_at, row.opinion = choice.decision, stated_at, choice.opinion
    row.decided_by, row.leaf_hash = actor, leaf_hash
    after = approval.decide(case.line, case.step, choice, stated_at)
    steps = [*case.steps, *_opened_again(case, after)]
    _pass_turn(document, steps, approval.turns(case.line), after, at=at, decided=row)
    if case.absence is not None:
        _report(document, row.approver, actor, at)
    _tell_drafter(document, row, choice, at)
    _close(document, steps, after, Tail(case.tail.seq + 1, leaf_hash, stated_at), at=at)
    return document


@transaction.atomic
def skip_step(
    document_id: UUID,
    position: int,
    reason: str,
    *,
    actor: Officeholder,
    sign: Signer,
    at: datetime,
) -> Document:
    """Leave out (생략) a reviewer who is away, with the reason in the box.

    Raises: Refusal unless the drafter does it, it is that place's turn, and its officer is away.
    """
    _check_in_office(actor, at)
    reason = clean_line(reason, "건너뛰는 까닭", limit=approval.REASON_LIMIT)
    document, steps = _locked(document_id, actor)
    line = line_of(steps, document)
    row = next((step for step in current(steps) if step.position == position), None)
    away = row is not None and is_away(row.approver, on=day_in_seoul(at))
    step = approval.check_skip(actor.id, line.at(position), line, is_away=away, reason=reason)
    if row is None:
        raise Step.DoesNotExist(position)
    chain = chain_of(actor.complex_id, document_id)
    _check_logged(document, steps, chain)
    case = _Case(document, steps, line, step, row, None, chain[-1].tail)
    choice = Choice(Decision.SKIP, reason)
    statement = _statement(case, actor, choice, at)
    leaf_hash = append_event(
        actor.complex,
        document.id,
        Event.SKIPPED,
        {
            "stmt": statement,
            "body": Kept(document.digest),
            "form": Kept(document.form.sha256),
            "actor": actor_value(actor),
            "auth": canonical(sign(statement).as_json()),
        },
        at=at,
        tail=case.tail,
    )
    row.decision, row.decided_at, row.opinion = choice.decision, at, reason
    row.decided_by, row.leaf_hash = actor, leaf_hash
    after = approval.skip(line, step, at)
    _pass_turn(document, steps, approval.turns(line), after, at=at, decided=row)
    _close(document, steps, after, Tail(case.tail.seq + 1, leaf_hash, at), at=at)
    return document


@transaction.atomic
def hold_step(document_id: UUID, reason: str, *, actor: Officeholder, at: datetime) -> Hold:
    """Let a document wait (보류) at one's own place, and say why; the drafter is told.

    Raises: Refusal when it is not the actor's turn, no reason is given, or it is held already.
    """
    _check_in_office(actor, at)
    reason = clean_line(reason, "보류하는 까닭", limit=approval.OPINION_LIMIT)
    if not reason:
        raise Refusal(
            "보류하는 까닭이 적혀 있지 않습니다.",
            next_step="언제 무엇이 되면 결재하실지 적어 주세요. 기안한 분께 보입니다.",
        )
    document, steps = _locked(document_id, actor)
    row = _row_of(approval.step_for(actor.id, line_of(steps, document)), steps)
    if hold_on(row):
        raise Refusal(
            "이미 보류하신 문서입니다.", next_step="결재하시거나, 보류를 풀고 다시 적어 주세요."
        )
    hold: Hold = Hold.objects.create(complex=actor.complex, step=row, reason=reason, held_at=at)
    tell(
        steps[0].approver,
        f"보류: {document.title}",
        f"{actor} 님이 결재를 보류했습니다.\n까닭: {reason}",
        at=at,
        link=_address(document),
    )
    return hold


@transaction.atomic
def lift_hold(document_id: UUID, *, actor: Officeholder, at: datetime) -> None:
    """Take one's own hold (보류) away again; the document waits as before."""
    _check_in_office(actor, at)
    document, steps = _locked(document_id, actor)
    row = _row_of(approval.step_for(actor.id, line_of(steps, document)), steps)
    Hold.objects.within(actor.complex_id).filter(step_id=row.id, lifted_at=None).update(
        lifted_at=at
    )


@transaction.atomic
def withdraw_document(document_id: UUID, *, actor: Officeholder, at: datetime) -> Draft:
    """Take a document back (회수) before anybody has decided, or when nobody can any more.

    When the drafter has left office too, the manager may do it.
    Returns: a new draft with what was typed, so that it can be mended and submitted again.
    Raises: Refusal when a decision was made, or the document is someone else's.
    """
    _check_in_office(actor, at)
    document, steps = _locked(document_id, actor)
    line = line_of(steps, document)
    on = day_in_seoul(at)
    approval.check_withdrawal(
        line,
        is_own=is_own(document, steps, actor, on=on),
        was_decided=was_decided(steps),
        is_stuck=is_stuck(current(steps), line, on=on),
    )
    _end(document, Ending.WITHDRAWN, at)
    Turn.objects.within(actor.complex_id).filter(document_id=document.id).delete()
    append_event(
        actor.complex,
        document.id,
        Event.WITHDRAWN,
        {"body": Kept(document.digest), "actor": actor_value(actor)},
        at=at,
    )
    return _draft_again(document, actor, at, follows=document.id)


@transaction.atomic
def redraft_document(document_id: UUID, *, actor: Officeholder, at: datetime) -> Draft:
    """Begin a new draft that mends a returned or withdrawn document of the same drafter.

    Raises: Document.DoesNotExist for somebody else's; Refusal while its line is open, and for one
    that was approved, which only `correct_document` follows.
    """
    _check_in_office(actor, at)
    document, steps = _locked(document_id, actor)
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
    return _draft_again(document, actor, at, follows=document.id)


@transaction.atomic
def correct_document(document_id: UUID, *, actor: Officeholder, at: datetime) -> Draft:
    """Begin a new document that takes the place of an approved one (정정). That one never changes.

    Raises: Refusal unless the earlier one is on record and sealed.
    Source: 행정업무의 운영 및 혁신에 관한 규정 제17조(결재받은 문서의 수정, 관행으로 따름).
    """
    document = document_for(actor, document_id, on=day_in_seoul(at))
    record = sealed_record(actor.complex_id, document.id)
    draft = copy_document(document_id, actor=actor, at=at)
    _update_draft(
        draft,
        cites=[
            {
                "doc": record.doc.hex,
                "number": record.number,
                "relation": Relation.SUPERSEDES.value,
            }
        ],
        follows=document.id,
    )
    return draft


@transaction.atomic
def copy_document(document_id: UUID, *, actor: Officeholder, at: datetime) -> Draft:
    """Begin a new draft with what was written in an earlier document; its files and citations
    stay behind.

    Raises: Document.DoesNotExist for one the actor may not see.
    """
    _check_in_office(actor, at)
    document = document_for(actor, document_id, on=day_in_seoul(at))
    return _draft_again(document, actor, at, copied=True)


# --- Showing it to others ----------------------------------------------------------------------


@transaction.atomic
def circulate_document(
    document_id: UUID, recipients: Iterable[UUID], *, actor: Officeholder, at: datetime
) -> int:
    """Show a finished document to other officers (공람); whoever saw it already is left out.

    Returns: to how many it was sent.
    Raises: Refusal unless the document is finished and everybody is in office.
    """
    _check_in_office(actor, at)
    document = document_for(actor, document_id, on=day_in_seoul(at))
    if not Outcome.objects.within(actor.complex_id).filter(
        document_id=document.id, ending=Ending.FINISHED
    ):
        raise Refusal(
            "아직 결재가 끝나지 않은 문서입니다.", next_step="결재가 끝난 뒤 공람으로 보내 주세요."
        )
    wanted = set(recipients)
    officers = list(
        Officeholder.objects.within(actor.complex_id)
        .in_office(day_in_seoul(at))
        .filter(id__in=wanted)
        .select_related("person")
    )
    if len(officers) < len(wanted) or not wanted:
        raise Refusal(
            "공람할 분을 고르지 않았거나, 지금 직을 맡고 있지 않은 분이 있습니다.",
            next_step="받을 분을 다시 골라 주세요.",
        )
    sent = 0
    for officer in officers:
        _, new = Circulation.objects.get_or_create(
            complex=actor.complex,
            document=document,
            recipient=officer,
            kind=Circulation.Kind.CIRCULATION,
            defaults={"sent_at": at},
        )
        if new:
            _show(officer, document, Circulation.Kind.CIRCULATION.label, at)
            sent += 1
    return sent


@transaction.atomic
def mark_read(document_id: UUID, *, actor: Officeholder, at: datetime) -> None:
    """Note that an officer to whom a document was sent has opened it (공람 확인)."""
    Circulation.objects.within(actor.complex_id).filter(
        document_id=document_id, recipient_id=actor.id, sent_at__isnull=False, read_at=None
    ).update(read_at=at)


@transaction.atomic
def state_confirmation(
    document_id: UUID, *, actor: Officeholder, opinion: str, at: datetime
) -> Statement:
    """What would be signed by approving a finished document afterwards (후결).

    Raises: Refusal as `confirm_afterwards` would.
    """
    _check_in_office(actor, at)
    circulation = _to_confirm(document_id, actor)
    opinion = clean_line(opinion, "의견", limit=approval.OPINION_LIMIT)
    return _confirmation(circulation, actor, opinion, at)


@transaction.atomic
def confirm_afterwards(
    document_id: UUID,
    *,
    actor: Officeholder,
    opinion: str,
    sign: Signer,
    at: datetime,
    stated_at: datetime | None = None,
) -> Circulation:
    """Approve a finished document afterwards (후결). The record itself stays as it was.

    Raises: Refusal when nothing waits for the actor's approval afterwards, or it was given.
    """
    stated_at = _stated(stated_at, actor, at)
    circulation = _to_confirm(document_id, actor)
    opinion = clean_line(opinion, "의견", limit=approval.OPINION_LIMIT)
    statement = _confirmation(circulation, actor, opinion, stated_at).data
    leaf_hash = append_event(
        actor.complex,
        circulation.id,
        Event.FOLLOWED,
        {
            "stmt": statement,
            "actor": actor_value(actor),
            "auth": canonical(sign(statement).as_json()),
        },
        at=stated_at,
    )
    Circulation.objects.within(actor.complex_id).filter(id=circulation.id).update(
        confirmed_at=at, read_at=circulation.read_at or at, leaf_hash=leaf_hash
    )
    return circulation


def _to_confirm(document_id: UUID, actor: Officeholder) -> Circulation:
    circulation: Circulation | None = (
        Circulation.objects.within(actor.complex_id)
        .select_for_update(of=("self",))
        .select_related("document__form")
        .filter(
            document_id=document_id,
            recipient_id=actor.id,
            kind=Circulation.Kind.AFTERWARDS,
            sent_at__isnull=False,
        )
        .first()
    )
    if circulation is None:
        raise Refusal(
            "후결하실 문서가 아닙니다.",
            next_step="결재가 아직 끝나지 않았다면 끝난 뒤 알려 드리겠습니다.",
        )
    if circulation.confirmed_at:
        raise Refusal("이미 후결하신 문서입니다.", next_step="더 하실 일은 없습니다.")
    return circulation


def _confirmation(
    circulation: Circulation, actor: Officeholder, opinion: str, at: datetime
) -> Statement:
    document = circulation.document
    _check_columns(document)
    data = canonical(
        {
            "v": 1,
            "complex": actor.complex.code,
            "doc": document.id.hex,
            "circulation": circulation.id.hex,
            "act": Circulation.Kind.AFTERWARDS.value,
            "decision": Decision.APPROVE.value,
            "body": document.digest,
            "form": document.form.sha256,
            "title": document.title,
            "amount": document.amount,
            "payee": document.payee,
            "office": actor.get_office_display(),
            "name": actor.person.name,
            "at": format_time(_second(at)),
            "opinion": opinion,
        }
    )
    return Statement(
        data=data,
        document_id=document.id,
        title=document.title,
        amount=document.amount,
        payee=document.payee,
        digest=document.digest,
        act=approval.Act.APPROVE,
        choice=Choice(Decision.APPROVE, opinion),
        at=at,
    )


# --- What a decision is made of ----------------------------------------------------------------

_EVENTS = {Decision.RETURN: Event.RETURNED, Decision.SEND_BACK: Event.SENT_BACK}


def _stated(stated_at: datetime | None, actor: Officeholder, at: datetime) -> datetime:
    """The moment that the statement names.

    Raises: Refusal when that was too long ago or is to come, or the actor is out of office now or
    was then.
    """
    _check_in_office(actor, at)
    if stated_at is None:
        return at
    if not at - SIGNED_WITHIN <= stated_at <= at:
        raise Refusal(
            "서명할 내용을 보여 드린 지 오래되어 처리하지 않았습니다.",
            next_step="화면을 새로 열어 내용을 확인한 뒤 다시 결재해 주세요.",
        )
    _check_in_office(actor, stated_at)
    return stated_at


def _case(document_id: UUID, actor: Officeholder, acting_for: UUID | None, at: datetime) -> _Case:
    _check_in_office(actor, at)
    document, steps = _locked(document_id, actor)
    line = line_of(steps, document)
    step = approval.step_for(acting_for or actor.id, line)
    row = _row_of(step, steps)
    absence = _absence(row.approver, actor, steps, at) if acting_for else None
    _check_columns(document)
    chain = chain_of(actor.complex_id, document_id)
    _check_logged(document, steps, chain)
    return _Case(document, steps, line, step, row, absence, chain[-1].tail)


def _absence(
    absent: Officeholder, actor: Officeholder, steps: Sequence[Step], at: datetime
) -> Absence | None:
    """By what the actor decides in another's place (대결); None in the own place.

    Raises: Refusal when the other is not absent, somebody else stands in, or it is the actor's
    own document.
    """
    if absent.id == actor.id:
        return None
    absence = absence_of(absent, on=day_in_seoul(at))
    if absence is None or absence.deputy.id != actor.id:
        raise Refusal(
            f"{absent} 님을 대신해 결재하실 수 없습니다.",
            next_step="부재와 대신할 분이 등록되어 있는지 확인해 주세요.",
        )
    if steps[0].approver.person_id == actor.person_id:
        raise Refusal(
            "직접 기안하신 문서를 대신 결재하실 수 없습니다.",
            next_step=f"{absent} 님이 돌아오시거나 다른 분이 대신하실 때까지 기다려 주세요.",
        )
    return absence


def _checked(choice: Choice, case: _Case) -> Choice:
    """The choice with its opinion cleaned. Raises: Refusal when the place may not decide so."""
    opinion = clean_line(choice.opinion, "의견", limit=approval.OPINION_LIMIT)
    to = choice.to if choice.decision is Decision.SEND_BACK else None
    choice = Choice(choice.decision, opinion, to)
    approval.check_choice(case.step, choice, case.line)
    return choice


def _statement(case: _Case, actor: Officeholder, choice: Choice, at: datetime) -> bytes:
    document, row, tail = case.document, case.row, case.tail
    acting = None
    if case.absence is not None:
        acting = {
            "office": actor.get_office_display(),
            "name": actor.person.name,
            "absence": case.absence.id.hex,
            "delegation": b64encode(bytes(case.absence.leaf_hash)),
        }
    return canonical(
        {
            "v": 2,
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
            "acting": acting,
            "at": format_time(_second(at)),
            "opinion": choice.opinion,
        }
    )


def _check_columns(document: Document) -> None:
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


def _opened_again(case: _Case, after: approval.Line) -> list[Step]:
    """New steps, one round later, for the places that a return to an earlier one opened."""
    number = max(step.round for step in case.steps) + 1
    opened = [
        Step(
            complex_id=row.complex_id,
            document_id=row.document_id,
            position=row.position,
            stage=row.stage,
            round=number,
            act=row.act,
            approver=row.approver,
            basis=row.basis,
        )
        for row in current(case.steps)
        if row.decision and _is_open(after, row.position)
    ]
    Step.objects.bulk_create(opened)
    return opened


def _is_open(line: approval.Line, position: int) -> bool:
    step = line.at(position)
    return step is not None and not step.done


def _pass_turn(
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
        _ask(row.approver, document, steps[0].approver, at)


def _close(
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
    _end(document, ending, at)
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
        link=_address(document),
    )
    if content.get("readers"):
        _send_circulations(document, at)


def _end(document: Document, ending: Ending, at: datetime) -> None:
    Outcome.objects.create(
        complex_id=document.complex_id, document=document, ending=ending, ended_at=at
    )


def _send_circulations(document: Document, at: datetime) -> None:
    waiting = Circulation.objects.within(document.complex_id).filter(
        document_id=document.id, sent_at=None
    )
    for circulation in waiting.select_related("recipient__person"):
        _show(circulation.recipient, document, circulation.get_kind_display(), at)
    waiting.update(sent_at=at)


def _report(document: Document, absent: Officeholder, actor: Officeholder, at: datetime) -> None:
    """Tell the absent officer who decided in the own place (사후보고)."""
    Circulation.objects.get_or_create(
        complex=actor.complex,
        document=document,
        recipient=absent,
        kind=Circulation.Kind.REPORT,
        defaults={"sent_at": at},
    )
    tell(
        absent,
        f"대결: {document.title}",
        f"자리를 비우신 동안 {actor} 님이 대신 결재했습니다.",
        at=at,
        link=_address(document),
    )


def _tell_drafter(document: Document, row: Step, choice: Choice, at: datetime) -> None:
    """The drafter hears when a document comes back, and when somebody thinks otherwise."""
    said = {
        Decision.RETURN: ("반려", "님이 반려했습니다.\n사유"),
        Decision.SEND_BACK: ("되돌림", "님이 앞자리로 되돌렸습니다.\n사유"),
        Decision.DISSENT: ("의견 있음", "님이 의견을 남겼습니다.\n의견"),
    }.get(choice.decision)
    if said:
        tell(
            document.drafter,
            f"{said[0]}: {document.title}",
            f"{row.decided_by} {said[1]}: {choice.opinion}",
            at=at,
            link=_address(document),
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
        cites=[]
        if copied
        else [
            {key: cite[key] for key in ("doc", "number", "relation")} for cite in content["cites"]
        ],
        follows=follows,
        saved_at=at,
    )
    return draft


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
        "at": format_time(_second(step.decided_at)),
        "opinion": step.opinion,
        "leaf": b64encode(bytes(step.leaf_hash)),
    }


def _content(
    draft: Draft,
    definition: FormDefinition,
    filled: Mapping[str, Any],
    plan: Plan,
    at: datetime,
) -> dict[str, Any]:
    complex_ = draft.complex
    return {
        "v": 2,
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
        "follows": draft.follows.hex if draft.follows else None,
        "line": [
            {
                "position": step.position,
                "stage": step.stage,
                "act": step.act.value,
                "office": step.officeholder.get_office_display(),
                "name": step.officeholder.person.name,
                "basis": step.basis,
                "skipped": step.skipped,
            }
            for step in plan.steps
        ],
        "readers": [
            {
                "kind": kind.value,
                "office": reader.get_office_display(),
                "name": reader.person.name,
            }
            for kind, reader in plan.readers
        ],
        "notes": list(plan.notes),
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


def _check_logged(document: Document, steps: Sequence[Step], chain: Sequence[Chained]) -> None:
    """What was submitted and decided is what the log says: rows are not believed without it.

    Raises: Refusal.
    """
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
        format_time(_second(step.decided_at)),
    ]


def _locked(document_id: UUID, actor: Officeholder) -> tuple[Document, list[Step]]:
    """A document, locked, and its steps of every round in order of position and round.

    Two approvers may press the button at the same moment.
    Raises: Document.DoesNotExist.
    """
    for first in _first_step_to_lock(actor.complex_id, document_id):
        document: Document = first.document
        document.complex = actor.complex
        steps: list[Any] = _steps(actor.complex_id, document_id)
        document.withdrawn_at = steps[0].withdrawn_at
        return document, steps
    raise Document.DoesNotExist(document_id)


def _check_in_office(actor: Officeholder, at: datetime) -> None:
    if not actor.covers(day_in_seoul(at)):
        raise Refusal(
            f"{actor.get_office_display()} 임기가 아니어서 처리할 수 없습니다.",
            next_step="임기가 맞는지 관리사무소에 확인해 주세요.",
        )


def _ask(approver: Officeholder, document: Document, drafter: Officeholder, at: datetime) -> None:
    """Ask for a decision; whoever stands in for somebody absent is asked too."""
    body = f"{document.complex.name} · {document.title}"
    body += f"\n{drafter} 님이 올린 문서가 결재를 기다립니다."
    if document.amount is not None:
        body += f"\n금액: {figures_line(document.amount)}"
    asked = [(approver, "결재 요청")]
    if absence := absence_of(approver, on=day_in_seoul(at)):
        asked.append((absence.deputy, "대결 요청"))
    for officer, what in asked:
        tell(
            officer,
            f"{what}: {document.title}",
            body,
            at=at,
            link=decision_link(officer, document.id),
        )


def _show(reader: Officeholder, document: Document, kind: str, at: datetime) -> None:
    tell(
        reader,
        f"{kind}: {document.title}",
        f"{document.drafter} 님이 올린 문서입니다. 읽어 주세요.",
        at=at,
        link=_address(document),
    )


def _address(document: Document) -> str:
    return f"{settings.SITE_URL}/desk/documents/{document.id}/"


def _row_of(step: approval.Step, steps: Sequence[Step]) -> Step:
    return next(row for row in current(steps) if row.position == step.position)


def _second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)
