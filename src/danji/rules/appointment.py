"""Coming into office (취임) and leaving it (퇴임): never by the word of one person alone.

One officer proposes, a second confirms; who the two can be depends on the post. In the same way
they change an officer's mail address and telephone (연락처), and what the bylaws set. The very
first officers of a complex are entered by whoever runs the server, for there is nobody yet to ask.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from danji.rules.offices import (
    AUDITOR,
    BOOKKEEPER,
    CHAIR,
    CHIEF,
    CLERK,
    COUNCIL,
    DIRECTOR,
    MANAGER,
    OFFICE_STAFF,
    REPRESENTATIVE,
    Officer,
    check_in_office,
    overlap,
)
from danji.rules.periods import format_date, months_after
from danji.rules.refusal import Refusal

WITHIN = 12  # months before and after today; whatever is further away is a slip of the pen
# At one time one person is in each of these; a complex has two auditors or more.
SINGLE = frozenset({MANAGER, CHAIR})


class Change(StrEnum):
    """What a proposal is about."""

    TAKE = "take"
    LEAVE = "leave"
    CONTACT = "contact"  # the mail address and telephone of whoever holds the office
    ABSENCE = "absence"  # that the officer is away who cannot say so; both days count
    SETTING = "setting"  # what the bylaws set; it is about nobody

    @property
    def label(self) -> str:
        return {
            Change.TAKE: "취임",
            Change.LEAVE: "퇴임",
            Change.CONTACT: "연락처 변경",
            Change.ABSENCE: "부재",
            Change.SETTING: "관리규약 설정",
        }[self]


# What everybody may propose for themselves.
OF_ONESELF = frozenset({Change.LEAVE, Change.CONTACT})


class Answer(StrEnum):
    """What became of a proposal."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        return {
            Answer.CONFIRMED: "확인",
            Answer.REJECTED: "거절",
            Answer.WITHDRAWN: "취소",
        }[self]


@dataclass(frozen=True)
class Two:
    """Who decides about a post: one of `leading` together with another of `joining`.

    Either proposes, and the other confirms.
    """

    leading: frozenset[str]
    joining: frozenset[str]

    def has(self, office: str) -> bool:
        """Whether somebody in this office can be one of the two."""
        return office in self.leading | self.joining

    def are(self, one: str, other: str) -> bool:
        """Whether these two offices decide together, in whichever order."""
        return (one in self.leading and other in self.joining) or (
            other in self.leading and one in self.joining
        )


# The manager has the staff, and the council no part in that but to witness it (시행령 제14조제6항).
_OF_STAFF = Two(leading=frozenset({MANAGER}), joining=frozenset({CHIEF, CHAIR}))
# The council or its contractor places the manager (법 제64조제1항); the chair speaks for it.
_OF_MANAGER = Two(
    leading=frozenset({CHAIR}),
    joining=frozenset({MANAGER, CHIEF, AUDITOR, DIRECTOR, REPRESENTATIVE}),
)
# An election is over when its result comes to the office: the manager or the chair enters it, and
# a member of the council witnesses it. Without the chair too, when it is the chair who leaves.
_OF_COUNCIL = Two(
    leading=frozenset({MANAGER, CHAIR}),
    joining=frozenset({CHAIR, AUDITOR, DIRECTOR, REPRESENTATIVE}),
)
TWO_FOR: Mapping[str, Two] = {
    CLERK: _OF_STAFF,
    BOOKKEEPER: _OF_STAFF,
    CHIEF: _OF_STAFF,
    MANAGER: _OF_MANAGER,
    CHAIR: _OF_COUNCIL,
    AUDITOR: _OF_COUNCIL,
    DIRECTOR: _OF_COUNCIL,
    REPRESENTATIVE: _OF_COUNCIL,
}


_WORDS: Mapping[Two, tuple[str, str]] = {
    _OF_STAFF: ("관리사무소 직원", "소장, 그리고 과장이나 회장이 함께"),
    _OF_MANAGER: (
        "소장",
        "회장이 소장, 과장, 입주자대표회의의 다른 분 가운데 한 분과 함께",
    ),
    _OF_COUNCIL: (
        "회장, 감사, 이사, 동별 대표자",
        "소장이나 회장이 입주자대표회의의 다른 한 분(동별 대표자도 됩니다)과 함께",
    ),
}


