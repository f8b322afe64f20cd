"""What the pages about messages show, made of what the queries give."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator

from danji.accounts.models import Officeholder
from danji.outbox.models import Delivery, Message, PendingDelivery
from danji.outbox.push import vapid_path
from danji.outbox.queries import Shown, devices_of, is_operator, is_told_by_phone, messages_told
from danji.outbox.webpush import public_key
from danji.rules.periods import format_moment

PER_PAGE = 20
LABELS = {Shown.ALL: "모두", Shown.REFUSED: "못 보낸 것", Shown.WAITING: "기다리는 것"}
# How a browser and a system name themselves, the more particular first.
BROWSERS = (
    ("Whale/", "웨일"),
    ("SamsungBrowser/", "삼성 인터넷"),
    ("Edg", "엣지"),
    ("Firefox/", "파이어폭스"),
    ("Chrome/", "크롬"),
    ("Safari/", "사파리"),
)
SYSTEMS = (
    ("Android", "안드로이드"),
    ("iPhone", "아이폰"),
    ("iPad", "아이패드"),
    ("Windows", "윈도"),
    ("Mac OS X", "맥"),
    ("Linux", "리눅스"),
)


@dataclass(frozen=True)
class Way:
    """What became of a message on one way; `state` is "sent", "waiting" or "refused"."""

    channel: str
    device: str
    state: str
    at: str
    reason: str


@dataclass(frozen=True)
class Told:
    """One message, as the operator sees it. What it says beyond its subject is not shown."""

    id: UUID
    written_at: str
    name: str
    subject: str
    is_again: bool
    ways: list[Way]
    may_resend: bool


def told(reader: Officeholder, shown: str, number: str | None) -> dict[str, Any]:
    """The context of the operator's page.

    Raises: Refusal for anybody but who runs the office.
    """
    chosen = Shown(shown) if shown in set(Shown) else Shown.ALL
    page = Paginator(messages_told(reader, chosen), PER_PAGE).get_page(number)
    return {
        "page": page,
        "messages_told": [_told(message) for message in page.object_list],
        "shown": chosen.value,
        "choices": [{"value": which.value, "label": label} for which, label in LABELS.items()],
    }


def notifications(officeholder: Officeholder) -> dict[str, Any]:
    """The context of a person's own page: how they are told, and the part that subscribes."""
    person = officeholder.person
    phone = person.phone
    return {
        **push(officeholder),
        "id": officeholder.id,
        "email": person.email,
        # Told to whoever looks over the shoulder no further than needed.
        "phone": f"{phone[:3]}-****-{phone[-4:]}" if phone else "",
        "is_told_by_phone": is_told_by_phone(person),
        "devices": [
            {
                "id": device.id,
                "name": device.device,
                "since": format_moment(device.subscribed_at),
            }
            for device in devices_of(officeholder)
        ],
        "is_operator": is_operator(officeholder),
    }


def push(officeholder: Officeholder) -> dict[str, Any]:
    """The context of `parts/_push.html`, for every page that has it."""
    return {"push_key": public_key(vapid_path()), "push_person": officeholder.person_id.hex}


def device_name(user_agent: str) -> str:
    """What a person calls the browser at hand: "크롬 · 안드로이드"."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "브라우저")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    return f"{browser} · {system}" if system else browser


def _told(message: Message) -> Told:
    pending = list(message.pending.all())
    ended = list(message.deliveries.all())
    return Told(
        id=message.id,
        written_at=format_moment(message.written_at),
        name=message.recipient.name,
        subject=message.subject,
        is_again=message.resends is not None,
        ways=[*map(_ended, ended), *map(_waiting, pending)],
        may_resend=not pending and not message.code,
    )


def _ended(delivery: Delivery) -> Way:
    return Way(
        channel=delivery.get_channel_display(),
        device=_device(delivery),
        state="refused" if delivery.refused else "sent",
        at=format_moment(delivery.delivered_at),
        reason=delivery.refused,
    )


def _waiting(pending: PendingDelivery) -> Way:
    return Way(
        channel=pending.get_channel_display(),
        device=_device(pending),
        state="waiting",
        at=_moment(pending.next_try),
        reason=pending.trouble,
    )


def _device(way: Delivery | PendingDelivery) -> str:
    return way.device.device if way.device is not None else ""


def _moment(moment: datetime | None) -> str:
    return format_moment(moment) if moment else ""
