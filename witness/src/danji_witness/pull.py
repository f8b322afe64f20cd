"""Going to the logs: fetch the newest head, see for ourselves that it continues, hand it in.

Needs no open port. Each log is visited by itself; one that does not answer keeps no other
waiting, and is asked less and less often. What takes long (a whole log fetched for the first time,
a full copy read again) has threads of its own.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NoReturn

import requests

from danji_verify.errors import FormatError, NoteError, VerifyError
from danji_verify.note import Note, parse_note
from danji_verify.tiles import Reader, consistency_proof
from danji_witness.errors import Conflict, Inconsistent, TooSlow, Trouble
from danji_witness.logs import WatchedLog
from danji_witness.mirror import Mirror
from danji_witness.source import Source, hand_in, new_session
from danji_witness.state import Head
from danji_witness.witness import EmptyTreeWithAnotherRoot, Signed, Verdict, Witness

VISITORS = 8  # logs visited at once
PATIENT = 4  # logs, beside those, that are fetched or read again at length
LONGEST = 3600  # seconds between visits to a log that does not answer
REFRESH = 6 * 3600  # seconds after which an unchanged head is cosigned again
CHECK = 3600  # seconds between checks of a full copy
BUDGET = 60  # seconds one visit may read
FULL_BUDGET = 1800  # seconds, where a whole log may have to be fetched

_UNEXPECTED = (
    "뜻밖의 잘못이 있었습니다. 저절로 다시 합니다. 하루가 지나도 이러면 화면에 적힌 내용을 "
    "프로그램을 준 곳에 보내 주세요."
)

log = logging.getLogger("danji_witness")


class _Own(threading.local):
    """What each thread has for itself: a session, and how long one visit may read."""

    def __init__(self, seconds: float) -> None:
        self.session = new_session()
        self.seconds = seconds


class Sources:
    """Opens the files of a log, for whichever thread asks."""

    def __init__(self, seconds: float) -> None:
        """Args: `seconds` is how long everything read for one visit may take."""
        self._own = _Own(seconds)
        self._stop = threading.Event()

    def stop(self) -> None:
        """Nothing more is read."""
        self._stop.set()

    def allow(self, seconds: float) -> None:
        """Let this thread read so long for one visit."""
        self._own.seconds = seconds

    @property
    def session(self) -> requests.Session:
        return self._own.session

    def __call__(self, watched: WatchedLog) -> Source:
        """Raises: Trouble when the log has no address."""
        if not watched.url:
            raise Trouble("logs.txt에 이 장부의 주소가 없어 파일을 읽을 수 없습니다.")
        return Source(self.session, watched.url, self._own.seconds, self._stop)


@dataclass
class Due:
    """When a log is visited next, and checked next (monotonic seconds)."""

    at: float = 0.0
    check_at: float = 0.0
    failures: int = 0
    visited: bool = False  # by a thread, now or soon
    checked: bool = False  # the same
    slow: bool = False  # a quick visit was not enough
    turn: threading.Lock = field(default_factory=threading.Lock)  # of whoever is at it


class Visitor:
    """Visits the logs on the list that have an address."""

    def __init__(
        self,
        witness: Witness,
        sources: Sources,
        *,
        every: float,
        mirror: Mirror | None = None,
        refresh: float = REFRESH,
    ) -> None:
        """Args: `every`, `refresh` are in seconds; `mirror` reads by `sources` as well."""
        self._witness = witness
        self._sources = sources
        self._mirror = mirror
        self._every = every
        self._refresh = refresh
        self._due: dict[str, Due] = {}

    def run(self, stop: threading.Event) -> None:
        """Visit until told to stop."""
        with (
            ThreadPoolExecutor(VISITORS, "visit") as quick,
            ThreadPoolExecutor(PATIENT, "fetch", self._sources.allow, (FULL_BUDGET,)) as patient,
        ):
            problem = ""
            while not stop.wait(min(1.0, self._every / 2)):
                logs = self._witness.logs.current()
                if self._witness.logs.problem != problem:
                    problem = self._witness.logs.problem
                    log.warning("%s", problem or "logs.txt를 다시 읽었습니다.")
                for watched in logs.values():
                    due = self._due.setdefault(watched.id, Due())
                    if not watched.url:
                        continue
                    now = time.monotonic()
                    if not due.visited and due.at <= now:
                        due.visited = True
                        threads = patient if due.slow else quick
                        threads.submit(self._visit_in_turn, watched, due)
                    well = due.at > 0 and not due.failures
                    if self._mirror and well and not due.checked and due.check_at <= now:
                        due.checked = True
                        patient.submit(self._check_in_turn, watched, due, self._mirror)

    def visit(self, watched: WatchedLog) -> Head:
        """One visit: read the newest head, cosign it, hand the cosignature in.

        Raises: Trouble.
        """
        source = self._sources(watched)
        signed = self._read_head(source, watched)
        # What others cosigned may carry a cosignature of ours that we have forgotten.
        for note in (signed.note, _read_confirmed(source)):
            if note is not None:
                self._witness.demand_remembered(watched, note)
        head = self._cosign(signed, source)
        if not head.delivered:
            if watched.site:
                hand_in(self._sources.session, watched.site, head.note)
            self._witness.state.mark_delivered(head)
        return head

    def _cosign(self, signed: Signed, source: Reader) -> Head:
        head = self._witness.state.head(signed.log.id)
        shown = signed.checkpoint
        if head is not None and shown.size < head.size:
            self._refuse_smaller(signed, head)
        if head is not None and (shown.size, shown.root) == (head.size, head.root):
            fresh = self._witness.clock() - head.time < self._refresh
            if fresh:
                return head
        old = head.size if head is not None else 0
        try:
            proof = consistency_proof(old, shown.size, source) if 0 < old < shown.size else []
        except (VerifyError, KeyError, FileNotFoundError) as problem:
            # Files that are withheld hide a fork no less than files that are lost.
            self._witness.keep_unproven(signed)
            raise Trouble("장부의 파일이 상했거나 없어 이어지는지 볼 수 없습니다.") from problem
        try:
            return self._witness.cosign(signed, old, proof)
        except Conflict as conflict:
            raise Trouble("그사이에 다른 머리에 서명했습니다.") from conflict
        except Inconsistent as problem:
            self._witness.keep_refused(signed)
            raise Trouble(
                f"장부의 새 머리({shown.size}번)가 전에 서명한 머리({old}번)와 이어지지 않습니다. "
                "장부가 고쳐 쓰였거나 장부의 파일이 상했을 수 있습니다. 서명하지 않고 그 머리를 "
                "evidence 폴더에 남겼습니다."
            ) from problem

    def _refuse_smaller(self, signed: Signed, head: Head) -> NoReturn:
        shown = signed.checkpoint
        if self._witness.keep_refused(signed) is Verdict.CONVICTS:
            raise Trouble(
                f"장부가 전에 서명한 장부({head.size}번)에 없던 머리({shown.size}번)를 보여 "
                "줍니다. 장부가 둘로 갈라졌습니다. 그 머리를 evidence 폴더에 남겼으니 관리사무소와 "
                "다른 확인 기관에 알려 주세요."
            )
        raise Trouble(
            f"장부가 전에 서명한 것({head.size}번)보다 작은 머리({shown.size}번)를 "
            "보여 줍니다. 되돌려졌거나 낡은 사본입니다."
        )

    def _read_head(self, source: Source, watched: WatchedLog) -> Signed:
        """The newest head."""
        try:
            return self._witness.signed_by(watched, parse_note(source.read("checkpoint")))
        except FileNotFoundError as problem:
            raise Trouble(
                "장부에 머리가 없습니다. 저절로 다시 갑니다. 하루가 지나도 이러면 logs.txt의 "
                "주소가 맞는지 관리사무소에 물어봐 주세요."
            ) from problem
        except EmptyTreeWithAnotherRoot as problem:
            raise Trouble(
                "장부가 빈 장부라면서 다른 머리를 보여 줍니다. 관리사무소와 다른 확인 기관에 알려 "
                "주세요."
            ) from problem
        except (NoteError, FormatError) as problem:
            raise Trouble(
                "장부의 머리를 이 장부의 맨 위 열쇠로 확인할 수 없습니다. 열쇠가 바뀌었는지 "
                "관리사무소에 물어보시고, 바뀌었으면 watch로 새 열쇠를 더해 주세요."
            ) from problem

    def _visit_in_turn(self, watched: WatchedLog, due: Due) -> None:
        try:
            # Its copy is being checked: it is visited right after, and no thread waits for it.
            if due.turn.acquire(blocking=False):
                try:
                    self._visit(watched, due)
                finally:
                    due.turn.release()
        finally:
            due.visited = False

    def _visit(self, watched: WatchedLog, due: Due) -> None:
        sentence = ""
        try:
            self.visit(watched)
            due.slow = False
        except TooSlow as trouble:
            if self._mirror is not None and not due.slow:
                due.slow = True  # at once again, where there is more time
                return
            sentence = str(trouble)
        except Trouble as trouble:
            sentence = str(trouble)
        except Exception:
            log.exception("%s", watched.origin)
            sentence = _UNEXPECTED
        due.failures = due.failures + 1 if sentence else 0
        wait = min(self._every * 2 ** min(due.failures, 12), max(LONGEST, self._every))
        due.at = time.monotonic() + (wait if sentence else self._every)
        self._tell(watched, sentence)

    def _check_in_turn(self, watched: WatchedLog, due: Due, mirror: Mirror) -> None:
        try:
            if due.turn.acquire(blocking=False):
                try:
                    due.check_at = time.monotonic() + CHECK
                    self._check(watched, mirror)
                finally:
                    due.turn.release()
        finally:
            due.checked = False

    def _check(self, watched: WatchedLog, mirror: Mirror) -> None:
        try:
            mirror.check(watched)
        except Trouble as trouble:
            self._tell(watched, str(trouble))
        except Exception:
            log.exception("%s", watched.origin)
            self._tell(watched, _UNEXPECTED)

    def _tell(self, watched: WatchedLog, sentence: str) -> None:
        try:
            now = int(self._witness.clock())
            news = self._witness.state.note_trouble(watched.id, sentence, now)
        except Trouble as trouble:
            news, sentence = True, str(trouble)
        if news:
            log.warning("%s: %s", watched.origin, sentence or "다시 잘 됩니다.")


def _read_confirmed(source: Source) -> Note | None:
    """The head on which everybody agreed last; None where there is none, or nothing to read."""
    try:
        return parse_note(source.read("confirmed"))
    except (FileNotFoundError, NoteError):
        return None


def run_in_thread(visitor: Visitor) -> Callable[[], None]:
    """Start visiting. Returns: what ends it, waiting for visits under way."""
    stop = threading.Event()
    thread = threading.Thread(target=visitor.run, args=[stop], name="visitor", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(timeout=30)

    return end
