"""The books of a complex (봉인 장부): what the published files say, held against the heads.

The tree is computed anew from the published entries; every head that was ever kept, ours or a
witness's, has to be a head of this one tree.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from django.conf import settings

from danji.audit.findings import Area, Findings
from danji.audit.snapshot import Snapshot
from danji.rules.refusal import Refusal
from danji.transparency.models import ConfirmedHead, Cosignature, Log, Witness
from danji.transparency.queries import policy
from danji.transparency.tree import file_reader, log_folder
from danji_verify import note
from danji_verify.checkpoint import Checkpoint
from danji_verify.entry import parse_entry
from danji_verify.errors import NoteError, VerifyError
from danji_verify.merkle import EMPTY_ROOT, HASH_SIZE, node_hash
from danji_verify.tiles import WIDTH, Reader, audit, read_entry, read_tile, tree_root

MISSING = 0  # no row was seen for a leaf


@dataclass
class Book:
    """One log: the leaf hashes its files hold, and which of them the rows account for.

    `leaves` holds 32 bytes for each leaf; `times` the seconds since 1970 that its event names, or 0
    until its row was seen.
    """

    number: int
    origin: str
    size: int
    root: bytes
    reader: Reader
    leaves: bytes
    times: "array[int]"
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
    """Every log of the complex by its number, its files read and held against its heads."""
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
    reader = settled_reader(folder, staged)
    book = Book(
        log.number,
        log.origin,
        log.size,
        root,
        reader,
        b"",
        array("q", bytes(8 * log.size)),
        retired,
    )
    _check_files(book, found)
    book.leaves = _leaves(book)
    _check_heads(snapshot, book, bytes(log.checkpoint), folder, found)
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


@dataclass(frozen=True)
class _Keys:
    """The keys of the complex's logs, and of every witness there ever was."""

    logs: list[note.VerifierKey]
    witnesses: list[note.VerifierKey]


@dataclass(frozen=True)
class _Head:
    """A head that somebody kept, and by whom."""

    size: int
    root: bytes
    whose: str


def _check_heads(
    snapshot: Snapshot, book: Book, checkpoint: bytes, folder: Path, found: Findings
) -> None:
    """Every head that was kept is a head of this tree, and signed by those who should have."""
    keys = _keys(snapshot, found)
    if keys is None:
        return
    heads: list[_Head] = []
    current = _parsed(checkpoint, keys, book, "데이터베이스에 적힌 머리", found)
    if current and (current.size, current.root) != (book.size, book.root):
        found.fault(
            Area.LOG,
            "데이터베이스에 적힌 장부의 크기나 뿌리 값이 서명한 머리와 다릅니다.",
            f"{book.origin}: row {book.size} {book.root.hex()}, signed {current}",
        )
    _check_published(book, folder, keys, found)
    for head in ConfirmedHead.objects.filter(origin=book.origin).order_by("size"):
        found.rows["heads"] += 1
        said = _parsed(bytes(head.note), keys, book, "확정된 머리", found)
        heads.append(_Head(head.size, bytes(head.root), "확정된 머리"))
        if said and (said.size, said.root) != (head.size, bytes(head.root)):
            found.fault(
                Area.LOG,
                "보관한 확정 머리의 크기나 뿌리 값이 그 서명과 다릅니다.",
                f"{book.origin}: confirmed head of {head.size}",
            )
    cosigned = Cosignature.objects.filter(origin=book.origin)
    for size, root, label in cosigned.values_list("size", "root", "witness__label").distinct():
        found.rows["heads"] += 1
        heads.append(_Head(size, bytes(root), label))
    if book.whole:
        _check_consistent(book, heads, found)


def _check_consistent(book: Book, heads: Sequence[_Head], found: Findings) -> None:
    roots = roots_at(book.leaves, (head.size for head in heads))
    for head in heads:
        if head.size > book.size:
            found.fault(
                Area.LOG,
                f"{head.whose}의 장부가 지금 장부보다 깁니다. 장부가 옛것으로 되돌려졌습니다.",
                f"{book.origin}: kept {head.size}, now {book.size}",
            )
        elif roots[head.size] != head.root:
            found.fault(
                Area.LOG,
                f"전에 {head.whose}에 적힌 장부와 지금 장부가 다릅니다. 지난 내용을 고친 "
                "흔적입니다.",
                f"{book.origin}: at {head.size} kept {head.root.hex()}, "
                f"now {roots[head.size].hex()}",
            )


def _check_published(book: Book, folder: Path, keys: _Keys, found: Findings) -> None:
    """The head that everybody can fetch, and the confirmed one beside it.

    They may be newer than the snapshot, and are then read in files that have grown meanwhile.
    """
    for name, what in (("checkpoint", "공개된 머리"), ("confirmed", "공개된 확정 머리")):
        try:
            data = (folder / name).read_bytes()
        except FileNotFoundError:
            if name == "checkpoint" and book.size:
                found.fault(Area.LOG, "공개된 장부의 머리 파일이 없습니다.", str(folder / name))
            continue
        head = _parsed(data, keys, book, what, found)
        if head is None or not book.whole:
            continue
        try:
            holds = tree_root(head.size, book.reader) == head.root
        except (OSError, VerifyError):
            holds = False
        if not holds:
            found.fault(
                Area.LOG,
                f"{what}와 공개된 장부의 파일이 맞지 않습니다.",
                f"{folder / name}: {head}",
            )


def _parsed(data: bytes, keys: _Keys, book: Book, what: str, found: Findings) -> Checkpoint | None:
    """A signed head, its signatures checked by whatever keys are known."""
    try:
        opened = note.open_note(data, [*keys.logs, *keys.witnesses])
        head = Checkpoint.parse(opened.text)
        if not any(line.key in keys.logs for line in opened.verified):
            raise NoteError("not signed by the log")
    except VerifyError as problem:
        found.fault(
            Area.LOG, f"{what}의 서명이 맞지 않거나 상했습니다.", f"{book.origin}: {problem!r}"
        )
        return None
    if head.origin != book.origin:
        found.fault(Area.LOG, f"{what}가 다른 장부의 것입니다.", f"{book.origin}: {head.origin}")
        return None
    return head


def _keys(snapshot: Snapshot, found: Findings) -> _Keys | None:
    """None where the log's own key is not to be had, so that nothing can be said of signatures."""
    try:
        logs = [party.key for party in policy(snapshot.complex).logs]
    except Refusal as refusal:
        found.doubt(Area.LOG, f"장부의 서명을 확인하지 못했습니다. {refusal.fact}")
        return None
    witnesses = []
    for name, vkey in Witness.objects.values_list("name", "vkey"):
        try:
            witnesses.append(note.VerifierKey.parse(vkey))
        except VerifyError as problem:
            found.fault(Area.LOG, f"확인 기관 {name}의 열쇠가 상했습니다.", repr(problem))
    return _Keys(logs, witnesses)


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
