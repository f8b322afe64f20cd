"""Going to the logs: fetch the newest head, see for ourselves that it continues, hand it in.

Needs no open port. Each log is visited by itself; one that does not answer keeps no other
waiting, and is asked less and less often.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests

from danji_verify.errors import FormatError, NoteError, VerifyError
from danji_verify.note import parse_note
from danji_verify.tiles import Reader, consistency_proof
from danji_witness.errors import Conflict, Inconsistent, Trouble
from danji_witness.logs import WatchedLog
from danji_witness.mirror import Mirror
from danji_witness.source import Source, hand_in, new_session
from danji_witness.state import Head
from danji_witness.witness import EmptyTreeWithAnotherRoot, Signed, Witness

VISITORS = 8  # logs visited at once
LONGEST = 3600  # seconds between visits to a log that does not answer
REFRESH = 6 * 3600  # seconds after which an unchanged head is cosigned again
CHECK = 3600  # seconds between checks of a full copy
BUDGET = 60  # seconds one visit may read
FULL_BUDGET = 1800  # seconds, where a whole log may have to be fetched

log = logging.getLogger("danji_witness")


class Sessions(threading.local):
    """A session for each thread."""

    def __init__(self) -> None:
        self.session = new_session()


class Sources:
    """Opens the files of a log, for whichever thread asks."""

    def __init__(self, seconds: float) -> None:
        """Args: `seconds` is how long everything read for one visit may take."""
        self._seconds = seconds
        self._sessions = Sessions()
        self._stop = threading.Event()

    def stop(self) -> None:
        """Nothing more is read."""
        self._stop.set()

    @property
    def session(self) -> requests.Session:
        return self._sessions.session

    def __call__(self, watched: WatchedLog) -> Source:
        """Raises: Trouble when the log has no address."""
        if not watched.url:
            raise Trouble("logs.txt에 이 장부의 주소가 없어 파일을 읽을 수 없습니다.")
        return Source(self.session, watched.url, self._seconds, self._stop)


@dataclass
class Due:
    """When a log is visited next, and checked next (monotonic seconds)."""

    at: float = 0.0
    check_at: float = 0.0
    failures: int = 0
    visited: bool = False  # by a thread, now


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
        """Args: `every`, `refresh` are in seconds."""
        self._witness = witness
        self._sources = sources
        self._mirror = mirror
        self._every = every
        self._refresh = refresh
        self._due: dict[str, Due] = {}

    def run(self, stop: threading.Event) -> None:
        """Visit until told to stop."""
        with ThreadPoolExecutor(VISITORS, thread_name_prefix="visit") as threads:
            problem = ""
            while not stop.wait(min(1.0, self._every / 2)):
                logs = self._witness.logs.current()
                if self._witness.logs.problem != problem:
                    problem = self._witness.logs.problem
                    log.warning("%s", problem or "logs.txt를 다시 읽었습니다.")
                for watched in logs.values():
                    due = self._due.setdefault(watched.id, Due())
                    if watched.url and not due.visited and due.at <= time.monotonic():
                        due.visited = True
                        threads.submit(self._visit_in_turn, watched, due)

    def visit(self, watched: WatchedLog) -> Head:
        """One visit: read the newest head, cosign it, hand the cosignature in.

        Raises: Trouble.
        """
        source = self._sources(watched)
        signed = self._read_head(source, watched, "checkpoint")
        if signed is None:
            raise Trouble("장부에 머리가 없습니다.")
        # What others cosigned may carry a cosignature of ours that we have forgotten.
        for shown in (signed, self._read_head(source, watched, "confirmed")):
            if shown is not None:
                self._witness.demand_remembered(shown)
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
            raise Trouble(
                f"장부가 전에 서명한 것({head.size}번)보다 작은 머리({shown.size}번)를 "
                "보여 줍니다. 되돌려졌거나 낡은 사본입니다."
            )
        if head is not None and (shown.size, shown.root) == (head.size, head.root):
            fresh = self._witness.clock() - head.time < self._refresh
            if fresh:
                return head
        old = head.size if head is not None else 0
        try:
            proof = consistency_proof(old, shown.size, source) if 0 < old < shown.size else []
        except (VerifyError, KeyError, FileNotFoundError) as problem:
            raise Trouble("장부의 파일이 상했거나 없어 이어지는지 볼 수 없습니다.") from problem
        try:
            return self._witness.cosign(signed, old, proof)
        except Conflict as conflict:
            raise Trouble("그사이에 다른 머리에 서명했습니다.") from conflict
        except Inconsistent as problem:
            self._witness.keep_evidence(signed, old, proof)
            raise Trouble(
                f"장부의 새 머리({shown.size}번)가 전에 서명한 머리({old}번)와 이어지지 않습니다. "
                "장부가 고쳐 쓰였을 수 있습니다. 서명하지 않고 증거를 남겼습니다."
            ) from problem

    def _read_head(self, source: Source, watched: WatchedLog, name: str) -> Signed | None:
        """A head by its file's name; None where the log has none."""
        try:
            return self._witness.signed_by(watched, parse_note(source.read(name)))
        except FileNotFoundError:
            return None
        except EmptyTreeWithAnotherRoot as problem:
            raise Trouble("장부가 빈 장부라면서 다른 머리를 보여 줍니다.") from problem
        except (NoteError, FormatError) as problem:
            raise Trouble(f"장부의 {name} 파일을 이 장부의 열쇠로 확인할 수 없습니다.") from problem

    def _visit_in_turn(self, watched: WatchedLog, due: Due) -> None:
        sentence = ""
        try:
            self.visit(watched)
            if self._mirror is not None and due.check_at <= time.monotonic():
                due.check_at = time.monotonic() + CHECK
                self._mirror.check(watched)
        except Trouble as trouble:
            sentence = str(trouble)
        except Exception:
            log.exception("%s", watched.origin)
            sentence = "뜻밖의 잘못이 있었습니다."
        due.failures = due.failures + 1 if sentence else 0
        wait = min(self._every * 2 ** min(due.failures, 12), max(LONGEST, self._every))
        due.at = time.monotonic() + (wait if sentence else self._every)
        due.visited = False
        self._tell(watched, sentence)

    def _tell(self, watched: WatchedLog, sentence: str) -> None:
        try:
            now = int(self._witness.clock())
            news = self._witness.state.note_trouble(watched.id, sentence, now)
        except Trouble as trouble:
            news, sentence = True, str(trouble)
        if news:
            log.warning("%s: %s", watched.origin, sentence or "다시 잘 됩니다.")


def run_in_thread(visitor: Visitor) -> Callable[[], None]:
    """Start visiting. Returns: what ends it, waiting for visits under way."""
    stop = threading.Event()
    thread = threading.Thread(target=visitor.run, args=[stop], name="visitor", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(timeout=30)

    return end
