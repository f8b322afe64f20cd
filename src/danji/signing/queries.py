"""By what an officeholder signs: agreement, keys, and what waits for a second officer."""

from uuid import UUID

from django.db.models import Exists, F, OuterRef, Subquery

from danji.accounts.models import Office, Officeholder
from danji.base.models import ScopedQuerySet
from danji.base.prepared import Prepared
from danji.rules.refusal import Refusal
from danji.signing import terms
from danji.signing.models import (
    Agreement,
    KeyConfirmation,
    KeyRevocation,
    RevocationRequest,
    SigningKey,
)

# Who may vouch for another person's key: those who answer for others. A key is worth as much as
# the second pair of eyes on it.
VOUCHING = frozenset({Office.MANAGER, Office.CHIEF, Office.CHAIR, Office.AUDITOR})


def _confirmed_keys(complex_id: UUID) -> ScopedQuerySet:
    revoked = KeyRevocation.objects.within(complex_id).filter(key_id=OuterRef("id"))
    confirmed: ScopedQuerySet = SigningKey.objects.within(complex_id).filter(
        ~Exists(revoked), confirmations__isnull=False
    )
    return confirmed


def _live_keys(complex_id: UUID, person_id: UUID) -> ScopedQuerySet:
    live: ScopedQuerySet = (
        _confirmed_keys(complex_id)
        .filter(person_id=person_id)
        .annotate(leaf_hash=F("confirmations__leaf_hash"))
    )
    return live


_agreement: Prepared[Agreement] = Prepared(
    lambda complex_id, officeholder_id: Agreement.objects.within(complex_id).filter(
        officeholder_id=officeholder_id, text_version=terms.CURRENT
    ),
    UUID,
    UUID,
)
_keys: Prepared[SigningKey] = Prepared(_live_keys, UUID, UUID)
_keys_to_sign: Prepared[SigningKey] = Prepared(
    lambda complex_id, person_id, officeholder_id: _live_keys(complex_id, person_id).annotate(
        agreement_id=Subquery(
            Agreement.objects.within(complex_id)
            .filter(officeholder_id=officeholder_id, text_version=terms.CURRENT)
            .values("id")
        )
    ),
    UUID,
    UUID,
    UUID,
)


def agreement_of(officeholder: Officeholder) -> Agreement | None:
    """The person's acceptance, in this office, of the current text; asked with each decision."""
    return next(iter(_agreement(officeholder.complex_id, officeholder.id)), None)


def demand_agreement(officeholder: Officeholder) -> UUID:
    """The id of the agreement under which the officeholder signs.

    Raises: Refusal when there is none.
    """
    if (agreement := agreement_of(officeholder)) is None:
        raise not_agreed()
    return agreement.id


def not_agreed() -> Refusal:
    return Refusal(
        "전자서명 동의서를 아직 받지 않아 서명할 수 없습니다.",
        next_step="서명 화면에서 동의서를 읽고 동의해 주세요. 한 번만 하면 됩니다.",
    )


def keys_of(person_id: UUID, complex_id: UUID) -> list[SigningKey]:
    """The keys a person can sign with: confirmed, not revoked; each with its `leaf_hash`."""
    return _keys(complex_id, person_id)


def keys_to_sign(officeholder: Officeholder) -> list[SigningKey]:
    """The same, and with each key `agreement_id`, or None: all that a signature needs at once."""
    return _keys_to_sign(officeholder.complex_id, officeholder.person_id, officeholder.id)


def way_of(officeholder: Officeholder) -> str:
    """How the officeholder signs: "passkey" with a key, "code" without one."""
    return "passkey" if keys_of(officeholder.person_id, officeholder.complex_id) else "code"


def persons_with_keys(complex_id: UUID) -> set[UUID]:
    """Who signs with a key in a complex, asked at once for everybody."""
    return set(_confirmed_keys(complex_id).values_list("person_id", flat=True))


def requested_keys(complex_id: UUID) -> list[SigningKey]:
    """Keys that wait for a second officer, with `person` and `requested_by`, the oldest first."""
    confirmed = KeyConfirmation.objects.within(complex_id).filter(key_id=OuterRef("id"))
    revoked = KeyRevocation.objects.within(complex_id).filter(key_id=OuterRef("id"))
    waiting = SigningKey.objects.within(complex_id).filter(~Exists(confirmed), ~Exists(revoked))
    return list(waiting.select_related("person", "requested_by__person"))


def requested_revocations(complex_id: UUID) -> list[RevocationRequest]:
    """Revocations that wait for a second officer, with `key__person` and `officer__person`."""
    revoked = KeyRevocation.objects.within(complex_id).filter(key_id=OuterRef("key_id"))
    waiting = RevocationRequest.objects.within(complex_id).filter(~Exists(revoked))
    return list(
        waiting.select_related("key__person", "officer__person").order_by("requested_at", "id")
    )


def own_keys(officeholder: Officeholder) -> list[SigningKey]:
    """Every key the person has or asked for here and that was not revoked, the newest first.

    Each has `confirmed_at`, None while it waits.
    """
    revoked = KeyRevocation.objects.within(officeholder.complex_id).filter(key_id=OuterRef("id"))
    mine = SigningKey.objects.within(officeholder.complex_id).filter(
        ~Exists(revoked), person_id=officeholder.person_id
    )
    return list(
        mine.annotate(confirmed_at=F("confirmations__confirmed_at")).order_by("-requested_at")
    )


def key_of(reader: Officeholder, key_id: UUID) -> SigningKey:
    """A key of somebody in the reader's complex. Raises: SigningKey.DoesNotExist."""
    key: SigningKey = SigningKey.objects.within(reader.complex_id).get(id=key_id)
    return key


def revocation_of(reader: Officeholder, request_id: UUID) -> RevocationRequest:
    """A revocation asked for in the reader's complex. Raises: RevocationRequest.DoesNotExist."""
    asked: RevocationRequest = RevocationRequest.objects.within(reader.complex_id).get(
        id=request_id
    )
    return asked
