"""A full copy of every log, held before its head is cosigned, and served to anybody.

Below `mirror/<log>/` lie the same files as at the log: tiles, entries, and the head as we
cosigned it. `held/<log>.db` says how far the copy reaches. What is odd goes to `flags.jsonl`.
"""

import json
import logging
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from danji_verify.checkpoint import Checkpoint
from danji_verify.errors import FormatError, ProofError, VerifyError
from danji_verify.merkle import HASH_SIZE, leaf_hash, verify_consistency
from danji_verify.tiles import (
    WIDTH,
    Edge,
    Prover,
    Reader,
    changed_bundles,
    decode_bundle,
    encode_bundle,
    entries_path,
    grow,
    load_edge,
    read_bundle,
    read_tile,
    tile_path,
    tiles_of,
    tree_root,
)
from danji_witness.book import Book, opened
from danji_witness.content import as_interval, oddities
from danji_witness.errors import Busy, Trouble
from danji_witness.files import write_whole
from danji_witness.folder import Folder
from danji_witness.logs import WatchedLog

STEP = 8 * 2**20  # bytes of entries by which a copy grows at once
MAX_GROWTH = 2**22  # entries by which one head may be ahead of a copy: 130 years of a complex
MAX_FRESH = 2**32  # bytes of those entries
MAX_NOTES = 100  # of one head
MAX_FLAGS = 1000  # lines of one log in flags.jsonl
PATIENCE = 2  # seconds for a copy among many to have its turn
COMPARED = 512  # files of the log compared in one check; the next check goes on from there

Choice = Callable[[int, int], list[bytes]]  # (index, width) of a bundle to its entries
Note = tuple[int | None, str]  # which entry, where it is about one, and what is odd

_FULL = "이 장부에 관해서는 더 적지 않습니다. flags.jsonl을 다른 곳으로 옮기면 다시 적습니다."
_TOO_LARGE = (
    "장부가 한 번에 너무 많이 자라 보관할 수 없습니다. 서명하지 않았습니다. 관리사무소와 "
    "프로그램을 준 곳에 알려 주세요."
)

log = logging.getLogger("danji_witness")


@dataclass(frozen=True)
class Flag:
    """What was odd in a log, as a sentence; `index` where it is about one entry."""

    origin: str
    index: int | None
    sentence: str


def read_flags(folder: Folder) -> Iterator[Flag]:
    """What is in flags.jsonl; a line cut off by a crash is left out."""
    if folder.flags.exists():
        with folder.flags.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                with suppress(ValueError, KeyError):
                    row = json.loads(line)
                    yield Flag(row["origin"], row["index"], row["sentence"])


@dataclass(frozen=True)
class Found:
    """What a check found, as paths: ours that were put right, and the log's that differ."""

    repaired: Sequence[str]
    damaged_there: Sequence[str]


