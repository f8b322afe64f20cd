"""Telling again, by whoever runs the office."""

from datetime import date

import pytest

from danji.base import tenancy
from danji.outbox.actions import resend_message, tell
from danji.outbox.models import Message, PendingDelivery
from danji.outbox.queries import Shown, messages_told
from danji.rules.refusal import Refusal
from services import deliver_all


@pytest.fixture
def sent(clerk, at, mailoutbox):
    message = tell(clerk, "반려: 화단 정비", "사유: 견적서가 없습니다.", at=at)
    deliver_all(clerk.complex_id, at=at)
    return message


def test_what_is_told_again_is_the_same_and_says_so(sent, manager, at, mailoutbox):
    again = resend_message(sent.id, actor=manager, at=at)
    deliver_all(manager.complex_id, at=at)
    assert [mail.body for mail in mailoutbox] == ["사유: 견적서가 없습니다."] * 2
    assert again.resends.id == sent.id


def test_only_whoever_runs_the_office_tells_again(sent, clerk, at):
    with pytest.raises(Refusal, match="관리사무소장과 과장만"):
        resend_message(sent.id, actor=clerk, at=at)
    with pytest.raises(Refusal, match="관리사무소장과 과장만"):
        messages_told(clerk, Shown.ALL)


def test_what_is_still_on_its_way_is_not_told_again(sent, manager, at):
    again = resend_message(sent.id, actor=manager, at=at)
    with pytest.raises(Refusal, match="아직 보내는 중"):
        resend_message(again.id, actor=manager, at=at)
    assert PendingDelivery.objects.count() == 1


def test_who_is_out_of_office_is_not_told_again(appointed, manager, at, mailoutbox):
    left = appointed("홍길동", "director", until=date(2026, 11, 21))
    message = tell(left, "결재 요청", "문서가 기다립니다.", at=at)
    deliver_all(manager.complex_id, at=at)
    with pytest.raises(Refusal, match="맡은 직책이 없습니다"):
        resend_message(message.id, actor=manager, at=at)


def test_a_neighbour_tells_nobody_here(sent, neighbour, at):
    tenancy._enter("app.complex", neighbour.complex_id)
    with pytest.raises(Message.DoesNotExist):
        resend_message(sent.id, actor=neighbour, at=at)
