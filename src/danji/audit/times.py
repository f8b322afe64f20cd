"""When events were, as witnesses saw it: between the last head without them and the first with.

Whoever puts the clock back can write any time into an event, but not put it into a tree that
witnesses had cosigned before.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from django.db.models import Max, Min

from danji.audit.books import MISSING, Book
from danji.audit.findings import Area, Findings
from danji.rules.periods import format_moment
from danji.transparency.models import Cosignature

TOLERANCE = timedelta(minutes=10)  # a statement is signed at most so long before it is recorded
# Without witnesses only the order of the log tells. What waits while the sequencer is away may
# come in another order than it happened, so less than a day says nothing.
DISORDER = timedelta(days=1)


@dataclass(frozen=True)
class Seen:
    """Witnesses signed that the log held `size` events, at `first` and for the last time at
    `last`.
    """

    size: int
    first: datetime
    last: datetime


def seen_by_witnesses(origin: str) -> list[Seen]:
    """What witnesses saw of a log, in the order of its size."""
    rows = (
        Cosignature.objects.filter(origin=origin)
        .values("size")
        .annotate(first=Min("time"), last=Max("time"))
        .order_by("size")
    )
    return [Seen(row["size"], row["first"], row["last"]) for row in rows]


def check_times(book: Book, seen: Sequence[Seen], found: Findings) -> None:
    """Every event names a time within the interval in which it came into the log."""
    sizes = [one.size for one in seen]
    without = list(accumulate((one.last for one in seen), max))  # the newest head up to a size
    latest = 0
    for index, seconds in enumerate(book.times):
        if seconds == MISSING:
            continue
        at = datetime.fromtimestamp(seconds, UTC)
        place = bisect_right(sizes, index)  # of the first head that holds the event
        if place and at < without[place - 1] - TOLERANCE:
            found.fault(
                Area.TIMES,
                f"봉인 장부의 {index}번 사건은 {format_moment(at)}의 일로 적혀 있는데, "
                f"{format_moment(without[place - 1])}에는 아직 장부에 없었습니다. 날짜를 앞당긴 "
                "흔적입니다(그동안 봉인이 멈추어 있었다면 그 때문일 수도 있습니다).",
                f"{book.origin}: leaf {index}",
                index=index,
            )
        elif place < len(seen) and at > seen[place].first + TOLERANCE:
            found.fault(
                Area.TIMES,
                f"봉인 장부의 {index}번 사건은 {format_moment(at)}의 일로 적혀 있는데, "
                f"{format_moment(seen[place].first)}에 이미 장부에 있었습니다. 시각을 늦춘 "
                "흔적입니다.",
                f"{book.origin}: leaf {index}",
                index=index,
            )
        elif not seen and seconds < latest - DISORDER.total_seconds():
            found.doubt(
                Area.TIMES,
                f"봉인 장부의 {index}번 사건은 {format_moment(at)}의 일로 적혀 있는데, 그보다 하루 "
                "넘게 뒤의 사건 다음에 적혔습니다. 날짜를 앞당겼는지 봐 주세요.",
                f"{book.origin}: leaf {index}",
                index=index,
            )
        latest = max(latest, seconds)
