"""What the log can say about an event: its bytes, its place, and the proof of it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings

from danji.complexes.models import Complex
from danji.transparency.actions import log_key
from danji.transparency.models import Leaf, Log, Opening
from danji.transparency.tree import file_reader, log_folder
from danji_verify import note
from danji_verify.checkpoint import Checkpoint
from danji_verify.checkpoint import log_key as public_log_key
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
    index: int


def log_of(complex_id: UUID) -> Log:
    """The complex's log."""
    log: Log = Log.objects.within(complex_id).get()
    return log


def policy(complex_: Complex) -> Policy:
    """Whom a verifier has to trust: the log's key. No witness cosigns yet: quorum none."""
    log = log_of(complex_.id)
    key = public_log_key(log.origin, log_key(complex_.code, log.number))
    address = f"{settings.SITE_URL}{settings.PUBLIC_URL}{complex_.code}/log/{log.number}/"
    return Policy((Party(key, address),), {}, {}, None)


def published_head(complex_: Complex) -> PublishedHead:
    """The newest head as everybody can fetch it.

    Raises: FileNotFoundError before the first one is published.
    """
    data = (log_folder(complex_.code, log_of(complex_.id).number) / "checkpoint").read_bytes()
    return PublishedHead(data, Checkpoint.parse(note.parse_note(data).text))


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
            leaf.index,
        )
        for leaf in leaves
    ]


def is_placed(complex_id: UUID, doc: UUID, name: str) -> bool:
    """Whether an event of that name of the document has its place in the log."""
    return Leaf.objects.within(complex_id).filter(event__doc=doc, event__name=name).exists()


def prove(complex_: Complex, index: int, *, extra: bytes | None = None) -> bytes:
    """The proof (tlog-proof) that the leaf at `index` is in the newest published head.

    Raises: ProofError when that head does not reach so far yet.
    """
    head = published_head(complex_)
    folder = log_folder(complex_.code, log_of(complex_.id).number)
    path = inclusion_proof(index, head.checkpoint.size, file_reader(folder))
    return Proof(index=index, path=tuple(path), checkpoint=head.note, extra=extra).format()
