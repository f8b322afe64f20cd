"""Notifications of a browser: who may subscribe, what is sent, and who alone can read it."""

import json
from functools import partial

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from danji.base import tenancy
from danji.outbox import jobs
from danji.outbox.actions import DEVICES, end_subscription, subscribe_device, tell
from danji.outbox.jobs import deliver
from danji.outbox.models import Channel, Delivery, PendingDelivery, PushSubscription
from danji.outbox.push import check_endpoint, push_sender
from danji.outbox.queries import devices_of
from danji.outbox.webpush import CURVE, _derive, _point, decoded, encoded, encrypt, server_key
from danji.rules.refusal import Refusal
from services import anywhere, claims

LINK = "http://localhost:8000/sign/abc/"


def opened(body, fake):
    """What the browser makes of an encrypted body (RFC 8291 §3.4, from the other side)."""
    salt, point, sealed = body[:16], body[21:86], body[86:]
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, point)
    info = b"WebPush: info\x00" + _point(fake.key.public_key()) + point
    secret = _derive(fake.key.exchange(ec.ECDH(), theirs), fake.auth, info, 32)
    key = _derive(secret, salt, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _derive(secret, salt, b"Content-Encoding: nonce\x00", 12)
    return json.loads(AESGCM(key).decrypt(nonce, sealed, None).removesuffix(b"\x02"))


def test_encryption_is_that_of_the_specification():
    """RFC 8291 §5, with the keys and the salt of its example."""
    private = int.from_bytes(decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    body = encrypt(
        b"When I grow up, I want to be a watermelon",
        public_key=decoded(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        ),
        auth=decoded("BTBZMqHH6r4Tts7J_aSIgg"),
        salt=decoded("DGv6ra1nlYgDCS1FRnbzlw"),
        key=ec.derive_private_key(private, CURVE),
    )
    assert encoded(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmY"
        "WAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexS"
        "gSxsj_Qulcy4a-fN"
    )


def test_a_notification_has_subject_and_link_and_only_the_browser_reads_it(
    manager, at, push, subscribed
):
    subscribed(manager)
    message = tell(manager, "결재 요청: 화단 정비", "1,430,000원, 들꽃조경", link=LINK, at=at)
    deliver(manager.complex_id, Channel.PUSH, at=at)
    (received,) = push.received
    assert "화단".encode() not in received["body"]
    assert opened(received["body"], push) == {
        "title": "들꽃마을아파트",
        "body": "결재 요청: 화단 정비",
        "url": LINK,
        "tag": message.id.hex,
    }
    assert received["headers"]["Content-Encoding"] == "aes128gcm"
    assert received["headers"]["Topic"] == message.id.hex
    assert Delivery.objects.get().receipt == "/message/1"


def test_the_service_can_check_who_sends(manager, at, push, subscribed, settings):
    subscribed(manager)
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    deliver(manager.complex_id, Channel.PUSH, at=at)
    header = push.received[0]["headers"]["Authorization"]
    assert claims(header)["aud"] == push.service.url
    assert claims(header)["sub"] == f"mailto:{settings.DEFAULT_FROM_EMAIL}"
    token, key = header.removeprefix("vapid t=").split(", k=")
    signed, _, signature = token.rpartition(".")
    r, s = decoded(signature)[:32], decoded(signature)[32:]
    made = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    public = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, decoded(key))
    public.verify(made, signed.encode(), ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        public.verify(made, signed.encode() + b"x", ec.ECDSA(hashes.SHA256()))


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    path = tmp_path / "keys" / "vapid.pem"
    first = _point(server_key(path).public_key())
    server_key.cache_clear()
    assert _point(server_key(path).public_key()) == first
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("status", [404, 410])
def test_a_device_that_is_gone_is_told_no_more(manager, at, push, subscribed, status, monkeypatch):
    monkeypatch.setattr(jobs, "BATCH", 1)
    subscribed(manager)
    push.status = status
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    while deliver(manager.complex_id, Channel.PUSH, at=at):
        pass
    assert devices_of(manager) == []
    assert len(push.received) == 1  # the second knew already
    assert {delivery.refused for delivery in Delivery.objects.all()} == {
        "이 기기에서 알림을 껐습니다.",
        "이 기기에서는 이제 알림을 받지 않습니다.",
    }
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    assert not PendingDelivery.objects.filter(channel=Channel.PUSH).exists()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_service_is_asked_again(manager, at, push, subscribed, status):
    subscribed(manager)
    push.status = status
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    deliver(manager.complex_id, Channel.PUSH, at=at)
    assert PendingDelivery.objects.get(channel=Channel.PUSH).tries == 1
    assert devices_of(manager)


@pytest.mark.parametrize("status", [302, 400, 403, 413])
def test_what_the_service_does_not_take_is_not_sent_elsewhere(
    manager, at, push, subscribed, status, caplog
):
    subscribed(manager)
    push.status = status
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    deliver(manager.complex_id, Channel.PUSH, at=at)
    assert str(status) not in Delivery.objects.get().refused
    assert str(status) in caplog.text
    assert len(push.received) == 1


def test_two_devices_end_each_for_itself(manager, at, push, subscribed):
    subscribed(manager)
    subscribed(manager, endpoint=f"{push.service.url}/wp/other")
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    deliver(manager.complex_id, Channel.PUSH, at=at)
    assert Delivery.objects.filter(channel=Channel.PUSH, refused="").count() == 2


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/abc",
        "https://updates.push.services.mozilla.com/wpush/v2/abc",
        "https://web.push.apple.com/abc",
        "https://wns2-par02p.notify.windows.com/w/?token=abc",
        "https://fcm.googleapis.com:443/wp/abc",
    ],
)
def test_the_push_services_of_the_browsers_are_known(endpoint):
    check_endpoint(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/fcm/send/abc",
        "https://127.0.0.1/abc",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/abc",
        "https://localhost/abc",
        "https://10.0.0.7/abc",
        "https://fcm.googleapis.com.evil.example/abc",
        "https://evilpush.apple.com.example/abc",
        "https://evil-notify.windows.com/abc",
        "https://fcm.googleapis.com:8443/abc",
        "https://fcm.googleapis.com@10.0.0.7/abc",
        "https://user@fcm.googleapis.com/abc",
        "https://fcm.googleapis.com/" + "a" * 1000,
        r"https://evil.example\.push.apple.com/x",
        r"https://evil.example/\.push.apple.com/x",
        "https://evil.example\t.push.apple.com/x",
        "https://evil.example .push.apple.com/x",
        "https://evil.example#.push.apple.com/x",
        "https://evil.example?.push.apple.com/x",
        "https://evil.example;.push.apple.com/x",
        "https://evil.example%2f.push.apple.com/x",
        "https://é.push.apple.com/x",
        "https://web.push.apple.com/é",
        "https://web.push.apple.com/x\n",
        " https://web.push.apple.com/x",
        "https://[fcm.googleapis.com/abc",
        "https://fcm.googleapis.com:port/abc",
        "file:///etc/passwd",
        "",
    ],
)
def test_our_server_is_sent_nowhere_else(manager, at, endpoint, push):
    with pytest.raises(Refusal, match="알림은 쓸 수 없습니다"):
        subscribe_device(endpoint, **push.keys, device="크롬", actor=manager, at=at)


