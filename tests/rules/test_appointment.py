"""Coming into office and leaving it: two officers, never the person concerned, and free terms."""

from datetime import date
from uuid import uuid4

import pytest

from danji.accounts.models import Office
from danji.rules.appointment import (
    TWO_FOR,
    Change,
    Planned,
    check_confirmation,
    check_free,
    check_planned,
    check_proposal,
    last_day_for,
    may_confirm,
    may_propose,
    who_decides,
)
from danji.rules.offices import Officer
from danji.rules.refusal import Refusal

TODAY = date(2026, 11, 22)
SINCE, UNTIL = date(2026, 12, 1), date(2028, 11, 30)


def officer(office, *, since=date(2000, 1, 1), until=None):
    return Officer(uuid4(), office, f"{office} 아무개", since, until)


def taking(post, person=None, since=SINCE, until=UNTIL):
    return Planned(Change.TAKE, post, person, since, until)


def leaving(held, last=date(2026, 11, 30)):
    return Planned(Change.LEAVE, held.office, held.person, held.since, last)


def decide(proposer, confirmer, planned):
    """Whether these two officers can bring the change about."""
    return may_propose(proposer, planned) and may_confirm(confirmer, proposer, planned)


def test_the_table_knows_every_office():
    assert set(TWO_FOR) == {office.value for office in Office}
    for change in Change:
        assert all(who_decides(office.value, change).endswith("니다.") for office in Office)


@pytest.mark.parametrize("post", ["clerk", "bookkeeper", "chief"])
@pytest.mark.parametrize("second", ["chief", "chair"])
def test_the_manager_and_chief_or_chair_decide_about_the_staff(post, second):
    manager, other = officer("manager"), officer(second)
    assert decide(manager, other, taking(post))
    assert decide(other, manager, taking(post))


def test_nobody_decides_about_the_staff_without_the_manager():
    """시행령 제14조제6항: the council keeps out of the staff's affairs."""
    assert not decide(officer("chair"), officer("chief"), taking("clerk"))
    assert not decide(officer("manager"), officer("auditor"), taking("clerk"))


@pytest.mark.parametrize("second", ["auditor", "director", "representative", "manager", "chief"])
def test_the_chair_and_another_officer_decide_about_the_manager(second):
    chair, other = officer("chair"), officer(second)
    assert decide(chair, other, taking("manager"))
    assert decide(other, chair, taking("manager"))


def test_the_office_does_not_choose_its_own_manager():
    assert not decide(officer("manager"), officer("chief"), taking("manager"))


@pytest.mark.parametrize("post", ["chair", "auditor", "director", "representative"])
@pytest.mark.parametrize("first", ["manager", "chair"])
@pytest.mark.parametrize("second", ["auditor", "director", "representative"])
def test_the_manager_or_the_chair_enter_who_was_elected_before_a_member(post, first, second):
    assert decide(officer(first), officer(second), taking(post))


def test_the_manager_and_the_chair_together_enter_who_was_elected():
    assert decide(officer("manager"), officer("chair"), taking("auditor"))


def test_two_members_do_not_enter_a_third_by_themselves():
    assert not decide(officer("auditor"), officer("director"), taking("representative"))


def test_the_staff_have_no_part_in_the_council():
    assert not decide(officer("manager"), officer("chief"), taking("auditor"))


def test_the_chair_leaves_without_the_own_consent():
    chair = officer("chair")
    assert decide(officer("manager"), officer("auditor"), leaving(chair))
    assert not may_confirm(chair, officer("manager"), leaving(chair))


def test_nobody_proposes_oneself_for_an_office():
    manager = officer("manager")
    assert not may_propose(manager, taking("chair", manager.person))
    with pytest.raises(Refusal, match="자신을 직에 앉히는"):
        check_proposal(manager, taking("chair", manager.person), today=TODAY)


