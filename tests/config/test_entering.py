"""A real complex and its officers are entered at the command line, and may then sign in."""

import json
from base64 import b64decode
from datetime import date
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import OperationalError

from danji.accounts.models import Officeholder, Person
from danji.base import tenancy
from danji.complexes.models import Complex
from danji.config import entering
from danji.rules.refusal import Refusal
from danji.transparency.models import Event, Opening
from danji.web.demo import players

COMPLEX = {"code": "C30000003", "name": "햇살마을아파트", "address": "서울특별시 가상구 햇살로 3"}
MANAGER = {"code": "C30000003", "office": "manager", "name": "박정호", "email": "m@example.com"}


def said(command, **options):
    out = StringIO()
    call_command(command, **options, stdout=out)
    return out.getvalue()


@pytest.fixture
def founded(found):
    """A real complex; `found` sees to folders and keys of the test's own."""
    said("found", **COMPLEX)
    complex_ = Complex.objects.get(code=COMPLEX["code"])
    tenancy._enter("app.complex", complex_.id)
    return complex_


def test_a_complex_is_taken_in_with_its_log(found):
    assert "햇살마을아파트(C30000003)을(를) 등록했습니다" in said("found", **COMPLEX)
    complex_ = Complex.objects.get(code=COMPLEX["code"])
    assert not complex_.demonstration
    tenancy._enter("app.complex", complex_.id)
    assert Event.objects.get(complex=complex_).name == "log.opened"


def test_a_complex_is_taken_in_once(founded):
    with pytest.raises(Refusal, match="이미 등록되어"):
        said("found", **COMPLEX)


@pytest.mark.parametrize(
    ("change", "fact"),
    [({"code": "c3"}, "단지코드"), ({"name": " "}, "단지 이름"), ({"address": ""}, "주소")],
)
def test_what_no_complex_can_be_is_refused(change, fact, found):
    with pytest.raises(Refusal, match=fact):
        said("found", **COMPLEX | change)
    assert not Complex.objects.exists()


@pytest.mark.parametrize("office", ["manager", "관리사무소장"])
def test_an_officer_is_entered_and_may_sign_in(office, founded):
    words = said("appoint", **MANAGER | {"office": office, "since": "2001-02-03"})
    assert "햇살마을아파트 관리사무소장 박정호 님을 등록했습니다(2001-02-03부터)" in words
    holder = Officeholder.objects.within(founded.id).get()
    assert (holder.office, holder.since, holder.until) == ("manager", date(2001, 2, 3), None)
    assert holder.person.email == "m@example.com"
    assert players() == []


def test_the_log_says_that_no_officer_put_the_first_one_into_office(founded):
    said("appoint", **MANAGER)
    holder = Officeholder.objects.within(founded.id).get()
    event = Event.objects.within(founded.id).get(doc=holder.id)
    assert event.name == "office.taken"
    opened = Opening.objects.within(founded.id).get(event_id=event.id).fields
    assert b64decode(opened["proposer"]["value"]) == b'{"operator":"appoint"}'
    assert b64decode(opened["officer"]["value"]) == b"null"
    assert json.loads(b64decode(opened["office"]["value"]))["name"] == "박정호"


def test_a_second_manager_is_not_entered_beside_the_first(founded):
    said("appoint", **MANAGER)
    with pytest.raises(Refusal, match="다른 분"):
        said("appoint", **MANAGER | {"name": "이민호", "email": "second@example.com"})
    assert Person.objects.count() == 1


def test_a_known_person_takes_another_office(founded):
    said("appoint", **MANAGER)
    said("appoint", **MANAGER | {"office": "담당", "email": "M@example.com"})
    assert Person.objects.count() == 1
    assert Officeholder.objects.within(founded.id).count() == 2


def test_a_manager_is_not_entered_as_auditor_too(founded):
    said("appoint", **MANAGER)
    with pytest.raises(Refusal, match="함께 맡을 수 없습니다"):
        said("appoint", **MANAGER | {"office": "감사"})


def test_nobody_is_in_the_same_office_twice_at_a_time(founded):
    said("appoint", **MANAGER, since="2001-01-01", until="2001-12-31")
    said("appoint", **MANAGER, since="2002-01-01")
    with pytest.raises(Refusal, match="이미 그 직을 맡고"):
        said("appoint", **MANAGER, since="2001-12-31", until="2001-12-31")
    assert Officeholder.objects.within(founded.id).count() == 2


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"code": "Z99999999"}, "Z99999999인 단지가 없습니다"),
        ({"office": "반장"}, "없는 직책"),
        ({"email": "박정호"}, "메일 주소의 모양"),
        ({"name": ""}, "이름"),
        ({"since": "내일"}, "날짜"),
        ({"since": "2026-02-01", "until": "2026-01-31"}, "끝납니다"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nobody(change, fact, founded):
    with pytest.raises(Refusal, match=fact):
        said("appoint", **MANAGER | change)
    assert not Person.objects.exists()


def test_an_address_belongs_to_one_person(founded):
    said("appoint", **MANAGER)
    with pytest.raises(Refusal, match="이미 다른 분의 것"):
        said("appoint", **MANAGER | {"office": "chief", "name": "이민호"})


def test_a_database_that_is_off_is_said(founded, monkeypatch):
    def off(*_, **__):
        raise OperationalError

    monkeypatch.setattr(entering, "found_complex", off)
    with pytest.raises(Refusal, match="연결하지 못했습니다"):
        said("found", **COMPLEX)
