"""Delivering what is written.

Every way has a queue of its own. A message leaves it when it was handed over, or given up after a
day; a crash between sending and noting it sends it twice, never not at all.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Q

from danji.base import tenancy
from danji.base.jobs import hold_lock
from danji.outbox.gateway import gateway_sender
from danji.outbox.mail import mail_sender
from danji.outbox.models import Channel, Delivery, PendingDelivery, PushSubscription
from danji.outbox.push import push_sender
from danji.outbox.sending import Away, Gone, Later, Refused, Send, Sender

logger = logging.getLogger(__name__)

SENDERS: dict[Channel, Sender] = {
    Channel.MAIL: mail_sender,
    Channel.PUSH: push_sender,
    Channel.MESSAGE: gateway_sender,
}
BATCH = 20  # messages of one complex before it is the next one's turn
# How long a message rests after its first, second … failed try; then always the last.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360))
CODE_PAUSE = timedelta(seconds=20)
CLOSED_PAUSE = timedelta(minutes=1)  # for what was due when the way was found closed
PATIENCE = timedelta(hours=24)  # a try that fails after it is the last
CODE_LIFE = timedelta(minutes=10)
LOCK = 0x616C696D  # "alim", the first half of an advisory lock's number


def deliver_everywhere(channel: Channel, *, at: datetime) -> int:
    """Send what is due on one way, some of each complex in turn. Returns: how many were tried.

    Raises: Away when the way is closed, which it then is for every complex.
    """
    tried = 0
    for complex_id in waiting_complexes(channel, at=at):
        try:
            tried += deliver(complex_id, channel, at=at)
        except (Away, OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception("%s failed for complex %s", channel, complex_id)
    return tried


def deliver(complex_id: UUID, channel: Channel, *, at: datetime) -> int:
    """Send what is due in one complex on one way: codes first, then what failed least, the oldest.

    Ends early after a message that has to wait, so that a slow way does not keep a code waiting
    behind twenty others.
    Returns: how many were tried. Raises: Away.
    """
    with tenancy.within(complex_id):
        due = list(
            PendingDelivery.objects.within(complex_id)
            .filter(Q(next_try=None) | Q(next_try__lte=at), channel=channel)
            .select_related("message__recipient", "device", "complex")
            .order_by("-message__code", "tries", "id")[:BATCH]
        )
    waiting = [pending for pending in due if not _is_stale(pending, at)]
    if waiting:
        at_hand = None
        try:
            with SENDERS[channel]() as send:
                for pending in waiting:
                    at_hand = pending
                    if not _send(pending, send, at):
                        break
        except Away as away:
            logger.warning("the way %s is closed: %s %s", channel, away, away.said)
            for pending in waiting:
                # Should this one be what closed the way, another is the first next time.
                _put_off(pending, str(away), at, was_tried=pending is at_hand)
            raise
    return len(due)


def waiting_complexes(channel: Channel, *, at: datetime) -> list[UUID]:
    """The complexes in which something is due; a function of the database that tells only ids."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM danji_telling_complexes(%s, %s)", [channel.value, at])
        return [row[0] for row in cursor.fetchall()]


@contextmanager
def only_one(channel: Channel) -> Iterator[bool]:
    """Hold the lock of one way; yields False when another process sends on it."""
    with hold_lock(LOCK, list(Channel).index(channel)) as held:
        yield held


def _is_stale(pending: PendingDelivery, at: datetime) -> bool:
    """Drop a code that nobody may use any more. Returns: whether it was one."""
    if not pending.message.code or at - pending.message.written_at < CODE_LIFE:
        return False
    _settle(pending, at, refused="10분이 지나 쓸 수 없는 번호라서 보내지 않았습니다.")
    return True


def _send(pending: PendingDelivery, send: Send, at: datetime) -> bool:
    """Try one message and note what came of it. Returns: whether the next may be tried at once.

    Raises: Away.
    """
    try:
        receipt = send(pending)
    except Refused as refused:
        logger.warning("message %s was refused: %s %s", pending.message.id, refused, refused.said)
        _settle(pending, at, refused=str(refused), gone=isinstance(refused, Gone))
    except Later as later:
        logger.warning("message %s has to wait: %s %s", pending.message.id, later, later.said)
        _put_off(pending, str(later), at)
        return False
    except (Away, OperationalError, InterfaceError):
        raise
    except Exception:
        # Whatever is wrong with one message, the others go.
        logger.exception("message %s could not be sent", pending.message.id)
        _put_off(pending, "보내다가 잘못되었습니다. 운영자에게 알려 주세요.", at)
        return False
    else:
        _settle(pending, at, receipt=receipt)
    return True


def _put_off(
    pending: PendingDelivery, trouble: str, at: datetime, *, was_tried: bool = True
) -> None:
    """Note a try that failed, or that the way was closed before it; after a day it was the last."""
    if at - pending.message.written_at >= PATIENCE:
        given_up = "하루 동안 보내지 못해 그만두었습니다. 다시 보내거나 직접 알려 주세요."
        _settle(pending, at, refused=f"{given_up} {trouble}")
        return
    if pending.message.code:
        pause = CODE_PAUSE
    else:
        pause = PAUSES[min(pending.tries, len(PAUSES) - 1)] if was_tried else CLOSED_PAUSE
    with tenancy.within(pending.complex_id):
        PendingDelivery.objects.within(pending.complex_id).filter(id=pending.id).update(
            tries=pending.tries + was_tried,
            next_try=at + pause,
            trouble=trouble[:200],
        )


def _settle(
    pending: PendingDelivery,
    at: datetime,
    *,
    refused: str = "",
    receipt: str = "",
    gone: bool = False,
) -> None:
    """Note how a message ended on one way, and take it out of the queue."""
    with tenancy.within(pending.complex_id):
        ended: Mapping[str, int]
        _, ended = PendingDelivery.objects.within(pending.complex_id).filter(id=pending.id).delete()
        if not ended:
            return  # somebody else has noted it
        if gone:
            PushSubscription.objects.within(pending.complex_id).filter(
                id=pending.device.id, ended_at=None
            ).update(ended_at=at)
        Delivery.objects.create(
            complex_id=pending.complex_id,
            message=pending.message,
            channel=pending.channel,
            device_id=pending.device.id if pending.device else None,
            delivered_at=at,
            refused=refused[:200],
            receipt=receipt.replace("\x00", "")[:200],
        )
