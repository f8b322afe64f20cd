"""An installation of its own: server, folders and processes, apart from the other tests."""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from danji.base.postgres import Cluster

DRIVER = Path(__file__).parent / "driver.py"


@dataclass(frozen=True)
class Installation:
    """A home folder with its database; `url` is the owner's."""

    home: Path
    url: str
    environment: dict[str, str]
    cluster: Cluster

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "danji.config.manage", *arguments)

    def take(self, *steps: str, document: str = "") -> list[Any]:
        """Take steps of the path in one process. Returns: what each returned.

        Raises: AssertionError with what it printed when it fails.
        """
        answer = self._drive(*steps, document=document)
        assert answer.returncode == 0, answer.stderr
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def die(self, *steps: str, at: str, document: str = "") -> list[Any]:
        """Take steps and be killed in the last. Returns: what those before it returned."""
        answer = self._drive(*steps, "--kill", at, document=document)
        assert answer.returncode == -9, answer.stdout + answer.stderr
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def race(self) -> list[int]:
        """Seal without the lock that keeps a second sequencer out; it may lose, but not harm."""
        return [self._drive("seal", document="").returncode]

    def _drive(self, *arguments: str, document: str) -> subprocess.CompletedProcess[str]:
        about = ["--document", document] if document else []
        return self.run(sys.executable, str(DRIVER), *arguments, *about)

    def ask(self, sql: str, *arguments: object) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url) as database:
            return database.execute(sql, arguments).fetchall()


@contextmanager
def running(installation: Installation, *modules: tuple[str, ...]) -> Iterator[None]:
    """Run programs of the installation beside the test; they must be alive at its end."""
    with ExitStack() as stack:
        started = []
        for module in modules:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                env=installation.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            stack.callback(end, process)
            started.append((module, process))
        yield
        for module, process in started:
            assert process.poll() is None, (module, process.stdout and process.stdout.read())


def end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


def until(found: Callable[[], Any], *, seconds: float = 60) -> Any:
    """What `found` gives once it gives something."""
    deadline = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < deadline, "it did not happen"
        threading.Event().wait(0.1)
    return result


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
