"""A document under way: reading it, deciding on it, and how it ended."""

from uuid import UUID

from django.http import HttpResponse
from ninja import Router, Status

from danji.approvals import deciding, drafting, showing
from danji.approvals.models import Document
from danji.approvals.queries import document_for
from danji.approvals.statements import Statement
from danji.base import files
from danji.disclosure.endings import Gone
from danji.disclosure.queries import disclosed, record_of
from danji.disposal.readings import note_reading
from danji.integration.models import ApiScope
from danji.integration.tokens import token_signer
from danji.rules.approval import Choice, Decision, Ending
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.signing import passkeys
from danji.signing.evidence import Signer
from danji.web.api import shown
from danji.web.api.gate import ApiRequest, a_file, answers, needs
from danji.web.api.problems import Missing
from danji.web.api.shapes import (
    CirculatedOut,
    Deciding,
    DocumentOut,
    DoneOut,
    DraftOut,
    Following,
    Opining,
    OutcomeOut,
    ProgressOut,
    Reason,
    Recipients,
    Seat,
    Signed,
    Skip,
    Skipping,
    StatementOut,
)
from danji.web.downloads import download
from danji.web.opening import tombstone_for
from danji_verify.canonical import b64encode

router = Router(tags=["결재"])
HERE = "/documents/{uuid:document_id}"


@router.get(HERE, response=answers(DocumentOut), summary="문서와 결재선")
@needs(ApiScope.READ)
def document(request: ApiRequest, document_id: UUID) -> DocumentOut:
    return shown.document(_opened(request, document_id), on=day_in_seoul(request.at))


@router.get(f"{HERE}/outcome", response=answers(OutcomeOut), summary="결과")
@needs(ApiScope.READ)
def outcome(request: ApiRequest, document_id: UUID) -> OutcomeOut:
    """How the line ended: who returned it and why, or number and digest of the record."""
    found = _found(request, document_id)
    ended = shown.outcome_of(found)
    returned = next((s for s in found.steps.all() if s.decision == Decision.RETURN), None)
    record = record_of(request.officeholder, found.id) if ended else None
    whole = disclosed(record) if record else None
    return OutcomeOut(
        document=found.id,
        digest=found.digest,
        amount=found.amount,
        net=found.net,
        payee=found.payee,
        **shown.citing(request.officeholder, record.id if record else None),
        ending=Ending(ended.ending) if ended else None,
        ended_at=ended.ended_at if ended else None,
        returned_by=str(returned.decided_by) if returned else "",
        reason=returned.opinion if returned else "",
        record=record.id if record else None,
        number=record.number if record else None,
        record_digest=record.digest if record else None,
        **(shown.files_of(whole) if whole else {"pdf": None, "proof": None}),
    )


@router.get(f"{HERE}/attachments/{{int:position}}", summary="붙임 내려받기", **a_file("*/*"))
@needs(ApiScope.READ)
def attachment(request: ApiRequest, document_id: UUID, position: int) -> HttpResponse:
    attached = _opened(request, document_id).parsed_content()["attachments"]
    if not 1 <= position <= len(attached):
        raise Missing("없는 붙임입니다.", next_step="문서에 붙은 파일의 차례를 확인해 주세요.")
    file = attached[position - 1]
    return download(files.get(file["sha256"]), file["name"], file["media_type"])


@router.post(f"{HERE}/statement", response=answers(StatementOut), summary="서명할 내용 받기")
@needs(ApiScope.DECIDE, once=False)
def statement(request: ApiRequest, document_id: UUID, body: Seat) -> StatementOut:
    """What is signed by deciding so now, and what a passkey has to sign. Nothing is written."""
    at = request.at.replace(microsecond=0)
    said = deciding.state_decision(
        document_id,
        actor=request.officeholder,
        choice=_choice(body),
        at=at,
        acting_for=body.acting_for,
    )
    _demand_seen(said.digest, body.digest)
    return _stated(request, said)


