"""What a program is told, how it is signed, and how it is sent.

The signature is that of Standard Webhooks 1.0.0 (standardwebhooks.com): `webhook-id`,
`webhook-timestamp` and `webhook-signature: v1,<base64>`, an HMAC-SHA256 over
`id.timestamp.body` under the receiver's own secret.
"""

import hashlib
import hmac
import json
import re
from base64 import b64encode
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.utils.crypto import salted_hmac
from urllib3.exceptions import HTTPError

from danji.base.outside import ANSWER, hand_over, outside_session
from danji.integration.models import Webhook
from danji.rules.refusal import Refusal

URL_LENGTH = 500  # characters
GONE = 410
_WRITTEN = re.compile(r"[!-\[\]-~]*")  # what ASCII shows, but for blanks and the backslash
_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")
_NAME_LENGTH = 253  # characters


class NotTaken(Exception):
    """The receiver did not take what it was told. Says why, in Korean."""


class ReceiverGone(NotTaken):
    """The receiver says that it will never take anything again."""


def secret_of(hook: Webhook) -> bytes:
    """The 32 bytes under which everything for this receiver is signed; the database has no copy."""
    return salted_hmac("danji.integration.webhooks", hook.id.hex, algorithm="sha256").digest()


def shown_secret(hook: Webhook) -> str:
    """The secret as a receiver is given it."""
    return f"whsec_{b64encode(secret_of(hook)).decode()}"


def sign(hook: Webhook, message_id: str, body: bytes, *, at: datetime) -> dict[str, str]:
    """The headers that go with a body."""
    seconds = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), seconds.encode(), body))
    signature = hmac.digest(secret_of(hook), signed, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{b64encode(signature).decode()}",
    }


def body_of(data: dict[str, Any]) -> bytes:
    """The JSON that is signed and sent, byte for byte."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def check_url(url: str) -> None:
    """See that an address is one that may be told something.

    Raises: Refusal unless it is https, a name or address outside the house, and nothing in it is
    secret. With `DANJI_WEBHOOK_ALLOW_PRIVATE` it may also be inside, and plain http.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    inside = settings.WEBHOOK_ALLOW_PRIVATE
    if (
        not host
        or parts.scheme not in ({"https", "http"} if inside else {"https"})
        or parts.username is not None
        or parts.fragment
        or port == 0
        or not _is_host(host)
        or not _WRITTEN.fullmatch(url)
        or len(url) > URL_LENGTH
    ):
        raise Refusal(
            "알림을 받을 주소가 올바르지 않습니다.",
            next_step="https://로 시작하는 주소를 이름과 암호 없이 적어 주세요.",
        )
    if not inside and _is_private(host):
        raise Refusal(
            "사무실 안쪽 주소로는 알림을 보내지 않습니다.",
            next_step="밖에서 열리는 https 주소를 적거나, 운영자에게 열어 달라고 해 주세요.",
        )


def send(hook: Webhook, body: bytes, headers: dict[str, str]) -> None:
    """Hand one message over. What the receiver says in answer is not read, only whether it took it.

    Raises: NotTaken.
    """
    try:
        check_url(hook.url)
    except Refusal as refusal:
        raise NotTaken(refusal.fact) from refusal
    headers = {"Content-Type": "application/json", "User-Agent": "Danji", **headers}
    with outside_session(may_lead_inside=settings.WEBHOOK_ALLOW_PRIVATE) as session:
        try:
            status = hand_over(session, hook.url, body, headers).status_code
        except requests.Timeout as problem:
            raise NotTaken(f"{ANSWER}초 안에 답하지 않았습니다.") from problem
        # `requests` lets some of what it rests on through: an address nobody can read, for one.
        except (requests.RequestException, HTTPError, ValueError) as problem:
            raise NotTaken("연결하지 못했습니다.") from problem
    if status == GONE:
        raise ReceiverGone("받는 곳이 더는 받지 않겠다고 했습니다(410).")
    if not 200 <= status < 300:
        raise NotTaken(f"받는 곳이 {status}(으)로 답했습니다.")


def _is_host(host: str) -> bool:
    """Whether it is an IP address, or a name as the DNS knows them."""
    try:
        ip_address(host)
    except ValueError:
        return len(host) <= _NAME_LENGTH and _NAME.fullmatch(host) is not None
    return True


def _is_private(host: str) -> bool:
    """Whether a host says by itself that it is inside. A name is judged once it is connected to."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host.rstrip(".") or host.rstrip(".").endswith((".localhost", ".local"))
