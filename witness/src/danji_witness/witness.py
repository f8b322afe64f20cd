"""The witness itself: c2sp.org/tlog-witness, and the same rules for heads it went and fetched.

A head is cosigned only when the log signed it and it continues the head cosigned last. What was
cosigned is durable before anybody sees it, and never goes backwards, neither in size nor in time.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from danji_verify.canonical import b64decode, b64encode
from danji_verify.checkpoint import Checkpoint, cosign, parse_decimal
from danji_verify.errors import FormatError, NoteError, ProofError, VerifyError
from danji_verify.merkle import EMPTY_ROOT, HASH_SIZE, verify_consistency
from danji_verify.note import MAX_NOTE, Note, Signature, format_note, parse_note, verify_signatures
from danji_witness.errors import Busy, Conflict, Halted, Inconsistent, Refused, Trouble
from danji_witness.files import write_over, write_whole
from danji_witness.folder import Folder, open_folder
from danji_witness.logs import LogList, WatchedLog
from danji_witness.state import Head
from danji_witness.steady import SteadyClock, moment

MAX_PROOF = 63  # hashes
MAX_BODY = MAX_NOTE + 4096  # bytes; a note and 63 lines of hashes
MAX_EVIDENCE = 100  # files of one log, and as many that prove nothing by themselves
UNPROVEN = "unproven"  # folder of the latter

log = logging.getLogger("danji_witness")


@dataclass(frozen=True)
class Answer:
    """What a log is told: an HTTP status, and a body of that type."""

    status: int
    body: bytes
    type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Signed:
    """A head that the newest of the log's keys signed."""

    log: WatchedLog
    note: Note
    checkpoint: Checkpoint


