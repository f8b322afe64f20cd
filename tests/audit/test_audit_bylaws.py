"""What two officers set of the bylaws, and changed of an address, is held against the log."""

import pytest

from audited import audit, faults, settle
from danji.authority import actions
from danji.complexes.models import BylawSetting
from danji.rules.bylaws import REMIND

SET = "관리규약에서 정한 것이 봉인 장부에 적힌 것과 다릅니다"


@pytest.fixture
def changed(complex_, manager, chair, chief, at):
    """Both, confirmed and sealed."""
    setting = actions.propose_setting(
        REMIND.key,
        value=2,
        article="관리규약 제45조제2항",
        effective_from=at.date(),
        reason="",
        actor=manager,
        at=at,
    )
    contact = actions.propose_contact(
        chief.id, email="new@example.com", phone="", reason="바꿈", actor=chief, at=at
    )
    actions.confirm_proposal(setting.id, actor=chair, at=at)
    actions.confirm_proposal(contact.id, actor=manager, at=at)
    settle()
    return complex_


def test_as_it_was_decided_it_is_in_order(changed, at):
    found = audit(changed, at).found
    assert found.rows["proposals"] == 2
    assert not [one for one in found.kept if "관리규약" in one.sentence]
    assert faults(audit(changed, at)) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE complexes_bylawsetting SET value = '9'", SET),
        ("DELETE FROM complexes_bylawsetting", SET),
        ("UPDATE authority_proposal SET article = '제1조' WHERE change = 'setting'", SET),
        (
            "UPDATE authority_proposal SET email = 'x@example.com' WHERE change = 'contact'",
            "연락처를 바꾼 사실이 봉인 장부에 적힌 것과 다릅니다",
        ),
        (
            "DELETE FROM authority_proposaloutcome; DELETE FROM complexes_bylawsetting",
            "사건(관리규약 설정)의 행이 지워졌습니다",
        ),
    ],
)
def test_what_was_edited_is_told(change, said, changed, alter, at):
    alter(change)
    assert said in faults(audit(changed, at))


def test_a_setting_that_nobody_decided_is_told(changed, at):
    BylawSetting.objects.create(
        complex=changed,
        key=REMIND.key,
        value=0,
        layer="bylaw",
        article="관리규약 제1조",
        effective_from=at.date().replace(year=2027),
    )
    kept = audit(changed, at).found.kept
    assert [one.severity for one in kept if "관리규약 제1조" in one.sentence] == ["doubt"]
