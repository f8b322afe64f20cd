"""Filing: a finished document gets its number and becomes a record, in its maker's transaction."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from danji.base.ids import uuid7
from danji.base.prepared import Prepared
from danji.complexes.models import Complex
from danji.records.models import Citation, Record, RecordFolder, Register
from danji.records.queries import sealed_record
from danji.rules import numbering, retention
from danji.rules.periods import day_in_seoul
from danji.transparency.actions import Kept, Tail, append_event, grow_alone
from danji_verify.canonical import canonical
from danji_verify.entry import Event, format_time

NEXT_SERIAL = """
INSERT INTO records_register (complex_id, id, series, year, last) VALUES (%s, %s, %s, %s, 1)
ON CONFLICT (complex_id, series, year) DO UPDATE SET last = records_register.last + 1
RETURNING last
"""

BY_OPERATOR = {"proposer": canonical({"operator": "recover"}), "officer": canonical(None)}

_folders: Prepared[RecordFolder] = Prepared(
    lambda complex_id, name: RecordFolder.objects.within(complex_id).filter(name=name), UUID, str
)


@dataclass(frozen=True)
class Finished:
    """What a maker hands over: frozen content (canonical bytes) and the decisions made on it.

    `content`, `decisions` and `history` (decisions that do not count any more, because the document
    was sent back) are as `docs/spec/record.md` says; `series` is the register's name, `tail` where
    the document's chain of events stands.
    """

    complex: Complex
    doc: UUID
    content: bytes
    decisions: Sequence[dict[str, Any]]
    history: Sequence[dict[str, Any]]
    series: str
    tail: Tail


@transaction.atomic(savepoint=False)  # filed with its maker's last decision, or not at all
def file_record(finished: Finished, *, at: datetime) -> Record:
    """Put a finished document on record: number, folder, retention, citations, and its event.

    Raises: Refusal when it cites a record that is not sealed.
    """
    # Our own bytes, written canonically below; to check that they are would take as long again.
    content: dict[str, Any] = json.loads(finished.content)
    day = day_in_seoul(at)
    serial = _next_serial(finished.complex, finished.series, day.year)
    number: dict[str, Any] = {
        "text": numbering.record_number(finished.series, day.year, serial),
        "series": finished.series,
        "year": day.year,
        "serial": serial,
    }
    until = retention.retain_until(retention.class_of(content["retention"]["class"], day), day)
    kept = {"from": day.isoformat(), "until": until.isoformat() if until else None}
    payload = canonical(
        {
            "v": 2,
            "number": number,
            "content": content,
            "decisions": list(finished.decisions),
            "history": list(finished.history),
            "retention": content["retention"] | kept,
            "filed_at": format_time(at.astimezone(UTC).replace(microsecond=0)),
        }
    )
    record = Record.objects.create(
        complex=finished.complex,
        doc=finished.doc,
        form=content["form"]["key"],
        title=content["title"],
        number=number["text"],
        series=finished.series,
        year=day.year,
        serial=serial,
        folder=_folder_named(finished.complex, content["folder"]),
        retained_until=until,
        scope=content["disclosure"]["scope"],
        payload=payload,
        digest=sha256(payload).hexdigest(),
        filed_at=at,
    )
    for cite in content["cites"]:
        Citation.objects.create(
            complex=finished.complex,
            record=record,
            cited=sealed_record(finished.complex.id, UUID(cite["doc"]), may_be_erased=True),
            relation=cite["relation"],
        )
    append_event(
        finished.complex,
        finished.doc,
        Event.FILED,
        {"record": Kept(record.digest), "body": Kept(sha256(finished.content).hexdigest())},
        at=at,
        tail=finished.tail,
    )
    return record


def _folder_named(complex_: Complex, name: str) -> RecordFolder:
    for folder in _folders(complex_.id, name):
        return folder
    return RecordFolder.objects.get_or_create(complex=complex_, name=name)[0]


def _next_serial(complex_: Complex, series: str, year: int) -> int:
    """The next number of the register; its row stays locked until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT_SERIAL, [complex_.id, uuid7(), series, year])
        (serial,) = cursor.fetchone()
    return int(serial)


@dataclass(frozen=True)
class Skipped:
    """Numbers of a register that are not given out here, from `first` to `last`, both included."""

    series: str
    year: int
    first: int
    last: int

    def __str__(self) -> str:
        return numbering.record_number(self.series, self.year, self.last)


@transaction.atomic
def skip_numbers(
    complex_: Complex, taken: Iterable[tuple[str, int, int]], *, at: datetime
) -> list[Skipped]:
    """Let no number be given out again up to those that are taken, by series, year and serial:
    after a database was lost, documents may have numbers that no register knows. The log says
    which, so that nobody takes them for records that were deleted.

    Returns: what was skipped; nothing where the registers know those numbers.
    """
    highest: dict[tuple[str, int], int] = {}
    for series, year, serial in taken:
        highest[series, year] = max(serial, highest.get((series, year), 0))
    grow_alone(complex_)
    moved = [_move_register(complex_, *key, serial) for key, serial in sorted(highest.items())]
    skipped = [one for one in moved if one is not None]
    if skipped:
        numbers = canonical({"v": 1, "numbers": [asdict(one) for one in skipped]})
        values = {"numbers": numbers, **BY_OPERATOR}
        append_event(complex_, complex_.id, Event.NUMBERS_SKIPPED, values, at=at)
    return skipped


def _move_register(complex_: Complex, series: str, year: int, serial: int) -> Skipped | None:
    """Move a register on, unless it knows the number."""
    Register.objects.get_or_create(complex=complex_, series=series, year=year)
    known = Register.objects.within(complex_.id).filter(series=series, year=year)
    last = known.select_for_update().get().last
    if last >= serial:
        return None
    known.update(last=serial)
    return Skipped(series, year, last + 1, serial)
