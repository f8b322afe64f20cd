"""What the log can say about an event: its bytes, its place, and the proof of it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from danji.base.models import ScopedQuerySet
from danji.complexes.models import Complex
from danji.transparency.keys import log_keys
from danji.transparency.models import ConfirmedHead, Leaf, Log, Opening, Party, Seal, Witness
from danji.transparency.tree import file_reader, log_folder
from danji_verify.canonical import b64decode
from danji_verify.checkpoint import Checkpoint
from danji_verify.entry import Event, parse_entry
from danji_verify.errors import NoteError, VerifyError
from danji_verify.note import VerifierKey, parse_note, verify_signatures
from danji_verify.policy import Group, Policy
from danji_verify.policy import Party as Known
from danji_verify.proof import Proof
from danji_verify.tiles import inclusion_proof

NEEDED = "needed"  # the group of a policy in which every party has to agree
BOTH = (Party.COMPLEX, Party.CITY)  # who has to agree on the head of a complex's log
NEWEST = 8  # rows that are looked at for one that is to be believed


@dataclass(frozen=True)
class PublishedHead:
    """A head of a log as it was published: the signed note, and what it says."""

    note: bytes
    checkpoint: Checkpoint

    @classmethod
    def read(cls, data: bytes) -> "PublishedHead":
        """Raises: NoteError, FormatError. No signature is checked."""
        return cls(data, Checkpoint.parse(parse_note(data).text))


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
    """Whom a verifier has to trust: the keys of the complex's logs, the newest log first, and of
    its witnesses one of the complex and one of the city. The operator never counts.

    Raises: Refusal when a key of a log is not there.
    """
    logs = [
        Known(key, f"{settings.SITE_URL}{settings.PUBLIC_URL}{complex_.code}/log/{log.number}/")
        for log in Log.objects.within(complex_.id).order_by("-number")
        for key in log_keys(complex_, log)
    ]
    return policy_of(logs, witnesses_of(complex_), BOTH)


def witnesses_of(complex_: Complex) -> list[Witness]:
    """Who follows the logs of the complex today."""
    return list(Witness.objects.filter(Q(complex=complex_) | Q(complex=None), until=None))


def readable(witnesses: Iterable[Witness]) -> dict[Witness, VerifierKey]:
    """The keys of witnesses. One whose row is damaged is left out: it can speak for nobody, and
    keeps no other from being heard.
    """
    keys = {}
    for witness in witnesses:
        with suppress(NoteError):
            key = VerifierKey.parse(witness.vkey)
            if key.name == witness.name:
                keys[witness] = key
    return keys


def policy_of(
    logs: Sequence[Known], witnesses: Sequence[Witness], needed: Sequence[Party]
) -> Policy:
    """A policy by which one witness of each of the needed parties has to agree; others are listed.

    Where a party has none, nobody's agreement makes a head certain: quorum none. Addresses of
    witnesses are left out: they may be those of a computer in somebody's office.
    """
    keys = readable(witnesses)
    known = {witness.name: Known(key) for witness, key in keys.items()}
    groups = {
        party.value: Group(1, names)
        for party in needed
        if (names := tuple(witness.name for witness in keys if witness.party == party))
    }
    if len(groups) < len(needed):
        return Policy(tuple(logs), known, {}, None)
    groups[NEEDED] = Group(len(needed), tuple(groups))
    return Policy(tuple(logs), known, groups, NEEDED)


def published_head(complex_: Complex, number: int | None = None) -> PublishedHead:
    """The newest head of a log of the complex, as everybody can fetch it.

    Raises: FileNotFoundError before the first one is published.
    """
    number = log_of(complex_.id).number if number is None else number
    data = (log_folder(complex_.code, number) / "checkpoint").read_bytes()
    return PublishedHead.read(data)


def has_head(complex_: Complex) -> bool:
    """Whether a head of the log that goes on is published, under which something can be proven."""
    folder = log_folder(complex_.code, log_of(complex_.id).number)
    return (folder / "checkpoint").exists()


def newest_head(complex_: Complex, log: Log) -> PublishedHead:
    """The newest head of a log; of a retired one the last good, whatever was published after it.

    Raises: FileNotFoundError before the first one is published.
    """
    if log.number == log_of(complex_.id).number:
        return published_head(complex_, log.number)
    data = bytes(log.checkpoint)
    return PublishedHead.read(data)


def confirmed_head(origin: str) -> PublishedHead | None:
    """The newest head of a log on which its policy agreed (확정); None before the first."""
    row = confirmed_row(origin)
    return agreed_head(origin, bytes(row.note)) if row else None


def confirmed_row(origin: str) -> ConfirmedHead | None:
    """The newest head of a log on which its policy agreed (확정), as it is kept; None before the
    first. A row is believed for the signatures in it: whoever can write rows makes nothing certain.
    """
    return next(confirmed_rows(origin), None)


def confirmed_rows(origin: str) -> Iterator[ConfirmedHead]:
    """The newest heads of a log on which its policy agreed, the newest first."""
    rows = ConfirmedHead.objects.filter(origin=origin).order_by("-size", "-confirmed_at")
    return (row for row in chain(rows[:1], rows[1:NEWEST]) if _is_agreed(row))


def _is_agreed(row: ConfirmedHead) -> bool:
    try:
        head = agreed_head(row.origin, bytes(row.note)).checkpoint
    except VerifyError:
        return False
    return (head.size, head.root) == (row.size, bytes(row.root))


@lru_cache(4096)  # what signatures say does not change; what they do not say is asked again
def agreed_head(origin: str, data: bytes) -> PublishedHead:
    """A head of a log that one witness at least of each needed party cosigned, of all that the log
    ever had by the rows: a head stays certain when a witness goes, or where the files are damaged
    in which the log names it. The log's own line is the operator's word, and is not looked at.

    Raises: NoteError when they did not; FormatError.
    """
    signed = parse_note(data)
    head = PublishedHead(data, Checkpoint.parse(signed.text))
    if head.checkpoint.origin != origin:
        raise NoteError("a head of another log")
    code = origin.rpartition("/apt/")[2].partition("/")[0]
    witnesses = Witness.objects.filter(
        Q(complex=None) | Q(complex__code=code), name__in={one.name for one in signed.signatures}
    )
    keys = {key: witness.party for witness, key in readable(witnesses).items()}
    found = {keys[one.key] for one in verify_signatures(signed, keys)}
    needed = {Party.COMPLEX, Party.CITY} if "/apt/" in origin else {Party.CITY}
    if not needed <= found:
        raise NoteError("a head on which not every party agreed")
    return head


def confirmed_leaves(complex_id: UUID) -> QuerySet[Leaf]:
    """The leaves below a head on which the witnesses agreed."""
    covered = Q(id__in=[])
    for log in Log.objects.within(complex_id):
        head = confirmed_head(log.origin)
        if head is not None:
            covered |= Q(log_number=log.number, index__lt=head.checkpoint.size)
    return standing_leaves(complex_id).filter(covered)


def seals_of(complex_id: UUID, docs: Sequence[UUID]) -> dict[UUID, Seal]:
    """How firmly these documents are sealed, of those whose sealed PDF is in the log."""
    agreed = confirmed_leaves(complex_id).filter(pk=OuterRef("pk"))
    sealed = (
        Leaf.objects.within(complex_id)
        .filter(event__doc__in=docs, event__name=Event.FINALIZED)
        .annotate(is_agreed=Exists(agreed))
        .values_list("event__doc", "is_agreed")
    )
    return {doc: Seal.CONFIRMED if agreed else Seal.PROVISIONAL for doc, agreed in sealed}


def confirmed_docs(complex_id: UUID, docs: Sequence[UUID]) -> set[UUID]:
    """Which of these documents are confirmed (확정)."""
    return {doc for doc, seal in seals_of(complex_id, docs).items() if seal is Seal.CONFIRMED}


def standing_leaves(complex_id: UUID) -> ScopedQuerySet:
    """The places that count: in a retired log those below its last good head, at which it ends."""
    log = Log.objects.within(complex_id).filter(
        number=OuterRef("log_number"), size__gt=OuterRef("index")
    )
    leaves: ScopedQuerySet = Leaf.objects.within(complex_id).filter(Exists(log))
    return leaves


def events_of(complex_id: UUID, doc: UUID) -> list[LoggedEvent]:
    """The events of a document that have their place, in order."""
    leaves = (
        standing_leaves(complex_id)
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


def methods_of(complex_id: UUID, doc: UUID) -> dict[bytes, str]:
    """By what each decision on a document was signed: the leaf hash of its event → `method`."""
    opened = (
        Opening.objects.within(complex_id)
        .filter(event__complex_id=complex_id, event__doc=doc, fields__auth__has_key="value")
        .values_list("event__leaf_hash", "fields__auth__value")
    )
    return {bytes(leaf): json.loads(b64decode(auth))["method"] for leaf, auth in opened}


def newest_event_at(complex_id: UUID) -> datetime | None:
    """When the newest event happened that has its place; None before the first."""
    leaves = Leaf.objects.within(complex_id).order_by("-log_number", "-index")
    newest = leaves.select_related("event").first()
    return parse_entry(bytes(newest.event.entry)).at if newest else None


def is_placed(complex_id: UUID, doc: UUID, name: str) -> bool:
    """Whether an event of that name of the document has its place in the log."""
    return standing_leaves(complex_id).filter(event__doc=doc, event__name=name).exists()


def placed_leaves(complex_id: UUID, doc: UUID) -> set[bytes]:
    """The leaf hashes of a document's events that have their place in a log."""
    placed = Leaf.objects.within(complex_id).filter(event__doc=doc)
    return {bytes(leaf) for leaf in placed.values_list("event__leaf_hash", flat=True)}


