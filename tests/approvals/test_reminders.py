"""Who lets a document wait is reminded once, and later others are told; nobody at night."""

from datetime import UTC, date, datetime, timedelta

import pytest

from danji.accounts.actions import appoint, register_person
from danji.accounts.models import Office, Officeholder
from danji.approvals import deciding
from danji.approvals.jobs import _held, remind_afterwards, remind_waiting
from danji.approvals.models import Reminder, Turn
from danji.authority.actions import set_absence
from danji.complexes.models import BylawSetting
from danji.outbox.models import Message
from danji.rules.absence import Reason
from danji.rules.approval import Decision
from danji.rules.retention import Layer
from papers import decide, submit


def seoul(day, hour=10):
    """A moment of November 2026 in Korea; the 23rd is a Monday."""
    return datetime(2026, 11, day, hour, tzinfo=UTC) - timedelta(hours=9)


MONDAY, TUESDAY, WEDNESDAY, THURSDAY = (seoul(day) for day in (23, 24, 25, 26))


@pytest.fixture
def waits(clerk, chief, manager):
    """A document that has waited for the chief since Monday at ten."""
    return submit(clerk, MONDAY)


@pytest.fixture
def told(complex_):
    """Who is told what when the job runs at a moment."""

    def run(at, job=remind_waiting):
        before = set(Message.objects.values_list("id", flat=True))
        job(complex_.id, at=at)
        messages = Message.objects.exclude(id__in=before).order_by("id")
        return [(message.recipient.name, message.subject.split(":")[0]) for message in messages]

    return run


@pytest.fixture
def bylaw(complex_):
    def set_(key, days):
        BylawSetting.objects.create(
            complex=complex_,
            key=key,
            value=days,
            layer=Layer.BYLAW,
            article="관리규약 제60조",
            effective_from=date(2026, 1, 1),
        )

    return set_


def test_after_a_working_day_who_is_asked_is_reminded_once(waits, told):
    assert told(TUESDAY - timedelta(minutes=1)) == []
    assert told(TUESDAY) == [("이민호", "다시 알림")]
    assert told(TUESDAY + timedelta(hours=1)) == []
    assert Reminder.objects.get().kind == "remind"


def test_a_holiday_that_was_declared_for_once_is_no_working_day(waits, told, settings):
    settings.HOLIDAYS = {TUESDAY.date()}
    assert told(TUESDAY) == []
    assert told(WEDNESDAY - timedelta(minutes=1)) == []
    assert told(WEDNESDAY) == [("이민호", "다시 알림")]


def test_the_reminder_leads_to_the_decision(waits, told):
    told(TUESDAY)
    message = Message.objects.get(subject__startswith="다시 알림")
    assert "/sign/" in message.link
    assert "2026. 11. 23. 10:00부터 검토를 기다립니다" in message.body


def test_after_three_working_days_the_drafter_and_the_manager_are_told(waits, told):
    told(TUESDAY)
    assert told(WEDNESDAY) == []
    assert told(THURSDAY) == [("최은영", "결재 지연"), ("박정호", "결재 지연")]
    assert told(seoul(27)) == []


def test_of_a_late_manager_the_chair_is_told(clerk, chief, manager, chair, sign, told):
    document = submit(clerk, MONDAY)
    decide(document, chief, sign, MONDAY)
    assert told(THURSDAY) == [
        ("박정호", "다시 알림"),
        ("최은영", "결재 지연"),
        ("정순자", "결재 지연"),
    ]


def test_a_manager_who_drafted_is_told_once(appointed, manager, chief, told):
    """The drafter's own lateness is nobody else's: here the chief is asked by the manager."""
    line = {"added": [{"act": "concur", "officeholder": chief.id.hex, "beside": False}]}
    submit(manager, MONDAY, line=line)
    assert told(THURSDAY) == [("이민호", "다시 알림"), ("박정호", "결재 지연")]


def test_a_decision_in_time_is_not_reminded_of(waits, chief, manager, sign, told):
    decide(waits, chief, sign, MONDAY)
    decide(waits, manager, sign, MONDAY, Decision.RETURN, "견적서를 붙여 주세요.")
    assert told(THURSDAY) == []


def test_the_weekend_does_not_count(clerk, chief, manager, told):
    submit(clerk, seoul(20))  # Friday at ten
    assert told(seoul(21)) == []
    assert told(MONDAY - timedelta(minutes=1)) == []
    assert told(MONDAY) == [("이민호", "다시 알림")]


