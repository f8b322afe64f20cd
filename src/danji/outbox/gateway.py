"""Messages to a phone: 알림톡 where the person has KakaoTalk, SMS where not.

What is sent is the subject and the link, and never the body, for the same reason as in `push`; a
code is sent whole, for there is nothing else to it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol
from urllib.parse import urlsplit

from django.conf import settings

from danji.outbox.models import PendingDelivery
from danji.outbox.sending import Away, Refused, Send
from danji.outbox.solapi import Solapi


class Gateway(Protocol):
    """A company that hands messages to phones."""

    def send(
        self, to: str, text: str, *, subject: str, variables: Mapping[str, str], name: str
    ) -> str:
        """Hand over one message.

        Args: `to` in digits; `text` goes as SMS; `subject` is shown where it is too long for one;
        `variables` fill in the 알림톡 template, and without any there is none; `name` is our own
        name for the message, to be found again by.
        Returns: the company's name for it.
        Raises: Refused, Later, Away.
        """


@contextmanager
def gateway_sender() -> Iterator[Send]:
    """Open the gateway that is set, for several messages.

    Raises: Away when none is set any more.
    """
    if not settings.GATEWAY_KEY:
        raise Away("문자를 보내 줄 곳이 설정되어 있지 않습니다. 운영자에게 알려 주세요.")
    with Solapi(
        settings.GATEWAY_URL,
        key=settings.GATEWAY_KEY,
        secret=settings.GATEWAY_SECRET,
        sender=settings.GATEWAY_SENDER,
        kakao_channel=settings.KAKAO_CHANNEL,
        kakao_template=settings.KAKAO_TEMPLATE,
    ) as gateway:
        yield lambda pending: _send(gateway, pending)


def _send(gateway: Gateway, pending: PendingDelivery) -> str:
    message = pending.message
    phone = pending.address or message.recipient.phone
    if not phone:
        raise Refused("휴대전화 번호가 없어졌습니다. 운영자에게 등록을 부탁해 주세요.")
    complex_name = pending.complex.name
    text = f"[{complex_name}] {pending.text if message.code else message.subject}"
    variables = {}
    if message.link and not message.code:
        text = f"{text}\n{message.link}"
        # Kakao approves a template with the host of its button; only what follows may vary.
        address = urlsplit(message.link)
        path = f"{address.path}?{address.query}" if address.query else address.path
        variables = {
            "#{단지}": complex_name,
            "#{제목}": message.subject,
            "#{경로}": path.lstrip("/"),
        }
    return gateway.send(phone, text, subject=complex_name, variables=variables, name=message.id.hex)
