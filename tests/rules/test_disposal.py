"""What may be destroyed, when, and by which two."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from danji.rules.disposal import (
    Basis,
    Doomed,
    check_confirmation,
    check_doomed,
    check_proposal,
    erased_refusal,
    has_expired,
    may_confirm,
    may_propose,
)
from danji.rules.offices import (
    AUDITOR,
    BOOKKEEPER,
    CHAIR,
    CHIEF,
    CLERK,
    DIRECTOR,
    MANAGER,
    REPRESENTATIVE,
    Officer,
)
from danji.rules.refusal import Refusal

TODAY = date(2032, 1, 1)
KEPT = Doomed("지출-2026-0001", retained_until=date(2031, 12, 31))


def officer(office, number=1, until=None):
    return Officer(UUID(int=number), office, f"{office} {number}", date(2020, 1, 1), until)


@pytest.mark.parametrize(
    ("until", "expired"),
    [
        (date(2031, 12, 31), True),  # 법 제27조제1항제1호: five years from the end of 2026
        (date(2032, 1, 1), False),  # its last day counts
        (None, False),  # for ever
    ],
)
def test_a_record_may_go_the_day_after_its_last(until, expired):
    assert has_expired(until, TODAY) is expired


@pytest.mark.parametrize("basis", list(Basis), ids=str)
def test_what_is_over_may_go_on_any_basis(basis):
    check_doomed(KEPT, basis, today=TODAY)


@pytest.mark.parametrize("until", [date(2032, 1, 1), None], ids=["kept", "for-ever"])
def test_what_must_be_kept_goes_only_for_the_right_of_another(until):
    doomed = Doomed("지출-2026-0002", retained_until=until)
    with pytest.raises(Refusal, match="보존"):
        check_doomed(doomed, Basis.EXPIRED, today=TODAY)
    check_doomed(doomed, Basis.REQUEST, today=TODAY)
    check_doomed(doomed, Basis.ORDER, today=TODAY)


def test_what_is_under_way_or_gone_is_not_destroyed():
    with pytest.raises(Refusal, match="결재 중"):
        check_doomed(
            Doomed("기안", retained_until=None, is_under_way=True),
            Basis.ORDER,
            today=TODAY,
        )
    with pytest.raises(Refusal, match="이미 파기"):
        check_doomed(
            Doomed("기안", retained_until=None, is_erased=True),
            Basis.ORDER,
            today=TODAY,
        )


def test_the_manager_proposes():
    offices = [CLERK, BOOKKEEPER, CHIEF, MANAGER, CHAIR, AUDITOR, DIRECTOR, REPRESENTATIVE]
    assert [office for office in offices if may_propose(office)] == [MANAGER]
    check_proposal(officer(MANAGER), today=TODAY)
    with pytest.raises(Refusal, match="관리사무소장이 제안"):
        check_proposal(officer(CHIEF), today=TODAY)
    with pytest.raises(Refusal, match="임기"):
        check_proposal(officer(MANAGER, until=date(2031, 12, 31)), today=TODAY)


def test_the_chair_or_an_auditor_confirms_and_never_the_same_person():
    proposer = officer(MANAGER)
    for office in (CHAIR, AUDITOR):
        check_confirmation(officer(office, 2), proposer, today=TODAY)
        assert not may_confirm(officer(office, 1), proposer)
    with pytest.raises(Refusal, match="다른 분이 확인"):
        check_confirmation(officer(CHAIR, 1), proposer, today=TODAY)
    with pytest.raises(Refusal, match="회장이나 감사가"):
        check_confirmation(officer(DIRECTOR, 2), proposer, today=TODAY)


def test_whoever_proposed_it_is_still_in_office():
    left = officer(MANAGER, until=date(2031, 12, 31))
    with pytest.raises(Refusal, match="임기가 끝났습니다"):
        check_confirmation(officer(CHAIR, 2), left, today=TODAY)


def test_whoever_asks_hears_on_which_day():
    assert "2026. 11. 23." in str(erased_refusal(datetime(2026, 11, 22, 16, 0, tzinfo=UTC)))
