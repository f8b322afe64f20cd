"""A document on its way: draft (기안), line (결재선), decisions, who else is shown it."""

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
from danji.records.content import content_now
from danji.rules import approval
from danji.rules.disposal import erased_refusal
from danji.rules.recurring import Every
from danji.rules.refusal import Refusal


class Draft(ComplexScoped):
    """A document being written. Only its drafter sees it, and it may change until submitted.

    `inputs` keeps what was typed, as typed; `attachments` is a list of
    `{"name", "media_type", "size", "sha256"}`; `cites` a list of `{"doc", "number", "relation"}`;
    `line` what the drafter changed of the proposed line, see `approvals.lines`; `follows` the
    document it mends.
    """

    drafter = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    form = models.ForeignKey(Form, models.PROTECT, related_name="+")
    inputs = models.JSONField(default=dict)
    attachments = models.JSONField(default=list)
    cites = models.JSONField(default=list)
    line = models.JSONField(default=dict)
    follows = models.UUIDField(null=True)
    revision = models.PositiveIntegerField(default=1)
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ("-saved_at",)
        indexes = (
            models.Index(fields=["complex", "drafter_id", "-saved_at"], name="draft_of_drafter"),
        )


class Document(ComplexScoped):
    """A submitted document. Its content is frozen: canonical bytes and their SHA-256 (hex).

    `net` is the amount without VAT, by which limits are judged; `line` what the drafter changed of
    the proposed line, for whoever begins anew; `follows` the document that it mends.
    """

    drafter = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    drafter_id: UUID
    form = models.ForeignKey(Form, models.PROTECT, related_name="+")
    title = models.CharField(max_length=200)
    amount = models.BigIntegerField(null=True)  # won
    net = models.BigIntegerField(null=True)  # won
    payee = models.CharField(max_length=200, blank=True)
    account = models.CharField(max_length=200, blank=True)  # 계정과목
    content = models.BinaryField()
    digest = models.CharField(max_length=64)
    line = models.JSONField(default=dict)
    follows = models.UUIDField(null=True)
    submitted_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True)  # filled in by `danji_erase_document` alone
    withdrawn_at: datetime | None  # joined in by `queries.documents_within`

    class Meta:
        ordering = ("-submitted_at", "-id")
        constraints = (
            models.CheckConstraint(
                condition=Q(content=b"") ^ Q(erased_at__isnull=True),
                name="document_emptied_when_erased",
            ),
        )
        indexes = (
            models.Index(
                fields=["complex", "drafter_id", "-submitted_at"], name="document_of_drafter"
            ),
            models.Index(
                fields=["complex", "-submitted_at"],
                condition=Q(net__isnull=False),
                name="document_with_money_by_date",
            ),
            models.Index(
                fields=["complex", "follows"],
                condition=Q(follows__isnull=False),
                name="document_following",
            ),
        )

    def __str__(self) -> str:
        return self.title

    def parsed_content(self) -> dict[str, Any]:
        """The frozen content as `docs/spec/record.md` lays it out now, see `content_now`.

        Raises: Refusal when it was erased, or the row was changed since it was submitted.
        """
        if self.erased_at is not None:
            raise erased_refusal(self.erased_at)
        content = bytes(self.content)
        parsed: dict[str, Any] = json.loads(content)
        if sha256(content).hexdigest() != self.digest or self.title != parsed["title"]:
            raise Refusal(
                "이 문서의 내용이 상신한 뒤에 바뀌어 있어 결재할 수 없습니다.",
                next_step="결재하지 말고 운영자에게 알려 주세요.",
            )
        return content_now(parsed)


class Enclosure(ComplexScoped):
    """A file that was submitted with a document (붙임), by its SHA-256 in hex.

    It tells when one receipt is handed in twice.
    """

    document = ScopedForeignKey(Document, models.PROTECT, related_name="enclosures")
    document_id: UUID
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "sha256", "document_id"], name="enclosure_once"
            ),
        )


