"""How a token (연계 열쇠) is written, and by what one signs.

    danji_<base64url(id of the token ‖ id of the complex ‖ 256 random bits)>

The complex stands in it, so that its rows can be entered before the token is looked up.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from danji.integration.models import ApiToken
from danji.signing.evidence import Evidence, Level, Signer
from danji.signing.queries import demand_agreement

BEGINNING = "danji_"
SECRET = 32  # bytes
LENGTH = len(BEGINNING) + 86  # characters: 64 bytes in base64url without padding
SHOWN = len(BEGINNING) + 12  # characters that tell one token from another, and open nothing


@dataclass(frozen=True)
class Presented:
    """A token as somebody presents it: nothing of it is known to be true yet."""

    complex_id: UUID
    token_id: UUID
    secret_hash: bytes


def make_token(complex_id: UUID, token_id: UUID) -> str:
    """A new token, which its holder sees once."""
    data = token_id.bytes + complex_id.bytes + secrets.token_bytes(SECRET)
    return BEGINNING + urlsafe_b64encode(data).rstrip(b"=").decode()


def read_token(text: str) -> Presented | None:
    """What a token says of itself; None for what is no token."""
    if len(text) != LENGTH or not text.startswith(BEGINNING):
        return None
    try:
        data = urlsafe_b64decode(text.removeprefix(BEGINNING) + "==")
    except ValueError:
        return None
    if len(data) != 2 * 16 + SECRET:
        return None
    return Presented(
        complex_id=UUID(bytes=data[16:32]),
        token_id=UUID(bytes=data[:16]),
        secret_hash=sha256(data[32:]).digest(),
    )


def token_signer(token: ApiToken) -> Signer:
    """Rests on who holds the token, and shows nothing beyond that: the lowest level there is."""

    def sign(_statement: bytes) -> Evidence:
        agreement = demand_agreement(token.officeholder)
        return Evidence(Level.SIMPLE, "api-token", {"token": token.id.hex}, agreement)

    return sign