@pytest.mark.parametrize("office", [office.value for office in Office])
def test_everybody_may_propose_to_leave_and_a_second_confirms(office):
    held = officer(office)
    check_proposal(held, leaving(held), today=TODAY)
    seconds = {o.value for o in Office if may_confirm(officer(o.value), held, leaving(held))}
    assert seconds == TWO_FOR[office].leading | TWO_FOR[office].joining


def test_who_may_not_propose_is_told_who_may():
    with pytest.raises(Refusal, match="소장, 그리고 과장이나 회장이 함께"):
        check_proposal(officer("auditor"), taking("clerk"), today=TODAY)


def test_one_person_is_not_two_officers():
    manager = officer("manager")
    also_chair = Officer(manager.person, "chair", "회장 님", date(2000, 1, 1))
    with pytest.raises(Refusal, match="다른 분이 확인해야"):
        check_confirmation(also_chair, manager, taking("clerk"), today=TODAY)


def test_nobody_confirms_the_own_taking_or_leaving():
    chief = officer("chief")
    with pytest.raises(Refusal, match="스스로 확인할 수 없습니다"):
        check_confirmation(chief, officer("manager"), leaving(chief), today=TODAY)
    with pytest.raises(Refusal, match="스스로 확인할 수 없습니다"):
        check_confirmation(chief, officer("chair"), taking("manager", chief.person), today=TODAY)


def test_a_second_officer_of_the_wrong_office_is_refused():
    with pytest.raises(Refusal, match="확인할 수 있는 직책이 아닙니다"):
        check_confirmation(officer("auditor"), officer("manager"), taking("clerk"), today=TODAY)


def test_the_taking_of_the_proposer_is_confirmed_by_nobody():
    """Found out late: the address that was proposed has become the proposer's meanwhile."""
    auditor = officer("auditor")
    planned = taking("manager", auditor.person)
    assert not may_confirm(officer("director"), auditor, planned)
    with pytest.raises(Refusal, match="자신의 취임"):
        check_confirmation(officer("chair"), auditor, planned, today=TODAY)


def test_out_of_term_nobody_proposes_or_confirms():
    former = officer("manager", until=date(2026, 11, 21))
    coming = officer("chair", since=date(2026, 11, 23))
    with pytest.raises(Refusal, match="지금 임기가 아닙니다"):
        check_proposal(former, taking("clerk"), today=TODAY)
    with pytest.raises(Refusal, match="지금 임기가 아닙니다"):
        check_confirmation(coming, officer("manager"), taking("clerk"), today=TODAY)


def test_a_proposal_falls_with_the_office_of_who_made_it():
    former = officer("manager", until=date(2026, 11, 21))
    with pytest.raises(Refusal, match="제안한 manager 아무개 님의 임기가 끝났습니다"):
        check_confirmation(officer("chair"), former, taking("clerk"), today=TODAY)


@pytest.mark.parametrize(
    ("since", "until", "fact"),
    [
        (SINCE, date(2026, 11, 30), "그보다 앞선"),
        (date(2062, 12, 1), None, "12개월 넘게"),
        (date(1926, 12, 1), None, "12개월 넘게"),
        (date(2026, 1, 1), date(2026, 11, 21), "이미 끝난 임기"),
    ],
)
def test_terms_that_cannot_be_are_refused(since, until, fact):
    with pytest.raises(Refusal, match=fact):
        check_planned(taking("clerk", since=since, until=until), None, today=TODAY)


def test_a_term_may_be_entered_late_and_go_on():
    check_planned(taking("clerk", since=date(2026, 11, 1), until=None), None, today=TODAY)


@pytest.mark.parametrize(
    ("last", "fact"),
    [
        (date(2026, 11, 20), "이미 지난 날로"),
        (date(2028, 1, 1), "너무 멉니다"),
        (date(2027, 3, 1), "이미 2027. 2. 28.까지입니다"),
        (date(2027, 2, 28), "이미 2027. 2. 28.까지입니다"),
    ],
)
def test_days_of_leaving_that_cannot_be_are_refused(last, fact):
    held = officer("chief", until=date(2027, 2, 28))
    with pytest.raises(Refusal, match=fact):
        check_planned(leaving(held, last), held, today=TODAY)


