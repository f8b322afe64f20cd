"""Messages to a phone: signed requests, and what each answer of the gateway means."""

from datetime import timedelta

import pytest

from danji.outbox.actions import tell
from danji.outbox.gateway import gateway_sender
from danji.outbox.jobs import deliver
from danji.outbox.models import Channel, Delivery, PendingDelivery
from danji.outbox.sending import Away, Later
from danji.outbox.solapi import Solapi
from services import deliver_all

LINK = "http://localhost:8000/sign/abc/"


@pytest.fixture
def told(manager, reachable, at):
    """Tell somebody who has a phone; nothing is sent yet."""
    reachable(manager)

    def write(subject="결재 요청", link=LINK, **options):
        tell(manager, subject, "받는 곳: 들꽃조경", at=at, link=link, **options)
        return manager.complex_id

    return write


def outcome():
    return Delivery.objects.get(channel=Channel.MESSAGE)


def test_a_short_message_says_who_what_and_where(told, at, gateway):
    deliver(told(), Channel.MESSAGE, at=at)
    (sent,) = gateway.sent
    assert sent["to"] == "01012345678"
    assert sent["from"] == "0212345678"
    assert sent["text"] == f"[들꽃마을아파트] 결재 요청\n{LINK}"
    assert sent["type"] == "SMS"
    assert "들꽃조경" not in str(sent)  # the body is for those who open the page
    assert outcome().receipt == "G4V1"


def test_what_is_too_long_for_a_short_message_goes_as_a_long_one(told, at, gateway):
    deliver(told(subject="결재 요청: " + "화단 정비 " * 10), Channel.MESSAGE, at=at)
    (sent,) = gateway.sent
    assert (sent["type"], sent["subject"]) == ("LMS", "들꽃마을아파트")


def test_what_no_message_holds_is_cut_at_its_end(manager, reachable, at, gateway):
    tell(
        reachable(manager),
        "결재 확인 번호",
        "482913 " + "가나다 " * 500,
        at=at,
        code_by=Channel.MESSAGE,
    )
    deliver(manager.complex_id, Channel.MESSAGE, at=at)
    (sent,) = gateway.sent
    assert sent["text"].startswith("[들꽃마을아파트] 482913 가나다")
    assert sent["text"].endswith("…")
    assert 1998 <= len(sent["text"].encode("cp949")) <= 2000


def test_an_approved_template_is_tried_first(told, at, gateway, settings):
    settings.KAKAO_CHANNEL, settings.KAKAO_TEMPLATE = "KA01PF", "KA01TP"
    deliver(told(), Channel.MESSAGE, at=at)
    (sent,) = gateway.sent
    assert sent["type"] == "ATA"
    assert sent["text"].endswith(LINK)  # what goes as SMS where KakaoTalk does not reach them
    assert sent["kakaoOptions"] == {
        "pfId": "KA01PF",
        "templateId": "KA01TP",
        "variables": {
            "#{단지}": "들꽃마을아파트",
            "#{제목}": "결재 요청",
            "#{경로}": "sign/abc/",
        },
        "disableSms": False,
    }


def test_every_request_is_signed_anew(told, at, gateway):
    told()
    told()
    deliver(told(), Channel.MESSAGE, at=at)
    assert len(gateway.signatures) == len(gateway.sent) == 3


def test_a_number_that_is_none_is_refused_for_good(told, at, gateway, caplog):
    gateway.refused_numbers.add("01012345678")
    deliver(told(), Channel.MESSAGE, at=at)
    assert outcome().refused.startswith("문자 보내는 곳이 받지 않았습니다.")
    assert "3058" not in outcome().refused
    assert "3058" in caplog.text
    assert "01012345678" not in caplog.text


def test_what_the_gateway_calls_malformed_is_refused_for_good(told, at, gateway, caplog):
    gateway.fault = (400, "ValidationError", "from은 발신번호여야 합니다.")
    deliver(told(), Channel.MESSAGE, at=at)
    assert outcome().refused.endswith("운영자에게 알려 주세요.")
    assert "발신번호" in caplog.text


@pytest.mark.parametrize(
    "fault",
    [
        (401, "Unauthorized", "인증하지 못했습니다."),
        (402, "NotEnoughBalance", "잔액이 부족합니다."),
        (403, "InvalidAPIKey", "키가 맞지 않습니다."),
        (429, "TooManyRequests", "요청이 너무 많습니다."),
    ],
)
def test_what_the_operator_or_time_can_mend_closes_the_way_and_is_sent_then(
    told, at, gateway, fault, caplog
):
    gateway.fault = fault
    complex_id = told()
    with pytest.raises(Away) as away:
        deliver(complex_id, Channel.MESSAGE, at=at)
    assert PendingDelivery.objects.get(channel=Channel.MESSAGE).trouble == str(away.value)
    assert str(fault[0]) not in str(away.value)
    assert fault[2] in caplog.text
    gateway.fault = None
    deliver(complex_id, Channel.MESSAGE, at=at + timedelta(minutes=1))
    assert outcome().refused == ""


def test_a_wrong_secret_is_noticed_by_the_gateway(told, at, gateway, settings):
    settings.GATEWAY_SECRET = "another"
    with pytest.raises(Away) as away:
        deliver(told(), Channel.MESSAGE, at=at)
    assert "SignatureDoesNotMatch" in away.value.said[1]


