"""What stands on an officer's first page, asked for in one go.

Django takes several times longer to put these questions into SQL than the database to answer them,
and this is the page that everybody opens all day. So the SQL is made once, from the same querysets
as everywhere else, with marks in the places of the reader and the day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import (
    BigIntegerField,
    Count,
    Exists,
    F,
    OuterRef,
    QuerySet,
    Value,
    Window,
)
from django.db.models.fields.json import KT

from danji.accounts.models import Office, Officeholder
from danji.approvals.models import Step, Withdrawal
from danji.approvals.queries import drafts_of, waiting_for
from danji.base.prepared import settle
from danji.formbook.definition import load
from danji.formbook.models import Form
from danji.rules.approval import Decision

LISTED = 20  # of each kind
RETURNED_FOR = timedelta(days=30)  # how long a returned document is kept in sight

_COMPLEX, _READER = UUID(int=1), UUID(int=2)
_SINCE = datetime(1900, 1, 1, tzinfo=UTC)


class Entry(NamedTuple):
    """One line of the page. `office` and `name` are of the person the line is about."""

    kind: str  # "waiting", "ongoing", "returned" or "draft"
    id: UUID
    title: str | None
    form_id: UUID
    amount: int | None
    at: datetime
    office: str
    name: str
    all: int  # how many there are of the kind, for what waits

    @property
    def who(self) -> str:
        """`경리 김수진`."""
        return f"{Office(self.office).label} {self.name}"

    @property
    def form_title(self) -> str:
        return form_title(self.form_id)


@dataclass(frozen=True)
class Board:
    """The lines of the page by kind, each newest first but what waits: longest waiting first."""

    waiting: list[Entry]
    ongoing: list[Entry]
    returned: list[Entry]
    drafts: list[Entry]
    waiting_count: int  # also of those beyond the list


def board_of(reader: Officeholder, at: datetime) -> Board:
    """Everything on the first page of an officer."""
    sql, marks = _prepared()
    marked: dict[Any, Any] = {
        _COMPLEX: reader.complex_id,
        _READER: reader.id,
        _SINCE: at - RETURNED_FOR,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, [marked[mark] for mark in marks])
        entries = [Entry._make(row) for row in cursor.fetchall()]
    waiting = [entry for entry in entries if entry.kind == "waiting"]
    return Board(
        waiting=waiting,
        ongoing=[entry for entry in entries if entry.kind == "ongoing"],
        returned=[entry for entry in entries if entry.kind == "returned"],
        drafts=[entry for entry in entries if entry.kind == "draft"],
        waiting_count=waiting[0].all if waiting else 0,
    )


@cache
def form_title(form_id: UUID) -> str:
    """The title of a form. A published form never changes, so it is asked for once."""
    return load(bytes(Form.objects.get(id=form_id).definition)).title


@cache
def _prepared() -> tuple[str, Sequence[Any]]:
    """The SQL of the four lists together, and its marks in their order."""
    reader = Officeholder(complex_id=_COMPLEX, id=_READER)
    drafter = ("document__drafter__office", "document__drafter__person__name")
    approver = ("approver__office", "approver__person__name")
    drafts = drafts_of(reader).values_list(
        Value("draft"),
        "id",
        KT("inputs__title__0"),
        "form_id",
        Value(None, output_field=BigIntegerField()),
        "saved_at",
        Value(""),
        Value(""),
        Value(0),
    )
    waits = waiting_for(reader).annotate(all=Window(Count("id")))
    waiting = _listed(waits, "waiting", "document__submitted_at", drafter, F("all"))
    lists = waiting[:LISTED].union(
        _listed(_under_way(reader), "ongoing", "document__submitted_at", approver, Value(0))[
            :LISTED
        ],
        _listed(_returned_to(reader), "returned", "decided_at", approver, Value(0))[:LISTED],
        drafts[:LISTED],
        all=True,
    )
    return settle(*lists.query.sql_with_params(), (_COMPLEX, _READER, _SINCE))


def _listed(
    steps: QuerySet[Step],
    kind: str,
    moment: str,
    who: tuple[str, str],
    count: F | Value,
) -> QuerySet[Step, tuple[Any, ...]]:
    return steps.values_list(
        Value(kind),
        "document_id",
        "document__title",
        "document__form_id",
        "document__amount",
        F(moment),
        *who,
        count,
    )


def _returned_to(reader: Officeholder) -> QuerySet[Step]:
    """The steps that returned a document of the reader's lately."""
    return (
        Step.objects.within(reader.complex_id)
        .filter(decision=Decision.RETURN, decided_at__gte=_SINCE)
        .filter(document__drafter_id=reader.id)
        .order_by("-decided_at")
    )


def _under_way(reader: Officeholder) -> QuerySet[Step]:
    """The steps that decide now on the reader's own documents."""
    line = Step.objects.filter(complex_id=reader.complex_id, document_id=OuterRef("document_id"))
    blocked = line.filter(position__lt=OuterRef("position")).exclude(decision=Decision.APPROVE)
    withdrawn = Withdrawal.objects.filter(
        complex_id=reader.complex_id, document_id=OuterRef("document_id")
    )
    return (
        Step.objects.within(reader.complex_id)
        .filter(decision="", document__drafter_id=reader.id)
        .filter(~Exists(blocked), ~Exists(withdrawn))
        .order_by("-document_id")
    )
