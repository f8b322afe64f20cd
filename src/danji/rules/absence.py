"""Being away (부재), and who stands in meanwhile (대결).

Whoever decides and is away names the one who decides instead, for so many days and no longer. The
decision is shown as one made in another's place, and the absent officer is told afterwards.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from danji.rules.offices import (
    AUDITOR,
    CHAIR,
    DIRECTOR,
    MANAGER,
    OFFICE_STAFF,
    Officer,
    check_in_office,
    overlap,
)
from danji.rules.periods import format_date, months_after
from danji.rules.refusal import Refusal

# Whoever is away longer has left the office to somebody else, who should then hold it: a choice of
# our own. Maternity leave, the longest that the law gives to everybody, fits in
# (근로기준법 제74조제1항: 90일, 120일).
LONGEST = 6  # months
ANNOUNCED = 12  # months ahead at most; whatever is further away is a slip of the pen


class Reason(StrEnum):
    """Why somebody is away."""

    TRIP = "trip"
    LEAVE = "leave"
    ILLNESS = "illness"
    TRAINING = "training"
    OTHER = "other"

    @property
    def label(self) -> str:
        return {
            Reason.TRIP: "출장",
            Reason.LEAVE: "휴가",
            Reason.ILLNESS: "병가",
            Reason.TRAINING: "교육",
            Reason.OTHER: "그 밖의 사유",
        }[self]


@dataclass(frozen=True)
class Away:
    """The days on which somebody is away and another stands in; both days count.

    Where the absent came back early, `until` is the last day away.
    """

    absent: Officer
    deputy: Officer
    since: date
    until: date


def may_stand_in(office: str, for_office: str) -> bool:
    """Whether the holder of one office may decide in the place of another's.

    The office's staff stand in for each other; the council has no part in that, for it must not
    interfere with the manager. For the chair a director acts and nobody else, in the order of the
    bylaws, which whoever is away keeps to by naming the one whose turn it is. For directors and
    auditors no article names anybody: only their like stand in, and an auditor's task is to look at
    what the others did. Nobody stands in for a representative, who was elected by a building and
    votes in person.
    Source: 행정업무의 운영 및 혁신에 관한 규정 제10조제3항(대결, 관행으로 따름),
    공동주택관리법 제65조(부당 간섭 금지), 같은 법 시행규칙 제4조제2항(이사가 회장을 대행).
    """
    if for_office in OFFICE_STAFF:
        return office in OFFICE_STAFF
    if for_office in {CHAIR, DIRECTOR}:
        return office == DIRECTOR
    return office == for_office == AUDITOR


def may_set(setter: Officer, absent: Officer) -> bool:
    """Everybody says so of themselves, and the manager of the office's staff too."""
    if setter.person == absent.person:
        return True
    return setter.office == MANAGER and absent.office in OFFICE_STAFF


def check_by_two(absent: Officer, deputy: Officer, one: Officer) -> None:
    """Accept one of the two who say of somebody that they are away (부재).

    Only the manager: without the manager's decision nothing goes on, and whoever lies in hospital
    cannot say so. Neither of the two stands in, for nobody gives themselves the manager's pen.
    Raises: Refusal.
    Source: 공동주택관리법 제64조제2항(관리사무소장의 업무), 제65조(부당 간섭 금지).
    """
    if absent.office != MANAGER:
        raise Refusal(
            f"{absent.name} 님의 부재는 본인이 알려야 합니다.",
            next_step="그분께 알려 달라고 해 주세요. 관리사무소 직원의 부재는 소장도 알립니다.",
        )
    if one.person == deputy.person:
        raise Refusal(
            "대신 결재하실 분이 자신의 대결을 정할 수는 없습니다.",
            next_step="다른 분이 제안하거나 확인해 주세요.",
        )


def may_end(ender: Officer, away: Away) -> bool:
    """Whoever may set an absence may end it, and so may the one who stands in."""
    return may_set(ender, away.absent) or ender.person == away.deputy.person


def check_setter(setter: Officer, absent: Officer, *, today: date) -> None:
    """Accept who says that somebody will be away.

    Raises: Refusal for those who may not, and for who is out of office.
    """
    check_in_office(setter, today)
    if not may_set(setter, absent):
        raise Refusal(
            f"{absent.name} 님의 부재는 본인이 알려야 합니다.",
            next_step="그분께 알려 달라고 해 주세요. 관리사무소 직원의 부재는 소장도 알립니다.",
        )


