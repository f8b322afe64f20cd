"""A code goes one way, before everything else, for ten minutes, and is forgotten."""

from datetime import timedelta

import pytest

from danji.outbox.actions import resend_message, tell
from danji.outbox.jobs import deliver
from danji.outbox.models import Channel, Delivery, Message, PendingDelivery
from danji.outbox.queries import channel_of_code
from danji.rules.refusal import Refusal
from services import deliver_all

CODE = "확인 번호 482913. 화단 정비 1,430,000원을 승인하는 번호입니다."


def test_a_code_goes_to_the_phone_and_nowhere_else(
    manager, at, reachable, gateway, push, subscribed, mailoutbox
):
    reachable(manager)
    subscribed(manager)
    assert channel_of_code(manager) is Channel.MESSAGE
    tell(manager, "결재 확인 번호", CODE, at=at, code_by=Channel.MESSAGE)
    deliver_all(manager.complex_id, at=at)
    assert [sent["text"] for sent in gateway.sent] == [f"[들꽃마을아파트] {CODE}"]
    assert not mailoutbox
    assert not push.received


def test_a_code_is_never_sent_as_a_template(manager, at, reachable, gateway, settings):
    settings.KAKAO_CHANNEL, settings.KAKAO_TEMPLATE = "KA01PF", "KA01TP"
    reachable(manager)
    tell(
        manager,
        "결재 확인 번호",
        CODE,
        at=at,
        code_by=Channel.MESSAGE,
        link="http://localhost:8000/sign/a/",
    )
    deliver_all(manager.complex_id, at=at)
    assert "kakaoOptions" not in gateway.sent[0]


def test_without_a_phone_a_code_goes_by_mail(manager, at, mailoutbox):
    assert channel_of_code(manager) is Channel.MAIL
    tell(manager, "결재 확인 번호", CODE, at=at, code_by=Channel.MAIL)
    deliver_all(manager.complex_id, at=at)
    assert mailoutbox[0].body == CODE


def test_a_code_overtakes_what_waits(manager, at, mailoutbox):
    for _ in range(3):
        tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    tell(manager, "결재 확인 번호", CODE, at=at, code_by=Channel.MAIL)
    deliver(manager.complex_id, Channel.MAIL, at=at)
    assert mailoutbox[0].subject == "결재 확인 번호"


def test_nothing_of_a_code_is_left_once_it_was_sent(manager, at, mailoutbox):
    tell(manager, "결재 확인 번호", CODE, at=at, code_by=Channel.MAIL)
    assert PendingDelivery.objects.get().secret == CODE
    deliver_all(manager.complex_id, at=at)
    kept = [
        *Message.objects.values(),
        *Delivery.objects.values(),
        *PendingDelivery.objects.values(),
    ]
    assert "482913" not in str(kept)


def test_a_code_is_not_sent_after_ten_minutes_and_forgotten_all_the_same(manager, at, mailoutbox):
    tell(manager, "결재 확인 번호", CODE, at=at, code_by=Channel.MAIL)
    deliver_all(manager.complex_id, at=at + timedelta(minutes=10))
    assert not mailoutbox
    assert not PendingDelivery.objects.exists()
    assert Delivery.objects.get().refused.startswith("10분이 지나")


def test_a_code_is_tried_again_soon(manager, at, reachable, gateway):
    reachable(manager)
    gateway.delay = 0.3
    tell(manager, "결재 확인 번호", CODE, at=at, code_by=Channel.MESSAGE)
    deliver(manager.complex_id, Channel.MESSAGE, at=at)
    assert PendingDelivery.objects.get().next_try == at + timedelta(seconds=20)


def test_a_code_is_not_told_again(manager, at, mailoutbox):
    message = tell(manager, "결재 확인 번호", CODE, at=at, code_by=Channel.MAIL)
    deliver_all(manager.complex_id, at=at)
    with pytest.raises(Refusal, match="다시 보내지 않습니다"):
        resend_message(message.id, actor=manager, at=at)


def ask(officeholder, at):
    """Have a code sent as it is when somebody asks for one. Returns: the way it went."""
    channel = channel_of_code(officeholder)
    tell(officeholder, "결재 확인 번호", CODE, at=at, code_by=channel)
    deliver_all(officeholder.complex_id, at=at)
    return channel


def test_who_asks_again_while_the_gateway_is_closed_gets_the_code_by_mail(
    manager, at, reachable, gateway, mailoutbox
):
    reachable(manager)
    gateway.fault = (402, "NotEnoughBalance", "잔액이 부족합니다.")
    assert ask(manager, at) is Channel.MESSAGE
    assert ask(manager, at + timedelta(minutes=1)) is Channel.MAIL
    assert [mail.body for mail in mailoutbox] == [CODE]


def test_a_number_that_was_refused_is_sent_no_code_until_something_gets_there(
    manager, at, reachable, gateway, mailoutbox
):
    reachable(manager)
    gateway.refused_numbers.add("01012345678")
    assert ask(manager, at) is Channel.MESSAGE
    assert ask(manager, at + timedelta(minutes=1)) is Channel.MAIL
    gateway.refused_numbers.clear()
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at + timedelta(minutes=2))
    deliver_all(manager.complex_id, at=at + timedelta(minutes=2))
    assert ask(manager, at + timedelta(minutes=3)) is Channel.MESSAGE


def test_what_does_not_reach_one_person_turns_nobody_elses_codes(
    manager, chief, at, reachable, gateway
):
    reachable(manager)
    reachable(chief, "01087654321")
    gateway.refused_numbers.add("01012345678")
    ask(manager, at)
    assert channel_of_code(chief) is Channel.MESSAGE
