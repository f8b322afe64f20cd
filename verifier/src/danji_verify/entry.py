"""The entry behind a leaf: one event of one document, in canonical JSON, without personal data."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from danji_verify.canonical import b64decode, b64encode, canonical, parse_object
from danji_verify.commitment import COMMITMENT_SIZE
from danji_verify.errors import FormatError
from danji_verify.merkle import HASH_SIZE

VERSION = 1
MAX_ENTRY = 2048  # bytes

_COMPLEX = re.compile(r"[A-Z][0-9]{8}")
_DOCUMENT = re.compile(r"[0-9a-f]{32}")
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_TIME_SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)
_YEARS = range(1970, 9999)  # every time zone can tell them


class Event(StrEnum):
    LOG_OPENED = "log.opened"
    SUBMITTED = "doc.submitted"
    DECIDED = "approval.decided"
    RETURNED = "approval.returned"
    SENT_BACK = "approval.sent_back"
    SKIPPED = "approval.skipped"
    FOLLOWED = "approval.followed"
    WITHDRAWN = "doc.withdrawn"
    FILED = "record.filed"
    FINALIZED = "doc.finalized"
    DISCLOSED = "doc.disclosed"
    DISCLOSURE_WITHDRAWN = "doc.disclosure_withdrawn"
    ERASED = "doc.erased"
    AGREED = "person.agreed"
    ENROLLED = "person.enrolled"
    REVOKED = "person.revoked"
    DELEGATION_SET = "delegation.set"
    DELEGATION_ENDED = "delegation.ended"
    OFFICE_TAKEN = "office.taken"
    OFFICE_LEFT = "office.left"
    RULE_CHANGED = "rule.changed"
    BYLAW_CHANGED = "bylaw.changed"
    CONTACT_CHANGED = "contact.changed"
    POLICY_CHANGED = "policy.changed"
    KEY_ROTATED = "key.rotated"
    LOG_CLOSED = "log.closed"
    LOG_CONTINUED = "log.continued"
    LOG_RECOVERED = "log.recovered"
    LOG_LOST = "log.lost"
    NUMBERS_SKIPPED = "register.skipped"
    READ = "record.read"


FIELDS: Mapping[Event, frozenset[str]] = {
    Event.LOG_OPENED: frozenset({"complex", "seal"}),
    Event.SUBMITTED: frozenset({"body", "form", "actor"}),
    Event.DECIDED: frozenset({"stmt", "body", "form", "actor", "auth"}),
    Event.RETURNED: frozenset({"stmt", "body", "form", "actor", "auth"}),
    Event.SENT_BACK: frozenset({"stmt", "body", "form", "actor", "auth"}),
    Event.SKIPPED: frozenset({"stmt", "body", "form", "actor", "auth"}),
    Event.FOLLOWED: frozenset({"stmt", "actor", "auth"}),
    Event.WITHDRAWN: frozenset({"body", "actor"}),
    Event.FILED: frozenset({"record", "body"}),
    Event.FINALIZED: frozenset({"pdf", "record"}),
    Event.DISCLOSED: frozenset({"publication"}),
    Event.DISCLOSURE_WITHDRAWN: frozenset({"reason", "actor"}),
    Event.ERASED: frozenset({"erasure", "proposer", "officer"}),
    Event.AGREED: frozenset({"agreement", "actor"}),
    Event.ENROLLED: frozenset({"key", "actor", "officer"}),
    Event.REVOKED: frozenset({"key", "reason", "actor", "officer"}),
    Event.DELEGATION_SET: frozenset({"delegation", "actor"}),
    Event.DELEGATION_ENDED: frozenset({"delegation", "actor"}),
    Event.OFFICE_TAKEN: frozenset({"office", "proposer", "officer"}),
    Event.OFFICE_LEFT: frozenset({"office", "proposer", "officer"}),
    Event.RULE_CHANGED: frozenset({"rule", "proposer", "officer"}),
    Event.BYLAW_CHANGED: frozenset({"bylaw", "proposer", "officer"}),
    Event.CONTACT_CHANGED: frozenset({"contact", "proposer", "officer"}),
    Event.POLICY_CHANGED: frozenset({"policy", "proposer", "officer"}),
    Event.KEY_ROTATED: frozenset({"key", "proposer", "officer"}),
    Event.LOG_CLOSED: frozenset({"reason", "proposer", "officer"}),
    Event.LOG_CONTINUED: frozenset({"complex", "seal", "previous"}),
    Event.LOG_RECOVERED: frozenset({"recovery", "proposer", "officer"}),
    Event.LOG_LOST: frozenset({"loss", "proposer", "officer"}),
    Event.NUMBERS_SKIPPED: frozenset({"numbers", "proposer", "officer"}),
    Event.READ: frozenset({"readings", "actor"}),
}


@dataclass(frozen=True)
class Entry:
    """One event. `complex` is the K-apt code, `document` 32 hex digits, `prev` a leaf hash."""

    event: Event
    complex: str
    document: str
    seq: int  # 1 is the first event of its document
    prev: bytes | None  # leaf hash of event seq − 1; None when seq is 1
    at: datetime  # UTC, whole seconds
    commitments: Mapping[str, bytes]

    def __post_init__(self) -> None:
        """Raises: FormatError."""
        if not _COMPLEX.fullmatch(self.complex):
            raise FormatError("not the code of a complex")
        if not _DOCUMENT.fullmatch(self.document):
            raise FormatError("not the id of a document")
        if self.seq < 1 or (self.prev is None) != (self.seq == 1):
            raise FormatError("an event that has no place in its chain")
        if self.prev is not None and len(self.prev) != HASH_SIZE:
            raise FormatError("a leaf hash is 32 bytes")
        if self.commitments.keys() != FIELDS[self.event]:
            raise FormatError(f"{self.event} commits to other fields")
        if any(len(value) != COMMITMENT_SIZE for value in self.commitments.values()):
            raise FormatError("a commitment is 32 bytes")


def build_entry(entry: Entry) -> bytes:
    """The bytes that enter the log. Raises: FormatError when longer than 2 KiB."""
    data = canonical(
        {
            "v": VERSION,
            "ev": str(entry.event),
            "cx": entry.complex,
            "doc": entry.document,
            "seq": entry.seq,
            "t": format_time(entry.at),
            "c": {field: b64encode(value) for field, value in entry.commitments.items()},
        }
        | ({} if entry.prev is None else {"prev": b64encode(entry.prev)})
    )
    if len(data) > MAX_ENTRY:
        raise FormatError("an entry that is too long")
    return data


def parse_entry(data: bytes) -> Entry:
    """Raises: FormatError for anything but the exact bytes of a known event."""
    if len(data) > MAX_ENTRY:
        raise FormatError("an entry that is too long")
    fields = parse_object(data)
    if fields.get("v") != VERSION or isinstance(fields.get("v"), bool):
        raise FormatError("an entry of an unknown version")
    if fields.keys() - {"prev"} != {"v", "ev", "cx", "doc", "seq", "t", "c"}:
        raise FormatError("an entry with other keys")
    commitments, seq = fields["c"], fields["seq"]
    if not isinstance(commitments, dict) or not isinstance(seq, int) or isinstance(seq, bool):
        raise FormatError("an entry with a field of another type")
    try:
        event = Event(_text(fields["ev"]))
    except ValueError as problem:
        raise FormatError("an entry of an unknown event") from problem
    return Entry(
        event=event,
        complex=_text(fields["cx"]),
        document=_text(fields["doc"]),
        seq=seq,
        prev=b64decode(_text(fields["prev"]), HASH_SIZE) if "prev" in fields else None,
        at=parse_time(_text(fields["t"])),
        commitments={
            field: b64decode(_text(value), COMMITMENT_SIZE) for field, value in commitments.items()
        },
    )


def format_time(at: datetime) -> str:
    """`2026-11-22T00:00:00Z`. Raises: FormatError unless it is UTC, whole seconds, in range."""
    if at.tzinfo is None or at.utcoffset() or at.microsecond or at.year not in _YEARS:
        raise FormatError("a time is in UTC and whole seconds")
    return at.strftime(_TIME)


def parse_time(text: str) -> datetime:
    """Raises: FormatError."""
    if not _TIME_SHAPE.fullmatch(text):
        raise FormatError("not a time")
    try:
        at = datetime.fromisoformat(text)
    except ValueError as problem:
        raise FormatError("not a time") from problem
    if at.year not in _YEARS:
        raise FormatError("a time out of range")
    return at


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise FormatError("a field that is not text")
    return value
