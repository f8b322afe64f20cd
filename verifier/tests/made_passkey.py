"""Passkeys made by hand, the events that enrolled them, and what they sign."""

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from danji_verify.canonical import b64encode
from danji_verify.entry import Event
from danji_verify.signature import statement_digest

SITE = "danji.example"
ES256 = ec.generate_private_key(ec.SECP256R1())
EDDSA = ed25519.Ed25519PrivateKey.generate()
RS256 = rsa.generate_private_key(65537, 2048)


def octets(data: bytes) -> bytes:
    """A CBOR byte string."""
    size = len(data)
    return (bytes([0x58, size]) if size < 256 else b"\x59" + size.to_bytes(2, "big")) + data


def cose(key) -> bytes:
    public = key.public_key()
    if key is EDDSA:
        return bytes.fromhex("a4010103272006") + b"\x21" + octets(public.public_bytes_raw())
    numbers = public.public_numbers()
    if key is ES256:
        x, y = (octets(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
        return bytes.fromhex("a5010203262001") + b"\x21" + x + b"\x22" + y
    modulus = octets(numbers.n.to_bytes(256, "big"))
    return bytes.fromhex("a401030339010020") + modulus + bytes.fromhex("2143010001")


def signed_with(key, message: bytes) -> bytes:
    if key is EDDSA:
        return key.sign(message)
    if key is ES256:
        return key.sign(message, ec.ECDSA(hashes.SHA256()))
    return key.sign(message, padding.PKCS1v15(), hashes.SHA256())


ENROLLED = {"credential": "AQ==", "rp_id": SITE, "origin": f"https://{SITE}"}


def by_passkey(key, enrolled: bytes, *, flags: int = 5, spoil: bool = False, **said):
    """Signs statements with a passkey, as WebAuthn has it."""

    def sign(statement: bytes) -> dict[str, str]:
        challenge = urlsafe_b64encode(statement_digest(statement)).rstrip(b"=").decode()
        told = {"type": "webauthn.get", "challenge": challenge, "origin": ENROLLED["origin"]}
        client = json.dumps(told | said).encode()
        data = sha256(SITE.encode()).digest() + bytes([flags, 0, 0, 0, 0])
        signature = signed_with(key, data + sha256(client).digest())
        parts = {
            "public_key": cose(key),
            "client_data": client,
            "authenticator_data": data,
            "signature": signature[:-1] if spoil else signature,
            "enrolled": enrolled,
        }
        coded = {name: b64encode(part) for name, part in parts.items()}
        ids = dict.fromkeys(("key", "agreement"), "0" * 32)
        return {"level": "authenticated", "method": "passkey"} | ENROLLED | coded | ids

    return sign


def enrolled(key) -> tuple[Event, dict[str, Any]]:
    """The event by which the manager's key was enrolled, before an officer who confirmed it."""
    person = {"office": "과장", "from": "2026-01-01", "until": None}
    return (
        Event.ENROLLED,
        {
            "key": ENROLLED | {"public_key": b64encode(cose(key))},
            "actor": person | {"name": "박세찬", "officeholder": "1" * 32},
            "officer": person | {"name": "이두리", "officeholder": "2" * 32},
        },
    )
