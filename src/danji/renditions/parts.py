"""What a record is proven with: the files inside its PDF, most of which its bundle repeats."""

import json
from typing import Any
from uuid import UUID

from danji.base import files
from danji.complexes.models import Complex
from danji.records.models import Record
from danji.renditions.pdf import Embedded
from danji.transparency.queries import (
    LoggedEvent,
    PublishedHead,
    events_of,
    opening_of,
    policy,
    prove,
    seal_changes,
)
from danji_verify.canonical import b64decode, b64encode, canonical
from danji_verify.entry import Event


def attachments_of(content: dict[str, Any]) -> list[Embedded]:
    """The attached files (붙임), in order."""
    return [
        Embedded(
            name,
            attachment["media_type"],
            files.get(attachment["sha256"]),
            f"붙임 {attachment['name']}",
            "supplement",
        )
        for attachment, name in zip(content["attachments"], attachment_names(content), strict=True)
    ]


def proofs_of(
    record: Record,
    payload: dict[str, Any],
    complex_: Complex,
    logged: list[LoggedEvent],
    *,
    under: PublishedHead | None = None,
) -> list[Embedded]:
    """The record, its form, and what proves every step that led to it.

    Args: `logged` are the events of the document that are to be proven; `under` as in `prove`.
    """
    content = payload["content"]
    basis = _basis(complex_.id, logged)
    opened = _openings_of(complex_.id, logged, basis)
    found = [
        Embedded(
            "record.json", "application/json", bytes(record.payload), "이 문서의 기록", "source"
        ),
        Embedded(
            "form.json",
            "application/json",
            files.get(content["form"]["sha256"]),
            "이 문서를 쓴 서식",
            "supplement",
        ),
        Embedded(
            "policy.txt", "text/plain", policy(complex_).format(), "봉인을 확인하는 열쇠", "data"
        ),
        Embedded(
            "openings.json",
            "application/json",
            openings([*opened.values(), *logged, *basis]),
            "봉인된 값을 여는 자료",
            "data",
        ),
    ]
    named = [(name, "봉인 기록의 시작", event) for name, event in opened.items()]
    named += [(str(event.seq), f"결재 과정 {event.seq}번째 기록", event) for event in logged]
    named += [
        (f"basis-{number}", f"열쇠의 등록이나 바꾸기, 대결 지정 {number}", event)
        for number, event in enumerate(basis, 1)
    ]
    for name, what, event in named:
        proof = prove(complex_, event, under=under)
        found += _leaf(name, what, event, proof)
    return found


def _leaf(name: str, what: str, event: LoggedEvent, proof: bytes) -> list[Embedded]:
    """An event as it stands in the log, and the proof that it does."""
    return [
        Embedded(f"leaf-{name}.json", "application/json", event.entry, what, "data"),
        Embedded(f"leaf-{name}.tlog-proof", "text/plain", proof, f"{what}의 증명", "data"),
    ]


def _basis(complex_id: UUID, logged: list[LoggedEvent]) -> list[LoggedEvent]:
    """The events on which decisions and seal rest, each once: the enrolment of a key that signed,
    the absence in which somebody acted for another, and the change of the seal that was the newest.
    """
    found: dict[bytes, UUID] = {}  # the event's leaf hash, and the chain it belongs to
    for event in logged:
        opened = {
            field: json.loads(b64decode(opening["value"]))
            for field, opening in event.openings.items()
            if field in {"auth", "stmt"}
        }
        auth, acting = opened.get("auth", {}), opened.get("stmt", {}).get("acting")
        if auth.get("method") == "passkey" and "key" in auth:
            found[b64decode(auth["enrolled"])] = UUID(auth["key"])
        if acting and "delegation" in acting:
            found[b64decode(acting["delegation"])] = UUID(acting["absence"])
    finalized = [_place(event) for event in logged if event.name == Event.FINALIZED]
    changes = [
        change
        for change in seal_changes(complex_id)
        if not finalized or _place(change) < finalized[-1]
    ]
    return [
        event
        for leaf_hash, chain in sorted(found.items())
        for event in events_of(complex_id, chain)
        if event.leaf_hash == leaf_hash
    ] + changes[-1:]


def _place(event: LoggedEvent) -> tuple[int, int]:
    return event.log_number, event.index


def _openings_of(
    complex_id: UUID, logged: list[LoggedEvent], basis: list[LoggedEvent]
) -> dict[str, LoggedEvent]:
    """The first leaf of each log from that of the oldest of these events, by the name of its file:
    `opened` of the newest, `opened-<n>` of those before it.
    """
    numbers = [event.log_number for event in [*logged, *basis]]
    oldest, newest = min(numbers), max(numbers)
    return {"opened": opening_of(complex_id, newest)} | {
        f"opened-{number}": opening_of(complex_id, number) for number in range(oldest, newest)
    }


def attachment_names(content: dict[str, Any]) -> list[str]:
    """The names of the attachments inside the PDF, in order."""
    return [
        f"붙임{number}-{attachment['name']}"
        for number, attachment in enumerate(content["attachments"], 1)
    ]


def openings(events: list[LoggedEvent]) -> bytes:
    """`openings.json`: by leaf hash, what opens each commitment."""
    return canonical({b64encode(event.leaf_hash): event.openings for event in events})
