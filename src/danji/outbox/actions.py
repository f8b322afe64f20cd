"""Telling people, and letting a browser be told."""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from danji.accounts.models import Officeholder, Person
from danji.base.ids import uuid7
from danji.outbox.models import Channel, Message, PendingDelivery, PushSubscription
from danji.outbox.push import check_endpoint, check_keys
from danji.outbox.queries import (
    device_of,
    devices_of,
    holds_office,
    is_told_by_phone,
    message_told,
)
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal

SUBJECT = 200  # characters
DEVICES = 10  # browsers of one person in one complex

# A message and its places in the queues: one statement, for a decision waits for it. The ids of
# what goes to the browsers are handed in as well, as many as there may be.
WRITE = """
WITH message AS (
    INSERT INTO outbox_message
        (complex_id, id, recipient_id, subject, body, link, code, resends_id, written_at)
    VALUES (%(complex)s, %(message)s, %(recipient)s, %(subject)s, %(body)s, %(link)s, %(code)s,
        %(resends)s, %(at)s)
), device AS (
    SELECT id, row_number() OVER (ORDER BY subscribed_at, id) AS number
    FROM outbox_pushsubscription
    WHERE complex_id = %(complex)s AND person_id = %(recipient)s AND ended_at IS NULL
)
INSERT INTO outbox_pendingdelivery
    (complex_id, id, message_id, channel, device_id, secret, address, tries, trouble)
SELECT %(complex)s::uuid, way.id, %(message)s::uuid, way.channel, NULL, %(secret)s::text,
    way.address, 0, ''
FROM unnest(%(ids)s::uuid[], %(channels)s::text[], %(addresses)s::text[])
    AS way (id, channel, address)
UNION ALL
SELECT %(complex)s::uuid, (%(of_devices)s::uuid[])[device.number], %(message)s::uuid, 'push',
    device.id, '', '', 0, ''
FROM device WHERE device.number <= cardinality(%(of_devices)s::uuid[])
"""


def tell(
    officeholder: Officeholder,
    subject: str,
    body: str,
    *,
    at: datetime,
    link: str = "",
    code_by: Channel | None = None,
) -> Message:
    """Write a message to the person in an office, in the transaction in which it became true.

    It goes every way the person has: mail, their browsers, and 알림톡 or SMS. Mail has all of it;
    the others, which anybody near a phone may read, have the subject and the link.

    Args: `link` is the whole address of the page it is about; `code_by` says that the body holds a
    one-time code, and which way it goes (`queries.channel_of_code`). A code goes that way only,
    before everything else, is not sent any more after ten minutes, and is forgotten once it was
    sent. It never stands in the subject, which is kept.
    """
    message = Message(
        complex_id=officeholder.complex_id,
        recipient_id=officeholder.person_id,
        subject=_fitting(subject),
        body="" if code_by else body,
        link=link,
        code=code_by is not None,
        written_at=at,
    )
    if code_by:
        return _written(message, {code_by: ""}, secret=body)
    return _written(message, _ways(officeholder.person))


def tell_former(
    officeholder: Officeholder,
    subject: str,
    body: str,
    *,
    at: datetime,
    addresses: Mapping[Channel, str],
) -> Message:
    """Write a message to where the person in an office was reached until now, and nowhere else.

    Args: `addresses` are a mail address, a mobile number, or both, by the way that leads there.
    """
    message = Message(
        complex_id=officeholder.complex_id,
        recipient_id=officeholder.person_id,
        subject=_fitting(subject),
        body=body,
        written_at=at,
    )
    return _written(message, addresses)


@transaction.atomic
def resend_message(message_id: UUID, *, actor: Officeholder, at: datetime) -> Message:
    """Tell somebody again what they were told, every way they have now.

    Raises: Refusal for anybody but who runs the office, while it is still being sent, for a code,
    and when the person is out of office; Message.DoesNotExist.
    """
    earlier = message_told(actor, message_id)
    if earlier.code:
        raise Refusal(
            "확인 번호는 다시 보내지 않습니다.",
            next_step="받는 분이 결재 화면에서 새 번호를 받으시게 해 주세요.",
        )
    if PendingDelivery.objects.within(actor.complex_id).filter(message_id=earlier.id).exists():
        raise Refusal(
            "아직 보내는 중인 알림입니다.", next_step="다 보내거나 그만둔 뒤에 다시 눌러 주세요."
        )
    if not holds_office(actor.complex_id, earlier.recipient_id, on=day_in_seoul(at)):
        raise Refusal(
            f"{earlier.recipient.name} 님은 지금 이 단지에서 맡은 직책이 없습니다.",
            next_step="지금 그 일을 맡은 분께 따로 알려 주세요.",
        )
    again = Message(
        complex_id=actor.complex_id,
        recipient=earlier.recipient,
        subject=earlier.subject,
        body=earlier.body,
        link=earlier.link,
        resends=earlier,
        written_at=at,
    )
    return _written(again, _ways(earlier.recipient))


