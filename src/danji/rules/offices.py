"""The offices of a complex (직책) by whom they belong to, and an officer as the rules see one."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from danji.rules.refusal import Refusal

MANAGER, CHIEF, BOOKKEEPER, CLERK = "manager", "chief", "bookkeeper", "clerk"
CHAIR, AUDITOR, DIRECTOR, REPRESENTATIVE = "chair", "auditor", "director", "representative"

OFFICE_STAFF = frozenset({MANAGER, CHIEF, BOOKKEEPER, CLERK})  # 관리사무소
COUNCIL = frozenset({CHAIR, AUDITOR, DIRECTOR, REPRESENTATIVE})  # 입주자대표회의


@dataclass(frozen=True)
class Officer:
    """Somebody in an office for a term; both days of it count.

    `office` is the key of the office, `name` how the person is called: "과장 이민호".
    """

    person: UUID
    office: str
    name: str
    since: date
    until: date | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether the term was ended before its first day was over: it has no day."""
        return self.until is not None and self.until < self.since

    def serves(self, since: date, until: date | None) -> bool:
        """Whether the term covers every day from one to another, or for ever."""
        if since < self.since:
            return False
        return self.until is None or (until is not None and until <= self.until)

    def serves_on(self, day: date) -> bool:
        """Whether the term covers the day."""
        return self.serves(day, day)


def check_in_office(officer: Officer, today: date) -> None:
    """Whoever acts is in office on the day.

    Raises: Refusal when the term has not begun, or is over.
    """
    if not officer.serves_on(today):
        raise Refusal(
            f"{officer.name} 님은 지금 임기가 아닙니다.",
            next_step="임기가 남아 있다면 관리사무소에 등록을 확인해 주세요.",
        )


def overlap(since: date, until: date | None, other_since: date, other_until: date | None) -> bool:
    """Whether two spans of days have a day in common; None means for ever."""
    begins_in_time = until is None or other_since <= until
    return begins_in_time and (other_until is None or since <= other_until)
