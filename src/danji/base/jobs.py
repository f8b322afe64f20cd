"""Doing one thing after another: what is wrong with one keeps none of the others waiting."""

import logging
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Model

from danji.base import tenancy
from danji.rules.refusal import Refusal

logger = logging.getLogger(__name__)

Thing = TypeVar("Thing", bound=Hashable)

# What failed: in which complex, the name of what was to be done, and with what; and when last, by
# the monotonic clock.
_failed: dict[tuple[UUID, str, Hashable], float] = {}


def each(
    complex_id: UUID,
    things: Iterable[Thing],
    do: Callable[[Thing], None],
    *,
    at_most: int | None = None,
) -> int:
    """Do something with each thing, each in a transaction of its own.

    Args: `at_most` so many in one run, so that other complexes get their turn; first those that
    never failed, then those whose failing is longest ago: no bad one keeps the others waiting.
    Returns: with how many it was done; the others are logged, and tried again next time.
    Raises: OperationalError, InterfaceError when the database is away.
    """
    name, done = f"{do.__module__}.{do.__qualname__}", 0
    if at_most is not None:
        things = sorted(things, key=lambda one: _failed.get((complex_id, name, one), 0.0))[:at_most]
    for thing in things:
        try:
            with tenancy.within(complex_id):
                do(thing)
        except (OperationalError, InterfaceError):
            raise
        except Refusal as refusal:
            logger.warning("%s was not done: %s: %s", do.__name__, _id(thing), refusal.unnamed)
        except Exception:
            logger.exception("%s was not done: %s", do.__name__, _id(thing))
        else:
            _failed.pop((complex_id, name, thing), None)
            done += 1
            continue
        if at_most is not None:
            _failed[complex_id, name, thing] = monotonic()
    return done


def _id(thing: object) -> object:
    """What a log calls a thing: never by its title, for logs outlive what is erased."""
    return f"{type(thing).__name__} {thing.pk}" if isinstance(thing, Model) else thing


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
