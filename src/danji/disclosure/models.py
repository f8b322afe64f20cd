"""What is shown, to whom, on which basis, and what stood in the way."""

from django.db import models

from danji.accounts.models import Officeholder
from danji.base.models import ComplexScoped, ScopedForeignKey
from danji.records.models import Record
from danji.rules.disclosure import Scope


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
