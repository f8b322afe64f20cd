"""What the audits of a complex found."""

from django.db import models

from danji.base.models import ComplexScoped


class AuditRun(ComplexScoped):
    """One audit (점검) of a complex: how much was read, and what was found.

    `findings` are laid out in `docs/spec/audit.md`; `faults` (이상) and `doubts` (확인 필요) count
    them. `report` is the text for people.
    """

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    rows = models.PositiveBigIntegerField()
    faults = models.PositiveIntegerField()
    doubts = models.PositiveIntegerField()
    findings = models.JSONField()
    report = models.TextField()

    class Meta:
        ordering = ("-started_at", "-id")
        indexes = (models.Index(fields=["complex", "-started_at"], name="audit_run_by_date"),)
