"""Telling people."""

from datetime import datetime

from danji.accounts.models import Officeholder
from danji.outbox.models import Message


def tell(officeholder: Officeholder, subject: str, body: str, *, at: datetime) -> None:
    """Write a message to the person in an office, in the transaction in which it became true."""
    Message.objects.create(
        complex_id=officeholder.complex_id,
        recipient_id=officeholder.person_id,
        subject=subject,
        body=body,
        written_at=at,
    )
