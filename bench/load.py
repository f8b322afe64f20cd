"""Clients that speak HTTP to a server from a process of their own, as cheaply as Python can.

A piece of work is a generator: it yields whole requests as bytes and is sent the answers. One
thread serves all clients, each on a connection that stays open, each with one request under way.
"""

from __future__ import annotations

import json
import multiprocessing
import selectors
import socket
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

CLIENTS = 8
WARM_UP = 2.0  # seconds that are not counted
LAST_CHUNK = b"0\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header; empty when there is none."""
        wanted = name.lower().encode() + b":"
        for line in self.head.split(b"\r\n"):
            if line.lower().startswith(wanted):
                return line[len(wanted) :].decode().strip()
        return ""


Fields = Mapping[str, "str | list[str]"]
Work = Generator[bytes, Answer, None]


class Unexpected(Exception):
    """Raised by a piece of work that was answered otherwise than it should have been."""


@dataclass
class Measured:
    """What came of it: the time each piece of work took, in seconds, and what went wrong."""

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    ran_out: bool = False  # of work, before the time was over

    @property
    def rate(self) -> float:
        return len(self.times) / self.seconds if self.seconds else 0.0

    def within(self, share: float) -> float:
        """The time in milliseconds within which that share of the work was done."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0

    def __str__(self) -> str:
        line = f"{self.rate:8.0f} /s   p50 {self.within(0.5):5.1f} ms, p95 {self.within(0.95):5.1f}"
        line += " ms"
        if self.ran_out:
            line += f"   (all there was, in {self.seconds:.1f} s)"
        if self.failures:
            line += f"   {len(self.failures)} FAILED, the first: {self.failures[0]}"
        return line


def get(path: str, *, cookies: str = "", **headers: str) -> bytes:
    """A GET request."""
    return _request("GET", path, cookies, headers)


def post(path: str, fields: Fields, *, cookies: str, **headers: str) -> bytes:
    """A POST request with the fields of a form; of a list, each text is a field of that name."""
    headers["Content_Type"] = "application/x-www-form-urlencoded"
    return _request("POST", path, cookies, headers, urlencode(fields, doseq=True).encode())


def post_bytes(path: str, data: bytes) -> bytes:
    """A POST request with bytes as they are."""
    return _request("POST", path, "", {}, data)


def post_json(path: str, data: object, *, token: str, key: str) -> bytes:
    """A call of the API that writes. Args: `key` is new for each thing to be done."""
    headers = {
        "Content_Type": "application/json",
        "Authorization": f"Bearer {token}",
        "Idempotency_Key": key,
    }
    return _request("POST", path, "", headers, json.dumps(data).encode())


def post_file(
    path: str, fields: dict[str, str], name: str, data: bytes, *, cookies: str, **headers: str
) -> bytes:
    """A POST request with the fields of a form and a PDF."""
    mark = "------------------------danji"
    body = b"".join(
        f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    )
    body += (
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/pdf\r\n\r\n"
    ).encode()
    headers["Content_Type"] = f"multipart/form-data; boundary={mark}"
    return _request(
        "POST", path, cookies, headers, b"".join((body, data, f"\r\n--{mark}--\r\n".encode()))
    )


def _request(
    method: str, path: str, cookies: str, headers: dict[str, str], body: bytes = b""
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "User-Agent: bench"]
    lines += [f"Cookie: {cookies}"] if cookies else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}"] if method == "POST" else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def drive(
    port: int,
    works: Callable[..., Iterator[Work]],
    *arguments: Any,
    seconds: float,
) -> Measured:
    """Let 8 clients work through `works(client, *arguments)` in another process, for some time.

    `works` is a function of a module, so that the other process finds it.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(
        target=_drive, args=(there, port, works, arguments, seconds), daemon=True
    )
    process.start()
    there.close()
    try:
        measured: Measured = here.recv()
    except EOFError:
        raise RuntimeError("the clients ended without a word") from None
    process.join()
    return measured


def _drive(
    pipe: Any,
    port: int,
    works: Callable[..., Iterator[Work]],
    arguments: tuple[Any, ...],
    seconds: float,
) -> None:
    selector = selectors.DefaultSelector()
    active = 0
    measured = Measured()
    for number in range(CLIENTS):
        client = _Client(port, works(number, *arguments))
        if client.begin():
            selector.register(client.connection, selectors.EVENT_READ, client)
            active += 1
    counted_from = time.perf_counter() + WARM_UP
    until = counted_from + seconds
    while active and time.perf_counter() < until:
        for key, _ in selector.select(1.0):
            client = key.data
            if not client.receive():
                continue
            begun, failure = client.begun, client.failure
            now = time.perf_counter()
            if failure:
                measured.failures.append(failure)
            elif client.finished and now >= counted_from:
                measured.times.append(now - begun)
            if (failure or client.finished) and not client.begin():
                selector.unregister(client.connection)
                active -= 1
                measured.ran_out = True
    measured.seconds = max(0.001, time.perf_counter() - counted_from)
    pipe.send(measured)


class _Client:
    """One connection, and the piece of work under way on it."""

    def __init__(self, port: int, works: Iterator[Work]) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.works = works
        self.buffer = b""
        self.begun = 0.0
        self.finished = False
        self.failure = ""

    def begin(self) -> bool:
        """Send the first request of the next piece of work; False when there is none left."""
        work = next(self.works, None)
        if work is None:
            return False
        self.work = work
        self.finished, self.failure = False, ""
        request = next(work)
        self.begun = time.perf_counter()
        self.connection.sendall(request)
        return True

    def receive(self) -> bool:
        """Take in what has come, and go on with the work once an answer is whole."""
        data = self.connection.recv(1 << 18)
        if not data:
            self.failure = "the connection was closed"
            self.connection = socket.create_connection(self.connection.getpeername())
            return True
        self.buffer += data
        answer = self._answer()
        if answer is None:
            return False
        try:
            self.connection.sendall(self.work.send(answer))
        except StopIteration:
            self.finished = True
        except Unexpected as problem:
            self.failure = str(problem)
        return True

    def _answer(self) -> Answer | None:
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        answer = Answer(int(head[9:12]), head, b"")
        if answer.header("transfer-encoding") == "chunked":
            # Nobody looks into these bodies, so the chunks stay as they came.
            end = 0 if rest.startswith(LAST_CHUNK) else rest.find(b"\r\n" + LAST_CHUNK) + 2
            if end == 1:
                return None
            length = end + len(LAST_CHUNK)
        else:
            length = int(answer.header("content-length") or 0)
        if len(rest) < length:
            return None
        self.buffer = rest[length:]
        return Answer(answer.status, head, rest[:length])


def once(port: int, request: bytes, status: int) -> float:
    """Make one request alone. Returns: seconds until it was answered with that status."""
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        first = connection.recv(1 << 18)
        expect(Answer(int(first[9:12]), first, first.partition(b"\r\n\r\n")[2]), status)
    return time.perf_counter() - begun


def expect(answer: Answer, status: int) -> None:
    """Raises: Unexpected unless the answer has that status."""
    if answer.status != status:
        said = answer.body.decode(errors="replace")
        start = said.find("<main")
        raise Unexpected(f"{answer.status} {' '.join(said[start:].split())[:300]}")
