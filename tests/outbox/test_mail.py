"""Mails: readable, without pictures from elsewhere, and what each answer of a server means."""

import re
import socketserver
import threading

import pytest

from danji.outbox.actions import tell
from danji.outbox.jobs import deliver
from danji.outbox.models import Channel, Delivery, PendingDelivery
from danji.outbox.sending import Away

LINK = "http://localhost:8000/sign/abc/?a=1&b=2"


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mails; answers a command with what `replies` has for it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        self.replies, self.taken = {}, []
        super().__init__(("127.0.0.1", 0), MailHandler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


class MailHandler(socketserver.StreamRequestHandler):
    def say(self, word, otherwise):
        self.wfile.write(f"{self.server.replies.get(word, otherwise)}\r\n".encode())

    def handle(self):
        self.say("HELLO", "220 here")
        while line := self.rfile.readline():
            word = line.decode().split(None, 1)[0].upper()
            if word == "DATA":
                self.say("DATA", "354 go on")
                text = b""
                while (more := self.rfile.readline()) not in {b".\r\n", b""}:
                    text += more
                if "END" not in self.server.replies:
                    self.server.taken.append(text.decode())
                self.say("END", "250 taken")
            else:
                self.say(word, "221 bye" if word == "QUIT" else "250 good")


@pytest.fixture
def server(settings):
    """A real mail server of the test's own."""
    running = MailServer()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = running.server_address
    yield running
    running.shutdown()
    running.server_close()


def test_a_mail_is_text_and_the_same_with_one_button(manager, at, mailoutbox):
    tell(manager, "결재 요청: <화단> 정비", "금액 1,430,000원\n\n받는 곳 <들꽃>", link=LINK, at=at)
    deliver(manager.complex_id, Channel.MAIL, at=at)
    (mail,) = mailoutbox
    assert mail.body == f"금액 1,430,000원\n\n받는 곳 <들꽃>\n\n{LINK}\n"
    ((page, kind),) = mail.alternatives
    assert kind == "text/html"
    assert page.count("<a ") == 1
    assert 'href="http://localhost:8000/sign/abc/?a=1&amp;b=2"' in page
    assert "받는 곳 &lt;들꽃&gt;" in page
    assert not re.search(r"<img|<script|<link|src=|url\(", page)


def test_a_message_without_a_page_has_no_button(manager, at, mailoutbox):
    tell(manager, "직책이 바뀌었습니다", "오늘부터입니다.", at=at)
    deliver(manager.complex_id, Channel.MAIL, at=at)
    assert "<a " not in mailoutbox[0].alternatives[0][0]


def test_an_address_that_the_text_has_is_not_said_twice(manager, at, mailoutbox):
    tell(manager, "반려", f"사유가 있습니다.\n{LINK}", link=LINK, at=at)
    deliver(manager.complex_id, Channel.MAIL, at=at)
    assert mailoutbox[0].body.count(LINK) == 1


def test_several_mails_go_over_one_connection(manager, chief, at, server):
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    tell(chief, "결재 요청", "문서가 기다립니다.", at=at)
    deliver(manager.complex_id, Channel.MAIL, at=at)
    assert len(server.taken) == 2
    assert Delivery.objects.filter(refused="").count() == 2


@pytest.mark.parametrize(
    ("word", "reply", "kind"),
    [
        ("RCPT", "550 no such user", "refused"),
        ("RCPT", "450 greylisted", "later"),
        ("END", "554 looks like spam", "refused"),
        ("END", "451 try again", "later"),
        ("MAIL", "553 who are you", "later"),
        ("HELLO", "554 go away", "away"),
        ("EHLO", "421 closing", "away"),
    ],
)
def test_what_the_answers_of_a_server_mean(manager, at, server, caplog, word, reply, kind):
    server.replies[word] = reply
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    if kind == "away":
        server.replies["HELO"] = reply
        with pytest.raises(Away):
            deliver(manager.complex_id, Channel.MAIL, at=at)
    else:
        deliver(manager.complex_id, Channel.MAIL, at=at)
    if kind == "refused":
        shown = Delivery.objects.get().refused
    else:
        shown = PendingDelivery.objects.get().trouble
    assert reply[:3] in caplog.text
    assert re.fullmatch("[가-힣 ,.]+", shown)  # what the server said is for the log


def test_a_server_that_is_not_there_is_away(manager, at, server):
    server.shutdown()
    server.server_close()
    tell(manager, "결재 요청", "문서가 기다립니다.", at=at)
    with pytest.raises(Away, match="메일 서버와 연결되지 않습니다"):
        deliver(manager.complex_id, Channel.MAIL, at=at)
