"""What waits for whom, and how far a document has come."""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, When

from danji.accounts.models import Office, Officeholder
from danji.approvals.models import Circulation, Document, Draft, Enclosure, Hold, Step, Turn
from danji.authority.queries import deputising
from danji.base.prepared import Prepared
from danji.formbook.models import Form
from danji.rules import approval
from danji.rules.approval import Choice, Decision, Ending
from danji.rules.refusal import Refusal
from danji.transparency.models import Opening
from danji_verify.canonical import b64decode
from danji_verify.entry import Event

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


def published_form(key: str) -> Form:
    """The newest version of a form.

    Raises: Refusal when there is none.
    """
    form = next(iter(_published(key)), None)
    if form is None:
        raise Refusal("없는 서식입니다.", next_step="새 문서 화면에서 서식을 다시 골라 주세요.")
    return form


def current(steps: Iterable[Step]) -> list[Step]:
    """The steps that count, in order of position: of each position the last round."""
    last: dict[int, Step] = {}
    for step in steps:
        if step.position not in last or last[step.position].round < step.round:
            last[step.position] = step
    return [last[position] for position in sorted(last)]


def is_stuck(steps: Sequence[Step], line: approval.Line, *, on: date) -> bool:
    """Whether everybody whose turn it is has left office, so that nobody can decide any more.

    Args: `steps` are the current ones.
    """
    waiting = {step.position for step in approval.turns(line)}
    asked = [step for step in steps if step.position in waiting]
    return bool(asked) and not any(step.approver.covers(on) for step in asked)


def was_decided(steps: Iterable[Step]) -> bool:
    """Whether anybody but the drafter has decided, in any round."""
    return any(step.decision and step.act != approval.Act.DRAFT for step in steps)


def is_own(document: Document, steps: Iterable[Step], officer: Officeholder, *, on: date) -> bool:
    """Whether an officer may take a document back: the drafter, in whichever term; and the
    manager, when neither the drafter nor anybody whose turn it is holds office any more.
    """
    if document.drafter.person_id == officer.person_id:
        return True
    return (
        officer.office == Office.MANAGER
        and not document.drafter.covers(on)
        and is_stuck(current(steps), line_of(steps, document), on=on)
    )


def line_of(steps: Iterable[Step], document: Document) -> approval.Line:
    """The line as the rules read it, of a document of `documents_within`.

    Args: `steps` may be of every round.
    """
    return approval.Line(
        tuple(
            approval.Step(
                position=step.position,
                stage=step.stage,
                act=approval.Act(step.act),
                approver=step.approver_id,
                decision=approval.Decision(step.decision) if step.decision else None,
                decided_at=step.decided_at,
            )
            for step in current(steps)
        ),
        document.withdrawn_at,
    )


def documents_within(complex_id: UUID) -> QuerySet[Document]:
    """The documents of a complex, each with the moment of its withdrawal, if it was withdrawn."""
    documents: Any = Document.objects.within(complex_id)
    found: QuerySet[Document] = documents.annotate(
        withdrawn_at=Case(
            When(outcomes__ending=Ending.WITHDRAWN.value, then=F("outcomes__ended_at"))
        )
    )
    return found


def turns_of(reader: Officeholder, absent: Sequence[UUID]) -> QuerySet[Turn]:
    """The turns in which the reader decides.

    Args: `absent` are the officers in whose place the reader does (대결); on an own document,
    nobody does.
    """
    turns: QuerySet[Turn] = Turn.objects.within(reader.complex_id)
    if not absent:
        return turns.filter(approver_id=reader.id)
    own = Officeholder.objects.filter(complex_id=reader.complex_id, id=reader.id)
    drafted = Q(document__drafter__person_id=Subquery(own.values("person_id")))
    return turns.filter(Q(approver_id=reader.id) | Q(approver_id__in=absent) & ~drafted)


