"""What a complex may set in its bylaws (관리규약) for this program to go by.

Where the bylaws say nothing, what the product brings holds. A value holds from a day on and is
never changed backwards; two officers set it, as they put people into office.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from danji.rules.appointment import WITHIN
from danji.rules.periods import format_date, months_after
from danji.rules.refusal import Refusal

MOST = 30  # working days; whatever is longer is a slip of the pen


@dataclass(frozen=True)
class Setting:
    """A number of working days that the bylaws may set; 0 stands for never.

    `otherwise` holds where they say nothing.
    """

    key: str
    label: str
    told: str  # who is told then
    otherwise: int

    def words(self, value: int) -> str:
        """A value as it is read: "근무일 3일 뒤"."""
        return f"근무일 {value}일 뒤" if value else "알리지 않음"


REMIND = Setting(
    "approval.remind_after_days",
    "기다리는 결재를 다시 알리는 때",
    "결재하실 분께 다시 알립니다.",
    1,
)
ESCALATE = Setting(
    "approval.escalate_after_days",
    "늦어지는 결재를 여러 분께 알리는 때",
    "기안한 분과 관리사무소장께 알립니다. 결재가 끝난 뒤의 확인이나 감사는 이때부터 건너뛸 수 "
    "있습니다.",
    3,
)
SETTINGS: Mapping[str, Setting] = {setting.key: setting for setting in (REMIND, ESCALATE)}


def setting_of(key: str) -> Setting:
    """The setting of a key. Raises: Refusal when there is none."""
    if key not in SETTINGS:
        raise Refusal("무엇을 정하는지 고르지 않았습니다.", next_step="하나를 골라 주세요.")
    return SETTINGS[key]


def check_setting(value: int, article: str, effective_from: date, *, today: date) -> None:
    """Accept what the bylaws are said to set, from which day on, and where they say so.

    Raises: Refusal when the value cannot be, no article is named, or the day has passed.
    """
    if not 0 <= value <= MOST:
        raise Refusal(
            f"0일부터 {MOST}일까지 정할 수 있습니다.",
            next_step="날수를 다시 적어 주세요. 알리지 않으려면 0을 적습니다.",
        )
    if not article:
        raise Refusal(
            "관리규약의 조항이 비어 있습니다.",
            next_step="관리규약 제45조제2항처럼 적어 주세요.",
        )
    check_effective(effective_from, today=today)


def check_effective(day: date, *, today: date) -> None:
    """Accept the day from which a value holds: today or later, for what was done stays as it was.

    Raises: Refusal.
    """
    if day < today:
        raise Refusal(
            f"시행일({format_date(day)})이 이미 지났습니다.",
            next_step="오늘이나 그 뒤의 날로 새로 제안해 주세요.",
        )
    if day > months_after(today, WITHIN):
        raise Refusal(
            f"시행일이 {WITHIN}개월보다 멉니다.", next_step="시행일의 연도를 확인해 주세요."
        )
