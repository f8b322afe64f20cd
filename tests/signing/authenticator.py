"""A device with a passkey, in software: it answers as a browser's page would hand it on."""

import base64
import json
import os
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from fido2 import cbor
from fido2.cose import ES256, RS256, EdDSA
from fido2.webauthn import AttestedCredentialData

UP, UV, BE, AT = 0x01, 0x04, 0x08, 0x40


def websafe(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


class SoftPasskey:
    """One passkey of one site. `algorithm` is its COSE number: -7, -8 or -257.

    What it would never do is asked for by keyword: `flags`, `origin`, `kind`, `cross_origin`.
    """

    def __init__(self, rp_id: str, origin: str, algorithm: int = -7) -> None:
        self.rp_id, self.origin = rp_id, origin
        self.credential_id = os.urandom(16)
        match algorithm:
            case -7:
                self._key = ec.generate_private_key(ec.SECP256R1())
                public_key = ES256.from_cryptography_key(self._key.public_key())
            case -8:
                self._key = ed25519.Ed25519PrivateKey.generate()
                public_key = EdDSA.from_cryptography_key(self._key.public_key())
            case -257:
                self._key = rsa.generate_private_key(65537, 2048)
                public_key = RS256.from_cryptography_key(self._key.public_key())
        self.public_key = cbor.encode(public_key)
        self._cose = public_key

    def registration(
        self,
        challenge: bytes,
        *,
        flags: int = UP | UV | BE,
        origin: str | None = None,
        kind: str = "webauthn.create",
        **said: object,
    ) -> dict[str, object]:
        """A RegistrationResponseJSON for the challenge (bytes) of the options."""
        attested = AttestedCredentialData.create(b"\0" * 16, self.credential_id, self._cose)
        authenticator_data = self._authenticator_data(flags | AT) + attested
        client_data = self._client_data(kind, challenge, origin, said)
        attestation = {"fmt": "none", "attStmt": {}, "authData": authenticator_data}
        return {
            "id": websafe(self.credential_id),
            "rawId": websafe(self.credential_id),
            "type": "public-key",
            "response": {
                "clientDataJSON": websafe(client_data),
                "attestationObject": websafe(cbor.encode(attestation)),
            },
            "clientExtensionResults": {},
        }

    def assertion(
        self,
        challenge: bytes,
        *,
        flags: int = UP | UV | BE,
        origin: str | None = None,
        kind: str = "webauthn.get",
        **said: object,
    ) -> dict[str, str]:
        """The parts of a signature of the challenge, as `passkeys.passkey_signer` takes them."""
        authenticator_data = self._authenticator_data(flags)
        client_data = self._client_data(kind, challenge, origin, said)
        signature = self.sign(authenticator_data + sha256(client_data).digest())
        return {
            "id": websafe(self.credential_id),
            "client_data": websafe(client_data),
            "authenticator_data": websafe(authenticator_data),
            "signature": websafe(signature),
        }

    def sign(self, message: bytes) -> bytes:
        match self._key:
            case ec.EllipticCurvePrivateKey():
                return self._key.sign(message, ec.ECDSA(hashes.SHA256()))
            case ed25519.Ed25519PrivateKey():
                return self._key.sign(message)
        return self._key.sign(message, padding.PKCS1v15(), hashes.SHA256())

    def _authenticator_data(self, flags: int) -> bytes:
        return sha256(self.rp_id.encode()).digest() + bytes([flags]) + b"\0\0\0\0"

    def _client_data(
        self, kind: str, challenge: bytes, origin: str | None, said: dict[str, object]
    ) -> bytes:
        client_data = {
            "type": kind,
            "challenge": websafe(challenge),
            "origin": origin or self.origin,
            "crossOrigin": False,
        }
        return json.dumps(client_data | said, separators=(",", ":")).encode()
