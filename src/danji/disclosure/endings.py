"""What stands where a record can no longer be read: it was erased, or is not disclosed any more."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from danji.complexes.models import Complex
from danji.disclosure.models import Withdrawal
from danji.records.models import Record
from danji.rules.periods import day_in_seoul, format_date
from danji.rules.refusal import Refusal
from danji.transparency.queries import LoggedEvent, events_of, prove
from danji_verify.canonical import b64decode, b64encode, canonical
from danji_verify.entry import Event
from danji_verify.errors import ProofError

ERASED, WITHDRAWN = "파기", "공개 철회"


@dataclass(frozen=True)
class Tombstone:
    """What stands in the place of a document.

    `number`, `filed_at` and `digest` are of its record, if it became one; `basis` is on what it was
    erased. `event` is what the log says of it, once that has its place.
    """

    doc: UUID
    number: str
    filed_at: datetime | None
    digest: str  # SHA-256 of the record in lower hex
    word: str  # of `ERASED`, `WITHDRAWN`
    at: datetime
    basis: str
    reason: str
    event: LoggedEvent | None

    @property
    def is_erased(self) -> bool:
        return self.word == ERASED

    @property
    def sentence(self) -> str:
        """`2026. 11. 22. 파기했습니다.`"""
        done = "파기했습니다." if self.is_erased else "공개를 철회했습니다."
        return f"{format_date(day_in_seoul(self.at))} {done}"


class Gone(Refusal):
    """A document is asked for that can no longer be read; `tombstone` stands in its place."""

    def __init__(self, tombstone: Tombstone) -> None:
        why = tombstone.basis or tombstone.reason
        said = [tombstone.sentence, f"까닭: {why}." if why else ""]
        if tombstone.number:
            said.insert(0, f"{tombstone.number} 문서입니다.")
        left = "내용이 남아 있지 않습니다." if tombstone.is_erased else ""
        super().__init__(
            " ".join(filter(None, said)),
            next_step=left or "궁금하신 점은 관리사무소에 물어봐 주세요.",
        )
        self.tombstone = tombstone


def erased(complex_id: UUID, doc: UUID, at: datetime, record: Record | None = None) -> Tombstone:
    """What stands in the place of a document that was erased (파기), on record or not."""
    event = _logged(complex_id, doc, Event.ERASED)
    said = _opened(event, "erasure")
    return Tombstone(
        doc=doc,
        number=record.number if record else "",
        filed_at=record.filed_at if record else None,
        digest=record.digest if record else "",
        word=ERASED,
        at=at,
        basis=said.get("basis", ""),
        reason=said.get("reason", ""),
        event=event,
    )


def withdrawn(record: Record, withdrawal: Withdrawal) -> Tombstone:
    """What stands in the place of a record that is disclosed no more (공개 철회)."""
    return Tombstone(
        doc=record.doc,
        number=record.number,
        filed_at=record.filed_at,
        digest=record.digest,
        word=WITHDRAWN,
        at=withdrawal.withdrawn_at,
        basis="",
        reason=withdrawal.reason,
        event=_logged(record.complex_id, record.doc, Event.DISCLOSURE_WITHDRAWN),
    )


def tombstone_of(record: Record) -> Tombstone:
    """What stands in the place of a record that was erased, or whose disclosure was withdrawn."""
    if record.erased_at is not None:
        return erased(record.complex_id, record.doc, record.erased_at, record)
    return withdrawn(record, Withdrawal.objects.within(record.complex_id).get(record_id=record.id))


def has_ended(complex_id: UUID) -> Q:
    """Of publications: those whose record was erased, or whose disclosure was withdrawn."""
    gone = Withdrawal.objects.filter(complex_id=complex_id, record_id=OuterRef("record_id"))
    return Q(record__erased_at__isnull=False) | Q(Exists(gone))


def withdrawals_of(complex_id: UUID) -> Mapping[UUID, Withdrawal]:
    """What was disclosed and is no more, by record."""
    return {row.record_id: row for row in Withdrawal.objects.within(complex_id)}


def proof_of_end(tombstone: Tombstone, complex_: Complex) -> bytes | None:
    """The proof that the log says so, with the entry inside; None until it can be given.

    Of a withdrawal everybody may know why and by whom; of an erasure only that it was one.
    """
    event = tombstone.event
    if event is None:
        return None
    opened = {} if tombstone.is_erased else event.openings
    extra = canonical({"entry": b64encode(event.entry), "openings": opened})
    try:
        return prove(complex_, event, extra=extra)
    except (ProofError, FileNotFoundError):
        return None


def _logged(complex_id: UUID, doc: UUID, name: Event) -> LoggedEvent | None:
    return next((event for event in events_of(complex_id, doc) if event.name == name), None)


def _opened(event: LoggedEvent | None, field: str) -> dict[str, Any]:
    if event is None or field not in event.openings:
        return {}
    value: dict[str, Any] = json.loads(b64decode(event.openings[field]["value"]))
    return value