class Mirror:
    """The copies of all logs. Raises: Trouble, where a copy cannot be brought up to a head."""

    def __init__(
        self,
        folder: Folder,
        source: Callable[[WatchedLog], Reader],
        *,
        clock: Callable[[], float] = time.time,
        holds: int | None = None,
    ) -> None:
        """Args: `source` opens the files of a log, raising Trouble where they cannot be read;
        `holds` is how many logs are held up to a head at once, None for any number.
        """
        self.folder = folder
        self._source = source
        self._clock = clock
        self._compared: dict[str, int] = {}
        self._told: dict[str, set[str]] = {}  # files of a log that were told to be damaged
        self._turns = None if holds is None else threading.BoundedSemaphore(holds)
        self._under_way: set[str] = set()
        self._lock = threading.Lock()  # over what is under way, and over what is flagged
        self._flagged: Counter[str] = Counter()  # lines in flags.jsonl, by origin
        self._flagged.update(flag.origin for flag in read_flags(folder))
        folder.mirror.mkdir(exist_ok=True)
        folder.held.mkdir(exist_ok=True)

    def hold(self, watched: WatchedLog, head: Checkpoint, since: int | None) -> None:
        """Fetch what is new up to that head, and hash all of it to its root.

        Args: `since` is the time of the cosignature before, in POSIX seconds.

        Raises: Busy when that is being done for this log, or for too many others.
        """
        copy = self._copy(watched)
        with self._turn(watched), opened(copy.book) as book:
            if head.size <= book.size:
                copy.demand(head)
                return
            source = self._source(watched)
            edge = self._edge(copy, book, source)
            interval = as_interval(since, int(self._clock()))
            notes: list[Note] = []
            for number, entry in copy.extend(edge, head, source):
                odd = oddities(entry, watched.origin, interval, book)
                notes += [(number, sentence) for sentence in odd]
            copy.take_in()
            self._flag(copy, notes)
            book.reach(head.size, head.root)

    def check(self, watched: WatchedLog) -> Found:
        """Read our whole copy again and put it right; compare files of the log with it."""
        copy, source = self._copy(watched), self._source(watched)
        with opened(copy.book) as book:
            repaired = copy.repair(book, source)
            self._flag(copy, _put_right(repaired))
            paths = _paths(book.size)
            start = self._compared.get(watched.id, 0) % max(1, len(paths))
            looked = paths[start : start + COMPARED]
            self._compared[watched.id] = start + len(looked)
            damaged = [path for path in looked if not copy.agrees(path, source)]
        told = self._told.setdefault(watched.id, set())
        news = [path for path in damaged if path not in told]
        told.update(news)
        self._flag(copy, [(None, f"장부의 {path} 파일이 상했거나 없습니다.") for path in news])
        return Found(repaired, damaged)

    def root_at(self, watched: WatchedLog, size: int, held: Checkpoint) -> bytes | None:
        """The root over the first `size` entries of a log, at least 1, which our copy proves to be
        those of a head that it holds; None where the copy is damaged.
        """
        prover = Prover(self._copy(watched).read)
        try:
            root = prover.root_at(size, held.size)
            proof = prover.consistency_proof(size, held.size)
            verify_consistency(size, held.size, proof, root, held.root)
        except (VerifyError, OSError):
            return None
        return root

    def reader(self, watched: WatchedLog) -> Reader:
        """Our copy."""
        return self._copy(watched).read

    @contextmanager
    def _turn(self, watched: WatchedLog) -> Iterator[None]:
        """One at a time for each log, so that a slow one holds up nobody but itself."""
        with self._lock:
            if watched.id in self._under_way:
                raise Busy("이 장부를 받는 중입니다. 잠시 뒤에 다시 와 주세요.")
            self._under_way.add(watched.id)
        try:
            if self._turns is not None and not self._turns.acquire(timeout=PATIENCE):
                raise Busy("다른 장부를 받는 중입니다. 잠시 뒤에 다시 와 주세요.")
            try:
                yield
            finally:
                if self._turns is not None:
                    self._turns.release()
        finally:
            with self._lock:
                self._under_way.discard(watched.id)

    def _edge(self, copy: "Copy", book: Book, source: Reader) -> Edge:
        """The right edge of our copy, put right first where it is damaged."""
        try:
            edge = load_edge(book.size, copy.read)
            if edge.root == book.root:
                return edge
        except (VerifyError, OSError):
            pass
        self._flag(copy, _put_right(copy.repair(book, source)))
        return load_edge(book.size, copy.read)

    def _copy(self, watched: WatchedLog) -> "Copy":
        return Copy(watched.origin, self.folder.mirror / watched.id, self.folder.held / watched.id)

    def _flag(self, copy: "Copy", notes: Sequence[Note]) -> None:
        if not notes:
            return
        at = datetime.fromtimestamp(int(self._clock()), UTC).isoformat()
        more = len(notes) - MAX_NOTES
        told = [*notes[:MAX_NOTES], *([(None, f"그 밖에 {more}가지가 더 있습니다.")] * (more > 0))]
        log.warning("%s: 살펴볼 것이 %d가지 있습니다. %s", copy.origin, len(notes), notes[0][1])
        with self._lock:
            if not self.folder.flags.exists():
                self._flagged.clear()  # somebody has put it away
            room = MAX_FLAGS - self._flagged[copy.origin]
            if room <= len(told):
                told = [*told[: room - 1], (None, _FULL)] if room > 0 else []
            self._flagged[copy.origin] += len(told)
            with self.folder.flags.open("a", encoding="utf-8") as file:
                for index, sentence in told:
                    row = {"at": at, "origin": copy.origin, "index": index, "sentence": sentence}
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")


