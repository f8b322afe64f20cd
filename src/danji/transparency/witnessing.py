"""Witnesses (확인 기관): who follows which log, and what becomes of what they sign.

Others' cosignatures come in two ways, and end in one place: `take_note`. We ask (`notary`), or they
hand in what they cosigned by themselves. A head is certain (확정) once the policy of its log
agrees.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from danji.base import tenancy
from danji.base.files import write_durably
from danji.complexes.models import Complex
from danji.transparency.collection import collection_folder, collection_origin, collection_policy
from danji.transparency.models import (
    Collection,
    ConfirmedHead,
    Cosignature,
    Leaf,
    Log,
    TroubleKind,
    Witness,
)
from danji.transparency.named import agreed_by, damaged, who_counts
from danji.transparency.queries import confirmed_rows, readable
from danji.transparency.sequencer import CHANNEL
from danji.transparency.tree import file_reader, log_folder
from danji.transparency.troubles import end_trouble, open_trouble
from danji_verify import note
from danji_verify.checkpoint import Checkpoint
from danji_verify.entry import parse_entry
from danji_verify.errors import NoteError, VerifyError
from danji_verify.note import Signature, VerifierKey
from danji_verify.policy import Policy
from danji_verify.tiles import Prover

logger = logging.getLogger(__name__)

AHEAD = timedelta(minutes=10)  # by which a witness's clock may be ahead of ours
BEHIND = timedelta(minutes=10)  # by which it may be behind the events it cosigns
RECENT = 256  # events at the end of a head of which the newest is looked for
# What is said on the channel of the sequencer besides, with the log's name behind it.
CONFIRMED, COSIGNED = "confirmed", "cosigned"
MOMENT = timedelta(minutes=10)  # in which a second cosignature of a head says nothing new
LOCK = 0x6F6B  # "ok": of the transactions in which a log's heads become certain

_ORIGIN = re.compile(r".+/apt/([A-Z][0-9]{8})/[1-9][0-9]{0,4}")


@dataclass(frozen=True)
class Watched:
    """A log that others watch: of a complex, or the log of logs, which has no `complex_id`.

    `keys` sign its heads, `witnesses` follow it today and count by the `policy`. `wrong` is a
    sentence where that is not to be believed, it `waits` where it is about to be changed. `said`
    are all policies that the log of a complex ever named.
    """

    origin: str
    folder: Path
    keys: tuple[VerifierKey, ...]
    policy: Policy
    witnesses: tuple[Witness, ...]
    complex_id: UUID | None = None
    number: int = 1
    said: tuple[Policy, ...] = ()
    wrong: str = ""
    waits: bool = False

    def head(self) -> Checkpoint:
        """The newest published head. Raises: FileNotFoundError before the first; NoteError."""
        data = (self.folder / "checkpoint").read_bytes()
        return Checkpoint.parse(note.open_note(data, self.keys).text)

    def confirmed(self) -> ConfirmedHead | None:
        """The newest head on which those agreed whom the log itself named; None before the first.
        Whoever was among the rows alone, if only for a moment, agreed on nothing.
        """
        rows = confirmed_rows(self.origin)
        return next((row for row in rows if self._is_agreed(bytes(row.note))), None)

    def _is_agreed(self, data: bytes) -> bool:
        if self.complex_id is None:
            return True  # of the log of logs no log names the witnesses
        keys = {party.key for policy in self.said for party in policy.witnesses.values()}
        try:
            verified = note.verify_signatures(note.parse_note(data), keys)
        except VerifyError:
            return False
        return agreed_by(self.said, (one.key for one in verified))


class NotTaken(Exception):
    """What was handed in is no cosignature under a head of ours.

    `status` is that of HTTP, the message a sentence for whoever runs the witness.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


# --- Who watches which log -----------------------------------------------------------------------


def watched_log(complex_: Complex, origin: str | None = None) -> Watched:
    """A log of a complex, by its name; the one that goes on, without.

    Raises: Log.DoesNotExist; Refusal when its key is not there.
    """
    with tenancy.within(complex_.id):
        logs = Log.objects.within(complex_.id)
        log = logs.latest("number") if origin is None else logs.get(origin=origin)
        counted = who_counts(complex_)
    return Watched(
        log.origin,
        log_folder(complex_.code, log.number),
        _keys_of(counted.policy, log.origin),
        counted.policy,
        counted.witnesses,
        complex_.id,
        log.number,
        counted.said,
        counted.wrong,
        counted.waits,
    )


