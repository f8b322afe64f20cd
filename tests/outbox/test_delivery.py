"""A message is delivered at least once every way the person has, and noted."""

from datetime import timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused, SMTPServerDisconnected

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from danji.base import tenancy
from danji.outbox import jobs
from danji.outbox.actions import tell
from danji.outbox.jobs import BATCH, deliver, deliver_everywhere
from danji.outbox.models import Channel, Delivery, Message, PendingDelivery
from danji.outbox.sending import Away
from services import deliver_all

LINK = "http://localhost:8000/sign/abc/"


@pytest.fixture
def mail_answers(monkeypatch):
    """Let the mail server raise this for messages to these addresses, or to everybody."""
    from django.core.mail.backends.locmem import EmailBackend

    real = EmailBackend.send_messages

    def answer(problem, *addresses):
        def send(backend, mails):
            if not addresses or mails[0].to[0] in addresses:
                raise problem
            return real(backend, mails)

        monkeypatch.setattr(EmailBackend, "send_messages", send)

    return answer


def ended():
    return list(Delivery.objects.values_list("channel", "refused"))


def test_a_message_is_delivered_and_noted(manager, at, mailoutbox):
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    assert deliver_all(manager.complex_id, at=at) == 1
    assert deliver_all(manager.complex_id, at=at) == 0
    assert [mail.to for mail in mailoutbox] == [[manager.person.email]]
    assert ended() == [("mail", "")]
    assert not PendingDelivery.objects.exists()


def test_it_goes_every_way_the_person_has(
    manager, at, mailoutbox, gateway, reachable, push, subscribed
):
    reachable(manager)
    subscribed(manager)
    tell(manager, "결재 요청: 화단 정비", "1,430,000원", link=LINK, at=at)
    assert deliver_all(manager.complex_id, at=at) == 3
    assert {channel for channel, _ in ended()} == {"mail", "push", "message"}
    assert (len(mailoutbox), len(gateway.sent), len(push.received)) == (1, 1, 1)


def test_a_way_that_is_closed_keeps_no_other_waiting(
    manager, at, mailoutbox, gateway, reachable, monkeypatch, caplog
):
    from django.core.mail.backends.locmem import EmailBackend

    def away(_):
        raise OSError("no mail server")

    reachable(manager)
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    with monkeypatch.context() as broken:
        broken.setattr(EmailBackend, "open", away)
        deliver_all(manager.complex_id, at=at)
    assert ended() == [("message", "")]
    assert PendingDelivery.objects.get().trouble.startswith("메일 서버와 연결되지 않습니다.")
    assert "no mail server" in caplog.text
    deliver_all(manager.complex_id, at=at + timedelta(minutes=1))
    assert len(mailoutbox) == 1


def test_a_closed_way_is_closed_for_every_complex_at_once(manager, neighbour, at, monkeypatch):
    opened = []

    def away():
        opened.append(1)
        raise Away("닫혔습니다.")

    monkeypatch.setitem(jobs.SENDERS, Channel.MAIL, away)
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    tenancy._enter("app.complex", neighbour.complex_id)
    tell(neighbour, "결재 요청", "문서가 기다립니다.", at=at)
    tenancy._enter("app.complex", manager.complex_id)
    with pytest.raises(Away):
        deliver_everywhere(Channel.MAIL, at=at)
    assert len(opened) == 1


def test_every_complex_has_its_turn(manager, neighbour, at, mailoutbox):
    for number in range(BATCH + 1):
        tell(manager, f"결재 요청 {number}", "문서가 기다립니다.", at=at)
    tenancy._enter("app.complex", neighbour.complex_id)
    tell(neighbour, "결재 요청", "문서가 기다립니다.", at=at)
    tenancy._enter("app.complex", manager.complex_id)
    assert deliver_everywhere(Channel.MAIL, at=at) == BATCH + 1
    assert [neighbour.person.email] in [mail.to for mail in mailoutbox]
    assert deliver_everywhere(Channel.MAIL, at=at) == 1


def test_a_refused_address_keeps_nobody_else_waiting(
    manager, chief, at, mailoutbox, mail_answers, caplog
):
    address = manager.person.email
    mail_answers(SMTPRecipientsRefused({address: (550, b"no such user")}), address)
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    tell(chief, "결재 요청", "문서가 기다립니다.", at=at)
    deliver_all(manager.complex_id, at=at)
    assert deliver_all(manager.complex_id, at=at) == 0
    assert [mail.to for mail in mailoutbox] == [[chief.person.email]]
    assert "메일 주소를 확인해" in Delivery.objects.exclude(refused="").get().refused
    assert "no such user" in caplog.text


