"""The boxes of the desk (결재함): what lies in each of them for an officer, and how much.

These questions stand on the page that everybody opens all day, in a complex that may hold 50,000
documents. So each box is read along an index from its newest line, counting ends at `CAP`, and
what is asked without a filter is put into SQL once, with marks in the places of the reader and of
those whom the reader stands in for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    CharField,
    DateTimeField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.fields.json import KT

from danji.accounts.models import Office, Officeholder
from danji.approvals.models import Circulation, Draft, Hold, Outcome, Step, Turn
from danji.approvals.queries import turns_of
from danji.authority.queries import deputising
from danji.base.prepared import settle
from danji.formbook.definition import load
from danji.formbook.models import Form
from danji.records.models import Relation
from danji.rules.approval import Decision, Ending
from danji.rules.periods import SEOUL

LISTED = 20  # lines on one page
CAP = 99  # a count beyond it is only said to be more
RETURNED_FOR = timedelta(days=30)  # how long a returned document is counted
DEPUTISED = 20  # officers for whom one may stand in at once

_COMPLEX, _READER = UUID(int=1), UUID(int=2)
_LATELY = datetime(1900, 1, 1, tzinfo=UTC)


class Box(StrEnum):
    """One of the boxes on an officer's desk (결재함)."""

    WAITING = "waiting"
    DRAFTS = "drafts"
    ONGOING = "ongoing"
    RETURNED = "returned"
    FINISHED = "finished"
    REFERENCE = "reference"
    CIRCULATION = "circulation"

    @property
    def label(self) -> str:
        return {
            Box.WAITING: "내 차례",
            Box.DRAFTS: "쓰던 문서",
            Box.ONGOING: "진행",
            Box.RETURNED: "반려",
            Box.FINISHED: "완료",
            Box.REFERENCE: "참조",
            Box.CIRCULATION: "공람",
        }[self]


@dataclass(frozen=True)
class Sought:
    """What is looked for in a box; nothing of it leaves the box as it is.

    `docs` are the documents whose number was found, for those that have one; the days are of the
    moment that the box is ordered by; amounts in won.
    """

    words: str = ""
    docs: tuple[UUID, ...] = ()
    form: str = ""
    since: date | None = None
    until: date | None = None
    least: int | None = None
    most: int | None = None


ANYTHING = Sought()


class Entry(NamedTuple):
    """One line of a box.

    `at` is the moment it is ordered by: waiting since, saved, submitted, ended or sent; `who` is
    the drafter; `other` whose turn it is, or who returned it; `mark` a word on the line: "held",
    "again" (sent back before), an ending, the kind of a circulation, or of a draft "corrects"
    (정정) or "mends" (another document was there before).
    """

    id: UUID
    title: str | None
    form_id: UUID
    amount: int | None
    at: datetime
    office: str
    name: str
    other_id: UUID | None
    other_office: str
    other_name: str
    mark: str
    unread: bool

    @property
    def who(self) -> str:
        """`경리 김수진`."""
        return f"{Office(self.office).label} {self.name}" if self.office else ""

    @property
    def other(self) -> str:
        """`관리사무소장 박정호`, or ""."""
        return f"{Office(self.other_office).label} {self.other_name}" if self.other_office else ""


def officers_of(reader: Officeholder, *, on: date) -> list[UUID]:
    """The reader, and those in whose place the reader decides on a day (대결)."""
    absent = [officer.id for officer in deputising(reader, on=on)]
    return [reader.id, *absent[:DEPUTISED]]


def entries(
    box: Box,
    reader: Officeholder,
    *,
    on: date,
    sought: Sought = ANYTHING,
    page: int = 1,
    officers: Sequence[UUID] = (),
) -> list[Entry]:
    """The lines of one page of a box, and one more when another page follows.

    Args: `officers` is `officers_of` the reader, where that is known already.
    """
    officers = officers or officers_of(reader, on=on)
    if sought == ANYTHING and page == 1:
        lists = (_ask(*asked, reader, officers) for asked in _first_page(box, len(officers)))
        return [Entry._make(row) for row in chain.from_iterable(lists)][: LISTED + 1]
    first = (page - 1) * LISTED
    found: list[Entry] = []
    for rows in _rows(box, reader, officers):
        wanted = _filtered(box, rows, sought)
        lines = _lines(box, reader, wanted, first, first + LISTED + 1 - len(found))
        found += [Entry._make(row) for row in lines]
        # Where the first list ends before this page, the second began on an earlier one.
        first = 0 if found else max(0, first - wanted.count())
    return found


def counts(
    reader: Officeholder, *, on: date, at: datetime, officers: Sequence[UUID] = ()
) -> dict[Box, int]:
    """How many lie in each box, at most one more than `CAP`.

    Of what the reader is only shown, the unread are counted; of what was returned, the last days'.
    Args: `officers` as in `entries`.
    """
    officers = officers or officers_of(reader, on=on)
    sql, marks = _counting(len(officers))
    (counted,) = _ask(sql, marks, reader, officers, lately=at - RETURNED_FOR)
    return dict(zip(Box, counted, strict=True))


