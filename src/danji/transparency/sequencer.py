"""The sequencer: gives events their places and publishes signed heads.

One process holds the lock and does this for every complex, in Sunlight's order: stage, read back,
sign, compare-and-swap the head in the database (the point of no return), apply, publish. A log
that is not as it must be is frozen; any other fault of ours ends the process, and starting again
is the only recovery.
"""

import io
import logging
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection
from django.utils import timezone

from danji.base import tenancy
from danji.base.files import refuse_when_disk_is_low, sync_folder, write_durably
from danji.complexes.models import Complex
from danji.rules.refusal import Refusal
from danji.transparency.keys import know_first_key, log_keys, log_signers
from danji.transparency.models import Leaf, Log, PendingEvent, TroubleKind
from danji.transparency.queries import log_of
from danji.transparency.tree import file_reader, log_folder
from danji.transparency.troubles import end_trouble, open_trouble
from danji.transparency.waiting import Waiting, next_events, take_out_placed, unfit
from danji_verify import note
from danji_verify.checkpoint import Checkpoint, sign_checkpoint
from danji_verify.entry import Event, parse_entry
from danji_verify.tiles import (
    WIDTH,
    Edge,
    Growth,
    Reader,
    changed_bundles,
    grow,
    load_edge,
    read_bundle,
    read_entry,
    tree_root,
)

logger = logging.getLogger(__name__)

BATCH = 4096  # events in one head, at most
CHANNEL = "danji_sealed"
SEALED = "sealed"  # what is said there of a complex, by its id, when its log has grown
LOCK = 0x64616E6A69  # "danji", an advisory lock's number
# What reading an archive raises when a bit of it has flipped, whichever it was.
DAMAGED = (zipfile.BadZipFile, EOFError, RuntimeError, zlib.error)


Keys = Sequence[note.VerifierKey]  # of one log, the newest first


# Told to people; which file it was is in the log of the program.
NO_FILES = (
    "봉인 장부의 파일을 읽거나 쓰지 못해 봉인이 기다립니다. 결재한 내용은 그대로 있습니다. "
    "운영자에게 알려 주세요."
)


UNREADABLE = "봉인 장부에 관한 자료가 정해진 꼴이 아닙니다. 누가 고쳤거나 상했습니다."


class LogError(Exception):
    """The log is not as it must be. Nothing is signed until a person has looked."""


@dataclass
class Head:
    """What is remembered of one log between ticks: its right edge, proven against the root."""

    log_id: UUID
    number: int
    origin: str
    edge: Edge
    root: bytes


