"""A message is delivered at least once, and noted."""

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
