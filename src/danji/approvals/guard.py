"""What every action asks first: an actor in office, a moment that holds, a locked document."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Subquery

from danji.accounts.models import Officeholder
from danji.approvals.models import Document, Outcome, Step
from danji.base.prepared import Prepared
from danji.rules.approval import Ending
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.signing.evidence import SIGNED_WITHIN

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


def check_in_office(actor: Officeholder, at: datetime) -> None:
    """Raises: Refusal when the actor's term has not begun, or is over."""
    if not actor.covers(day_in_seoul(at)):
        raise Refusal(
            f"{actor.get_office_display()} 임기가 아니어서 처리할 수 없습니다.",
            next_step="임기가 맞는지 관리사무소에 확인해 주세요.",
        )


def stated_moment(stated_at: datetime | None, actor: Officeholder, at: datetime) -> datetime:
    """The moment that the statement names.

    Raises: Refusal when that was too long ago or is to come, or the actor is out of office now or
    was then.
    """
    check_in_office(actor, at)
    if stated_at is None:
        return at
    if not at - SIGNED_WITHIN <= stated_at <= at:
        raise Refusal(
            "서명할 내용을 보여 드린 지 오래되어 처리하지 않았습니다.",
            next_step="화면을 새로 열어 내용을 확인한 뒤 다시 결재해 주세요.",
        )
    check_in_office(actor, stated_at)
    return stated_at


def lock_cited(complex_id: UUID, cites: Sequence[Mapping[str, str]]) -> None:
    """Lock what a draft cites, so that two that change one document see each other.

    Args: `cites` as in a draft.
    """
    firsts = Step.objects.within(complex_id).filter(
        document_id__in=[UUID(cite["doc"]) for cite in cites], position=1
    )
    list(firsts.order_by("document_id").select_for_update(of=("self",)).values_list("id"))


def lock_document(document_id: UUID, actor: Officeholder) -> tuple[Document, list[Step]]:
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
