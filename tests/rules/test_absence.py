"""Being away, and who stands in: who may for whom, on which days, and never in a circle."""

from datetime import date
from uuid import uuid4

import pytest

from danji.accounts.models import Office
from danji.rules.absence import (
    Away,
    check_absence,
    check_by_two,
    check_ender,
    check_setter,
    may_end,
    may_set,
    may_stand_in,
)
from danji.rules.offices import COUNCIL, OFFICE_STAFF, Officer
from danji.rules.refusal import Refusal

TODAY = date(2026, 11, 22)
FROM, TO = date(2026, 12, 1), date(2026, 12, 5)


def officer(office, *, since=date(2000, 1, 1), until=None):
    return Officer(uuid4(), office, f"{office} 아무개", since, until)


MANAGER, CHIEF, CLERK = officer("manager"), officer("chief"), officer("clerk")
CHAIR, DIRECTOR, AUDITOR = officer("chair"), officer("director"), officer("auditor")


def check(absent, deputy, since=FROM, until=TO, others=()):
    check_absence(Away(absent, deputy, since, until), others, today=TODAY)


def test_every_office_belongs_to_the_staff_or_to_the_council():
    assert {office.value for office in Office} == OFFICE_STAFF | COUNCIL
    assert not OFFICE_STAFF & COUNCIL


@pytest.mark.parametrize("deputy", sorted(OFFICE_STAFF))
@pytest.mark.parametrize("absent", sorted(OFFICE_STAFF))
def test_the_staff_of_the_office_stand_in_for_each_other(deputy, absent):
    assert may_stand_in(deputy, absent)


@pytest.mark.parametrize("deputy", sorted(COUNCIL))
@pytest.mark.parametrize("absent", sorted(OFFICE_STAFF))
def test_the_council_never_stands_in_for_the_office(deputy, absent):
    assert not may_stand_in(deputy, absent)
    assert not may_stand_in(absent, deputy)


@pytest.mark.parametrize("absent", ["chair", "director"])
def test_only_directors_stand_in_for_the_chair_and_for_directors(absent):
    """시행규칙 제4조제2항: for the chair a director acts, in the order of the bylaws."""
    assert [office for office in Office if may_stand_in(office.value, absent)] == ["director"]


def test_who_names_a_representative_for_the_chair_is_told_who_may():
    with pytest.raises(Refusal, match="회장은 이사가, 이사는 다른 이사가"):
        check(CHAIR, officer("representative"))


def test_only_an_auditor_stands_in_for_an_auditor():
    assert [office for office in Office if may_stand_in(office.value, "auditor")] == ["auditor"]
    assert [office for office in Office if may_stand_in("auditor", office.value)] == ["auditor"]


def test_nobody_stands_in_for_a_representative():
    assert not any(may_stand_in(office.value, "representative") for office in Office)


def test_everybody_says_of_themselves_that_they_are_away():
    check_setter(CLERK, CLERK, today=TODAY)
    check_setter(CHAIR, CHAIR, today=TODAY)


def test_the_manager_says_it_of_the_staff_and_of_nobody_else():
    assert may_set(MANAGER, CLERK)
    assert not may_set(MANAGER, CHAIR)
    assert not may_set(CHIEF, CLERK)
    with pytest.raises(Refusal, match="본인이 알려야"):
        check_setter(CHIEF, MANAGER, today=TODAY)


def test_nobody_out_of_term_says_who_is_away():
    former = officer("manager", until=date(2026, 11, 21))
    with pytest.raises(Refusal, match="지금 임기가 아닙니다"):
        check_setter(former, former, today=TODAY)


def test_the_one_who_stands_in_may_end_it_too():
    away = Away(MANAGER, CHIEF, FROM, TO)
    assert may_end(MANAGER, away)
    assert may_end(CHIEF, away)
    assert not may_end(CLERK, away)
    check_ender(CHIEF, away, today=TODAY)
    with pytest.raises(Refusal, match="본인이나 대신하는 분이"):
        check_ender(CLERK, away, today=TODAY)


def test_what_is_over_is_not_ended_again():
    with pytest.raises(Refusal, match="이미 끝난 부재"):
        check_ender(MANAGER, Away(MANAGER, CHIEF, FROM, TO), today=date(2026, 12, 6))


