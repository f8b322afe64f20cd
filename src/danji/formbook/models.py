"""The formbook (서식): published versions of forms, shared by all complexes."""

from django.db import models

from danji.base.ids import uuid7


class Form(models.Model):
    """One version of a form, as the canonical bytes of its definition. It never changes."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    key = models.CharField(max_length=40)
    version = models.PositiveSmallIntegerField()
    definition = models.BinaryField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ("key", "-version")
        constraints = (
            models.UniqueConstraint(fields=["key", "version"], name="form_version_once"),
        )
