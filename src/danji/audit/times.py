"""When events were, as witnesses saw it: between the last head without them and the first with.

Whoever puts the clock back can write any time into an event, but not put it into a tree that
witnesses had cosigned before. A clock that is wrong and a sequencer that stood still look alike at
first; what else was sealed in those minutes tells. That nothing was sealed then is our own word
alone, which excuses nothing: a person has to look.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from uuid import UUID

from danji.audit.books import AGAIN, MISSING, Book, Sighting
from danji.audit.findings import Area, Finding, Findings, Severity
from danji.rules.periods import format_moment
from danji.transparency.models import Trouble, TroubleKind

TOLERANCE = timedelta(minutes=10)  # a statement is signed at most so long before it is recorded
# Without witnesses only the order of the log tells. What waits while the sequencer is away may
# come in another order than it happened, so less than a day says nothing.
DISORDER = timedelta(days=1)


@dataclass(frozen=True)
class Seen:
    """Witnesses signed that the log held `size` events, for the last time at `last`. `by_two` is
    when a second witness first had signed that it held so many or more.
    """

    size: int
    last: datetime
    by_two: datetime | None


@dataclass(frozen=True)
class Standstill:
    """While nothing was sealed, as was told then; `until` is None while it lasts."""

    since: datetime
    until: datetime | None

    def covers(self, begin: datetime, end: datetime) -> bool:
        return self.since <= end and (self.until is None or self.until >= begin)


def seen_by_witnesses(sightings: Sequence[Sighting]) -> list[Seen]:
    """What witnesses saw of a log, in the order of its size."""
    seen: list[Seen] = []
    first: dict[UUID, datetime] = {}  # of each witness, of this size or a larger one
    by_size: dict[int, list[Sighting]] = {}
    for sighting in sightings:
        by_size.setdefault(sighting.size, []).append(sighting)
    for size in sorted(by_size, reverse=True):
        for one in by_size[size]:
            first[one.witness] = min(one.at, first.get(one.witness, one.at))
        times = sorted(first.values())
        last = max(one.at for one in by_size[size])
        seen.append(Seen(size, last, times[1] if len(times) > 1 else None))
    return seen[::-1]


def standstills(origins: Sequence[str]) -> list[Standstill]:
    """When the logs of a complex were said to stand still."""
    kinds = (TroubleKind.FROZEN, TroubleKind.WAITING)
    rows = Trouble.objects.filter(origin__in=origins, kind__in=kinds)
    return [Standstill(*row) for row in rows.values_list("since", "until")]


@dataclass
class TimeCheck:
    """Checks that every event of one log names a time within the interval in which it came in."""

    book: Book
    standstills: Sequence[Standstill]
    found: Findings
    excused: list[int] = field(default_factory=list)  # what came in late while it stood still

    def check(self) -> None:
        seen = seen_by_witnesses(self.book.sightings)
        sizes = [one.size for one in seen]
        without = list(accumulate((one.last for one in seen), max))  # the newest up to a size
        newest = self._newest()
        for index, seconds in enumerate(self.book.times):
            if seconds in {MISSING, AGAIN}:
                continue
            at = datetime.fromtimestamp(seconds, UTC)
            place = bisect_right(sizes, index)  # of the first head that holds the event
            if place and at < without[place - 1] - TOLERANCE:
                others = newest[sizes[place - 1]]
                self._tell_early(index, at, without[place - 1], others)
            elif place < len(seen) and _is_late(at, seen[place]):
                self._tell(
                    Severity.DOUBT,
                    index,
                    f"봉인 장부의 {index}번 사건은 {format_moment(at)}의 일로 적혀 있는데, 두 확인 "
                    "기관의 시계로는 그보다 먼저 장부에 있었습니다. 서버의 시계가 빨랐는지, 시각을 "
                    "늦추어 적었는지 봐 주세요.",
                )
            elif not seen and seconds < newest[index] - DISORDER.total_seconds():
                self._tell(
                    Severity.DOUBT,
                    index,
                    f"봉인 장부의 {index}번 사건은 {format_moment(at)}의 일로 적혀 있는데, 그보다 "
                    "하루 넘게 뒤의 사건 다음에 적혔습니다. 날짜를 앞당겼는지 봐 주세요.",
                )
        self._tell_excused()

    def _newest(self) -> list[int]:
        """At each size, the latest time that an event before it names, in seconds.

        What continues a retired log stands before everything that waited while that was frozen.
        """
        times = list(self.book.times)
        if self.book.number > 1 and times:
            times[0] = 0
        return list(accumulate(times, max, initial=0))

    def _tell_early(self, index: int, at: datetime, without: datetime, others: int) -> None:
        said = (
            f"봉인 장부의 {index}번 사건은 {format_moment(at)}의 일로 적혀 있는데, "
            f"{format_moment(without)}에는 아직 장부에 없었습니다. "
        )
        if datetime.fromtimestamp(others, UTC) > at + TOLERANCE:
            said += "그사이에 다른 사건은 봉인되었습니다. 날짜를 앞당긴 흔적입니다."
            self._tell(Severity.FAULT, index, said)
        elif any(one.covers(at, without) for one in self.standstills):
            self.excused.append(index)
        else:
            said += "그동안 봉인이 멈추어 있었는지, 날짜를 앞당겼는지 봐 주세요."
            self._tell(Severity.DOUBT, index, said)

    def _tell_excused(self) -> None:
        """One question for all of them: a standstill of days holds up everything of these days."""
        if self.excused:
            first, last = self.excused[0], self.excused[-1]
            which = f"{first}번부터 {last}번까지의 사건 가운데 {len(self.excused):,}건은"
            if first == last:
                which = f"{first}번 사건은"
            self._tell(
                Severity.DOUBT,
                first,
                f"봉인 장부의 {which} 적힌 때보다 늦게 장부에 들어왔습니다. 서버는 그때 봉인이 "
                "멈추어 있었다고 적어 두었습니다. 정말 멈추어 있었는지, 날짜를 앞당겼는지 운영자와 "
                "확인 기관에 물어봐 주세요.",
            )

    def _tell(self, severity: Severity, index: int, sentence: str) -> None:
        detail = f"{self.book.origin}: leaf {index}"
        self.found.add(Finding(severity, Area.TIMES, sentence, detail, index=index))


def _is_late(at: datetime, seen: Seen) -> bool:
    return seen.by_two is not None and at > seen.by_two + TOLERANCE
