"""Messages to people, kept until they are delivered."""

from django.conf import settings
from django.db import models

from danji.base.models import ComplexScoped, ScopedForeignKey


class Message(ComplexScoped):
    """Something a person is told by mail. Written in the transaction in which it became true."""

    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    subject = models.CharField(max_length=200)
    body = models.TextField()
    written_at = models.DateTimeField()

    class Meta:
        ordering = ("written_at",)


class Delivery(ComplexScoped):
    """The fact that a message was handed to the mail server. At least once, seldom twice.

    `refused` holds the server's words where it did not take this message and never will.
    """

    message = ScopedForeignKey(Message, models.PROTECT, related_name="deliveries")
    delivered_at = models.DateTimeField()
    refused = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "message_id"], name="delivery_once"),
        )
