"""What the ways of recovering a log (봉인 복구) share: looking first, then doing it alone."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from django.db import connection, connections, transaction
from django.db.backends.utils import CursorWrapper

from danji.base.outside import ask, outside_session
from danji.rules.refusal import Refusal
from danji.transparency.sequencer import LOCK
from danji.transparency.tree import file_reader
from danji_verify.tiles import Reader

PATIENCE = 10.0  # seconds until the sequencer has let go
LARGEST = 32 * 1024 * 1024  # bytes of one file of a log: a full bundle has 16 MiB at most

_TAKE = "SELECT pg_try_advisory_lock(%s)"
_END = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (classid::bigint << 32 | objid::bigint) = %s
"""


@dataclass(frozen=True)
class Repair:
    """What was found, in sentences for whoever runs the server, and what mends it.

    `do` mends it and says what was done; None where there is nothing to mend.
    """

    found: list[str]
    do: Callable[[], list[str]] | None = None


@contextmanager
def as_owner() -> Iterator[CursorWrapper]:
    """One transaction with the rights of the tables' owner, which nothing that serves has."""
    with transaction.atomic("owner"), connections["owner"].cursor() as cursor:
        yield cursor


@contextmanager
def instead_of_the_sequencer() -> Iterator[None]:
    """Hold the sequencer's lock, so that nothing is sealed meanwhile.

    The running one is ended, as safely as when it is killed; it is started again by itself and
    stands back until we have let go. Then it proves every log anew.
    Raises: Refusal when it does not let go.
    """
    waited = time.monotonic() + PATIENCE
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_TAKE, [LOCK])
            if cursor.fetchone()[0]:
                break
            if time.monotonic() > waited:
                raise Refusal(
                    "봉인 처리기가 일을 놓지 않아 시작하지 못했습니다. 아무것도 바꾸지 않았습니다.",
                    next_step="잠시 뒤 다시 해 주세요.",
                )
            cursor.execute(_END, [LOCK])
            time.sleep(0.1)
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def copy_reader(source: str) -> Reader:
    """Read another copy of a log: a folder that holds its files, or the address of one.

    What it gives is believed only where it leads to a signed root.
    """
    if not source.startswith(("http://", "https://")):
        return file_reader(Path(source))
    session = outside_session(may_lead_inside=True)  # an own copy may well be in the house

    def read(path: str) -> bytes:
        url = f"{source.rstrip('/')}/{path}"
        try:
            answer = ask(session, url, limit=LARGEST)
        except requests.RequestException as problem:
            raise FileNotFoundError(f"{url}: {problem}") from problem
        if answer.status != requests.codes.ok:
            raise FileNotFoundError(url)
        return answer.body

    return read
