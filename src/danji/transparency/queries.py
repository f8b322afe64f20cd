"""What the log can say about an event: its bytes, its place, and the proof of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from danji.complexes.models import Complex
from danji.transparency.actions import log_key
from danji.transparency.models import ConfirmedHead, Leaf, Log, Opening
from danji.transparency.tree import file_reader, log_folder
from danji_verify import note
from danji_verify.checkpoint import Checkpoint
from danji_verify.checkpoint import log_key as public_log_key
from danji_verify.entry import Event
from danji_verify.policy import Party, Policy
from danji_verify.proof import Proof
from danji_verify.tiles import inclusion_proof


@dataclass(frozen=True)
class PublishedHead:
    """The newest published head of a log: the signed note, and what it says."""

    note: bytes
    checkpoint: Checkpoint


@dataclass(frozen=True)
class LoggedEvent:
    """An event with its exact bytes, what opens it, and its place in the log."""

    seq: int
    name: str
    entry: bytes
    leaf_hash: bytes
    openings: dict[str, Any]
    log_number: int
    index: int


def log_of(complex_id: UUID, number: int | None = None) -> Log:
    """A log of the complex, by its number; the one that goes on, without."""
    logs = Log.objects.within(complex_id)
    log: Log = logs.latest("number") if number is None else logs.get(number=number)
    return log


def policy(complex_: Complex) -> Policy:
    """Whom a verifier has to trust: the log's key. No witness cosigns yet: quorum none."""
    log = log_of(complex_.id)
    key = public_log_key(log.origin, log_key(complex_.code, log.number))
    address = f"{settings.SITE_URL}{settings.PUBLIC_URL}{complex_.code}/log/{log.number}/"
    return Policy((Party(key, address),), {}, {}, None)


def published_head(complex_: Complex, number: int | None = None) -> PublishedHead:
    """The newest head of a log of the complex, as everybody can fetch it.

    Raises: FileNotFoundError before the first one is published.
    """
    number = log_of(complex_.id).number if number is None else number
    data = (log_folder(complex_.code, number) / "checkpoint").read_bytes()
    return PublishedHead(data, Checkpoint.parse(note.parse_note(data).text))


def confirmed_head(origin: str) -> PublishedHead | None:
    """The newest head of a log on which its policy agreed (확정); None before the first."""
    heads = ConfirmedHead.objects.filter(origin=origin).order_by("-size", "-confirmed_at")
    head: ConfirmedHead | None = heads.first()
    if head is None:
        return None
    data = bytes(head.note)
    return PublishedHead(data, Checkpoint.parse(note.parse_note(data).text))


def confirmed_docs(complex_id: UUID, docs: Sequence[UUID]) -> set[UUID]:
    """Which of these documents are confirmed (확정): the sealing of their PDF is below a head on
    which the witnesses agreed.
    """
    covered = Q(pk__in=[])
    for log in Log.objects.within(complex_id):
        head = confirmed_head(log.origin)
        if head is not None:
            covered |= Q(log_number=log.number, index__lt=head.checkpoint.size)
    return set(
        Leaf.objects.within(complex_id)
        .filter(covered, event__doc__in=docs, event__name=Event.FINALIZED)
        .values_list("event__doc", flat=True)
    )


def events_of(complex_id: UUID, doc: UUID) -> list[LoggedEvent]:
    """The events of a document that have their place, in order."""
    leaves = (
        Leaf.objects.within(complex_id)
        .filter(event__complex_id=complex_id, event__doc=doc)
        .select_related("event")
        .order_by("event__seq")
    )
    openings = dict(
        Opening.objects.within(complex_id)
        .filter(event_id__in=[leaf.event_id for leaf in leaves])
        .values_list("event_id", "fields")
    )
    return [
        LoggedEvent(
            leaf.event.seq,
            leaf.event.name,
            bytes(leaf.event.entry),
            bytes(leaf.event.leaf_hash),
            openings.get(leaf.event_id, {}),
            leaf.log_number,
            leaf.index,
        )
        for leaf in leaves
    ]


def is_placed(complex_id: UUID, doc: UUID, name: str) -> bool:
    """Whether an event of that name of the document has its place in the log."""
    return Leaf.objects.within(complex_id).filter(event__doc=doc, event__name=name).exists()


def prove(complex_: Complex, event: LoggedEvent, *, extra: bytes | None = None) -> bytes:
    """The proof (tlog-proof) that the event is in its log: in the confirmed head where that reaches
    it already, in the newest published one otherwise.

    Raises: ProofError when no head reaches so far yet.
    """
    log = log_of(complex_.id, event.log_number)
    head = confirmed_head(log.origin)
    if head is None or head.checkpoint.size <= event.index:
        head = published_head(complex_, log.number)
    reader = file_reader(log_folder(complex_.code, log.number))
    path = inclusion_proof(event.index, head.checkpoint.size, reader)
    return Proof(index=event.index, path=tuple(path), checkpoint=head.note, extra=extra).format()