@dataclass
class Sequencer:
    """Places pending events, complex by complex.

    `heads` maps the id of a complex to its head; `frozen` to why its log is not continued;
    `waiting` to why it waits, until a person has helped.
    """

    heads: dict[UUID, Head] = field(default_factory=dict)
    frozen: dict[UUID, str] = field(default_factory=dict)
    waiting: dict[UUID, str] = field(default_factory=dict)

    def start(self) -> None:
        """Prove every log against its files before the first event is placed."""
        for complex_ in Complex.objects.all():
            with self._apart(complex_.id):
                head = self.heads[complex_.id] = recover(complex_)
                for kind in (TroubleKind.FROZEN, TroubleKind.WAITING):
                    end_trouble(head.origin, kind, "", timezone.now())

    def tick(self) -> int:
        """Place everything that waits. Returns: how many events were placed.

        What is wrong with one complex keeps no other waiting: a log that is not as it must be is
        frozen, and where a key is missing, the disk full or a file out of reach it is tried again.
        Whatever else goes wrong ends the process.
        """
        placed = 0
        # Where a head could not be published no event may be left to wait.
        for complex_id in dict.fromkeys([*waiting_complexes(), *self.waiting]):
            if complex_id not in self.frozen:
                with self._apart(complex_id):
                    placed += self.seal(complex_id)
        return placed

    @contextmanager
    def _apart(self, complex_id: UUID) -> Iterator[None]:
        try:
            yield
        except LogError as error:
            self._freeze(complex_id, str(error), error)
        except ValueError as problem:  # what somebody has written over cannot be read any more
            self._freeze(complex_id, UNREADABLE, problem)
        except Log.DoesNotExist:  # and nowhere to note a trouble
            self.frozen[complex_id] = UNREADABLE
            logger.critical("%s is a complex without a log", complex_id)
        except Refusal as refusal:
            self._wait(complex_id, str(refusal), refusal)
        except OSError as problem:
            self._wait(complex_id, NO_FILES, problem)
        else:
            if self.waiting.pop(complex_id, None):
                end_trouble(_origin(complex_id), TroubleKind.WAITING, "", timezone.now())

    def _freeze(self, complex_id: UUID, why: str, problem: Exception) -> None:
        self.frozen[complex_id] = why
        logger.critical("%s", problem)
        open_trouble(_origin(complex_id), TroubleKind.FROZEN, "", why, timezone.now())

    def _wait(self, complex_id: UUID, why: str, problem: Exception) -> None:
        if self.waiting.get(complex_id) != why:
            logger.warning("%s", problem)
            open_trouble(_origin(complex_id), TroubleKind.WAITING, "", why, timezone.now())
        self.waiting[complex_id] = why

    def seal(self, complex_id: UUID) -> int:
        """Place what waits in one complex and publish the new head.

        Raises: LogError when database and published files disagree; Refusal when the disk is full;
        OSError when a file is out of reach, after which the log is proven anew.
        """
        complex_ = Complex.objects.get(id=complex_id)
        refuse_when_disk_is_low(Path(settings.PUBLIC))
        head = self.heads.pop(complex_id, None)
        with tenancy.within(complex_id):
            number = log_of(complex_id).number
        if head is None or head.number != number:  # that log was retired meanwhile
            head = recover(complex_)
        folder = log_folder(complex_.code, head.number)
        begun = head.edge.size > 0
        with tenancy.within(complex_id):
            waiting = next_events(complex_id, begun=begun, at_most=BATCH)
            waiting = take_out_placed(complex_id, waiting)
            # What has its place stays there for ever, so it is looked at before.
            for _, why in unfit(complex_, waiting, begun=begun):
                raise LogError(f"{complex_.code}: {why}")
            keys = log_signers(complex_, head.number, timezone.now())
        if not waiting:  # a head that was left unpublished is out by now
            self.heads[complex_id] = head
            return 0
        growth = grow(head.edge, [one.entry for one in waiting])
        staged = stage(complex_.code, growth)
        check_staged(staged, folder, head.edge, growth)
        checkpoint = sign_checkpoint(Checkpoint(head.origin, growth.size, growth.root), *keys)
        commit(complex_id, head, growth, waiting, checkpoint)
        apply(staged, folder, checkpoint)
        if waiting[-1].name != Event.LOG_CLOSED:  # nothing follows, which is looked at anew
            self.heads[complex_id] = replace(head, edge=growth.edge, root=growth.root)
        with connection.cursor() as cursor:
            # When everybody can read it, and no sooner.
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, f"{SEALED} {complex_id}"])
        return len(waiting)


def _origin(complex_id: UUID) -> str:
    with tenancy.within(complex_id):
        return log_of(complex_id).origin


