"""A message is delivered at least once, and noted."""

from smtplib import SMTPRecipientsRefused

import pytest

from danji.outbox.actions import tell
from danji.outbox.jobs import deliver_messages
from danji.outbox.models import Delivery


def test_a_message_is_delivered_and_noted(manager, at, mailoutbox):
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    assert deliver_messages(manager.complex_id) == 1
    assert deliver_messages(manager.complex_id) == 0
    assert [mail.to for mail in mailoutbox] == [[manager.person.email]]


def test_what_the_mail_server_did_not_take_is_tried_again(manager, at, mailoutbox, monkeypatch):
    def refuse(*_):
        raise OSError("no mail server")

    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    with monkeypatch.context() as broken:
        broken.setattr("danji.outbox.jobs.send_mail", refuse)
        with pytest.raises(OSError, match="no mail server"):
            deliver_messages(manager.complex_id)
    assert not Delivery.objects.exists()
    assert deliver_messages(manager.complex_id) == 1


def test_a_refused_address_keeps_nobody_else_waiting(manager, chief, at, mailoutbox, monkeypatch):
    from danji.outbox import jobs

    real = jobs.send_mail

    def send(subject, body, sender, recipients):
        if recipients == [manager.person.email]:
            raise SMTPRecipientsRefused({recipients[0]: (550, b"no such user")})
        return real(subject, body, sender, recipients)

    monkeypatch.setattr(jobs, "send_mail", send)
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    tell(chief, "결재 요청", "문서가 기다립니다.", at=at)
    deliver_messages(manager.complex_id)
    assert deliver_messages(manager.complex_id) == 0
    assert [mail.to for mail in mailoutbox] == [[chief.person.email]]
    assert "no such user" in Delivery.objects.exclude(refused="").get().refused
