"""Signed notes (c2sp.org/signed-note v1.0.0): a text, an empty line, signature lines.

— <key name> <base64(4-byte key ID ‖ signature)>
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from danji_verify.canonical import b64decode, b64encode
from danji_verify.errors import FormatError, NoteError, WeakKey

ED25519 = 0x01
COSIGNATURE = 0x04  # Ed25519 over a checkpoint and a time (c2sp.org/tlog-cosignature)
MLDSA_COSIGNATURE = 0x06  # ML-DSA-44 over the head of a tree and a time (the same, HEAD)

MAX_SIGNATURES = 64  # as many as a policy may name; the specification asks for at least 16
MAX_NOTE = 256 * 1024  # bytes: 64 lines of ML-DSA-44, which are the longest
MAX_TIME = 2**63 - 1  # POSIX seconds

_FIELD = 2**255 - 19  # the prime of Curve25519

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_VKEY_ID = re.compile(r"[0-9a-f]{8}")


class SigningKey(Protocol):
    """An Ed25519 key to sign with, wherever it is kept: a file, a token, somebody's service."""

    def public_key(self) -> Ed25519PublicKey: ...

    def sign(self, data: bytes, /) -> bytes: ...


@dataclass(frozen=True)
class VerifierKey:
    """A public key under a name, as a vkey line writes it: `name+key ID+base64(type ‖ key)`."""

    name: str
    type: int  # signature type byte
    public: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        scheme = SCHEMES.get(self.type)
        if scheme is None:
            raise NoteError(f"unknown signature type 0x{self.type:02x}")
        if len(self.public) != scheme.public_length:
            raise NoteError("a public key of the wrong length")
        if self.type in (ED25519, COSIGNATURE) and is_weak(self.public):
            raise WeakKey("a public key that anybody can sign for")

    @classmethod
    def parse(cls, vkey: str) -> "VerifierKey":
        """Raises: NoteError when malformed, or when the key ID is not the one of the key."""
        name, plus, rest = vkey.partition("+")
        key_id, second_plus, encoded = rest.partition("+")
        if not plus or not second_plus or not _VKEY_ID.fullmatch(key_id):
            raise NoteError("not a verifier key")
        try:
            material = b64decode(encoded)
        except FormatError as problem:
            raise NoteError(f"not a verifier key: {problem}") from problem
        if not material:
            raise NoteError("a verifier key without a key")
        key = cls(name, material[0], material[1:])
        if key.key_id.hex() != key_id:
            raise NoteError("a verifier key whose key ID does not fit")
        return key

    @property
    def key_id(self) -> bytes:
        material = self.name.encode() + b"\n" + bytes([self.type]) + self.public
        return sha256(material).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64encode(bytes([self.type]) + self.public)}"


@dataclass(frozen=True)
class Signature:
    """One signature line, not yet verified."""

    name: str
    key_id: bytes  # 4 bytes
    signature: bytes

    @classmethod
    def parse(cls, line: str) -> "Signature":
        """Args: `line` is without its line feed. Raises: NoteError."""
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        if dash != "—":
            raise NoteError("a signature line that does not begin with a dash")
        check_key_name(name)
        try:
            payload = b64decode(encoded)
        except FormatError as problem:
            raise NoteError(f"a signature line that is malformed: {problem}") from problem
        if len(payload) <= 4:
            raise NoteError("a signature line without a signature")
        return cls(name, payload[:4], payload[4:])

    def __str__(self) -> str:
        return f"— {self.name} {b64encode(self.key_id + self.signature)}"


@dataclass(frozen=True)
class Verified:
    """A signature by a known key that holds."""

    key: VerifierKey
    time: int | None  # POSIX seconds, when the signature carries a time


@dataclass(frozen=True)
class Note:
    text: str  # ends in a line feed
    signatures: tuple[Signature, ...]


@dataclass(frozen=True)
class OpenedNote(Note):
    """A note signed by at least one known key."""

    verified: tuple[Verified, ...]

    def by(self, key: VerifierKey) -> Verified | None:
        return next((found for found in self.verified if found.key == key), None)


@dataclass(frozen=True)
class Scheme:
    """How signatures of one type are checked.

    `verify(key, text, signature)` returns the time the signature carries, or None where its
    type carries none, and raises InvalidSignature.
    """

    public_length: int  # bytes
    verify: Callable[[VerifierKey, bytes, bytes], int | None]


def is_weak(public: bytes) -> bool:
    """Whether an Ed25519 key is one of the points of small order, or not written as it should be.

    A signature for such a point holds whatever was signed. Their y are 0, 1 and −1, and where
    d·y⁴ + 2·y² = 1 with d = −121665/121666.
    Args: `public` is 32 bytes. Source: RFC 8032, 5.1.
    """
    y = int.from_bytes(public, "little") % 2**255  # without the sign of x
    square = y * y % _FIELD
    eight = (-121665 * square * square + 2 * 121666 * square - 121666) % _FIELD
    return y >= _FIELD or 0 in (y, (square - 1) % _FIELD, eight)


def check_key_name(name: str) -> None:
    """Raises: NoteError for an empty name, one with a space, a plus or a control character."""
    if not name or "+" in name or any(letter.isspace() or letter < " " for letter in name):
        raise NoteError("a key name that is not allowed")


