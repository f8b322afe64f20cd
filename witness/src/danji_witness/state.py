"""What a witness has signed, in a database that is durable before anybody is answered.

Sizes count leaves, times are POSIX seconds. Logs are named by `logs.log_id`.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danji_witness.errors import Refused, Trouble

WAITING = 20  # seconds for another process to finish writing

_TABLES = """
CREATE TABLE witness (vkey TEXT NOT NULL);
CREATE TABLE head (
    log TEXT PRIMARY KEY,
    origin TEXT NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    time INTEGER NOT NULL,
    note BLOB NOT NULL,
    delivered INTEGER NOT NULL
);
CREATE TABLE halted (log TEXT PRIMARY KEY, sentence TEXT NOT NULL, at INTEGER NOT NULL);
CREATE TABLE trouble (log TEXT PRIMARY KEY, sentence TEXT NOT NULL, at INTEGER NOT NULL);
"""
_HEAD = "SELECT log, origin, size, root, time, note, delivered FROM head"


@dataclass(frozen=True)
class Head:
    """The head of a log that was cosigned last.

    `time` is that of the cosignature; `note` the checkpoint with the log's signature and the
    cosignature; `delivered` whether the log has taken it.
    """

    log: str
    origin: str
    size: int
    root: bytes
    time: int
    note: bytes
    delivered: bool = False


class State:
    """The database; many threads and processes may use it at once.

    Every method raises Trouble while the database cannot be read.
    """

    def __init__(self, path: Path) -> None:
        """Raises: Refused when it cannot be opened."""
        self._lock = threading.RLock()
        self._broken = False
        try:
            self._database = _connect(path)
            self.vkey: str = self._database.execute("SELECT vkey FROM witness").fetchone()[0]
        except (sqlite3.Error, TypeError) as problem:
            raise Refused(f"{path.name} 파일을 읽을 수 없습니다. 상했을 수 있습니다.") from problem

    @classmethod
    def create(cls, path: Path, vkey: str) -> "State":
        """A new database of the witness of that key."""
        database = _connect(path, mode="rwc")
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(f"BEGIN; {_TABLES} COMMIT;")
        database.execute("INSERT INTO witness VALUES (?)", [vkey])
        database.close()
        return cls(path)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else writes meanwhile; what is written is durable when this ends.

        Raises: Trouble when the database cannot be written. After that nothing is signed until
        the program is started again, for what the disk holds is not known any more.
        """
        with self._lock:
            if self._broken:
                raise Trouble("저장하지 못한 적이 있어 멈추었습니다. 프로그램을 다시 켜 주세요.")
            try:
                self._database.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as problem:
                raise Trouble("state.db 파일에 지금 쓸 수 없습니다.") from problem
            try:
                yield
                self._database.execute("COMMIT")
            except sqlite3.Error as problem:
                self._broken = True
                raise Trouble("state.db 파일에 저장하지 못했습니다.") from problem
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")

    def head(self, log: str) -> Head | None:
        rows = self._rows(f"{_HEAD} WHERE log = ?", log)
        return _head(rows[0]) if rows else None

    def heads(self) -> list[Head]:
        return [_head(row) for row in self._rows(f"{_HEAD} ORDER BY origin")]

    def keep(self, head: Head) -> None:
        """Make this the head of its log. Only inside `alone`."""
        self._database.execute(
            "INSERT OR REPLACE INTO head VALUES (?, ?, ?, ?, ?, ?, ?)",
            [head.log, head.origin, head.size, head.root, head.time, head.note, head.delivered],
        )

    def mark_delivered(self, head: Head) -> None:
        """The log has taken this head; one that followed meanwhile has yet to be handed in."""
        with self.alone():
            self._database.execute(
                "UPDATE head SET delivered = 1 WHERE log = ? AND note = ?", [head.log, head.note]
            )

    def halt(self, log: str, sentence: str, at: int) -> None:
        """Never cosign this log again. The first reason stays."""
        with self.alone():
            self._database.execute(
                "INSERT OR IGNORE INTO halted VALUES (?, ?, ?)", [log, sentence, at]
            )

    def halted(self, log: str) -> str:
        """Why this log is cosigned no more; empty when it is cosigned."""
        rows = self._rows("SELECT sentence FROM halted WHERE log = ?", log)
        return str(rows[0][0]) if rows else ""

    def note_trouble(self, log: str, sentence: str, at: int) -> bool:
        """Keep what went wrong last; empty when all is well. Returns: whether it is news."""
        known = self._rows("SELECT sentence FROM trouble WHERE log = ?", log)
        if (known[0][0] if known else "") == sentence:
            return False
        with self.alone():
            self._database.execute("DELETE FROM trouble WHERE log = ?", [log])
            if sentence:
                self._database.execute("INSERT INTO trouble VALUES (?, ?, ?)", [log, sentence, at])
        return True

    def trouble(self, log: str) -> str:
        rows = self._rows("SELECT sentence FROM trouble WHERE log = ?", log)
        return str(rows[0][0]) if rows else ""

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._database.execute(query, values).fetchall()
            except sqlite3.Error as problem:
                raise Trouble("state.db 파일을 지금 읽을 수 없습니다.") from problem


def _connect(path: Path, mode: str = "rw") -> sqlite3.Connection:
    database = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=WAITING,
        check_same_thread=False,
    )
    database.execute("PRAGMA synchronous = FULL")
    return database


def _head(row: tuple[Any, ...]) -> Head:
    log, origin, size, root, time, note, delivered = row
    return Head(log, origin, size, root, time, note, bool(delivered))
