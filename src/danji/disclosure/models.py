"""What is shown, to whom, on which basis, and what stood in the way."""

from uuid import UUID

from django.db import models

from danji.accounts.models import Officeholder
from danji.base.models import ComplexScoped, ScopedForeignKey
from danji.records.models import Record
from danji.rules.disclosure import Scope

WITHDRAWAL_REASON = 200  # characters


class Publication(ComplexScoped):
    """The fact that a record was disclosed (공개), with its scope and basis."""

    record = ScopedForeignKey(Record, models.PROTECT, related_name="publications")
    scope = models.CharField(max_length=10, choices=[(scope.value, scope.value) for scope in Scope])
    basis = models.CharField(max_length=200)
    published_at = models.DateTimeField()

    class Meta:
        ordering = ("-published_at", "-id")
        constraints = (
            models.UniqueConstraint(fields=["complex", "record_id"], name="publication_once"),
        )


class Obstacle(ComplexScoped):
    """Why a record was not disclosed: the places at which it holds what must not be shown.

    `places` is a list of `{"place", "kind"}`, in the words shown to the office.
    """

    record = ScopedForeignKey(Record, models.PROTECT, related_name="obstacles")
    places = models.JSONField()
    found_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "record_id"], name="obstacle_once"),
        )


class Clearance(ComplexScoped):
    """An officer read an attachment that a program could not, and answers for showing it."""

    record = ScopedForeignKey(Record, models.PROTECT, related_name="clearances")
    officeholder = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    cleared_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "record_id"], name="clearance_once"),
        )


class Confirmation(ComplexScoped):
    """The page of a published record says that it is confirmed (확정), and offers its bundle.

    `size` is that of the confirmed head with which they were written; `stamped` says that the
    bundle was written again with a time stamp inside, which comes a day later.
    """

    record = ScopedForeignKey(Record, models.PROTECT, related_name="confirmations")
    size = models.PositiveBigIntegerField()
    stamped = models.BooleanField(default=False)
    written_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "record_id", "stamped"], name="confirmation_once"
            ),
        )


class Withdrawal(ComplexScoped):
    """The disclosure of a record was taken back (공개 철회), by whom and why. It is never undone.

    `leaf_hash` is of the event `doc.disclosure_withdrawn`.
    """

    record = ScopedForeignKey(Record, models.PROTECT, related_name="withdrawals")
    record_id: UUID
    reason = models.CharField(max_length=WITHDRAWAL_REASON)
    withdrawn_by = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField()
    leaf_hash = models.BinaryField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "record_id"], name="withdrawal_once"),
        )
