"""Chains of events: every row of an event held against its bytes, its leaf, and its openings."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from danji.audit.books import AGAIN, Book
from danji.audit.findings import NOTHING, Area, Findings, Subject
from danji.audit.snapshot import Snapshot, Span
from danji_verify.chain import EVENTS
from danji_verify.commitment import Opening
from danji_verify.entry import Entry, Event, parse_entry
from danji_verify.errors import VerifyError
from danji_verify.merkle import leaf_hash

SOON = timedelta(minutes=10)  # in which every event gets its place
OF_LOG = frozenset({Event.LOG_OPENED, Event.LOG_CONTINUED, Event.LOG_CLOSED})

CHAINS = """
SELECT event.doc, event.id, event.seq, event.name, event.entry, event.leaf_hash,
    leaf.log_number, leaf.index, pending.id IS NOT NULL, opening.fields
FROM transparency_event AS event
LEFT JOIN transparency_leaf AS leaf
    ON (leaf.complex_id, leaf.event_id) = (event.complex_id, event.id)
LEFT JOIN transparency_pendingevent AS pending
    ON (pending.complex_id, pending.event_id) = (event.complex_id, event.id)
LEFT JOIN transparency_opening AS opening
    ON (opening.complex_id, opening.event_id) = (event.complex_id, event.id)
WHERE event.complex_id = %s AND {which} ORDER BY event.doc, event.seq, event.id, leaf.log_number
"""
OF_SPAN = CHAINS.format(which="event.doc BETWEEN %s AND %s")
OF_NAMES = CHAINS.format(which="event.name = ANY(%s)")
OF_DOC = CHAINS.format(which="event.doc = %s")


@dataclass(slots=True)
class Logged:
    """One event as its row has it. `entry` is None where its bytes are none.

    `places` are (log number, index), the first log first; `openings` are those that open
    what the entry commits to.
    """

    id: UUID
    seq: int
    name: str
    data: bytes
    leaf: bytes
    places: list[tuple[int, int]]
    pending: bool
    fields: Mapping[str, Any] | None
    entry: Entry | None = None
    openings: dict[str, Opening] = field(default_factory=dict)
    read: dict[str, dict[str, Any]] = field(default_factory=dict)  # what `json` parsed before
    lost: bool = False  # came back without content when a database was recovered, says the log

    @property
    def index(self) -> int | None:
        """The place where it stands, in the last log that holds it."""
        return self.places[-1][1] if self.places else None

    def is_before(self, other: "Logged") -> bool:
        """Whether it came into the log before another event did; both as they first came."""
        return bool(self.places) and (not other.places or self.places[0] < other.places[0])

    @property
    def title(self) -> str:
        """`3번째 사건(결재)`."""
        known = self.name in Event.__members__.values()
        return f"{self.seq}번째 사건({EVENTS[Event(self.name)] if known else self.name})"

    def digest(self, name: str) -> str:
        """SHA-256, in lower hex, of what a field commits to; "" where it was not opened."""
        opening = self.openings.get(name)
        return opening.digest.hex() if opening else ""

    def value(self, name: str) -> bytes:
        """What a field commits to; nothing where it was not opened."""
        opening = self.openings.get(name)
        return (opening.value or b"") if opening else b""

    def json(self, name: str) -> dict[str, Any]:
        """What a field commits to, where that is an object; an empty one otherwise."""
        if name not in self.read:
            try:
                parsed = json.loads(self.value(name) or b"{}")
            except ValueError:
                parsed = {}
            self.read[name] = parsed if isinstance(parsed, dict) else {}
        return self.read[name]


@dataclass(slots=True)
class Chain:
    """The events of one document, or of one person's key, one absence and so on, in order."""

    doc: UUID
    events: list[Logged]

    def all(self, *names: Event) -> list[Logged]:
        return [event for event in self.events if event.name in names]

    def last(self, *names: Event) -> Logged | None:
        found = self.all(*names)
        return found[-1] if found else None

    @property
    def known(self) -> "Chain":
        """The events but for those that came back without content: what rows can agree with."""
        return Chain(self.doc, [event for event in self.events if not event.lost])

    @property
    def erased(self) -> Logged | None:
        """The event that says the document was erased (파기); what it opened may be gone."""
        return self.last(Event.ERASED)


