"""The page of what the bylaws set: what holds, and a second officer's confirmation."""

import pytest
from django.urls import reverse
from django.utils import timezone

from danji.authority.models import Proposal
from danji.complexes.models import BylawSetting
from danji.rules.bylaws import REMIND
from danji.rules.periods import day_in_seoul

BYLAWS = reverse("authority:bylaws")


@pytest.fixture
def typed():
    return {
        "setting": REMIND.key,
        "value": "2",
        "article": "관리규약 제45조제2항",
        "effective_from": day_in_seoul(timezone.now()).isoformat(),
        "reason": "",
    }


def test_two_officers_set_what_the_bylaws_say(typed, manager, chair, at_desk):
    assert BYLAWS in at_desk(manager).get(reverse("desk:settings")).content.decode()
    assert "기본값을 씁니다" in at_desk(manager).get(BYLAWS).content.decode()
    answer = at_desk(manager).post(BYLAWS, typed)
    found = Proposal.objects.get()
    assert answer.url == reverse("authority:proposal", args=[found.id])
    assert "확인해 주세요" in at_desk(chair).get(BYLAWS).content.decode()
    page = at_desk(chair).get(answer.url).content.decode()
    for words in (REMIND.label, "근무일 2일 뒤", "관리규약 제45조제2항"):
        assert words in page
    confirmed = at_desk(chair).post(reverse("authority:confirmation", args=[found.id]))
    assert confirmed.url == BYLAWS
    page = at_desk(manager).get(BYLAWS).content.decode()
    assert "관리규약 제45조제2항" in page
    assert BylawSetting.objects.get().value == 2


def test_whoever_has_no_say_sees_what_holds_and_who_decides(clerk, at_desk):
    page = at_desk(clerk).get(BYLAWS).content.decode()
    assert "근무일 1일 뒤" in page
    assert "소장이나 회장이" in page
    assert '<form class="section card' not in page


@pytest.mark.parametrize(
    ("field", "value", "fact"),
    [
        ("setting", "", "고르지 않았습니다"),
        ("value", "사흘", "숫자가 아닙니다"),
        ("value", "9" * 5000, "숫자가 아닙니다"),
        ("effective_from", "내일", "날짜가 아닙니다"),
        ("article", "", "조항이 비어"),
    ],
)
def test_slips_of_the_pen_are_told_and_what_was_typed_stays(
    field, value, fact, typed, manager, at_desk
):
    answer = at_desk(manager).post(BYLAWS, typed | {"reason": "개정"} | {field: value})
    assert answer.status_code == 422
    assert fact in answer.content.decode()
    assert 'value="개정"' in answer.content.decode()