def test_a_name_that_leads_inside_is_told_nothing(manager, at, push, subscribed, monkeypatch):
    """What a name leads to is looked at when the connection stands, whatever it led to before."""
    subscribed(manager, endpoint=push.endpoint.replace("127.0.0.1", "localhost"))
    monkeypatch.setitem(jobs.SENDERS, Channel.PUSH, partial(push_sender, check=anywhere))
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    deliver(manager.complex_id, Channel.PUSH, at=at)
    assert not push.received
    assert PendingDelivery.objects.get(channel=Channel.PUSH).tries == 1


def test_no_proxy_of_the_surroundings_is_asked(manager, at, push, subscribed, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    subscribed(manager)
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    deliver(manager.complex_id, Channel.PUSH, at=at)
    assert len(push.received) == 1


def test_what_a_service_goes_on_to_say_is_not_listened_to(manager, at, push, subscribed):
    push.service.answer = lambda *_: (201, {"Content-Length": "1000000000"}, b"endless")
    subscribed(manager)
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    deliver(manager.complex_id, Channel.PUSH, at=at)
    assert Delivery.objects.get().refused == ""


def test_an_address_that_was_altered_in_the_database_is_not_called(
    manager, at, push, subscribed, monkeypatch
):
    subscribed(manager)
    monkeypatch.setitem(jobs.SENDERS, Channel.PUSH, push_sender)
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    deliver(manager.complex_id, Channel.PUSH, at=at)
    assert not push.received
    assert Delivery.objects.get().refused == "이 브라우저의 알림은 쓸 수 없습니다."


@pytest.mark.parametrize(
    "changes",
    [
        {"public_key": encoded(b"\x04" + b"\x01" * 64)},  # not on the curve
        {"public_key": "짧은 글"},
        {"public_key": ""},
        {"auth": encoded(b"short")},
        {"auth": "!!!!"},
    ],
)
def test_keys_that_no_browser_gives_are_refused(manager, subscribed, changes):
    with pytest.raises(Refusal, match="등록 정보가 맞지 않습니다"):
        subscribed(manager, **changes)


def test_subscribing_twice_is_once(manager, subscribed):
    assert subscribed(manager).id == subscribed(manager).id
    assert len(devices_of(manager)) == 1


def test_a_browser_tells_only_who_subscribed_in_it_last(manager, chief, subscribed):
    subscribed(manager)
    subscribed(chief)
    assert devices_of(manager) == []
    assert len(devices_of(chief)) == 1


def test_a_person_ends_only_their_own(manager, chief, subscribed, at):
    device = subscribed(manager)
    with pytest.raises(PushSubscription.DoesNotExist):
        end_subscription(device.id, actor=chief, at=at)
    end_subscription(device.id, actor=manager, at=at)
    end_subscription(device.id, actor=manager, at=at)
    assert devices_of(manager) == []


def test_there_are_only_so_many_devices(manager, push, subscribed):
    for number in range(DEVICES):
        subscribed(manager, endpoint=f"{push.service.url}/{number}")
    with pytest.raises(Refusal, match="10대까지"):
        subscribed(manager, endpoint=f"{push.service.url}/more")


def test_a_neighbour_is_not_told_here(manager, neighbour, push, at):
    tenancy._enter("app.complex", neighbour.complex_id)
    subscribe_device(
        push.endpoint, **push.keys, device="크롬", actor=neighbour, at=at, check=anywhere
    )
    tenancy._enter("app.complex", manager.complex_id)
    assert not PushSubscription.objects.exists()