def test_a_gateway_that_is_not_there_is_away(told, at, gateway, settings):
    gateway.service.shutdown()
    gateway.service.server_close()
    with pytest.raises(Away, match="연결되지 않습니다"):
        deliver(told(), Channel.MESSAGE, at=at)


def test_a_slow_answer_is_not_waited_for_and_comes_twice_rather_than_never(told, at, gateway):
    gateway.delay = 0.3
    complex_id = told()
    deliver(complex_id, Channel.MESSAGE, at=at)
    assert PendingDelivery.objects.get(channel=Channel.MESSAGE).tries == 1
    gateway.delay = 0
    deliver(complex_id, Channel.MESSAGE, at=at + timedelta(minutes=1))
    first, second = gateway.sent
    assert first["customFields"] == second["customFields"]  # by which it is found to be the same
    assert outcome().refused == ""


def test_a_gateway_that_hangs_up_is_asked_again(told, at, gateway):
    gateway.drops = True
    deliver(told(), Channel.MESSAGE, at=at)
    assert PendingDelivery.objects.get(channel=Channel.MESSAGE).next_try == at + timedelta(
        minutes=1
    )


def answering(gateway, content):
    """Let the gateway take everything with this answer. Returns: what it was asked."""
    asked = []

    def answer(*request):
        asked.append(request)
        return 200, {}, content

    gateway.service.answer = answer
    return asked


@pytest.mark.parametrize(
    "content",
    [b"<html>", b"[]", b"", b"null", b"[" * 100_000, b'{"failedMessageList": [null]}'],
    ids=["html", "list", "nothing", "null", "deep", "odd"],
)
def test_an_answer_that_cannot_be_read_is_no_receipt_and_not_paid_for_twice(
    told, at, gateway, content
):
    asked = answering(gateway, content)
    complex_id = told()
    deliver(complex_id, Channel.MESSAGE, at=at)
    assert deliver(complex_id, Channel.MESSAGE, at=at + timedelta(hours=1)) == 0
    assert outcome().refused.startswith("문자 보내는 곳")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("content", "receipt"),
    [
        (b"{}", ""),
        (b'{"groupInfo": null}', ""),
        (b'{"groupInfo": []}', ""),
        (b'{"groupInfo": {"groupId": null}}', ""),
        (b'{"groupInfo": {"groupId": "G\\u00001"}}', "G1"),
    ],
)
def test_what_was_taken_without_a_name_is_taken_all_the_same(told, at, gateway, content, receipt):
    asked = answering(gateway, content)
    complex_id = told()
    deliver(complex_id, Channel.MESSAGE, at=at)
    assert deliver(complex_id, Channel.MESSAGE, at=at + timedelta(hours=1)) == 0
    assert (outcome().refused, outcome().receipt) == ("", receipt)
    assert len(asked) == 1


@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_message_at_which_the_gateway_fails_lets_the_others_go(
    told, manager, chief, reachable, at, gateway, status
):
    complex_id = told()
    reachable(chief, "01087654321")
    tell(chief, "결재 요청", "문서가 기다립니다.", at=at)
    gateway.fault, gateway.fault_for = (status, "InternalError", ""), manager.person.phone
    while deliver(complex_id, Channel.MESSAGE, at=at):
        pass
    assert [sent["to"] for sent in gateway.sent] == ["01087654321"]
    assert PendingDelivery.objects.get(channel=Channel.MESSAGE).tries == 1


def test_a_message_that_closes_the_way_goes_behind_the_others(
    told, manager, chief, reachable, at, gateway
):
    complex_id = told()
    reachable(chief, "01087654321")
    tell(chief, "결재 요청", "문서가 기다립니다.", at=at)
    gateway.fault, gateway.fault_for = (403, "Forbidden", ""), manager.person.phone
    for minutes in (0, 1):
        with pytest.raises(Away):
            deliver(complex_id, Channel.MESSAGE, at=at + timedelta(minutes=minutes))
    assert [sent["to"] for sent in gateway.sent] == ["01087654321"]
    waiting = PendingDelivery.objects.get(channel=Channel.MESSAGE)
    assert waiting.next_try == at + timedelta(minutes=1 + 5)


def test_no_proxy_of_the_surroundings_is_asked(told, at, gateway, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    deliver(told(), Channel.MESSAGE, at=at)
    assert len(gateway.sent) == 1


def test_a_slow_gateway_keeps_no_mail_waiting(told, at, gateway, mailoutbox):
    gateway.delay = 0.3
    deliver_all(told(), at=at)
    assert len(mailoutbox) == 1


def test_who_has_no_phone_any_more_is_not_sent_to(told, manager, at, gateway):
    complex_id = told()
    manager.person.phone = ""
    manager.person.save()
    deliver(complex_id, Channel.MESSAGE, at=at)
    assert outcome().refused.startswith("휴대전화 번호가 없어졌습니다.")
    assert not gateway.sent


def test_without_a_gateway_nobody_is_told_by_phone(manager, reachable, at, settings):
    reachable(manager)
    settings.GATEWAY_KEY = ""
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    assert [pending.channel for pending in PendingDelivery.objects.all()] == ["mail"]
    with pytest.raises(Away), gateway_sender():
        pass


def test_timeouts_are_later_and_not_away(gateway):
    gateway.delay = 0.3
    options = {"key": "NCSKEY", "secret": "gateway secret", "sender": "0212345678"}
    with (
        Solapi(gateway.service.url, **options, kakao_channel="", kakao_template="") as client,
        pytest.raises(Later),
    ):
        client.send("01012345678", "글", subject="단지", variables={}, name="1")