def waiting_for(reader: Officeholder, *, on: date) -> QuerySet[Turn]:
    """Whatever waits for the reader's decision, also in the place of who is absent (대결).

    The longest waiting first; `.approver` is another than the reader in the latter case. Nobody
    acts for another on the own document.
    """
    absent = [officer.id for officer in deputising(reader, on=on)]
    return (
        turns_of(reader, absent)
        .select_related("document__drafter__person", "document__form", "step", "approver__person")
        .order_by("since", "id")
    )


def hold_on(step: Step) -> Hold | None:
    """Why a step is being held (보류), if it is."""
    hold: Hold | None = (
        Hold.objects.within(step.complex_id).filter(step_id=step.id, lifted_at=None).first()
    )
    return None if step.decision else hold


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


def draft_mending(reader: Officeholder, document_id: UUID) -> Draft | None:
    """The reader's draft in which a document is being mended, the last saved if there are more."""
    return drafts_of(reader).filter(follows=document_id).first()


def documents_for(reader: Officeholder, *, on: date) -> QuerySet[Document]:
    """The documents the reader may see: in whose line the reader or one stood in for stands, or
    that were shown to the reader.
    """
    officers = [reader.id, *(officer.id for officer in deputising(reader, on=on))]
    of_document = Q(complex_id=reader.complex_id, document_id=OuterRef("id"))
    stands = Step.objects.filter(of_document, approver_id__in=officers)
    acted = Step.objects.filter(of_document, decided_by_id=reader.id)
    shown = Circulation.objects.filter(of_document, recipient_id=reader.id, sent_at__isnull=False)
    return documents_within(reader.complex_id).filter(
        Exists(stands) | Exists(acted) | Exists(shown)
    )


def document_for(reader: Officeholder, document_id: UUID, *, on: date) -> Document:
    """A document the reader may see.

    Its steps are of every round, in order of position and round.
    Raises: Document.DoesNotExist.
    """
    document: Document = (
        documents_for(reader, on=on)
        .select_related("form", "complex", "drafter__person")
        .prefetch_related(
            "steps__approver__person",
            "steps__decided_by__person",
            "circulations__recipient__person",
        )
        .get(id=document_id)
    )
    return document


def next_waiting(reader: Officeholder, after: UUID, *, on: date) -> UUID | None:
    """The document that waits longest for the reader, another than `after`; None when none does."""
    found: UUID | None = (
        waiting_for(reader, on=on)
        .exclude(document_id=after)
        .values_list("document_id", flat=True)
        .first()
    )
    return found


def following(document: Document) -> list[UUID]:
    """The documents written to mend this one, the oldest first."""
    return list(
        Document.objects.within(document.complex_id)
        .filter(follows=document.id)
        .order_by("submitted_at")
        .values_list("id", flat=True)
    )


def sharing_files(document: Document, digests: Sequence[str]) -> list[UUID]:
    """Earlier documents that carry one of these files too, unless they came to nothing.

    Args: `digests` are SHA-256 of the document's own files, in hex.
    """
    return list(
        Enclosure.objects.within(document.complex_id)
        .filter(sha256__in=digests, document__submitted_at__lte=document.submitted_at)
        .exclude(document_id=document.id)
        .exclude(document__outcomes__ending__in=(Ending.RETURNED, Ending.WITHDRAWN))
        .values_list("document_id", flat=True)
        .distinct()
    )


def said_afterwards(document: Document) -> dict[UUID, Choice]:
    """What was said in approving a document afterwards (후결), as signed, by the circulation.

    Args: `document` is from `document_for`.
    """
    confirmed = [each.id for each in document.circulations.all() if each.confirmed_at]
    if not confirmed:
        return {}
    openings = Opening.objects.within(document.complex_id).filter(
        event__doc__in=confirmed, event__name=Event.FOLLOWED
    )
    found = {}
    for doc, fields in openings.values_list("event__doc", "fields"):
        said = json.loads(b64decode(fields["stmt"]["value"]))
        found[doc] = Choice(Decision(said["decision"]), said["opinion"])
    return found
