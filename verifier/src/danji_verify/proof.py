"""Offline proofs of inclusion (c2sp.org/tlog-proof@v1), the content of a `.tlog-proof` file."""

from collections.abc import Iterable
from dataclasses import dataclass

from danji_verify.canonical import b64decode, b64encode
from danji_verify.checkpoint import Checkpoint, parse_decimal
from danji_verify.errors import FormatError
from danji_verify.merkle import HASH_SIZE, leaf_hash, verify_inclusion
from danji_verify.policy import Judgement, Policy

MAX_PROOF = 512 * 1024  # bytes
MAX_PATH = 63  # hashes

_MAGIC = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class Proof:
    """Where a leaf stands, and what leads from it to a signed checkpoint.

    `path` is the inclusion proof, the leaf's sibling first; `checkpoint` the whole signed note;
    `extra` opaque bytes that nothing vouches for.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    @classmethod
    def parse(cls, data: bytes) -> "Proof":
        """Raises: FormatError."""
        if len(data) > MAX_PROOF:
            raise FormatError("a proof that is too large")
        head, separator, checkpoint = data.partition(b"\n\n")
        if not separator:
            raise FormatError("a proof without a checkpoint")
        try:
            magic, *lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as problem:
            raise FormatError("a proof with letters that do not belong") from problem
        if magic != _MAGIC:
            raise FormatError("not a tlog-proof")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = b64decode(lines.pop(0).removeprefix("extra "))
        if not lines or not lines[0].startswith("index "):
            raise FormatError("a proof without an index")
        index = parse_decimal(lines.pop(0).removeprefix("index "))
        return cls(index, _checked(b64decode(line) for line in lines), checkpoint, extra)

    def format(self) -> bytes:
        """Raises: FormatError."""
        lines = [_MAGIC]
        if self.extra is not None:
            lines.append(f"extra {b64encode(self.extra)}")
        lines.append(f"index {self.index}")
        lines += [b64encode(item) for item in _checked(self.path)]
        data = "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.checkpoint
        if len(data) > MAX_PROOF:
            raise FormatError("a proof that is too large")
        return data

    def verify(self, entry: bytes, policy: Policy) -> Judgement:
        """Check that the entry is in the log, as the policy's log and witnesses signed it.

        Raises: FormatError, NoteError, ProofError.
        """
        return self.verify_leaf(leaf_hash(entry), policy)

    def verify_leaf(self, leaf: bytes, policy: Policy) -> Judgement:
        """Like `verify`, for a leaf hash."""
        judgement = policy.judge(self.checkpoint)
        head: Checkpoint = judgement.checkpoint
        verify_inclusion(self.index, head.size, leaf, self.path, head.root)
        return judgement


def _checked(path: Iterable[bytes]) -> tuple[bytes, ...]:
    hashes = tuple(path)
    if len(hashes) > MAX_PATH or any(len(item) != HASH_SIZE for item in hashes):
        raise FormatError("a proof with a malformed path")
    return hashes
