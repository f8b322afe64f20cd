"""What waits for whom, and how far a document has come."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, QuerySet

from danji.accounts.models import Office, Officeholder
from danji.accounts.queries import holder_of
from danji.approvals.models import Document, Draft, Step, Withdrawal
from danji.base.prepared import Prepared
from danji.formbook.definition import FormDefinition
from danji.formbook.models import Form
from danji.rules import approval
from danji.rules.refusal import Refusal

_published: Prepared[Form] = Prepared(
    lambda key: Form.objects.filter(key=key).order_by("-version")[:1], str
)
_draft: Prepared[Draft] = Prepared(
    lambda complex_id, drafter_id, draft_id: (
        Draft.objects.within(complex_id)
        .filter(drafter_id=drafter_id, id=draft_id)
        .select_related("form", "complex")
    ),
    UUID,
    UUID,
    UUID,
)


@dataclass(frozen=True)
class PlannedStep:
    """One place of the line that a submission would take."""

    position: int
    act: approval.Act
    officeholder: Officeholder


def published_form(key: str) -> Form:
    """The newest version of a form.

    Raises: Refusal when there is none.
    """
    form = next(iter(_published(key)), None)
    if form is None:
        raise Refusal("없는 서식입니다.", next_step="새 문서 화면에서 서식을 다시 골라 주세요.")
    return form


def plan_line(definition: FormDefinition, *, drafter: Officeholder, on: date) -> list[PlannedStep]:
    """The line that the form's routing gives for a drafter on a day.

    A reviewing office that nobody holds is left out; so is whoever comes before the drafter's own
    place, when the drafter holds an office of the line, and a review by somebody who drafts or
    decides the same document: who holds two offices stands in the line once.
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
    line = _each_person_once(planned)
    approval.check_line(
        [approval.Step(step.position, step.act, step.officeholder.person_id) for step in line]
    )
    return line


def _each_person_once(planned: Sequence[PlannedStep]) -> list[PlannedStep]:
    decider = planned[-1].officeholder.person_id
    seen = {planned[0].officeholder.person_id, decider}
    kept = [planned[0]]
    for step in planned[1:]:
        person = step.officeholder.person_id
        if step is planned[-1] or person not in seen:
            kept.append(replace(step, position=len(kept) + 1))
        seen.add(person)
    return kept


def is_stuck(steps: Sequence[Step], line: approval.Line, *, on: date) -> bool:
    """Whether the one whose turn it is has left office, so that nobody can decide any more."""
    waiting = approval.turn(line)
    return waiting is not None and not steps[waiting.position - 1].approver.covers(on)


def line_of(steps: Sequence[Step], document: Document) -> approval.Line:
    """The line as the rules read it, of a document of `documents_within`."""
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
        document.withdrawn_at,
    )


def documents_within(complex_id: UUID) -> QuerySet[Document]:
    """The documents of a complex, each with the moment of its withdrawal, if it was withdrawn."""
    documents: Any = Document.objects.within(complex_id)
    found: QuerySet[Document] = documents.annotate(withdrawn_at=F("withdrawals__withdrawn_at"))
    return found


def waiting_for(reader: Officeholder) -> QuerySet[Step]:
    """The steps that wait for the reader's decision now, the first submitted first."""
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
        .order_by("document__submitted_at", "document_id")
    )


def drafts_of(reader: Officeholder) -> QuerySet[Draft]:
    """The reader's own drafts, the last saved first."""
    return (
        Draft.objects.within(reader.complex_id).filter(drafter_id=reader.id).select_related("form")
    )


def draft_of(reader: Officeholder, draft_id: UUID) -> Draft:
    """One of the reader's own drafts. Raises: Draft.DoesNotExist."""
    for draft in _draft(reader.complex_id, reader.id, draft_id):
        return draft
    raise Draft.DoesNotExist(draft_id)


def document_for(reader: Officeholder, document_id: UUID) -> Document:
    """A document the reader may see: one in whose line the reader stands, or the own.

    Raises: Document.DoesNotExist.
    """
    seen = Step.objects.filter(
        complex_id=reader.complex_id, document_id=OuterRef("id"), approver_id=reader.id
    )
    document: Document = (
        documents_within(reader.complex_id)
        .filter(Exists(seen))
        .select_related("form", "complex", "drafter__person")
        .prefetch_related("steps__approver__person")
        .get(id=document_id)
    )
    return document