@transaction.atomic
def subscribe_device(
    endpoint: str,
    *,
    public_key: str,
    auth: str,
    device: str,
    actor: Officeholder,
    at: datetime,
    check: Callable[[str], None] = check_endpoint,
) -> PushSubscription:
    """Let a browser be told what its person is told in this complex.

    A browser tells one person: who subscribes in it takes it over. The same again is the same.
    Args: `check` refuses addresses that are not of a push service.
    Raises: Refusal for an address or keys that no browser gives, and for too many devices.
    """
    check(endpoint)
    check_keys(public_key, auth)
    # Locked, so that one browser pressing twice subscribes once.
    Person.objects.select_for_update().get(id=actor.person_id)
    known: PushSubscription | None = (
        PushSubscription.objects.within(actor.complex_id)
        .filter(endpoint=endpoint, ended_at=None)
        .first()
    )
    if known is not None:
        if (known.person_id, known.public_key, known.auth) == (actor.person_id, public_key, auth):
            return known
        _end(known.id, actor.complex_id, at)
    if len(devices_of(actor)) >= DEVICES:
        raise Refusal(
            f"알림을 받는 기기는 {DEVICES}대까지 둘 수 있습니다.",
            next_step="쓰지 않는 기기를 ‘그만 받기’로 뺀 뒤 다시 눌러 주세요.",
        )
    subscription: PushSubscription = PushSubscription.objects.create(
        complex_id=actor.complex_id,
        person_id=actor.person_id,
        endpoint=endpoint,
        public_key=public_key,
        auth=auth,
        device=device,
        subscribed_at=at,
    )
    return subscription


@transaction.atomic
def end_subscription(subscription_id: UUID, *, actor: Officeholder, at: datetime) -> None:
    """Tell a browser of one's own no more. Ended already is ended.

    Raises: PushSubscription.DoesNotExist for somebody else's.
    """
    _end(device_of(actor, subscription_id).id, actor.complex_id, at)


def _end(subscription_id: UUID, complex_id: UUID, at: datetime) -> None:
    PushSubscription.objects.within(complex_id).filter(id=subscription_id, ended_at=None).update(
        ended_at=at
    )


def _ways(person: Person) -> Mapping[Channel, str]:
    """The ways a person has besides their browsers."""
    ways = [Channel.MAIL, Channel.MESSAGE] if is_told_by_phone(person) else [Channel.MAIL]
    return dict.fromkeys(ways, "")


def _written(message: Message, ways: Mapping[Channel, str], *, secret: str = "") -> Message:
    """Save a message, and queue it on these ways and for the browsers.

    A code, and what goes to a former address, goes to no browser.
    Args: `ways` are addresses by the way; "" is where the person is reached now.
    """
    is_for_browsers = not message.code and not any(ways.values())
    row = {
        "complex": message.complex_id,
        "message": message.id,
        "recipient": message.recipient_id,
        "subject": message.subject,
        "body": message.body,
        "link": message.link,
        "code": message.code,
        "resends": message.resends.id if message.resends else None,
        "at": message.written_at,
        "ids": [uuid7() for _ in ways],
        "channels": [way.value for way in ways],
        "secret": secret,
        "addresses": list(ways.values()),
        "of_devices": [uuid7() for _ in range(DEVICES if is_for_browsers else 0)],
    }
    with connection.cursor() as cursor:
        cursor.execute(WRITE, row)
    message._state.adding = False
    return message


def _fitting(subject: str) -> str:
    """A subject as long as is kept; what is left out stands in the body or behind the link."""
    return subject if len(subject) <= SUBJECT else f"{subject[: SUBJECT - 1]}…"
