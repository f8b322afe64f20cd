"""Writing into the log: opening it, and adding events in the transaction in which they happen."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings
from django.db import transaction

from danji.base.keys import keep_key, read_key
from danji.complexes.models import Complex
from danji.transparency.models import Event, Log, Opening, PendingEvent
from danji_verify import entry, merkle
from danji_verify.canonical import canonical
from danji_verify.checkpoint import Checkpoint, sign_checkpoint
from danji_verify.commitment import SALT_SIZE, commit
from danji_verify.commitment import Opening as Opened


@dataclass(frozen=True)
class Kept:
    """A committed value that is kept elsewhere; `sha256` of its bytes in lower hex."""

    sha256: str


@dataclass(frozen=True)
class Tail:
    """Where a document's chain of events stands: the next number, and what it follows."""

    seq: int
    prev: bytes | None


def log_key(code: str, number: int) -> Ed25519PrivateKey:
    """The key that signs the log's heads.

    Raises: Refusal when its file is missing.
    """
    key = load_pem_private_key(read_key(code, f"log-{number}.pem"), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("the log is signed with Ed25519")
    return key


@transaction.atomic
def open_log(complex_: Complex, *, seal_certificate: bytes, at: datetime) -> Log:
    """Begin the complex's first log. Its first leaf names the complex and the seal it uses.

    Args: `seal_certificate` is DER.
    """
    number = 1
    origin = f"{settings.DOMAIN}/apt/{complex_.code}/{number}"
    key = Ed25519PrivateKey.generate()
    keep_key(
        complex_.code,
        f"log-{number}.pem",
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
    log = Log.objects.create(
        complex=complex_,
        number=number,
        origin=origin,
        root=merkle.EMPTY_ROOT,
        checkpoint=sign_checkpoint(Checkpoint(origin, 0, merkle.EMPTY_ROOT), key),
    )
    append_event(
        complex_,
        complex_.id,
        entry.Event.LOG_OPENED,
        {
            "complex": canonical({"code": complex_.code, "name": complex_.name, "origin": origin}),
            "seal": seal_certificate,
        },
        at=at,
    )
    return log


def tail_of(complex_id: UUID, doc: UUID) -> Tail:
    """Where the chain of a document stands. The caller holds the document's lock."""
    last = (
        Event.objects.within(complex_id)
        .filter(doc=doc)
        .order_by("-seq")
        .values_list("seq", "leaf_hash")
        .first()
    )
    return Tail(1, None) if last is None else Tail(last[0] + 1, bytes(last[1]))


def append_event(
    complex_: Complex,
    doc: UUID,
    name: entry.Event,
    values: Mapping[str, bytes | Kept],
    *,
    at: datetime,
    tail: Tail | None = None,
) -> bytes:
    """Add an event to the log, in the caller's transaction; the sequencer places it afterwards.

    Args: `values` are what the event commits to, by field; `at` is cut to whole seconds.
    Returns: its leaf hash, 32 bytes.
    """
    tail = tail or tail_of(complex_.id, doc)
    openings = {
        field: Opened(os.urandom(SALT_SIZE), bytes.fromhex(value.sha256))
        if isinstance(value, Kept)
        else Opened(os.urandom(SALT_SIZE), sha256(value).digest(), value)
        for field, value in values.items()
    }
    data = entry.build_entry(
        entry.Entry(
            event=name,
            complex=complex_.code,
            document=doc.hex,
            seq=tail.seq,
            prev=tail.prev,
            at=at.astimezone(UTC).replace(microsecond=0),
            commitments={
                field: commit(field, opening.salt, opening.digest)
                for field, opening in openings.items()
            },
        )
    )
    leaf_hash = merkle.leaf_hash(data)
    event = Event.objects.create(
        complex=complex_, doc=doc, seq=tail.seq, name=name, entry=data, leaf_hash=leaf_hash
    )
    Opening.objects.create(
        complex=complex_,
        event=event,
        fields={field: opening.as_json() for field, opening in openings.items()},
    )
    PendingEvent.objects.create(complex=complex_, event=event)
    return leaf_hash