@router.post(f"{HERE}/decision", response=answers(ProgressOut), summary="결재하기")
@needs(ApiScope.DECIDE)
def decide(request: ApiRequest, document_id: UUID, body: Deciding) -> ProgressOut:
    """Decide, signed with a passkey, or by holding the token, which is said in the record."""
    decided = deciding.decide_step(
        document_id,
        actor=request.officeholder,
        choice=_choice(body),
        sign=_signer(request, body),
        at=request.at,
        stated_at=body.stated_at,
        acting_for=body.acting_for,
    )
    # Compared afterwards, with what was loaded under the lock; a refusal undoes the decision.
    _demand_seen(decided.digest, body.digest)
    return shown.progress(decided)


@router.post(f"{HERE}/skip/statement", response=answers(StatementOut), summary="건너뛸 내용 받기")
@needs(ApiScope.DECIDE, once=False)
def state_skip(request: ApiRequest, document_id: UUID, body: Skip) -> StatementOut:
    """What is signed by leaving a place out now. Nothing is written."""
    said = deciding.state_skip(
        document_id,
        body.position,
        body.reason,
        actor=request.officeholder,
        at=request.at.replace(microsecond=0),
    )
    return _stated(request, said)


@router.post(f"{HERE}/skip", response=answers(ProgressOut), summary="자리 건너뛰기")
@needs(ApiScope.DECIDE)
def skip(request: ApiRequest, document_id: UUID, body: Skipping) -> ProgressOut:
    """Leave out who is away, or who did not see in time what is decided; signed as a decision."""
    skipped = deciding.skip_step(
        document_id,
        body.position,
        body.reason,
        actor=request.officeholder,
        sign=_signer(request, body),
        at=request.at,
        stated_at=body.stated_at,
    )
    return shown.progress(skipped)


@router.post(f"{HERE}/hold", response=answers(DoneOut), summary="보류하기")
@needs(ApiScope.DECIDE)
def hold(request: ApiRequest, document_id: UUID, body: Reason) -> DoneOut:
    deciding.hold_step(document_id, body.reason, actor=request.officeholder, at=request.at)
    return DoneOut()


@router.delete(f"{HERE}/hold", response=answers(DoneOut), summary="보류 풀기")
@needs(ApiScope.DECIDE)
def lift_hold(request: ApiRequest, document_id: UUID) -> DoneOut:
    deciding.lift_hold(document_id, actor=request.officeholder, at=request.at)
    return DoneOut()


@router.post(f"{HERE}/withdrawal", response=answers(DraftOut, 201), summary="회수하기")
@needs(ApiScope.DRAFT)
def withdraw(request: ApiRequest, document_id: UUID) -> Status[DraftOut]:
    """Take a document back; what was written is a draft again."""
    again = drafting.withdraw_document(document_id, actor=request.officeholder, at=request.at)
    return Status(201, shown.draft(again))


@router.post(f"{HERE}/redraft", response=answers(DraftOut, 201), summary="고쳐서 다시 쓰기")
@needs(ApiScope.DRAFT)
def redraft(request: ApiRequest, document_id: UUID) -> Status[DraftOut]:
    again = drafting.redraft_document(document_id, actor=request.officeholder, at=request.at)
    return Status(201, shown.draft(again))


@router.post(f"{HERE}/copy", response=answers(DraftOut, 201), summary="베껴서 새로 쓰기")
@needs(ApiScope.DRAFT)
def copy(request: ApiRequest, document_id: UUID) -> Status[DraftOut]:
    again = drafting.copy_document(document_id, actor=request.officeholder, at=request.at)
    return Status(201, shown.draft(again))


@router.post(f"{HERE}/correction", response=answers(DraftOut, 201), summary="정정하기")
@needs(ApiScope.DRAFT)
def correct(request: ApiRequest, document_id: UUID) -> Status[DraftOut]:
    """Begin the document that takes the place of an approved one."""
    again = drafting.correct_document(document_id, actor=request.officeholder, at=request.at)
    return Status(201, shown.draft(again))


