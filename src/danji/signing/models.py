"""By what people sign: their agreement to it, their keys, codes, and what a certificate relay said.

Nothing here is changed afterwards, but for the tries at a code.
"""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from danji.accounts.models import Officeholder
from danji.base.models import ComplexScoped, ScopedForeignKey
from danji.outbox.models import Channel


class Agreement(ComplexScoped):
    """The person in an office accepted that what is signed here binds them (전자서명 동의).

    Source: 전자서명법 제3조제2항(당사자 간의 약정).
    """

    officeholder = ScopedForeignKey(Officeholder, models.PROTECT, related_name="agreements")
    text_version = models.CharField(max_length=20)  # of `signing.terms`
    accepted_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "officeholder_id", "text_version"], name="agreement_once"
            ),
        )


class SigningKey(ComplexScoped):
    """A passkey with which a person signs in a complex (서명 열쇠), once an officer confirmed it.

    `public_key` is a COSE key. `synced` says that the device may copy the key to the person's other
    devices, so that it is not proof of one device.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    requested_by = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    name = models.CharField(max_length=50)  # what the person calls the device
    credential_id = models.BinaryField(max_length=1023)
    public_key = models.BinaryField()
    algorithm = models.SmallIntegerField()  # COSE: -7 ES256, -8 Ed25519, -257 RS256
    rp_id = models.CharField(max_length=253)
    origin = models.CharField(max_length=300)
    synced = models.BooleanField()
    requested_at = models.DateTimeField()
    leaf_hash: bytes  # of the event that enrolled it; joined in by `queries.keys_of`
    agreement_id: UUID | None  # of whoever is about to sign; joined in by `queries.keys_to_sign`
    confirmed_at: datetime | None  # joined in by `queries.own_keys`

    class Meta:
        ordering = ("requested_at",)
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "credential_id"], name="signing_key_of_one_person"
            ),
        )
        indexes = (models.Index(fields=["complex", "person"], name="signing_key_of_person"),)

    def __str__(self) -> str:
        return self.name


class KeyConfirmation(ComplexScoped):
    """A second officer saw that the key is the person's: from here on it can sign."""

    key = ScopedForeignKey(SigningKey, models.PROTECT, related_name="confirmations")
    officer = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    leaf_hash = models.BinaryField()
    confirmed_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "key_id"], name="key_confirmed_once"),
        )


class RevocationRequest(ComplexScoped):
    """An officer asks that somebody else's key be revoked; a second officer has to agree."""

    key = ScopedForeignKey(SigningKey, models.PROTECT, related_name="revocation_requests")
    officer = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200)
    requested_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "key_id", "officer_id"], name="revocation_requested_once"
            ),
        )


class KeyRevocation(ComplexScoped):
    """The key signs no more. `officer` is the second one; none when the person gave up the own."""

    key = ScopedForeignKey(SigningKey, models.PROTECT, related_name="revocations")
    reason = models.CharField(max_length=200)
    requested_by = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    officer = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+", null=True)
    revoked_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "key_id"], name="key_revoked_once"),
        )


class CodeRequest(ComplexScoped):
    """A code was sent to the person in an office, for these statements only and for one use.

    `digests` are those of the statements, lower hex; `code_hash` is keyed, so that a reader of the
    table cannot try all codes.
    """

    officeholder = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    digests = models.JSONField()
    code_hash = models.BinaryField()
    channel = models.CharField(max_length=10, choices=Channel)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(used_at__isnull=True) | Q(used_at__lt=F("expires_at")),
                name="code_used_in_time",
            ),
        )
        indexes = (
            models.Index(
                fields=["complex", "officeholder_id", "-sent_at"], name="code_of_officeholder"
            ),
        )


class RelayRequest(ComplexScoped):
    """A person was asked, in the app of a provider (간편인증), to sign one statement."""

    officeholder = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    provider = models.CharField(max_length=10)  # a `relay.Provider`
    statement = models.BinaryField()
    receipt = models.CharField(max_length=100)  # the relay's name for the request
    requested_at = models.DateTimeField()
    closes_at = models.DateTimeField()  # from then on the answer is gone


class RelayResponse(ComplexScoped):
    """What the relay handed over, byte for byte: it does so once, so it is kept before it is read.

    It names the person (CI, birthday, telephone) and is never logged, published or shown.
    """

    request = ScopedForeignKey(RelayRequest, models.PROTECT, related_name="responses")
    body = models.BinaryField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "request_id"], name="relay_answered_once"),
        )
