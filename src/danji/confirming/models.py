"""That somebody was reminded of what waits for a second officer. What it is stands elsewhere."""

from django.db import models

from danji.base.models import ComplexScoped


class ConfirmationReminder(ComplexScoped):
    """The fact that those who can confirm something were reminded of it, which is done once.

    `about` is the id of what waits, see `queries.Waiting`.
    """

    about = models.UUIDField()
    sent_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "about"], name="confirmation_reminded_once"),
        )