@dataclass(frozen=True)
class Request:
    """The body of add-checkpoint: what the log believes was cosigned last, and what follows."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    @classmethod
    def parse(cls, body: bytes) -> "Request":
        """Raises: FormatError."""
        head, separator, note = body.partition(b"\n\n")
        try:
            first, *lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as problem:
            raise FormatError("a request with letters that do not belong") from problem
        if not separator or not first.startswith("old ") or len(lines) > MAX_PROOF:
            raise FormatError("not a request to add a checkpoint")
        proof = tuple(b64decode(line, HASH_SIZE) for line in lines)
        return cls(parse_decimal(first.removeprefix("old ")), proof, note)


class Keeper(Protocol):
    """Whoever holds a full copy of each log, so that only what is held is cosigned."""

    def hold(self, log: WatchedLog, head: Checkpoint, since: int | None) -> None:
        """Hold the log up to that head. `since`: time of the cosignature before, POSIX seconds.

        Raises: Trouble when that was not possible.
        """

    def root_at(self, log: WatchedLog, size: int, held: Checkpoint) -> bytes | None:
        """The root over the first `size` entries below a head that is held; None where that cannot
        be said.
        """


class Verdict(Enum):
    """What a head that a log signed says of the log, held against what we cosigned."""

    CONVICTS = "convicts"  # the same entries cannot lead to both
    AGREES = "agrees"
    UNPROVEN = "unproven"  # either may be wrong, the head or the files that should prove it


class EmptyTreeWithAnotherRoot(Exception):
    """A checkpoint of size 0 whose root is not that of the empty tree."""


class _TurnedAway(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.answer = Answer(status, f"{reason}\n".encode())


class Witness:
    """Cosigns the heads of the logs on its list. Threads and processes may share one folder."""

    def __init__(
        self,
        folder: Folder,
        *,
        clock: Callable[[], float] = time.time,
        keeper: Keeper | None = None,
        visits: bool = True,
    ) -> None:
        """Args: `visits`: somebody goes to the logs as well and hands cosignatures in.

        Raises: Refused when the folder's state is lost, rolled back or damaged.
        """
        self.folder = folder
        self.identity, self.state = open_folder(folder)
        try:
            self.logs = LogList(folder.logs)
        except Refused:
            self.state.close()
            raise
        self.clock = clock
        self.keeper = keeper
        self._steady = SteadyClock(clock)
        self._visits = visits
        for head in self.state.heads():
            if not self._is_published(head):
                self._publish(head.log)

    def close(self) -> None:
        self.state.close()

    def published(self, log: str) -> bytes | None:
        """The newest head cosigned, with the log's signature and ours; None where there is none."""
        head = self.state.head(log)
        return None if head is None else head.note

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer a log that pushes a head. Source: c2sp.org/tlog-witness."""
        try:
            request, signed = self._read(body)
        except _TurnedAway as turned:
            return turned.answer
        return self._answer(signed, request.old, request.proof)

    def signed_by(self, watched: WatchedLog, note: Note) -> Signed:
        """The head in a note.

        Raises: NoteError when the newest key of the log did not sign it, or a known signature does
        not hold; FormatError when it is no checkpoint of this log; EmptyTreeWithAnotherRoot.
        """
        verified = verify_signatures(note, watched.keys)
        if watched.keys[0] not in (each.key for each in verified):
            raise NoteError("a checkpoint that its log did not sign with its newest key")
        try:
            checkpoint = Checkpoint.parse(note.text)
        except FormatError:
            if _says_empty_with_another_root(note.text):
                raise EmptyTreeWithAnotherRoot from None
            raise
        if checkpoint.origin != watched.origin:
            raise FormatError("a checkpoint of another log")
        return Signed(watched, note, checkpoint)

    def cosign(
        self, signed: Signed, old: int, proof: Sequence[bytes], *, delivered: bool = False
    ) -> Head:
        """Cosign a head that continues the one of size `old`, and publish it.

        Args: `delivered` when the log is waiting for the cosignature.

        Raises: Conflict, Inconsistent; Halted, ClockBehind or another Trouble.
        """
        watched = signed.log
        known = self.state.head(watched.id)
        self.demand_remembered(watched, signed.note)
        _demand_continues(known, signed.checkpoint, old, proof)
        if self.keeper is not None:
            self.keeper.hold(watched, signed.checkpoint, known.time if known else None)
        with self.state.alone():
            # Somebody else may have noticed meanwhile that we forgot something.
            self._demand_not_halted(watched)
            known = self.state.head(watched.id)
            _demand_continues(known, signed.checkpoint, old, proof)
            now = self._steady.now(known.time if known is not None else 0)
            if known is not None and (known.time, known.size) == (now, signed.checkpoint.size):
                return known
            head = self._cosigned(signed, now, delivered)
            self.state.keep(head)
        self._publish(watched.id)
        self._judge_unproven(watched)
        return head

    def demand_remembered(self, watched: WatchedLog, note: Note) -> None:
        """A note that carries our own cosignature must not be newer than what we remember.

        Whether the log signed it does not matter: our own signature says enough, and what a key
        signed that is not listed any more is no less ours.

        Raises: Halted, from then on for every head of this log.
        """
        self._demand_not_halted(watched)
        time = self._own_time(note)
        if time is None:
            return
        shown = Checkpoint.parse(note.text)
        known = self.state.head(watched.id)
        if shown.origin != watched.origin:
            return
        if known is not None and shown.size <= known.size and time <= known.time:
            same_tree = shown.size < known.size or shown.root == known.root
            if same_tree:
                return
        kept = 0 if known is None else known.size
        reason = (
            f"이 장부에는 우리가 {shown.size}번까지 서명한 것({moment(time)})이 있는데, 우리 "
            f"기록에는 {kept}번까지만 있습니다. 폴더가 통째로 되돌려졌거나 같은 열쇠를 두 곳에서 "
            "씁니다. 이 장부에는 더 서명하지 않습니다. 새 폴더에서 새 이름으로 다시 시작해 주세요."
        )
        self.state.halt(watched.id, reason, int(self.clock()))
        raise Halted(reason)

    def keep_refused(self, signed: Signed) -> Verdict:
        """Keep a head that we did not cosign: as evidence where it convicts its log, aside where
        that cannot be said yet, and not at all where it is an old one of the same tree.
        """
        verdict = self._verdict(signed)
        if verdict is Verdict.CONVICTS:
            self._keep(signed.log, signed.note, self.folder.evidence / signed.log.id)
        elif verdict is Verdict.UNPROVEN:
            self.keep_unproven(signed)
        return verdict

    def keep_unproven(self, signed: Signed) -> None:
        """Keep a head that the files of its log did not prove to continue what we cosigned."""
        self._keep(signed.log, signed.note, self._unproven(signed.log))

    def _unproven(self, watched: WatchedLog) -> Path:
        return self.folder.evidence / watched.id / UNPROVEN

    def _verdict(self, signed: Signed) -> Verdict:
        known, shown = self.state.head(signed.log.id), signed.checkpoint
        if known is None or shown.size > known.size:
            return Verdict.UNPROVEN
        if shown.size == 0:  # read as a checkpoint, so its root is that of the empty tree
            return Verdict.AGREES
        root: bytes | None = known.root
        if shown.size < known.size:
            held = Checkpoint(known.origin, known.size, known.root)
            root = self.keeper.root_at(signed.log, shown.size, held) if self.keeper else None
        if root is None:
            return Verdict.UNPROVEN
        return Verdict.AGREES if root == shown.root else Verdict.CONVICTS

    def _judge_unproven(self, watched: WatchedLog) -> None:
        """Judge again what could not be judged before: now we hold more of the log."""
        for place in self._unproven(watched).glob("*.txt"):
            try:
                signed = self.signed_by(watched, parse_note(place.read_bytes()))
            except (VerifyError, OSError):
                continue  # by a key that was struck off since: for people to look at
            if self.keep_refused(signed) is not Verdict.UNPROVEN:
                place.unlink(missing_ok=True)

    def _read(self, body: bytes) -> tuple[Request, Signed]:
        """Cheapest checks first: whoever is not a known log costs no signature and no disk."""
        try:
            request = Request.parse(body)
            note = parse_note(request.note)
        except VerifyError as problem:
            raise _TurnedAway(400, "malformed") from problem
        watched = self.logs.current().get(note.text.partition("\n")[0])
        if watched is None:
            raise _TurnedAway(404, "unknown log")
        try:
            signed = self.signed_by(watched, note)
        except NoteError as problem:
            raise _TurnedAway(403, "not signed by this log") from problem
        except EmptyTreeWithAnotherRoot as problem:
            self._keep(watched, note, self.folder.evidence / watched.id)
            raise _TurnedAway(422, "another root for an empty tree") from problem
        except FormatError as problem:
            raise _TurnedAway(400, "malformed") from problem
        if request.old > signed.checkpoint.size:
            raise _TurnedAway(400, "the old size is larger")
        return request, signed

    def _answer(self, signed: Signed, old: int, proof: Sequence[bytes]) -> Answer:
        watched = signed.log
        # Anybody may have posted a public head: where we visit the log, we hand it in ourselves.
        delivered = not (self._visits and watched.site)
        try:
            head = self.cosign(signed, old, proof, delivered=delivered)
        except Conflict as conflict:
            self._keep_pushed(signed)
            return Answer(409, b"%d\n" % conflict.size, "text/x.tlog.size")
        except Inconsistent:
            self._keep_pushed(signed)
            return Answer(422, b"not consistent with what was cosigned\n")
        except Busy as busy:
            return Answer(503, f"{busy}\n".encode())
        except (Trouble, OSError) as trouble:
            self._tell(watched, str(trouble))
            return Answer(503, f"{trouble}\n".encode())
        self._tell(watched, "")
        line = next(line for line in parse_note(head.note).signatures if self._is_own(line.key_id))
        return Answer(200, f"{line}\n".encode())

    def _keep_pushed(self, signed: Signed) -> None:
        """Whoever pushes needs no key: a wrong proof beside a true head says nothing of the log.
        Where a copy will judge the head later, it is kept until then.
        """
        if self.keeper is not None or self._verdict(signed) is Verdict.CONVICTS:
            self.keep_refused(signed)

    def _cosigned(self, signed: Signed, now: int, delivered: bool) -> Head:
        identity = self.identity
        lines = _lines_of(signed.log, signed.note)
        own = cosign(signed.checkpoint, name=identity.name, private_key=identity.private, at=now)
        return Head(
            log=signed.log.id,
            origin=signed.log.origin,
            size=signed.checkpoint.size,
            root=signed.checkpoint.root,
            time=now,
            note=format_note(signed.note.text, [*lines, own]),
            delivered=delivered,
        )

    def _publish(self, log: str) -> None:
        # Nobody moves the head meanwhile, so what is published never goes backwards.
        with self.state.alone():
            head = self.state.head(log)
            if head is not None:
                write_over(self.folder.published(log), head.note)
                if self.keeper is not None:
                    write_whole(self.folder.mirror / log / "checkpoint", head.note)

    def _is_published(self, head: Head) -> bool:
        try:
            return self.folder.published(head.log).read_bytes() == head.note
        except FileNotFoundError:
            return False

    def _own_time(self, note: Note) -> int | None:
        try:
            verified = verify_signatures(note, [self.identity.key])
        except NoteError:
            return None
        return verified[0].time if verified else None

    def _is_own(self, key_id: bytes) -> bool:
        return key_id == self.identity.key.key_id

    def _demand_not_halted(self, watched: WatchedLog) -> None:
        if reason := self.state.halted(watched.id):
            raise Halted(reason)

    def _keep(self, watched: WatchedLog, note: Note, folder: Path) -> None:
        """Keep a note with the log's own lines; named by its text, so that each is kept once."""
        place = folder / f"{sha256(note.text.encode()).hexdigest()[:32]}.txt"
        if place.exists() or len(list(folder.glob("*.txt"))) >= MAX_EVIDENCE:
            return
        write_whole(place, format_note(note.text, _lines_of(watched, note)))
        log.warning("%s: 장부가 서명한 머리를 %s에 남겼습니다.", watched.origin, place)

    def _tell(self, watched: WatchedLog, sentence: str) -> None:
        try:
            news = self.state.note_trouble(watched.id, sentence, int(self.clock()))
        except Trouble:
            news = True
        if news:
            log.warning("%s: %s", watched.origin, sentence or "다시 잘 됩니다.")