class Step(ComplexScoped):
    """One place in the approval line (결재선). Once decided, it is never rewritten.

    Sent back, a document gets new steps for the places that are open again, one `round` later; of
    each position the last round counts.
    """

    document = ScopedForeignKey(Document, models.PROTECT, related_name="steps")
    document_id: UUID
    position = models.PositiveSmallIntegerField()  # 1 is the drafter
    stage = models.PositiveSmallIntegerField()  # places of one stage are asked side by side
    round = models.PositiveSmallIntegerField(default=1)
    act = models.CharField(max_length=10, choices=[(act.value, act.label) for act in approval.Act])
    approver = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    approver_id: UUID
    basis = models.CharField(max_length=200, blank=True)  # the clause that puts the place here
    decision = models.CharField(
        max_length=10,
        blank=True,
        choices=[(decision.value, decision.label) for decision in approval.Decision],
    )
    decided_by = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+", null=True)
    decided_by_id: UUID | None  # another than the approver: acting approval (대결), or left out
    decided_at = models.DateTimeField(null=True)
    opinion = models.CharField(max_length=approval.OPINION_LIMIT, blank=True)
    leaf_hash = models.BinaryField(null=True)  # of the event that logged the decision

    class Meta:
        ordering = ("position", "round")
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "document_id", "position", "round"], name="step_position_once"
            ),
            models.CheckConstraint(
                condition=Q(decision="") ^ Q(decided_at__isnull=False),
                name="step_dated_when_decided",
            ),
            models.CheckConstraint(
                condition=Q(decision="") ^ Q(decided_by_id__isnull=False),
                name="step_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(decision="") ^ Q(leaf_hash__isnull=False),
                name="step_logged_when_decided",
            ),
        )
        indexes = (
            models.Index(
                fields=["complex", "decided_by_id", "-decided_at"],
                condition=~Q(decision=""),
                name="step_decided_by_officer",
            ),
        )


class Turn(ComplexScoped):
    """Whose turn it is now, and since when: a queue, kept in step with the line by `actions`."""

    document = ScopedForeignKey(Document, models.PROTECT, related_name="turns")
    document_id: UUID
    step = ScopedForeignKey(Step, models.PROTECT, related_name="turns")
    step_id: UUID
    approver = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    approver_id: UUID
    since = models.DateTimeField()

    class Meta:
        ordering = ("since", "id")
        constraints = (models.UniqueConstraint(fields=["complex", "step_id"], name="turn_once"),)
        indexes = (
            models.Index(fields=["complex", "approver_id", "since", "id"], name="turn_of_approver"),
            models.Index(fields=["complex", "document_id"], name="turn_of_document"),
        )


class Outcome(ComplexScoped):
    """How a document's line ended: finished (완결), returned (반려) or withdrawn (회수)."""

    document = ScopedForeignKey(Document, models.PROTECT, related_name="outcomes")
    document_id: UUID
    ending = models.CharField(
        max_length=10, choices=[(ending.value, ending.label) for ending in approval.Ending]
    )
    ended_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "document_id"], name="outcome_once"),
        )
        indexes = (models.Index(fields=["complex", "ending", "-ended_at"], name="outcome_by_date"),)


class Hold(ComplexScoped):
    """Somebody lets a document wait (보류), and says why; deciding or `lifted_at` ends it."""

    step = ScopedForeignKey(Step, models.PROTECT, related_name="holds")
    reason = models.CharField(max_length=approval.OPINION_LIMIT)
    held_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "step_id"],
                condition=Q(lifted_at__isnull=True),
                name="hold_one_at_a_time",
            ),
        )


