"""The books of a complex (봉인 장부): what the published files say, held against the heads.

The tree is computed anew from the published entries; every head that was ever kept, ours or a
witness's, has to be a head of this one tree.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID
from zipfile import BadZipFile, ZipFile

from django.conf import settings

from danji.audit.findings import Area, Findings
from danji.audit.snapshot import Snapshot
from danji.transparency.models import Log
from danji.transparency.tree import file_reader, log_folder
from danji_verify.entry import parse_entry
from danji_verify.errors import VerifyError
from danji_verify.merkle import EMPTY_ROOT, HASH_SIZE, node_hash
from danji_verify.tiles import WIDTH, Reader, audit, read_entry, read_tile

# In the place of a time: no row was seen for a leaf, or its event stood in an earlier log before.
MISSING, AGAIN = 0, -1


@dataclass(frozen=True, slots=True)
class Sighting:
    """A witness signed at `at` that the log held `size` events."""

    size: int
    at: datetime
    witness: UUID


@dataclass
class Book:
    """One log: the leaf hashes its files hold, and which of them the rows account for.

    `leaves` holds 32 bytes for each leaf; `times` the seconds since 1970 that its event names, or
    `MISSING` or `AGAIN`. `checkpoint` is the head that the row keeps, a note; `staged` holds the
    files that are about to be published. `sightings` and `agreed`, the sizes on which the witnesses
    agreed, are known once the heads are checked.
    """

    number: int
    origin: str
    size: int
    root: bytes
    checkpoint: bytes
    folder: Path
    staged: Path
    reader: Reader
    times: "array[int]"
    leaves: bytes = b""
    sightings: list[Sighting] = field(default_factory=list)
    agreed: set[int] = field(default_factory=set)
    retired: bool = False  # another log goes on where this one ended
    whole: bool = True  # every file led to the signed root

    def leaf(self, index: int) -> bytes:
        return self.leaves[index * HASH_SIZE : (index + 1) * HASH_SIZE]

    def place(self, index: int, at: int) -> bool:
        """Note that a row accounts for a leaf. Returns: whether another did already."""
        taken = self.times[index] != MISSING
        self.times[index] = at
        return taken


def open_books(snapshot: Snapshot, found: Findings) -> dict[int, Book]:
    """Every log of the complex by its number, its files read."""
    books = {}
    logs = list(Log.objects.within(snapshot.complex.id).order_by("number"))
    for log in logs:
        found.rows["logs"] += 1
        books[log.number] = _open(snapshot, log, found, retired=log is not logs[-1])
    if not books:
        found.fault(Area.LOG, "이 단지의 봉인 장부가 없습니다.", "no transparency_log row")
    return books


def _open(snapshot: Snapshot, log: Log, found: Findings, *, retired: bool) -> Book:
    code, root = snapshot.complex.code, bytes(log.root)
    folder = log_folder(code, log.number)
    staged = Path(settings.STAGING) / code / f"{log.size}-{root.hex()}.zip"
    book = Book(
        log.number,
        log.origin,
        log.size,
        root,
        bytes(log.checkpoint),
        folder,
        staged,
        settled_reader(folder, staged),
        array("q", bytes(8 * log.size)),
        retired=retired,
    )
    _check_files(book, found)
    book.leaves = _leaves(book)
    return book


def settled_reader(folder: Path, staged: Path) -> Reader:
    """Read the files of a log, also those that the sequencer is about to put in their places.

    The head moves before its files do: what is not there yet is in the staged archive, and what is
    not in there any more was put in its place meanwhile.
    """
    published = file_reader(folder)

    def read(path: str) -> bytes:
        try:
            return published(path)
        except FileNotFoundError:
            try:
                with ZipFile(staged) as archive:
                    return archive.read(path)
            except (FileNotFoundError, KeyError, BadZipFile):
                return published(path)

    return read


def _check_files(book: Book, found: Findings) -> None:
    """Read every tile and every entry again; they have to lead to the root of the head."""
    try:
        root = audit(book.size, book.reader)
    except (OSError, VerifyError) as problem:
        book.whole = False
        if book.retired:
            _tell_retired(book, found, str(problem))
            return
        found.fault(
            Area.LOG,
            "공개된 봉인 장부의 파일이 상했거나 없어졌습니다. 확인 기관이 가진 사본에서 되살릴 수 "
            "있습니다.",
            f"{book.origin}: {problem}",
        )
        return
    if root != book.root and book.retired:
        book.whole = False
        _tell_retired(book, found, f"files lead to {root.hex()}")
    elif root != book.root:
        book.whole = False
        found.fault(
            Area.LOG,
            "공개된 봉인 장부의 내용이 서명한 머리와 다릅니다. 장부를 다시 쓴 흔적입니다.",
            f"{book.origin}: files lead to {root.hex()}, the head says {book.root.hex()}",
        )


def _tell_retired(book: Book, found: Findings, problem: str) -> None:
    """A log is retired because it could not go on, and that was told when it was."""
    found.note(
        Area.LOG,
        f"거둔 장부 {book.number}의 파일이 온전하지 않습니다. 거둔 까닭은 그 장부의 사고 안내에 "
        "있고, 일은 다음 장부에서 이어집니다.",
        f"{book.origin}: {problem}",
    )


def _leaves(book: Book) -> bytes:
    """The leaf hashes of the tiles, as far as they can be read; zeros stand for the others."""
    parts = []
    for start in range(0, book.size, WIDTH):
        width = min(WIDTH, book.size - start)
        try:
            hashes = b"".join(read_tile(0, start // WIDTH, width, book.reader))
        except (OSError, VerifyError):
            hashes = bytes(HASH_SIZE * width)
        parts.append(hashes)
    return b"".join(parts)


def roots_at(leaves: bytes, sizes: Iterable[int]) -> dict[int, bytes]:
    """The roots of a tree at each of these sizes, in one pass over its leaf hashes."""
    wanted = sorted(set(sizes))
    count = len(leaves) // HASH_SIZE
    roots: dict[int, bytes] = {}
    frontier: list[tuple[int, bytes]] = []  # full subtrees from the left: how many leaves, root
    done = 0
    for size in wanted:
        if size > count:
            break
        while done < size:
            width, node = 1, leaves[done * HASH_SIZE : (done + 1) * HASH_SIZE]
            while frontier and frontier[-1][0] == width:
                _, left = frontier.pop()
                width, node = width * 2, node_hash(left, node)
            frontier.append((width, node))
            done += 1
        roots[size] = _root(frontier)
    return roots


def _root(frontier: Sequence[tuple[int, bytes]]) -> bytes:
    if not frontier:
        return EMPTY_ROOT
    root = frontier[-1][1]
    for _, left in reversed(frontier[:-1]):
        root = node_hash(left, root)
    return root


def check_unaccounted(books: Iterable[Book], found: Findings) -> None:
    """Leaves for which no row is left: an event was logged, and then deleted here."""
    for book in books:
        for index, at in enumerate(book.times):
            if at == MISSING:
                found.fault(
                    Area.EVENTS,
                    "봉인 장부에 있는 사건의 행이 데이터베이스에서 지워졌습니다: "
                    f"{_described(book, index)}",
                    f"{book.origin}: leaf {index}",
                    index=index,
                )


def _described(book: Book, index: int) -> str:
    """What the public entry says of an event whose row is gone."""
    try:
        entry = parse_entry(read_entry(index, book.size, book.reader))
    except (OSError, VerifyError):
        return "공개된 내용도 읽을 수 없습니다."
    return f"문서 {entry.document}의 {entry.seq}번째 사건({entry.event})"
