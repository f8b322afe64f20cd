"""Keeping the database and the programs running, and starting again what ends."""

import os
import select
import shutil
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from subprocess import Popen, TimeoutExpired
from typing import NoReturn

from danji.base import tether
from danji.base.postgres import Cluster
from danji.config import settings
from danji.config.processes import WEB, Program, programs
from danji.rules.refusal import Refusal

LOGS = settings.HOME / "logs"
LONGEST_LOG = 10 * 1024 * 1024  # bytes
# A program that ran this long (seconds) had started well; sooner ends are answered ever later.
SETTLED = 10
LONGEST_PAUSE = 30  # seconds
# Hosts that mean every address of this computer, and where it then answers itself.
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


@dataclass
class Kept:
    """One program that is kept running."""

    program: Program
    process: Popen[bytes] | None = None
    started: float = 0.0  # these three on the monotonic clock, in seconds
    due: float = 0.0
    pause: float = 0.0


class Supervisor:
    """Keeps the database and the programs running until `stop`."""

    def __init__(self, cluster: Cluster | None, held: int) -> None:
        self._cluster = cluster
        self._held = held
        self._kept = [Kept(program) for program in programs()]
        self._database_due = 0.0
        self._database_pause = 0.0

    def start(self) -> None:
        """Start every program that is due."""
        for kept in self._kept:
            if kept.process is None and time.monotonic() >= kept.due:
                with (LOGS / f"{kept.program.name}.log").open("ab") as log:
                    kept.process = tether.start(kept.program.command, output=log, held=self._held)
                kept.started = time.monotonic()

    def await_web(self) -> None:
        """Wait until the web server answers.

        Raises: Refusal when it ended instead.
        """
        web = next(kept for kept in self._kept if kept.program is WEB)
        while not _answers():
            if web.process is None or web.process.poll() is not None:
                raise Refusal(
                    "웹 서버를 켜지 못했습니다.",
                    next_step=f"{LOGS / 'web.log'} 파일의 끝을 관리자에게 보여 주세요.",
                )
            time.sleep(0.05)

    def keep(self) -> NoReturn:
        """Start again what ends, until interrupted."""
        awake, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        while True:
            self._revive_database()
            if self._cluster is None or self._cluster.pid is not None:
                self._bury_programs()
                self.start()
            trim_logs()
            if select.select([awake], [], [], self._until_due())[0]:
                os.read(awake, 1024)

    def stop(self) -> None:
        """Stop every program; the database is left to whoever started it."""
        for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ending, signal.SIG_IGN)  # it is being done
        end([kept.process for kept in self._kept if kept.process is not None])

    def _bury_programs(self) -> None:
        """See who has ended, and set when it is started again."""
        for kept in self._kept:
            if kept.process is None or kept.process.poll() is None:
                continue
            end([kept.process])
            lived = time.monotonic() - kept.started
            kept.pause = 0.0 if lived > SETTLED else min(max(0.5, kept.pause * 2), LONGEST_PAUSE)
            kept.due = time.monotonic() + kept.pause
            kept.process = None
            _report(
                f"{kept.program.title}가 끝나서 다시 켭니다. "
                f"이유는 {LOGS / kept.program.name}.log에 있습니다."
            )

    def _revive_database(self) -> None:
        """Start the database again when it has ended: with its log, nothing committed is lost."""
        cluster = self._cluster
        if cluster is None or cluster.pid is not None or time.monotonic() < self._database_due:
            return
        if not self._database_pause:
            _report("데이터베이스가 끝나서 다시 켭니다.")
        try:
            cluster.stop()
            cluster.start()
        except Refusal as refusal:
            _report(str(refusal))
            self._database_pause = min(max(1.0, self._database_pause * 2), LONGEST_PAUSE)
            self._database_due = time.monotonic() + self._database_pause
        else:
            self._database_pause = self._database_due = 0.0

    def _until_due(self) -> float:
        """Seconds until something has to be done even if no signal comes."""
        times = [kept.due for kept in self._kept if kept.process is None]
        times += [self._database_due] if self._database_due else []
        return max(0.0, min([60.0, *(due - time.monotonic() for due in times)]))


def _answers() -> bool:
    """Whether the web server answers a request."""
    host = EVERYWHERE.get(settings.HOST, settings.HOST)
    try:
        with socket.create_connection((host, settings.PORT), timeout=5) as connection:
            connection.sendall(b"HEAD / HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False


def _report(event: str) -> None:
    print(f"{datetime.now().astimezone():%H:%M:%S} {event}", flush=True)


def end(processes: Sequence[Popen[bytes]]) -> None:
    """End programs with all they started, and wait until they have."""
    for process in processes:
        process.terminate()
    patience = time.monotonic() + 10
    for process in processes:
        with suppress(TimeoutExpired):
            process.wait(max(0.1, patience - time.monotonic()))
        with suppress(ProcessLookupError):  # its session: the workers it may have left behind
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def trim_logs() -> None:
    """Put a long log aside and begin it anew; whoever writes to it goes on writing."""
    for path in LOGS.glob("*.log"):
        if path.stat().st_size > LONGEST_LOG:
            shutil.copyfile(path, path.with_suffix(".log.1"))
            os.truncate(path, 0)