class Circulation(ComplexScoped):
    """A document shown to an officer who does not decide on it, and whether it was read.

    It is sent at submission (참조) or when the document is finished (공람, 후결, 사후보고). What is
    to be approved afterwards (후결) is reminded of once; approved, it carries the leaf hash of that
    event, in which stands what was said with it.
    """

    class Kind(models.TextChoices):
        """Why somebody is shown a document (참조·공람·후결·사후보고)."""

        REFERENCE = "reference", "참조"
        CIRCULATION = "circulation", "공람"
        AFTERWARDS = "afterwards", "후결"
        REPORT = "report", "사후보고"

    document = ScopedForeignKey(Document, models.PROTECT, related_name="circulations")
    document_id: UUID
    recipient = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    recipient_id: UUID
    kind = models.CharField(max_length=12, choices=Kind)
    sent_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    reminded_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    leaf_hash = models.BinaryField(null=True)

    class Meta:
        ordering = ("sent_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "document_id", "recipient_id", "kind"], name="circulation_once"
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True) ^ Q(leaf_hash__isnull=False),
                name="circulation_logged_when_confirmed",
            ),
        )
        indexes = (
            models.Index(
                fields=["complex", "recipient_id", "-sent_at"], name="circulation_of_recipient"
            ),
            models.Index(
                fields=["complex", "recipient_id", "kind"],
                condition=Q(read_at__isnull=True) | Q(kind="afterwards", confirmed_at__isnull=True),
                name="circulation_unread",
            ),
        )


class Reminder(ComplexScoped):
    """The fact that somebody was reminded of a step that waits, or that others were told of it."""

    class Kind(models.TextChoices):
        """Whether the one who is late was reminded, or others were told (독촉·상신 지연)."""

        REMIND = "remind", "다시 알림"
        ESCALATE = "escalate", "지연 알림"

    step = ScopedForeignKey(Step, models.PROTECT, related_name="reminders")
    kind = models.CharField(max_length=10, choices=Kind)
    sent_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "step_id", "kind"], name="reminder_once"),
        )


class LineTemplate(ComplexScoped):
    """Changes to a proposed line that an officer keeps under a name (나의 결재선)."""

    owner = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    name = models.CharField(max_length=50)
    line = models.JSONField()

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "owner_id", "name"], name="line_template_named_once"
            ),
        )


class FavouriteForm(ComplexScoped):
    """A form that an officer keeps at hand (즐겨찾는 서식)."""

    officer = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    form_key = models.CharField(max_length=40)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "officer_id", "form_key"], name="favourite_form_once"
            ),
        )


class Recurring(ComplexScoped):
    """A document written again and again (업무일지, 점검일지): its next draft is begun by itself.

    `inputs` and `line` are as in a draft; `every` counts with `on_day`: 1 is Monday in a week, or
    the day of a month (the last one where it is shorter); it does not count for `day` and `each`.
    """

    drafter = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    form_key = models.CharField(max_length=40)
    title = models.CharField(max_length=100)
    inputs = models.JSONField(default=dict)
    line = models.JSONField(default=dict)
    every = models.CharField(max_length=5, choices=[(every.value, every.label) for every in Every])
    on_day = models.PositiveSmallIntegerField(default=1)
    since = models.DateField()
    until = models.DateField(null=True)

    class Meta:
        ordering = ("title", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(on_day__gte=1, on_day__lte=31), name="recurring_on_a_day"
            ),
        )


class RecurringMade(ComplexScoped):
    """The fact that the draft of one day was begun."""

    recurring = ScopedForeignKey(Recurring, models.PROTECT, related_name="made")
    day = models.DateField()
    draft = models.UUIDField()  # a draft may be thrown away; that it was begun stays

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "recurring_id", "day"], name="recurring_once_a_day"
            ),
        )


class Receipt(ComplexScoped):
    """The fact that everybody was told what was decided in their name (결재 확인 알림).

    It covers what has its place in the log of that number below `size`, or in an earlier log.
    """

    day = models.DateField()  # in Korea, on which they were told
    log_number = models.PositiveSmallIntegerField()
    size = models.PositiveBigIntegerField()
    told = models.PositiveIntegerField()  # people
    sent_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "day"], name="receipt_once_a_day"),
        )
