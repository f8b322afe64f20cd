"""Other programs: by which token they come in, what they were answered, and what they are told."""

from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import Q

from danji.accounts.models import Officeholder
from danji.approvals.models import Outcome
from danji.base.models import ComplexScoped, ScopedForeignKey

NAME_LENGTH = 50  # characters


class ApiScope(models.TextChoices):
    """What a token lets its holder do (허용 범위)."""

    READ = "read", "읽기"
    DRAFT = "draft", "기안"
    DECIDE = "decide", "결재"
    MANAGE = "manage", "관리"


class ApiToken(ComplexScoped):
    """With it a program acts in the name of an officeholder (연계 열쇠).

    An officeholder gives one to a program of one's own; one of a system is asked for by the manager
    for a named officeholder, and never decides or manages. The secret is kept nowhere:
    `secret_hash` is its SHA-256, `prefix` how the whole token begins.
    """

    class Kind(models.TextChoices):
        """Whose program it is (본인 열쇠·시스템 열쇠)."""

        OFFICEHOLDER = "officeholder", "본인 열쇠"
        SYSTEM = "system", "시스템 열쇠"

    kind = models.CharField(max_length=12, choices=Kind)
    name = models.CharField(max_length=NAME_LENGTH)  # of the program
    officeholder = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    officeholder_id: UUID
    scopes = models.JSONField()  # of `ApiScope`
    secret_hash = models.BinaryField()
    prefix = models.CharField(max_length=20)
    created_by = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    created_by_id: UUID
    created_at = models.DateTimeField()
    expires_on = models.DateField()  # the last day on which it works
    last_used_on = models.DateField(null=True)
    confirmed_at: datetime | None  # joined in by `queries`
    revoked_at: datetime | None

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(
                condition=Q(kind="officeholder")
                | ~Q(scopes__contains="decide") & ~Q(scopes__contains="manage"),
                name="token_of_system_only_drafts",
            ),
        )
        indexes = (
            models.Index(fields=["complex", "officeholder_id"], name="token_of_officeholder"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def decides(self) -> bool:
        """Whether a program signs with it in its officeholder's name."""
        return ApiScope.DECIDE.value in self.scopes

    @property
    def manages(self) -> bool:
        """Whether a program says who is away, and proposes and confirms people and rules."""
        return ApiScope.MANAGE.value in self.scopes

    @property
    def needs_confirmation(self) -> bool:
        """Whether it works only once a second officer confirmed it: more than one person's own."""
        return self.kind == self.Kind.SYSTEM or self.decides or self.manages

    @property
    def doing(self) -> str:
        """What a program does with it in its officeholder's name, as it is read."""
        if self.decides:
            return "결재하고 사람과 규칙을 관리하는" if self.manages else "결재하는"
        return "사람과 규칙을 관리하는" if self.manages else "문서를 올리는"


class TokenConfirmation(ComplexScoped):
    """A second officer agreed to a token that needs one: now it works."""

    token = ScopedForeignKey(ApiToken, models.PROTECT, related_name="confirmations")
    officer = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "token_id"], name="token_confirmed_once"),
        )


class TokenRevocation(ComplexScoped):
    """The token works no more."""

    token = ScopedForeignKey(ApiToken, models.PROTECT, related_name="revocations")
    officer = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "token_id"], name="token_revoked_once"),
        )


class IdempotentAnswer(ComplexScoped):
    """What a program was answered when it wrote: asked again with the same key, it hears the same.

    `fingerprint` is the SHA-256 of what was asked. It is kept for a week.
    """

    token = ScopedForeignKey(ApiToken, models.PROTECT, related_name="+")
    key = models.CharField(max_length=100)
    fingerprint = models.BinaryField()
    status = models.PositiveSmallIntegerField()
    body = models.TextField()
    answered_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "token_id", "key"], name="idempotent_answer_once"
            ),
        )
        indexes = (
            models.Index(fields=["complex", "answered_at"], name="idempotent_answer_by_date"),
        )


class Upload(ComplexScoped):
    """A file that a program sent ahead, to be attached to a document by its digest.

    Only whoever sent it may attach it: knowing a digest gives nobody the file. It was examined when
    it came. Its bytes (`ahead`) are its own, and are kept as long as the row, for a week.
    """

    officeholder = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField()  # bytes
    sha256 = models.CharField(max_length=64)
    uploaded_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(
                fields=["complex", "officeholder_id", "sha256"], name="upload_of_officeholder"
            ),
            models.Index(fields=["complex", "uploaded_at"], name="upload_by_date"),
        )


class Webhook(ComplexScoped):
    """Where a program is told that a document's line ended (완결 알림).

    `endings` are of `rules.approval.Ending`. The secret that signs is not kept here: it follows
    from the server's own and the id.
    """

    name = models.CharField(max_length=NAME_LENGTH)  # of the program
    url = models.CharField(max_length=500)
    endings = models.JSONField()
    registered_by = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    registered_at = models.DateTimeField()

    class Meta:
        ordering = ("-registered_at", "-id")

    def __str__(self) -> str:
        return self.name


class WebhookEnd(ComplexScoped):
    """Nothing more is sent: an officer ended it, or (no officer) the receiver is gone for good."""

    webhook = ScopedForeignKey(Webhook, models.PROTECT, related_name="ends")
    officer = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+", null=True)
    ended_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "webhook_id"], name="webhook_ended_once"),
        )


class WebhookAttempt(ComplexScoped):
    """A receiver did not take what it was told; `problem` says why, for an officer to read."""

    webhook = ScopedForeignKey(Webhook, models.PROTECT, related_name="attempts")
    outcome = ScopedForeignKey(Outcome, models.PROTECT, related_name="+")
    outcome_id: UUID
    tried_at = models.DateTimeField()
    problem = models.CharField(max_length=200)

    class Meta:
        indexes = (
            models.Index(
                fields=["complex", "webhook_id", "outcome_id", "tried_at"],
                name="attempt_of_outcome",
            ),
        )


class WebhookDelivery(ComplexScoped):
    """The fact that a receiver took what it was told, or, with `given_up`, that it never did.

    At least once, seldom twice.
    """

    webhook = ScopedForeignKey(Webhook, models.PROTECT, related_name="deliveries")
    outcome = ScopedForeignKey(Outcome, models.PROTECT, related_name="+")
    outcome_id: UUID
    delivered_at = models.DateTimeField()
    given_up = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "webhook_id", "outcome_id"], name="webhook_delivery_once"
            ),
        )