def parse_note(data: bytes) -> Note:
    """Split a note into text and signature lines, verifying nothing. Raises: NoteError."""
    if len(data) > MAX_NOTE:
        raise NoteError("a note that is too large")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise NoteError("a note that is not UTF-8") from problem
    if _CONTROL.search(whole):
        raise NoteError("a note with a control character")
    text, separator, block = whole.rpartition("\n\n")
    if not separator or not block.endswith("\n"):
        raise NoteError("a note without signature lines")
    lines = block[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError(f"a note with more than {MAX_SIGNATURES} signatures")
    if len(set(lines)) < len(lines):
        # Says nothing more, and whoever repeats a true line has each copy verified and kept.
        raise NoteError("a note with a signature line that is there twice")
    return Note(text + "\n", tuple(Signature.parse(line) for line in lines))


def format_note(text: str, signatures: Sequence[Signature]) -> bytes:
    """The bytes of a note. Raises: NoteError when `parse_note` would not read them back."""
    data = (text + "\n" + "".join(f"{line}\n" for line in signatures)).encode()
    if parse_note(data) != Note(text, tuple(signatures)):
        raise NoteError("a text that cannot be signed as a note")
    return data


def open_note(data: bytes, keys: Iterable[VerifierKey]) -> OpenedNote:
    """Verify a note against known keys. Lines by unknown keys are ignored.

    Raises: NoteError when malformed, when a known key's signature does not hold, and when no
    known key signed.
    """
    note = parse_note(data)
    verified = verify_signatures(note, keys)
    if not verified:
        raise NoteError("a note that no known key signed")
    return OpenedNote(note.text, note.signatures, verified)


def verify_signatures(note: Note, keys: Iterable[VerifierKey]) -> tuple[Verified, ...]:
    """The signatures by known keys, each key once. Raises: NoteError when one does not hold."""
    known = _by_identity(keys)
    text = note.text.encode()
    verified: dict[VerifierKey, Verified] = {}
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        try:
            time = SCHEMES[key.type].verify(key, text, line.signature)
        except InvalidSignature as problem:
            raise NoteError(f"the signature of {key.name} does not hold") from problem
        verified.setdefault(key, Verified(key, time))
    return tuple(verified.values())


def ed25519_public(private_key: SigningKey) -> bytes:
    return private_key.public_key().public_bytes_raw()


def sign_note(text: str, name: str, *private_keys: SigningKey) -> bytes:
    """A note with an Ed25519 signature (type 0x01) by each key. Raises: NoteError."""
    lines = []
    for private_key in private_keys:
        key = VerifierKey(name, ED25519, ed25519_public(private_key))
        lines.append(Signature(name, key.key_id, private_key.sign(text.encode())))
    return format_note(text, lines)


def cosignature_message(text: bytes, time: int) -> bytes:
    """What an Ed25519 witness signs: the time, and the whole text of the checkpoint."""
    if not 0 <= time <= MAX_TIME:
        raise NoteError("a time out of range")
    return b"cosignature/v1\ntime %d\n" % time + text


def subtree_message(name: str, text: bytes, time: int) -> bytes:
    """What an ML-DSA-44 witness of that name signs: the time, and the head of the tree.

    Extension lines of the checkpoint are not covered. Raises: NoteError; FormatError when the
    text is no checkpoint.
    """
    if not 0 <= time <= MAX_TIME:
        raise NoteError("a time out of range")
    lines = text.decode().split("\n")
    if len(lines) < 4:
        raise NoteError("not a checkpoint")
    origin, size, root = lines[:3]
    labels = [name.encode(), origin.encode()]
    if not all(1 <= len(label) <= 255 for label in labels) or not DECIMAL.fullmatch(size):
        raise NoteError("not a checkpoint")
    own, log = (bytes([len(label)]) + label for label in labels)
    start, end = bytes(8), int(size).to_bytes(8, "big")
    return (
        b"subtree/v1\n\0" + own + time.to_bytes(8, "big") + log + start + end + b64decode(root, 32)
    )


def _by_identity(keys: Iterable[VerifierKey]) -> Mapping[tuple[str, bytes], VerifierKey]:
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise NoteError("two known keys share their name and key ID")
    return known


def _verify_ed25519(key: VerifierKey, text: bytes, signature: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text)
    except ValueError as problem:
        raise InvalidSignature from problem


def _verify_cosignature(key: VerifierKey, text: bytes, signature: bytes) -> int:
    time = _time_of(signature, 64)
    _verify_ed25519(key, cosignature_message(text, time), signature[8:])
    return time


def _verify_mldsa_cosignature(key: VerifierKey, text: bytes, signature: bytes) -> int:
    time = _time_of(signature, 2420)
    try:
        message = subtree_message(key.name, text, time)
        MLDSA44PublicKey.from_public_bytes(key.public).verify(signature[8:], message)
    except ValueError as problem:
        raise InvalidSignature from problem
    return time


def _time_of(signature: bytes, length: int) -> int:
    """The time before a signature of that length in bytes. Raises: InvalidSignature."""
    time = int.from_bytes(signature[:8], "big")
    if len(signature) != 8 + length or time > MAX_TIME:
        raise InvalidSignature
    return time


SCHEMES: Mapping[int, Scheme] = {
    ED25519: Scheme(32, _verify_ed25519),
    COSIGNATURE: Scheme(32, _verify_cosignature),
    MLDSA_COSIGNATURE: Scheme(1312, _verify_mldsa_cosignature),
}
