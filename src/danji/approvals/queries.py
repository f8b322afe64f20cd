"""What waits for whom, and how far a document has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from danji.accounts.models import Office, Officeholder
from danji.accounts.queries import holder_of
from danji.approvals.models import Document, Draft, Step, Withdrawal
from danji.formbook.definition import FormDefinition
from danji.formbook.models import Form
from danji.rules import approval
from danji.rules.refusal import Refusal


@dataclass(frozen=True)
class PlannedStep:
    """One place of the line that a submission would take."""

    position: int
    act: approval.Act
    officeholder: Officeholder


@dataclass(frozen=True)
class WaitingDocument:
    """A document that waits for the reader's decision, and since when."""

    document: Document
    since: datetime


def published_form(key: str) -> Form:
    """The newest version of a form.

    Raises: Refusal when there is none.
    """
    form = Form.objects.filter(key=key).order_by("-version").first()
    if form is None:
        raise Refusal("없는 서식입니다.", next_step="새 문서 화면에서 서식을 다시 골라 주세요.")
    return form


def plan_line(definition: FormDefinition, *, drafter: Officeholder, on: date) -> list[PlannedStep]:
    """The line that the form's routing gives for a drafter on a day.

    A reviewing office that nobody holds is left out; so is whoever comes before the drafter's own
    place, when the drafter holds an office of the line.
    Raises: Refusal when nobody is in the deciding office.
    """
    planned = [PlannedStep(1, approval.Act.DRAFT, drafter)]
    following = [route for route in definition.routing if route.act is not approval.Act.DRAFT]
    own = [place for place, route in enumerate(following) if route.office == drafter.office]
    for route in following[own[0] :] if own else following:
        if route.office == drafter.office and route.act is approval.Act.REVIEW:
            continue
        holder = (
            drafter
            if route.office == drafter.office
            else holder_of(drafter.complex_id, route.office, on=on)
        )
        if holder is not None:
            planned.append(PlannedStep(len(planned) + 1, route.act, holder))
        elif route.act is approval.Act.APPROVE:
            raise Refusal(
                f"지금 {Office(route.office).label} 직을 맡은 분이 없어 결재할 사람이 없습니다.",
                next_step="그분이 등록된 뒤 다시 상신해 주세요. 쓰신 내용은 저장되어 있습니다.",
            )
    approval.check_line(
        # By person: who holds two offices still decides once.
        [approval.Step(step.position, step.act, step.officeholder.person_id) for step in planned]
    )
    return planned


def line_of(steps: Sequence[Step], document: Document) -> approval.Line:
    """The line as the rules read it."""
    withdrawal = (
        Withdrawal.objects.within(document.complex_id).filter(document_id=document.id).first()
    )
    return approval.Line(
        tuple(
            approval.Step(
                position=step.position,
                act=approval.Act(step.act),
                approver=step.approver_id,
                decision=approval.Decision(step.decision) if step.decision else None,
                decided_at=step.decided_at,
            )
            for step in steps
        ),
        withdrawal.withdrawn_at if withdrawal else None,
    )


def waiting_for(reader: Officeholder) -> QuerySet[Step]:
    """The steps that wait for the reader's decision now, the longest waiting first."""
    line = Step.objects.filter(complex_id=reader.complex_id, document_id=OuterRef("document_id"))
    earlier = line.filter(position__lt=OuterRef("position"))
    open_or_returned = earlier.exclude(decision=approval.Decision.APPROVE)
    withdrawn = Withdrawal.objects.filter(
        complex_id=reader.complex_id, document_id=OuterRef("document_id")
    )
    return (
        Step.objects.within(reader.complex_id)
        .filter(approver_id=reader.id, decision="")
        .filter(~Exists(open_or_returned), ~Exists(withdrawn))
        .select_related("document__drafter__person", "document__form")
        .order_by("document_id")
    )


def drafts_of(reader: Officeholder) -> QuerySet[Draft]:
    """The reader's own drafts, the last saved first."""
    return (
        Draft.objects.within(reader.complex_id).filter(drafter_id=reader.id).select_related("form")
    )


def draft_of(reader: Officeholder, draft_id: UUID) -> Draft:
    """One of the reader's own drafts. Raises: Draft.DoesNotExist."""
    draft: Draft = drafts_of(reader).select_related("complex").get(id=draft_id)
    return draft


def documents_of(reader: Officeholder) -> QuerySet[Document]:
    """The documents the reader submitted, the newest first."""
    return (
        Document.objects.within(reader.complex_id)
        .filter(drafter_id=reader.id)
        .select_related("form", "drafter__person")
        .prefetch_related("steps__approver__person", "withdrawals")
    )


def document_for(reader: Officeholder, document_id: UUID) -> Document:
    """A document the reader may see: one in whose line the reader's office stands, or the own.

    Raises: Document.DoesNotExist.
    """
    seen = Step.objects.filter(
        complex_id=reader.complex_id, document_id=OuterRef("id"), approver_id=reader.id
    )
    document: Document = (
        Document.objects.within(reader.complex_id)
        .filter(Exists(seen))
        .select_related("form", "complex", "drafter__person")
        .prefetch_related("steps__approver__person", "withdrawals")
        .get(id=document_id)
    )
    return document
