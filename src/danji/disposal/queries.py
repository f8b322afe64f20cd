"""What may be destroyed, what is proposed, and what was."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from danji.approvals.models import Document, Outcome
from danji.disposal.models import Disposal, DisposalItem, DisposalOutcome
from danji.records.models import Citation, Record
from danji.rules.appointment import Answer
from danji.rules.disposal import Doomed
from danji.transparency.models import Leaf
from danji_verify.entry import Event

# The versions before documents that never came on record: what each mends, and what that mended;
# not beyond what is on record, nor what another document mends too that is kept.
EARLIER = """
WITH RECURSIVE earlier AS (
    SELECT complex_id, id, follows FROM approvals_document
    WHERE complex_id = %(complex)s AND id = ANY(%(docs)s)
    UNION
    SELECT before.complex_id, before.id, before.follows
    FROM earlier JOIN approvals_document AS before
        ON (before.complex_id, before.id) = (earlier.complex_id, earlier.follows)
    WHERE NOT EXISTS (
        SELECT FROM records_record WHERE (complex_id, doc) = (before.complex_id, before.id)
    ) AND NOT EXISTS (
        SELECT FROM approvals_document AS another
        WHERE another.complex_id = before.complex_id AND another.follows = before.id
            AND another.id <> earlier.id AND another.id <> ALL(%(docs)s)
            AND another.erased_at IS NULL
    )
)
SELECT id FROM earlier WHERE id <> ALL(%(docs)s)
"""


@dataclass(frozen=True)
class Item:
    """A document of a disposal, as people look through it.

    `citing` counts the records that cite it and are still kept; `title` is gone once it was erased.
    """

    doc: UUID
    record_id: UUID | None
    number: str
    title: str
    filed_at: datetime | None
    retained_until: date | None
    citing: int
    named: bool
    erased_at: datetime | None
    doomed: Doomed


def expired_records(complex_id: UUID, *, today: date) -> QuerySet[Record]:
    """The records whose retention has ended and whose disposal nobody has proposed, the oldest
    first; each with `.citing`, how many kept records cite it.
    """
    citing = Citation.objects.filter(
        complex_id=complex_id, cited_id=OuterRef("id"), record__erased_at=None
    )
    expired: QuerySet[Record] = (
        Record.objects.within(complex_id)
        .filter(retained_until__lt=today, erased_at=None)
        .filter(~Exists(_under_discussion(complex_id).filter(doc=OuterRef("doc"))))
        .annotate(citing=_count(citing, "cited_id"))
        .select_related("folder")
        .order_by("retained_until", "filed_at", "id")
    )
    return expired


def _count(rows: QuerySet[Any], by: str) -> Coalesce:
    """How many rows hang on each row of another question, by their column `by`."""
    counted = rows.order_by().values(by).annotate(count=Count("id")).values("count")
    return Coalesce(Subquery(counted), 0)


def _under_discussion(complex_id: UUID) -> QuerySet[DisposalItem]:
    """The items of disposals that nobody has rejected or taken back."""
    refused = DisposalOutcome.objects.filter(
        complex_id=complex_id, disposal_id=OuterRef("disposal_id")
    ).exclude(answer=Answer.CONFIRMED.value)
    items: QuerySet[DisposalItem] = DisposalItem.objects.filter(complex_id=complex_id).filter(
        ~Exists(refused)
    )
    return items


def proposed_of(complex_id: UUID, docs: Iterable[UUID]) -> set[UUID]:
    """Those of some documents whose disposal is proposed, or confirmed."""
    return set(_under_discussion(complex_id).filter(doc__in=docs).values_list("doc", flat=True))


def disposals_of(complex_id: UUID) -> QuerySet[Disposal]:
    """The disposals of a complex, newest first, each with `.answer` (or None) and `.documents`."""
    answers = DisposalOutcome.objects.filter(complex_id=complex_id, disposal_id=OuterRef("id"))
    named = DisposalItem.objects.filter(
        complex_id=complex_id, disposal_id=OuterRef("id"), named=True
    )
    disposals: QuerySet[Disposal] = (
        Disposal.objects.within(complex_id)
        .select_related("proposed_by__person")
        .annotate(
            answer=Subquery(answers.values("answer")[:1]),
            documents=_count(named, "disposal_id"),
        )
    )
    return disposals


def disposal_of(complex_id: UUID, disposal_id: UUID) -> Disposal:
    """One disposal of a complex. Raises: Disposal.DoesNotExist."""
    return disposals_of(complex_id).get(id=disposal_id)


def outcome_of(disposal: Disposal) -> DisposalOutcome | None:
    """What became of a disposal; None while nobody has answered it."""
    found: DisposalOutcome | None = (
        DisposalOutcome.objects.within(disposal.complex_id)
        .filter(disposal_id=disposal.id)
        .select_related("answered_by__person")
        .first()
    )
    return found


def items_of(disposal: Disposal) -> list[Item]:
    """The documents of a disposal, those on record first, by number."""
    rows = list(DisposalItem.objects.within(disposal.complex_id).filter(disposal_id=disposal.id))
    named = {row.doc: row.named for row in rows}
    return look_at(disposal.complex_id, list(named), named=[doc for doc in named if named[doc]])


def look_at(complex_id: UUID, docs: Sequence[UUID], *, named: Iterable[UUID] = ()) -> list[Item]:
    """Documents as whoever decides about their disposal sees them, those on record first.

    Args: `named` are those that were chosen themselves.
    Raises: Document.DoesNotExist when there is no such document.
    """
    documents = {row.id: row for row in Document.objects.within(complex_id).filter(id__in=docs)}
    records = {row.doc: row for row in Record.objects.within(complex_id).filter(doc__in=docs)}
    ended = set(
        Outcome.objects.within(complex_id)
        .filter(document_id__in=docs)
        .values_list("document_id", flat=True)
    )
    citing = dict(
        Citation.objects.within(complex_id)
        .filter(cited__doc__in=docs, record__erased_at=None)
        .values_list("cited__doc")
        .annotate(Count("id"))
    )
    if missing := set(docs) - documents.keys():
        raise Document.DoesNotExist(missing)
    chosen = set(named)
    items = [
        _item(documents[doc], records.get(doc), citing.get(doc, 0), doc in chosen, doc in ended)
        for doc in dict.fromkeys(docs)
    ]
    return sorted(items, key=lambda item: (not item.number, item.number, item.title, item.doc))


def _item(
    document: Document, record: Record | None, citing: int, named: bool, has_ended: bool
) -> Item:
    number = record.number if record else ""
    retained_until = record.retained_until if record else None
    return Item(
        doc=document.id,
        record_id=record.id if record else None,
        number=number,
        title=document.title,
        filed_at=record.filed_at if record else None,
        retained_until=retained_until,
        citing=citing,
        named=named,
        erased_at=document.erased_at,
        doomed=Doomed(
            name=number or document.title,
            retained_until=retained_until,
            is_under_way=not has_ended,
            is_erased=document.erased_at is not None,
        ),
    )


def places_of_erasures(complex_id: UUID, docs: Iterable[UUID]) -> dict[UUID, int]:
    """Where in the log stands that documents were erased; without those that have no place yet."""
    leaves = Leaf.objects.within(complex_id).filter(event__doc__in=docs, event__name=Event.ERASED)
    return dict(leaves.order_by("log_number", "index").values_list("event__doc", "index"))


def earlier_versions(complex_id: UUID, docs: Iterable[UUID]) -> list[UUID]:
    """The documents that these were written to mend and that never came on record: returned or
    taken back, they hold the same. Not those that another document, which is kept, mends too.
    """
    with connection.cursor() as cursor:
        cursor.execute(EARLIER, {"complex": complex_id, "docs": list(docs)})
        return [found for (found,) in cursor.fetchall()]
