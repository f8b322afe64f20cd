"""Messages as notifications of a browser (Web Push).

What is sent is the name of the complex, the subject and the link, and never the body: it lights
up on a locked phone that lies on a table. It is encrypted for the browser, so the push service,
which is a company abroad, learns that somebody was told something, and no more.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from django.conf import settings
from django.utils import timezone

from danji.base.outside import hand_over, outside_session
from danji.outbox.models import PendingDelivery
from danji.outbox.sending import Gone, Later, Refused, Send
from danji.outbox.webpush import AUTH, POINT, authorization, decoded, encrypt, server_key
from danji.rules.refusal import Refusal

# The services of the browsers there are; a name that begins with a dot stands for all below it.
# An address that anybody may name would let them send our server anywhere, also inside our house.
SERVICES = (
    "fcm.googleapis.com",  # Chrome, Edge on Android, Samsung, Whale
    "updates.push.services.mozilla.com",  # Firefox
    ".push.apple.com",  # Safari
    ".notify.windows.com",  # Edge
)
# Not taken apart by a library: two of them may differ about which part is the host.
ENDPOINT = re.compile(r"https://([a-z0-9][a-z0-9.-]*)(:443)?(/[!-\[\]-~]*)?", re.ASCII)
LENGTH = 1000  # characters
KEPT = 24 * 60 * 60  # seconds the service keeps it for a phone that is switched off


def check_endpoint(endpoint: str) -> None:
    """See that an address is one of a push service.

    Raises: Refusal.
    """
    taken = ENDPOINT.fullmatch(endpoint)
    host = taken[1] if taken else ""
    known = any(host == name or (name[0] == "." and host.endswith(name)) for name in SERVICES)
    if not known or len(endpoint) > LENGTH:
        raise Refusal(
            "이 브라우저의 알림은 쓸 수 없습니다.",
            next_step="크롬, 엣지, 사파리, 파이어폭스 가운데 하나로 열어 다시 눌러 주세요.",
        )


def check_keys(public_key: str, auth: str) -> None:
    """See that the keys are a browser's.

    Raises: Refusal.
    """
    try:
        encrypt(b"", public_key=_bytes(public_key, POINT), auth=_bytes(auth, AUTH))
    except ValueError:
        raise Refusal(
            "기기 알림 등록 정보가 맞지 않습니다.",
            next_step="화면을 새로 열어 다시 눌러 주세요.",
        ) from None


@contextmanager
def push_sender(
    check: Callable[[str], None] = check_endpoint, *, may_lead_inside: bool = False
) -> Iterator[Send]:
    """Open connections to the push services, for several messages.

    Args: `check` refuses addresses that are not of a push service.
    """
    with outside_session(may_lead_inside=may_lead_inside) as session:
        yield lambda pending: _send(session, pending, check)


def vapid_path() -> Path:
    """Where the key is kept that all subscriptions name."""
    return Path(settings.KEYS) / "vapid.pem"


def _send(session: requests.Session, pending: PendingDelivery, check: Callable[[str], None]) -> str:
    device, message = pending.device, pending.message
    if device.ended_at is not None:
        raise Refused("이 기기에서는 이제 알림을 받지 않습니다.")
    try:
        check(device.endpoint)
    except Refusal as refusal:
        raise Refused(refusal.fact) from refusal
    shown = {
        "title": pending.complex.name,
        "body": message.subject,
        "url": message.link,
        "tag": message.id.hex,  # what comes twice is shown once
    }
    body = encrypt(
        json.dumps(shown, ensure_ascii=False).encode(),
        public_key=decoded(device.public_key),
        auth=decoded(device.auth),
    )
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Encoding": "aes128gcm",
        "TTL": str(KEPT),
        "Urgency": "high",  # somebody waits for a decision: a sleeping phone is woken
        "Topic": message.id.hex,  # 32 characters: what is not fetched yet is replaced, not doubled
        "Authorization": authorization(
            device.endpoint, server_key(vapid_path()), contact=_contact(), at=timezone.now()
        ),
    }
    try:
        answer = hand_over(session, device.endpoint, body, headers)
    except requests.RequestException as problem:
        raise Later("알림 서비스가 답하지 않습니다.", problem) from problem
    if 200 <= answer.status_code < 300:
        return answer.headers.get("Location", "")
    if answer.status_code in {404, 410}:
        raise Gone("이 기기에서 알림을 껐습니다.", answer.status_code)
    if answer.status_code in {408, 425, 429} or answer.status_code >= 500:
        raise Later("알림 서비스가 지금은 받지 않습니다.", answer.status_code)
    raise Refused(
        "알림 서비스가 받지 않았습니다. 받는 분이 이 기기를 빼고 다시 등록해야 합니다.",
        answer.status_code,
    )


def _contact() -> str:
    return f"mailto:{settings.DEFAULT_FROM_EMAIL}"


def _bytes(text: str, length: int) -> bytes:
    data = decoded(text)
    if len(data) != length:
        raise ValueError(f"{len(data)} bytes instead of {length}")
    return data