def request_body(old: int, proof: Sequence[bytes], note: Note) -> bytes:
    """The body of add-checkpoint."""
    head = "".join(f"{b64encode(item)}\n" for item in proof)
    return f"old {old}\n{head}\n".encode() + format_note(note.text, note.signatures)


def _lines_of(watched: WatchedLog, note: Note) -> list[Signature]:
    """The signatures of the log itself, one of each key: there is room for so many in a note, and
    others have to sign below.
    """
    keys = {(key.name, key.key_id) for key in watched.keys}
    lines = {(line.name, line.key_id): line for line in note.signatures}
    return [line for of, line in lines.items() if of in keys]


def _demand_continues(
    known: Head | None, checkpoint: Checkpoint, old: int, proof: Sequence[bytes]
) -> None:
    size, root = (known.size, known.root) if known else (0, EMPTY_ROOT)
    if old != size:
        raise Conflict(size)
    try:
        verify_consistency(old, checkpoint.size, proof, root, checkpoint.root)
    except ProofError as problem:
        raise Inconsistent(str(problem)) from problem


def _says_empty_with_another_root(text: str) -> bool:
    lines = text.split("\n")
    if len(lines) < 4 or lines[1] != "0":
        return False
    try:
        return b64decode(lines[2], HASH_SIZE) != EMPTY_ROOT
    except FormatError:
        return False
