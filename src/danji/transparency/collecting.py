"""Collecting: how the log of logs (모음 장부) grows, in the sequencer's order and by its code."""

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from danji.base import tenancy
from danji.base.files import refuse_when_disk_is_low, write_durably
from danji.base.ids import uuid7
from danji.base.jobs import hold_lock
from danji.base.keys import has_key, log_signer, make_log_key
from danji.complexes.models import Complex
from danji.rules.refusal import Refusal
from danji.transparency.collection import (
    FOLDER,
    KEY,
    NUMBER,
    collection_folder,
    collection_key,
    collection_origin,
    collection_policy,
)
from danji.transparency.keys import log_keys
from danji.transparency.models import CollectedHead, Collection, Log, TroubleKind
from danji.transparency.queries import log_of
from danji.transparency.sequencer import (
    KeptHead,
    LogError,
    apply,
    bring_up,
    check_staged,
    stage,
)
from danji.transparency.tree import log_folder
from danji.transparency.troubles import end_trouble, open_trouble
from danji_verify import note
from danji_verify.checkpoint import Checkpoint, sign_checkpoint
from danji_verify.merkle import EMPTY_ROOT
from danji_verify.note import VerifierKey
from danji_verify.tiles import MAX_ENTRY, Edge, Growth, grow

logger = logging.getLogger(__name__)

LOCK = 0x6865616473  # "heads", an advisory lock's number
PAUSE = 3600.0  # seconds between two collections
FAILED = (
    "모음 장부에 단지들의 머리를 모으지 못했습니다. 한 시간 뒤에 다시 모읍니다. "
    "까닭은 logs/sequencer.log 끝에 있습니다."
)


@dataclass(frozen=True)
class Found:
    """The head of a complex's log that is to be collected; `note` as everybody can fetch it."""

    note: bytes
    checkpoint: Checkpoint


@dataclass
class Collector:
    """Collects the heads, time after time; `frozen` and `waiting` as in `Sequencer`."""

    frozen: str = ""
    waiting: str = ""

    def tick(self, at: datetime) -> int:
        """Collect what is new. Returns: how many heads.

        A log of logs that is not as it must be is not continued until the process is started
        again; whatever else goes wrong is tried again. Nobody waits for it.
        Raises: OperationalError, InterfaceError when the database is away.
        """
        if self.frozen:
            return 0
        try:
            with hold_lock(LOCK) as held:
                collected = collect() if held else 0
        except LogError as error:
            self.frozen = str(error)
            logger.critical("%s", error)
            open_trouble(collection_origin(), TroubleKind.FROZEN, "", str(error), at)
            return 0
        except Refusal as refusal:
            if self.waiting != str(refusal):
                logger.warning("%s", refusal)
            self._wait(str(refusal), at)
            return 0
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # the process is the sequencer's, and no event is to wait for our mistake
            logger.exception("the heads were not collected")
            self._wait(FAILED, at)
            return 0
        self.waiting = ""
        for kind in (TroubleKind.FROZEN, TroubleKind.WAITING):
            end_trouble(collection_origin(), kind, "", at)
        return collected

    def _wait(self, why: str, at: datetime) -> None:
        self.waiting = why
        open_trouble(collection_origin(), TroubleKind.WAITING, "", why, at)


def keep_collecting(stop: threading.Event) -> None:
    """Pin every complex's newest head in the log of logs, each hour, until told to stop.

    In the sequencer's process, because no other signs heads; in a thread of its own, because
    looking through thousands of complexes must keep no event waiting for its place.
    """
    collector = Collector()
    try:
        while not stop.is_set():
            try:
                collector.tick(timezone.now())
            except (OperationalError, InterfaceError) as problem:
                logger.warning("the heads were not collected: %s", problem)
                connection.close()  # and with it what is left of its lock
            stop.wait(PAUSE)
    finally:
        connection.close()


def collect() -> int:
    """Collect the newest head of every log that has another one than was collected last.

    The caller holds the lock. Returns: how many heads were collected.
    Raises: LogError when database and published files disagree; Refusal when the key is missing
    or the disk full.
    """
    refuse_when_disk_is_low(Path(settings.PUBLIC))
    heads = list(new_heads())
    if not heads and not Collection.objects.exists():
        return 0
    collection = opened()
    folder = collection_folder()
    edge = recover(collection)
    if heads:
        growth = grow(edge, [head.note for head in heads])
        staged = stage(FOLDER, growth)
        check_staged(staged, folder, edge, growth)
        checkpoint = sign_checkpoint(
            Checkpoint(collection.origin, growth.size, growth.root), log_signer(FOLDER, KEY)
        )
        commit(collection, growth, heads, checkpoint)
        apply(staged, folder, checkpoint)
    policy = collection_policy().format()
    if not (folder / "policy.txt").exists() or (folder / "policy.txt").read_bytes() != policy:
        write_durably(folder / "policy.txt", policy)
    return len(heads)


