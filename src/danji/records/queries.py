"""Reading what is on record."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from danji.records.models import Citation, Record, Register, Relation
from danji.rules.disposal import erased_refusal
from danji.rules.refusal import Refusal
from danji.transparency.queries import is_placed, standing_leaves
from danji_verify.entry import Event

SEARCH_LENGTH, SEARCH_WORDS = 200, 8  # characters, words


@dataclass(frozen=True)
class Filed:
    """When a document was filed, and whether another has taken its place (대체) since."""

    at: datetime
    is_superseded: bool


def sealed_record(complex_id: UUID, doc: UUID, *, may_be_erased: bool = False) -> Record:
    """A record that may be cited: it has its place in the log, so it can no longer change.

    Args: `may_be_erased` is for a citation that was made while the record could still be read.
    Raises: Refusal.
    """
    record: Record | None = Record.objects.within(complex_id).filter(doc=doc).first()
    if record is not None and record.erased_at is not None and not may_be_erased:
        raise erased_refusal(record.erased_at)
    if record is None or not is_placed(complex_id, doc, Event.FILED):
        raise Refusal(
            "아직 봉인되지 않은 문서는 관련 문서로 쓸 수 없습니다.",
            next_step="잠시 뒤 그 문서가 봉인되면 다시 골라 주세요.",
        )
    return record


def sealed_records(complex_id: UUID) -> QuerySet[Record]:
    """The records that can be read and whose filing has its place in the log, oldest first."""
    placed = standing_leaves(complex_id).filter(event__doc=OuterRef("doc"), event__name=Event.FILED)
    return (
        Record.objects.within(complex_id)
        .filter(Exists(placed), erased_at=None)
        .select_related("folder")
        .order_by("filed_at", "id")
    )


def register(complex_id: UUID, *, search: str = "") -> QuerySet[Record]:
    """The register (등록대장), newest first; `search` holds words of a number or a title.

    Only the first words count, so that no search keeps the others waiting.
    """
    records = Record.objects.within(complex_id).select_related("folder")
    for word in search[:SEARCH_LENGTH].split()[:SEARCH_WORDS]:
        records = records.filter(Q(number__icontains=word) | Q(title__icontains=word))
    return records


def last_numbers(complex_id: UUID) -> dict[tuple[str, int], int]:
    """The last serial number given out, by series and year, in their order; none where none was."""
    rows = Register.objects.within(complex_id).filter(last__gt=0).order_by("series", "year")
    return {
        (series, year): last for series, year, last in rows.values_list("series", "year", "last")
    }


def filings(complex_id: UUID, docs: Collection[UUID]) -> dict[UUID, Filed]:
    """What became of those of these documents that are on record, by document."""
    newer = Citation.objects.within(complex_id).filter(
        cited_id=OuterRef("id"), relation=Relation.SUPERSEDES
    )
    rows = Record.objects.within(complex_id).filter(doc__in=docs).annotate(newer=Exists(newer))
    found = rows.values_list("doc", "filed_at", "newer")
    return {doc: Filed(at, is_superseded) for doc, at, is_superseded in found}


def superseded_docs(complex_id: UUID) -> "QuerySet[Citation, UUID]":
    """The documents of which another record has taken the place (대체)."""
    newer = Citation.objects.within(complex_id).filter(relation=Relation.SUPERSEDES)
    return newer.values_list("cited__doc", flat=True)


def versions_of(complex_id: UUID, doc: UUID) -> set[UUID]:
    """A document, those of which it took the place (대체), and those that took its place."""
    replaced = Citation.objects.within(complex_id).filter(relation=Relation.SUPERSEDES)
    known: set[UUID] = set()
    new = {doc}
    while new:
        known |= new
        pairs = replaced.filter(Q(record__doc__in=new) | Q(cited__doc__in=new))
        new = {one for pair in pairs.values_list("record__doc", "cited__doc") for one in pair}
        new -= known
    return known


def docs_citing(complex_id: UUID, docs: Collection[UUID], *, form: str) -> list[UUID]:
    """The documents on a form whose records cite one of these documents, and still stand."""
    citing = Citation.objects.within(complex_id).filter(cited__doc__in=docs, record__form=form)
    return list(
        citing.exclude(record__doc__in=superseded_docs(complex_id)).values_list(
            "record__doc", flat=True
        )
    )
