"""The pages of people and terms: proposals, the second officer, the greeting of a new one."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from danji.accounts.models import Officeholder
from danji.authority import actions
from danji.authority.links import invitation_link
from danji.authority.models import Proposal, ProposalOutcome
from danji.rules.periods import day_in_seoul

PEOPLE = reverse("authority:people")


@pytest.fixture
def today():
    return day_in_seoul(timezone.now())


@pytest.fixture
def typed(today):
    """What the form of an appointment posts."""
    return {
        "office": "clerk",
        "name": "강하늘",
        "email": "sky@example.com",
        "phone": "",
        "since": today.isoformat(),
        "until": "",
    }


@pytest.fixture
def proposed(manager, chief, at_desk, typed):
    at_desk(manager).post(reverse("authority:appointment"), typed)
    return Proposal.objects.get()


def test_the_page_shows_who_holds_which_office(manager, chief, chair, at_desk):
    page = at_desk(chief).get(PEOPLE).content.decode()
    for words in ("관리사무소장", "박정호", "이민호", "정순자", "2000. 1. 1. ~ 계속"):
        assert words in page
    assert "아직 로그인하지 않음" in page


def test_two_officers_bring_a_third_into_office(proposed, manager, chief, at_desk):
    confirm = reverse("authority:confirmation", args=[proposed.id])
    page = at_desk(chief).get(PEOPLE).content.decode()
    assert "담당 강하늘 취임" in page
    assert "확인해 주세요" in page
    page = at_desk(chief).get(reverse("authority:proposal", args=[proposed.id])).content.decode()
    assert "sky@example.com" in page
    assert f'action="{confirm}"' in page
    answer = at_desk(chief).post(confirm)
    assert answer.url == PEOPLE
    assert Officeholder.objects.get(office="clerk").person.name == "강하늘"


def test_the_proposer_is_offered_to_take_it_back_and_not_to_confirm(proposed, manager, at_desk):
    page = at_desk(manager).get(reverse("authority:proposal", args=[proposed.id]))
    assert "제안 취소하기" in page.content.decode()
    assert "취임 확인" not in page.content.decode()
    answer = at_desk(manager).post(reverse("authority:confirmation", args=[proposed.id]))
    assert answer.status_code == 422
    assert "다른 분이 확인해야" in answer.content.decode()
    at_desk(manager).post(reverse("authority:withdrawal", args=[proposed.id]))
    assert ProposalOutcome.objects.get().answer == "withdrawn"


def test_a_rejected_proposal_is_shown_as_such(proposed, chief, at_desk):
    at_desk(chief).post(reverse("authority:rejection", args=[proposed.id]))
    page = at_desk(chief).get(PEOPLE).content.decode()
    assert "지난 제안" in page
    assert "<td>거절</td>" in page


@pytest.mark.parametrize("second", ["confirmation", "rejection", "withdrawal"])
def test_a_button_pressed_twice_says_what_the_first_did(second, proposed, chief, at_desk):
    confirm = reverse("authority:confirmation", args=[proposed.id])
    assert at_desk(chief).post(confirm).status_code == 302
    answer = at_desk(chief).post(reverse(f"authority:{second}", args=[proposed.id]))
    assert answer.status_code == 409
    assert "이미 과장 이민호 님이 확인했습니다." in answer.content.decode()
    assert ProposalOutcome.objects.get().answer == "confirmed"
    assert Officeholder.objects.filter(office="clerk").count() == 1


@pytest.mark.parametrize(
    ("by", "button", "said"),
    [
        ("chief", "confirmation", "이미 과장 이민호 님이 확인했습니다."),
        ("chief", "rejection", "이미 과장 이민호 님이 거절했습니다."),
        ("manager", "withdrawal", "이미 관리사무소장 박정호 님이 취소했습니다."),
    ],
)
def test_the_mail_about_a_proposal_leads_on_after_the_answer(
    by, button, said, proposed, manager, chief, chair, at_desk
):
    at_desk({"chief": chief, "manager": manager}[by]).post(
        reverse(f"authority:{button}", args=[proposed.id])
    )
    answer = at_desk(chair).get(reverse("authority:proposal", args=[proposed.id]))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert said in page
    assert "강하늘" in page
    assert "sky@example.com" not in page
    assert not any(words in page for words in ("취임 확인", "제안 취소하기", "기다립니다"))


def test_what_was_typed_stays_when_it_cannot_be(manager, at_desk, typed):
    typed["email"] = "강하늘"
    answer = at_desk(manager).post(reverse("authority:appointment"), typed)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "메일 주소가 비어 있거나" in page
    assert 'value="강하늘"' in page
    assert not Proposal.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "fact"),
    [
        ("office", "", "직책을 고르지"),
        ("office", "king", "직책을 고르지"),
        ("since", "내일", "날짜가 아닙니다"),
        ("since", "2062-01-01", "12개월 넘게"),
        ("since", "0001-01-01", "12개월 넘게"),
        ("since", "9999-12-31", "12개월 넘게"),
        ("until", "0001", "날짜가 아닙니다"),
        ("phone", "전화 없음", "전화"),
        ("name", "", "이름이 비어"),
        ("email", "a@b.kr\x00", "메일 주소"),
    ],
)
def test_slips_of_the_pen_are_told_in_a_sentence(field, value, fact, manager, at_desk, typed):
    answer = at_desk(manager).post(reverse("authority:appointment"), typed | {field: value})
    assert answer.status_code == 422
    assert fact in answer.content.decode()


def test_an_officer_without_a_say_is_not_offered_the_button(clerk, manager, at_desk):
    assert "취임 제안하기" not in at_desk(clerk).get(PEOPLE).content.decode()
    assert "취임 제안하기" in at_desk(manager).get(PEOPLE).content.decode()


def test_leaving_is_proposed_and_confirmed(clerk, chief, manager, at_desk, today):
    path = reverse("authority:leaving", args=[clerk.id])
    page = at_desk(manager).get(path).content.decode()
    assert "담당 최은영" in page
    answer = at_desk(manager).post(path, {"last_day": today.isoformat(), "reason": "퇴사"})
    assert answer.url == PEOPLE
    found = Proposal.objects.get()
    at_desk(chief).post(reverse("authority:confirmation", args=[found.id]))
    assert Officeholder.objects.get(id=clerk.id).until == today


def test_a_term_that_was_to_begin_is_shown_as_cancelled(appointed, chief, manager, at_desk, today):
    coming = appointed("최은영", "clerk", since=today + timedelta(days=9))
    path = reverse("authority:leaving", args=[coming.id])
    at_desk(manager).post(path, {"last_day": today.isoformat(), "reason": "합격 취소"})
    found = reverse("authority:proposal", args=[Proposal.objects.get().id])
    assert "임기를 하루도 두지 않고 끝남" in at_desk(chief).get(found).content.decode()
    at_desk(chief).post(reverse("authority:confirmation", args=[Proposal.objects.get().id]))
    page = at_desk(manager).get(PEOPLE).content.decode()
    assert "부터였으나 취소" in page
    assert "(취임 전)" not in page
    greeting = Client().get(invitation_link(coming).removeprefix("http://localhost:8000"))
    assert "취임은 취소되었습니다" in greeting.content.decode()


def test_leaving_without_a_reason_is_asked_for_it(clerk, manager, at_desk, today):
    path = reverse("authority:leaving", args=[clerk.id])
    answer = at_desk(manager).post(path, {"last_day": today.isoformat(), "reason": " "})
    assert answer.status_code == 422
    assert "이유가 비어" in answer.content.decode()


def test_a_new_officer_is_greeted_and_led_to_the_log_in(complex_, clerk):
    answer = Client().get(invitation_link(clerk).removeprefix("http://localhost:8000"))
    page = answer.content.decode()
    assert "최은영 님, 반갑습니다" in page
    assert "들꽃마을아파트" in page
    assert f'href="{reverse("desk:home")}"' in page


def test_an_invitation_to_a_term_that_is_over_says_so(complex_, appointed, today):
    former = appointed("최은영", "clerk", until=today - timedelta(days=1))
    page = Client().get(invitation_link(former).removeprefix("http://localhost:8000"))
    assert "에 끝났습니다" in page.content.decode()
    assert "시작하기" not in page.content.decode()


def test_a_forged_invitation_shows_nothing(clerk):
    answer = Client().get(reverse("authority:invitation", args=["WyJhIl0:1abc:xyz"]))
    assert answer.status_code == 409
    assert "초대 주소가 올바르지" in answer.content.decode()


def test_somebody_entered_by_command_is_shown_like_everybody(complex_, manager, at_desk, at):
    actions.enter_officeholder(
        complex_,
        "auditor",
        name="한동철",
        email="a@example.com",
        since=at.date(),
        at=at,
    )
    assert "한동철" in at_desk(manager).get(PEOPLE).content.decode()


# --- Where people are reached --------------------------------------------------------------------


def test_an_officer_changes_the_own_address_with_a_second_officer(clerk, chief, manager, at_desk):
    path = reverse("authority:contact", args=[clerk.id])
    assert f'href="{path}"' in at_desk(clerk).get(reverse("outbox:notifications")).content.decode()
    assert 'value="clerk@a10000001.example"' in at_desk(clerk).get(path).content.decode()
    typed = {"email": "new@example.com", "phone": "010-1234-5678", "reason": "번호를 바꿈"}
    assert at_desk(clerk).post(path, typed).url == PEOPLE
    found = Proposal.objects.get()
    shown = reverse("authority:proposal", args=[found.id])
    page = at_desk(chief).get(shown).content.decode()
    for words in ("clerk@a10000001.example", "new@example.com", "010-1234-5678"):
        assert words in page
    assert at_desk(chief).post(reverse("authority:confirmation", args=[found.id])).url == PEOPLE
    clerk.person.refresh_from_db()
    assert clerk.person.email == "new@example.com"
    assert "new@example.com" not in at_desk(manager).get(shown).content.decode()


def test_addresses_are_shown_to_those_who_decide_and_to_nobody_else(
    clerk, bookkeeper, chief, manager, at_desk
):
    path = reverse("authority:contact", args=[clerk.id])
    answer = at_desk(bookkeeper).get(path)
    assert answer.status_code == 409
    assert "clerk@a10000001.example" not in answer.content.decode()
    typed = {"email": "new@example.com", "phone": "", "reason": "메일함을 잃음"}
    at_desk(manager).post(path, typed)
    shown = reverse("authority:proposal", args=[Proposal.objects.get().id])
    assert "@" not in at_desk(bookkeeper).get(shown).content.decode()
    assert "new@example.com" in at_desk(manager).get(shown).content.decode()
    page = at_desk(bookkeeper).get(PEOPLE).content.decode()
    assert f'href="{path}"' not in page  # and nothing leads there


def test_what_was_typed_of_an_address_stays_when_it_cannot_be(clerk, at_desk):
    path = reverse("authority:contact", args=[clerk.id])
    answer = at_desk(clerk).post(path, {"email": "없음", "phone": "", "reason": "바꿈"})
    assert answer.status_code == 422
    assert 'value="없음"' in answer.content.decode()


def test_the_page_of_people_asks_no_more_for_more_of_them(
    appointed, manager, at_desk, django_assert_max_num_queries
):
    at_desk(manager).get(PEOPLE)
    with CaptureQueriesContext(connection) as few:
        at_desk(manager).get(PEOPLE)
    for office in ("clerk", "bookkeeper", "chief", "auditor", "director"):
        appointed("강하늘", office)
    with django_assert_max_num_queries(len(few)):
        at_desk(manager).get(PEOPLE)