@pytest.mark.parametrize("moment", [seoul(24, 20), seoul(25, 3), seoul(28), seoul(29)])
def test_nobody_is_reminded_at_night_or_on_a_weekend(moment, waits, told):
    assert told(moment) == []


def test_who_stands_in_is_reminded_too(waits, chief, manager, told):
    set_absence(
        chief.id,
        deputy_id=manager.id,
        since=date(2026, 11, 23),
        until=date(2026, 11, 27),
        reason=Reason.ILLNESS,
        actor=chief,
        at=MONDAY,
    )
    assert told(TUESDAY) == [("이민호", "다시 알림"), ("박정호", "다시 알림")]


def test_a_held_document_has_twice_the_time(waits, chief, told):
    deciding.hold_step(waits.id, "견적을 하나 더 받습니다.", actor=chief, at=MONDAY)
    assert told(TUESDAY) == []
    assert told(WEDNESDAY) == [("이민호", "다시 알림")]
    assert told(THURSDAY) == []
    assert told(datetime(2026, 12, 1, 1, tzinfo=UTC)) == [
        ("최은영", "결재 지연"),
        ("박정호", "결재 지연"),
    ]


def test_when_the_one_who_is_asked_has_left_the_drafter_is_told(waits, chief, told):
    Officeholder.objects.filter(id=chief.id).update(until=date(2026, 11, 23))
    assert told(TUESDAY) == [("최은영", "결재할 분이 없음")]


def test_when_the_drafter_has_left_too_the_manager_is_told(waits, chief, clerk, told):
    Officeholder.objects.filter(id__in=[chief.id, clerk.id]).update(until=date(2026, 11, 23))
    assert told(TUESDAY) == [("박정호", "결재할 분이 없음")]
    assert "임기가 모두 끝나" in Message.objects.latest("id").body


def test_only_what_waits_is_asked_about_when_holds_are_looked_up(
    waits, clerk, chief, manager, sign, told, complex_
):
    """A hold whose document went on is history, of which there is more every year."""
    other = submit(clerk, MONDAY)
    deciding.hold_step(waits.id, "견적을 하나 더 받습니다.", actor=chief, at=MONDAY)
    deciding.hold_step(other.id, "견적을 하나 더 받습니다.", actor=chief, at=MONDAY)
    decide(other, chief, sign, MONDAY)
    (turn,) = Turn.objects.filter(document_id=waits.id)
    assert _held(complex_.id, [turn]) == {turn.step_id}


def test_the_bylaws_set_the_days(waits, bylaw, told):
    bylaw("approval.remind_after_days", 2)
    bylaw("approval.escalate_after_days", 0)
    assert told(TUESDAY) == []
    assert told(WEDNESDAY) == [("이민호", "다시 알림")]
    assert told(seoul(30)) == []


def test_of_what_waits_to_be_approved_afterwards_somebody_is_reminded_once(
    clerk, bookkeeper, chief, manager, sign, told, complex_
):
    line = {"readers": [{"kind": "afterwards", "officeholder": bookkeeper.id.hex}]}
    document = submit(clerk, MONDAY, line=line)
    for officer in (chief, manager):
        decide(document, officer, sign, MONDAY)
    assert told(TUESDAY - timedelta(minutes=1), remind_afterwards) == []
    assert told(TUESDAY, remind_afterwards) == [("김수진", "다시 알림 · 후결")]
    assert "/sign/" in Message.objects.latest("id").link
    assert told(WEDNESDAY, remind_afterwards) == []


def test_only_who_can_read_a_decided_document_is_told_to_go_on_without_waiting(
    bookkeeper, chief, manager, chair, sign, complex_
):
    added = [{"act": "confirm", "officeholder": chair.id.hex, "beside": False}]
    document = submit(bookkeeper, MONDAY, form="expense", line={"added": added})
    for officer in (chief, manager):
        decide(document, officer, sign, MONDAY)
    Officeholder.objects.filter(id=manager.id).update(until=date(2026, 11, 23))
    newcomer = register_person(name="윤새롬", email="saerom@example.com")
    appoint(newcomer, Office.MANAGER, complex_, since=date(2026, 11, 24))
    remind_waiting(complex_.id, at=THURSDAY)
    told = Message.objects.filter(subject__startswith="결재 지연")
    bodies = {message.recipient.name: message.body for message in told}
    assert "결재는 끝났으니, 문서 화면에서 더 기다리지 않고" in bodies["김수진"]
    assert "결재는 끝났으니, 기안한 분이 문서 화면에서 더 기다리지 않고" in bodies["윤새롬"]
