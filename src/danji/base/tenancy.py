"""Which complex (단지) a transaction belongs to; row-level security in the database asks for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from django.db import connection, transaction

_entered: ContextVar[UUID | None] = ContextVar("complex", default=None)


@contextmanager
def within(complex_id: UUID) -> Iterator[None]:
    """Run one transaction that sees and writes the rows of this complex and of no other.

    Inside itself it is part of the same transaction.
    Raises: RuntimeError inside the transaction of another complex, whose setting would remain.
    """
    before = _entered.get()
    if before not in (None, complex_id):
        raise RuntimeError("this transaction belongs to another complex")
    with transaction.atomic():
        _enter("app.complex", complex_id)
        token = _entered.set(complex_id)
        try:
            yield
        finally:
            _entered.reset(token)


@contextmanager
def as_person(person_id: UUID) -> Iterator[None]:
    """Run one transaction in which a person sees the offices of their own, in whichever complex."""
    with transaction.atomic():
        _enter("app.person", person_id)
        yield


def _enter(name: str, value: UUID) -> None:
    # SET LOCAL and not set_config(): a sharded cluster passes only the former on to its nodes.
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL {name} = '{value}'")
