"""The program itself, run as anybody runs it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from danji_witness.web import Application, Message

PATIENCE = 90  # seconds; a visit under way may take a minute, and is waited for


@dataclass
class Program:
    process: "subprocess.Popen[bytes]"
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes, str]:
        """Status, body and type of the answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("POST", "/add-checkpoint", body)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers["Content-Type"]
        finally:
            connection.close()

    def announce(self, length: int) -> int:
        """The status of the answer to whoever says that so many bytes will follow."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.putrequest("POST", "/add-checkpoint")
            connection.putheader("Content-Length", str(length))
            connection.endheaders()
            return connection.getresponse().status
        finally:
            connection.close()

    def kill(self) -> None:
        """End it and all it started at once, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


async def pushed(answer: Application, body: bytes, length: bytes | None = None) -> int:
    """The status of the answer to a pushed head, without a program around it.

    Args: `length` is announced as that of the body.
    """
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def send(message: Message) -> None:
        if isinstance(status := message.get("status"), int):
            statuses.append(status)

    announced = length or b"%d" % len(body)
    headers = [(b"content-length", announced)]
    scope = {"method": "POST", "path": "/add-checkpoint", "headers": headers}
    await answer(scope, receive, send)
    return statuses[0]


def call(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """One command of the program, until it ends."""
    return subprocess.run(
        [sys.executable, "-m", "danji_witness", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Program]:
    """`run FOLDER --listen …`, once it answers."""
    port = _free_port()
    listen = ["--listen", f"127.0.0.1:{port}"]
    with _started(["run", str(folder), *listen, *arguments]) as process:
        program = Program(process, port)
        _wait_until_it_answers(program)
        yield program


@contextmanager
def visiting(folder: Path, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`run FOLDER` without a port."""
    with _started(["run", str(folder), *arguments]) as process:
        yield process


@contextmanager
def _started(arguments: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "danji_witness", *arguments],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()
                process.wait()


def _wait_until_it_answers(program: Program) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert program.process.poll() is None, "the witness ended"
        try:
            socket.create_connection(("127.0.0.1", program.port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("the witness does not listen")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
