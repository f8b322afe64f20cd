"""The log of logs (모음 장부): what it is, what it proves, and whether it agrees with every log.

It pins the newest head of every complex's log each hour. Whoever keeps one head of it holds the
operator to one head of each log in it: nobody can be shown another.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from django.conf import settings

from danji.base import tenancy
from danji.base.keys import log_signer
from danji.complexes.models import Complex
from danji.rules.refusal import Refusal
from danji.transparency.keys import key_name, log_keys
from danji.transparency.models import (
    CollectedHead,
    Collection,
    ConfirmedHead,
    Log,
    Party,
    Stamp,
    Witness,
)
from danji.transparency.queries import (
    PublishedHead,
    agreed_head,
    confirmed_head,
    log_of,
    readable,
)
from danji.transparency.tree import file_reader, log_folder
from danji_verify import note
from danji_verify.checkpoint import Checkpoint
from danji_verify.checkpoint import log_key as public_log_key
from danji_verify.errors import VerifyError
from danji_verify.note import VerifierKey
from danji_verify.policy import Group, Policy
from danji_verify.policy import Party as Known
from danji_verify.proof import Proof
from danji_verify.tiles import (
    Reader,
    audit,
    changed_bundles,
    inclusion_proof,
    read_bundle,
    tree_root,
)

NUMBER = 1
KEY = key_name(NUMBER)
FOLDER = "heads"  # below the public files, the staging and the keys; no K-apt code is like it

_ORIGIN = re.compile(r".+/apt/([A-Z][0-9]{8})/([1-9][0-9]*)")


@dataclass(frozen=True)
class Mismatch:
    """Something that does not agree with the log of logs.

    `origin` names the log it is about, `index` the leaf of the log of logs that says otherwise;
    `sentence` is for people, `detail` for engineers. `certain` says that the parties of the log had
    agreed on what that leaf pinned.
    """

    origin: str
    index: int | None
    sentence: str
    detail: str
    certain: bool = False


def collection_folder() -> Path:
    """Where the files of the log of logs are published."""
    return Path(settings.PUBLIC) / FOLDER / str(NUMBER)


def collection_origin() -> str:
    """The name of the log of logs; it stays what it was called at its beginning."""
    kept = Collection.objects.filter(number=NUMBER).values_list("origin", flat=True).first()
    return kept or f"{settings.DOMAIN}/heads/{NUMBER}"


def collection_key() -> VerifierKey:
    """The key by which others know the log of logs. Raises: Refusal when its file is missing."""
    return public_log_key(collection_origin(), log_signer(FOLDER, KEY))


def collection_policy() -> Policy:
    """Whom to believe about the log of logs: the city and, where there are any, an outsider.

    No complex is asked: each could vouch for its own log only.
    """
    watching = readable(Witness.objects.filter(complex=None, until=None))
    known = {witness.name: Known(key, witness.url or None) for witness, key in watching.items()}
    groups = {
        party.value: Group(1, members)
        for party in (Party.CITY, Party.OUTSIDER)
        if (members := tuple(one.name for one in watching if one.party == party))
    }
    quorum = None
    if Party.CITY.value in groups:
        quorum = "needed"
        groups[quorum] = Group(len(groups), tuple(groups))
    address = f"{settings.SITE_URL}{settings.PUBLIC_URL}{FOLDER}/{NUMBER}/"
    return Policy((Known(collection_key(), address),), known, groups, quorum)


def newest_head() -> PublishedHead | None:
    """The newest head of the log of logs; the confirmed one, unless the published one leads
    further. None before the first.
    """
    confirmed, published = confirmed_head(collection_origin()), _published()
    if confirmed is None or published is None:
        return confirmed or published
    return published if published.checkpoint.size > confirmed.checkpoint.size else confirmed


def _published() -> PublishedHead | None:
    try:
        return PublishedHead.read((collection_folder() / "checkpoint").read_bytes())
    except FileNotFoundError:
        return None


def prove_collected(found: CollectedHead, head: PublishedHead) -> bytes:
    """The proof that a collected head is in the log of logs as `head` has it; `extra` repeats the
    collected note, which is the leaf.

    Raises: ProofError when the head does not reach so far.
    """
    path = inclusion_proof(found.index, head.checkpoint.size, file_reader(collection_folder()))
    return Proof(found.index, tuple(path), head.note, extra=bytes(found.note)).format()


@dataclass
class _Watched:
    """What was seen of one log so far."""

    origin: str
    keys: tuple[VerifierKey, ...]
    reader: Reader
    size: int = 0
    roots: dict[int, bytes] = field(default_factory=dict)


def check_collection() -> list[Mismatch]:
    """See that every head in the log of logs is a beginning of the log it was collected from.

    Read from the published files, as anybody could: the heads of a log never go backwards, are
    signed by it, and lead into the log as it is shown today. A split view (T12) that was ever
    collected shows here. And see that the log of logs itself is whole, is what the database has,
    and holds every head of it that was confirmed or stamped.

    Returns: what does not agree; nothing when all does, or when nothing was collected yet.
    """
    collection = Collection.objects.first()
    if collection is None:
        return []
    origin, reader = collection.origin, file_reader(collection_folder())
    try:
        # What is published, for the database may be a moment ahead of it.
        data = (collection_folder() / "checkpoint").read_bytes()
        head = Checkpoint.parse(note.open_note(data, [collection_key()]).text)
        root = audit(head.size, reader)
    except (OSError, ValueError, Refusal) as problem:
        return [Mismatch(origin, None, "모음 장부의 파일이 상했거나 없습니다.", str(problem))]
    if root != head.root:
        sentence = "모음 장부의 파일이 서명한 장부 확인값으로 이어지지 않습니다."
        return [Mismatch(origin, None, sentence, f"the files lead to {root.hex()}")]
    return [
        *_check_rows(origin, head.size, reader),
        *_check_leaves(origin, head.size, reader),
        *_check_kept(origin, reader),
    ]


def _leaves(size: int, reader: Reader) -> Iterator[tuple[int, bytes]]:
    index = 0
    for bundle, width in changed_bundles(0, size):
        for entry in read_bundle(bundle, width, reader):
            yield index, entry
            index += 1


def _check_rows(origin: str, size: int, reader: Reader) -> Iterator[Mismatch]:
    """The rows from which proofs are made are the leaves."""
    rows = CollectedHead.objects.order_by("index").iterator()
    for index, entry in _leaves(size, reader):
        for row in islice(rows, 1):
            if row.index == index and bytes(row.note) == entry:
                break
        else:
            yield Mismatch(
                origin,
                index,
                f"모음 장부 {index + 1}번째 머리가 데이터베이스의 것과 다릅니다.",
                "the collected row is missing or another",
            )
            return


def _check_leaves(collection: str, size: int, reader: Reader) -> Iterator[Mismatch]:
    """Each leaf is a head of its log as that log is today."""
    watched: dict[str, _Watched] = {}
    for index, entry in _leaves(size, reader):
        try:
            checkpoint = Checkpoint.parse(note.parse_note(entry).text)
            origin = checkpoint.origin
            if origin not in watched:
                watched[origin] = _watched(origin)
            log = watched[origin]
            note.open_note(entry, log.keys)
        except (ValueError, Log.DoesNotExist, Refusal) as problem:
            yield Mismatch(
                collection,
                index,
                f"모음 장부 {index + 1}번째에 어느 단지의 것인지 확인할 수 없는 머리가 있습니다.",
                str(problem),
            )
            continue
        if checkpoint.size < log.size:
            yield Mismatch(
                origin,
                index,
                f"장부의 머리가 {log.size}건에서 {checkpoint.size}건으로 뒤로 갔습니다.",
                f"collected size {checkpoint.size} after {log.size}",
            )
        log.size = max(log.size, checkpoint.size)
        for mismatch in _check_head(log, index, checkpoint):
            yield replace(mismatch, certain=_is_certain(origin, entry))


def _watched(origin: str) -> _Watched:
    """Raises: ValueError or Log.DoesNotExist for a log that is none of ours; Refusal when its keys
    are not known.
    """
    if not (found := _ORIGIN.fullmatch(origin)):
        raise ValueError(f"{origin} is no log of a complex")
    code, number = found[1], int(found[2])
    complex_ = Complex.objects.filter(code=code).first()
    if complex_ is None:
        raise ValueError(f"{origin} is of no complex here")
    with tenancy.within(complex_.id):
        keys = log_keys(complex_, log_of(complex_.id, number))
    return _Watched(origin, keys, file_reader(log_folder(code, number)))


def _check_head(log: _Watched, index: int, checkpoint: Checkpoint) -> Iterator[Mismatch]:
    size = checkpoint.size
    try:
        if size not in log.roots:
            log.roots = {size: tree_root(size, log.reader, check=True)}
    except (OSError, ValueError) as problem:
        yield Mismatch(
            log.origin,
            index,
            f"장부가 모음 장부에 적힌 {size}건까지 이르지 않거나 상했습니다.",
            str(problem),
        )
        return
    if log.roots[size] != checkpoint.root:
        yield Mismatch(
            log.origin,
            index,
            f"장부가 둘로 갈라져 있습니다. {size}건에서 모음 장부에 적힌 장부 확인값과 "
            "지금 보이는 장부 확인값이 다릅니다.",
            f"collected {checkpoint.root.hex()}, published {log.roots[size].hex()}",
        )


def _is_certain(origin: str, entry: bytes) -> bool:
    try:
        agreed_head(origin, entry)
    except VerifyError:
        return False
    return True


def _check_kept(origin: str, reader: Reader) -> Iterator[Mismatch]:
    """Every head of the log of logs that others signed is a beginning of it."""
    kept = [
        *ConfirmedHead.objects.filter(origin=origin).values_list("note", flat=True),
        *Stamp.objects.filter(origin=origin).values_list("note", flat=True),
    ]
    for data in kept:
        try:
            checkpoint = Checkpoint.parse(note.parse_note(bytes(data)).text)
            agrees = tree_root(checkpoint.size, reader) == checkpoint.root
        except (OSError, ValueError):
            agrees = False
        if not agrees:
            yield Mismatch(
                origin,
                None,
                "다른 기관이 확인한 모음 장부의 머리가 지금의 모음 장부와 맞지 않습니다.",
                bytes(data).decode(errors="replace"),
            )
