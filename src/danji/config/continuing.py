"""Taking in a complex that comes from another operator: its logs are kept, and the next goes on."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction

from danji.base import tenancy
from danji.base.files import write_durably
from danji.base.ids import uuid7
from danji.complexes.models import Complex
from danji.config.founding import seal_of
from danji.config.moving import COMPLEX
from danji.rules.refusal import Refusal
from danji.transparency.actions import begin_log, continue_log
from danji.transparency.keys import enter_known_key
from danji.transparency.models import Event, Leaf, Log, Opening
from danji.transparency.recovery import BATCH
from danji.transparency.tree import log_folder, paths_of
from danji_verify import note
from danji_verify.canonical import b64decode
from danji_verify.checkpoint import Checkpoint
from danji_verify.entry import Entry, parse_entry
from danji_verify.errors import VerifyError
from danji_verify.merkle import leaf_hash
from danji_verify.note import VerifierKey
from danji_verify.tiles import Reader, audit, changed_bundles, read_bundle


@dataclass(frozen=True)
class Brought:
    """A log that a complex brings along, checked: all its entries lead to its signed head."""

    number: int
    origin: str
    keys: tuple[VerifierKey, ...]
    note: bytes
    head: Checkpoint
    reader: Reader


def continue_complex(folder: Path, *, at: datetime) -> Complex:
    """Take in a complex from the folder its former operator exported, and continue its log.

    Raises: Refusal when the folder is none, is not whole, or the complex is here already.
    """
    about, logs = _read(folder)
    _demand_new(about)
    for number, log in enumerate(logs, 1):
        _demand_own(about["code"], number, log)
    with transaction.atomic():
        complex_ = Complex.objects.create(
            id=UUID(about["id"]),
            code=about["code"],
            name=about["name"],
            address=about["address"],
            phone=about["phone"],
        )
        certificate = seal_of(complex_, at=at)
        with tenancy.within(complex_.id):
            for log in logs:
                _enter_log(complex_, log, at)
            _enter_events(complex_, logs, folder)
            following = begin_log(complex_, logs[-1].number + 1, at=at)
            continue_log(complex_, following, certificate, logs[-1].note, at=at)
    for log in logs:
        _publish(log, log_folder(complex_.code, log.number))
    return complex_


def _publish(log: Brought, folder: Path) -> None:
    """Write the files of the log that lead to its head, and no other: the folder is another's."""
    for path in paths_of(log.head.size):
        with suppress(FileNotFoundError):  # a full tile holds what a partial one held
            write_durably(folder / path, log.reader(path))
    write_durably(folder / "checkpoint", log.note)


def _read(folder: Path) -> tuple[dict[str, Any], list[Brought]]:
    try:
        about = json.loads((folder / COMPLEX).read_text("utf-8"))
        logs = [_read_log(folder, log) for log in about["logs"]]
    except (OSError, ValueError, KeyError, TypeError, VerifyError) as problem:
        raise Refusal(
            f"{folder} 폴더에서 단지의 자료를 읽을 수 없습니다({problem}).",
            next_step="export 명령으로 만든 폴더인지 확인해 주세요.",
        ) from problem
    for log in logs:
        _demand_whole(log)
    return about, logs


def _read_log(folder: Path, about: dict[str, Any]) -> Brought:
    data = b64decode(about["head"])
    keys = tuple(VerifierKey.parse(vkey) for vkey in about["keys"])
    head = Checkpoint.parse(note.open_note(data, keys).text)
    if head.origin != about["origin"]:
        raise ValueError("a head of another log")
    number = int(about["number"])
    return Brought(number, head.origin, keys, data, head, _inside(folder / "log" / str(number)))


def _inside(folder: Path) -> Reader:
    """Read files that lie in the folder themselves: a link may lead to what nobody is to see."""
    whole = folder.resolve()

    def read(path: str) -> bytes:
        if not (folder / path).resolve().is_relative_to(whole):
            raise OSError(f"{path} leads out of the folder")
        return (folder / path).read_bytes()

    return read