@pytest.mark.parametrize(
    "problem",
    [
        SMTPRecipientsRefused({"anybody": (450, b"greylisted")}),
        SMTPDataError(451, b"try again"),
        SMTPServerDisconnected("Connection unexpectedly closed"),
        SMTPSenderRefused(553, b"who are you", "us@example.com"),
        OSError("no route"),
        ZeroDivisionError("a mistake of our own"),
    ],
    ids=lambda problem: type(problem).__name__,
)
def test_what_was_not_taken_now_is_tried_ever_later(manager, at, mailoutbox, mail_answers, problem):
    mail_answers(problem)
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    clock = at
    for minutes in (1, 5, 30, 120, 360, 360):
        assert deliver_all(manager.complex_id, at=clock) == 1
        assert PendingDelivery.objects.get().next_try == clock + timedelta(minutes=minutes)
        just_before = clock + timedelta(minutes=minutes, seconds=-1)
        assert deliver_all(manager.complex_id, at=just_before) == 0
        clock += timedelta(minutes=minutes)
    assert not Delivery.objects.exists()


def test_it_is_given_up_after_a_day_and_that_is_said(manager, at, mail_answers):
    mail_answers(OSError("no route"))
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    deliver_all(manager.complex_id, at=at + timedelta(hours=24))
    ((_, refused),) = ended()
    assert refused.startswith("하루 동안 보내지 못해 그만두었습니다.")
    assert "no route" not in refused
    assert not PendingDelivery.objects.exists()


def test_what_was_never_tried_is_tried_however_old_it_is(manager, at, mailoutbox):
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    deliver_all(manager.complex_id, at=at + timedelta(days=7))
    assert ended() == [("mail", "")]


@pytest.mark.parametrize(
    "problem",
    [
        SMTPServerDisconnected("Connection unexpectedly closed"),
        SMTPSenderRefused(552, b"too large", "us@example.com"),
    ],
    ids=lambda problem: type(problem).__name__,
)
def test_one_that_cannot_be_sent_is_out_of_the_others_way(
    manager, chief, at, mailoutbox, mail_answers, problem
):
    mail_answers(problem, manager.person.email)
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    tell(chief, "결재 요청", "문서가 기다립니다.", at=at)
    deliver_all(manager.complex_id, at=at)
    deliver_all(manager.complex_id, at=at)
    assert [mail.to for mail in mailoutbox] == [[chief.person.email]]


def test_a_crash_between_sending_and_noting_sends_twice(manager, at, mailoutbox, monkeypatch):
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)

    def crash(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(jobs, "_settle", crash)
        with pytest.raises(KeyboardInterrupt):
            deliver_all(manager.complex_id, at=at)
    deliver_all(manager.complex_id, at=at)
    first, second = mailoutbox
    # Both say that they are the same message, so that a mailbox may show it once.
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]
    assert ended() == [("mail", "")]


def test_what_two_processes_sent_is_noted_once(manager, at, mailoutbox):
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    pending = PendingDelivery.objects.select_related("message", "device", "complex").get()
    deliver_all(manager.complex_id, at=at)
    jobs._settle(pending, at, refused="늦게 온 다른 처리기")
    assert ended() == [("mail", "")]


def test_old_messages_cost_nothing(manager, at, mailoutbox):
    def asked():
        tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
        with CaptureQueriesContext(connection) as captured:
            deliver(manager.complex_id, Channel.MAIL, at=at)
        return len(captured)

    first = asked()
    messages = Message.objects.bulk_create(
        Message(
            complex_id=manager.complex_id,
            recipient_id=manager.person_id,
            subject="옛 알림",
            body="",
            written_at=at,
        )
        for _ in range(50)
    )
    Delivery.objects.bulk_create(
        Delivery(
            complex_id=manager.complex_id, message=message, channel=Channel.MAIL, delivered_at=at
        )
        for message in messages
    )
    assert asked() == first
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('danji_telling_complexes'::regproc)")
        (body,) = cursor.fetchone()
    assert "outbox_pendingdelivery" in body
    assert "outbox_message" not in body


def test_a_long_subject_is_cut_and_not_refused(manager, at):
    message = tell(manager, "결재 요청: " + "가" * 200, "문서가 기다립니다.", at=at)
    message.refresh_from_db()
    assert len(message.subject) == 200
    assert message.subject.endswith("…")


def test_telling_is_one_question_however_many_ways_there_are(
    manager, at, gateway, reachable, subscribed, push, django_assert_num_queries
):
    reachable(manager)
    for number in range(2):
        subscribed(manager, endpoint=f"{push.service.url}/{number}")
    with django_assert_num_queries(1):
        message = tell(manager, "결재 요청", "문서가 기다립니다.", link=LINK, at=at)
    waiting = PendingDelivery.objects.filter(message_id=message.id)
    assert sorted(waiting.values_list("channel", flat=True)) == ["mail", "message", "push", "push"]
    kept = Message.objects.get()
    assert (kept.subject, kept.body, kept.link) == ("결재 요청", "문서가 기다립니다.", LINK)
