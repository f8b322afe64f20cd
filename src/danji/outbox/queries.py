"""Who can be told which way, and what was told to whom."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from danji.accounts.models import Office, Officeholder, Person
from danji.outbox.models import Channel, Delivery, Message, PendingDelivery, PushSubscription
from danji.rules.refusal import Refusal

# Who looks after what the office sends.
OPERATORS = frozenset({Office.MANAGER, Office.CHIEF})


class Shown(StrEnum):
    """Which messages the operator looks at (모두 · 못 보낸 것 · 기다리는 것)."""

    ALL = "all"
    REFUSED = "refused"
    WAITING = "waiting"


def is_told_by_phone(person: Person) -> bool:
    """Whether a person is told on the phone: there is a number, and a gateway to it."""
    return bool(settings.GATEWAY_KEY and person.phone)


def channel_of_code(officeholder: Officeholder) -> Channel:
    """The one way a code goes to a person: to the phone, or else by mail.

    By mail also when what was last sent to their phone did not get there, or something still waits
    there after a try that failed: who asks for a second code is not left waiting for a gateway
    that is closed.
    """
    if not is_told_by_phone(officeholder.person):
        return Channel.MAIL
    by_phone = {"message__recipient_id": officeholder.person_id, "channel": Channel.MESSAGE}
    pending = PendingDelivery.objects.within(officeholder.complex_id).filter(**by_phone)
    if pending.exclude(trouble="").exists():
        return Channel.MAIL
    ended = Delivery.objects.within(officeholder.complex_id).filter(**by_phone)
    last = ended.order_by("-delivered_at", "-id").first()
    return Channel.MAIL if last is not None and last.refused else Channel.MESSAGE


def devices_of(officeholder: Officeholder) -> list[PushSubscription]:
    """The browsers in which a person is told in this complex, the oldest first."""
    devices: QuerySet[PushSubscription] = PushSubscription.objects.within(
        officeholder.complex_id
    ).filter(person_id=officeholder.person_id, ended_at=None)
    return list(devices.order_by("subscribed_at", "id"))


def device_of(officeholder: Officeholder, subscription_id: UUID) -> PushSubscription:
    """One browser of the person's own, also one that is told no more.

    Raises: PushSubscription.DoesNotExist.
    """
    device: PushSubscription = PushSubscription.objects.within(officeholder.complex_id).get(
        id=subscription_id, person_id=officeholder.person_id
    )
    return device


def holds_office(complex_id: UUID, person_id: UUID, *, on: date) -> bool:
    """Whether a person holds some office of a complex on a day."""
    held = Officeholder.objects.within(complex_id).in_office(on).filter(person_id=person_id)
    found: bool = held.exists()
    return found


def is_operator(officeholder: Officeholder) -> bool:
    """Whether the office sees what was told to whom, and may tell it again."""
    return officeholder.office in OPERATORS


def check_operator(officeholder: Officeholder) -> None:
    """Raises: Refusal for anybody but who runs the office."""
    if not is_operator(officeholder):
        raise Refusal(
            "보낸 알림은 관리사무소장과 과장만 볼 수 있습니다.",
            next_step="알림이 오지 않는 분이 계시면 관리사무소장에게 알려 주세요.",
        )


def message_told(reader: Officeholder, message_id: UUID) -> Message:
    """One message of the reader's complex, with who is told.

    Raises: Refusal for anybody but who runs the office; Message.DoesNotExist.
    """
    check_operator(reader)
    message: Message = (
        Message.objects.within(reader.complex_id).select_related("recipient").get(id=message_id)
    )
    return message


def messages_told(reader: Officeholder, shown: Shown) -> "QuerySet[Message]":
    """What was told to whom in the reader's complex, the newest first, with what became of it.

    Raises: Refusal for anybody but who runs the office.
    """
    check_operator(reader)
    told: QuerySet[Message] = Message.objects.within(reader.complex_id)
    of_message = {"complex_id": reader.complex_id, "message_id": OuterRef("id")}
    if shown is Shown.REFUSED:
        told = told.filter(Exists(Delivery.objects.filter(**of_message).exclude(refused="")))
    if shown is Shown.WAITING:
        told = told.filter(Exists(PendingDelivery.objects.filter(**of_message)))
    return (
        told.select_related("recipient")
        .prefetch_related("deliveries__device", "pending__device")
        .order_by("-id")
    )
