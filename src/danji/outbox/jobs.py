"""Delivering what is written."""

import logging
from smtplib import SMTPDataError, SMTPRecipientsRefused
from uuid import UUID

from django.core.mail import send_mail
from django.db.models import Exists, OuterRef
from django.utils import timezone

from danji.base import tenancy
from danji.outbox.models import Delivery, Message

logger = logging.getLogger(__name__)


def deliver_messages(complex_id: UUID) -> int:
    """Send every message that has no delivery yet, oldest first. Returns: how many.

    A crash between sending and noting it sends a message twice, never not at all. What the mail
    server refuses for good is noted as such; when the server is away, all wait.
    """
    with tenancy.within(complex_id):
        delivered = Delivery.objects.filter(complex_id=complex_id, message_id=OuterRef("id"))
        waiting = list(
            Message.objects.within(complex_id)
            .filter(~Exists(delivered))
            .select_related("recipient")[:100]
        )
    for message in waiting:
        refused = _send(message)
        with tenancy.within(complex_id):
            Delivery.objects.create(
                complex_id=complex_id,
                message=message,
                delivered_at=timezone.now(),
                refused=refused,
            )
    return len(waiting)


def _send(message: Message) -> str:
    """Hand a message to the mail server. Returns: its words when it refuses the message for good.

    Raises: SMTPException, OSError when the server is away or busy.
    """
    try:
        send_mail(message.subject, message.body, None, [message.recipient.email])
    except (SMTPRecipientsRefused, SMTPDataError) as problem:
        logger.warning("a message to %s was refused: %s", message.recipient_id, problem)
        return str(problem)[:200]
    return ""
