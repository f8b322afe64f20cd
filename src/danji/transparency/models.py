"""The append-only log (봉인) of a complex: events, their places, and the newest head."""

from django.db import models
from django.db.models import Q

from danji.base.models import ComplexScoped, ScopedForeignKey


class Log(ComplexScoped):
    """One log of a complex and its newest signed head, which moves by compare-and-swap only.

    `root` is 32 bytes; `checkpoint` is the signed note as published.
    """

    number = models.PositiveSmallIntegerField(default=1)  # rises only after a log was retired
    origin = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField(default=0)
    root = models.BinaryField()
    checkpoint = models.BinaryField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "number"], name="log_numbered_once"),
        )


class Event(ComplexScoped):
    """Something that happened to a document, as the exact bytes that enter the log."""

    doc = models.UUIDField()  # the document's own id; events outlive the tables of their makers
    seq = models.PositiveIntegerField()  # 1, 2, 3 … within the document
    name = models.CharField(max_length=40)
    entry = models.BinaryField()
    leaf_hash = models.BinaryField()

    class Meta:
        ordering = ("doc", "seq")
        constraints = (
            models.UniqueConstraint(fields=["complex", "doc", "seq"], name="event_follows_once"),
            models.CheckConstraint(condition=Q(seq__gte=1), name="event_counts_from_one"),
        )


class PendingEvent(ComplexScoped):
    """A queue of events without a place yet; the sequencer takes them out in the order of `id`."""

    event = ScopedForeignKey(Event, models.PROTECT, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "event_id"], name="pending_event_once"),
        )


class Leaf(ComplexScoped):
    """The place of an event in the log."""

    event = ScopedForeignKey(Event, models.PROTECT, related_name="leaves")
    index = models.PositiveBigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "index"], name="leaf_index_once"),
            models.UniqueConstraint(fields=["complex", "event_id"], name="leaf_placed_once"),
        )


class Opening(ComplexScoped):
    """What opens the commitments of one event: salts and values. Erasing it erases their meaning.

    `fields` maps a field's name to `{"salt": base64, "value": base64}`, or to
    `{"salt": base64, "sha256": hex}` where the value is a file kept elsewhere.
    """

    event = ScopedForeignKey(Event, models.PROTECT, related_name="+")
    fields = models.JSONField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "event_id"], name="opening_once"),
        )
