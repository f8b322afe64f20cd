"""Counting days, months and years as the law does, and writing dates as offices do."""

from calendar import monthrange
from collections.abc import Collection
from datetime import date, datetime, time, timedelta, timezone

from danji.rules.holidays import NONE, is_working_day

# Korea has kept one offset without summer time since 1988, before any record in here.
SEOUL = timezone(timedelta(hours=9), "Asia/Seoul")


def days_after(trigger: date, days: int) -> date:
    """The last day of "…부터 N일 이내": the first day is not counted.

    Source: 민법 제157조, 제159조.
    """
    return trigger + timedelta(days=days)


def months_after(trigger: date, months: int) -> date:
    """The last day of "N개월 이내": the same day of the month, or the last the month has.

    Source: 민법 제160조.
    """
    years, month = divmod(trigger.year * 12 + trigger.month - 1 + months, 12)
    return date(years, month + 1, min(trigger.day, monthrange(years, month + 1)[1]))


def years_after(start: date, years: int) -> date:
    """The last day of "…부터 N년간": the same date N years on; 29 February gives the 28th.

    Source: 민법 제160조.
    """
    return months_after(start, 12 * years)


def days_before(event: date, days: int) -> date:
    """The latest day for "N일 전까지", read strictly: N clear days lie between.

    Never moved for a holiday. Counting N days back and no more is the lenient reading, which a
    court need not follow.

    Source: 민법 제71조, 제157조(거꾸로 세는 기간에 준용).
    """
    return event - timedelta(days=days + 1)


def latest_bid_notice(deadline: date, days: int) -> date:
    """The latest day to post a bid notice (입찰공고), counted back from the eve of the deadline.

    Args: `deadline` is the last day for bids; `days` is 10, or 5 for an urgent or repeated bid.
    Source: 주택관리업자 및 사업자 선정지침 제15조제1항, 제23조제1항.
    """
    eve = deadline - timedelta(days=1)
    return eve - timedelta(days=days)


def end_of_next_month(month: date) -> date:
    """The last day to disclose a month's fees: the end of the month after.

    Args: `month` is any day of the billing month.
    Source: 공동주택관리법 시행령 제23조제8항.
    """
    following = months_after(month.replace(day=1), 1)
    return following.replace(day=monthrange(following.year, following.month)[1])


def working_days_after(moment: datetime, days: int, besides: Collection[date] = NONE) -> datetime:
    """The same time of day in Korea, so many working days later: no weekend, no public holiday.

    Args: `besides` see `holidays.is_working_day`.
    Raises: ValueError when `moment` says no time zone.
    """
    later = _in_seoul(moment)
    while days > 0:
        later += timedelta(days=1)
        days -= is_working_day(later.date(), besides)
    return later


def is_office_time(moment: datetime, besides: Collection[date] = NONE) -> bool:
    """Whether offices are open: on working days, from nine to six in Korea.

    Args: `besides` see `holidays.is_working_day`.
    Raises: ValueError when `moment` says no time zone.
    """
    local = _in_seoul(moment)
    return is_working_day(local.date(), besides) and 9 <= local.hour < 18


def fiscal_year_end(day: date) -> date:
    """The last day of the fiscal year `day` lies in: it runs from 1 January to 31 December.

    Source: 공동주택 회계처리기준 제3조.
    """
    return date(day.year, 12, 31)


def day_in_seoul(moment: datetime) -> date:
    """The date in Korea at `moment`.

    Raises: ValueError when `moment` says no time zone.
    """
    return _in_seoul(moment).date()


def start_of_day(day: date) -> datetime:
    """The first moment of a day in Korea."""
    return datetime.combine(day, time.min, tzinfo=SEOUL)


def format_date(day: date) -> str:
    """A date as printed in official documents: `2026. 11. 5.`.

    Source: 행정업무의 운영 및 혁신에 관한 규정 제7조제5항(관행으로 따름).
    """
    return f"{day.year}. {day.month}. {day.day}."


def format_moment(moment: datetime) -> str:
    """A moment as printed in official documents, in Korean time: `2026. 11. 5. 09:05`.

    Raises: ValueError when `moment` says no time zone.
    Source: 행정업무의 운영 및 혁신에 관한 규정 제7조제5항(관행으로 따름).
    """
    local = _in_seoul(moment)
    return f"{format_date(local.date())} {local:%H:%M}"


def _in_seoul(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return moment.astimezone(SEOUL)
