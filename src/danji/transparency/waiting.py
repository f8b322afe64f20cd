"""What waits for its place in a log, and whether it may have one.

Whatever can write rows can put bytes of its own into the queue, and what has its place stays there
for ever: so every event is read, and held against its row and the event it follows, before.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Case, IntegerField, Value, When

from danji.complexes.models import Complex
from danji.transparency.models import PendingEvent
from danji.transparency.queries import standing_leaves
from danji_verify.entry import Entry, Event, parse_entry
from danji_verify.errors import VerifyError
from danji_verify.merkle import leaf_hash

logger = logging.getLogger(__name__)

BEGINS = frozenset({Event.LOG_OPENED, Event.LOG_CONTINUED})
# The events before those that wait, and whether they have a place themselves.
_BEFORE = """
SELECT event.doc, event.seq, event.leaf_hash, event.entry, EXISTS (
    SELECT FROM transparency_leaf AS leaf
    WHERE (leaf.complex_id, leaf.event_id) = (event.complex_id, event.id)
)
FROM unnest(%s::uuid[], %s::int[]) AS wanted(doc, seq)
JOIN transparency_event AS event
    ON (event.complex_id, event.doc, event.seq) = (%s, wanted.doc, wanted.seq)
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event without a place, as its row has it; `pending` is the row of the queue."""

    pending: UUID
    id: UUID
    doc: UUID
    seq: int
    name: str
    entry: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class _Before:
    """What an event follows: its leaf hash, when it happened, and whether it has a place."""

    leaf_hash: bytes
    at: datetime | None
    is_placed: bool


def next_events(complex_id: UUID, *, begun: bool, at_most: int | None = None) -> list[Waiting]:
    """What is placed next.

    Args: `begun` unless the log is empty still: then what opens it comes first.
    """
    closing = When(event__name=Event.LOG_CLOSED, then=Value(2))  # nothing follows it in its log
    opening = [] if begun else [When(event__name__in=BEGINS, then=Value(0))]
    place = Case(*opening, closing, default=Value(1), output_field=IntegerField())
    # By number first: whatever the clocks said, an event stands behind the one it follows.
    rows = (
        PendingEvent.objects.within(complex_id)
        .order_by(place, "event__seq", "id")
        .values_list(
            "id",
            "event_id",
            "event__doc",
            "event__seq",
            "event__name",
            "event__entry",
            "event__leaf_hash",
        )[:at_most]
    )
    return [
        Waiting(pending, event, doc, seq, name, bytes(entry), bytes(leaf))
        for pending, event, doc, seq, name, entry, leaf in rows
    ]


def take_out_placed(complex_id: UUID, waiting: Sequence[Waiting]) -> list[Waiting]:
    """Take out of the queue what has its place already, which is there by no act of ours.

    Returns: the others.
    """
    ids = [one.id for one in waiting]
    leaves = standing_leaves(complex_id).filter(event_id__in=ids)
    if not (placed := set(leaves.values_list("event_id", flat=True))):
        return list(waiting)
    logger.warning("%s: %s waited for a place they have", complex_id, sorted(map(str, placed)))
    PendingEvent.objects.within(complex_id).filter(event_id__in=placed).delete()
    return [one for one in waiting if one.id not in placed]


def unfit(
    complex_: Complex, waiting: Sequence[Waiting], *, begun: bool
) -> Iterator[tuple[Waiting, str]]:
    """Those that may not have a place, and why, as a sentence; with each all that follow it.

    Args: `waiting` as `next_events` has them; `begun` as there.
    """
    before = _before(complex_.id, waiting)
    broken: set[UUID] = set()
    for place, one in enumerate(waiting):
        followed = before.get((one.doc, one.seq - 1))
        at, why = _judge(complex_.code, one, followed, opens=not begun and place == 0)
        if one.doc in broken:
            why = why or _unlinked(one)
        if why:
            broken.add(one.doc)
            yield one, why
        before[one.doc, one.seq] = _Before(one.leaf_hash, at, is_placed=True)


def _judge(
    code: str, one: Waiting, followed: _Before | None, *, opens: bool
) -> tuple[datetime | None, str]:
    """When it happened, if that can be read, and what is wrong with it; "" where nothing is."""
    if leaf_hash(one.entry) != one.leaf_hash:
        return None, f"사건 {one.id}의 내용이 저장한 뒤 바뀌었습니다."
    try:
        entry = parse_entry(one.entry)
    except VerifyError:
        return None, f"사건 {one.id}의 내용이 정해진 꼴이 아닙니다. 누가 지어내 넣은 것입니다."
    said = (entry.complex, entry.document, entry.seq, entry.event)
    if said != (code, one.doc.hex, one.seq, one.name) or opens != (entry.event in BEGINS):
        return entry.at, f"사건 {one.id}의 내용이 제 행과 다릅니다. 누가 지어내 넣은 것입니다."
    return entry.at, "" if _follows(entry, followed, opens=opens) else _unlinked(one)


def _follows(entry: Entry, followed: _Before | None, *, opens: bool) -> bool:
    if followed is None:
        return entry.seq == 1
    # What a further log begins with follows events that may still wait for their place in it.
    if not (followed.is_placed or opens):
        return False
    return entry.prev == followed.leaf_hash and (followed.at is None or followed.at <= entry.at)


def _unlinked(one: Waiting) -> str:
    return f"사건 {one.id}이(가) 앞 사건에 이어지지 않습니다. 누가 지어내 넣은 것입니다."


def _before(complex_id: UUID, waiting: Sequence[Waiting]) -> dict[tuple[UUID, int], _Before]:
    """What the first of them follows, and those that follow none of the others, by document and
    number.
    """
    here = {(one.doc, one.seq) for one in waiting}
    wanted = [
        (one.doc, one.seq - 1)
        for place, one in enumerate(waiting)
        if one.seq > 1 and (place == 0 or (one.doc, one.seq - 1) not in here)
    ]
    if not wanted:
        return {}
    docs, numbers = zip(*wanted, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_BEFORE, [list(docs), list(numbers), complex_id])
        rows = cursor.fetchall()
    return {
        (doc, seq): _Before(bytes(leaf), _time(bytes(entry)), placed)
        for doc, seq, leaf, entry, placed in rows
    }


def _time(data: bytes) -> datetime | None:
    try:
        return parse_entry(data).at
    except VerifyError:  # which the audit tells; nothing can be held against it
        return None
