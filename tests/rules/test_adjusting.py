"""What changes an approved amount: how far it goes, and when it is late."""

from dataclasses import replace
from datetime import date

import pytest

from danji.rules.adjusting import Adjustment
from danji.rules.refusal import Refusal
from danji.rules.routing import Case

APPROVED = date(2026, 11, 22)
CHANGE = Adjustment(Case("expense", "reserve", 4_000_000), APPROVED, earlier=500_000, change=100)


@pytest.mark.parametrize(
    ("change", "judged_by"), [(600_000, 5_100_000), (-600_000, 4_500_000), (-4_500_000, 4_500_000)]
)
def test_the_larger_of_before_and_after_is_judged(change, judged_by):
    assert replace(CHANGE, change=change).case == Case("expense", "reserve", judged_by)


@pytest.mark.parametrize("change", [0, -4_500_001])
def test_nothing_and_more_than_there_is_are_refused(change):
    with pytest.raises(Refusal):
        replace(CHANGE, change=change).check()


@pytest.mark.parametrize(
    ("on", "late"),
    [(APPROVED, False), (date(2026, 11, 30), False), (date(2026, 12, 1), True)],
)
def test_the_books_are_closed_with_the_month(on, late):
    assert CHANGE.is_late(on) is late
    assert bool(CHANGE.note(on)) is late