def _demand_whole(log: Brought) -> None:
    try:
        whole = audit(log.head.size, log.reader) == log.head.root
    except (OSError, VerifyError):
        whole = False
    if not whole:
        raise Refusal(
            f"{log.number}번 장부의 파일이 서명된 머리와 맞지 않습니다. "
            "아무것도 들이지 않았습니다.",
            next_step="시·군·구나 단지의 확인 프로그램에 있는 사본으로 바꾸어 다시 해 주세요.",
        )


def _demand_own(code: str, number: int, log: Brought) -> None:
    """Raises: Refusal when the log is another complex's, or something in it is."""
    own = log.number == number and log.origin.endswith(f"/apt/{code}/{number}")
    if not own or any(entry.complex != code for _, entry in _entries(log)):
        raise Refusal(
            f"{log.number}번 장부가 단지 {code}의 것이 아닙니다. 아무것도 들이지 않았습니다.",
            next_step="이 단지를 export 명령으로 내보낸 폴더인지 앞 업체에 확인해 주세요.",
        )


def _demand_new(about: dict[str, Any]) -> None:
    if Complex.objects.filter(code=about["code"]).exists():
        raise Refusal(
            f"단지코드 {about['code']}는 이미 등록되어 있습니다.",
            next_step="단지코드를 확인해 주세요.",
        )


def _enter_log(complex_: Complex, log: Brought, at: datetime) -> None:
    Log.objects.create(
        complex=complex_,
        number=log.number,
        origin=log.origin,
        size=log.head.size,
        root=log.head.root,
        checkpoint=log.note,
    )
    for version, key in enumerate(reversed(log.keys)):
        name = f"{log.number}-{version + 1} {log.origin}"[:40]
        enter_known_key(complex_, log.number, name, key, at=at + timedelta(0, version))


def _enter_events(complex_: Complex, logs: list[Brought], folder: Path) -> None:
    """Every event of the logs, with its places, and what opens it as far as that was exported."""
    ids = {
        bytes.fromhex(row["leaf_hash"].removeprefix("\\x")): UUID(row["id"])
        for row in _rows(folder, "transparency_event")
    }
    events: dict[bytes, Event] = {}
    leaves = []
    for log in logs:
        for index, (data, entry) in enumerate(_entries(log)):
            own = leaf_hash(data)
            if own not in events:
                events[own] = _event(complex_, data, entry, ids.get(own, uuid7()))
            leaves.append(
                Leaf(complex=complex_, log_number=log.number, event_id=events[own].id, index=index)
            )
    Event.objects.bulk_create(events.values(), batch_size=BATCH)
    Leaf.objects.bulk_create(leaves, batch_size=BATCH)
    known = {event.id for event in events.values()}
    Opening.objects.bulk_create(
        (
            Opening(complex=complex_, event_id=UUID(row["event_id"]), fields=row["fields"])
            for row in _rows(folder, "transparency_opening")
            if UUID(row["event_id"]) in known
        ),
        batch_size=BATCH,
    )


def _event(complex_: Complex, data: bytes, entry: Entry, event_id: UUID) -> Event:
    return Event(
        complex=complex_,
        id=event_id,
        doc=UUID(hex=entry.document),
        seq=entry.seq,
        name=str(entry.event),
        entry=data,
        leaf_hash=leaf_hash(data),
    )


def _entries(log: Brought) -> Iterator[tuple[bytes, Entry]]:
    for index, width in changed_bundles(0, log.head.size):
        for data in read_bundle(index, width, log.reader):
            yield data, parse_entry(data)


def _rows(folder: Path, table: str) -> Iterator[dict[str, Any]]:
    """The exported rows of a table; none where the former operator gave none."""
    path = folder / "rows" / f"{table}.jsonl"
    if path.exists():
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