def opened() -> Collection:
    """The log of logs, begun when there is none. Its key is made then, and never again."""
    kept = Collection.objects.filter(number=NUMBER).first()
    if kept is not None:
        if not has_key(FOLDER, KEY):
            raise Refusal(
                f"모음 장부의 열쇠 파일(keys/{FOLDER}/log-{NUMBER}.pem)이 없습니다. "
                "단지의 봉인은 그대로 이어집니다.",
                next_step="보관해 둔 열쇠 파일을 제자리에 돌려놓아 주세요.",
            )
        return kept
    if not has_key(FOLDER, KEY):
        make_log_key(FOLDER, KEY)
    origin = collection_origin()
    return Collection.objects.create(
        number=NUMBER,
        origin=origin,
        root=EMPTY_ROOT,
        checkpoint=sign_checkpoint(Checkpoint(origin, 0, EMPTY_ROOT), log_signer(FOLDER, KEY)),
    )


def recover(collection: Collection) -> Edge:
    """Bring the published files up to the database's head, and prove them before going on.

    Raises: LogError as the sequencer's does.
    """
    kept = KeptHead(collection.size, bytes(collection.root), bytes(collection.checkpoint))
    return bring_up(FOLDER, collection_folder(), [collection_key()], kept)


def commit(
    collection: Collection, growth: Growth, heads: Sequence[Found], checkpoint: bytes
) -> None:
    """Move the head in the database, if it still is where we left it. The point of no return.

    Raises: LogError when another process moved it.
    """
    with transaction.atomic():
        moved = Collection.objects.filter(
            number=NUMBER, size=collection.size, root=bytes(collection.root)
        ).update(size=growth.size, root=growth.root, checkpoint=checkpoint)
        if moved != 1:
            raise LogError("다른 프로그램이 모음 장부를 먼저 늘렸습니다.")
        first = uuid7()  # all at one moment: a month ends between two heads, never within one
        CollectedHead.objects.bulk_create(
            CollectedHead(
                id=UUID(int=first.int + place),
                collection=collection,
                index=collection.size + place,
                origin=head.checkpoint.origin,
                size=head.checkpoint.size,
                note=head.note,
            )
            for place, head in enumerate(heads)
        )


def new_heads() -> Iterator[Found]:
    """The head of each complex's log that goes on, where it is another than was collected last."""
    for complex_ in Complex.objects.order_by("code"):
        try:
            with tenancy.within(complex_.id):
                log = log_of(complex_.id)
                keys = log_keys(complex_, log)
            found = _newest(log_folder(complex_.code, log.number), keys)
        # That complex's own sequencing says so, too.
        except (Log.DoesNotExist, LogError, Refusal) as problem:
            logger.warning("%s", problem)
            continue
        if found is not None:
            yield found


def _newest(folder: Path, keys: Sequence[VerifierKey]) -> Found | None:
    """The confirmed head of a log where it is new, or else the published one where it leads further
    than what was collected; None when there is nothing new.

    Raises: LogError when a published head is damaged.
    """
    last = CollectedHead.objects.filter(origin=keys[0].name).order_by("-index").first()
    size = 0 if last is None else last.size
    confirmed = _head(folder / "confirmed", keys)
    if (
        confirmed is not None
        and confirmed.checkpoint.size >= size
        and (last is None or bytes(last.note) != confirmed.note)
    ):
        return confirmed
    # The witnesses may be away for days: what is only signed by the log is pinned meanwhile.
    published = _head(folder / "checkpoint", keys)
    return published if published is not None and published.checkpoint.size > size else None


def _head(path: Path, keys: Sequence[VerifierKey]) -> Found | None:
    """A published head that fits into a leaf. Raises: LogError when it is damaged."""
    try:
        data = path.read_bytes()
        checkpoint = Checkpoint.parse(note.open_note(data, keys).text)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as problem:
        raise LogError(f"{path} 파일이 상했습니다({problem}).") from problem
    return Found(data, checkpoint) if len(data) <= MAX_ENTRY else None