def opening_of(complex_id: UUID, number: int) -> LoggedEvent:
    """The first leaf of a log of the complex: what opened it, or continued the one before.

    Raises: Leaf.DoesNotExist while it waits for its place.
    """
    leaf = Leaf.objects.within(complex_id).select_related("event").get(log_number=number, index=0)
    return next(
        event
        for event in events_of(complex_id, complex_id)
        if event.log_number == number and event.index == leaf.index
    )


def seal_changes(complex_id: UUID) -> list[LoggedEvent]:
    """The changes of the complex's seal (봉인 열쇠 바꾸기) that have their place, in order."""
    return [
        event
        for event in events_of(complex_id, complex_id)
        if event.name == Event.KEY_ROTATED
        and "key" in event.openings  # lost with a database, nobody can say what it said
        and json.loads(b64decode(event.openings["key"]["value"]))["use"] == "seal"
    ]


def seal_name(complex_id: UUID) -> str:
    """What the seal is kept under with which PDFs are sealed now: `seal`, `seal-2`, …"""
    changes = len(seal_changes(complex_id))
    return f"seal-{changes + 1}" if changes else "seal"


def prove(
    complex_: Complex,
    event: LoggedEvent,
    *,
    extra: bytes | None = None,
    under: PublishedHead | None = None,
) -> bytes:
    """The proof (tlog-proof) that the event is in its log: in the confirmed head where that reaches
    it already, in the newest published one otherwise.

    Args: `under` asks for another head, for the events of its log.
    Raises: ProofError when no head reaches so far yet.
    """
    log = log_of(complex_.id, event.log_number)
    head = confirmed_head(log.origin)
    if under is not None and under.checkpoint.origin == log.origin:
        head = under
    elif head is None or not event.index < head.checkpoint.size <= log.size:
        head = newest_head(complex_, log)
    reader = file_reader(log_folder(complex_.code, log.number))
    path = inclusion_proof(event.index, head.checkpoint.size, reader)
    return Proof(index=event.index, path=tuple(path), checkpoint=head.note, extra=extra).format()