def test_whoever_is_dismissed_is_out_of_office_on_the_same_day():
    held = officer("chair")
    check_planned(leaving(held, date(2026, 11, 21)), held, today=TODAY)


@pytest.mark.parametrize(
    ("since", "wanted", "last"),
    [
        (TODAY, date(2026, 11, 21), date(2026, 11, 21)),
        (TODAY, date(2026, 11, 1), date(2026, 11, 21)),
        (TODAY, TODAY, TODAY),
        (date(2026, 12, 1), TODAY, date(2026, 11, 30)),
        (date(2026, 12, 1), date(2026, 12, 31), date(2026, 12, 31)),
    ],
)
def test_a_term_that_has_not_had_a_whole_day_can_be_ended_at_once(since, wanted, last):
    held = officer("chair", since=since)
    assert last_day_for(held, wanted) == last
    check_planned(leaving(held, last), held, today=TODAY)


def test_a_term_without_a_day_covers_nothing_and_is_in_nobodys_way():
    cancelled = officer("chair", since=SINCE, until=date(2026, 11, 30))
    assert cancelled.is_cancelled
    assert not any(cancelled.serves_on(date(2026, 11, day)) for day in (29, 30))
    assert not cancelled.serves_on(SINCE)
    check_free(taking("chair", since=date(2026, 11, 1)), [cancelled])
    check_free(taking("chair", cancelled.person), [cancelled])


@pytest.mark.parametrize("since", [date.min, date.max])
def test_the_first_and_the_last_day_of_the_calendar_are_too_far(since):
    with pytest.raises(Refusal, match="12개월 넘게"):
        check_planned(taking("chair", since=since, until=None), None, today=TODAY)


def test_nobody_takes_an_office_for_no_day():
    with pytest.raises(Refusal, match="그보다 앞선"):
        check_planned(taking("chair", until=date(2026, 11, 30)), None, today=TODAY)


@pytest.mark.parametrize("post", ["manager", "chair"])
def test_there_is_one_manager_and_one_chair_at_a_time(post):
    held = officer(post, until=SINCE)
    with pytest.raises(Refusal, match="다른 분"):
        check_free(taking(post), [held])
    check_free(taking(post, since=date(2026, 12, 2)), [held])


def test_there_may_be_several_auditors():
    check_free(taking("auditor"), [officer("auditor"), officer("chair")])


@pytest.mark.parametrize("council", ["chair", "auditor", "director", "representative"])
@pytest.mark.parametrize("staff", ["manager", "chief", "bookkeeper", "clerk"])
def test_nobody_is_in_the_managers_office_and_in_the_council_at_once(staff, council):
    """시행령 제11조제4항: the staff of the management body are kept out of the council."""
    for held, post in ((officer(staff), council), (officer(council), staff)):
        with pytest.raises(Refusal, match="함께 맡을 수 없습니다"):
            check_free(taking(post, held.person), [held])
        former = Officer(held.person, held.office, held.name, held.since, date(2026, 11, 30))
        check_free(taking(post, held.person), [former])


def test_two_offices_of_one_side_go_together():
    held = officer("director")
    check_free(taking("representative", held.person), [held])


def test_the_sentence_on_the_council_names_everybody_who_may_join():
    assert "동별 대표자도 됩니다" in who_decides("auditor")
    assert "입주자대표회의의 다른 분" in who_decides("manager")


def test_nobody_is_in_the_same_office_twice_at_a_time_by_two_terms():
    held = officer("auditor", until=date(2027, 12, 31))
    with pytest.raises(Refusal, match="이미 그 직을 맡고") as said:
        check_free(taking("auditor", held.person), [held])
    assert "(2000. 1. 1.부터 2027. 12. 31.까지)" in str(said.value)
