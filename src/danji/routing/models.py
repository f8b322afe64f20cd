"""What a complex has set about its approval lines (결재선 규칙), revision by revision."""

from uuid import UUID

from django.db import models
from django.db.models import Q

from danji.accounts.models import Officeholder
from danji.base.models import ComplexScoped, ScopedForeignKey

REASON_LIMIT = 300  # characters


class Verdict(models.TextChoices):
    """What became of a proposed revision."""

    CONFIRMED = "confirmed", "확정"
    REJECTED = "rejected", "돌려보냄"
    WITHDRAWN = "withdrawn", "거둠"


class RoutingRevision(ComplexScoped):
    """A whole table of rules as somebody proposed it (개정안); in force once it was confirmed."""

    proposer = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    proposer_id: UUID
    proposed_at = models.DateTimeField()
    follows = models.PositiveSmallIntegerField()  # the number it changes; 0 is what Danji brings
    rows = models.BinaryField()  # canonical JSON, see `routing.rows`
    reason = models.CharField(max_length=REASON_LIMIT)
    effective_from = models.DateField()

    class Meta:
        ordering = ("-proposed_at", "-id")


class RoutingOutcome(ComplexScoped):
    """A second officer confirmed a revision or sent it back, or its proposer took it back."""

    revision = ScopedForeignKey(RoutingRevision, models.PROTECT, related_name="outcomes")
    revision_id: UUID
    verdict = models.CharField(max_length=10, choices=Verdict)
    officer = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    reason = models.CharField(max_length=REASON_LIMIT, blank=True)
    number = models.PositiveSmallIntegerField(null=True)  # 1, 2, 3 … of those confirmed
    leaf_hash = models.BinaryField(null=True)  # of the event that logged it

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "revision_id"], name="routing_revision_settled_once"
            ),
            models.UniqueConstraint(
                fields=["complex", "number"], name="routing_revision_numbered_once"
            ),
            models.CheckConstraint(
                condition=Q(verdict=Verdict.CONFIRMED) ^ Q(number__isnull=True),
                name="routing_revision_numbered_when_confirmed",
            ),
            models.CheckConstraint(
                condition=Q(verdict=Verdict.CONFIRMED) ^ Q(leaf_hash__isnull=True),
                name="routing_revision_logged_when_confirmed",
            ),
        )
