"""Saying that one is away: a short form, a list, and one button to end it."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from danji.authority.models import Absence, AbsenceEnd
from danji.rules.periods import day_in_seoul

ABSENCES = reverse("authority:absences")


@pytest.fixture
def today():
    return day_in_seoul(timezone.now())


@pytest.fixture
def typed(today, manager, chief):
    """What the form posts when the manager is away for three days."""
    return {
        "absent": str(manager.id),
        "deputy": str(chief.id),
        "since": today.isoformat(),
        "until": (today + timedelta(days=2)).isoformat(),
        "reason": "trip",
    }


def test_the_manager_names_who_stands_in(typed, manager, at_desk):
    answer = at_desk(manager).post(ABSENCES, typed)
    assert answer.url == ABSENCES
    page = at_desk(manager).get(ABSENCES).content.decode()
    for words in ("관리사무소장 박정호", "과장 이민호 대결", "출장", "부재 중"):
        assert words in page
    people = at_desk(manager).get(reverse("authority:people")).content.decode()
    assert "과장 이민호 대결" in people


def test_only_those_who_may_stand_in_are_offered(typed, chief, chair, clerk, at_desk):
    page = at_desk(chief).get(ABSENCES).content.decode()
    assert "담당 최은영</option>" in page
    assert "정순자</option>" not in page


def test_the_manager_chooses_among_the_staff_and_others_speak_for_themselves(
    typed, manager, chief, clerk, at_desk
):
    assert 'id="absent"' in at_desk(manager).get(ABSENCES).content.decode()
    page = at_desk(clerk).get(ABSENCES).content.decode()
    assert f'type="hidden" name="absent" value="{clerk.id}"' in page
    assert "대신 제안하실 수" not in page


def test_of_a_manager_who_cannot_say_so_the_chair_proposes_it(
    typed, manager, chief, chair, appointed, at_desk
):
    auditor = appointed("한동철", "auditor")
    assert "관리사무소장 박정호 님이 스스로" in at_desk(chair).get(ABSENCES).content.decode()
    answer = at_desk(chair).post(ABSENCES, typed)
    assert not Absence.objects.exists()
    page = at_desk(auditor).get(answer.url).content.decode()
    for words in ("관리사무소장 박정호 부재", "출장", "과장 이민호", "부재 확인"):
        assert words in page
    at_desk(auditor).post(f"{answer.url}confirmation/")
    assert Absence.objects.get().set_by_id == auditor.id


def test_who_has_nobody_to_stand_in_is_told_so(chair, manager, at_desk):
    assert "대신 결재할 수 있는 분이 없습니다" in at_desk(chair).get(ABSENCES).content.decode()


def test_for_the_chair_a_director_is_offered_and_no_representative(appointed, chair, at_desk):
    appointed("한동철", "representative")
    assert "회장은 이사가" in at_desk(chair).get(ABSENCES).content.decode()
    appointed("문지은", "director")
    page = at_desk(chair).get(ABSENCES).content.decode()
    assert "이사 문지은</option>" in page
    assert "한동철</option>" not in page


@pytest.mark.parametrize(
    ("field", "value", "fact"),
    [
        ("deputy", "", "대신 결재할 분을 고르지"),
        ("deputy", "나", "대신 결재할 분을 고르지"),
        ("reason", "sleep", "사유를 고르지"),
        ("since", "", "첫날이 비어"),
        ("until", "2000-01-01", "그보다 앞선"),
    ],
)
def test_slips_are_told_in_a_sentence_and_what_was_typed_stays(
    field, value, fact, typed, manager, at_desk
):
    answer = at_desk(manager).post(ABSENCES, typed | {field: value})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert fact in page
    assert field == "reason" or 'value="trip" required checked' in page
    assert not Absence.objects.exists()


def test_it_is_ended_with_one_button(typed, manager, at_desk):
    at_desk(manager).post(ABSENCES, typed)
    absence = Absence.objects.get()
    page = at_desk(manager).get(reverse("authority:absence", args=[absence.id]))
    assert "부재 끝내기" in page.content.decode()
    answer = at_desk(manager).post(reverse("authority:end", args=[absence.id]))
    assert answer.url == ABSENCES
    assert AbsenceEnd.objects.count() == 1
    assert "지난 부재" in at_desk(manager).get(ABSENCES).content.decode()


def test_a_second_press_says_that_it_is_over(typed, manager, at_desk):
    at_desk(manager).post(ABSENCES, typed)
    end = reverse("authority:end", args=[Absence.objects.get().id])
    at_desk(manager).post(end)
    answer = at_desk(manager).post(end)
    assert answer.status_code == 422
    assert "이미 끝난 부재" in answer.content.decode()


def test_others_see_it_without_the_button(typed, manager, clerk, at_desk):
    at_desk(manager).post(ABSENCES, typed)
    path = reverse("authority:absence", args=[Absence.objects.get().id])
    page = at_desk(clerk).get(path).content.decode()
    assert "과장 이민호" in page
    assert "부재 끝내기" not in page


def test_who_is_away_reads_so_on_the_own_desk(typed, today, manager, chief, at_desk):
    desk = at_desk(manager)
    desk.post(ABSENCES, typed)
    absence = Absence.objects.get()
    page = desk.get(reverse("desk:home")).content.decode()
    assert "까지 부재로 알려 두셨습니다" in page
    assert "과장 이민호 님이 대신 결재합니다" in page
    assert reverse("authority:absence", args=[absence.id]) in page
    assert "부재로 알려" not in at_desk(chief).get(reverse("desk:home")).content.decode()
