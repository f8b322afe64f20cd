"""The narrow waist: whatever is finished becomes one record (기록)."""

import json
from hashlib import sha256
from typing import Any

from django.db import models
from django.db.models import Q

from danji.base.models import ComplexScoped, ScopedForeignKey
from danji.rules.disposal import erased_refusal
from danji.rules.refusal import Refusal


class RecordFolder(ComplexScoped):
    """A record folder (기록물철): where records of one subject are kept together."""

    name = models.CharField(max_length=100)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=["complex", "name"], name="record_folder_named_once"),
        )


class Register(ComplexScoped):
    """The register (등록대장) of one series and year: the last serial number given out."""

    series = models.CharField(max_length=20)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "series", "year"], name="register_once_a_year"
            ),
        )


class Record(ComplexScoped):
    """A finished document on record. Its payload is canonical JSON and never changes.

    `digest` is the SHA-256 of `payload` in lower hex; `doc` is the id its maker gave it. Erased
    (파기), it keeps its place in the register, and has no payload any more.
    """

    doc = models.UUIDField()
    form = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    number = models.CharField(max_length=60)
    series = models.CharField(max_length=20)
    year = models.PositiveSmallIntegerField()
    serial = models.PositiveIntegerField()
    folder = ScopedForeignKey(RecordFolder, models.PROTECT, related_name="records")
    retained_until = models.DateField(null=True)  # no date: for ever (영구)
    scope = models.CharField(max_length=10)  # the disclosure proposal
    payload = models.BinaryField()
    digest = models.CharField(max_length=64)
    filed_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True)  # filled in by `danji_erase_document` alone

    class Meta:
        ordering = ("-filed_at", "-id")
        constraints = (
            models.UniqueConstraint(fields=["complex", "doc"], name="record_filed_once"),
            models.UniqueConstraint(
                fields=["complex", "series", "year", "serial"], name="record_numbered_once"
            ),
            models.CheckConstraint(condition=Q(serial__gte=1), name="record_counts_from_one"),
            models.CheckConstraint(
                condition=Q(payload=b"") ^ Q(erased_at__isnull=True),
                name="record_emptied_when_erased",
            ),
        )
        indexes = (models.Index(fields=["complex", "-filed_at", "-id"], name="record_by_date"),)

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    def parsed_payload(self) -> dict[str, Any]:
        """The payload as `docs/spec/record.md` lays it out.

        Raises: Refusal when it was erased, or the row was changed since it was filed.
        """
        if self.erased_at is not None:
            raise erased_refusal(self.erased_at)
        payload = bytes(self.payload)
        parsed: dict[str, Any] = json.loads(payload)
        shown = (parsed["number"]["text"], parsed["content"]["title"])
        if sha256(payload).hexdigest() != self.digest or shown != (self.number, self.title):
            raise Refusal(
                "이 문서의 기록이 보관한 뒤에 바뀌어 있어 보여 드리지 않습니다.",
                next_step="운영자에게 알려 백업에서 되돌리게 해 주세요.",
            )
        return parsed


class Relation(models.TextChoices):
    """Why a record cites another (관련 문서)."""

    REFERS = "refers", "관련"
    SUPERSEDES = "supersedes", "대체"


class Citation(ComplexScoped):
    """A record cites another record of the same complex that was sealed before."""

    record = ScopedForeignKey(Record, models.PROTECT, related_name="citations")
    cited = ScopedForeignKey(Record, models.PROTECT, related_name="cited_by")
    relation = models.CharField(max_length=10, choices=Relation)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "record_id", "cited_id"], name="citation_once"
            ),
            models.CheckConstraint(
                condition=~Q(record_id=models.F("cited_id")), name="citation_of_another"
            ),
        )
