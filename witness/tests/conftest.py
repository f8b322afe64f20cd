from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from danji_witness.folder import Folder, make
from danji_witness.mirror import Mirror
from danji_witness.pull import Sources
from danji_witness.witness import Witness
from made_log import NOON, MadeLog, lines_of


class Clock:
    """A clock that stands until it is set. POSIX seconds."""

    def __init__(self) -> None:
        self.now = float(NOON)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """The folder of a new witness."""
    place = Folder(tmp_path / "witness")
    make(place, "gaon.test/감사")
    return place


@pytest.fixture
def made() -> MadeLog:
    return MadeLog()


Open = Callable[..., Witness]


@pytest.fixture
def opened(folder: Folder, clock: Clock) -> Iterator[Open]:
    """Opens the witness of the folder, watching a log at an address; again after a restart."""
    witnesses: list[Witness] = []

    def open_it(*logs: MadeLog, url: str = "", mirror: bool = False) -> Witness:
        if logs:
            folder.logs.write_text(lines_of((log.key, url) for log in logs), "utf-8")
        keeper = Mirror(folder, Sources(60), clock=clock) if mirror else None
        witnesses.append(Witness(folder, clock=clock, keeper=keeper))
        return witnesses[-1]

    yield open_it
    for witness in witnesses:
        witness.close()


@pytest.fixture
def witness(opened: Open, made: MadeLog) -> Witness:
    """Watches `made`, which has to come by itself."""
    return opened(made)
