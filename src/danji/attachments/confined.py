"""Having a stranger's file read by a process that cannot harm us."""

import json
import logging
import subprocess
import sys
import tempfile
from functools import cache
from signal import SIGKILL
from threading import BoundedSemaphore, Timer
from time import monotonic
from typing import Any

from danji.attachments.confinement import missing_walls

AT_ONCE = 3  # in one process of ours; each may take a gigabyte
PATIENCE = 15  # seconds for a place among them

_places = BoundedSemaphore(AT_ONCE)

logger = logging.getLogger(__name__)


class UnreadError(Exception):
    """The file could not be read: the process failed, ran out of its limits, or had no place."""


class BusyError(UnreadError):
    """There was no place: the file has not been looked at."""


class KilledError(UnreadError):
    """The process was ended from outside, as when memory is short: another time it may work."""


def ask(module: str, *arguments: str, data: bytes, seconds: float) -> Any:
    """Run a module of ours on a file, and return the JSON it answers with.

    Args: `module` calls `confine` before it reads; `seconds` by the clock on the wall.
    Raises: BusyError, KilledError, or another UnreadError.
    """
    _say_which_walls_are_missing()
    if not _places.acquire(timeout=PATIENCE):
        raise BusyError("no place")
    try:
        return _ask([sys.executable, "-I", "-m", module, *arguments], data, seconds)
    finally:
        _places.release()


@cache
def _say_which_walls_are_missing() -> None:
    """Say it once in every process of ours; it does not change while a machine runs."""
    if walls := missing_walls():
        logger.warning("strangers' files are read without %s", " and ".join(walls))


def _ask(command: list[str], data: bytes, seconds: float) -> Any:
    # Files and not pipes: what it may write is limited by the system, and nothing can get stuck.
    with (
        tempfile.TemporaryDirectory(prefix="danji-") as folder,
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as answer,
    ):
        given.write(data)
        given.seek(0)
        process = subprocess.Popen(
            command,
            stdin=given,
            stdout=answer,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={},
        )
        # A timer, for waiting with a limit means asking again and again, and that takes longer.
        impatience = Timer(seconds, process.kill)
        began = monotonic()
        impatience.start()
        try:
            code = process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            impatience.cancel()
        if code == -SIGKILL and monotonic() - began < seconds:
            raise KilledError(f"{command[-2:]} was killed")
        if code != 0:
            raise UnreadError(f"{command[-2:]} ended with {code}")
        answer.seek(0)
        try:
            return json.load(answer)
        except ValueError as error:
            raise UnreadError(str(error)) from error
