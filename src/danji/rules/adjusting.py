"""Changing what an approved expense spends (취소·증감): in a document of its own, never backwards.

An approved amount is never corrected. What changes it goes at least the way of the expense itself,
and after the month was closed (월 결산) it needs the consent of who is above the manager.
"""

from dataclasses import dataclass, replace
from datetime import date

from danji.rules.money import grouped
from danji.rules.periods import format_date
from danji.rules.refusal import Refusal
from danji.rules.routing import Case

CONSENT = "공동주택 회계처리기준 제16조제4항"


@dataclass(frozen=True)
class Adjustment:
    """A change of an approved expense.

    `expense` is that expense as it was approved, on the day `approved_on`; `earlier` what other
    changes of it came to, `change` this one, both in won without value-added tax.
    """

    expense: Case
    approved_on: date
    earlier: int
    change: int

    @property
    def case(self) -> Case:
        """What the line is chosen by: the larger of what was spent before and after the change.

        Source: 공동주택 회계처리기준 제26조제4항(지출결의의 취소와 증감).
        """
        return replace(self.expense, net=max(self._before, self._before + self.change))

    @property
    def is_increase(self) -> bool:
        """Whether more is spent, so that the council is asked as for an expense of that size."""
        return self.change > 0

    def check(self) -> None:
        """Refuse to take away more than was approved, and a change of nothing.

        Raises: Refusal.
        """
        if self.change == 0:
            raise Refusal(
                "늘거나 주는 금액이 0원입니다.",
                next_step="바뀌는 금액을 적어 주세요. 다른 내용을 바로잡으려면 지출결의서 화면에서 "
                "‘정정 문서 쓰기’를 눌러 주세요.",
            )
        if self._before + self.change < 0:
            raise Refusal(
                f"줄이려는 {grouped(-self.change)}원이 남은 금액 {grouped(self._before)}원보다 "
                "많습니다(부가세 제외).",
                next_step="줄일 금액을 다시 확인해 주세요.",
            )

    def is_late(self, on: date) -> bool:
        """Whether the books of the month in which the expense was approved are closed by a day.

        Source: 공동주택 회계처리기준 제16조제4항, 제17조(결산이 끝난 뒤의 전표 수정).
        """
        approved = self.approved_on
        return (approved.year, approved.month) < (on.year, on.month)

    def note(self, on: date) -> str:
        """What those who approve are told of a late change, "" of another."""
        if not self.is_late(on):
            return ""
        return (
            f"{format_date(self.approved_on)} 결재가 끝난 지출을 달이 지난 뒤에 고칩니다"
            f"({CONSENT}). 주택관리업자나 입주자대표회의의 승인을 확인해 주세요. "
            "감사께도 보여 드립니다."
        )

    @property
    def _before(self) -> int:
        return (self.expense.net or 0) + self.earlier
