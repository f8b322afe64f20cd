"""Recovering a log whose database is older than what was published of it (봉인 복구).

What is believed, in this order: a head that witnesses signed, the published tiles and entries,
the database. Nothing here makes anything up: all that is written leads to a head that was signed.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction

from danji.base import tenancy
from danji.base.ids import uuid7
from danji.complexes.models import Complex
from danji.rules.refusal import Refusal
from danji.transparency.actions import append_event, grow_alone
from danji.transparency.collection import NUMBER, collection_folder, collection_key
from danji.transparency.keys import kept_opening, later_keys, log_keys, take_up_later_keys
from danji.transparency.models import (
    CollectedHead,
    Collection,
    ConfirmedHead,
    Event,
    Leaf,
    Log,
    Opening,
    PendingEvent,
)
from danji.transparency.queries import agreed_head, confirmed_head, log_of, policy
from danji.transparency.repair import Repair, as_owner
from danji.transparency.tree import HEADS, file_reader, log_folder
from danji.transparency.troubles import tell_in_charge
from danji_verify import note
from danji_verify.canonical import canonical
from danji_verify.chain import EVENTS
from danji_verify.checkpoint import Checkpoint
from danji_verify.entry import Entry, parse_entry
from danji_verify.entry import Event as Named
from danji_verify.errors import FormatError, NoteError, ProofError, VerifyError
from danji_verify.merkle import EMPTY_ROOT, leaf_hash
from danji_verify.note import VerifierKey
from danji_verify.tiles import (
    WIDTH,
    Reader,
    audit,
    read_bundle,
    roots,
    tree_root,
)

BATCH = 4096  # entries that are held at once

BY_OPERATOR = {"proposer": canonical({"operator": "recover"}), "officer": canonical(None)}
BROKEN = (OSError, KeyError, FormatError, ProofError, NoteError)  # what a damaged copy raises
# What has its place stays. What has none, and can have none any more, is moved: with the owner's
# rights, for whatever serves could take its own words back with this.
_SET_ASIDE = """
INSERT INTO transparency_setaside (complex_id, id, doc, seq, name, entry, fields, aside_at)
SELECT event.complex_id, %(kept)s, event.doc, event.seq, event.name, event.entry,
    COALESCE(opening.fields, '{}'), now()
FROM transparency_event AS event
LEFT JOIN transparency_opening AS opening
    ON (opening.complex_id, opening.event_id) = (event.complex_id, event.id)