def test_an_absence_is_accepted():
    check_absence(Away(MANAGER, CHIEF, FROM, TO), [], today=TODAY)
    check(MANAGER, CHIEF, TODAY, TODAY)


@pytest.mark.parametrize(
    ("since", "until", "fact"),
    [
        (TO, FROM, "그보다 앞선"),
        (date(2026, 11, 21), TO, "이미 지난 날"),
        (date(2026, 12, 1), date(2027, 6, 2), "6개월까지"),
        (date(2062, 12, 1), date(2062, 12, 5), "12개월보다 먼"),
        (date(9999, 12, 1), date(9999, 12, 31), "12개월보다 먼"),
    ],
)
def test_days_that_cannot_be_are_refused(since, until, fact):
    with pytest.raises(Refusal, match=fact):
        check(MANAGER, CHIEF, since, until)


def test_maternity_leave_fits_in():
    check(CLERK, CHIEF, date(2026, 12, 1), date(2027, 3, 31))  # 근로기준법 제74조: 120일


def test_nobody_stands_in_for_oneself_not_even_in_another_office():
    second_office = Officer(MANAGER.person, "clerk", "담당 님", date(2000, 1, 1))
    with pytest.raises(Refusal, match="자신을 대신할 수는"):
        check(MANAGER, second_office)


def test_a_deputy_of_the_wrong_office_is_refused():
    with pytest.raises(Refusal, match="대신해 결재할 수 있는 직책이 아닙니다"):
        check(MANAGER, CHAIR)


@pytest.mark.parametrize("term", [{"since": date(2026, 12, 2)}, {"until": date(2026, 12, 4)}])
def test_the_deputy_is_in_office_on_every_day(term):
    with pytest.raises(Refusal, match="임기가 아닌 날"):
        check(MANAGER, officer("chief", **term))


def test_nobody_is_away_beyond_the_own_term():
    with pytest.raises(Refusal, match="임기를 벗어납니다"):
        check(officer("manager", until=date(2026, 12, 4)), CHIEF)


def test_nobody_is_away_twice_on_one_day():
    with pytest.raises(Refusal, match="이미 알려져 있습니다"):
        check(MANAGER, CLERK, others=[Away(MANAGER, CHIEF, TO, date(2026, 12, 9))])
    check(MANAGER, CLERK, others=[Away(MANAGER, CHIEF, date(2026, 12, 6), date(2026, 12, 9))])


def test_who_is_away_stands_in_for_nobody():
    with pytest.raises(Refusal, match="도 그 기간에 자리를 비웁니다"):
        check(MANAGER, CHIEF, others=[Away(CHIEF, CLERK, TO, TO)])


def test_who_stands_in_does_not_hand_it_on():
    standing_in = Away(MANAGER, CHIEF, FROM, TO)
    with pytest.raises(Refusal, match="님을 대신합니다"):
        check_absence(Away(CHIEF, CLERK, FROM, TO), [standing_in], today=TODAY)


def test_two_do_not_stand_in_for_each_other():
    """Manager for chief and chief for manager: nobody would be left to decide."""
    with pytest.raises(Refusal):
        check(CHIEF, MANAGER, others=[Away(MANAGER, CHIEF, FROM, TO)])


def test_a_circle_does_not_close_through_a_second_office():
    chief_as_clerk = Officer(CHIEF.person, "clerk", "담당 님", date(2000, 1, 1))
    with pytest.raises(Refusal, match="도 그 기간에 자리를 비웁니다"):
        check(MANAGER, chief_as_clerk, others=[Away(CHIEF, CLERK, FROM, TO)])


def test_one_may_stand_in_for_several():
    check(CLERK, CHIEF, others=[Away(MANAGER, CHIEF, FROM, TO)])


def test_two_say_of_a_manager_and_of_nobody_else_that_they_are_away():
    for one in (CHAIR, AUDITOR):
        check_by_two(MANAGER, CHIEF, one)
    with pytest.raises(Refusal, match="자신의 대결"):
        check_by_two(MANAGER, CHIEF, CHIEF)
    for absent, deputy in ((CHIEF, CLERK), (CHAIR, DIRECTOR)):
        with pytest.raises(Refusal, match="본인이 알려야"):
            check_by_two(absent, deputy, AUDITOR)
