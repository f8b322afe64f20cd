"""When a recurring document is due."""

from datetime import date

import pytest

from danji.rules.recurring import Every, check_recurrence, due_day
from danji.rules.refusal import Refusal

FRIDAY, SATURDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 23)


@pytest.mark.parametrize(
    ("today", "due"),
    [(FRIDAY, FRIDAY), (SATURDAY, None), (MONDAY, MONDAY), (date(2026, 12, 25), None)],
    ids=str,
)
def test_a_daily_log_is_written_on_working_days(today, due):
    assert due_day(Every.DAY, 1, today) == due
    assert due_day(Every.EACH, 1, today) == today  # who keeps watch writes on every day


@pytest.mark.parametrize(
    ("on_day", "today", "due"),
    [
        (1, MONDAY, MONDAY),
        (5, MONDAY, None),  # this week's Friday has not come yet
        (5, SATURDAY, FRIDAY),  # nobody was there on Friday: the log is begun a day late
        (7, date(2026, 11, 22), date(2026, 11, 22)),
    ],
)
def test_a_weekly_log_catches_up_within_its_week(on_day, today, due):
    assert due_day(Every.WEEK, on_day, today) == due


@pytest.mark.parametrize(
    ("on_day", "today", "due"),
    [
        (1, date(2026, 11, 22), date(2026, 11, 1)),
        (25, date(2026, 11, 22), None),
        (31, date(2026, 11, 30), date(2026, 11, 30)),  # the last day of a shorter month
        (30, date(2027, 2, 28), date(2027, 2, 28)),
        (29, date(2028, 2, 29), date(2028, 2, 29)),
    ],
)
def test_a_monthly_log_is_due_on_its_day_or_the_last(on_day, today, due):
    assert due_day(Every.MONTH, on_day, today) == due


@pytest.mark.parametrize(
    ("every", "on_day", "until"),
    [
        (Every.WEEK, 0, None),
        (Every.WEEK, 8, None),
        (Every.MONTH, 32, None),
        (Every.DAY, 1, date(2026, 11, 19)),
    ],
)
def test_a_recurrence_that_cannot_be_is_refused(every, on_day, until):
    with pytest.raises(Refusal):
        check_recurrence(every, on_day, FRIDAY, until)
