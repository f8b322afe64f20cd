"""The witness itself: c2sp.org/tlog-witness, and the same rules for heads it went and fetched.

A head is cosigned only when the log signed it and it continues the head cosigned last. What was
cosigned is durable before anybody sees it, and never goes backwards, neither in size nor in time.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Protocol

from danji_verify.canonical import b64decode, b64encode
from danji_verify.checkpoint import Checkpoint, cosign, parse_decimal
from danji_verify.errors import FormatError, NoteError, ProofError, VerifyError
from danji_verify.merkle import EMPTY_ROOT, HASH_SIZE, verify_consistency
from danji_verify.note import MAX_NOTE, Note, format_note, parse_note, verify_signatures
from danji_witness.errors import ClockBehind, Conflict, Halted, Inconsistent, Refused, Trouble
from danji_witness.files import write_over, write_whole
from danji_witness.folder import Folder, open_folder
from danji_witness.logs import LogList, WatchedLog
from danji_witness.state import Head

MAX_PROOF = 63  # hashes
MAX_BODY = MAX_NOTE + 4096  # bytes; a note and 63 lines of hashes
MAX_EVIDENCE = 100  # files of one log

log = logging.getLogger("danji_witness")


@dataclass(frozen=True)
class Answer:
    """What a log is told: an HTTP status, and a body of that type."""

    status: int
    body: bytes
    type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Signed:
    """A head that one of the log's keys signed."""

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
    ) -> None:
        """Raises: Refused when the folder's state is lost, rolled back or damaged."""
        self.folder = folder
        self.identity, self.state = open_folder(folder)
        try:
            self.logs = LogList(folder.logs)
        except Refused:
            self.state.close()
            raise
        self.clock = clock
        self.keeper = keeper
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
        return self._answer(signed, request.old, request.proof, body)

    def signed_by(self, watched: WatchedLog, note: Note) -> Signed:
        """The head in a note.

        Raises: NoteError when the log did not sign it, or a known signature does not hold;
        FormatError when it is no checkpoint of this log; EmptyTreeWithAnotherRoot.
        """
        if not verify_signatures(note, watched.keys):
            raise NoteError("a checkpoint that its log did not sign")
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
        self.demand_remembered(signed)
        _demand_continues(known, signed.checkpoint, old, proof)
        if self.keeper is not None:
            self.keeper.hold(watched, signed.checkpoint, known.time if known else None)
        with self.state.alone():
            known = self.state.head(watched.id)
            _demand_continues(known, signed.checkpoint, old, proof)
            now = int(self.clock())
            if known is not None and now < known.time:
                raise ClockBehind(
                    f"컴퓨터의 시계가 뒤로 갔습니다. {_moment(known.time)}에 서명했는데 "
                    f"지금은 {_moment(now)}입니다. 시계를 맞춰 주세요."
                )
            if known is not None and (known.time, known.size) == (now, signed.checkpoint.size):
                return known
            head = self._cosigned(signed, now, delivered)
            self.state.keep(head)
        self._publish(watched.id)
        return head

    def demand_remembered(self, signed: Signed) -> None:
        """A head that carries our own cosignature must not be newer than what we remember.

        Raises: Halted, from then on for every head of this log.
        """
        if reason := self.state.halted(signed.log.id):
            raise Halted(reason)
        time = self._own_time(signed.note)
        if time is None:
            return
        known = self.state.head(signed.log.id)
        size, root = signed.checkpoint.size, signed.checkpoint.root
        if known is not None and size <= known.size and time <= known.time:
            same_tree = size < known.size or root == known.root
            if same_tree:
                return
        kept = 0 if known is None else known.size
        reason = (
            f"이 장부에는 우리가 {size}번까지 서명한 것({_moment(time)})이 있는데, 우리 기록에는 "
            f"{kept}번까지만 있습니다. 폴더가 통째로 되돌려졌거나 같은 열쇠를 두 곳에서 씁니다. "
            "이 장부에는 더 서명하지 않습니다. 새 폴더에서 새 이름으로 다시 시작해 주세요."
        )
        self.state.halt(signed.log.id, reason, int(self.clock()))
        raise Halted(reason)

    def keep_evidence(self, signed: Signed, old: int, proof: Sequence[bytes]) -> None:
        """Keep a head that the log signed and should not have, as a request of add-checkpoint."""
        self._keep_evidence(signed.log, request_body(old, proof, signed.note))

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
            self._keep_evidence(watched, body)
            raise _TurnedAway(422, "another root for an empty tree") from problem
        except FormatError as problem:
            raise _TurnedAway(400, "malformed") from problem
        if request.old > signed.checkpoint.size:
            raise _TurnedAway(400, "the old size is larger")
        return request, signed

    def _answer(self, signed: Signed, old: int, proof: Sequence[bytes], body: bytes) -> Answer:
        watched = signed.log
        try:
            head = self.cosign(signed, old, proof, delivered=True)
        except Conflict as conflict:
            self._keep_two_faces(signed, body)
            return Answer(409, b"%d\n" % conflict.size, "text/x.tlog.size")
        except Inconsistent:
            self._keep_evidence(watched, body)
            self._tell(watched, "앞의 머리와 이어지지 않는 머리를 물리쳤습니다.")
            return Answer(422, b"not consistent with what was cosigned\n")
        except (Trouble, OSError) as trouble:
            self._tell(watched, str(trouble))
            return Answer(503, f"{trouble}\n".encode())
        self.state.note_trouble(watched.id, "", head.time)
        line = next(line for line in parse_note(head.note).signatures if self._is_own(line.key_id))
        return Answer(200, f"{line}\n".encode())

    def _cosigned(self, signed: Signed, now: int, delivered: bool) -> Head:
        identity = self.identity
        keys = {(key.name, key.key_id) for key in signed.log.keys}
        lines = [line for line in signed.note.signatures if (line.name, line.key_id) in keys]
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

    def _keep_two_faces(self, signed: Signed, body: bytes) -> None:
        known = self.state.head(signed.log.id)
        shown = signed.checkpoint
        if known is not None and known.size == shown.size and known.root != shown.root:
            self._keep_evidence(signed.log, body)

    def _keep_evidence(self, watched: WatchedLog, body: bytes) -> None:
        folder = self.folder.evidence / watched.id
        # Named by the note alone: the same head with other proofs is the same evidence.
        name = sha256(body.partition(b"\n\n")[2]).hexdigest()[:32]
        kept = list(folder.glob("*.txt"))
        if len(kept) < MAX_EVIDENCE and not any(path.stem == name for path in kept):
            write_whole(folder / f"{name}.txt", body)
            log.warning("%s: 장부가 서명한 잘못된 머리를 증거로 남겼습니다.", watched.origin)

    def _tell(self, watched: WatchedLog, sentence: str) -> None:
        try:
            news = self.state.note_trouble(watched.id, sentence, int(self.clock()))
        except Trouble:
            news = True
        if news:
            log.warning("%s: %s", watched.origin, sentence)


def request_body(old: int, proof: Sequence[bytes], note: Note) -> bytes:
    """The body of add-checkpoint."""
    head = "".join(f"{b64encode(item)}\n" for item in proof)
    return f"old {old}\n{head}\n".encode() + format_note(note.text, note.signatures)


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


def _moment(time: int) -> str:
    return datetime.fromtimestamp(time).astimezone().strftime("%Y. %m. %d. %H:%M:%S")
