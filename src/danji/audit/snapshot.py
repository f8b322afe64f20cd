"""One look at a complex: every row as it stood at one moment, however the office works on.

Read by plain SQL in spans of documents, so that memory does not grow with the complex.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection

from danji.base import tenancy
from danji.complexes.models import Complex

SPAN = 200  # documents read at once

BOUNDS = """
SELECT doc FROM (
    SELECT doc, row_number() OVER (ORDER BY doc) AS number
    FROM (SELECT DISTINCT doc FROM transparency_event WHERE complex_id = %s) AS docs
) AS numbered WHERE number %% %s = 0 ORDER BY doc
"""
FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)


@dataclass(frozen=True)
class Span:
    """The ids from `first` to `last`, both included. All spans together hold every id there is."""

    first: UUID
    last: UUID


@dataclass(frozen=True)
class Snapshot:
    """A complex as it stood at the moment `at`."""

    complex: Complex
    at: datetime
    database: "psycopg.Connection[tuple[Any, ...]]"

    def rows(self, sql: str, *more: object) -> list[tuple[Any, ...]]:
        """The rows of a statement whose first parameter is the complex."""
        with self.database.cursor(binary=True) as cursor:
            return cursor.execute(sql, [self.complex.id, *more]).fetchall()

    def within(self, span: Span, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a statement over the complex, from one id to another."""
        return self.rows(sql, span.first, span.last)

    def spans(self) -> Sequence[Span]:
        """All ids, cut so that each span holds about as many documents."""
        cuts = [doc for (doc,) in self.rows(BOUNDS, SPAN)]
        begin = [FIRST, *(UUID(int=cut.int + 1) for cut in cuts)]
        return [Span(*ends) for ends in zip(begin, [*cuts, LAST], strict=True)]


@contextmanager
def taken(complex_: Complex, at: datetime) -> Iterator[Snapshot]:
    """Take a snapshot: one read-only transaction with the application's rights.

    Inside a transaction it is part of that one, and sees what that sees.
    """
    alone = not connection.in_atomic_block
    with tenancy.within(complex_.id):
        if alone:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield Snapshot(complex_, at, connection.connection)
