"""Passkeys (WebAuthn): registering one, and signing statements with it.

The signature is checked by `danji_verify.signature`, the same code that a stranger runs later.
"""

import base64
import binascii
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from fido2 import cbor
from fido2.server import Fido2Server
from fido2.webauthn import (
    CollectedClientData,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from danji.accounts.models import Officeholder
from danji.rules.refusal import Refusal
from danji.signing import queries
from danji.signing.evidence import Evidence, Level, Signer
from danji.signing.models import SigningKey
from danji_verify.canonical import b64encode
from danji_verify.errors import VerifyError, Wrong
from danji_verify.shapes import Fields
from danji_verify.signature import (
    ED25519,
    ES256,
    MAX_BATCH,
    RS256,
    batch_challenge,
    check_auth,
    cose_algorithm,
    statement_digest,
)

logger = logging.getLogger(__name__)

_PARTS = ("id", "client_data", "authenticator_data", "signature")


@dataclass(frozen=True)
class Registered:
    """A new passkey, as the device told of it. `public_key` is a COSE key."""

    credential_id: bytes
    public_key: bytes
    algorithm: int
    rp_id: str
    origin: str
    synced: bool  # the device may copy it to the person's other devices


def challenge(statements: Sequence[bytes]) -> bytes:
    """What a passkey has to sign for these statements, in this order; 32 bytes.

    Raises: Refusal for more than one signature may cover.
    """
    _demand_batch(statements)
    digests = [statement_digest(statement) for statement in statements]
    return digests[0] if len(digests) == 1 else batch_challenge(digests)


def assertion_options(officeholder: Officeholder) -> dict[str, Any]:
    """What the page asks the device for: `{"rp_id", "allow": [base64url credential ids]}`."""
    keys = queries.keys_of(officeholder.person_id, officeholder.complex_id)
    return {"rp_id": _rp_id(), "allow": [websafe(bytes(key.credential_id)) for key in keys]}


def registration_options(officeholder: Officeholder) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the page asks the device for when a new passkey is made, and what to remember of it.

    Returns: `{"publicKey": PublicKeyCredentialCreationOptionsJSON}`, and the state: keep it in the
    session, hand it to `actions.request_key` once, and forget it.
    """
    person, complex_ = officeholder.person, officeholder.complex
    options, state = _server().register_begin(
        PublicKeyCredentialUserEntity(
            # Of its own for each complex and apart from signing in: a device keeps one passkey for
            # each user, and the newer one would take the place of the other.
            id=sha256(b"apt.user.v1\0" + complex_.id.bytes + person.id.bytes).digest(),
            name=f"{complex_.name} 결재 서명",
            display_name=person.name,
        ),
        credentials=[
            PublicKeyCredentialDescriptor(
                type=PublicKeyCredentialType.PUBLIC_KEY, id=bytes(key.credential_id)
            )
            for key in queries.own_keys(officeholder)
        ],
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(options), {**state, "officeholder": officeholder.id.hex}


def read_registration(
    state: Mapping[str, Any], response: Mapping[str, Any], officeholder: Officeholder
) -> Registered:
    """The passkey a device has made.

    Args: `state` is from `registration_options`; `response` is the RegistrationResponseJSON.
    Raises: Refusal when it is not the answer to that state, or not made on this site by a device
    that verified its user.
    """
    if state.get("officeholder") != officeholder.id.hex:
        raise _not_registered()
    try:
        answer = RegistrationResponse.from_dict(response)
        made = _server().register_complete(dict(state), answer)
        _demand_own_page(answer.response.client_data)
        credential: Any = made.credential_data
        public_key = cbor.encode(credential.public_key)
        algorithm = cose_algorithm(public_key)
    except Exception as problem:
        # What a page sends may be anything; the reader of it may stumble over anything.
        logger.warning("a passkey of %s was not registered: %r", officeholder.id, problem)
        raise _not_registered() from problem
    return Registered(
        credential_id=bytes(credential.credential_id),
        public_key=public_key,
        algorithm=algorithm,
        rp_id=_rp_id(),
        origin=site_origin(),
        synced=made.is_backup_eligible(),
    )


def passkey_signer(
    officeholder: Officeholder,
    assertion: Mapping[str, str],
    *,
    batch: Sequence[bytes] | None = None,
) -> Signer:
    """Signs what the officeholder's device has signed.

    Args: `assertion` has `id`, `client_data`, `authenticator_data` and `signature` in base64url
    without padding; `batch` are all statements that were signed at once, in their order.
    Raises: Refusal when the key is not enrolled for the person, or the person has not agreed.
    """
    parts = _read_assertion(assertion)
    key = _key(officeholder, parts["id"])
    statements = batch or ()
    if statements:
        _demand_batch(statements)
    several = len(statements) > 1
    digests = [b64encode(statement_digest(statement)) for statement in statements]
    evidence = Evidence(
        Level.AUTHENTICATED,
        "passkey",
        {
            "credential": b64encode(parts["id"]),
            "public_key": b64encode(bytes(key.public_key)),
            "rp_id": key.rp_id,
            "origin": site_origin(),
            "client_data": b64encode(parts["client_data"]),
            "authenticator_data": b64encode(parts["authenticator_data"]),
            "signature": b64encode(parts["signature"]),
            "key": key.id.hex,
            "enrolled": b64encode(bytes(key.leaf_hash)),
            **({"batch": digests} if several else {}),
        },
        key.agreement_id,
    )
    auth = Fields(evidence.as_json())

    def sign(statement: bytes) -> Evidence:
        try:
            check_auth(auth, statement)
        except VerifyError as problem:
            logger.warning("a signature of %s was refused: %s", officeholder.id, problem)
            fact = str(problem) if isinstance(problem, Wrong) else "서명을 읽을 수 없습니다."
            raise Refusal(
                f"{fact} 결재하지 않았습니다.",
                next_step="문서를 다시 열어 내용을 확인한 뒤 다시 서명해 주세요.",
            ) from problem
        return evidence

    return sign


def site_origin() -> str:
    """The origin of this site's pages, as browsers write it into what they sign."""
    parts = urlsplit(settings.SITE_URL)
    return f"{parts.scheme}://{parts.netloc}"


def websafe(data: bytes) -> str:
    """Base64url without padding, as WebAuthn writes bytes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unwebsafe(text: str) -> bytes:
    """Raises: ValueError for anything but the one spelling of some bytes."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as problem:
        raise ValueError("not base64url") from problem
    if websafe(data) != text:
        raise ValueError("base64url that is not canonical")
    return data


def _rp_id() -> str:
    return urlsplit(settings.SITE_URL).hostname or ""


def _server() -> Fido2Server:
    server = Fido2Server(
        PublicKeyCredentialRpEntity(name="단지 전자결재", id=_rp_id()),
        verify_origin=lambda origin: origin == site_origin(),
    )
    server.allowed_algorithms = [
        PublicKeyCredentialParameters(type=PublicKeyCredentialType.PUBLIC_KEY, alg=algorithm)
        for algorithm in (ES256, ED25519, RS256)
    ]
    return server


def _demand_own_page(client_data: CollectedClientData) -> None:
    """Raises: ValueError for a page inside another site's."""
    if client_data.cross_origin or "topOrigin" in json.loads(bytes(client_data)):
        raise ValueError("made inside another site")


def _not_registered() -> Refusal:
    return Refusal(
        "기기를 등록하지 못했습니다. 기기가 보낸 것이 맞지 않습니다.",
        next_step="기기의 잠금(지문, 얼굴, 비밀번호)을 켜고 화면을 새로 열어 다시 등록해 주세요.",
    )


def _read_assertion(assertion: Mapping[str, str]) -> dict[str, bytes]:
    try:
        return {part: unwebsafe(assertion[part]) for part in _PARTS}
    except (KeyError, TypeError, ValueError) as problem:
        logger.warning("an assertion that cannot be read: %r", problem)
        raise Refusal(
            "기기가 보낸 서명을 읽을 수 없습니다. 결재하지 않았습니다.",
            next_step="화면을 새로 열어 다시 서명해 주세요.",
        ) from problem


def _key(officeholder: Officeholder, credential_id: bytes) -> SigningKey:
    keys = queries.keys_to_sign(officeholder)
    key = next((key for key in keys if bytes(key.credential_id) == credential_id), None)
    if key is None:
        queries.demand_agreement(officeholder)
        logger.warning("%s signed with a key that is not enrolled", officeholder.id)
        raise Refusal(
            "이 기기의 패스키는 서명에 쓸 수 없습니다. 아직 확인을 받지 않았거나 폐지되었습니다.",
            next_step="등록을 확인받은 기기로 서명하거나, 확인 번호를 받아 서명해 주세요.",
        )
    if key.agreement_id is None:
        raise queries.not_agreed()
    return key


def _demand_batch(statements: Sequence[bytes]) -> None:
    if not statements:
        raise ValueError("there is nothing to sign")
    if len(statements) > MAX_BATCH:
        raise Refusal(
            f"한 번에 {MAX_BATCH}건까지 서명할 수 있습니다. 지금 {len(statements)}건을 골랐습니다.",
            next_step="나누어서 서명해 주세요.",
        )