@dataclass(frozen=True)
class Planned:
    """A change as it is proposed; `post` is the office, both days of the term count.

    `person` is None for somebody whom nobody knows yet. Of a leaving, `until` is the last day, and
    the day before `since` when no day of the term is to count. Of a setting there is neither
    `person` nor `post`, and `since` is the day from which it holds.
    """

    change: Change
    post: str
    person: UUID | None
    since: date
    until: date | None

    @property
    def two(self) -> Two:
        """Who decides about it. The bylaws are the council's, and bind the office."""
        return _OF_COUNCIL if self.change is Change.SETTING else TWO_FOR[self.post]

    @property
    def who_decides(self) -> str:
        """The same, as a sentence."""
        return who_decides(self.post, self.change)


def may_propose(officer: Officer, planned: Planned) -> bool:
    """Whether an officer may propose a change; for themselves everybody may to leave (사임), and
    to be reached elsewhere.

    Nobody proposes the own taking of an office.
    Source: 공동주택관리법 제64조제1항(관리사무소장의 배치), 같은 법 시행령 제14조제6항(직원인사).
    """
    if planned.person == officer.person:
        return planned.change in OF_ONESELF
    return planned.two.has(officer.office)


def may_confirm(officer: Officer, proposer: Officer, planned: Planned) -> bool:
    """Whether a second officer may confirm what the first proposed.

    Never who proposed it, and never whom it is about. Where somebody leaves of the own accord, or
    gives another address, either of the two who decide about the post will do.
    Source: 공동주택관리법 제64조제1항(관리사무소장의 배치), 같은 법 시행령 제14조제6항(직원인사).
    """
    if officer.person in {proposer.person, planned.person}:
        return False
    if planned.change in OF_ONESELF and proposer.person == planned.person:
        return planned.two.has(officer.office)
    return planned.two.are(proposer.office, officer.office)


def check_proposal(officer: Officer, planned: Planned, *, today: date) -> None:
    """Accept what somebody proposes.

    Raises: Refusal when it is not theirs to propose.
    """
    check_in_office(officer, today)
    if may_propose(officer, planned):
        return
    if planned.person == officer.person:
        raise Refusal(
            "자신을 직에 앉히는 제안은 할 수 없습니다.",
            next_step="제안할 수 있는 다른 분께 부탁해 주세요. " + planned.who_decides,
        )
    raise Refusal(
        f"{officer.name} 님은 이 일을 제안할 수 있는 직책이 아닙니다.",
        next_step=planned.who_decides,
    )


def check_confirmation(
    officer: Officer, proposer: Officer, planned: Planned, *, today: date
) -> None:
    """Accept the second officer's word.

    Raises: Refusal when it is not theirs to confirm, or the first has left office meanwhile.
    """
    check_in_office(officer, today)
    if not proposer.serves_on(today):
        raise Refusal(
            f"제안한 {proposer.name} 님의 임기가 끝났습니다.",
            next_step="지금 직을 맡고 계신 분이 새로 제안해 주세요.",
        )
    if officer.person == proposer.person:
        raise Refusal(
            "직접 제안하신 일은 다른 분이 확인해야 합니다.",
            next_step=planned.who_decides,
        )
    if officer.person == planned.person:
        raise Refusal(
            "자신에 관한 제안은 스스로 확인할 수 없습니다.",
            next_step=planned.who_decides,
        )
    if planned.change is Change.TAKE and proposer.person == planned.person:
        # An address that nobody had when it was proposed may have become the proposer's since.
        raise Refusal(
            f"제안한 {proposer.name} 님 자신의 취임입니다.",
            next_step="거절하시고, 다른 분이 새로 제안해 주세요.",
        )
    if not may_confirm(officer, proposer, planned):
        raise Refusal(
            f"{officer.name} 님은 {proposer.name} 님의 이 제안을 확인할 수 있는 직책이 아닙니다.",
            next_step=planned.who_decides,
        )


def check_planned(planned: Planned, held: Officer | None, *, today: date) -> None:
    """Accept the days of a change.

    A term may be entered late or ahead of time; who leaves goes at once at the earliest, that is,
    with yesterday as the last day, and a term is only ever cut short: staying longer is a new term.
    A term that began today, or has not begun, is left with no day (see `last_day_for`).

    Args: `held` is the office that is left; None when one is taken.
    Raises: Refusal when the days cannot be.
    """
    earliest = planned.since if held is None else planned.since - timedelta(days=1)
    if planned.until is not None and planned.until < earliest:
        raise Refusal(
            f"임기가 {format_date(planned.since)}에 시작해서 그보다 앞선 "
            f"{format_date(planned.until)}에 끝납니다.",
            next_step="시작하는 날과 끝나는 날을 다시 적어 주세요.",
        )
    if held is None:
        _check_taking(planned, today)
    else:
        _check_leaving(planned, held, today)