@dataclass(frozen=True)
class Copy:
    """The files of one log. `aside` with an ending is where its book and new files lie."""

    origin: str
    place: Path
    aside: Path

    @property
    def book(self) -> Path:
        return self.aside.with_suffix(".db")

    @property
    def incoming(self) -> Path:
        return self.aside.with_suffix(".incoming")

    def read(self, path: str) -> bytes:
        """A file. A partial one of a size never held is cut from a wider one."""
        try:
            return (self.place / path).read_bytes()
        except FileNotFoundError:
            full, partial, width = path.partition(".p/")
            if not partial:
                raise
        wider = [int(each.name) for each in (self.place / f"{full}.p").glob("[0-9]*")]
        found = min((each for each in wider if each > int(width)), default=None)
        if found is None:
            raise FileNotFoundError(path)
        data = (self.place / f"{full}.p/{found}").read_bytes()
        if not full.startswith("tile/entries/"):
            return data[: int(width) * HASH_SIZE]
        return encode_bundle(decode_bundle(data, found)[: int(width)])

    def demand(self, head: Checkpoint) -> None:
        """A head of a size that we hold must be ours."""
        try:
            root = tree_root(head.size, self.read)
        except (VerifyError, OSError) as problem:
            raise Trouble("보관한 사본이 상했습니다. 다음 점검에서 고칩니다.") from problem
        if root != head.root:
            raise Trouble(
                "장부의 머리가 보관한 사본과 다릅니다. 서명하지 않았습니다. 관리사무소와 다른 확인 "
                "기관에 알려 주세요."
            )

    def extend(self, edge: Edge, head: Checkpoint, source: Reader) -> Iterator[tuple[int, bytes]]:
        """Write the new files beside ours; gives each new entry with its number.

        Raises: Trouble when they do not lead to the root of the head.
        """
        self._clear()
        if head.size - edge.size > MAX_GROWTH:
            raise Trouble(_TOO_LARGE)
        for fresh in _steps(edge.size, head.size, source):
            yield from enumerate(fresh, start=edge.size)
            growth = grow(edge, fresh)
            for path, data in growth.files.items():
                if ".p/" not in path:
                    write_whole(self.incoming / path, data)
            edge = growth.edge
        for path, data in _partial_files(edge):
            write_whole(self.incoming / path, data)
        if edge.root != head.root:
            raise Trouble(
                "장부의 파일이 서명된 머리와 맞지 않습니다. 서명하지 않았습니다. 저절로 다시 "
                "받습니다. 한 시간이 지나도 이러면 관리사무소와 다른 확인 기관에 알려 주세요."
            )

    def take_in(self) -> None:
        """Put the new files in their places; of a tile that is full its partial ones go."""
        for path in sorted(self.incoming.rglob("*")):
            if path.is_file():
                target = self.place / path.relative_to(self.incoming)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
                if not path.parent.name.endswith(".p"):
                    shutil.rmtree(target.with_name(f"{target.name}.p"), ignore_errors=True)
        self._clear()

    def repair(self, book: Book, source: Reader) -> list[str]:
        """Derive every file again and put right what differs; entries may come from the log.

        Returns: the paths of what was put right. Raises: Trouble when the root is not reached.
        """
        for choose in (_only(self.read), _fitting(self.read, source), _only(source)):
            self._clear()
            try:
                reached = self._derive(book.size, choose)
            except (VerifyError, OSError):
                continue
            if reached == book.root:
                files = [path for path in self.incoming.rglob("*") if path.is_file()]
                repaired = sorted(path.relative_to(self.incoming).as_posix() for path in files)
                self.take_in()
                return repaired
        raise Trouble(
            "보관한 사본이 상했는데, 장부의 파일로도 고칠 수 없습니다. mirror와 held 폴더를 다른 "
            "곳에 복사해 두고, 관리사무소와 다른 확인 기관에 알려 주세요."
        )

    def agrees(self, path: str, source: Reader) -> bool:
        """Whether the log's file is ours; its full one will do where a partial one has gone."""
        ours = self.read(path)
        try:
            return source(path) == ours
        except (KeyError, FileNotFoundError):
            full, partial, _ = path.partition(".p/")
        try:
            return bool(partial) and source(full).startswith(ours)
        except (KeyError, FileNotFoundError):
            return False

    def _derive(self, size: int, choose: Choice) -> bytes:
        """Write beside ours every file that differs. Returns: the root."""
        edge = Edge()
        for index, width in changed_bundles(0, size):
            growth = grow(edge, choose(index, width))
            for path, data in growth.files.items():
                if ".p/" not in path:
                    self._write_where_different(path, data)
            edge = growth.edge
        for path, data in _partial_files(edge):
            self._write_where_different(path, data)
        return edge.root

    def _write_where_different(self, path: str, data: bytes) -> None:
        try:
            same = (self.place / path).read_bytes() == data
        except OSError:
            same = False
        if not same:
            write_whole(self.incoming / path, data)

    def _clear(self) -> None:
        shutil.rmtree(self.incoming, ignore_errors=True)