def as_subject(word: str) -> str:
    """A word with 이 or 가 behind it, by whether its last syllable ends in a consonant."""
    closed = (ord(word.rstrip(")")[-1]) - ord("가")) % 28
    return f"{word}{'이' if closed else '가'}"


def chains_in(snapshot: Snapshot, span: Span) -> Iterator[Chain]:
    """The chains of a span, as their rows have them; nothing is checked yet."""
    return _grouped(snapshot.within(span, OF_SPAN))


def chains_named(snapshot: Snapshot, *names: Event) -> list[Chain]:
    """Every event of these names, with what opens it, silently: what is wrong is told elsewhere."""
    return _opened(_grouped(snapshot.rows(OF_NAMES, [str(name) for name in names])))


def chain_of(snapshot: Snapshot, doc: UUID) -> Chain:
    """One chain, with what opens it, silently."""
    return next(iter(_opened(_grouped(snapshot.rows(OF_DOC, doc)))), Chain(doc, []))


def _opened(chains: Iterable[Chain]) -> list[Chain]:
    opened, unheard = list(chains), Findings()
    for chain in opened:
        for event in chain.events:
            _parse(event, unheard, NOTHING)
            _open(event, False, unheard, NOTHING)
    return opened


def _grouped(rows: list[tuple[Any, ...]]) -> Iterator[Chain]:
    for doc, of_doc in groupby(rows, key=itemgetter(0)):
        events: list[Logged] = []
        for _, id_, seq, name, data, leaf, number, index, pending, fields in of_doc:
            if not events or events[-1].id != id_:
                events.append(Logged(id_, seq, name, data, leaf, [], pending, fields))
            if index is not None:
                events[-1].places.append((number, index))
        yield Chain(doc, events)


@dataclass
class ChainCheck:
    """Checks chains, and remembers which leaves they account for."""

    snapshot: Snapshot
    books: Mapping[int, Book]
    found: Findings

    def check(self, chain: Chain, about: Subject, erased: Logged | None) -> None:
        """Hold every event of a chain against its bytes, its place, and what opens it.

        Args: `erased` is the event by which what opens the earlier ones may be gone.
        """
        before: Logged | None = None
        for event in chain.events:
            self.found.rows["events"] += 1
            _parse(event, self.found, about)
            self._check_place(event, about)
            if event.entry is not None:
                self._check_entry(chain, event, before, about)
                _open(event, _may_lack(event, chain, erased), self.found, about)
            before = event

    def _check_entry(
        self, chain: Chain, event: Logged, before: Logged | None, about: Subject
    ) -> None:
        entry = event.entry
        if entry is None:
            return
        if (entry.document, entry.seq, str(entry.event), entry.complex) != (
            chain.doc.hex,
            event.seq,
            event.name,
            self.snapshot.complex.code,
        ):
            self.found.fault(
                Area.EVENTS,
                f"{event.title}의 행이 봉인된 내용과 다릅니다.",
                f"event {event.id}: row {chain.doc.hex} {event.seq} {event.name}",
                about=about,
                index=event.index,
            )
        if event.seq != (before.seq + 1 if before else 1):
            self.found.fault(
                Area.EVENTS,
                f"{event.title}의 앞 사건이 없습니다. 행이 지워졌습니다.",
                f"event {event.id}",
                about=about,
                index=event.index,
            )
        elif entry.prev != (before.leaf if before else None):
            self.found.fault(
                Area.EVENTS,
                f"{as_subject(event.title)} 앞 사건에 이어지지 않습니다.",
                f"event {event.id}",
                about=about,
                index=event.index,
            )
        if before and before.entry and entry.at < before.entry.at:
            self.found.fault(
                Area.TIMES,
                f"{event.title}의 시각이 앞 사건보다 이릅니다. 날짜를 앞당긴 흔적입니다.",
                f"event {event.id}: {entry.at} < {before.entry.at}",
                about=about,
                index=event.index,
            )

    def _check_place(self, event: Logged, about: Subject) -> None:
        self.found.rows["leaves"] += len(event.places)
        at = max(1, int(event.entry.at.timestamp())) if event.entry else 1
        for number, index in event.places:
            book = self.books.get(number)
            if book is not None and book.retired and index >= book.size and _goes_on(event, number):
                continue
            if book is None or index >= book.size:
                self.found.fault(
                    Area.EVENTS,
                    f"{event.title}의 자리가 봉인 장부의 끝보다 뒤에 있습니다.",
                    f"event {event.id}: log {number}, leaf {index}",
                    about=about,
                    index=index,
                )
                continue
            # Said again in a further log, it says nothing of when it came into this one.
            seen = AGAIN if number > event.places[0][0] else at
            if book.place(index, seen) or book.leaf(index) != event.leaf:
                self.found.fault(
                    Area.EVENTS,
                    f"봉인 장부의 {index}번 자리에 적힌 것이 {as_subject(event.title)} 아닙니다.",
                    f"event {event.id}: {event.leaf.hex()}, leaf {book.leaf(index).hex()}",
                    about=about,
                    index=index,
                )
        if not event.places:
            self._check_waiting(event, about)

    def _check_waiting(self, event: Logged, about: Subject) -> None:
        if not event.pending:
            self.found.fault(
                Area.EVENTS,
                f"{as_subject(event.title)} 봉인 장부에 적히지 않았고, 기다리는 줄에도 "
                "없습니다. 장부에서 빼돌린 흔적입니다.",
                f"event {event.id} has neither a leaf nor a place in the queue",
                about=about,
            )
        elif event.entry and event.entry.at < self.snapshot.at - SOON:
            self.found.doubt(
                Area.EVENTS,
                f"{as_subject(event.title)} 10분 넘게 봉인을 기다리고 있습니다. 봉인 "
                "처리기가 멈추었는지 봐 주세요.",
                f"event {event.id}: {event.entry.at}",
                about=about,
            )


