"""Filing: a finished document gets its number and becomes a record, in its maker's transaction."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from danji.base.ids import uuid7
from danji.base.prepared import Prepared
from danji.complexes.models import Complex
from danji.records.models import Citation, Record, RecordFolder
from danji.records.queries import sealed_record
from danji.rules import numbering, retention
from danji.rules.periods import day_in_seoul
from danji.transparency.actions import Kept, Tail, append_event
from danji_verify.canonical import canonical
from danji_verify.entry import Event, format_time

NEXT_SERIAL = """
INSERT INTO records_register (complex_id, id, series, year, last) VALUES (%s, %s, %s, %s, 1)
ON CONFLICT (complex_id, series, year) DO UPDATE SET last = records_register.last + 1
RETURNING last
"""

SKIP_SERIALS = """
INSERT INTO records_register AS register (complex_id, id, series, year, last)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (complex_id, series, year) DO UPDATE SET last = excluded.last
WHERE register.last < excluded.last
RETURNING last
"""

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


def skip_numbers(complex_: Complex, taken: Iterable[tuple[str, int, int]]) -> list[str]:
    """Let no number be given out again up to those that are taken, by series, year and serial:
    after a database was lost, published documents may have numbers that no register knows.

    Returns: the numbers up to which registers were moved on.
    """
    highest: dict[tuple[str, int], int] = {}
    for series, year, serial in taken:
        highest[series, year] = max(serial, highest.get((series, year), 0))
    moved = []
    with connection.cursor() as cursor:
        for (series, year), serial in sorted(highest.items()):
            cursor.execute(SKIP_SERIALS, [complex_.id, uuid7(), series, year, serial])
            if cursor.fetchone() is not None:
                moved.append(numbering.record_number(series, year, serial))
    return moved
