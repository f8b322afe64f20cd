from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from danji.rules import periods
from danji.rules.holidays import is_working_day, public_holidays


def test_the_first_day_is_not_counted():
    assert periods.days_after(date(2026, 11, 2), 14) == date(2026, 11, 16)  # CAL-01


@pytest.mark.parametrize(
    ("trigger", "months", "last"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),  # CAL-02
        (date(2026, 7, 31), 1, date(2026, 8, 31)),  # DSC-12
        (date(2026, 10, 15), 1, date(2026, 11, 15)),
        (date(2026, 12, 5), 1, date(2027, 1, 5)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
    ],
)
def test_months_end_on_the_same_day_or_the_last(trigger, months, last):
    assert periods.months_after(trigger, months) == last


@pytest.mark.parametrize(
    ("start", "last"),
    [
        (date(2026, 12, 31), date(2031, 12, 31)),  # CAL-09, a voucher of 2026
        (date(2026, 3, 15), date(2031, 3, 15)),  # CAL-09, a contract
        (date(2028, 2, 29), date(2033, 2, 28)),
    ],
)
def test_years_end_on_the_same_date(start, last):
    assert periods.years_after(start, 5) == last


def test_backwards_the_strict_reading_counts_clear_days():
    assert periods.days_before(date(2026, 11, 20), 5) == date(2026, 11, 14)  # CAL-04


@pytest.mark.parametrize(
    ("days", "latest"),
    [(10, date(2026, 12, 7)), (5, date(2026, 12, 12))],  # CAL-05
)
def test_a_bid_notice_counts_from_the_eve_of_the_deadline(days, latest):
    assert periods.latest_bid_notice(date(2026, 12, 18), days) == latest


@pytest.mark.parametrize(
    ("month", "latest"),
    [
        (date(2026, 10, 31), date(2026, 11, 30)),  # CAL-07
        (date(2026, 12, 1), date(2027, 1, 31)),  # CAL-07
        (date(2027, 1, 15), date(2027, 2, 28)),  # DSC-01
    ],
)
def test_fees_are_disclosed_by_the_end_of_the_next_month(month, latest):
    assert periods.end_of_next_month(month) == latest


@pytest.mark.parametrize(
    ("since", "days", "due"),
    [
        ("2026-11-23T10:00", 1, "2026-11-24T10:00"),  # Monday
        ("2026-11-27T10:00", 1, "2026-11-30T10:00"),  # Friday
        ("2026-11-28T10:00", 1, "2026-11-30T10:00"),  # Saturday
        ("2026-11-25T23:00", 3, "2026-11-30T23:00"),
        ("2026-10-02T10:00", 1, "2026-10-06T10:00"),  # CAL-06: 개천절 on Saturday, its substitute
        ("2025-10-02T10:00", 1, "2025-10-10T10:00"),  # 개천절, 추석 and 한글날 in a row
        ("2026-11-26T10:00", 2, "2026-12-01T10:00"),  # Friday is declared a holiday for once
    ],
)
def test_working_days_leave_out_weekends_and_holidays(since, days, due):
    begun = datetime.fromisoformat(f"{since}+09:00").astimezone(UTC)
    once = {date(2026, 11, 27)} if since == "2026-11-26T10:00" else ()
    assert periods.working_days_after(begun, days, once) == datetime.fromisoformat(f"{due}+09:00")


# What was in force and is announced; the later ones follow from the articles.
@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2024-10-01", "임시공휴일"),
        ("2025-01-27", "임시공휴일"),
        ("2025-05-06", "대체공휴일"),
        ("2026-03-02", "삼일절 대체공휴일"),
        ("2026-06-03", "지방선거일"),
        ("2027-02-09", "설날 대체공휴일"),
        ("2028-10-05", "추석 대체공휴일"),
        (
            "2030-06-12",
            "지방선거일",
        ),  # 6 June is a holiday, so a week later: 공직선거법 제34조제2항
    ],
)
def test_public_holidays_are_known_with_their_substitutes(day, name):
    assert public_holidays()[date.fromisoformat(day)].endswith(name)
    assert not is_working_day(date.fromisoformat(day))


def test_memorial_day_has_no_substitute():
    assert is_working_day(date(2027, 6, 7))  # 현충일 is on Sunday


def test_the_holidays_of_every_year_are_known_far_enough_ahead():
    years = [day.year for day in public_holidays()]
    assert {years.count(year) >= 15 for year in range(2024, 2031)} == {True}


@pytest.mark.parametrize(
    ("hour", "day", "is_open"),
    [(8, 23, False), (9, 23, True), (17, 23, True), (18, 23, False), (10, 22, False)],
)
def test_offices_are_open_on_working_days_from_nine_to_six(hour, day, is_open):
    moment = datetime(2026, 11, day, hour, 30, tzinfo=periods.SEOUL)
    assert periods.is_office_time(moment.astimezone(UTC)) is is_open


def test_the_fiscal_year_is_the_calendar_year():
    assert periods.fiscal_year_end(date(2026, 3, 10)) == date(2026, 12, 31)


def test_dates_are_printed_as_offices_do():
    assert periods.format_date(date(2026, 11, 22)) == "2026. 11. 22."
    assert periods.format_date(date(2026, 11, 5)) == "2026. 11. 5."  # FMT-03


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 5, 0, 5, tzinfo=UTC),
        datetime(2026, 11, 5, 9, 5, tzinfo=periods.SEOUL),
        datetime(2026, 11, 4, 16, 5, tzinfo=timezone(timedelta(hours=-8))),
    ],
)
def test_moments_are_printed_in_korean_time(moment):
    assert periods.format_moment(moment) == "2026. 11. 5. 09:05"


def test_a_new_year_begins_in_korea_first():
    assert periods.day_in_seoul(datetime(2026, 12, 31, 15, 0, tzinfo=UTC)) == date(2027, 1, 1)


def test_a_moment_without_a_time_zone_is_our_own_mistake():
    with pytest.raises(ValueError, match="time zone"):
        periods.format_moment(datetime(2026, 11, 5, 9, 5, tzinfo=UTC).replace(tzinfo=None))
