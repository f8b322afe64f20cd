"""Mending a log whose published files are damaged or gone (봉인 복구).

They are made anew from its entries, wherever these are whole: in the database, in what is left of
the files, in somebody's copy. Whole is what leads to the head that was signed.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings

from danji.base import tenancy
from danji.base.files import write_durably
from danji.complexes.models import Complex
from danji.rules.refusal import Refusal
from danji.transparency.keys import log_keys
from danji.transparency.models import CollectedHead, ConfirmedHead, Leaf, Log
from danji.transparency.queries import confirmed_head, log_of
from danji.transparency.recovery import BROKEN, Signed, signed_head
from danji.transparency.repair import Repair
from danji.transparency.tree import file_reader, log_folder
from danji_verify import note
from danji_verify.checkpoint import Checkpoint
from danji_verify.note import VerifierKey
from danji_verify.tiles import Edge, Reader, audit, changed_bundles, grow, read_bundle

BATCH = 4096  # entries that are held at once

Entries = Callable[[], Iterable[bytes]]  # of a log, from the first; each call begins anew


def examine_files(
    complex_: Complex, *, at: datetime, number: int | None = None, source: Reader | None = None
) -> Repair:
    """Look for published files of a log that are damaged or gone, and where to get them from.

    Args: `number` is that of the log, the one that goes on without; `source` reads another copy.
    Raises: Refusal when no whole copy is at hand.
    """
    with tenancy.within(complex_.id):
        log = log_of(complex_.id, number)
        keys = log_keys(complex_, log)
        folder = log_folder(complex_.code, log.number)
        copies = [file_reader(folder), *([source] if source else [])]
        is_retired = log.number != log_of(complex_.id).number  # it ends with what the row says
        signed = _goal(log, keys, [] if is_retired else copies)
        origin, sizes = log.origin, _sizes(log.origin, signed.head.size)
        chosen = _whole_source(complex_, log, signed.head, file_reader(folder), source)
        if chosen is None:
            raise Refusal(
                f"서명된 머리({signed.head.size:,}건)까지 온전한 사본이 데이터베이스에도 공개 "
                "폴더에도 없습니다. 아무것도 바꾸지 않았습니다.",
                next_step="확인 기관이나 다른 곳의 사본을 --from으로 알려 주세요. 어디에도 없으면 "
                "retire로 다음 장부를 엽니다.",
            )
        what, entries = chosen
        wanted = {"checkpoint": signed.note}
        confirmed = confirmed_head(origin)
        if confirmed is not None and confirmed.checkpoint.size <= signed.head.size:
            wanted["confirmed"] = confirmed.note
        wrong = [*_wrong(folder, wanted.items()), *_wrong(folder, derived(entries(), sizes))]
    if not wrong:
        return Repair([f"공개된 장부 {signed.head.size:,}건의 파일이 모두 온전합니다."])
    found = [
        f"공개된 장부의 파일 {len(wrong):,}개가 상했거나 없습니다({folder}):",
        *(f"- {path}" for path in wrong[:20]),
        *([f"- 그 밖에 {len(wrong) - 20:,}개"] if len(wrong) > 20 else []),
        f"{what}에서 다시 만듭니다. 서명된 머리와 맞는 것을 확인했습니다.",
    ]

    def do() -> list[str]:
        aside = Path(settings.ASIDE) / f"{complex_.code}-log-{log.number}-{at:%Y%m%d%H%M%S}"
        with tenancy.within(complex_.id):
            for path, data in _both(wanted.items(), derived(entries(), sizes)):
                if path in wrong:
                    _put_aside(folder / path, aside / path)
                    write_durably(folder / path, data)
        if audit(signed.head.size, file_reader(folder)) != signed.head.root:
            raise Refusal(
                "파일을 다시 썼지만 서명된 머리와 맞지 않습니다.",
                next_step="디스크와 메모리를 점검한 뒤 다시 해 주세요.",
            )
        return [
            f"파일 {len(wrong):,}개를 다시 만들었습니다. 상한 파일은 {aside}에 두었습니다.",
            "봉인이 이어집니다.",
        ]

    return Repair(found, do)


def _goal(log: Log, keys: tuple[VerifierKey, ...], copies: list[Reader]) -> Signed:
    """The largest head that was signed, as far as it is at hand."""
    checkpoint = bytes(log.checkpoint)
    heads = [Signed(checkpoint, Checkpoint.parse(note.open_note(checkpoint, keys).text))]
    heads += [found for reader in copies if (found := signed_head(reader, keys)) is not None]
    return max(heads, key=lambda signed: signed.head.size)


def _sizes(origin: str, size: int) -> list[int]:
    """The sizes of which heads are kept somewhere: proofs under them need their partial tiles."""
    found = {size}
    for model in (ConfirmedHead, CollectedHead):
        found |= set(model.objects.filter(origin=origin).values_list("size", flat=True))
    return sorted(one for one in found if 0 < one <= size)


def _whole_source(
    complex_: Complex, log: Log, head: Checkpoint, own: Reader, source: Reader | None
) -> tuple[str, Entries] | None:
    """Where all entries come from that lead to the signed root: the first that has them."""
    candidates: list[tuple[str, Entries]] = [
        ("데이터베이스", lambda: _rows(complex_.id, log.number, head.size)),
        ("공개 폴더에 남은 사건", lambda: _entries(head.size, own)),
    ]
    if source is not None:
        candidates.append(("받아 온 사본", lambda: _entries(head.size, source)))
    for what, entries in candidates:
        try:
            edge = Edge()
            for batch in _batches(entries(), [head.size]):
                edge = grow(edge, batch).edge
        except BROKEN:
            continue
        if (edge.size, edge.root) == (head.size, head.root):
            return what, entries
    return None


def _rows(complex_id: UUID, number: int, size: int) -> Iterator[bytes]:
    leaves = (
        Leaf.objects.within(complex_id)
        .filter(log_number=number, index__lt=size)
        .order_by("index")
        .values_list("event__entry", flat=True)
    )
    return (bytes(entry) for entry in leaves.iterator(BATCH))


def _entries(size: int, reader: Reader) -> Iterator[bytes]:
    for index, width in changed_bundles(0, size):
        yield from read_bundle(index, width, reader)


def derived(entries: Iterable[bytes], sizes: list[int]) -> Iterator[tuple[str, bytes]]:
    """Every file of a log that its heads of these sizes need, by path, made from its entries."""
    edge = Edge()
    kept = set(sizes)
    for batch in _batches(entries, sizes):
        growth = grow(edge, batch)
        edge = growth.edge
        for path, data in growth.files.items():
            if ".p/" not in path or edge.size in kept:
                yield path, data


def _batches(entries: Iterable[bytes], sizes: list[int]) -> Iterator[list[bytes]]:
    """The entries in batches that end at each of the sizes, and are never too many."""
    ends: set[int] = set(sizes)
    batch: list[bytes] = []
    for done, entry in enumerate(entries, 1):
        batch.append(entry)
        if done in ends or len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _wrong(folder: Path, wanted: Iterable[tuple[str, bytes]]) -> list[str]:
    """Which files are not there, or hold something else."""
    found = []
    for path, data in wanted:
        try:
            same = (folder / path).read_bytes() == data
        except OSError:
            same = False
        if not same:
            found.append(path)
    return found


def _both(
    first: Iterable[tuple[str, bytes]], second: Iterable[tuple[str, bytes]]
) -> Iterator[tuple[str, bytes]]:
    yield from second
    yield from first  # the heads last: what they speak of is there then


def _put_aside(path: Path, aside: Path) -> None:
    """Move a damaged file away; nothing is deleted, for somebody may want to know why."""
    if path.exists():
        aside.parent.mkdir(parents=True, exist_ok=True)
        path.rename(aside)
