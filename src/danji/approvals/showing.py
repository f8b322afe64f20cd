"""Showing a finished document to others (공람), and approving one afterwards (후결)."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from danji.accounts.models import Officeholder
from danji.accounts.queries import actor_value
from danji.approvals.guard import check_in_office, stated_moment
from danji.approvals.messages import ask_to_read, tell_of_opinion
from danji.approvals.models import Circulation, Document, Outcome
from danji.approvals.queries import document_for
from danji.approvals.statements import Statement, check_columns, said_at
from danji.rules import approval
from danji.rules.approval import Choice, Ending
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.rules.text import clean_line
from danji.signing.evidence import Signer
from danji.transparency.actions import append_event
from danji_verify.canonical import canonical
from danji_verify.entry import Event


@transaction.atomic
def circulate_document(
    document_id: UUID, recipients: Iterable[UUID], *, actor: Officeholder, at: datetime
) -> int:
    """Show a finished document to other officers (공람); whoever saw it already is left out.

    Returns: to how many it was sent.
    Raises: Refusal unless the document is finished and everybody is in office.
    """
    check_in_office(actor, at)
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
            ask_to_read(officer, document, Circulation.Kind.CIRCULATION, at)
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
    document_id: UUID, *, actor: Officeholder, choice: Choice, at: datetime
) -> Statement:
    """What would be signed by approving a finished document afterwards (후결).

    Raises: Refusal as `confirm_afterwards` would.
    """
    check_in_office(actor, at)
    circulation = _to_confirm(document_id, actor)
    return _confirmation(circulation, actor, _checked(choice), at)


@transaction.atomic
def confirm_afterwards(
    document_id: UUID,
    *,
    actor: Officeholder,
    choice: Choice,
    sign: Signer,
    at: datetime,
    stated_at: datetime | None = None,
) -> Circulation:
    """Approve a finished document afterwards (후결), or say otherwise. The record stays as it was.

    Raises: Refusal when nothing waits for the actor's approval afterwards, or it was given.
    """
    stated_at = stated_moment(stated_at, actor, at)
    circulation = _to_confirm(document_id, actor)
    choice = _checked(choice)
    statement = _confirmation(circulation, actor, choice, stated_at).data
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
    if choice.opinion:
        tell_of_opinion(circulation.document, actor, choice, at)
    return circulation


def _checked(choice: Choice) -> Choice:
    """The choice with its opinion cleaned. Raises: Refusal."""
    opinion = clean_line(choice.opinion, "의견", limit=approval.OPINION_LIMIT)
    choice = Choice(choice.decision, opinion)
    approval.check_afterwards(choice)
    return choice


def _to_confirm(document_id: UUID, actor: Officeholder) -> Circulation:
    circulation: Circulation | None = (
        Circulation.objects.within(actor.complex_id)
        .select_for_update(of=("self",))
        .select_related("document__form", "document__drafter__person")
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
    # Asked behind the lock: who erases a document holds it as well.
    Document.objects.within(actor.complex_id).get(id=document_id).parsed_content()
    return circulation


def _confirmation(
    circulation: Circulation, actor: Officeholder, choice: Choice, at: datetime
) -> Statement:
    document = circulation.document
    check_columns(document)
    data = canonical(
        {
            "v": 1,
            "complex": actor.complex.code,
            "doc": document.id.hex,
            "circulation": circulation.id.hex,
            "act": Circulation.Kind.AFTERWARDS.value,
            "decision": choice.decision.value,
            "body": document.digest,
            "form": document.form.sha256,
            "title": document.title,
            "amount": document.amount,
            "payee": document.payee,
            "office": actor.get_office_display(),
            "name": actor.person.name,
            "at": said_at(at),
            "opinion": choice.opinion,
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
        choice=choice,
        at=at,
    )
