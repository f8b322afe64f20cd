"""Destroying what may not, or must not, be kept any more (폐기·파기): on what basis, and by whom.

Nobody destroys a record alone: the manager, who keeps the books, proposes; the chair or an auditor,
who watch over them, confirms.
Source: 공동주택관리법 제27조제1항(보관), 개인정보 보호법 제21조(파기), 제36조(정정·삭제).
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from danji.rules.offices import AUDITOR, CHAIR, MANAGER, Officer, check_in_office
from danji.rules.periods import day_in_seoul, format_date
from danji.rules.refusal import Refusal
from danji.rules.text import particle

PROPOSING = frozenset({MANAGER})
CONFIRMING = frozenset({CHAIR, AUDITOR})
AT_ONCE = 100  # documents in one proposal: more than one person can look through
REASON_LIMIT = 200  # characters


class Basis(StrEnum):
    """On what a document is destroyed."""

    EXPIRED = "expired"
    REQUEST = "request"
    ORDER = "order"

    @property
    def label(self) -> str:
        return {
            Basis.EXPIRED: "보존기간 만료",
            Basis.REQUEST: "정보주체의 삭제 요구",
            Basis.ORDER: "법원·감독기관의 명령",
        }[self]


@dataclass(frozen=True)
class Doomed:
    """A document that somebody proposes to destroy.

    `name` is what people call it; `retained_until` the last day it must be kept, None for ever, and
    for what never came on record.
    """

    name: str
    retained_until: date | None
    is_under_way: bool = False
    is_erased: bool = False


def may_propose(office: str) -> bool:
    """Whether somebody in this office may propose to destroy documents."""
    return office in PROPOSING


def may_confirm(officer: Officer, proposer: Officer) -> bool:
    """Whether a second officer may confirm what the first proposed: never the same person."""
    return officer.office in CONFIRMING and officer.person != proposer.person


def has_expired(retained_until: date | None, today: date) -> bool:
    """Whether a record may be destroyed for its age: from the day after the last on."""
    return retained_until is not None and retained_until < today


def check_doomed(doomed: Doomed, basis: Basis, *, today: date) -> None:
    """Accept that a document be destroyed on this basis.

    Before the end of its retention only somebody else's right goes before the duty to keep it.
    Raises: Refusal.
    Source: 공동주택관리법 제27조제1항; 개인정보 보호법 제21조제1항 단서(다른 법령에 따른 보존).
    """
    if doomed.is_erased:
        raise Refusal(
            f"‘{doomed.name}’{particle(doomed.name, '은')} 이미 파기했습니다.",
            next_step="빼고 다시 골라 주세요.",
        )
    if doomed.is_under_way:
        raise Refusal(
            f"‘{doomed.name}’{particle(doomed.name, '은')} 아직 결재 중인 문서입니다.",
            next_step="결재가 끝나거나 회수한 뒤에 제안해 주세요.",
        )
    if basis is Basis.EXPIRED and not has_expired(doomed.retained_until, today):
        until = (
            f"{format_date(doomed.retained_until)}까지 보존해야 합니다"
            if doomed.retained_until
            else "보존기간이 끝나는 날이 정해져 있지 않습니다"
        )
        raise Refusal(
            f"‘{doomed.name}’{particle(doomed.name, '은')} {until}.",
            next_step="보존기간이 끝난 문서만 고르거나, 다른 근거와 까닭을 적어 주세요.",
        )


def check_proposal(officer: Officer, *, today: date) -> None:
    """Accept that somebody proposes. Raises: Refusal."""
    check_in_office(officer, today)
    if not may_propose(officer.office):
        raise Refusal(
            "문서의 파기는 관리사무소장이 제안합니다.",
            next_step="관리사무소장께 제안을 부탁해 주세요.",
        )


def check_answer(officer: Officer, proposer: Officer, *, today: date) -> None:
    """Accept that a second officer says yes or no. Raises: Refusal."""
    check_in_office(officer, today)
    if officer.person == proposer.person:
        raise Refusal(
            "직접 제안하신 파기는 다른 분이 확인해야 합니다.",
            next_step="회장이나 감사께 확인을 부탁해 주세요.",
        )
    if not may_confirm(officer, proposer):
        raise Refusal(
            "문서의 파기는 회장이나 감사가 확인합니다.",
            next_step="회장이나 감사께 확인을 부탁해 주세요.",
        )


def check_confirmation(officer: Officer, proposer: Officer, *, today: date) -> None:
    """Accept the second officer's yes. Raises: Refusal."""
    check_answer(officer, proposer, today=today)
    if not proposer.serves_on(today):
        raise Refusal(
            f"제안한 {proposer.name} 님의 임기가 끝났습니다.",
            next_step="거절하시고, 지금 관리사무소장이 새로 제안하게 해 주세요.",
        )


def erased_refusal(erased_at: datetime) -> Refusal:
    """What is said to whoever asks for a document that was erased."""
    return Refusal(
        f"{format_date(day_in_seoul(erased_at))}에 파기한 문서입니다. 내용이 남아 있지 않습니다.",
        next_step="문서번호와 파기한 근거는 등록대장에서 보실 수 있습니다.",
    )