@router.post(f"{HERE}/adjustment", response=answers(DraftOut, 201), summary="취소·증감하기")
@needs(ApiScope.DRAFT)
def adjust(request: ApiRequest, document_id: UUID) -> Status[DraftOut]:
    """Begin the document that takes back or changes an approved amount."""
    begun = drafting.adjust_document(document_id, actor=request.officeholder, at=request.at)
    return Status(201, shown.draft(begun))


@router.post(f"{HERE}/circulation", response=answers(CirculatedOut), summary="공람 보내기")
@needs(ApiScope.DRAFT)
def circulate(request: ApiRequest, document_id: UUID, body: Recipients) -> CirculatedOut:
    sent = showing.circulate_document(
        document_id, body.officeholders, actor=request.officeholder, at=request.at
    )
    return CirculatedOut(sent=sent)


@router.post(f"{HERE}/reading", response=answers(DoneOut), summary="읽었음을 남기기")
@needs(ApiScope.READ)
def read(request: ApiRequest, document_id: UUID) -> DoneOut:
    """Note that a document that was shown to the officeholder was read."""
    found = _found(request, document_id)
    showing.mark_read(found.id, actor=request.officeholder, at=request.at)
    return DoneOut()


@router.post(
    f"{HERE}/afterwards/statement", response=answers(StatementOut), summary="후결할 내용 받기"
)
@needs(ApiScope.DECIDE, once=False)
def state_afterwards(request: ApiRequest, document_id: UUID, body: Opining) -> StatementOut:
    said = showing.state_confirmation(
        document_id,
        actor=request.officeholder,
        choice=_said(body),
        at=request.at.replace(microsecond=0),
    )
    _demand_seen(said.digest, body.digest)
    return _stated(request, said)


@router.post(f"{HERE}/afterwards", response=answers(ProgressOut), summary="후결하기")
@needs(ApiScope.DECIDE)
def confirm(request: ApiRequest, document_id: UUID, body: Following) -> ProgressOut:
    """Approve a finished document afterwards. The record itself stays as it was."""
    confirmed = showing.confirm_afterwards(
        document_id,
        actor=request.officeholder,
        choice=_said(body),
        sign=_signer(request, body),
        at=request.at,
        stated_at=body.stated_at,
    )
    _demand_seen(confirmed.document.digest, body.digest)
    return shown.progress(confirmed.document)


def _found(request: ApiRequest, document_id: UUID) -> Document:
    return document_for(request.officeholder, document_id, on=day_in_seoul(request.at))


def _opened(request: ApiRequest, document_id: UUID) -> Document:
    """A document whose content a program is given: that is noted. Raises: Gone."""
    found = _found(request, document_id)
    if found.erased_at is not None:
        raise Gone(tombstone_for(found, request.officeholder))
    note_reading(found.id, reader=request.officeholder, at=request.at, by_program=True)
    return found


def _choice(body: Seat) -> Choice:
    return Choice(Decision(body.decision), body.opinion, body.to)


def _said(body: Opining) -> Choice:
    return Choice(Decision(body.decision), body.opinion)


def _signer(request: ApiRequest, body: Signed) -> Signer:
    """By the person's passkey, or by the token. Raises: Refusal."""
    if body.assertion is None:
        return token_signer(request.token)
    return passkeys.passkey_signer(request.officeholder, body.assertion.model_dump())


def _stated(request: ApiRequest, said: Statement) -> StatementOut:
    return StatementOut(
        statement=b64encode(said.data),
        challenge=passkeys.websafe(passkeys.challenge([said.data])),
        stated_at=said.at,
        title=said.title,
        amount=said.amount,
        payee=said.payee,
        **passkeys.assertion_options(request.officeholder),
    )


def _demand_seen(digest: str, seen: str) -> None:
    if digest != seen:
        raise Refusal(
            "보신 문서와 지금의 문서가 다릅니다. 처리하지 않았습니다.",
            next_step="문서를 다시 읽어 내용을 확인한 뒤 보내 주세요.",
        )
