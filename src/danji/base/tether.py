"""Programs that end when the one who started them ends, and a way to know that all have ended."""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
# After how many seconds what an earlier run left behind is told to end, and how.
LEFT_BEHIND = ((0.5, signal.SIGTERM), (15, signal.SIGKILL))


def end_with_parent(parent: int, ending: int = signal.SIGTERM) -> None:
    """Ask the kernel to send `ending` to this process when process `parent` is gone.

    Raises: SystemExit when the parent has gone already.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ending)
    if os.getppid() != parent:
        raise SystemExit(1)


def start(
    arguments: Sequence[str],
    *,
    output: IO[bytes] | int,
    errors: IO[bytes] | None = None,
    ending: signal.Signals = signal.SIGTERM,
    account: tuple[int, int] | None = None,
    environment: Mapping[str, str] | None = None,
    held: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that Ctrl-C reaches only whoever started it.

    Args: `arguments` begins with the program's full path; `output` takes all it prints, as Popen
    does, unless `errors` takes the errors; `ending` is sent to it when the calling thread ends;
    `account` (user id, group id) is taken on before the program starts; `held` is a lock of
    `alone` to hand down.
    """
    # The tie is made by a small program between: code run between fork and exec in a process
    # with threads may hang, and taking on another account would undo a tie made before it.
    uid, gid = account or (-1, -1)
    between = [sys.executable, "-IS", __file__, *map(str, (os.getpid(), int(ending), uid, gid))]
    return subprocess.Popen(
        [*between, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors or subprocess.STDOUT,
        env=environment,
        start_new_session=True,
        pass_fds=() if held is None else (held,),
    )


@contextmanager
def alone(
    path: Path,
    *,
    left_behind: Sequence[tuple[float, signal.Signals]] = LEFT_BEHIND,
    patience: float = 60,
) -> Iterator[int]:
    """A lock to hand down to programs, given once no program holds it from an earlier run.

    A program and all it starts hold the lock until the last of them has ended, whatever became of
    the one who started them. Whoever outlives that one is told to end, step by step.

    Args: `left_behind` are (seconds waited, signal); `patience` is in seconds.
    Raises: TimeoutError when some program keeps the lock in spite of it.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    begun = time.monotonic()
    steps = list(left_behind)
    try:
        while not locked(lock):
            waited = time.monotonic() - begun
            if steps and waited > steps[0][0]:
                _signal_holders(path, steps.pop(0)[1])
            elif waited > patience:
                raise TimeoutError(path)
            time.sleep(0.02)
        yield lock
    finally:
        os.close(lock)


def locked(lock: int) -> bool:
    """Whether the lock could be taken, without waiting."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _signal_holders(path: Path, ending: signal.Signals) -> None:
    """Signal every process that has the lock open, and none but those."""
    lock = path.stat()
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        with suppress(OSError):  # gone meanwhile, or not ours to see
            if any(os.path.samestat(opened.stat(), lock) for opened in _opened(process)):
                os.kill(int(process.name), ending)


def _opened(process: Path) -> Iterator[Path]:
    for opened in (process / "fd").iterdir():
        if opened.exists():
            yield opened


def _become(parent: str, ending: str, uid: str, gid: str, *arguments: str) -> None:
    """Take on the account, tie this process to its parent, and turn into the program."""
    if int(uid) >= 0:
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    end_with_parent(int(parent), int(ending))
    os.execv(arguments[0], arguments)  # noqa: S606 - an argument list, without a shell


if __name__ == "__main__":
    _become(*sys.argv[1:])
