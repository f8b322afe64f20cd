"""Retiring a log (장부 닫기) that cannot go on, and opening the next one of the complex.

Nothing is taken back: what the old log proved up to its last good head stays proven there. What it
grew afterwards, or could not take any more, is placed in the new log, whose first leaf names that
head. It is never one before a head that the parties confirmed: where their entries cannot be had
any more the new log says so, and every audit does from then on.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef

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
    CollectedHead,
    ConfirmedHead,
    Leaf,
    Log,
    PendingEvent,
    Trouble,
    TroubleKind,
)
from danji.transparency.models import Event as EventRow
from danji.transparency.queries import agreed_head, log_of, seal_name
from danji.transparency.recovery import BATCH, Signed, believed_head, root_of, set_aside
from danji.transparency.sequencer import LogError, Sequencer, recover, waiting_complexes
from danji.transparency.tree import file_reader, log_folder
from danji.transparency.troubles import end_trouble, tell_in_charge
from danji.transparency.waiting import Waiting, next_events, unfit
from danji_verify import note
from danji_verify.canonical import canonical
from danji_verify.checkpoint import Checkpoint
from danji_verify.entry import Event
from danji_verify.errors import VerifyError
from danji_verify.merkle import EMPTY_ROOT
from danji_verify.tiles import Reader, audit

BY_OPERATOR = {"proposer": canonical({"operator": "retire"}), "officer": canonical(None)}
INCIDENT = "incident.txt"


@dataclass(frozen=True)
class End:
    """How a log ends: with the head `last`, the newest on which its parties agreed, if they ever
    did. Its first `proven` leaves can still be proven, under the head `good`.

    `lost` counts what was certain (확정) and can be proven no more, `grown` how far the log had
    grown; `closes` says whether it can still say itself that it is closed.
    """

    last: Signed
    good: Signed
    proven: int
    lost: int
    grown: int
    closes: bool = False


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
        end = _end(complex_, log)
    # What lacks certain entries would fork with each entry more.
    return replace(end, closes=not end.lost and _can_grow(complex_, log))


def demand_loss_named(end: End, lose: int) -> None:
    """Let nothing certain be lost but by whoever says how much.

    Args: `lose` is how many confirmed entries may be lost. Raises: Refusal when it is another
    number than would be.
    """
    if end.lost == lose:
        return
    if not end.lost:
        raise Refusal(
            "닫아도 확정된 사건을 잃지 않습니다. 아무것도 바꾸지 않았습니다.",
            next_step="--lose를 빼고 다시 해 주세요.",
        )
    raise Refusal(
        f"단지와 시·군·구가 확정한 {end.last.head.size:,}건 가운데 {end.proven:,}건까지만 남아 "
        f"있습니다. 이대로 닫으면 확정된 {end.lost:,}건을 이 장부로 증명할 수 없게 됩니다. "
        "아무것도 바꾸지 않았습니다.",
        next_step="먼저 확인 기관(시·군·구)의 사본을 --from으로 알려 recover files와 recover "
        "database를 해 주세요. 온전한 사본이 어디에도 없을 때만 retire 끝에 --lose "
        f"{end.lost}도 적어 주세요. 잃은 것은 새 장부와 사고 알림에 적히고, 점검마다 이상으로 "
        "나옵니다.",
    )


def describe_end(complex_: Complex, end: End) -> list[str]:
    """What retiring the log would do, in sentences."""
    with tenancy.within(complex_.id):
        log = log_of(complex_.id)
        beyond = _placed_beyond(complex_, log, end.proven)
        altered = _altered(complex_, beyond)
    again = {one.id for one in beyond} - {event_id for event_id, _ in altered}
    said = [
        f"{complex_.name}의 {log.number}번 장부({log.origin})를 닫고 {log.number + 1}번 장부를 "
        "엽니다. 되돌릴 수 없습니다.",
        f"새 장부의 첫 자리에 옛 장부의 마지막 머리({end.last.head.size:,}건)를 적습니다.",
        f"옛 장부의 {end.proven:,}건까지는 지금까지처럼 옛 장부에서 증명합니다.",
    ]
    if end.lost:
        said.append(_said_of_loss(end))
    if again:
        said.append(f"그 뒤의 {len(again):,}건은 새 장부에 다시 적습니다.")
    if altered:
        said.append(
            f"저장한 뒤 바뀐 사건 {len(altered):,}건은 어느 장부에도 적지 않고 따로 둡니다."
        )
    if not end.closes:
        said.append("옛 장부는 더 쓸 수 없어, 닫는다는 사건을 옛 장부에 적지 못합니다.")
    return said


def retire(complex_: Complex, *, reason: str, at: datetime, lose: int = 0) -> list[str]:
    """Close the log of the complex and open the next. The caller holds the sequencer's lock.

    Args: `lose` as of `demand_loss_named`. Returns: what was done, in sentences.
    Raises: Refusal when something certain would be lost, or a key cannot be made or had.
    """
    end = examine_end(complex_)
    demand_loss_named(end, lose)
    said = set_altered_aside(complex_, end)
    if end.closes:
        _close(complex_, reason, at)
    with tenancy.within(complex_.id):
        log = log_of(complex_.id)
        end = _end(complex_, log)
        again = _continue(complex_, log, end, at)
        _end_troubles(log, at)
        tell_in_charge(
            complex_.id,
            f"봉인 장부를 닫고 {log.number + 1}번 장부를 열었습니다",
            f"운영자가 {complex_.name}의 {log.number}번 봉인 장부를 닫고 다음 장부를 열었습니다.\n"
            f"까닭: {reason}\n{_said_to_people(end)}",
            at=at,
        )
        # Before it is sure: whoever interrupts us now finds nothing closed, and does it again.
        incident = log_folder(complex_.code, log.number) / INCIDENT
        write_durably(incident, _incident(log, end, again, reason, at).encode())
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
    end = examine_end(complex_)
    with tenancy.within(complex_.id):
        altered = _altered(complex_, [])
    if altered or not end.closes:
        raise Refusal(
            "봉인 장부가 온전하지 않거나 이미 닫혀 있어, 닫는다는 사건을 적을 수 없습니다.",
            next_step="recover나 retire로 장부를 먼저 바로잡아 주세요. 이미 닫았으면 --close 없이 "
            "내보내면 됩니다.",
        )
    _close(complex_, reason, at)
    return "봉인 장부를 닫았습니다. 여기서는 더 봉인하지 않습니다."


def _end(complex_: Complex, log: Log) -> End:
    """With which head a log ends, and up to where it can still be proven.

    It ends with the newest head on which the witnesses agreed, wherever that is kept; without any
    with the newest that the log alone signed and the files lead to. Where the files lead to none,
    nothing can be proven.
    """
    reader = file_reader(log_folder(complex_.code, log.number))
    confirmed = _confirmed_heads(log, reader)
    heads = confirmed or _signed_heads(complex_, log, reader)
    good = next((one for one in heads if is_whole(one.head, reader)), None)
    proven = good.head.size if good else 0
    lost = heads[0].head.size - proven if confirmed else 0
    last = heads[0] if lost or good is None else good
    return End(last, good or last, proven, lost, log.size)


def _confirmed_heads(log: Log, reader: Reader) -> list[Signed]:
    """The heads on which the witnesses agreed, the newest first: those of the rows, the published
    one, and what the log of logs pinned, for rows are easily deleted.
    """
    kept = [
        bytes(data)
        for rows in (
            ConfirmedHead.objects.filter(origin=log.origin).order_by("-confirmed_at"),
            CollectedHead.objects.filter(origin=log.origin),
        )
        for data in rows.values_list("note", flat=True)
    ]
    with suppress(OSError):
        kept.append(reader("confirmed"))
    heads = [
        Signed(data, Checkpoint.parse(note.parse_note(data).text))
        for data in kept
        if _is_agreed(log.origin, data)
    ]
    return sorted(heads, key=lambda one: -one.head.size)


def _signed_heads(complex_: Complex, log: Log, reader: Reader) -> list[Signed]:
    """The heads that the log alone signed, the newest first."""
    published = believed_head(log, log_keys(complex_, log), reader)
    own = bytes(log.checkpoint)
    signed = [
        *([published] if published else []),
        Signed(own, Checkpoint.parse(note.parse_note(own).text)),
    ]
    return sorted(signed, key=lambda one: -one.head.size)


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


def _altered(complex_: Complex, beyond: list[Waiting]) -> list[tuple[UUID, UUID]]:
    """Events, with their documents, that no log may take: which are not what was stored, or no
    events of ours; and those that follow them, for nobody can say what they rest on.

    Args: `beyond` are those that are to be placed again, before whatever waits.
    """
    waiting = [*beyond, *next_events(complex_.id, begun=True)]
    found = {one.id: one.doc for one, _ in unfit(complex_, waiting, begun=True)}
    # What is not even in the queue can have no place any more, nor what follows it.
    has_place = Leaf.objects.within(complex_.id).filter(event_id=OuterRef("id"))
    waits = PendingEvent.objects.within(complex_.id).filter(event_id=OuterRef("id"))
    lost = EventRow.objects.within(complex_.id).filter(~Exists(has_place), ~Exists(waits))
    found |= dict(lost.filter(doc__in=set(found.values())).values_list("id", "doc"))
    return list(found.items())


def set_altered_aside(complex_: Complex, end: End) -> list[str]:
    """Keep what was altered out of the next log. Returns: of what, in sentences.

    What had its place in the old one keeps its row, which every audit tells.
    """
    with tenancy.within(complex_.id):
        beyond = _placed_beyond(complex_, log_of(complex_.id), end.proven)
        altered = _altered(complex_, beyond)
    if not altered:
        return []
    set_aside(complex_.id, [event_id for event_id, _ in altered])
    return [
        f"저장한 뒤 바뀐 사건 {len(altered):,}건은 봉인하지 않고 따로 두었습니다. 그 문서들의 "
        "결재를 다시 확인하고, 누가 바꾸었는지 감사께 알려 주세요.",
        *(f"- 따로 둔 사건: 문서 {doc.hex}" for doc in sorted({doc for _, doc in altered})),
    ]


def _placed_beyond(complex_: Complex, log: Log, proven: int) -> list[Waiting]:
    """The events behind the end of a log, in order; what speaks of the log itself stays there."""
    leaves = (
        Leaf.objects.within(complex_.id)
        .filter(log_number=log.number, index__gte=proven)
        .exclude(event__name__in=[Event.LOG_OPENED, Event.LOG_CONTINUED, Event.LOG_CLOSED])
        .select_related("event")
        .order_by("index")
    )
    return [
        Waiting(uuid7(), it.id, it.doc, it.seq, it.name, bytes(it.entry), bytes(it.leaf_hash))
        for it in (leaf.event for leaf in leaves.iterator(BATCH))
    ]


def _continue(complex_: Complex, log: Log, end: End, at: datetime) -> int:
    """Open the next log, and queue for it what the old one can no longer prove.

    Returns: how many leaves are placed again.
    """
    grow_alone(complex_)
    Log.objects.within(complex_.id).filter(id=log.id).update(
        size=end.proven,
        root=end.good.head.root if end.proven else EMPTY_ROOT,
        checkpoint=end.good.note,
    )
    beyond = _placed_beyond(complex_, log, end.proven)
    altered = {event_id for event_id, _ in _altered(complex_, beyond)}
    again = [one for one in beyond if one.id not in altered]
    PendingEvent.objects.bulk_create(
        (PendingEvent(complex=complex_, id=one.pending, event_id=one.id) for one in again),
        ignore_conflicts=True,
    )
    following = begin_log(complex_, log.number + 1, at=at)
    certificate = read_key(complex_.code, f"{seal_name(complex_.id)}.crt")
    continue_log(complex_, following, certificate, end.last.note, at=at)
    if end.lost:
        loss = {"v": 1, "log": log.number, "confirmed": end.last.head.size, "proven": end.proven}
        values = {"loss": canonical(loss), **BY_OPERATOR}
        append_event(complex_, complex_.id, Event.LOG_LOST, values, at=at)
    return len(again)


def _said_of_loss(end: End) -> str:
    return (
        f"확정된 {end.last.head.size:,}건 가운데 {end.proven + 1:,}번째부터 "
        f"{end.lost:,}건은 이 장부로 증명할 수 없습니다."
    )


def _said_to_people(end: End) -> str:
    """What of the proofs that were given is still good."""
    if not end.lost:
        return "지금까지 나간 증명은 그대로 쓸 수 있습니다."
    return (
        f"{_said_of_loss(end)} 그 문서의 PDF와 증명 묶음을 가지고 계시면 버리지 마시고, 자료를 "
        "잃은 까닭을 운영자와 시·군·구에 바로 물어봐 주세요."
    )


def _incident(log: Log, end: End, again: int, reason: str, at: datetime) -> str:
    """What everybody can read beside the old log. Args: `again` leaves are placed again."""
    return (
        f"봉인 장부를 닫은 알림\n\n"
        f"장부: {log.origin}\n"
        f"닫은 날: {format_date(day_in_seoul(at))}\n"
        f"까닭: {reason}\n\n"
        f"이 장부의 마지막 머리는 다음과 같습니다.\n\n{end.last.note.decode()}\n"
        f"이 장부의 {end.proven:,}건까지는 이 장부의 파일로 증명됩니다. 그 뒤에 적은 {again:,}건은 "
        f"다음 장부에 다시 적었습니다.\n"
        f"다음 장부의 첫 자리에 위의 머리가 적혀 있습니다. {_said_to_people(end)}\n"
    )


def _end_troubles(log: Log, at: datetime) -> None:
    """What kept the old log from going on is over; that witnesses saw another is not."""
    for kind in set(TroubleKind) - {TroubleKind.DISAGREES}:
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
