"""Delivering what is written."""

from uuid import UUID

from django.core.mail import send_mail
from django.db.models import Exists, OuterRef
from django.utils import timezone

from danji.base import tenancy
from danji.outbox.models import Delivery, Message


def deliver_messages(complex_id: UUID) -> int:
    """Send every message that has no delivery yet, oldest first. Returns: how many.

    A crash between sending and noting it sends a message twice, never not at all.
    """
    with tenancy.within(complex_id):
        delivered = Delivery.objects.filter(complex_id=complex_id, message_id=OuterRef("id"))
        waiting = list(
            Message.objects.within(complex_id)
            .filter(~Exists(delivered))
            .select_related("recipient")[:100]
        )
    for message in waiting:
        send_mail(message.subject, message.body, None, [message.recipient.email])
        with tenancy.within(complex_id):
            Delivery.objects.create(
                complex_id=complex_id, message=message, delivered_at=timezone.now()
            )
    return len(waiting)
