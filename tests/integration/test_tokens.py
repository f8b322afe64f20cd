"""Tokens: who is given one, when it works, and what it never lets anybody do."""

from base64 import urlsafe_b64encode
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from danji.accounts.models import Officeholder
from danji.base.ids import uuid7
from danji.integration.actions import (
    confirm_token,
    issue_token,
    note_use,
    request_system_token,
    revoke_token,
)
from danji.integration.models import ApiScope, ApiToken
from danji.integration.queries import (
    NotPermitted,
    NotRecognised,
    demand_scope,
    token_of,
    tokens_shown,
)
from danji.integration.tokens import LENGTH, make_token, read_token
from danji.outbox.models import Message
from danji.rules.refusal import Refusal


@pytest.fixture
def deciding(chief, manager, at, next_month):
    """A token of the chief's own program that decides."""
    return issue_token("결재 도우미", [ApiScope.DECIDE], next_month, actor=chief, at=at)


def look_up(text, on):
    return token_of(read_token(text), on=on)


def test_a_token_names_its_complex_and_is_kept_nowhere(own_token, bookkeeper, at):
    presented = read_token(own_token.text)
    assert presented.complex_id == bookkeeper.complex_id
    assert look_up(own_token.text, at.date()).officeholder == bookkeeper
    row = ApiToken.objects.values().get()
    assert own_token.text not in str(row)
    assert own_token.text.startswith(row["prefix"])
    assert len(row["prefix"]) < LENGTH / 2


@pytest.mark.parametrize(
    "text", ["", "danji_", "x" * LENGTH, "danji_" + "!" * 86, "danji_" + "A" * 85]
)
def test_what_is_no_token_is_not_read(text):
    assert read_token(text) is None


def test_another_secret_opens_nothing(own_token, at):
    presented = read_token(own_token.text)
    forged = presented.token_id.bytes + presented.complex_id.bytes + bytes(32)
    with pytest.raises(NotRecognised):
        look_up("danji_" + urlsafe_b64encode(forged).rstrip(b"=").decode(), at.date())
    with pytest.raises(NotRecognised):
        look_up(make_token(presented.complex_id, uuid7()), at.date())


def test_a_token_works_to_the_end_of_its_last_day(own_token, at, next_month):
    assert look_up(own_token.text, next_month)
    with pytest.raises(NotRecognised, match="기한"):
        look_up(own_token.text, next_month + timedelta(days=1))


def test_out_of_term_a_token_works_no_more(appointed, at, next_month):
    holder = appointed("김수진", "bookkeeper", until=at.date())
    issued = issue_token("가계부", [ApiScope.READ], next_month, actor=holder, at=at)
    assert look_up(issued.text, at.date())
    with pytest.raises(NotPermitted, match="임기"):
        look_up(issued.text, at.date() + timedelta(days=1))


def test_a_revoked_token_is_not_recognised(own_token, bookkeeper, at):
    revoke_token(own_token.token.id, actor=bookkeeper, at=at)
    with pytest.raises(NotRecognised, match="폐지"):
        look_up(own_token.text, at.date())
    with pytest.raises(Refusal, match="이미 폐지"):
        revoke_token(own_token.token.id, actor=bookkeeper, at=at)


def test_only_its_officeholder_and_the_manager_revoke_a_token(
    own_token, system_token, chief, manager, at
):
    with pytest.raises(ApiToken.DoesNotExist):
        revoke_token(own_token.token.id, actor=chief, at=at)
    with pytest.raises(Refusal, match="관리사무소장만"):
        revoke_token(system_token.token.id, actor=chief, at=at)
    revoke_token(own_token.token.id, actor=manager, at=at)


def test_a_system_waits_for_a_second_officer(system_token, chief, bookkeeper, at):
    with pytest.raises(NotPermitted, match="확인하지 않은"):
        look_up(system_token.text, at.date())
    confirm_token(system_token.token.id, actor=chief, at=at)
    assert look_up(system_token.text, at.date()).officeholder == bookkeeper
    assert Message.objects.filter(recipient=bookkeeper.person, subject__contains="연계 열쇠")


def test_a_token_that_decides_waits_for_a_second_officer(deciding, chief, manager, at):
    with pytest.raises(NotPermitted, match="확인하지 않은"):
        look_up(deciding.text, at.date())
    with pytest.raises(Refusal, match="본인이 신청한"):
        confirm_token(deciding.token.id, actor=chief, at=at)
    confirm_token(deciding.token.id, actor=manager, at=at)
    assert look_up(deciding.text, at.date()).officeholder == chief


