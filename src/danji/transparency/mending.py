"""Mending a log whose published files are damaged or gone (봉인 복구).

They are made anew from its entries, wherever these are whole: in the database, in what is left of
the files, in somebody's copy. Whole is what leads to the head that was signed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings

from danji.base import tenancy
from danji.base.files import write_durably
from danji.complexes.models import Complex
from danji.rules.refusal import Refusal
from danji.transparency.keys import log_keys, log_signers
from danji.transparency.models import CollectedHead, ConfirmedHead, Leaf, Log
from danji.transparency.queries import confirmed_head, log_of
from danji.transparency.recovery import BATCH, BROKEN, Signed, believed_head
from danji.transparency.repair import Repair
from danji.transparency.tree import file_reader, log_folder
from danji_verify import note
from danji_verify.checkpoint import Checkpoint, sign_checkpoint
from danji_verify.merkle import EMPTY_ROOT
from danji_verify.note import VerifierKey
from danji_verify.tiles import Edge, Reader, audit, changed_bundles, grow, read_bundle

Entries = Callable[[], Iterable[bytes]]  # of a log, from the first; each call begins anew


@dataclass(frozen=True)
class Plan:
    """What the files of a log should hold: `heads` by path, and what leads to `goal`, made from
    `entries`, of which `what` says where they come from. `wrong` are the paths that hold it not.
    """

    log: Log
    goal: Signed
    heads: dict[str, bytes]
    what: str
    entries: Entries
    sizes: list[int]
    wrong: list[str]


def examine_files(
    complex_: Complex, *, at: datetime, number: int | None = None, source: Reader | None = None
) -> Repair:
    """Look for published files of a log that are damaged or gone, and where to get them from.

    Args: `number` is that of the log, the one that goes on without; `source` reads another copy.
    Raises: Refusal when no whole copy is at hand, or when the log's key is not.
    """
    with tenancy.within(complex_.id):
        plan = _plan(complex_, log_of(complex_.id, number), at, source)
    folder, size, wrong = (
        log_folder(complex_.code, plan.log.number),
        plan.goal.head.size,
        plan.wrong,
    )
    if not wrong:
        return Repair([f"공개된 장부 {size:,}건의 파일이 모두 온전합니다."])
    found = [
        f"공개된 장부의 파일 {len(wrong):,}개가 상했거나 없습니다({folder}):",
        *(f"- {path}" for path in wrong[:20]),
        *([f"- 그 밖에 {len(wrong) - 20:,}개"] if len(wrong) > 20 else []),
        f"{plan.what}에서 다시 만듭니다. 서명된 머리와 맞는 것을 확인했습니다.",
    ]
    return Repair(found, lambda: _write(complex_, plan, folder, at))


def _plan(complex_: Complex, log: Log, at: datetime, source: Reader | None) -> Plan:
    folder, keys = log_folder(complex_.code, log.number), log_keys(complex_, log)
    own = file_reader(folder)
    row = _known_head(complex_, log, keys, at)
    goal, published = row, believed_head(log, keys, own)
    is_retired = log.number != log_of(complex_.id).number
    copies = [published, believed_head(log, keys, source) if source else None]
    signed, heads = [one for one in copies if one], {}
    if not is_retired:  # such a one ends with what the row says
        goal = max([row, *signed], key=lambda one: one.head.size)
    if not is_retired or published is None or published.head.size < row.head.size:
        heads["checkpoint"] = goal.note  # what was published of a retired one never goes back
    size, confirmed = goal.head.size, confirmed_head(log.origin)
    demanded = [row.head]
    if row.note != bytes(log.checkpoint):  # whoever signed anew has to agree with all that was
        demanded += [one.head for one in signed if one.head.size <= size]
    if confirmed is not None and confirmed.checkpoint.size <= size:
        heads["confirmed"] = confirmed.note
        demanded.append(confirmed.checkpoint)
    candidates: list[tuple[str, Entries]] = [
        ("데이터베이스", lambda: _rows(complex_.id, log.number, size)),
        ("공개 폴더에 남은 사건", lambda: _entries(size, own)),
    ]
    if source is not None:
        candidates.append(("받아 온 사본", lambda: _entries(size, source)))
    what, entries = _whole_source(candidates, goal.head)
    _demand_of_one_log(entries, demanded)
    sizes = _sizes(log.origin, size)
    wrong = [*_wrong(folder, heads.items()), *_wrong(folder, derived(entries(), sizes))]
    return Plan(log, goal, heads, what, entries, sizes, wrong)


def _write(complex_: Complex, plan: Plan, folder: Path, at: datetime) -> list[str]:
    log, goal, wrong = plan.log, plan.goal, plan.wrong
    aside = Path(settings.ASIDE) / f"{complex_.code}-log-{log.number}-{at:%Y%m%d%H%M%S%f}"
    with tenancy.within(complex_.id):
        if goal.head.size == log.size and goal.note != bytes(log.checkpoint):  # signed anew
            Log.objects.within(complex_.id).filter(id=log.id).update(checkpoint=goal.note)
        for path, data in _both(plan.heads.items(), derived(plan.entries(), plan.sizes)):
            if path in wrong:
                _put_aside(folder / path, aside / path)
                write_durably(folder / path, data)
    if audit(goal.head.size, file_reader(folder)) != goal.head.root:
        raise Refusal(
            "파일을 다시 썼지만 서명된 머리와 맞지 않습니다.",
            next_step="디스크와 메모리를 점검한 뒤 다시 해 주세요.",
        )
    return [
        f"파일 {len(wrong):,}개를 다시 만들었습니다. 상한 파일은 {aside}에 두었습니다.",
        "봉인이 이어집니다.",
    ]


def _known_head(complex_: Complex, log: Log, keys: tuple[VerifierKey, ...], at: datetime) -> Signed:
    """The head the database knows. Where a wrong key signed it, it is signed anew: it is believed
    only if entries lead to it, and on to everything else that was agreed on.

    Raises: Refusal when the true key is not back.
    """
    checkpoint = bytes(log.checkpoint)
    try:
        return Signed(checkpoint, Checkpoint.parse(note.open_note(checkpoint, keys).text))
    except BROKEN:
        head = Checkpoint(log.origin, log.size, bytes(log.root))
        return Signed(sign_checkpoint(head, *log_signers(complex_, log.number, at)), head)


def _demand_of_one_log(entries: Entries, demanded: list[Checkpoint]) -> None:
    """Raises: Refusal when one of the heads is not one that these entries lead to."""
    reached = {0: EMPTY_ROOT}
    edge = Edge()
    for batch in _batches(entries(), [head.size for head in demanded]):
        edge = grow(edge, batch).edge
        reached[edge.size] = edge.root
    if any(reached.get(head.size) != head.root for head in demanded):
        raise Refusal(
            "서명된 머리들이 한 장부의 것이 아닙니다. 아무것도 바꾸지 않았습니다.",
            next_step="두 쪽을 모두 보관하고, 복구 안내의 '장부가 갈라졌을 때'를 따라 주세요.",
        )


def _sizes(origin: str, size: int) -> list[int]:
    """The sizes of which heads are kept somewhere: proofs under them need their partial tiles."""
    found = {size}
    for model in (ConfirmedHead, CollectedHead):
        found |= set(model.objects.filter(origin=origin).values_list("size", flat=True))
    return sorted(one for one in found if 0 < one <= size)


def _whole_source(candidates: list[tuple[str, Entries]], head: Checkpoint) -> tuple[str, Entries]:
    """Where all entries come from that lead to the signed root: the first that has them.

    Raises: Refusal when none has.
    """
    for what, entries in candidates:
        try:
            edge = Edge()
            for batch in _batches(entries(), [head.size]):
                edge = grow(edge, batch).edge
        except BROKEN:
            continue
        if (edge.size, edge.root) == (head.size, head.root):
            return what, entries
    raise Refusal(
        f"서명된 머리({head.size:,}건)까지 온전한 사본이 데이터베이스에도 공개 폴더에도 "
        "없습니다. 아무것도 바꾸지 않았습니다.",
        next_step="확인 기관이나 다른 곳의 사본을 --from으로 알려 주세요. 어디에도 없으면 "
        "retire로 다음 장부를 엽니다.",
    )


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