def _goes_on(event: Logged, number: int) -> bool:
    """Whether an event behind the end of a retired log stands in a later one, or speaks of the
    retired one alone.
    """
    return event.pending or event.places[-1][0] > number or event.name in OF_LOG


def _may_lack(event: Logged, chain: Chain, erased: Logged | None) -> bool:
    """Whether what opens an event may be gone: it was erased afterwards, or it came back without
    content, and the log says so.
    """
    own = chain.erased
    was_erased = erased is not None and (own is None or event.seq < own.seq)
    return event.lost or was_erased


def _parse(event: Logged, found: Findings, about: Subject) -> None:
    """Read the bytes of an event, which have to be those whose hash was kept."""
    if leaf_hash(event.data) != event.leaf:
        found.fault(
            Area.EVENTS,
            f"{event.title}의 내용이 저장한 뒤 바뀌었습니다.",
            f"event {event.id}: the bytes do not have the hash {event.leaf.hex()}",
            about=about,
            index=event.index,
        )
        return
    try:
        event.entry = parse_entry(event.data)
    except VerifyError as problem:
        found.fault(
            Area.EVENTS,
            f"{event.title}의 내용이 정해진 꼴이 아닙니다.",
            f"event {event.id}: {problem}",
            about=about,
            index=event.index,
        )


def _open(event: Logged, may_lack: bool, found: Findings, about: Subject) -> None:
    """See that every commitment opens, and keep what it opens to.

    Args: `may_lack` says that what opened it is gone, and the log says why.
    """
    entry = event.entry
    if entry is None:
        return
    if event.fields is not None:
        found.rows["openings"] += 1
    fields = event.fields if isinstance(event.fields, dict) else {}
    for name, commitment in entry.commitments.items():
        if name not in fields:
            if not may_lack:
                found.fault(
                    Area.EVENTS,
                    f"{event.title}에 적힌 값({name})을 열 수 없습니다. 여는 값이 사라졌습니다.",
                    f"event {event.id}: no opening of {name}",
                    about=about,
                    index=event.index,
                )
            continue
        try:
            opening = Opening.parse(fields[name])
            holds = opening.opens(name, commitment)
        except VerifyError:
            holds = False
        if holds:
            event.openings[name] = opening
        else:
            found.fault(
                Area.EVENTS,
                f"{event.title}에 적힌 값({name})이 봉인할 때와 다릅니다. 저장된 자료를 고친 "
                "흔적입니다.",
                f"event {event.id}: {name} does not open its commitment",
                about=about,
                index=event.index,
            )
    if fields.keys() - entry.commitments.keys():
        found.fault(
            Area.EVENTS,
            f"{event.title}에 없던 값이 덧붙어 있습니다.",
            f"event {event.id}: {sorted(fields.keys() - entry.commitments.keys())}",
            about=about,
            index=event.index,
        )