def watched_collection() -> Watched | None:
    """The log of logs; None before it was begun.

    Raises: Refusal when its key is not there.
    """
    if not Collection.objects.exists():
        return None
    agreed, origin = collection_policy(), collection_origin()
    following = list(Witness.objects.filter(complex=None, until=None))
    return Watched(
        origin,
        collection_folder(),
        _keys_of(agreed, origin),
        agreed,
        tuple(readable(following)),
        wrong=damaged(following),
    )


def watched(origin: str) -> Watched | None:
    """One of our logs, by its name; None when it is none of ours.

    Raises: Refusal when its key is not there.
    """
    if named := _ORIGIN.fullmatch(origin):
        complex_ = Complex.objects.filter(code=named[1]).first()
        try:
            return watched_log(complex_, origin) if complex_ else None
        except Log.DoesNotExist:
            return None
    collection = watched_collection()
    return collection if collection and collection.origin == origin else None


def _keys_of(agreed: Policy, origin: str) -> tuple[VerifierKey, ...]:
    return tuple(log.key for log in agreed.logs if log.key.name == origin)


# --- What they signed ----------------------------------------------------------------------------


def take_note(log: Watched, data: bytes, *, at: datetime) -> list[Cosignature]:
    """Keep the cosignatures under a head of ours; make the head certain where the policy agrees.

    What shows that our log has two faces, or that a witness forgot what it signed, is kept as
    evidence and becomes a trouble. What is cheap to refuse is refused first.

    Args: `data` is a signed note: the head, the log's signature, cosignatures.
    Returns: the cosignatures in it by today's witnesses, of which some may have been known.
    Raises: NotTaken.
    """
    rows, _ = _take(log, data, at)
    return rows


def _take(log: Watched, data: bytes, at: datetime) -> tuple[list[Cosignature], list[Cosignature]]:
    """As `take_note`. Returns: the cosignatures, and those of them that say something new."""
    head, lines, cosigned = _read(log, data)
    published = _demand_ours(log, head, lines, cosigned, at)
    newest = _newest_event_at(log, head.size)
    rows = []
    for witness, line, time in cosigned:
        _demand_clock(log, witness, time, newest, at)
        _demand_remembered(log, witness, head, time, at)
        rows.append(
            Cosignature(
                witness=witness,
                origin=log.origin,
                size=head.size,
                root=head.root,
                time=time,
                line=str(line),
                received_at=at,
            )
        )
    with _one_after_another(log):
        new = [row for row in rows if not _is_known(row)]
        Cosignature.objects.bulk_create(new, ignore_conflicts=True)
        # What was signed before ends nothing: anybody can send it again, and does when we compare.
        for row in new:
            end_trouble(log.origin, TroubleKind.SILENT, row.witness.name, at)
            if head.size == published.size:
                end_trouble(log.origin, TroubleKind.DISAGREES, row.witness.name, at)
        _confirm(log, head, lines, at)
    return rows, new


def _newest_event_at(log: Watched, size: int) -> datetime | None:
    """When the newest event under a head happened; None for the log of logs, whose leaves do not
    say when.
    """
    if log.complex_id is None:
        return None
    with tenancy.within(log.complex_id):
        leaf = (
            Leaf.objects.within(log.complex_id)
            .filter(log_number=log.number, index__lt=size, index__gte=size - RECENT)
            .select_related("event")
            .order_by("-event_id")  # which says when it was made
            .first()
        )
    return parse_entry(bytes(leaf.event.entry)).at if leaf else None


def _demand_clock(
    log: Watched, witness: Witness, time: datetime, newest: datetime | None, at: datetime
) -> None:
    """See that the witness's clock is neither ahead of ours nor behind what it signs, unless it was
    our own that was ahead then.
    """
    if time > at + AHEAD:
        wrong = "앞서"
    elif newest is not None and time < min(newest, at) - BEHIND:
        wrong = "늦어"
    else:
        return
    sentence = f"확인 기관({witness.label})의 시계가 10분 넘게 {wrong} 있습니다."
    open_trouble(log.origin, TroubleKind.DISAGREES, witness.name, sentence, at)
    raise NotTaken(422, sentence)


