"""The days on which offices are closed: weekends and public holidays (공휴일), with substitutes.

`holidays.json` holds the public holidays of the years that can be told ahead, substitute holidays
(대체공휴일) and elections among them. What is declared for once (임시공휴일) is told from outside.
"""

import json
from collections.abc import Collection
from datetime import date
from functools import cache
from importlib import resources
from typing import Final

SATURDAY = 5  # as `date.weekday` counts
NONE: Final[frozenset[date]] = frozenset()


@cache
def public_holidays() -> dict[date, str]:
    """Each public holiday that is known, with its name.

    Source: 공휴일에 관한 법률 제2조(공휴일), 제3조(대체공휴일).
    """
    text = (resources.files("danji.rules") / "holidays.json").read_text(encoding="utf-8")
    return {
        date.fromisoformat(f"{year}-{day}"): name
        for year, days in json.loads(text).items()
        for day, name in days.items()
    }


def is_working_day(day: date, besides: Collection[date] = NONE) -> bool:
    """Whether offices work on a day.

    Args: `besides` are holidays declared for once (임시공휴일).
    Source: 공휴일에 관한 법률 제2조(공휴일), 제3조(대체공휴일).
    """
    return day.weekday() < SATURDAY and day not in public_holidays() and day not in besides
