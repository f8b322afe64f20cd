"""Messages to people, the ways they go, and what became of them on each."""

from django.conf import settings
from django.db import models

from danji.base.models import ComplexScoped, ScopedForeignKey


class Channel(models.TextChoices):
    """A way by which a message reaches a person (알리는 방법)."""

    MAIL = "mail", "메일"
    PUSH = "push", "기기 알림"
    MESSAGE = "message", "알림톡·문자"


class Message(ComplexScoped):
    """Something a person is told. Written in the transaction in which it became true.

    Of a code only that there was one is kept: its text stands in the queue until it was sent.
    `link` is the whole address of the page it is about, or nothing.
    """

    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    subject = models.CharField(max_length=200)
    body = models.TextField(blank=True)
    link = models.CharField(max_length=500, blank=True)
    code = models.BooleanField(default=False)
    resends = ScopedForeignKey("self", models.PROTECT, related_name="resent", null=True)
    written_at = models.DateTimeField()

    class Meta:
        ordering = ("written_at",)


class PushSubscription(ComplexScoped):
    """A browser in which a person asked to be told (기기 알림). Ended, never changed.

    `public_key` (65 bytes) and `auth` (16 bytes) are the browser's, in unpadded base64url.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    endpoint = models.CharField(max_length=1000)
    public_key = models.CharField(max_length=100)
    auth = models.CharField(max_length=50)
    device = models.CharField(max_length=60)  # what the person calls it: "크롬 · 안드로이드"
    subscribed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("subscribed_at",)
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "endpoint"],
                condition=models.Q(ended_at=None),
                name="push_subscription_once",
            ),
        )
        indexes = (
            models.Index(
                fields=["complex", "person"],
                condition=models.Q(ended_at=None),
                name="push_subscription_of_person",
            ),
        )


class Delivery(ComplexScoped):
    """How a message ended on one way: handed over, or given up. At least once, seldom twice.

    `refused` says in Korean why it was not taken and never will be; `receipt` is the name that
    whoever took it gave it.
    """

    message = ScopedForeignKey(Message, models.PROTECT, related_name="deliveries")
    channel = models.CharField(max_length=10, choices=Channel)
    device = ScopedForeignKey(PushSubscription, models.PROTECT, related_name="+", null=True)
    delivered_at = models.DateTimeField()
    refused = models.CharField(max_length=200, blank=True)
    receipt = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("channel", "delivered_at")
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "message_id", "channel", "device_id"],
                nulls_distinct=False,
                name="delivery_once",
            ),
        )


class PendingDelivery(ComplexScoped):
    """A queue of messages that have not ended on one way yet; the row goes when they have.

    `secret` is the text of a code. `address` is where it goes when that is not where the person is
    reached now, and goes with the row: former addresses are not kept. `next_try` is empty until a
    try has failed; `trouble` says in Korean what the last one met.
    """

    message = ScopedForeignKey(Message, models.PROTECT, related_name="pending")
    channel = models.CharField(max_length=10, choices=Channel)
    device = ScopedForeignKey(PushSubscription, models.PROTECT, related_name="+", null=True)
    secret = models.TextField(blank=True)
    address = models.CharField(max_length=254, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("channel", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "message_id", "channel", "device_id"],
                nulls_distinct=False,
                name="pending_delivery_once",
            ),
        )
        indexes = (
            models.Index(fields=["complex", "channel", "next_try"], name="pending_delivery_due"),
        )

    @property
    def text(self) -> str:
        """What the person is told, in full."""
        return self.secret or self.message.body
