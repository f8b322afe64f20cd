"""A person's mobile number: entered by whoever runs the server, and by nobody in passing."""

import pytest

from danji.accounts.actions import register_person
from danji.accounts.models import Person
from danji.config.entering import enter_phone
from danji.outbox.models import Message
from danji.rules.refusal import Refusal

EMAIL = "new@example.com"


def test_who_is_new_is_registered_with_a_number(db):
    person = register_person(name="한지우", email=EMAIL, phone="010-1234-5678")
    assert Person.objects.get(id=person.id).phone == "01012345678"


def test_a_number_that_is_none_registers_nobody(db):
    with pytest.raises(Refusal, match="휴대전화 번호의 모양"):
        register_person(name="한지우", email=EMAIL, phone="02-123-4567")
    assert not Person.objects.exists()


@pytest.mark.parametrize("known", ["", "01087654321"])
def test_a_known_persons_number_is_not_changed_by_registering_again(db, known):
    register_person(name="한지우", email=EMAIL, phone=known)
    with pytest.raises(Refusal, match="여기서 바꿀 수 없습니다"):
        register_person(name="한지우", email=EMAIL, phone="010-1234-5678")
    assert register_person(name="한지우", email=EMAIL, phone=known).phone == known
    assert register_person(name="한지우", email=EMAIL).phone == known


def test_the_operator_changes_a_number_and_the_person_is_told(manager, at):
    words = enter_phone(email=manager.person.email, phone="+82 10-1234-5678", at=at)
    assert words == "박정호 님의 휴대전화 번호가 01012345678번으로 바뀌었습니다."
    assert Person.objects.get(id=manager.person_id).phone == "01012345678"
    assert Message.objects.get().subject == "휴대전화 번호가 바뀌었습니다"
    assert "지워졌습니다" in enter_phone(email=manager.person.email, phone="", at=at)


def test_nobody_is_nobody(db, at):
    with pytest.raises(Refusal, match="분이 없습니다"):
        enter_phone(email="nobody@example.com", phone="010-1234-5678", at=at)
