"""A whole log at hand: the ZIP that the complex offers, or the folder of its files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from danji_verify.archive import Archive, Limits
from danji_verify.errors import Unlisted, Unreadable, VerifyError
from danji_verify.note import MAX_NOTE
from danji_verify.policy import MAX_POLICY, Fork, Head, Policy
from danji_verify.tiles import Reader, roots

# A complex writes 14 MB a year; the largest bundle holds 256 entries of 64 kB.
LIMITS = Limits(files=1_000_000, one=20 * 2**20, total=16 * 2**30)

_OF_ANOTHER = "장부 사본이 다른 장부의 것입니다."
NOT_WHOLE = "장부 사본이 온전하지 않아 견줄 수 없습니다. 다시 받아 주세요."


@dataclass(frozen=True)
class LogCopy:
    """`checkpoint` is the newest head, `confirmed` the newest that the witnesses cosigned."""

    reader: Reader
    checkpoint: bytes
    confirmed: bytes | None
    policy: bytes | None

    def head(self, policy: Policy) -> Head:
        """The newest head. Raises: NoteError, FormatError, Wrong."""
        head = Head(self.checkpoint, policy.judge(self.checkpoint))
        head.judgement.demand_current()
        return head

    def confirmed_head(self, policy: Policy) -> Head | None:
        """Raises: NoteError, FormatError."""
        if self.confirmed is None:
            return None
        return Head(self.confirmed, policy.judge(self.confirmed))


def open_copy(path: Path) -> LogCopy:
    """Args: `path` is a folder or a ZIP. Raises: Unreadable, Wrong."""
    return copy_in(folder_reader(path) if path.is_dir() else Archive(path, LIMITS).read)


def copy_in(reader: Reader) -> LogCopy:
    """A copy whose files the reader gives. Raises: Unreadable, Wrong."""
    try:
        checkpoint = reader("checkpoint")
    except (KeyError, FileNotFoundError) as problem:
        raise Unreadable("장부의 사본이 아닙니다. checkpoint 파일이 없습니다.") from problem
    confirmed, policy = (_maybe(reader, name) for name in ("confirmed", "policy.txt"))
    return LogCopy(reader, checkpoint, confirmed, policy)


def folder_reader(folder: Path) -> Reader:
    """Reads the files of a log's folder; raises Unreadable for what is no file of that size."""

    def read(name: str) -> bytes:
        try:
            with (folder / name).open("rb") as file:
                data = file.read(LIMITS.one + 1)
        except FileNotFoundError:
            raise
        except OSError as problem:
            raise Unreadable(f"파일을 열 수 없습니다: {name}") from problem
        if len(data) > LIMITS.one:
            raise Unreadable(f"파일이 너무 큽니다: {name}")
        return data

    return read


def demand_one_history(heads: Iterable[Head], copy: LogCopy, policy: Policy) -> Head:
    """All those heads of one log, and the copy's own, are heads of the one log in the copy.

    Nothing but entries is believed: each root is computed again from them.
    Returns: the copy's own head, up to whose size the others were compared.
    Raises: Fork when a head is of another history; Unreadable when the copy cannot tell.
    """
    heads = list(heads)
    own, found = _recomputed([head.checkpoint.size for head in heads], copy, policy)
    if any(head.checkpoint.origin != own.checkpoint.origin for head in heads):
        raise Unreadable(_OF_ANOTHER)
    if found[own.checkpoint.size] != own.checkpoint.root:
        raise Unreadable(NOT_WHOLE)
    for head in heads:
        if found.get(head.checkpoint.size, head.checkpoint.root) != head.checkpoint.root:
            raise Fork(head, own)
    return own


def _recomputed(
    sizes: Iterable[int], copy: LogCopy, policy: Policy
) -> tuple[Head, dict[int, bytes]]:
    """The copy's own head, and its roots at that size and at those below that were asked for."""
    try:
        own = copy.head(policy)
        size = own.checkpoint.size
        wanted = {size, *(asked for asked in sizes if asked < size)}
        return own, roots(wanted, size, copy.reader)
    except Unreadable:
        raise
    except Unlisted as problem:
        raise Unreadable(_OF_ANOTHER) from problem
    except (KeyError, FileNotFoundError, VerifyError) as problem:
        raise Unreadable(NOT_WHOLE) from problem


def _maybe(reader: Reader, name: str) -> bytes | None:
    try:
        data = reader(name)
    except (KeyError, FileNotFoundError):
        return None
    if len(data) > max(MAX_NOTE, MAX_POLICY):
        raise Unreadable(f"파일이 너무 큽니다: {name}")
    return data
