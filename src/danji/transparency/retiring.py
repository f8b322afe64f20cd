"""Retiring a log (장부 닫기) that cannot go on, and opening the next one of the complex.

Nothing is taken back: what the old log proved up to its last good head stays proven there. What it
grew afterwards, or could not take any more, is placed in the new log, whose first leaf names that
head.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings

from danji.base import tenancy
from danji.base.files import write_durably
from danji.base.ids import uuid7
from danji.base.keys import read_key
from danji.complexes.models import Complex
from danji.rules.periods import day_in_seoul, format_date
from danji.rules.refusal import Refusal
from danji.transparency.actions import append_event, begin_log, chain_of, continue_log, grow_alone
from danji.transparency.keys import log_keys
from danji.transparency.models import (
    ConfirmedHead,
    Leaf,
    Log,
    PendingEvent,
    Trouble,
    TroubleKind,
)
from danji.transparency.queries import agreed_head, log_of, seal_name
from danji.transparency.recovery import Signed, believed_head, root_of, set_aside
from danji.transparency.sequencer import LogError, Sequencer, recover, waiting_complexes
from danji.transparency.tree import file_reader, log_folder
from danji.transparency.troubles import end_trouble, tell_in_charge
from danji_verify import note
from danji_verify.canonical import canonical
from danji_verify.checkpoint import Checkpoint
from danji_verify.entry import Event
from danji_verify.errors import VerifyError
from danji_verify.merkle import EMPTY_ROOT, leaf_hash
from danji_verify.tiles import Reader, audit

BY_OPERATOR = {"proposer": canonical({"operator": "retire"}), "officer": canonical(None)}
INCIDENT = "incident.txt"


@dataclass(frozen=True)
class End:
    """How a log ends: with the head `last`, of which the first `proven` leaves can still be proven.

    `grown` is how far it had grown, `closes` whether it can still say itself that it is closed.
    """

    last: Signed
    proven: int
    grown: int
    closes: bool


def examine_end(complex_: Complex) -> End:
    """How the log that goes on would end today. Changes nothing.

    Raises: Refusal when its key or its first leaf is not there.
    """
    with tenancy.within(complex_.id):
        log = log_of(complex_.id)
        if log.size == 0:
            raise Refusal(
                "이 장부에는 아직 아무것도 없습니다.", next_step="닫을 것이 없으니 그대로 두세요."
            )
        last, proven = _last_good(complex_, log)
    return End(last, proven, log.size, _can_grow(complex_, log))


def describe_end(complex_: Complex, end: End) -> list[str]:
    """What retiring the log would do, in sentences."""
    with tenancy.within(complex_.id):
        log = log_of(complex_.id)
        altered = _altered(complex_.id)
    again = max(0, end.grown - end.proven)
    said = [
        f"{complex_.name}의 {log.number}번 장부({log.origin})를 닫고 {log.number + 1}번 장부를 "
        "엽니다. 되돌릴 수 없습니다.",
        f"새 장부의 첫 자리에 옛 장부의 마지막 머리({end.last.head.size:,}건)를 적습니다.",
        f"옛 장부의 {end.proven:,}건까지는 지금까지처럼 옛 장부에서 증명합니다.",
    ]
    if again:
        said.append(f"그 뒤의 {again:,}건은 새 장부에 다시 적습니다.")
    if altered:
        said.append(
            f"저장한 뒤 바뀐 사건 {len(altered):,}건은 어느 장부에도 적지 않고 따로 둡니다."
        )
    if not end.closes:
        said.append("옛 장부는 더 쓸 수 없어, 닫는다는 사건을 옛 장부에 적지 못합니다.")
    return said


def retire(complex_: Complex, *, reason: str, at: datetime) -> list[str]:
    """Close the log of the complex and open the next. The caller holds the sequencer's lock.

    Returns: what was done, in sentences.
    Raises: Refusal when a key cannot be made or had.
    """
    said = set_altered_aside(complex_)
    if examine_end(complex_).closes:
        _close(complex_, reason, at)
    with tenancy.within(complex_.id):
        log = log_of(complex_.id)
        last, proven = _last_good(complex_, log)
        again = _continue(complex_, log, last, proven, at)
        _end_troubles(log, at)
        tell_in_charge(
            complex_.id,
            f"봉인 장부를 닫고 {log.number + 1}번 장부를 열었습니다",
            f"운영자가 {complex_.name}의 {log.number}번 봉인 장부를 닫고 다음 장부를 열었습니다.\n"
            f"까닭: {reason}\n지금까지 나간 증명은 그대로 쓸 수 있습니다.",
            at=at,
        )
        # Before it is sure: whoever interrupts us now finds nothing closed, and does it again.
        incident = log_folder(complex_.code, log.number) / INCIDENT
        write_durably(incident, _incident(log, last, (proven, again), reason, at).encode())
    _clear_staging(complex_.code)
    Sequencer().seal(complex_.id)
    return [
        *said,
        f"{log.number}번 장부를 닫고 {log.number + 1}번 장부를 열었습니다.",
        f"사고 알림을 {incident}에 적었습니다.",
        "확인 기관마다 새 장부의 이름과 열쇠를 알려 주세요(새 policy.txt에 있습니다).",
    ]


def close(complex_: Complex, *, reason: str, at: datetime) -> str:
    """Close the log of the complex for good without opening another here, as when the complex goes
    to another operator. The caller holds the sequencer's lock. Returns: a sentence.

    Raises: Refusal when the log cannot take it.
    """
    with tenancy.within(complex_.id):
        altered = _altered(complex_.id)
    if altered or not examine_end(complex_).closes:
        raise Refusal(
            "봉인 장부가 온전하지 않거나 이미 닫혀 있어, 닫는다는 사건을 적을 수 없습니다.",
            next_step="recover나 retire로 장부를 먼저 바로잡아 주세요. 이미 닫았으면 --close 없이 "
            "내보내면 됩니다.",
        )
    _close(complex_, reason, at)
    return "봉인 장부를 닫았습니다. 여기서는 더 봉인하지 않습니다."


def _last_good(complex_: Complex, log: Log) -> tuple[Signed, int]:
    """The head with which a log ends, and up to where it can still be proven.

    The newest on which the witnesses agreed, of those the files lead to; without such a head the
    newest that the log alone signed. Where the files lead to none, the newest that there is, and
    nothing can be proven.
    """
    reader = file_reader(log_folder(complex_.code, log.number))
    keys = log_keys(complex_, log)
    rows = ConfirmedHead.objects.filter(origin=log.origin).order_by("-size", "-confirmed_at")
    confirmed = [
        Signed(data, Checkpoint.parse(note.parse_note(data).text))
        for data in map(bytes, rows.values_list("note", flat=True))
        if _is_agreed(log.origin, data)
    ]
    published = believed_head(log, keys, reader)
    own = bytes(log.checkpoint)
    signed = [
        *([published] if published else []),
        Signed(own, Checkpoint.parse(note.parse_note(own).text)),
    ]
    signed.sort(key=lambda one: -one.head.size)
    for one in confirmed or signed:
        if is_whole(one.head, reader):
            return one, one.head.size
    return (confirmed or signed)[0], 0


def _is_agreed(origin: str, data: bytes) -> bool:
    try:
        agreed_head(origin, data)
    except VerifyError:
        return False
    return True


def is_whole(head: Checkpoint, reader: Reader) -> bool:
    """Whether the files lead to the head, all of them."""
    try:
        return audit(head.size, reader) == head.root
    except (OSError, ValueError):
        return False


def _can_grow(complex_: Complex, log: Log) -> bool:
    try:
        recover(complex_)
    except (LogError, Refusal):
        return False
    return root_of(log.size, file_reader(log_folder(complex_.code, log.number))) == bytes(log.root)


def _close(complex_: Complex, reason: str, at: datetime) -> None:
    """Let the old log say itself that it ends, after everything that waits."""
    _seal_all(complex_)
    with tenancy.within(complex_.id):
        grow_alone(complex_)
        if chain_of(complex_.id, complex_.id)[-1].name != Event.LOG_CLOSED:
            append_event(
                complex_,
                complex_.id,
                Event.LOG_CLOSED,
                {"reason": reason.encode(), **BY_OPERATOR},
                at=at,
            )
    _seal_all(complex_)


def _seal_all(complex_: Complex) -> None:
    sequencer = Sequencer()
    while complex_.id in waiting_complexes():
        sequencer.seal(complex_.id)


def _altered(complex_id: UUID) -> list[tuple[UUID, UUID]]:
    """Events without a place, with their documents, that are not what was stored; and those that
    follow them, for nobody can say what they rest on.
    """
    waiting = PendingEvent.objects.within(complex_id).order_by("event__seq")
    broken: set[UUID] = set()
    found = []
    for event_id, doc, entry, kept in waiting.values_list(
        "event_id", "event__doc", "event__entry", "event__leaf_hash"
    ):
        if leaf_hash(bytes(entry)) != bytes(kept):
            broken.add(doc)
        if doc in broken:
            found.append((event_id, doc))
    return found


def set_altered_aside(complex_: Complex) -> list[str]:
    """Keep what was altered while it waited out of every log. Returns: of what, in sentences."""
    with tenancy.within(complex_.id):
        altered = _altered(complex_.id)
    if not altered:
        return []
    set_aside(complex_.id, [event_id for event_id, _ in altered])
    return [
        f"저장한 뒤 바뀐 사건 {len(altered):,}건은 봉인하지 않고 따로 두었습니다. 그 문서들의 "
        "결재를 다시 확인하고, 누가 바꾸었는지 감사께 알려 주세요.",
        *(f"- 따로 둔 사건: 문서 {doc.hex}" for doc in sorted({doc for _, doc in altered})),
    ]


def _continue(complex_: Complex, log: Log, last: Signed, proven: int, at: datetime) -> int:
    """Open the next log, and queue for it what the old one can no longer prove.

    Returns: how many leaves are placed again.
    """
    grow_alone(complex_)
    Log.objects.within(complex_.id).filter(id=log.id).update(
        size=proven,
        root=last.head.root if proven else EMPTY_ROOT,
        checkpoint=last.note,
    )
    again = list(
        Leaf.objects.within(complex_.id)
        .filter(log_number=log.number, index__gte=proven)
        # What speaks of the old log itself stays there.
        .exclude(event__name__in=[Event.LOG_OPENED, Event.LOG_CONTINUED, Event.LOG_CLOSED])
        .order_by("index")
        .values_list("event_id", flat=True)
    )
    PendingEvent.objects.bulk_create(
        (PendingEvent(complex=complex_, id=uuid7(), event_id=event_id) for event_id in again),
        ignore_conflicts=True,
    )
    following = begin_log(complex_, log.number + 1, at=at)
    certificate = read_key(complex_.code, f"{seal_name(complex_.id)}.crt")
    continue_log(complex_, following, certificate, last.note, at=at)
    return len(again)


def _incident(log: Log, last: Signed, counts: tuple[int, int], reason: str, at: datetime) -> str:
    """What everybody can read beside the old log.

    Args: `counts` are how many leaves stay proven there, and how many are placed again.
    """
    proven, again = counts
    return (
        f"봉인 장부를 닫은 알림\n\n"
        f"장부: {log.origin}\n"
        f"닫은 날: {format_date(day_in_seoul(at))}\n"
        f"까닭: {reason}\n\n"
        f"이 장부의 마지막 머리는 다음과 같습니다.\n\n{last.note.decode()}\n"
        f"이 장부의 {proven:,}건까지는 이 장부의 파일로 증명됩니다. 그 뒤에 적은 {again:,}건은 "
        f"다음 장부에 다시 적었습니다.\n"
        "다음 장부의 첫 자리에 위의 머리가 적혀 있습니다. 지금까지 나간 증명은 그대로 쓸 수 "
        "있습니다.\n"
    )


def _end_troubles(log: Log, at: datetime) -> None:
    for kind in TroubleKind:
        for subject in Trouble.objects.filter(origin=log.origin, kind=kind, until=None).values_list(
            "subject", flat=True
        ):
            end_trouble(log.origin, kind, subject, at)


def _clear_staging(code: str) -> None:
    """What the old log was about to publish is nothing any more; it is kept aside."""
    staging, aside = Path(settings.STAGING) / code, Path(settings.ASIDE) / f"{code}-staging"
    for leftover in staging.glob("*.zip"):
        aside.mkdir(parents=True, exist_ok=True)
        leftover.rename(aside / leftover.name)
