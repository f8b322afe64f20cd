"""The one gate to records: what a reader may see of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from danji.accounts.models import Officeholder, Residency
from danji.base import files
from danji.complexes.models import Complex
from danji.disclosure.endings import Gone, erased, has_ended, withdrawn
from danji.disclosure.models import (
    Clearance,
    Confirmation,
    Obstacle,
    Publication,
    Withdrawal,
)
from danji.records.models import Record, Relation
from danji.records.queries import register
from danji.renditions.models import Rendition
from danji.rules.disclosure import Scope
from danji.transparency.queries import (
    LoggedEvent,
    PublishedHead,
    confirmed_head,
    events_of,
    log_of,
    prove,
)
from danji.transparency.standing import Watch, agreed
from danji_verify.canonical import b64encode, canonical
from danji_verify.entry import Event

Reader = Officeholder | Residency
FOUND_BY_NUMBER = 500  # documents


@dataclass(frozen=True)
class DisclosedRecord:
    """A record as one reader may see it. `payload` is laid out in `docs/spec/record.md`."""

    record: Record
    payload: dict[str, Any]
    rendition: Rendition | None
    publication: Publication | None
    obstacle: Obstacle | None
    clearance: Clearance | None
    withdrawal: Withdrawal | None
    finalized: LoggedEvent | None  # the event that logged the PDF, once it has its place


def readable_records(reader: Reader, *, search: str = "") -> QuerySet[Record]:
    """The records a reader may see, newest first: an officer all, a resident what is disclosed."""
    records = _known_records(reader, search)
    if isinstance(reader, Residency):
        records = records.filter(~Exists(_withdrawals(reader)))
    return records


def _known_records(reader: Reader, search: str = "") -> QuerySet[Record]:
    """The same, with what was disclosed to a resident once."""
    records = register(reader.complex_id, search=search)
    if isinstance(reader, Residency):
        shown = Publication.objects.filter(
            complex_id=reader.complex_id, record_id=OuterRef("id")
        ).exclude(scope=Scope.WITHHELD)
        records = records.filter(Exists(shown))
    return records


def _withdrawals(reader: Reader) -> QuerySet[Withdrawal]:
    found: QuerySet[Withdrawal] = Withdrawal.objects.filter(
        complex_id=reader.complex_id, record_id=OuterRef("id")
    )
    return found


def read_record(reader: Reader, record_id: UUID) -> DisclosedRecord:
    """One record the reader may see.

    Raises: Record.DoesNotExist, also when it exists and is not for this reader; Gone when it was
    erased, or is disclosed to this reader no more.
    """
    shown = disclosed(_known_records(reader).select_related("complex").get(id=record_id))
    if isinstance(reader, Residency) and shown.withdrawal is not None:
        raise Gone(withdrawn(shown.record, shown.withdrawal))
    return shown


def listed_records(reader: Reader, *, search: str = "") -> QuerySet[Record]:
    """The records of a reader's list, newest first, each with `.withdrawn`: why it is disclosed no
    more, or None. A resident sees there that it is not, and does not find it by its words.
    """
    records = readable_records(reader, search=search) if search else _known_records(reader)
    listed: QuerySet[Record] = records.annotate(
        withdrawn=Subquery(_withdrawals(reader).values("reason")[:1])
    )
    return listed


def record_of(reader: Reader, doc: UUID) -> Record | None:
    """The record a document became, if it did and the reader may see it."""
    record: Record | None = readable_records(reader).filter(doc=doc).first()
    return record


def numbers_of(reader: Reader, docs: Sequence[UUID]) -> dict[UUID, str]:
    """The record numbers of documents, of those on record that the reader may see."""
    return dict(readable_records(reader).filter(doc__in=docs).values_list("doc", "number"))


def numbered(reader: Reader, words: str) -> list[UUID]:
    """The newest documents in whose record number these words stand."""
    records = readable_records(reader)
    for word in words.split():
        records = records.filter(number__icontains=word)
    return list(records.values_list("doc", flat=True)[:FOUND_BY_NUMBER])


def disclosed(record: Record) -> DisclosedRecord:
    """A record with all that has been added to it. Raises: Gone when it was erased."""
    if record.erased_at is not None:
        raise Gone(erased(record.complex_id, record.doc, record.erased_at, record))
    of_record = {"complex_id": record.complex_id, "record_id": record.id}
    events = events_of(record.complex_id, record.doc)
    return DisclosedRecord(
        record=record,
        payload=record.parsed_payload(),
        rendition=Rendition.objects.filter(**of_record).first(),
        publication=Publication.objects.filter(**of_record).first(),
        obstacle=Obstacle.objects.filter(**of_record).first(),
        clearance=Clearance.objects.filter(**of_record)
        .select_related("officeholder__person")
        .first(),
        withdrawal=Withdrawal.objects.filter(**of_record).first(),
        finalized=next((event for event in events if event.name == Event.FINALIZED), None),
    )


@dataclass(frozen=True)
class Agreement:
    """The witnesses (확인 기관) that agreed on a record, with a head of `size` events."""

    size: int
    watches: list[Watch]


def agreement_on(shown: DisclosedRecord, complex_: Complex) -> Agreement | None:
    """Who agreed that the PDF of a record was sealed as it is; None while provisional (잠정)."""
    if shown.finalized is None:
        return None
    origin = log_of(complex_.id, shown.finalized.log_number).origin
    head = confirmed_head(origin)
    if head is None or head.checkpoint.size <= shown.finalized.index:
        return None
    return Agreement(head.checkpoint.size, agreed(origin, head.checkpoint.size))


def published_records(complex_id: UUID) -> QuerySet[Publication]:
    """What was opened to everybody, newest first; also what cannot be read any more."""
    published: QuerySet[Publication] = (
        Publication.objects.within(complex_id)
        .filter(scope=Scope.PUBLIC)
        .select_related("record__folder")
    )
    return published


def confirmed_records(complex_id: UUID) -> set[UUID]:
    """The ids of the published records whose pages say that they are confirmed (확정)."""
    confirmations = Confirmation.objects.within(complex_id).filter(stamped=False)
    return set(confirmations.values_list("record_id", flat=True))


def open_records(complex_id: UUID) -> QuerySet[Publication]:
    """What everybody can read, newest first."""
    return published_records(complex_id).filter(~has_ended(complex_id))


def closed_records(complex_id: UUID) -> QuerySet[Publication]:
    """What everybody could read once, and cannot any more."""
    return published_records(complex_id).filter(has_ended(complex_id))


def publicly_replaced(record: Record) -> list[Publication]:
    """The publications, open to everybody, of the records that this one replaces."""
    cited = record.citations.filter(relation=Relation.SUPERSEDES).values("cited_id")
    return list(open_records(record.complex_id).filter(record_id__in=cited))


def public_successors(record: Record) -> list[Record]:
    """The records that were opened to everybody and replace this one; of others nothing is told."""
    citing = record.cited_by.filter(relation=Relation.SUPERSEDES).values("record_id")
    return [
        publication.record
        for publication in published_records(record.complex_id).filter(record_id__in=citing)
    ]


def public_docs(complex_id: UUID, docs: Sequence[UUID]) -> set[UUID]:
    """Which of these documents have a page for everybody."""
    return set(
        published_records(complex_id)
        .filter(record__doc__in=docs)
        .values_list("record__doc", flat=True)
    )


def pdf_of(shown: DisclosedRecord) -> bytes:
    """The sealed PDF. Raises: Rendition.DoesNotExist before it was made."""
    if shown.rendition is None:
        raise Rendition.DoesNotExist
    return files.get(shown.rendition.file)


def proof_of(
    shown: DisclosedRecord, complex_: Complex, *, under: PublishedHead | None = None
) -> bytes:
    """The proof file that stands beside the PDF (`.tlog-proof`), with the leaf inside.

    Args: `under` as in `prove`.
    Raises: ProofError while no published head reaches so far; Rendition.DoesNotExist before
    the PDF was logged.
    """
    event = shown.finalized
    if event is None:
        raise Rendition.DoesNotExist
    extra = canonical({"entry": b64encode(event.entry), "openings": event.openings})
    return prove(complex_, event, extra=extra, under=under)
