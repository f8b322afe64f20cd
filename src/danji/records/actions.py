"""Filing: a finished document gets its number and becomes a record, in its maker's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import transaction

from danji.complexes.models import Complex
from danji.records.models import Citation, Record, RecordFolder, Register
from danji.records.queries import sealed_record
from danji.rules import numbering, retention
from danji.rules.periods import day_in_seoul
from danji.transparency.actions import Kept, append_event
from danji_verify.canonical import canonical, parse_object
from danji_verify.entry import Event, format_time


@dataclass(frozen=True)
class Finished:
    """What a maker hands over: frozen content (canonical bytes) and the decisions made on it.

    `content` and `decisions` are as `docs/spec/record.md` says; `series` is the register's name.
    """

    complex: Complex
    doc: UUID
    content: bytes
    decisions: Sequence[dict[str, Any]]
    series: str


@transaction.atomic
def file_record(finished: Finished, *, at: datetime) -> Record:
    """Put a finished document on record: number, folder, retention, citations, and its event.

    Raises: Refusal when it cites a record that is not sealed.
    """
    content: dict[str, Any] = parse_object(finished.content)
    day = day_in_seoul(at)
    serial = _next_serial(finished.complex, finished.series, day.year)
    number = numbering.record_number(finished.series, day.year, serial)
    until = retention.retain_until(retention.class_of(content["retention"]["class"], day), day)
    payload = canonical(
        {
            "v": 1,
            "number": {
                "text": number,
                "series": finished.series,
                "year": day.year,
                "serial": serial,
            },
            "content": content,
            "decisions": list(finished.decisions),
            "retention": content["retention"]
            | {"from": day.isoformat(), "until": until.isoformat() if until else None},
            "filed_at": format_time(at.astimezone(UTC).replace(microsecond=0)),
        }
    )
    folder, _ = RecordFolder.objects.get_or_create(complex=finished.complex, name=content["folder"])
    record = Record.objects.create(
        complex=finished.complex,
        doc=finished.doc,
        form=content["form"]["key"],
        title=content["title"],
        number=number,
        series=finished.series,
        year=day.year,
        serial=serial,
        folder=folder,
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
            cited=sealed_record(finished.complex.id, UUID(cite["doc"])),
            relation=cite["relation"],
        )
    append_event(
        finished.complex,
        finished.doc,
        Event.FILED,
        {"record": Kept(record.digest), "body": Kept(sha256(finished.content).hexdigest())},
        at=at,
    )
    return record


def _next_serial(complex_: Complex, series: str, year: int) -> int:
    """The next number of the register; its row stays locked until the transaction ends."""
    Register.objects.get_or_create(complex=complex_, series=series, year=year)
    register = (
        Register.objects.within(complex_.id).select_for_update().get(series=series, year=year)
    )
    register.last += 1
    Register.objects.within(complex_.id).filter(id=register.id).update(last=register.last)
    serial: int = register.last
    return serial
