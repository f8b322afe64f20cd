"""Proposing to destroy documents (폐기), and the second officer's word on it."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from danji.accounts.models import Officeholder
from danji.accounts.queries import as_officer, others_in
from danji.disposal.links import disposal_link
from danji.disposal.models import Disposal, DisposalItem, DisposalOutcome
from danji.disposal.queries import disposal_of, earlier_versions, items_of, look_at, proposed_of
from danji.outbox.actions import tell
from danji.rules import disposal as rules
from danji.rules.appointment import Answer
from danji.rules.disposal import Basis
from danji.rules.offices import check_in_office
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.rules.text import clean_line


@transaction.atomic
def propose_disposal(
    docs: Iterable[UUID], basis: Basis, reason: str, *, actor: Officeholder, at: datetime
) -> Disposal:
    """Propose to destroy documents; earlier versions that were returned or taken back go along.

    Whoever may confirm it is told.
    Raises: Refusal when it is not the actor's to propose, one of them must be kept, or before the
    end of the retention without a reason; Document.DoesNotExist.
    """
    today = day_in_seoul(at)
    rules.check_proposal(as_officer(actor), today=today)
    chosen = list(dict.fromkeys(docs))
    reason = clean_line(reason, "까닭", limit=rules.REASON_LIMIT)
    _check_form(chosen, basis, reason)
    proposed = proposed_of(actor.complex_id, chosen)
    for item in look_at(actor.complex_id, chosen, named=chosen):
        rules.check_doomed(item.doomed, basis, today=today)
        if item.doc in proposed:
            raise Refusal(
                f"‘{item.doomed.name}’의 파기는 이미 제안되어 있습니다.",
                next_step="앞의 제안을 확인하거나 거절한 뒤 다시 제안해 주세요.",
            )
    disposal: Disposal = Disposal.objects.create(
        complex=actor.complex, basis=basis, reason=reason, proposed_by=actor, proposed_at=at
    )
    DisposalItem.objects.bulk_create(
        DisposalItem(complex=actor.complex, disposal=disposal, doc=doc, named=doc in set(chosen))
        for doc in [*chosen, *earlier_versions(actor.complex_id, chosen)]
    )
    for officer in others_in(actor.complex_id, rules.CONFIRMING, besides=actor.person_id, on=today):
        tell(
            officer,
            f"파기 확인 요청: 문서 {len(chosen)}건",
            f"{actor} 님이 문서 {len(chosen)}건의 파기를 제안했습니다({basis.label}). "
            "목록을 보시고 확인하거나 거절해 주세요. 파기한 내용은 되살릴 수 없습니다.",
            link=disposal_link(disposal.id),
            at=at,
        )
    return disposal


@transaction.atomic
def confirm_disposal(disposal_id: UUID, *, actor: Officeholder, at: datetime) -> DisposalOutcome:
    """Confirm what another officer proposed; the documents are erased at once after.

    Raises: Refusal when it is not the actor's to confirm, it was answered already, or one of the
    documents must be kept now; Disposal.DoesNotExist.
    """
    disposal, today = disposal_of(actor.complex_id, disposal_id), day_in_seoul(at)
    proposer = as_officer(disposal.proposed_by)
    rules.check_confirmation(as_officer(actor), proposer, today=today)
    for item in items_of(disposal):
        if item.named:
            rules.check_doomed(item.doomed, Basis(disposal.basis), today=today)
    return _close(disposal, Answer.CONFIRMED, actor, at)


@transaction.atomic
def reject_disposal(disposal_id: UUID, *, actor: Officeholder, at: datetime) -> DisposalOutcome:
    """Say no to what another officer proposed; the proposer is told.

    Raises: Refusal when it is not the actor's to answer, or it was answered already;
    Disposal.DoesNotExist.
    """
    disposal, today = disposal_of(actor.complex_id, disposal_id), day_in_seoul(at)
    rules.check_answer(as_officer(actor), as_officer(disposal.proposed_by), today=today)
    outcome = _close(disposal, Answer.REJECTED, actor, at)
    if disposal.proposed_by.covers(today):
        tell(
            disposal.proposed_by,
            "파기 제안 거절",
            f"{actor} 님이 파기 제안을 거절했습니다. 문서는 그대로 있습니다.",
            link=disposal_link(disposal.id),
            at=at,
        )
    return outcome


@transaction.atomic
def withdraw_disposal(disposal_id: UUID, *, actor: Officeholder, at: datetime) -> DisposalOutcome:
    """Take back what one proposed oneself.

    Raises: Refusal when another proposed it, or it was answered already; Disposal.DoesNotExist.
    """
    disposal = disposal_of(actor.complex_id, disposal_id)
    check_in_office(as_officer(actor), day_in_seoul(at))
    if disposal.proposed_by.person_id != actor.person_id:
        raise Refusal(
            "다른 분이 제안한 일입니다.", next_step="제안한 분께 취소해 달라고 해 주세요."
        )
    return _close(disposal, Answer.WITHDRAWN, actor, at)


def _check_form(chosen: list[UUID], basis: Basis, reason: str) -> None:
    if not chosen:
        raise Refusal("고르신 문서가 없습니다.", next_step="파기할 문서에 표시해 주세요.")
    if len(chosen) > rules.AT_ONCE:
        raise Refusal(
            f"한 번에 {rules.AT_ONCE}건까지 제안할 수 있습니다. 지금 {len(chosen)}건을 골랐습니다.",
            next_step="나누어서 제안해 주세요.",
        )
    if basis is not Basis.EXPIRED and not reason:
        raise Refusal(
            "파기하는 까닭이 적혀 있지 않습니다.",
            next_step="누구의 어떤 요구나 명령인지, 개인정보 없이 적어 주세요.",
        )


def _close(
    disposal: Disposal, answer: Answer, actor: Officeholder, at: datetime
) -> DisposalOutcome:
    """Write the answer down; of two at the same moment, one is told that it came too late."""
    try:
        with transaction.atomic():
            outcome: DisposalOutcome = DisposalOutcome.objects.create(
                complex=actor.complex,
                disposal=disposal,
                answer=answer,
                answered_by=actor,
                answered_at=at,
            )
    except IntegrityError:
        raise Refusal(
            "이미 처리가 끝난 제안입니다.", next_step="파기 화면을 새로 열어 주세요."
        ) from None
    return outcome