def _is_known(row: Cosignature) -> bool:
    """Whether the witness has said the same a moment ago; whoever says it all day is kept once."""
    return Cosignature.objects.filter(
        origin=row.origin, size=row.size, witness=row.witness, time__gt=row.time - MOMENT
    ).exists()


def confirm_again(log: Watched, at: datetime) -> None:
    """Make the published head certain where what is kept of it is enough by now, as after the
    witnesses have changed. Nothing is done before the first head.
    """
    try:
        data = (log.folder / "checkpoint").read_bytes()
        signed = note.open_note(data, log.keys)
        head = Checkpoint.parse(signed.text)
    except (OSError, VerifyError):
        return
    with _one_after_another(log):
        _confirm(log, head, signed.signatures, at)


@contextmanager
def _one_after_another(log: Watched) -> Iterator[None]:
    """One transaction, in which whoever comes last sees what all the others signed."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK, log.origin])
        yield


def hand_in(data: bytes, *, at: datetime) -> list[Cosignature]:
    """Take what a witness cosigned without being asked, under a head of whichever log of ours.

    Raises: NotTaken; Refusal when the log's key is not there.
    """
    signed, head = _parsed(data)
    if known := _known_all(signed, head):
        return known
    log = watched(head.origin)
    if log is None:
        raise NotTaken(404, "여기에 없는 장부의 머리입니다.")
    taken, new = _take(log, data, at)
    if new:
        _notify(COSIGNED, log)
    return taken


def _parsed(data: bytes) -> tuple[note.Note, Checkpoint]:
    try:
        signed = note.parse_note(data)
        return signed, Checkpoint.parse(signed.text)
    except VerifyError:
        raise NotTaken(400, "서명된 머리(signed note)의 꼴이 아닙니다.") from None


def _known_all(signed: note.Note, head: Checkpoint) -> list[Cosignature]:
    """What is kept of these lines, if it is all that witnesses of ours may have said in them; what
    we published comes back from anybody, and is not to cost more than looking it up.
    """
    lines = {str(line): line for line in signed.signatures}
    known = list(
        Cosignature.objects.filter(
            origin=head.origin, size=head.size, root=head.root, line__in=lines
        ).select_related("witness")
    )
    for row in known:
        lines.pop(row.line, None)
    others = {(line.name, line.key_id) for line in lines.values()}
    following = Witness.objects.filter(name__in={name for name, _ in others}, until=None)
    keys = readable(following).values()
    return [] if any((key.name, key.key_id) in others for key in keys) else known


Cosigned = tuple[Witness, Signature, datetime]


def _read(log: Watched, data: bytes) -> tuple[Checkpoint, list[Signature], list[Cosigned]]:
    """The head, the log's own signature lines, and those of witnesses, all of which hold."""
    signed, head = _parsed(data)
    if head.origin != log.origin:
        raise NotTaken(400, "다른 장부의 머리입니다.")
    following = {key: witness for witness, key in readable(log.witnesses).items()}
    lines = {(line.name, line.key_id): line for line in reversed(signed.signatures)}
    if not any((key.name, key.key_id) in lines for key in following):
        raise NotTaken(403, "이 장부에 등록된 확인 기관의 서명이 없습니다.")
    if not any((key.name, key.key_id) in lines for key in log.keys):
        raise NotTaken(403, "이 장부의 서명이 없습니다.")
    try:
        verified = note.verify_signatures(signed, [*log.keys, *following])
    except NoteError:
        raise NotTaken(403, "서명이 맞지 않습니다.") from None
    own, cosigned = [], []
    for one in verified:
        line = lines[one.key.name, one.key.key_id]
        if one.key in following:
            time = datetime.fromtimestamp(min(one.time or 0, _LAST_SECOND), UTC)
            cosigned.append((following[one.key], line, time))
        else:
            own.append(line)
    return head, own, cosigned


_LAST_SECOND = 253370764799  # the end of the year 9998, which every time zone can tell


