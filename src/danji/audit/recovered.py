"""Databases that were recovered (데이터베이스 되살리기): what came back without content, and which
numbers were skipped after it.

Only what the log itself says excuses anything: an event of the complex's own chain, in its place in
the tree, with what opens it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from danji.audit.books import Book
from danji.audit.chains import Chain, Logged, chain_of
from danji.audit.findings import Area, Findings, Subject
from danji.audit.snapshot import Snapshot
from danji.rules.periods import day_in_seoul, format_date
from danji_verify.chain import EVENTS
from danji_verify.entry import Event

NAMED = 20  # documents that are told one by one
OF_DOCUMENTS = ("doc.", "approval.", "record.filed")


@dataclass
class Recovery:
    """What one recovery lost: places `ranges` of the log `number`, their ends not included.

    `kinds` are the events that still have no content, `subjects` their documents in words.
    """

    at: datetime
    index: int | None
    number: int
    events: int
    ranges: Sequence[tuple[int, int]]
    kinds: Counter[str] = field(default_factory=Counter)
    subjects: dict[str, None] = field(default_factory=dict)

    def covers(self, event: Logged) -> bool:
        return any(
            number == self.number and any(begin <= index < end for begin, end in self.ranges)
            for number, index in event.places
        )


@dataclass(frozen=True)
class Recoveries:
    """All that the log says of recoveries, the first first. `skipped` are the numbers that are not
    given out, from one to another, both included, by series and year.
    """

    made: Sequence[Recovery] = ()
    skipped: Mapping[tuple[str, int], Sequence[tuple[int, int]]] = field(default_factory=dict)

    def mark(self, chains: Iterable[Chain]) -> list[Chain]:
        """Mark the events that came back without content, in every one of these chains."""
        marked = list(chains)
        if self.made:
            for chain in marked:
                for event in chain.events:
                    event.lost = self._of(event) is not None
        return marked

    def note(self, chain: Chain, about: Subject) -> None:
        """Remember what of a marked chain has no content, to be told at the end."""
        for event in chain.events:
            recovery = self._of(event) if event.lost else None
            if recovery is not None:
                known = event.name in Event.__members__.values()
                recovery.kinds[EVENTS[Event(event.name)] if known else event.name] += 1
                if event.name.startswith(OF_DOCUMENTS) and str(about):
                    recovery.subjects[str(about)] = None

    def _of(self, event: Logged) -> Recovery | None:
        """The recovery by which an event has no content. One that has any is like all others."""
        if event.fields is not None:
            return None
        return next((one for one in reversed(self.made) if one.covers(event)), None)

    def tell(self, found: Findings) -> None:
        """One doubt on each recovery: the operator alone says that there was one."""
        for one in self.made:
            if not one.kinds:
                continue
            kinds = ", ".join(f"{kind} {count:,}" for kind, count in one.kinds.most_common())
            found.doubt(
                Area.EVENTS,
                f"데이터베이스를 되살린 {format_date(day_in_seoul(one.at))}에 내용 없이 돌아온 "
                f"사건 {one.kinds.total():,}건이 있습니다({kinds}).{_named(list(one.subjects))} "
                "언제 무슨 일이 있었는지만 알 수 있습니다. 그날 정말 자료를 잃었는지, 그때 한 "
                "폐지와 퇴임, 철회를 다시 했는지 봐 주세요.",
                f"log {one.number}: {one.events} events at {list(one.ranges)}",
                index=one.index,
            )


def read_recoveries(snapshot: Snapshot, books: Mapping[int, Book]) -> Recoveries:
    """What the complex's own chain says of recoveries, as far as it stands in the tree."""
    made: list[Recovery] = []
    skipped: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for event in chain_of(snapshot, snapshot.complex.id).events:
        if event.name == Event.LOG_RECOVERED and _stands(event, snapshot, books):
            recovery = _recovery(event)
            if recovery is not None:
                made.append(recovery)
        elif event.name == Event.NUMBERS_SKIPPED and _stands(event, snapshot, books):
            for one in event.json("numbers").get("numbers", []):
                register = skipped.setdefault((one["series"], one["year"]), [])
                register.append((one["first"], one["last"]))
    return Recoveries(made, skipped)


def _recovery(event: Logged) -> Recovery | None:
    """What an event says of a recovery; None where it was not opened, or speaks of what came after
    it.
    """
    said = event.json("recovery")
    if not said or event.entry is None:
        return None
    ranges = [(begin, end) for begin, end in said["ranges"]]
    if any((said["log"], end - 1) >= event.places[0] for _, end in ranges):
        return None
    return Recovery(event.entry.at, event.index, said["log"], said["events"], ranges)


def _stands(event: Logged, snapshot: Snapshot, books: Mapping[int, Book]) -> bool:
    """Whether an event is what the log holds in one of the places that its row names."""
    entry = event.entry
    return (
        entry is not None
        and (entry.event, entry.document) == (event.name, snapshot.complex.id.hex)
        and any(
            number in books and books[number].leaf(index) == event.leaf
            for number, index in event.places
        )
    )


def _named(subjects: Sequence[str]) -> str:
    if not subjects:
        return ""
    more = len(subjects) - NAMED
    return f" {', '.join(subjects[:NAMED])}{f' 밖에 {more:,}건' if more > 0 else ''}입니다."