def check_ender(ender: Officer, away: Away, *, today: date) -> None:
    """Accept who says that an absence is over.

    Raises: Refusal for those who may not, and for who is out of office.
    """
    check_in_office(ender, today)
    if not may_end(ender, away):
        raise Refusal(
            f"{away.absent.name} 님의 부재는 본인이나 대신하는 분이 끝내야 합니다.",
            next_step="그분께 끝내 달라고 해 주세요. 관리사무소 직원의 부재는 소장도 끝냅니다.",
        )
    if away.until < today:
        raise Refusal("이미 끝난 부재입니다.", next_step="부재 목록을 확인해 주세요.")


def check_absence(planned: Away, others: Iterable[Away], *, today: date) -> None:
    """Accept an absence as it is about to be set.

    Whoever stands in is there on every one of the days, so nobody's decisions are handed on a
    second time, nor round in a circle.

    Args: `others` are all absences of the complex that are not over.
    Raises: Refusal when the days or the deputy cannot be.
    Source: 행정업무의 운영 및 혁신에 관한 규정 제10조제3항(대결, 관행으로 따름).
    """
    _check_days(planned, today)
    _check_deputy(planned)
    for other in others:
        if overlap(planned.since, planned.until, other.since, other.until):
            _check_beside(planned, other)


def _check_days(planned: Away, today: date) -> None:
    if planned.until < planned.since:
        raise Refusal(
            f"{format_date(planned.since)}에 시작해서 그보다 앞선 "
            f"{format_date(planned.until)}에 끝납니다.",
            next_step="시작하는 날과 끝나는 날을 다시 적어 주세요.",
        )
    if planned.since < today:
        raise Refusal(
            "이미 지난 날부터 자리를 비운다고 적혀 있습니다.",
            next_step="시작하는 날을 오늘이나 그 뒤로 적어 주세요.",
        )
    if planned.since > months_after(today, ANNOUNCED):
        raise Refusal(
            f"{ANNOUNCED}개월보다 먼 뒤의 부재는 미리 알릴 수 없습니다.",
            next_step="날짜를 확인해 주세요.",
        )
    if planned.until > months_after(planned.since, LONGEST):
        raise Refusal(
            f"부재는 한 번에 {LONGEST}개월까지 알릴 수 있습니다.",
            next_step="더 오래 비우신다면 그 직을 맡을 분을 새로 정해 주세요.",
        )
    if not planned.absent.serves(planned.since, planned.until):
        raise Refusal(
            f"그 기간은 {planned.absent.name} 님의 임기를 벗어납니다.",
            next_step="임기 안의 날로 적어 주세요.",
        )


def _check_deputy(planned: Away) -> None:
    absent, deputy = planned.absent, planned.deputy
    if deputy.person == absent.person:
        raise Refusal(
            "자리를 비우는 분이 자신을 대신할 수는 없습니다.",
            next_step="대신 결재할 다른 분을 골라 주세요.",
        )
    if not may_stand_in(deputy.office, absent.office):
        raise Refusal(
            f"{deputy.name} 님은 {absent.name} 님을 대신해 결재할 수 있는 직책이 아닙니다.",
            next_step="관리사무소는 관리사무소끼리, 회장은 이사가, 이사는 다른 이사가, "
            "감사는 다른 감사가 대신합니다.",
        )
    if not deputy.serves(planned.since, planned.until):
        raise Refusal(
            f"{deputy.name} 님은 그 기간에 임기가 아닌 날이 있습니다.",
            next_step="기간 내내 직을 맡고 계신 분을 골라 주세요.",
        )


def _check_beside(planned: Away, other: Away) -> None:
    """Both are on some of the same days."""
    absent, deputy = planned.absent, planned.deputy
    days = f"{format_date(other.since)} ~ {format_date(other.until)}"
    if (other.absent.person, other.absent.office) == (absent.person, absent.office):
        raise Refusal(
            f"{absent.name} 님의 부재가 이미 알려져 있습니다({days}).",
            next_step="바꾸시려면 앞의 부재를 끝낸 뒤 다시 알려 주세요.",
        )
    if other.absent.person == deputy.person:
        raise Refusal(
            f"{deputy.name} 님도 그 기간에 자리를 비웁니다({days}).",
            next_step="그 기간에 자리에 계신 분을 골라 주세요.",
        )
    if other.deputy.person == absent.person:
        raise Refusal(
            f"{absent.name} 님은 그 기간에 {other.absent.name} 님을 대신합니다({days}).",
            next_step="먼저 그 대결을 그만두신 뒤 부재를 알려 주세요.",
        )
