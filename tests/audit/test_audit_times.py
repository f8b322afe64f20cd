"""When events were: who stood still, whose clock is wrong, and who dated back."""

from array import array
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from danji.audit.books import AGAIN, Book, Sighting
from danji.audit.findings import Findings, Severity
from danji.audit.times import Standstill, TimeCheck

NINE = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
CITY, COMPLEX = UUID(int=1), UUID(int=2)


def minutes(number):
    return NINE + timedelta(minutes=number)


def judged(times, sightings, standstills=(), number=1):
    """What is said of events at these minutes, seen as (size, minute, witness)."""
    book = Book(
        number,
        "danji.test/apt/A10000001/1",
        len(times),
        bytes(32),
        b"",
        Path(),
        Path(),
        lambda _: b"",
        array("q", [at if at == AGAIN else int(minutes(at).timestamp()) for at in times]),
        sightings=[Sighting(size, minutes(at), witness) for size, at, witness in sightings],
    )
    found = Findings()
    TimeCheck(book, standstills, found).check()
    return [(one.severity, one.index) for one in found.kept]


BOTH = [(4, 31, CITY), (4, 31, COMPLEX)]


@pytest.mark.parametrize(
    ("times", "sightings", "standstills", "told"),
    [
        ([0, 0, 10, 20], [(3, 25, CITY), *BOTH], (), []),
        # The head was refreshed while nothing was sealed.
        ([0, 0, 0, 5], [(3, 25, CITY), *BOTH], (), [(Severity.DOUBT, 3)]),
        (
            [0, 0, 0, 5],
            [(3, 25, CITY), *BOTH],
            [Standstill(minutes(15), minutes(30))],
            [(Severity.DOUBT, 3)],
        ),
        (
            [0, 0, 0, 5],
            [(3, 25, CITY), *BOTH],
            [Standstill(minutes(-60), minutes(-30))],
            [(Severity.DOUBT, 3)],
        ),
        # Other events of those minutes came in.
        ([0, 0, 20, 5], [(3, 25, CITY), *BOTH], (), [(Severity.FAULT, 3)]),
        (
            [0, 0, 20, 5],
            [(3, 25, CITY), *BOTH],
            [Standstill(minutes(0), None)],
            [(Severity.FAULT, 3)],
        ),
        # One witness whose clock is slow says nothing; two of them raise a question.
        ([0, 0, 0, 0], [(4, -60, CITY), (4, 1, COMPLEX)], (), []),
        (
            [-90, -90, -90, 0],
            [(4, -60, CITY), (4, -50, COMPLEX)],
            (),
            [(Severity.DOUBT, 3)],
        ),
    ],
    ids=[
        "in-time",
        "stood-still",
        "stood-still-as-told",
        "told-of-another-time",
        "dated-back",
        "dated-back-although-told",
        "one-slow-clock",
        "two-say-so",
    ],
)
def test_what_the_times_of_events_say(times, sightings, standstills, told):
    assert judged(times, sightings, standstills) == told


def test_what_stood_in_an_earlier_log_is_not_judged_by_the_later_one():
    assert judged([60, AGAIN, AGAIN, 55], [(1, 61, CITY)], number=2) == []