@cache
def form_title(form_id: UUID) -> str:
    """The title of a form. A published form never changes, so it is asked for once."""
    return load(bytes(Form.objects.get(id=form_id).definition)).title


# --- Each question put into SQL once -----------------------------------------------------------


def _marks(officers: int) -> tuple[Officeholder, list[UUID]]:
    """A reader and officers that stand for any, while the SQL is made."""
    absent = [UUID(int=_READER.int + number) for number in range(1, officers)]
    return Officeholder(complex_id=_COMPLEX, id=_READER), [_READER, *absent]


@cache
def _first_page(box: Box, officers: int) -> list[tuple[str, Sequence[Any]]]:
    reader, marks = _marks(officers)
    lists = (_lines(box, reader, rows, 0, LISTED + 1) for rows in _rows(box, reader, marks))
    return [settle(*lines.query.sql_with_params(), (_COMPLEX, *marks)) for lines in lists]


@cache
def _counting(officers: int) -> tuple[str, Sequence[Any]]:
    reader, marks = _marks(officers)
    parts: list[str] = []
    parameters: list[Any] = []
    for box in Box:
        # In order, or the database would read more than the first to count them.
        counted = _counted(box, reader, marks).values_list("id")[: CAP + 1]
        sql, given = counted.query.sql_with_params()
        parts.append(f"(SELECT count(*) FROM ({sql}) AS {box.value}_box)")  # noqa: S608
        parameters += given
    return settle(f"SELECT {', '.join(parts)}", parameters, (_COMPLEX, _LATELY, *marks))


def _ask(
    sql: str,
    marks: Iterable[Any],
    reader: Officeholder,
    officers: Sequence[UUID],
    *,
    lately: datetime | None = None,
) -> list[tuple[Any, ...]]:
    _, marked = _marks(len(officers))
    given: dict[Any, Any] = dict(zip(marked, officers, strict=True))
    given |= {_COMPLEX: reader.complex_id, _LATELY: lately}
    with connection.cursor() as cursor:
        cursor.execute(sql, [given[mark] for mark in marks])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


# --- What lies in each box ---------------------------------------------------------------------

# What a recipient has yet to open, or to approve afterwards (후결).
UNREAD = Q(read_at=None) | Q(kind=Circulation.Kind.AFTERWARDS, confirmed_at=None)


def _rows(box: Box, reader: Officeholder, officers: Sequence[UUID]) -> tuple[QuerySet[Any], ...]:
    """The rows of a box, in its order: of turns, drafts, steps, outcomes or circulations.

    One list after the other: what is unread stands before what was read, and what was returned
    before what was withdrawn.
    """
    match box:
        case Box.WAITING:
            return (turns_of(reader, officers[1:]).order_by("since", "id"),)
        case Box.DRAFTS:
            drafts = Draft.objects.within(reader.complex_id).filter(drafter_id=reader.id)
            return (drafts.order_by("-saved_at"),)
        case Box.ONGOING:
            return (_under_way(reader, officers),)
        case Box.RETURNED:
            mine = Outcome.objects.within(reader.complex_id).filter(_decided(reader))
            mine = mine.order_by("-ended_at", "-id")
            return mine.filter(ending=Ending.RETURNED), mine.filter(ending=Ending.WITHDRAWN)
        case Box.FINISHED:
            return (_finished(reader),)
        case Box.REFERENCE | Box.CIRCULATION:
            shown = Circulation.objects.within(reader.complex_id).filter(
                recipient_id=reader.id, sent_at__isnull=False
            )
            kind = Q(kind=Circulation.Kind.REFERENCE)
            of_box = shown.filter(kind if box is Box.REFERENCE else ~kind)
            of_box = of_box.order_by("-sent_at", "-id")
            return of_box.filter(UNREAD), of_box.filter(~UNREAD)


def _counted(box: Box, reader: Officeholder, officers: Sequence[UUID]) -> QuerySet[Any]:
    first = _rows(box, reader, officers)[0]
    return first.filter(ended_at__gte=_LATELY) if box is Box.RETURNED else first


def _decided(reader: Officeholder) -> Exists:
    """Whether the reader drafted the row's document or decided on it, in whosever place."""
    return Exists(
        Step.objects.filter(
            complex_id=reader.complex_id,
            document_id=OuterRef("document_id"),
            decided_by_id=reader.id,
        )
    )


def _under_way(reader: Officeholder, officers: Sequence[UUID]) -> QuerySet[Turn]:
    """The turns of others, one for each document that the reader drafted or decided on."""
    turns = Turn.objects.within(reader.complex_id)
    beside = Turn.objects.filter(complex_id=reader.complex_id, document_id=OuterRef("document_id"))
    mine = turns_of(reader, officers[1:]).filter(document_id=OuterRef("document_id"))
    return turns.filter(
        _decided(reader), ~Exists(beside.filter(id__lt=OuterRef("id"))), ~Exists(mine)
    ).order_by("-since", "-id")