def _paths(size: int) -> list[str]:
    bundles = [entries_path(index, width) for index, width in changed_bundles(0, size)]
    return bundles + [tile.path for tile in tiles_of(size)]


def _partial_files(edge: Edge) -> Iterator[tuple[str, bytes]]:
    """The partial files of a tree that ends here."""
    index, width = divmod(edge.size, WIDTH)
    if width:
        yield entries_path(index, width), edge.bundle
    for level, hashes in enumerate(edge.levels):
        if hashes:
            index = (edge.size >> 8 * level) // WIDTH
            yield tile_path(level, index, len(hashes)), b"".join(hashes)


def _only(reader: Reader) -> Choice:
    return lambda index, width: read_bundle(index, width, reader)


def _fitting(ours: Reader, source: Reader) -> Choice:
    """Our entries where they have the hashes of our tile, those of the log elsewhere."""

    def choose(index: int, width: int) -> list[bytes]:
        try:
            entries = read_bundle(index, width, ours)
            if tuple(map(leaf_hash, entries)) == read_tile(0, index, width, ours):
                return entries
        except (VerifyError, OSError):
            pass
        return read_bundle(index, width, source)

    return choose


def _steps(old: int, new: int, source: Reader) -> Iterator[list[bytes]]:
    """What is new between two sizes, some at a time. Raises: Trouble."""
    fresh: list[bytes] = []
    size, weight, total = old, 0, 0  # of what was read, and bytes: in `fresh`, and of all
    for index, width in changed_bundles(old, new):
        more = _fetch(source, index, width)[size - index * WIDTH :]
        fresh += more
        size += len(more)
        weight += sum(map(len, more)) + HASH_SIZE * len(more)
        if total + weight > MAX_FRESH:
            raise Trouble(_TOO_LARGE)
        if weight >= STEP:
            yield fresh
            fresh, weight, total = [], 0, total + weight
    if fresh:
        yield fresh


def _fetch(source: Reader, index: int, width: int) -> list[bytes]:
    try:
        return read_bundle(index, width, source)
    except (KeyError, FileNotFoundError, FormatError, ProofError) as problem:
        raise Trouble(f"장부의 {entries_path(index, width)} 파일이 상했거나 없습니다.") from problem


def _put_right(paths: Sequence[str]) -> list[Note]:
    return [(None, f"우리 사본의 {path} 파일이 상해 있어 고쳤습니다.") for path in paths]
