"""What was attached, and what can be shown of it without opening it."""

from django.db import models

from danji.base.models import ComplexScoped, ScopedForeignKey


class Attached(ComplexScoped):
    """A file that was attached in this complex, by its digest: SHA-256 in hex."""

    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=100)
    attached_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["complex", "sha256"], name="attached_once"),)

    def __str__(self) -> str:
        return self.sha256


class Preview(ComplexScoped):
    """What is shown of an attached file (미리보기); of some there is nothing to show.

    `pictures` lists the digests of its first pages, as PNG or JPEG; `sections` is the digest of
    its words where there are no pictures: JSON `[{"title", "rows": [[cell]]}]`. `pages` counts
    all pages.
    """

    attached = ScopedForeignKey(Attached, models.PROTECT, related_name="previews")
    pictures = models.JSONField(default=list)
    sections = models.CharField(max_length=64, blank=True)
    pages = models.PositiveIntegerField()
    made_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "attached_id"], name="preview_once"),
        )