def _finished(reader: Officeholder) -> QuerySet[Step]:
    """The reader's last decision on each finished document, in whosever place."""
    later = Step.objects.filter(
        complex_id=reader.complex_id,
        document_id=OuterRef("document_id"),
        decided_by_id=reader.id,
        position__gt=OuterRef("position"),
    )
    again = Step.objects.filter(
        complex_id=reader.complex_id,
        document_id=OuterRef("document_id"),
        decided_by_id=reader.id,
        position=OuterRef("position"),
        round__gt=OuterRef("round"),
    )
    return (
        Step.objects.within(reader.complex_id)
        .filter(decided_by_id=reader.id, document__outcomes__ending=Ending.FINISHED)
        .exclude(decision="")
        .filter(~Exists(later), ~Exists(again))
        .order_by("-decided_at")
    )


# --- A line of a box ---------------------------------------------------------------------------

_NOTHING = Value("", output_field=CharField())
_NOBODY = Value(None, output_field=DateTimeField())
_READ = Value(False, output_field=BooleanField())
# By which moment a box is ordered and its days are counted.
_MOMENT = {
    Box.WAITING: "since",
    Box.DRAFTS: "saved_at",
    Box.ONGOING: "since",
    Box.RETURNED: "ended_at",
    Box.FINISHED: "document__outcomes__ended_at",
    Box.REFERENCE: "sent_at",
    Box.CIRCULATION: "sent_at",
}


def _lines(
    box: Box, reader: Officeholder, rows: QuerySet[Any], first: int, last: int
) -> QuerySet[Any, Any]:
    """The columns of `Entry` for some of the rows."""
    # What a document is called is looked up for these rows only.
    some = rows.model.objects.within(reader.complex_id).filter(id__in=rows.values("id")[first:last])
    rows = some.order_by(*rows.query.order_by)
    if box is Box.DRAFTS:
        return rows.values_list(
            "id",
            KT("inputs__title__0"),
            "form_id",
            Value(None, output_field=BigIntegerField()),
            "saved_at",
            _NOTHING,
            _NOTHING,
            Value(None, output_field=CharField()),
            _NOTHING,
            _NOTHING,
            _mark(box, reader),
            _READ,
        )
    return rows.values_list(
        "document_id",
        "document__title",
        "document__form_id",
        "document__amount",
        F(_MOMENT[box]),
        "document__drafter__office",
        "document__drafter__person__name",
        *_other(box, reader),
        _mark(box, reader),
        Case(When(UNREAD, then=Value(True)), default=Value(False))
        if box in {Box.REFERENCE, Box.CIRCULATION}
        else _READ,
    )


def _other(box: Box, reader: Officeholder) -> tuple[Any, ...]:
    """Whose turn it is, or who returned it: id, office and name."""
    if box in {Box.WAITING, Box.ONGOING}:
        return "approver_id", "approver__office", "approver__person__name"
    if box is Box.RETURNED:
        by = Step.objects.filter(
            complex_id=reader.complex_id,
            document_id=OuterRef("document_id"),
            decision=Decision.RETURN,
        )
        return (
            Subquery(by.values("decided_by_id")[:1]),
            Subquery(by.values("decided_by__office")[:1]),
            Subquery(by.values("decided_by__person__name")[:1]),
        )
    return Value(None, output_field=CharField()), _NOTHING, _NOTHING


def _mark(box: Box, reader: Officeholder) -> Any:
    match box:
        case Box.WAITING | Box.ONGOING:
            held = Hold.objects.filter(
                complex_id=reader.complex_id, step_id=OuterRef("step_id"), lifted_at=None
            )
            return Case(
                When(Exists(held), then=Value("held")),
                When(step__round__gt=1, then=Value("again")),
                default=_NOTHING,
            )
        case Box.DRAFTS:
            corrects = Q(cites__contains=[{"relation": Relation.SUPERSEDES.value}])
            return Case(
                When(corrects, then=Value("corrects")),
                When(follows__isnull=False, then=Value("mends")),
                default=_NOTHING,
            )
        case Box.RETURNED:
            return F("ending")
        case Box.REFERENCE | Box.CIRCULATION:
            return F("kind")
    return _NOTHING


def _filtered(box: Box, rows: QuerySet[Any], sought: Sought) -> QuerySet[Any]:
    document = "" if box is Box.DRAFTS else "document__"
    moment = _MOMENT[box]
    title = "inputs__title__0__icontains" if box is Box.DRAFTS else "document__title__icontains"
    found = Q()
    for word in sought.words.split():
        found &= Q(**{title: word})
    if sought.docs and box is not Box.DRAFTS:
        found |= Q(document_id__in=sought.docs)
    wanted: dict[str, Any] = {}
    if sought.form:
        wanted[f"{document}form__key"] = sought.form
    if sought.since:
        wanted[f"{moment}__gte"] = _midnight(sought.since)
    if sought.until:
        wanted[f"{moment}__lt"] = _midnight(sought.until + timedelta(days=1))
    if box is not Box.DRAFTS:
        if sought.least is not None:
            wanted["document__amount__gte"] = sought.least
        if sought.most is not None:
            wanted["document__amount__lte"] = sought.most
    return rows.filter(found, **wanted)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=SEOUL)