def _check_taking(planned: Planned, today: date) -> None:
    if not months_after(today, -WITHIN) <= planned.since <= months_after(today, WITHIN):
        raise Refusal(
            f"임기가 오늘에서 {WITHIN}개월 넘게 떨어진 날에 시작합니다.",
            next_step="시작하는 날의 연도를 확인해 주세요.",
        )
    if planned.until is not None and planned.until < today:
        raise Refusal(
            "이미 끝난 임기입니다.", next_step="끝나는 날을 오늘이나 그 뒤로 적어 주세요."
        )


def _check_leaving(planned: Planned, held: Officer, today: date) -> None:
    last = planned.until
    if last is None or last > months_after(today, WITHIN):
        raise Refusal("그만두는 날이 너무 멉니다.", next_step="마지막 날의 연도를 확인해 주세요.")
    if last < today - timedelta(days=1):
        raise Refusal(
            "이미 지난 날로 임기를 끝낼 수는 없습니다. 그사이에 하신 일이 있을 수 있습니다.",
            next_step="오늘부터 직을 놓는다면 마지막 날을 어제로 적어 주세요.",
        )
    if held.until is not None and last >= held.until:
        raise Refusal(
            f"{held.name} 님의 임기는 이미 {format_date(held.until)}까지입니다.",
            next_step="더 이른 날을 적어 주세요. 임기를 늘리려면 새 임기로 취임을 제안해 주세요.",
        )


def last_day_for(held: Officer, wanted: date) -> date:
    """The last day with which an office is left that somebody wants to end on a day.

    Before the first day of the term it is the day before that: the term has no day at all.
    """
    return max(wanted, held.since - timedelta(days=1))


def check_free(planned: Planned, holders: Iterable[Officer]) -> None:
    """Accept a term beside those of others: one manager and one chair at a time, nobody twice.

    Nobody is in the manager's office and in the council at once, for the one looks after the other.

    Args: `holders` are those who hold, held or will hold an office in the complex.
    Raises: Refusal when the terms have a day in common.
    Source: 공동주택관리법 시행령 제12조제1항(회장 1명, 감사 2명 이상), 공동주택관리법 제64조제1항,
    같은 법 제14조제4항, 같은 법 시행령 제11조제4항(관리주체의 임직원은 동별 대표자가 될 수 없음).
    """
    for holder in holders:
        if holder.is_cancelled or not overlap(
            planned.since, planned.until, holder.since, holder.until
        ):
            continue
        term = f"{format_date(holder.since)}부터 "
        term += f"{format_date(holder.until)}까지" if holder.until else "계속"
        if holder.person == planned.person and _apart(holder.office, planned.post):
            raise Refusal(
                f"{holder.name} 님은 그 기간에 다른 직을 맡고 있습니다({term}). 관리사무소와 "
                "입주자대표회의의 직을 함께 맡을 수 없습니다.",
                next_step="먼저 그 직의 퇴임을 정하거나, 기간이 겹치지 않게 적어 주세요.",
            )
        if holder.office != planned.post:
            continue
        if holder.person == planned.person:
            raise Refusal(
                f"{holder.name} 님이 그 기간에 이미 그 직을 맡고 있습니다({term}).",
                next_step="기간이 겹치지 않게 다시 적어 주세요.",
            )
        if planned.post in SINGLE:
            raise Refusal(
                f"그 기간에는 다른 분({holder.name} 님)이 그 직을 맡고 있습니다({term}).",
                next_step="먼저 그분의 퇴임을 정하거나, 임기가 겹치지 않게 적어 주세요.",
            )


def _apart(one: str, other: str) -> bool:
    """Whether one of the offices is the staff's and the other the council's."""
    return bool({one, other} & OFFICE_STAFF) and bool({one, other} & COUNCIL)


def who_decides(post: str, change: Change = Change.TAKE) -> str:
    """Who proposes and confirms a change about a post, as a sentence."""
    if change is Change.SETTING:
        return f"관리규약에서 정한 것은 {_WORDS[_OF_COUNCIL][1]} 정합니다."
    whose, who = _WORDS[TWO_FOR[post]]
    if change is Change.CONTACT:
        return f"{whose}의 연락처는 {who} 바꿉니다."
    if change is Change.ABSENCE:
        return f"{whose}의 부재를 본인이 알리지 못하면 {who} 정합니다."
    return f"{whose}의 취임과 퇴임은 {who} 정합니다."