def waiting_complexes() -> list[UUID]:
    """The complexes in which events wait; a function of the database that tells only their ids."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM danji_waiting_complexes()")
        return [row[0] for row in cursor.fetchall()]


@contextmanager
def only_one() -> Iterator[bool]:
    """Hold the sequencer's lock; yields False when another process holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        (held,) = cursor.fetchone()
    try:
        yield held
    finally:
        if held:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def stage(code: str, growth: Growth) -> Path:
    """Write all new files as one durable object, named by the size and root they lead to."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in growth.files.items():
            archive.writestr(path, data)
    staged = staging_folder(code) / f"{growth.size}-{growth.root.hex()}.zip"
    write_durably(staged, buffer.getvalue())
    return staged


def check_staged(staged: Path, folder: Path, edge: Edge, growth: Growth) -> None:
    """Read the staged files back and compute the root a second way, before anything is signed.

    The entries that were stored must lead to the tiles that were stored, and those to the root.
    Args: `edge` is the tree's right edge before it grew.
    Raises: LogError. A flipped bit between hashing and storing has ended other people's logs.
    """
    published = file_reader(folder)
    try:
        with zipfile.ZipFile(staged) as archive:
            stored = {name: archive.read(name) for name in archive.namelist()}

        def read(path: str) -> bytes:
            return stored[path] if path in stored else published(path)

        entries = [
            entry
            for index, width in changed_bundles(edge.size, growth.size)
            for entry in read_bundle(index, width, read)
        ][edge.size % WIDTH :]
        holds = (
            grow(edge, entries).files == stored
            and tree_root(growth.size, read, check=True) == growth.root
        )
    except (OSError, ValueError, *DAMAGED) as problem:
        raise LogError(f"{staged}: 써 둔 파일을 다시 읽을 수 없습니다({problem}).") from problem
    if not holds:
        raise LogError(f"{staged}: 써 둔 파일이 계산한 장부 확인값으로 이어지지 않습니다.")


def commit(
    complex_id: UUID, head: Head, growth: Growth, placed: Sequence[Waiting], checkpoint: bytes
) -> None:
    """Move the head in the database, if it still is where we left it. The point of no return.

    Args: `placed` are the events, in the order of their places.
    Raises: LogError when another sequencer moved it, or something stands in their places.
    """
    try:
        with tenancy.within(complex_id):
            moved = (
                Log.objects.within(complex_id)
                .filter(id=head.log_id, size=head.edge.size, root=head.root)
                .update(size=growth.size, root=growth.root, checkpoint=checkpoint)
            )
            if moved != 1:
                raise LogError("다른 봉인 처리기가 봉인 기록을 먼저 늘렸습니다.")
            Leaf.objects.bulk_create(
                Leaf(complex_id=complex_id, log_number=head.number, event_id=one.id, index=index)
                for index, one in enumerate(placed, head.edge.size)
            )
            done = [one.pending for one in placed]
            PendingEvent.objects.within(complex_id).filter(id__in=done).delete()
    except IntegrityError as problem:
        raise LogError(
            "봉인 장부의 다음 자리에 이미 다른 것이 적혀 있습니다. 누가 지어내 넣은 것입니다."
        ) from problem


def apply(staged: Path, folder: Path, checkpoint: bytes) -> None:
    """Put the staged files in their places, publish the head, and discard the staging."""
    with zipfile.ZipFile(staged) as archive:
        for name in archive.namelist():
            write_durably(folder / name, archive.read(name))
    write_durably(folder / "checkpoint", checkpoint)
    staged.unlink(missing_ok=True)  # who was told to stand back may be at the same
    sync_folder(staged.parent)


def recover(complex_: Complex) -> Head:
    """Bring the published files up to the database's head, and prove them before going on.

    Raises: LogError when what is published is newer than, or differs from, the database: then the
    database was restored from a backup, and signing would fork the log.
    """
    with tenancy.within(complex_.id):
        log = log_of(complex_.id)
        know_first_key(complex_, log, timezone.now())
        keys = log_keys(complex_, log)
    folder = log_folder(complex_.code, log.number)
    kept = KeptHead(log.size, bytes(log.root), bytes(log.checkpoint))
    edge = bring_up(complex_.code, folder, keys, kept)
    if kept.size:
        _demand_open(complex_, kept.size, file_reader(folder))
    return Head(log.id, log.number, log.origin, edge, kept.root)


def _demand_open(complex_: Complex, size: int, reader: Reader) -> None:
    """Raises: LogError when the log says itself that it was closed."""
    if parse_entry(read_entry(size - 1, size, reader)).event is Event.LOG_CLOSED:
        raise LogError(
            f"{complex_.code}: 닫은 장부입니다. 다음 장부를 열기 전에는 봉인하지 않습니다."
        )


@dataclass(frozen=True)
class KeptHead:
    """The head of a log as the database has it; `checkpoint` is the signed note."""

    size: int
    root: bytes
    checkpoint: bytes


def bring_up(name: str, folder: Path, keys: Keys, kept: KeptHead) -> Edge:
    """Bring the published files of a log up to the head that is kept, and prove them.

    Args: `name` is that of its folder below the staging: a K-apt code, or `heads`.
    Returns: the right edge of the tree.
    Raises: LogError as `recover` does.
    """
    size, root = kept.size, kept.root
    published = published_head(folder, keys)
    if published is not None and published.size > size:
        raise LogError(
            f"{name}: 공개된 봉인은 {published.size}건인데 데이터베이스는 {size}건입니다. "
            "데이터베이스가 옛 백업으로 되돌려졌습니다. 운영 설명서의 '봉인 복구'를 따라 주세요."
        )
    if published is not None and published.size == size and published.root != root:
        raise LogError(
            f"{name}: 공개된 봉인 기록과 데이터베이스의 장부 확인값이 다릅니다. "
            "운영 설명서의 '봉인 복구'를 따라 주세요."
        )
    staged = staging_folder(name) / f"{size}-{root.hex()}.zip"
    if published is None or published.size < size:
        if staged.exists():
            _apply_again(staged, folder, kept.checkpoint)
        elif size == 0:
            write_durably(folder / "checkpoint", kept.checkpoint)
        else:
            raise LogError(
                f"{name}: 봉인 기록 {size}건까지의 파일이 없습니다. "
                "공개 폴더가 지워졌거나 되돌려졌습니다. 운영 설명서의 '봉인 복구'를 따라 주세요."
            )
    # What leads further may be another's, who is about to publish it.
    for leftover in staging_folder(name).glob("*.zip"):
        if int(leftover.name.partition("-")[0]) <= size:
            leftover.unlink(missing_ok=True)
    return proven_edge(size, root, file_reader(folder))


def _apply_again(staged: Path, folder: Path, checkpoint: bytes) -> None:
    """Finish what an interruption left. Raises: LogError when the staged file is damaged."""
    try:
        apply(staged, folder, checkpoint)
    except DAMAGED as problem:
        raise LogError(f"{staged}: 파일이 상했습니다({problem}).") from problem


def published_head(folder: Path, keys: Keys) -> Checkpoint | None:
    """The published head, signed by one of the keys at least; None when nothing was published yet.

    Raises: LogError when the file is not a head signed by this log.
    """
    try:
        data = (folder / "checkpoint").read_bytes()
    except FileNotFoundError:
        return None
    try:
        return Checkpoint.parse(note.open_note(data, keys).text)
    except ValueError as problem:
        raise LogError(f"{folder / 'checkpoint'} 파일이 상했습니다({problem}).") from problem


def proven_edge(size: int, root: bytes, reader: Reader) -> Edge:
    """The right edge of the tree, checked against the root that was signed.

    Raises: LogError when files are missing or disagree.
    """
    try:
        edge = load_edge(size, reader)
        computed = tree_root(size, reader, check=True)
    except (OSError, ValueError) as problem:
        raise LogError(f"공개된 봉인 기록의 파일이 상했거나 없습니다({problem}).") from problem
    if computed != root or edge.root != root:
        raise LogError("공개된 봉인 기록의 파일이 서명한 장부 확인값으로 이어지지 않습니다.")
    return edge


def staging_folder(code: str) -> Path:
    """Where new files wait until the head has moved."""
    folder = Path(settings.STAGING) / code
    folder.mkdir(parents=True, exist_ok=True)
    return folder
