"""Reading what is on record."""

from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from danji.records.models import Record
from danji.rules.disposal import erased_refusal
from danji.rules.refusal import Refusal
from danji.transparency.queries import is_placed, standing_leaves
from danji_verify.entry import Event

SEARCH_LENGTH, SEARCH_WORDS = 200, 8  # characters, words


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