def test_whose_name_it_is_and_who_may_confirm_are_told_of_a_token_that_decides(
    deciding, chief, manager, clerk, at
):
    told = Message.objects.values_list("recipient_id", "subject")
    assert set(told) == {
        (chief.person_id, "결재하는 연계 열쇠 신청: 결재 도우미"),
        (manager.person_id, "연계 열쇠 확인 요청: 결재 도우미"),
    }
    confirm_token(deciding.token.id, actor=manager, at=at)
    confirmed = Message.objects.get(subject="연계 열쇠 발급: 결재 도우미")
    assert confirmed.recipient_id == chief.person_id
    assert "이름으로 결재하는 열쇠" in confirmed.body


def test_a_token_that_does_not_decide_works_at_once_and_nobody_is_asked(own_token, chief, at):
    assert look_up(own_token.text, at.date())
    assert not Message.objects.exists()


def test_nobody_confirms_the_own_request(system_token, manager, bookkeeper, clerk, at):
    with pytest.raises(Refusal, match="본인이 신청한"):
        confirm_token(system_token.token.id, actor=manager, at=at)
    with pytest.raises(Refusal, match="확인할 수 없습니다"):
        confirm_token(system_token.token.id, actor=bookkeeper, at=at)
    with pytest.raises(ApiToken.DoesNotExist):
        confirm_token(system_token.token.id, actor=clerk, at=at)


def test_only_the_manager_asks_for_a_system(bookkeeper, chief, at, next_month):
    with pytest.raises(Refusal, match="관리사무소장만"):
        request_system_token("회계", bookkeeper.id, [ApiScope.READ], next_month, actor=chief, at=at)


@pytest.mark.parametrize("scope", [ApiScope.DECIDE, ApiScope.MANAGE])
def test_a_system_neither_decides_nor_manages(
    bookkeeper, manager, at, next_month, system_token, scope
):
    with pytest.raises(Refusal, match="결재하거나 관리할 수 없습니다"):
        request_system_token("회계", bookkeeper.id, [scope], next_month, actor=manager, at=at)
    row = system_token.token
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiToken.objects.create(
            complex_id=row.complex_id,
            kind=ApiToken.Kind.SYSTEM,
            name="회계",
            officeholder=bookkeeper,
            scopes=[scope.value],
            secret_hash=b"",
            prefix="",
            created_by=manager,
            created_at=at,
            expires_on=next_month,
        )


def test_a_token_is_only_for_what_it_is_for(own_token, at):
    demand_scope(own_token.token, ApiScope.DRAFT)
    with pytest.raises(NotPermitted, match="결재"):
        demand_scope(own_token.token, ApiScope.DECIDE)


@pytest.mark.parametrize("days", [0, 367])
def test_a_token_lasts_a_year_at_most(bookkeeper, at, days):
    with pytest.raises(Refusal, match="기한"):
        issue_token(
            "가계부",
            [ApiScope.READ],
            at.date() + timedelta(days=days),
            actor=bookkeeper,
            at=at,
        )


def test_a_token_is_given_to_nobody_out_of_office(appointed, manager, at, next_month):
    holder = appointed("김수진", "bookkeeper", until=at.date() - timedelta(days=1))
    with pytest.raises(Refusal, match="임기"):
        request_system_token("회계", holder.id, [ApiScope.READ], next_month, actor=manager, at=at)


def test_a_neighbour_is_named_in_no_token(manager, neighbour, at, next_month):
    with pytest.raises(Officeholder.DoesNotExist):
        request_system_token(
            "회계", neighbour.id, [ApiScope.READ], next_month, actor=manager, at=at
        )


def test_the_day_of_use_is_noted(own_token, at):
    note_use(own_token.token, on=at.date())
    assert ApiToken.objects.get().last_used_on == at.date()


def test_everybody_sees_the_own_tokens_only(own_token, bookkeeper, chief, manager):
    assert [token.name for token in tokens_shown(bookkeeper)] == ["가계부"]
    assert not tokens_shown(chief)
    assert tokens_shown(manager).get() == own_token.token


def test_whoever_vouches_for_others_sees_what_decides(deciding, chair, clerk):
    assert tokens_shown(chair).get() == deciding.token
    assert not tokens_shown(clerk)


def test_whoever_vouches_for_others_sees_what_waits_for_it(system_token, chief, clerk):
    assert tokens_shown(chief).get().confirmed_at is None
    assert not tokens_shown(clerk)
