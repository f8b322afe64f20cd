"""How far the copy of one log reaches, and what its last events were."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from danji_verify.checkpoint import Checkpoint
from danji_verify.merkle import EMPTY_ROOT
from danji_witness.content import Last
from danji_witness.errors import Trouble

WAITING = 20  # seconds for whoever else is bringing this copy up to date

_TABLES = (
    "CREATE TABLE IF NOT EXISTS held (size INTEGER NOT NULL, root BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS chain (document TEXT PRIMARY KEY, seq INTEGER NOT NULL,"
    " leaf BLOB NOT NULL, at INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS collected (origin TEXT PRIMARY KEY, size INTEGER NOT NULL,"
    " root BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS closed (closed INTEGER NOT NULL)",
)


class Book:
    """A `danji_witness.content.Known` that forgets what it learnt unless `reach` was called."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        found = database.execute("SELECT size, root FROM held").fetchone()
        self.size: int = found[0] if found else 0
        self.root: bytes = found[1] if found else EMPTY_ROOT

    def reach(self, size: int, root: bytes) -> None:
        """The copy reaches this head now."""
        self._database.execute("DELETE FROM held")
        self._database.execute("INSERT INTO held VALUES (?, ?)", [size, root])
        self._database.execute("COMMIT")
        self._database.execute("BEGIN IMMEDIATE")
        self.size, self.root = size, root

    def last(self, document: str) -> Last | None:
        query = "SELECT seq, leaf, at FROM chain WHERE document = ?"
        found = self._database.execute(query, [document]).fetchone()
        if found is None:
            return None
        seq, leaf, at = found
        return Last(seq, leaf, datetime.fromtimestamp(at, UTC))

    def learn(self, document: str, last: Last) -> None:
        row = [document, last.seq, last.leaf, int(last.at.timestamp())]
        self._database.execute("INSERT OR REPLACE INTO chain VALUES (?, ?, ?, ?)", row)

    @property
    def closed(self) -> bool:
        """Whether the event that closes this log has come."""
        return self._database.execute("SELECT 1 FROM closed").fetchone() is not None

    def close(self) -> None:
        self._database.execute("INSERT INTO closed VALUES (1)")

    def collected(self, origin: str) -> Checkpoint | None:
        query = "SELECT size, root FROM collected WHERE origin = ?"
        found = self._database.execute(query, [origin]).fetchone()
        return None if found is None else Checkpoint(origin, *found)

    def collect(self, head: Checkpoint) -> None:
        row = [head.origin, head.size, head.root]
        self._database.execute("INSERT OR REPLACE INTO collected VALUES (?, ?, ?)", row)


@contextmanager
def opened(path: Path) -> Iterator[Book]:
    """The book of a copy, for one at a time over all threads and processes.

    Raises: Trouble when somebody else has it for too long, or it cannot be written.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=WAITING)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("BEGIN IMMEDIATE")
            for table in _TABLES:
                database.execute(table)
            yield Book(database)
    except sqlite3.Error as problem:
        raise Trouble(f"{path.name} 파일에 지금 쓸 수 없습니다.") from problem
