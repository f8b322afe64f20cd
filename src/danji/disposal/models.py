"""Destroying documents by two officers (폐기·파기), and who opened what without a part in it."""

from uuid import UUID

from django.db import models
from django.db.models import Q

from danji.accounts.models import Officeholder
from danji.base.models import ComplexScoped, ScopedForeignKey
from danji.rules.appointment import Answer
from danji.rules.disposal import REASON_LIMIT, Basis


class Disposal(ComplexScoped):
    """What one officer proposes to destroy (폐기), on which basis; a second one confirms it."""

    basis = models.CharField(max_length=10, choices=[(basis.value, basis.label) for basis in Basis])
    reason = models.CharField(max_length=REASON_LIMIT, blank=True)
    proposed_by = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    answer: str | None  # joined in by `queries`
    documents: int

    class Meta:
        ordering = ("-proposed_at", "-id")
        constraints = (
            models.CheckConstraint(
                condition=Q(basis=Basis.EXPIRED.value) | ~Q(reason=""),
                name="disposal_before_its_time_has_a_reason",
            ),
        )


class DisposalItem(ComplexScoped):
    """One document of a disposal, by its own id.

    `named` is false for an earlier version that was returned or taken back: it goes with the one
    that was written to mend it.
    """

    disposal = ScopedForeignKey(Disposal, models.PROTECT, related_name="items")
    disposal_id: UUID
    doc = models.UUIDField()
    named = models.BooleanField(default=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "disposal_id", "doc"], name="disposal_item_once"
            ),
        )
        indexes = (models.Index(fields=["complex", "doc"], name="disposal_item_of_document"),)


class DisposalOutcome(ComplexScoped):
    """A second officer confirmed a disposal or rejected it, or its proposer withdrew it. Once."""

    disposal = ScopedForeignKey(Disposal, models.PROTECT, related_name="outcomes")
    disposal_id: UUID
    answer = models.CharField(
        max_length=10, choices=[(answer.value, answer.label) for answer in Answer]
    )
    answered_by = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    answered_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "disposal_id"], name="disposal_closed_once"),
        )


class Erasure(ComplexScoped):
    """The fact that a document was erased (파기). `leaf_hash` is of the event `doc.erased`."""

    item = ScopedForeignKey(DisposalItem, models.PROTECT, related_name="erasures")
    doc = models.UUIDField()
    erased_at = models.DateTimeField()
    leaf_hash = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["complex", "doc"], name="erasure_once"),)


class PendingFile(ComplexScoped):
    """A queue of files that an erased document held, by SHA-256 in hex; the row goes once the file
    is gone, or was found to belong to another document too.
    """

    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "sha256"], name="pending_file_once"),
        )


class Reading(ComplexScoped):
    """An officer, or a program in an officer's name, opened what is not for everybody without a
    part in it (열람): once for each document and day.
    """

    doc = models.UUIDField()
    reader = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    reader_id: UUID
    day = models.DateField()  # in Korea
    at = models.DateTimeField()
    by_program = models.BooleanField()

    class Meta:
        ordering = ("at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "day", "reader_id", "doc", "by_program"],
                name="reading_once_a_day",
            ),
        )


class ReadingReport(ComplexScoped):
    """The fact that one reader's readings of a day were logged, and how many documents they were.

    `leaf_hash` is of the event `record.read`.
    """

    day = models.DateField()
    reader = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    reader_id: UUID
    documents = models.PositiveIntegerField()
    leaf_hash = models.BinaryField()
    logged_at = models.DateTimeField()

    class Meta:
        ordering = ("-day", "-documents", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "day", "reader_id"], name="reading_report_once"
            ),
        )
