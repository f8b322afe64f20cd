"""Salted commitments: what a leaf says about a value without telling the value.

SHA-256("apt.commit.v1\\0" ‖ field ‖ 0x00 ‖ salt (32 bytes) ‖ SHA-256(value))
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from danji_verify.canonical import b64decode, b64encode
from danji_verify.errors import FormatError

SALT_SIZE = 32
COMMITMENT_SIZE = 32

_DOMAIN = b"apt.commit.v1\0"
_FIELD = re.compile(r"[a-z][a-z_]{0,31}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def commit(field: str, salt: bytes, value_sha256: bytes) -> bytes:
    """Args: `salt` and `value_sha256` are 32 bytes each. Returns: 32 bytes. Raises: ValueError."""
    if not _FIELD.fullmatch(field):
        raise ValueError("not the name of a field")
    if len(salt) != SALT_SIZE or len(value_sha256) != 32:
        raise ValueError("a salt and a digest are 32 bytes each")
    return sha256(_DOMAIN + field.encode() + b"\0" + salt + value_sha256).digest()


@dataclass(frozen=True)
class Opening:
    """What opens a commitment: the salt, and the value or, for a file at hand, its digest."""

    salt: bytes
    digest: bytes  # SHA-256 of the value
    value: bytes | None = None

    @classmethod
    def of(cls, salt: bytes, value: bytes) -> "Opening":
        return cls(salt, sha256(value).digest(), value)

    @classmethod
    def parse(cls, data: object) -> "Opening":
        """Args: `data` is {"salt", "value"} in base64, or {"salt", "sha256"} with hex.

        Raises: FormatError.
        """
        if not isinstance(data, Mapping) or not all(isinstance(v, str) for v in data.values()):
            raise FormatError("not an opening")
        if data.keys() == {"salt", "value"}:
            return cls.of(b64decode(data["salt"], SALT_SIZE), b64decode(data["value"]))
        if data.keys() == {"salt", "sha256"} and _SHA256.fullmatch(data["sha256"]):
            return cls(b64decode(data["salt"], SALT_SIZE), bytes.fromhex(data["sha256"]))
        raise FormatError("not an opening")

    def as_json(self) -> dict[str, str]:
        salt = b64encode(self.salt)
        if self.value is None:
            return {"salt": salt, "sha256": self.digest.hex()}
        return {"salt": salt, "value": b64encode(self.value)}

    def opens(self, field: str, commitment: bytes) -> bool:
        return commit(field, self.salt, self.digest) == commitment