def _demand_ours(
    log: Watched,
    head: Checkpoint,
    lines: Sequence[Signature],
    cosigned: Sequence[Cosigned],
    at: datetime,
) -> Checkpoint:
    """See that the head is a beginning of the log as it is published. Returns: that one's head."""
    try:
        published = log.head()
        ours = (
            not head.extensions
            and head.size <= published.size
            and Prover(file_reader(log.folder), tiles=8).root_at(head.size, published.size)
            == head.root
        )
    except (OSError, VerifyError):
        raise NotTaken(
            503, "장부의 파일을 지금 읽을 수 없습니다. 나중에 다시 보내 주세요."
        ) from None
    if ours:
        return published
    labels = ", ".join(witness.label for witness, _, _ in cosigned)
    sentence = (
        f"확인 기관({labels})에 장부의 열쇠로 서명된 다른 장부({head.size:,}건)가 있습니다. "
        f"증거는 {_keep_evidence(head, lines, cosigned)}"
    )
    # One for each head, whoever sends it how often, and over when a person says so: no later
    # agreement mends it.
    subject = f"{head.size}-{head.root.hex()}"
    open_trouble(log.origin, TroubleKind.DISAGREES, subject, sentence, at)
    raise NotTaken(422, "지금 장부와 이어지지 않는 머리입니다. 증거로 남겼습니다.")


def _demand_remembered(
    log: Watched, witness: Witness, head: Checkpoint, time: datetime, at: datetime
) -> None:
    """See that the witness has not forgotten what it signed: it never goes backwards."""
    if not Cosignature.objects.filter(
        origin=log.origin, witness=witness, size__gt=head.size, time__lt=time
    ).exists():
        return
    sentence = (
        f"확인 기관({witness.label})이 전에 서명한 것보다 작은 머리({head.size:,}건)에 나중에 "
        "서명했습니다. 그 기관의 기록이 옛것으로 되돌려졌습니다."
    )
    open_trouble(log.origin, TroubleKind.DISAGREES, witness.name, sentence, at)
    raise NotTaken(422, f"{sentence} 새 열쇠로 다시 시작해 주세요.")


def _keep_evidence(
    head: Checkpoint, lines: Sequence[Signature], cosigned: Sequence[Cosigned]
) -> str:
    """Keep what was signed and should not have been: the lines that hold, once for each head and
    those who signed it, and nothing that a sender may have put beside them.

    Returns: where it is, to be told to people.
    """
    signers = sorted(witness.name for witness, _, _ in cosigned)
    which = sha256("\n".join([head.text(), *signers]).encode()).hexdigest()[:32]
    name = f"{sha256(head.origin.encode()).hexdigest()[:16]}/{which}.note"
    path = Path(settings.EVIDENCE) / name
    try:
        if not path.exists():
            own = [*lines, *(line for _, line, _ in cosigned)]
            write_durably(path, note.format_note(head.text(), own))
    except OSError:  # as when the disk is full: people have to be told all the same
        logger.exception("%s could not be kept", path)
        return "저장하지 못했습니다."
    return f"evidence/{name}에 있습니다."


def _confirm(log: Watched, head: Checkpoint, lines: Sequence[Signature], at: datetime) -> None:
    """Make a head certain when the policy agrees, with every cosignature that is known of it."""
    before = log.confirmed()
    if before is not None and before.size > head.size:
        return
    following = {witness.id: witness.name for witness in log.witnesses}
    signed = {
        following[row.witness_id]: Signature.parse(row.line)
        for row in Cosignature.objects.filter(
            origin=log.origin, size=head.size, root=head.root, witness__in=following
        ).order_by("time")  # of each, the newest stays
    }
    data = note.format_note(head.text(), [*lines, *(signed[name] for name in sorted(signed))])
    if not log.policy.judge(data).confirmed or (before and bytes(before.note) == data):
        return
    if before and before.size == head.size:  # the newest is told by its moment
        at = max(at, before.confirmed_at + timedelta(microseconds=1))
    ConfirmedHead.objects.create(
        origin=log.origin, size=head.size, root=head.root, note=data, confirmed_at=at
    )
    _notify(CONFIRMED, log)


def _notify(what: str, log: Watched) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, f"{what} {log.origin}"])
