"""Doing one thing after another: what is wrong with one keeps none of the others waiting."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

from danji.base import tenancy
from danji.rules.refusal import Refusal

logger = logging.getLogger(__name__)

Thing = TypeVar("Thing")


def each(complex_id: UUID, things: Iterable[Thing], do: Callable[[Thing], None]) -> int:
    """Do something with each thing, each in a transaction of its own.

    Returns: with how many it was done; the others are logged, and tried again next time.
    Raises: OperationalError, InterfaceError when the database is away.
    """
    done = 0
    for thing in things:
        try:
            with tenancy.within(complex_id):
                do(thing)
        except (OperationalError, InterfaceError):
            raise
        except Refusal as refusal:
            logger.warning("%s was not done: %s: %s", do.__name__, thing, refusal)
        except Exception:
            logger.exception("%s was not done: %s", do.__name__, thing)
        else:
            done += 1
    return done


@contextmanager
def hold_lock(*lock: int) -> Iterator[bool]:
    """Hold a lock of the database; yields False when another process does the same already.

    Args: `lock` is one number or two, as PostgreSQL's advisory locks have them.
    """
    numbers = ", ".join(["%s"] * len(lock))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_lock({numbers})", lock)
        (held,) = cursor.fetchone()
    try:
        yield held
    finally:
        if held:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT pg_advisory_unlock({numbers})", lock)
