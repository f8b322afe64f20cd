"""Absences as they are set and ended: told, logged, and over when they are said to be."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from danji.accounts.models import Officeholder
from danji.authority import actions
from danji.authority.models import Absence, AbsenceEnd
from danji.authority.queries import absence_of, absences_from, deputising, last_day
from danji.outbox.models import Message
from danji.rules.absence import Reason
from danji.rules.refusal import Refusal

TODAY = date(2026, 11, 22)
FROM, TO = date(2026, 12, 1), date(2026, 12, 5)


@pytest.fixture
def away(at):
    """Let somebody be away."""

    def set_(absent, deputy, since=FROM, until=TO, *, actor=None, reason=Reason.LEAVE):
        return actions.set_absence(
            absent.id,
            deputy_id=deputy.id,
            since=since,
            until=until,
            reason=reason,
            actor=actor or absent,
            at=at,
        )

    return set_


def test_the_deputy_stands_in_on_those_days_and_on_no_others(away, manager, chief):
    away(manager, chief)
    days = [FROM - timedelta(days=1), FROM, TO, TO + timedelta(days=1)]
    assert [bool(deputising(chief, on=day)) for day in days] == [False, True, True, False]
    assert deputising(chief, on=FROM) == [manager]
    assert deputising(manager, on=FROM) == []


def test_the_one_who_is_away_is_known_with_the_deputy(away, manager, chief):
    absence = away(manager, chief)
    assert absence_of(manager, on=FROM) == absence
    assert absence_of(manager, on=FROM).deputy == chief
    assert absence_of(manager, on=TODAY) is None
    assert absence_of(chief, on=FROM) is None


def test_several_are_stood_in_for_at_once(away, manager, clerk, chief):
    away(manager, chief)
    away(clerk, chief)
    assert set(deputising(chief, on=FROM)) == {manager, clerk}


def test_who_stands_in_is_asked_in_one_query(away, manager, chief, django_assert_num_queries):
    away(manager, chief)
    deputising(chief, on=FROM)
    with django_assert_num_queries(1):
        (absent,) = deputising(chief, on=FROM)
        assert (absent.person.name, absent.complex.name) == ("박정호", "들꽃마을아파트")


def test_it_is_in_the_log(away, manager, chief, logged):
    absence = away(manager, chief, reason=Reason.TRIP)
    event = logged(absence.id)
    assert event["name"] == "delegation.set"
    assert event["actor"]["name"] == "박정호"
    delegation = event["delegation"]
    assert (delegation["since"], delegation["until"]) == ("2026-12-01", "2026-12-05")
    assert delegation["reason"] == "출장"
    assert delegation["deputy"]["officeholder"] == chief.id.hex
    assert bytes(absence.leaf_hash) == event["leaf_hash"]


def test_the_deputy_is_told(away, manager, chief, at):
    away(manager, chief)
    message = Message.objects.get()
    assert message.recipient_id == chief.person_id
    assert "그동안 과장 이민호 님이 대신 결재합니다" in message.body


def test_the_manager_says_it_for_the_staff_and_both_are_told(away, manager, clerk, chief):
    absence = away(clerk, chief, actor=manager)
    assert absence.set_by == manager
    told = set(Message.objects.values_list("recipient_id", flat=True))
    assert told == {clerk.person_id, chief.person_id}


def test_nobody_else_says_it(away, manager, clerk, chief):
    with pytest.raises(Refusal, match="본인이 알려야"):
        away(manager, chief, actor=clerk)
    assert not Absence.objects.exists()


def test_two_do_not_stand_in_for_each_other(away, manager, chief):
    away(manager, chief)
    with pytest.raises(Refusal, match="도 그 기간에 자리를 비웁니다"):
        away(chief, manager)
    assert Absence.objects.count() == 1


def test_a_circle_of_three_does_not_close(away, manager, chief, clerk):
    away(manager, chief)
    with pytest.raises(Refusal, match="님을 대신합니다"):
        away(chief, clerk)
    assert Absence.objects.count() == 1


def test_nobody_is_away_twice_on_a_day(away, manager, chief, clerk):
    away(manager, chief)
    with pytest.raises(Refusal, match="이미 알려져"):
        away(manager, clerk, TO, TO)


def test_an_officer_of_another_complex_does_not_stand_in(away, manager, neighbour):
    with pytest.raises(Refusal, match="등록되지 않은 분"):
        away(manager, neighbour)


def test_nobody_stands_in_out_of_office(away, appointed, manager, at):
    leaving = appointed("이민호", "chief", until=date(2026, 12, 4))
    with pytest.raises(Refusal, match="임기가 아닌 날"):
        away(manager, leaving)
    away(manager, leaving, FROM, date(2026, 12, 4))
    # The term is cut short afterwards.
    Officeholder.objects.filter(id=leaving.id).update(until=date(2026, 12, 2))
    leaving = Officeholder.objects.get(id=leaving.id)
    assert deputising(leaving, on=date(2026, 12, 2)) == [manager]
    assert deputising(leaving, on=date(2026, 12, 3)) == []
    assert absence_of(manager, on=date(2026, 12, 3)) is None


def test_nobody_is_stood_in_for_after_leaving_office(away, manager, chief):
    away(manager, chief)
    Officeholder.objects.filter(id=manager.id).update(until=date(2026, 12, 2))
    assert deputising(chief, on=date(2026, 12, 2)) == [manager]
    assert deputising(chief, on=date(2026, 12, 3)) == []


def test_coming_back_early_ends_it_on_that_day(away, manager, chief, at, logged):
    absence = away(manager, chief)
    end = actions.end_absence(absence.id, actor=manager, at=at + timedelta(days=10))
    assert end.back_on == date(2026, 12, 2)
    assert deputising(chief, on=FROM) == [manager]
    assert deputising(chief, on=date(2026, 12, 2)) == []
    assert logged(absence.id)["name"] == "delegation.ended"
    (listed,) = absences_from(manager.complex_id)
    assert last_day(listed) == FROM
    assert absences_from(manager.complex_id, on=date(2026, 12, 2)) == []


def test_what_has_not_begun_is_called_off(away, manager, chief, clerk, at):
    absence = away(manager, chief)
    actions.end_absence(absence.id, actor=manager, at=at)
    assert deputising(chief, on=FROM) == []
    assert absences_from(manager.complex_id, on=TODAY) == []
    away(manager, clerk)
    assert deputising(clerk, on=FROM) == [manager]


def test_the_deputy_may_step_back_and_the_absent_is_told(away, manager, chief, at):
    absence = away(manager, chief)
    actions.end_absence(absence.id, actor=chief, at=at)
    newest = Message.objects.order_by("-id")[0]
    assert newest.recipient_id == manager.person_id
    assert "대신 결재하지 않습니다" in newest.body


def test_an_absence_is_ended_once(away, manager, chief, at):
    absence = away(manager, chief)
    actions.end_absence(absence.id, actor=manager, at=at)
    with pytest.raises(Refusal, match="이미 끝난"):
        actions.end_absence(absence.id, actor=manager, at=at)
    assert AbsenceEnd.objects.count() == 1


def test_others_do_not_end_it(away, manager, chief, clerk, neighbour, at):
    absence = away(manager, chief)
    with pytest.raises(Refusal, match="본인이나 대신하는 분"):
        actions.end_absence(absence.id, actor=clerk, at=at)
    assert deputising(chief, on=FROM)


def test_what_was_set_stays(away, manager, chief):
    away(manager, chief)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        Absence.objects.update(until=date(2027, 1, 1))
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        Absence.objects.all().delete()


def test_the_database_keeps_nobody_standing_in_for_oneself(manager, at):
    with pytest.raises(IntegrityError), transaction.atomic():
        Absence.objects.create(
            complex_id=manager.complex_id,
            absent=manager,
            deputy=manager,
            since=FROM,
            until=TO,
            reason=Reason.LEAVE,
            set_by=manager,
            set_at=at,
            leaf_hash=b"0" * 32,
        )
