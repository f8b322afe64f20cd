"""The official PDF of a record."""

from django.db import models

from danji.base.models import ComplexScoped, ScopedForeignKey
from danji.records.models import Record


class Rendition(ComplexScoped):
    """The sealed PDF/A of a record. All digests are SHA-256 in lower hex.

    `file` is the digest of the whole file, by which it is kept; `signed` of the byte ranges the
    seal covers, `signature` of the seal itself: the last two are what the log commits to.
    """

    record = ScopedForeignKey(Record, models.PROTECT, related_name="renditions")
    file = models.CharField(max_length=64)
    signed = models.CharField(max_length=64)
    signature = models.CharField(max_length=64)
    size = models.PositiveIntegerField()  # bytes
    rendered_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "record_id"], name="rendition_once"),
        )
