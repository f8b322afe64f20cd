"""What was told to whom, for whoever runs the office; and on which devices a person is told."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from danji.outbox.actions import tell
from danji.outbox.models import Channel, Delivery, Message, PendingDelivery, PushSubscription
from danji.outbox.webpush import CURVE, _point, ec, encoded
from danji.web.outbox.pages import device_name

ENDPOINT = "https://fcm.googleapis.com/fcm/send/abc"
CHROME = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36"
)
AT = datetime(2026, 11, 22, 5, 5, tzinfo=UTC)


@pytest.fixture
def told(clerk):
    """Something that was sent, something that was not, and something that waits."""

    def ended(subject, refused=""):
        message = tell(clerk, subject, "사유: 비밀입니다.", at=AT)
        PendingDelivery.objects.filter(message_id=message.id).delete()
        Delivery.objects.create(
            complex_id=clerk.complex_id,
            message=message,
            channel=Channel.MAIL,
            delivered_at=AT + timedelta(minutes=1),
            refused=refused,
        )
        return message

    messages = {
        "sent": ended("결재 요청: 화단 정비"),
        "refused": ended("반려: 승강기 수리", "받는 분의 메일 주소를 확인해 주세요."),
        "waiting": tell(clerk, "완결: 소독", "끝났습니다.", at=AT),
    }
    PendingDelivery.objects.update(tries=1, next_try=AT + timedelta(hours=2), trouble="답이 없음")
    return messages


def page(desk, **chosen):
    return desk.get(reverse("outbox:told"), data=chosen).content.decode()


@pytest.fixture
def browser_keys():
    public = ec.generate_private_key(CURVE).public_key()
    return {
        "endpoint": ENDPOINT,
        "public_key": encoded(_point(public)),
        "auth": encoded(b"sixteen letters!"),
    }


def test_the_operator_sees_what_became_of_each_message(told, manager, at_desk):
    shown = page(at_desk(manager))
    assert "2026. 11. 22. 14:05" in shown  # when it was written
    assert "2026. 11. 22. 14:06" in shown  # when it was handed over
    assert "2026. 11. 22. 16:05" in shown  # when it is tried next
    assert "받는 분의 메일 주소를 확인해 주세요." in shown
    assert "보낸 방법" in shown
    assert "비밀입니다" not in shown


@pytest.mark.parametrize(
    ("chosen", "seen"),
    [
        ("refused", {"반려: 승강기 수리"}),
        ("waiting", {"완결: 소독"}),
        ("nonsense", {"결재 요청: 화단 정비", "반려: 승강기 수리", "완결: 소독"}),
    ],
)
def test_messages_are_picked_out_by_what_became_of_them(told, manager, at_desk, chosen, seen):
    shown = page(at_desk(manager), shown=chosen)
    assert {message.subject for message in told.values() if message.subject in shown} == seen


def test_others_of_the_office_are_told_whom_to_ask(told, clerk, at_desk):
    answer = at_desk(clerk).get(reverse("outbox:told"))
    assert answer.status_code == 403
    assert "관리사무소장과 과장만" in answer.content.decode()


def test_the_operator_sends_again(told, chief, at_desk):
    desk = at_desk(chief)
    answer = desk.post(reverse("outbox:again", args=[told["refused"].id]))
    assert answer.url == reverse("outbox:told")
    assert Message.objects.get(resends_id=told["refused"].id).subject == "반려: 승강기 수리"
    assert "(다시 보냄)" in page(desk)


def test_an_address_without_its_button_leads_to_the_list(told, manager, at_desk):
    answer = at_desk(manager).get(reverse("outbox:again", args=[told["sent"].id]))
    assert answer.url == reverse("outbox:told")


def test_fifty_messages_are_asked_for_in_as_many_questions_as_one(
    told, manager, clerk, at_desk, django_assert_max_num_queries
):
    for _ in range(50):
        tell(clerk, "결재 요청", "문서가 기다립니다.", at=AT)
    desk = at_desk(manager)
    with django_assert_max_num_queries(14):
        assert "결재 요청" in page(desk)


def test_a_browser_subscribes_and_ends(manager, at_desk, browser_keys):
    desk = at_desk(manager)
    answer = desk.post(reverse("outbox:devices"), browser_keys, headers={"User-Agent": CHROME})
    assert json.loads(answer.content) == {"device": "크롬 · 안드로이드"}
    shown = desk.get(reverse("outbox:notifications")).content.decode()
    assert "크롬 · 안드로이드" in shown
    device = PushSubscription.objects.get()
    assert desk.get(reverse("outbox:end", args=[device.id])).status_code == 302
    desk.post(reverse("outbox:end", args=[device.id]))
    assert PushSubscription.objects.get().ended_at is not None


def test_an_address_that_is_no_push_service_is_refused_in_words(manager, at_desk, browser_keys):
    changed = browser_keys | {"endpoint": "https://10.0.0.7/"}
    answer = at_desk(manager).post(reverse("outbox:devices"), changed)
    assert answer.status_code == 409
    assert json.loads(answer.content)["fact"] == "이 브라우저의 알림은 쓸 수 없습니다."


def test_somebody_elses_device_is_not_there(manager, chief, at_desk, browser_keys):
    at_desk(manager).post(reverse("outbox:devices"), browser_keys)
    device = PushSubscription.objects.get()
    assert at_desk(chief).post(reverse("outbox:end", args=[device.id])).status_code == 404
    assert PushSubscription.objects.get().ended_at is None


def test_a_phone_number_is_not_shown_whole(manager, at_desk):
    manager.person.phone = "01012345678"
    manager.person.save()
    shown = at_desk(manager).get(reverse("outbox:notifications")).content.decode()
    assert "010-****-5678" in shown
    assert "1234" not in shown


def test_the_service_worker_is_served_at_the_root_for_the_whole_site(db):
    answer = Client().get("/service-worker.js")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "showNotification" in answer.content.decode()


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (CHROME, "크롬 · 안드로이드"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140 Safari/537.36 Edg/140",
            "엣지 · 윈도",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18 Safari/604",
            "사파리 · 아이폰",
        ),
        (
            "Mozilla/5.0 (Linux; Android 14) SamsungBrowser/27.0 Chrome/125 Safari/537",
            "삼성 인터넷 · 안드로이드",
        ),
        ("curl/8", "브라우저"),
    ],
)
def test_a_device_is_called_what_people_call_it(agent, name):
    assert device_name(agent) == name
