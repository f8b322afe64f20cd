"""A document on its way: draft (기안), line (결재선), decisions."""

import json
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Q

from danji.accounts.models import Officeholder
from danji.base.models import ComplexScoped, ScopedForeignKey
from danji.formbook.models import Form
from danji.rules import approval
from danji.rules.refusal import Refusal


class Draft(ComplexScoped):
    """A document being written. Only its drafter sees it, and it may change until submitted.

    `inputs` keeps what was typed, as typed; `attachments` is a list of
    `{"name", "media_type", "size", "sha256"}`; `cites` a list of `{"doc", "number", "relation"}`.
    """

    drafter = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    form = models.ForeignKey(Form, models.PROTECT, related_name="+")
    inputs = models.JSONField(default=dict)
    attachments = models.JSONField(default=list)
    cites = models.JSONField(default=list)
    revision = models.PositiveIntegerField(default=1)
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ("-saved_at",)
        indexes = (
            models.Index(fields=["complex", "drafter_id", "-saved_at"], name="draft_of_drafter"),
        )


class Document(ComplexScoped):
    """A submitted document. Its content is frozen: canonical bytes and their SHA-256 (hex)."""

    drafter = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    drafter_id: UUID
    form = models.ForeignKey(Form, models.PROTECT, related_name="+")
    title = models.CharField(max_length=200)
    amount = models.BigIntegerField(null=True)  # won
    content = models.BinaryField()
    digest = models.CharField(max_length=64)
    submitted_at = models.DateTimeField()
    withdrawn_at: datetime | None  # joined in by `queries.documents_within`

    class Meta:
        ordering = ("-submitted_at", "-id")
        indexes = (
            models.Index(
                fields=["complex", "drafter_id", "-submitted_at"], name="document_of_drafter"
            ),
        )

    def __str__(self) -> str:
        return self.title

    def parsed_content(self) -> dict[str, Any]:
        """The frozen content as `docs/spec/record.md` lays it out.

        Raises: Refusal when the row was changed since it was submitted.
        """
        content = bytes(self.content)
        parsed: dict[str, Any] = json.loads(content)
        if sha256(content).hexdigest() != self.digest or self.title != parsed["title"]:
            raise Refusal(
                "이 문서의 내용이 상신한 뒤에 바뀌어 있어 결재할 수 없습니다.",
                next_step="결재하지 말고 운영자에게 알려 주세요.",
            )
        return parsed


class Step(ComplexScoped):
    """One place in the approval line (결재선). Once decided, it is never rewritten."""

    document = ScopedForeignKey(Document, models.PROTECT, related_name="steps")
    position = models.PositiveSmallIntegerField()  # 1 is the drafter
    act = models.CharField(max_length=10, choices=[(act.value, act.label) for act in approval.Act])
    approver = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    approver_id: UUID
    decision = models.CharField(
        max_length=10,
        blank=True,
        choices=[(decision.value, decision.label) for decision in approval.Decision],
    )
    decided_at = models.DateTimeField(null=True)
    opinion = models.CharField(max_length=approval.OPINION_LIMIT, blank=True)
    leaf_hash = models.BinaryField(null=True)  # of the event that logged the decision

    class Meta:
        ordering = ("position",)
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "document_id", "position"], name="step_position_once"
            ),
            models.CheckConstraint(
                condition=Q(decision="") ^ Q(decided_at__isnull=False),
                name="step_dated_when_decided",
            ),
            models.CheckConstraint(
                condition=Q(decision="") ^ Q(leaf_hash__isnull=False),
                name="step_logged_when_decided",
            ),
        )
        indexes = (
            models.Index(
                fields=["complex", "approver_id"],
                condition=Q(decision=""),
                name="step_undecided_of_approver",
            ),
            models.Index(
                fields=["complex", "-document_id"],
                condition=Q(decision=""),
                name="step_undecided_of_document",
            ),
            models.Index(
                fields=["complex", "-decided_at"],
                condition=Q(decision=approval.Decision.RETURN.value),
                name="step_returned_by_date",
            ),
        )


class Withdrawal(ComplexScoped):
    """The drafter took the document back (회수) before anybody had decided."""

    document = ScopedForeignKey(Document, models.PROTECT, related_name="withdrawals")
    withdrawn_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "document_id"], name="withdrawal_once"),
        )
