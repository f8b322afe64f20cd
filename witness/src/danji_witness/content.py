"""What can be seen in a log without opening anything: its shape, its chains, its times."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from danji_verify.chain import collects_heads, log_number, log_series
from danji_verify.checkpoint import Checkpoint
from danji_verify.entry import Entry, Event, parse_entry
from danji_verify.errors import VerifyError
from danji_verify.merkle import leaf_hash
from danji_verify.note import parse_note

TOLERANCE = timedelta(minutes=10)
_COMPLEX = re.compile(r".+/apt/([A-Z][0-9]{8})")


@dataclass(frozen=True)
class Last:
    """The newest event of a document."""

    seq: int
    leaf: bytes  # leaf hash
    at: datetime


@dataclass(frozen=True)
class Interval:
    """Between two cosignatures: what is new in the second came about between them."""

    since: datetime | None  # None before the first cosignature
    until: datetime


class Known(Protocol):
    """What is known of a log so far, and learnt entry by entry."""

    def last(self, document: str) -> Last | None: ...

    def learn(self, document: str, last: Last) -> None: ...

    @property
    def closed(self) -> bool: ...

    def close(self) -> None: ...

    def collected(self, origin: str) -> Checkpoint | None: ...

    def collect(self, head: Checkpoint) -> None: ...


def oddities(entry: bytes, origin: str, interval: Interval, known: Known) -> Iterator[str]:
    """What is odd about the next entry of a log, in sentences; the entry is learnt."""
    if collects_heads(origin):
        yield from _odd_head(entry, known)
    else:
        yield from _odd_event(entry, origin, interval, known)


def _odd_event(data: bytes, origin: str, interval: Interval, known: Known) -> Iterator[str]:
    try:
        entry = parse_entry(data)
    except VerifyError:
        yield "정해진 양식이 아닙니다."
        return
    whose = _COMPLEX.fullmatch(log_series(origin))
    if whose is not None and entry.complex != whose[1]:
        yield f"다른 단지({entry.complex})의 사건입니다."
    if known.closed:
        yield "장부를 닫은 뒤의 사건입니다."
    if entry.event is Event.LOG_CLOSED:
        known.close()
    last = known.last(entry.document)
    # A further log goes on with documents that the one before it began.
    if last is not None or log_number(origin) <= 1:
        yield from _odd_place(entry, last)
    if interval.since is not None and entry.at < interval.since - TOLERANCE:
        yield (
            f"적힌 시각 {_moment(entry.at)}이 앞 확인 {_moment(interval.since)}보다 10분 넘게 "
            "앞섭니다. 그때 이 항목은 장부에 없었습니다."
        )
    if entry.at > interval.until + TOLERANCE:
        yield f"적힌 시각 {_moment(entry.at)}이 지금 {_moment(interval.until)}보다 뒤입니다."
    known.learn(entry.document, Last(entry.seq, leaf_hash(data), entry.at))


def _odd_place(entry: Entry, last: Last | None) -> Iterator[str]:
    seq, leaf = (last.seq, last.leaf) if last else (0, None)
    if (entry.seq, entry.prev) != (seq + 1, leaf):
        yield (
            f"문서 {entry.document}의 {entry.seq}번째 사건이 "
            f"앞의 것({seq}번째)과 이어지지 않습니다."
        )
    if last is not None and entry.at < last.at:
        yield f"문서 {entry.document}의 {entry.seq}번째 사건이 앞 사건보다 이른 시각입니다."


def _odd_head(data: bytes, known: Known) -> Iterator[str]:
    try:
        head = Checkpoint.parse(parse_note(data).text)
    except VerifyError:
        yield "장부의 머리가 아닙니다."
        return
    before = known.collected(head.origin)
    if before is not None and head.size < before.size:
        yield f"{head.origin} 장부의 머리가 {before.size}에서 {head.size}로 작아졌습니다."
    if before is not None and head.size == before.size and head.root != before.root:
        yield f"{head.origin} 장부가 같은 크기({head.size})에서 둘로 갈라져 있습니다."
    known.collect(head)


def as_interval(since: int | None, until: int) -> Interval:
    """Args: POSIX seconds."""
    return Interval(
        None if since is None else datetime.fromtimestamp(since, UTC),
        datetime.fromtimestamp(until, UTC),
    )


def _moment(at: datetime) -> str:
    return at.astimezone().strftime("%Y. %m. %d. %H:%M:%S")
