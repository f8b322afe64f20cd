"""Signing in: by mailed code, as somebody of the demonstration, and never by signing up."""

import re
import smtplib
from datetime import date

import pytest
from django.core import mail
from django.urls import reverse

from danji.accounts.actions import appoint, move_in, register_person
from danji.accounts.models import Office, Person
from danji.base import tenancy
from danji.complexes.models import Building, Unit
from danji.web import account
from danji.web.demo import players


@pytest.fixture(autouse=True)
def fresh_rate_limits():
    from django.core.cache import cache

    cache.clear()


def ask_for_code(visitor, email):
    return visitor.post(reverse("account_request_login_code"), {"email": email})


def test_a_mailed_code_signs_in_and_is_written_down(manager, visitor):
    ask_for_code(visitor, manager.person.email)
    (letter,) = mail.outbox
    assert letter.subject == "단지 전자결재 로그인 번호"
    code = re.search(r"^\d{4}-\d{4}$", letter.body, re.MULTILINE)[0].replace("-", "")
    answer = visitor.post(reverse("account_confirm_login_code"), {"code": code})
    assert answer.url == reverse("desk:home")
    assert visitor.client.session["signed_in"]["method"] == "mail-code"
    assert "박정호" in visitor.get(answer.url).content.decode()


def test_a_mistyped_address_is_typed_anew(manager, visitor):
    answer = visitor.get(ask_for_code(visitor, "mistyped@example.com").url)
    other = re.search(r'href="([^"]+)">다른 주소로 받기', answer.content.decode())[1]
    assert "메일로 로그인" in visitor.get(other).content.decode()
    mail.outbox.clear()
    answer = visitor.get(ask_for_code(visitor, manager.person.email).url)
    assert manager.person.email in answer.content.decode()
    (letter,) = mail.outbox
    code = re.search(r"^[0-9-]{9}$", letter.body, re.MULTILINE)
    answer = visitor.post(reverse("account_confirm_login_code"), {"code": code[0]})
    assert visitor.client.session["signed_in"]["method"] == "mail-code"


def test_another_address_leads_back_to_the_same_page(complex_, visitor):
    typed = {"email": "mistyped@example.com", "next": "/desk/records/"}
    page = visitor.get(visitor.post(reverse("account_request_login_code"), typed).url)
    other = re.search(r'href="([^"]+)">다른 주소로 받기', page.content.decode())[1]
    assert 'name="next" value="/desk/records/"' in visitor.get(other).content.decode()


def test_who_types_wrong_codes_is_told_when_to_go_on(manager, visitor):
    ask_for_code(visitor, manager.person.email)
    for left in (2, 1):
        answer = visitor.post(reverse("account_confirm_login_code"), {"code": "1"})
        assert f"{left}번 더 넣어 볼 수 있습니다" in answer.content.decode()
    answer = visitor.post(reverse("account_confirm_login_code"), {"code": "1"})
    assert "1분 뒤에 번호를 다시 받아 주세요" in visitor.get(answer.url).content.decode()


def test_who_asks_too_often_is_told_when_to_go_on(manager, visitor):
    for _ in range(4):
        answer = ask_for_code(visitor, manager.person.email)
    assert "1분 뒤에 번호를 다시 받아 주세요" in answer.content.decode()


def test_a_stranger_learns_nothing(complex_, visitor):
    answer = ask_for_code(visitor, "stranger@example.com")
    assert answer.url == reverse("account_confirm_login_code")
    assert not Person.objects.filter(email="stranger@example.com").exists()


def test_a_mail_server_that_is_away_is_said(manager, visitor, monkeypatch):
    def away(*_, **__):
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr("django.core.mail.EmailMessage.send", away)
    answer = ask_for_code(visitor, manager.person.email)
    assert answer.status_code == 409
    assert "메일을 보내지 못했습니다" in answer.content.decode()


@pytest.mark.parametrize("page", ["signup", "email", "password/reset", "password/change"])
def test_pages_nobody_needs_do_not_exist(page, visitor):
    assert visitor.get(f"/accounts/{page}/").status_code == 404


def test_the_log_in_page_is_ours(manager, visitor):
    page = visitor.get(reverse("account_login")).content.decode()
    assert "메일로 로그인" in page
    assert "관리사무소장 박정호" in page


def test_somebody_of_the_demonstration_signs_in_by_name(manager, visitor):
    answer = visitor.post(reverse("demo:login"), {"person": str(manager.person_id)})
    assert answer.url == reverse("desk:home")
    assert visitor.client.session["signed_in"]["method"] == "demo"


def test_the_way_leads_back_to_where_one_was(manager, visitor):
    back = {"person": str(manager.person_id), "next": "/desk/records/"}
    assert visitor.post(reverse("demo:login"), back).url == "/desk/records/"
    back["next"] = "https://elsewhere.example/"
    assert visitor.post(reverse("demo:login"), back).url == reverse("desk:home")


@pytest.fixture
def in_real(real, complex_):
    """Make somebody an officer of a real complex long ago, or somebody who lives there."""

    def enter(person, part):
        tenancy._enter("app.complex", real.id)
        since = date(2001, 1, 1)
        if part == "officer":
            appoint(person, Office.AUDITOR, real, since=since, until=date(2001, 2, 1))
        else:
            building = Building.objects.create(complex=real, name="101")
            unit = Unit.objects.create(complex=real, building=building, number="101")
            move_in(person, unit, since=since)
        tenancy._enter("app.complex", complex_.id)

    return enter


@pytest.mark.parametrize("part", ["officer", "resident"])
def test_nobody_of_a_real_complex_signs_in_by_name(part, in_real, visitor):
    person = register_person(name="한동철", email="real@example.com")
    in_real(person, part)
    assert players() == []
    assert visitor.post(reverse("demo:login"), {"person": str(person.id)}).status_code == 404


@pytest.mark.parametrize("part", ["officer", "resident"])
def test_who_is_somebody_in_a_real_complex_too_is_not_offered(
    part, manager, chief, in_real, visitor
):
    in_real(manager.person, part)
    assert [player.name for player in players()] == ["이민호"]
    answer = visitor.post(reverse("demo:login"), {"person": str(manager.person_id)})
    assert answer.status_code == 404


def test_outside_the_demonstration_there_is_no_such_door(manager, visitor, settings):
    settings.DEMO = False
    answer = visitor.post(reverse("demo:login"), {"person": str(manager.person_id)})
    assert answer.status_code == 404


def test_how_one_signed_in_is_kept_with_its_moment(rf, at):
    request = rf.get("/")
    request.session = {}
    account.remember_sign_in(request, "passkey", at=at)
    kept = {"method": "passkey", "at": "2026-11-22T09:00:00+00:00"}
    assert request.session == {account.SIGNED_IN: kept}
