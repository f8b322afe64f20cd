"""Queries that are put into SQL once.

Django takes several times longer to put a question into SQL than the database to answer it. That
is felt where a question is asked with every press of a button, and only there is this of use.
"""

from collections.abc import Callable, Collection, Sequence
from copy import copy
from datetime import date
from functools import cached_property
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import connections
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable
from psycopg.sql import Literal

M = TypeVar("M", bound=Model)
# What stands in for a value while the SQL is made: a value that nothing real ever has.
MARKS: dict[type, Callable[[int], Any]] = {
    UUID: lambda number: UUID(int=number),
    date: lambda number: date(1, 1, number),
    str: lambda number: f"\ufffe{number}",
}


class Prepared(Generic[M]):
    """A question that is asked again and again with other values.

    Args: `ask` makes the queryset from one value of each of `kinds`: UUID, date or str.
    """

    def __init__(self, ask: Callable[..., QuerySet[M]], *kinds: type) -> None:
        self._ask = ask
        self._marks = [MARKS[kind](number) for number, kind in enumerate(kinds, 1)]

    def __call__(self, *values: Any) -> list[M]:
        """The answer for these values, in the current transaction."""
        queryset, compiler, sql, marks = self._made
        given = dict(zip(self._marks, values, strict=True))
        filled = [given[mark] for mark in marks]
        asked = copy(compiler)
        asked.connection = connections[queryset.db]  # every thread has one of its own
        asked.as_sql = lambda: (sql, filled)
        source: Any = _Asked(queryset, asked)
        return list(ModelIterable(source))

    @cached_property
    def _made(self) -> tuple[QuerySet[M], Any, str, Sequence[Any]]:
        queryset = self._ask(*self._marks)
        compiler = queryset.query.get_compiler(queryset.db)
        sql, parameters = compiler.as_sql()
        return queryset, compiler, *settle(sql, parameters, self._marks)


def settle(
    sql: str, parameters: Sequence[Any], marks: Collection[Any]
) -> tuple[str, Sequence[Any]]:
    """Write into the SQL what is the same every time; returns it with the marks that are left.

    The database then plans with it once and for all: an index of undecided steps, for one, is of
    no use to a plan that is made before the word is known.
    """
    settled, *parts = sql.split("%s")
    left = []
    for value, part in zip(parameters, parts, strict=True):
        if value in marks:
            left.append(value)
            settled += "%s" + part
        else:
            settled += Literal(value).as_string().replace("%", "%%") + part
    return settled, left


class _Asked:
    """What Django looks at in a queryset when it makes objects of the rows."""

    def __init__(self, queryset: QuerySet[Any], compiler: Any) -> None:
        self.db, self.model = queryset.db, queryset.model
        self.query = self
        self._compiler = compiler
        self._known_related_objects: dict[Any, Any] = {}

    def get_compiler(self, using: str) -> Any:  # noqa: ARG002 - as Django calls it
        return self._compiler
