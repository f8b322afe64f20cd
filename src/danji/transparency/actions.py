"""Writing into the log: opening it, and adding events in the transaction in which they happen."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from danji.base.ids import uuid7
from danji.complexes.models import Complex
from danji.rules.refusal import Refusal
from danji.transparency.keys import enter_log_key, key_name, log_signers, origin_of
from danji.transparency.models import Log
from danji_verify import entry, merkle
from danji_verify.canonical import canonical
from danji_verify.checkpoint import Checkpoint, sign_checkpoint
from danji_verify.commitment import SALT_SIZE, commit
from danji_verify.commitment import Opening as Opened

LAST = """
SELECT seq, leaf_hash, entry FROM transparency_event WHERE complex_id = %s AND doc = %s
ORDER BY seq DESC LIMIT 1
"""
CHAIN = """
SELECT event.seq, event.name, event.leaf_hash, event.entry, opening.fields
FROM transparency_event AS event
LEFT JOIN transparency_opening AS opening
    ON (opening.complex_id, opening.event_id) = (event.complex_id, event.id)
WHERE event.complex_id = %s AND event.doc = %s ORDER BY event.seq
"""
# An event, what opens it, and its place in the queue: one statement, for every decision waits for
# it, and three would cost half of the time a decision takes in the database.
APPEND = """
WITH event AS (
    INSERT INTO transparency_event (complex_id, id, doc, seq, name, entry, leaf_hash)
    VALUES (%(complex)s, %(event)s, %(doc)s, %(seq)s, %(name)s, %(entry)s, %(leaf_hash)s)
), opening AS (
    INSERT INTO transparency_opening (complex_id, id, event_id, fields)
    VALUES (%(complex)s, %(opening)s, %(event)s, %(fields)s)
)
INSERT INTO transparency_pendingevent (complex_id, id, event_id)
VALUES (%(complex)s, %(pending)s, %(event)s)
"""


@dataclass(frozen=True)
class Kept:
    """A committed value that is kept elsewhere; `sha256` of its bytes in lower hex."""

    sha256: str


@dataclass(frozen=True)
class Tail:
    """Where a document's chain of events stands: the next number, what it follows, and when."""

    seq: int
    prev: bytes | None
    at: datetime | None


def begin_log(complex_: Complex, number: int, *, at: datetime) -> Log:
    """The row of a log with nothing in it yet, and its key.

    Raises: Refusal when the key cannot be made.
    """
    origin = origin_of(complex_.code, number)
    enter_log_key(complex_, number, origin, key_name(number), at)
    head = Checkpoint(origin, 0, merkle.EMPTY_ROOT)
    begun: Log = Log.objects.create(
        complex=complex_,
        number=number,
        origin=origin,
        root=head.root,
        checkpoint=sign_checkpoint(head, *log_signers(complex_, number, at)),
    )
    return begun


def complex_value(complex_: Complex, origin: str) -> bytes:
    """What the first leaf of a log says of whose log it is."""
    return canonical({"code": complex_.code, "name": complex_.name, "origin": origin})


@transaction.atomic
def open_log(complex_: Complex, *, seal_certificate: bytes, at: datetime) -> Log:
    """Begin the complex's first log. Its first leaf names the complex and the seal it uses.

    Args: `seal_certificate` is DER.
    """
    log = begin_log(complex_, 1, at=at)
    append_event(
        complex_,
        complex_.id,
        entry.Event.LOG_OPENED,
        {
            "complex": complex_value(complex_, log.origin),
            "seal": seal_certificate,
        },
        at=at,
    )
    return log


def continue_log(
    complex_: Complex, log: Log, seal_certificate: bytes, previous: bytes, *, at: datetime
) -> None:
    """Let a further log begin with what it continues.

    Args: `seal_certificate` is DER, `previous` the last good head of the log before, a note.
    """
    append_event(
        complex_,
        complex_.id,
        entry.Event.LOG_CONTINUED,
        {
            "complex": complex_value(complex_, log.origin),
            "seal": seal_certificate,
            "previous": previous,
        },
        at=at,
    )


@dataclass(frozen=True)
class Chained:
    """An event of a document as it was logged; `fields` open it, as in `Opening`."""

    seq: int
    name: str
    leaf_hash: bytes
    at: datetime
    fields: Mapping[str, Mapping[str, str]]

    @property
    def tail(self) -> "Tail":
        """Where the chain stands after this event."""
        return Tail(self.seq + 1, self.leaf_hash, self.at)


def chain_of(complex_id: UUID, doc: UUID) -> list[Chained]:
    """Every event of a document in order, placed or not. The caller holds the document's lock."""
    with connection.cursor() as cursor:
        cursor.execute(CHAIN, [complex_id, doc])
        rows = cursor.fetchall()
    return [
        Chained(
            seq,
            name,
            bytes(leaf_hash),
            entry.parse_time(json.loads(bytes(data))["t"]),
            json.loads(fields) if isinstance(fields, str) else fields or {},
        )
        for seq, name, leaf_hash, data, fields in rows
    ]


def tail_of(complex_id: UUID, doc: UUID) -> Tail:
    """Where the chain of a document stands. The caller holds the document's lock."""
    with connection.cursor() as cursor:
        cursor.execute(LAST, [complex_id, doc])
        last = cursor.fetchone()
    if last is None:
        return Tail(1, None, None)
    seq, leaf_hash, data = last
    return Tail(seq + 1, bytes(leaf_hash), entry.parse_time(json.loads(bytes(data))["t"]))


def grow_alone(complex_: Complex) -> None:
    """Let the complex's own chain grow by one at a time, until the transaction ends."""
    Complex.objects.select_for_update(no_key=True).get(id=complex_.id)


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

    The caller holds the document's lock.
    Args: `values` are what the event commits to, by field; `at` is cut to whole seconds.
    Returns: its leaf hash, 32 bytes.
    Raises: Refusal when the clock went back behind the event before it, for no verifier would
    believe the document any more; IntegrityError when the chain went on meanwhile.
    """
    tail = tail or tail_of(complex_.id, doc)
    at = at.astimezone(UTC).replace(microsecond=0)
    if tail.at is not None and at < tail.at.replace(microsecond=0):
        raise Refusal(
            "서버의 시계가 이 문서의 앞 단계보다 뒤로 가 있습니다. 처리하지 않았습니다.",
            next_step="운영자에게 알려 시계를 맞춘 뒤 다시 해 주세요.",
        )
    openings = {field: _opening(value) for field, value in values.items()}
    data = entry.build_entry(
        entry.Entry(
            event=name,
            complex=complex_.code,
            document=doc.hex,
            seq=tail.seq,
            prev=tail.prev,
            at=at,
            commitments={
                field: commit(field, opening.salt, opening.digest)
                for field, opening in openings.items()
            },
        )
    )
    leaf_hash = merkle.leaf_hash(data)
    row: dict[str, Any] = {
        "complex": complex_.id,
        "event": uuid7(),
        "opening": uuid7(),
        "pending": uuid7(),
        "doc": doc,
        "seq": tail.seq,
        "name": str(name),
        "entry": data,
        "leaf_hash": leaf_hash,
        "fields": json.dumps({field: opening.as_json() for field, opening in openings.items()}),
    }
    with connection.cursor() as cursor:
        cursor.execute(APPEND, row)
    return leaf_hash


def _opening(value: bytes | Kept) -> Opened:
    """What will open the commitment to a value, under a salt of its own."""
    salt = os.urandom(SALT_SIZE)
    if isinstance(value, Kept):
        return Opened(salt, bytes.fromhex(value.sha256))
    return Opened(salt, sha256(value).digest(), value)
