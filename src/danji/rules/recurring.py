"""When a recurring document (반복 문서) is due: logs that an office writes day after day."""

from calendar import monthrange
from collections.abc import Collection
from datetime import date, timedelta
from enum import StrEnum

from danji.rules.holidays import NONE, is_working_day
from danji.rules.refusal import Refusal


class Every(StrEnum):
    """How often a recurring document is written."""

    DAY = "day"  # each working day
    EACH = "each"
    WEEK = "week"
    MONTH = "month"

    @property
    def label(self) -> str:
        return {
            Every.DAY: "평일마다",
            Every.EACH: "날마다",
            Every.WEEK: "주마다",
            Every.MONTH: "달마다",
        }[self]


def due_day(
    every: Every, on_day: int, today: date, besides: Collection[date] = NONE
) -> date | None:
    """The day for which a document is due by `today`; None while none is in this week or month.

    A week and a month catch up with a day that passed while nobody was there; for a day that
    passed no log is begun afterwards.

    Args: `on_day` is 1 for Monday in a week, or the day of a month (the last one where it is
    shorter); it does not count for each day. `besides` see `holidays.is_working_day`.
    """
    if every is Every.EACH:
        return today
    if every is Every.DAY:
        return today if is_working_day(today, besides) else None
    if every is Every.WEEK:
        due = today - timedelta(days=today.weekday()) + timedelta(days=on_day - 1)
    else:
        due = today.replace(day=min(on_day, monthrange(today.year, today.month)[1]))
    return due if due <= today else None


def check_recurrence(every: Every, on_day: int, since: date, until: date | None) -> None:
    """Accept a recurrence as it is about to be started.

    Raises: Refusal.
    """
    if not 1 <= on_day <= (7 if every is Every.WEEK else 31):
        raise Refusal(
            "몇째 날에 쓰는지 맞지 않습니다.",
            next_step="주마다 쓰면 요일을, 달마다 쓰면 1일부터 31일까지의 날을 골라 주세요.",
        )
    if until is not None and until < since:
        raise Refusal(
            "끝나는 날이 시작하는 날보다 앞에 있습니다.",
            next_step="두 날을 다시 확인해 주세요. 계속 쓰시려면 끝나는 날을 비워 두세요.",
        )
