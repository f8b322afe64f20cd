"""Checkpoints (c2sp.org/tlog-checkpoint v1.0.0): what a log signs about its tree."""

from dataclasses import dataclass

from danji_verify.canonical import b64decode, b64encode
from danji_verify.errors import FormatError
from danji_verify.merkle import EMPTY_ROOT, HASH_SIZE
from danji_verify.note import (
    COSIGNATURE,
    DECIMAL,
    ED25519,
    Signature,
    SigningKey,
    VerifierKey,
    check_key_name,
    cosignature_message,
    ed25519_public,
    sign_note,
)

MAX_SIZE = 2**63 - 1


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log: `size` leaves under `root` (32 bytes)."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises: FormatError."""
        lines = (self.origin, *self.extensions)
        if any(not line or "\n" in line for line in lines):
            raise FormatError("a checkpoint with an empty line")
        if not 0 <= self.size <= MAX_SIZE:
            raise FormatError("a checkpoint whose size is out of range")
        if len(self.root) != HASH_SIZE:
            raise FormatError("a checkpoint whose root is not 32 bytes")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise FormatError("a checkpoint of an empty tree with another root")

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Args: `text` is the text of the note, not the whole note. Raises: FormatError."""
        if not text.endswith("\n"):
            raise FormatError("a checkpoint that does not end in a line feed")
        lines = text[:-1].split("\n")
        if len(lines) < 3:
            raise FormatError("a checkpoint of fewer than three lines")
        origin, size, root, *extensions = lines
        return cls(origin, parse_decimal(size), b64decode(root, HASH_SIZE), tuple(extensions))

    @classmethod
    def parse_printed(cls, text: str) -> "Checkpoint":
        """A head as `printed` writes it, or the whole address of a QR code that ends in one.

        Raises: FormatError.
        """
        said = text.strip()
        lines = said[said.find("#") + 1 :].rsplit(",", 2)
        if len(said.split()) != 1:
            raise FormatError("not one word")
        return cls.parse("".join(f"{line}\n" for line in lines))

    @property
    def printed(self) -> str:
        """As it stands on paper, without a signature: `origin,size,root`, the root in base64."""
        return f"{self.origin},{self.size},{b64encode(self.root)}"

    def text(self) -> str:
        lines = [self.origin, str(self.size), b64encode(self.root), *self.extensions]
        return "".join(f"{line}\n" for line in lines)


def parse_decimal(text: str) -> int:
    """A number from 0 to 2^63 − 1 without leading zeros. Raises: FormatError."""
    if not DECIMAL.fullmatch(text) or int(text) > MAX_SIZE:
        raise FormatError("not a decimal number")
    return int(text)


def log_key(origin: str, private_key: SigningKey) -> VerifierKey:
    """The key others know the log by: its name is the origin."""
    return VerifierKey(origin, ED25519, ed25519_public(private_key))


def witness_key(name: str, private_key: SigningKey) -> VerifierKey:
    return VerifierKey(name, COSIGNATURE, ed25519_public(private_key))


def sign_checkpoint(checkpoint: Checkpoint, *private_keys: SigningKey) -> bytes:
    """The checkpoint as a signed note, its keys named like the origin: one, or two while the log
    changes its key. Raises: NoteError.
    """
    check_key_name(checkpoint.origin)
    return sign_note(checkpoint.text(), checkpoint.origin, *private_keys)


def cosign(checkpoint: Checkpoint, *, name: str, private_key: SigningKey, at: int) -> Signature:
    """A witness's signature line: at that time (POSIX seconds) this was the largest tree it saw.

    Raises: NoteError.
    """
    key = witness_key(name, private_key)
    message = cosignature_message(checkpoint.text().encode(), at)
    return Signature(name, key.key_id, at.to_bytes(8, "big") + private_key.sign(message))