WHERE event.complex_id = %(complex)s AND event.id = %(event)s AND NOT EXISTS (
    SELECT FROM transparency_leaf AS leaf
    WHERE (leaf.complex_id, leaf.event_id) = (event.complex_id, event.id)
)
"""
_MOVED = (  # the rows that are not kept twice, those that name the event first
    "DELETE FROM transparency_pendingevent WHERE complex_id = %(complex)s AND event_id = %(event)s",
    "DELETE FROM transparency_opening WHERE complex_id = %(complex)s AND event_id = %(event)s",
    "DELETE FROM transparency_event WHERE complex_id = %(complex)s AND id = %(event)s",
)


@dataclass(frozen=True)
class Signed:
    """A head and the note in which it was signed."""

    note: bytes
    head: Checkpoint


@dataclass(frozen=True)
class Lost:
    """A published entry that the database does not know any more."""

    index: int
    data: bytes
    entry: Entry

    @property
    def doc(self) -> UUID:
        return UUID(hex=self.entry.document)


@dataclass(frozen=True)
class Missing:
    """What the database lacks: `lost` is all of it, and `known` the events whose content it still
    has, by index; `aside` are events, with their documents, that can have no place any more.
    """

    lost: list[Lost]
    known: dict[int, UUID]
    aside: list[tuple[UUID, UUID]]


def examine_database(complex_: Complex, *, at: datetime, source: Reader | None = None) -> Repair:
    """Look for what a log published and the database does not know, as after an old backup.

    Args: `source` reads another copy of the log, where the published files are not whole.
    Raises: Refusal when the log cannot be recovered this way.
    """
    with tenancy.within(complex_.id):
        log = log_of(complex_.id)
        own = file_reader(log_folder(complex_.code, log.number))
        reader = source or own
        later = keys_in_use(complex_, log, [own, reader])
        signed = believed_head(log, (*later.values(), *log_keys(complex_, log)), reader)
        if signed is None:
            raise _unsigned(complex_)
        size = signed.head.size
        if size < log.size or (size == log.size and signed.head.root == bytes(log.root)):
            return Repair(
                [f"데이터베이스가 공개된 장부({size:,}건)를 모두 알고 있습니다. 할 일이 없습니다."]
            )
        _demand_whole(signed.head, reader)
        _demand_beginning(log, reader, size)
        _demand_confirmed(log.origin, reader, signed.head)
        missing = _missing(complex_, log, reader, size)

    def do() -> list[str]:
        # First, and whatever comes after: the places are taken by what was published.
        set_aside(complex_.id, [event_id for event_id, _ in missing.aside])
        with tenancy.within(complex_.id):
            take_up_later_keys(complex_, log, later, at)
            _say_what_is_lost(complex_, log, _import(complex_, log, signed, missing), at)
            _remember_confirmed(complex_, log, reader, at)
        return [
            f"사건 {len(missing.lost):,}건을 되살렸습니다. 데이터베이스가 이제 {size:,}건을 "
            "압니다.",
            "봉인이 이어집니다."
            if _is_published(signed, own)
            else "공개된 파일은 아직 온전하지 않아 봉인이 멈추어 있습니다. 이어서 recover files를 "
            "해 주세요. 사본을 --from으로 알려 주셨으면 그것도 똑같이 적어 주세요.",
        ]

    return Repair(_describe(complex_, log, size, missing), do)


def _missing(complex_: Complex, log: Log, reader: Reader, size: int) -> Missing:
    lost = list(_lost(complex_, reader, log.size, size))
    return Missing(lost, _known(complex_.id, lost), _conflicting(complex_.id, lost))


def _describe(complex_: Complex, log: Log, size: int, missing: Missing) -> list[str]:
    """What was found, and what would be done, in sentences."""
    lost, known, aside = missing.lost, missing.known, missing.aside
    found = [
        f"공개된 장부는 {size:,}건인데 데이터베이스는 {log.size:,}건만 압니다.",
        "공개된 장부는 서명된 머리까지 온전합니다. "
        f"사라진 사건 {len(lost):,}건을 장부에서 되살립니다.",
        f"그 가운데 {len(known):,}건은 내용이 데이터베이스에 남아 있습니다.",
    ]
    found += _without_content(complex_.code, [one for one in lost if one.index not in known])
    if aside:
        found.append(
            f"옛 데이터베이스로 일한 사건 {len(aside):,}건은 장부에 이미 있는 사건과 자리가 "
            "겹칩니다. 봉인하지 않고 따로 두니, 그 문서들의 결재를 다시 확인해 주세요."
        )
        found += [f"- 따로 두는 사건: 문서 {doc.hex}" for doc in sorted({doc for _, doc in aside})]
    return found


def keys_in_use(complex_: Complex, log: Log, readers: Iterable[Reader]) -> dict[str, VerifierKey]:
    """The keys that an older database does not know and that signed what was published, by the
    names under which they are kept, the newest first. One that is kept and never signed is what a
    change left that did not come about.
    """
    later = later_keys(complex_, log)
    used: set[VerifierKey] = set()
    for reader in readers:
        for path in HEADS:
            try:
                opened = note.open_note(reader(path), later.values())
            except BROKEN:
                continue
            used |= {signature.key for signature in opened.verified}
    names = list(later)
    oldest = [place for place, name in enumerate(names) if later[name] in used]
    return {name: later[name] for name in (names[oldest[0] :] if oldest else [])}


def believed_head(log: Log, keys: Sequence[VerifierKey], reader: Reader) -> Signed | None:
    """The head a copy of a log shows, unless nobody has to believe it: beyond what the database
    knows, the newest key has to have signed it, or the witnesses have to agree. An older key may
    have been changed for being stolen.

    Args: `keys` are all of the log, the newest first.
    """
    signed = signed_head(reader, keys)
    if signed is None or signed.head.origin != log.origin:
        return None
    if signed.head.size <= log.size or signed_head(reader, keys[:1]) is not None:
        return signed
    try:
        agreed_head(log.origin, signed.note)
    except VerifyError:
        return None
    return signed


def _is_published(signed: Signed, own: Reader) -> bool:
    try:
        return (
            Checkpoint.parse(note.parse_note(own("checkpoint")).text) == signed.head
            and audit(signed.head.size, own) == signed.head.root
        )
    except BROKEN:
        return False


def signed_head(reader: Reader, keys: Iterable[VerifierKey]) -> Signed | None:
    """The head a copy of a log shows, signed by one of its keys; None where it shows none."""
    try:
        data = reader("checkpoint")
        return Signed(data, Checkpoint.parse(note.open_note(data, keys).text))
    except BROKEN:
        return None


def _demand_whole(head: Checkpoint, reader: Reader) -> None:
    try:
        whole = audit(head.size, reader) == head.root
    except BROKEN:
        whole = False
    if not whole:
        raise Refusal(
            "공개된 장부의 파일이 상했거나 빠져서, 그대로는 데이터베이스를 되살릴 수 없습니다.",
            next_step="온전한 사본이 있는 폴더나 주소를 --from으로 알려 주시거나, 먼저 recover "
            "files를 해 주세요.",
        )


def _demand_beginning(log: Log, reader: Reader, size: int) -> None:
    """What the database knows has to be the beginning of what was published."""
    if log.size > size or root_within(log.size, size, reader) != bytes(log.root):
        raise Refusal(
            "공개된 장부와 데이터베이스의 장부가 서로 갈라져 있습니다. "
            "어느 쪽도 바꾸지 않았습니다.",
            next_step="두 쪽을 모두 보관하고, 복구 안내의 '장부가 갈라졌을 때'를 따라 주세요.",
        )


def _demand_confirmed(origin: str, reader: Reader, head: Checkpoint) -> None:
    """What the witnesses signed stands above everything that we have."""
    confirmed = confirmed_head(origin)
    if confirmed is None:
        return
    agreed = confirmed.checkpoint
    if root_within(agreed.size, head.size, reader) != agreed.root:
        raise Refusal(
            f"확인 기관이 서명한 머리({agreed.size:,}건)가 이 장부의 파일과 맞지 않습니다. "
            "아무것도 바꾸지 않았습니다.",
            next_step="시·군·구나 단지의 확인 프로그램에 있는 사본을 --from으로 알려 주세요.",
        )


def root_of(size: int, reader: Reader) -> bytes | None:
    """The root a copy of a log leads to at that size; None where it does not reach so far."""
    if size == 0:
        return EMPTY_ROOT
    try:
        return tree_root(size, reader, check=True)
    except BROKEN:
        return None


def root_within(old: int, size: int, reader: Reader) -> bytes | None:
    """The root that a log of that size had when it held `old` entries, from the entries alone: a
    copy need not have kept the partial tiles of every head. None where it has none.
    """
    try:
        return roots([old], size, reader)[old]
    except BROKEN:
        return None


def _lost(complex_: Complex, reader: Reader, old: int, size: int) -> Iterator[Lost]:
    for index, data in _entries_from(old, size, reader):
        entry = parse_entry(data)
        if entry.complex != complex_.code:
            raise Refusal(
                "공개된 장부에 다른 단지의 사건이 들어 있습니다. 아무것도 바꾸지 않았습니다.",
                next_step="장부를 개발자에게 보여 주세요.",
            )
        yield Lost(index, data, entry)


def _entries_from(old: int, size: int, reader: Reader) -> Iterator[tuple[int, bytes]]:
    """The entries that a log of that size has beyond `old`, by index."""
    for start in range(old - old % WIDTH, size, WIDTH):
        entries = read_bundle(start // WIDTH, min(WIDTH, size - start), reader)
        yield from ((index, data) for index, data in enumerate(entries, start) if index >= old)


def _known(complex_id: UUID, lost: list[Lost]) -> dict[int, UUID]:
    """The events that the database still has, by the index at which they were published."""
    hashes = {leaf_hash(one.data): one.index for one in lost}
    events = Event.objects.within(complex_id).filter(leaf_hash__in=list(hashes))
    return {
        hashes[bytes(found)]: event_id for event_id, found in events.values_list("id", "leaf_hash")
    }


def _conflicting(complex_id: UUID, lost: list[Lost]) -> list[tuple[UUID, UUID]]:
    """Events without a place, with their documents, that rest on a state the log has gone past."""
    hashes = {(one.doc, one.entry.seq): leaf_hash(one.data) for one in lost}
    waiting = (
        PendingEvent.objects.within(complex_id)
        .filter(event__doc__in={doc for doc, _ in hashes})
        .order_by("event__seq")
        .values_list("event_id", "event__doc", "event__seq", "event__leaf_hash")
    )
    broken: set[UUID] = set()
    found = []
    for event_id, doc, seq, own in waiting:
        if (doc, seq) in hashes and hashes[doc, seq] != bytes(own):
            broken.add(doc)
        if doc in broken:
            found.append((event_id, doc))
    return found


def set_aside(complex_id: UUID, events: Sequence[UUID]) -> None:
    """Move events without a place to where they wait for people alone. What has one stays."""
    if not events:
        return
    with as_owner() as owner:
        for event_id in events:
            values = {"complex": complex_id, "event": event_id, "kept": uuid7()}
            owner.execute(_SET_ASIDE, values)
            if owner.rowcount:
                for statement in _MOVED:
                    owner.execute(statement, values)


def _import(complex_: Complex, log: Log, signed: Signed, missing: Missing) -> list[int]:
    """Bring the database up to a head. Returns: the indexes of the events that came back without
    content, in order.
    """
    lost, known = missing.lost, missing.known
    made = {one.index: _event(complex_, one) for one in lost if one.index not in known}
    Event.objects.bulk_create(made.values(), batch_size=BATCH)
    opened = _open_changes_of_keys(complex_, made.values())
    events = known | {index: event.id for index, event in made.items()}
    Leaf.objects.bulk_create(
        (
            Leaf(
                complex=complex_, log_number=log.number, event_id=events[one.index], index=one.index
            )
            for one in lost
        ),
        batch_size=BATCH,
    )
    PendingEvent.objects.within(complex_.id).filter(event_id__in=list(known.values())).delete()
    moved = (
        Log.objects.within(complex_.id)
        .filter(id=log.id, size=log.size, root=bytes(log.root))
        .update(size=signed.head.size, root=signed.head.root, checkpoint=signed.note)
    )
    if moved != 1:
        raise _overtaken()
    return [index for index, event in made.items() if event.id not in opened]


def _overtaken() -> Refusal:
    return Refusal(
        "하는 동안 장부가 늘어났습니다. 아무것도 바꾸지 않았습니다.", next_step="다시 해 주세요."
    )


def _event(complex_: Complex, one: Lost) -> Event:
    return Event(
        complex=complex_,
        doc=one.doc,
        seq=one.entry.seq,
        name=str(one.entry.event),
        entry=one.data,
        leaf_hash=leaf_hash(one.data),
    )


def _open_changes_of_keys(complex_: Complex, made: Iterable[Event]) -> set[UUID]:
    """Know again which keys are used, as it was kept beside them. Returns: the events opened."""
    opened = set()
    for event in made:
        if event.name == Named.KEY_ROTATED:
            entry = parse_entry(bytes(event.entry))
            fields = kept_opening(complex_.code, bytes(event.leaf_hash), entry)
            if fields is not None:
                Opening.objects.create(complex=complex_, event=event, fields=fields)
                opened.add(event.id)
    return opened


def _say_what_is_lost(complex_: Complex, log: Log, indexes: Sequence[int], at: datetime) -> None:
    """Let the log itself say which of its events came back without content, and tell those in
    charge: an opening that is missing anywhere else was taken away.
    """
    if not indexes:
        return
    grow_alone(complex_)
    recovery = {
        "v": 1,
        "log": log.number,
        "events": len(indexes),
        "ranges": _ranges(indexes),
    }
    append_event(
        complex_,
        complex_.id,
        Named.LOG_RECOVERED,
        {"recovery": canonical(recovery), **BY_OPERATOR},
        at=at,
    )
    tell_in_charge(
        complex_.id,
        "옛 데이터베이스를 되살렸습니다",
        f"운영자가 {complex_.name}의 옛 데이터베이스를 공개된 봉인 장부에 맞추어 되살렸습니다. "
        f"사건 {len(indexes):,}건은 언제 무슨 일이 있었는지만 돌아왔고 내용은 사라졌습니다. "
        "이 일은 봉인 장부에 적힙니다.\n"
        "어느 문서인지 운영자에게 물어보시고, 종이나 메일로 받은 PDF를 모아 두세요. "
        "자료를 잃은 일이 없는데 이 알림을 받으셨으면 감사와 시·군·구에 바로 알려 주세요.",
        at=at,
    )


def _ranges(indexes: Iterable[int]) -> list[list[int]]:
    """Ascending indexes as ranges of which the end is not included."""
    ranges: list[list[int]] = []
    for index in indexes:
        if ranges and ranges[-1][1] == index:
            ranges[-1][1] += 1
        else:
            ranges.append([index, index + 1])
    return ranges


def _remember_confirmed(complex_: Complex, log: Log, reader: Reader, at: datetime) -> None:
    """Know again the newest head on which the witnesses agreed, where it was published."""
    try:
        data = reader("confirmed")
        judgement = policy(complex_).judge(data)
    except (OSError, KeyError, VerifyError):
        return
    head, before = judgement.checkpoint, confirmed_head(log.origin)
    if judgement.confirmed and (before is None or before.checkpoint.size < head.size):
        ConfirmedHead.objects.create(
            origin=log.origin, size=head.size, root=head.root, note=data, confirmed_at=at
        )


def _without_content(code: str, lost: list[Lost]) -> list[str]:
    """What the office has to look for: documents whose events are known, and nothing more."""
    if not lost:
        return []
    documents: dict[UUID, list[str]] = {}
    for one in lost:
        documents.setdefault(one.doc, []).append(EVENTS[one.entry.event])
    said = [
        f"내용이 사라진 사건 {len(lost):,}건(문서 등 {len(documents):,}건)은 언제 무슨 일이 "
        "있었는지만 돌아옵니다:"
    ]
    for doc, events in documents.items():
        said.append(f"- {_called(code, doc)}: {', '.join(events)}")
    return said


def _called(code: str, doc: UUID) -> str:
    """What people call a document, as far as a published copy of it still says so."""
    path = Path(settings.PUBLIC) / code / doc.hex / "record.json"
    try:
        record = json.loads(path.read_bytes())
        return f"{record['number']['text']} ‘{record['content']['title']}’(공개본이 남아 있습니다)"
    except (OSError, ValueError, KeyError, TypeError):
        return f"문서 {doc.hex}"


def _unsigned(complex_: Complex) -> Refusal:
    return Refusal(
        f"{complex_.name}의 장부를 지금의 열쇠로 서명한 머리(checkpoint)가 거기에 없습니다. "
        "바꾼 뒤에 옛 열쇠로만 서명한 것은 믿지 않습니다.",
        next_step="온전한 사본을 --from으로 알려 주시거나, 먼저 recover files를 해 주세요.",
    )


# --- The log of logs -----------------------------------------------------------------------------


def examine_collection(source: Reader | None = None) -> Repair:
    """Look for what the log of logs (모음 장부) published and the database does not know.

    Raises: Refusal when it cannot be recovered this way.
    """
    collection = Collection.objects.filter(number=NUMBER).first()
    reader = source or file_reader(collection_folder())
    signed = signed_head(reader, [collection_key()])
    if signed is None:
        raise Refusal(
            "공개된 모음 장부에 그 열쇠로 서명된 머리(checkpoint)가 없습니다.",
            next_step="온전한 사본을 --from으로 알려 주세요.",
        )
    size, known = signed.head.size, 0 if collection is None else collection.size
    if collection is not None and (known, bytes(collection.root)) == (size, signed.head.root):
        return Repair([f"데이터베이스가 모음 장부({size:,}건)를 모두 알고 있습니다."])
    _demand_whole(signed.head, reader)
    if collection and root_within(known, size, reader) != bytes(collection.root):
        raise Refusal(
            "공개된 모음 장부와 데이터베이스의 것이 서로 갈라져 있습니다. "
            "어느 쪽도 바꾸지 않았습니다.",
            next_step="두 쪽을 모두 보관하고, 개발자에게 보여 주세요.",
        )

    def do() -> list[str]:
        with transaction.atomic():
            kept, _ = Collection.objects.get_or_create(
                number=NUMBER,
                defaults={"origin": signed.head.origin, "root": EMPTY_ROOT, "checkpoint": b""},
            )
            CollectedHead.objects.bulk_create(
                CollectedHead(
                    collection=kept,
                    index=index,
                    origin=(head := Checkpoint.parse(note.parse_note(data).text)).origin,
                    size=head.size,
                    note=data,
                )
                for index, data in _entries_from(known, size, reader)
            )
            moved = Collection.objects.filter(number=NUMBER, size=known).update(
                size=size, root=signed.head.root, checkpoint=signed.note
            )
            if moved != 1:
                raise _overtaken()
        return [f"모음 장부의 머리 {size - known:,}건을 되살렸습니다."]

    return Repair([f"공개된 모음 장부는 {size:,}건인데 데이터베이스는 {known:,}건만 압니다."], do)
