"""The witness over HTTP: logs push their heads, anybody reads what was cosigned.

POST /add-checkpoint          c2sp.org/tlog-witness
GET  /<log>/checkpoint        the newest head cosigned; <log> is the SHA-256 of the origin in hex
GET  /mirror/<log>/<path>     the full copy of a log, where there is one
GET  /                        name and key of the witness
"""

import asyncio
import logging
import multiprocessing
import os
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from danji_witness.errors import Refused
from danji_witness.folder import Folder
from danji_witness.mirror import Mirror
from danji_witness.pull import BUDGET, Sources
from danji_witness.witness import MAX_BODY, Answer, Witness

THREADS = 4  # heads judged at once; one of them writes at a time
READERS = 2  # others answered at once
HOLDS = 3  # heads for which files of their logs are fetched at once
PATIENCE = 10  # seconds for a request to arrive whole
LOG_FORMAT = "%(asctime)s %(message)s"
LOG_TIME = "%Y-%m-%d %H:%M:%S"

_MONITORED = re.compile(r"/([0-9a-f]{64})/checkpoint")

Message = Mapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


def load_witness(
    folder: Folder, copied_from: Sources | None, *, visits: bool, holds: int | None = None
) -> Witness:
    """The witness of a folder, with copies of its logs where there is something to read them from.

    Args: `visits` and `holds` as Witness and Mirror have them.
    Raises: Refused.
    """
    keeper = None if copied_from is None else Mirror(folder, copied_from, holds=holds)
    return Witness(folder, keeper=keeper, visits=visits)


def application(witness: Witness) -> Application:
    """ASGI: a body that comes slowly, or never, holds no thread."""
    judging = ThreadPoolExecutor(THREADS, thread_name_prefix="judge")
    reading = ThreadPoolExecutor(READERS, thread_name_prefix="read")

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        method, path = scope["method"], str(scope["path"])
        if path == "/add-checkpoint":
            said = Answer(405, b"POST only\n")
            if method == "POST":
                said = await _add_checkpoint(witness, scope, receive, judging)
        elif method in ("GET", "HEAD"):
            said = await asyncio.get_running_loop().run_in_executor(reading, _read, witness, path)
        else:
            said = Answer(405, b"GET only\n")
        headers = {"content-type": said.type, "content-length": str(len(said.body))}
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": said.status, "headers": pairs})
        await send({"type": "http.response.body", "body": said.body})

    return answer


def serve(
    folder: Folder,
    listen: tuple[str, int],
    begin: Callable[[], None],
    *,
    mirrored: bool,
    visits: bool,
) -> None:
    """Serve until told to stop.

    Args: `listen` is address and port; `begin` is called once the server is about to listen;
    `visits` as Witness has it.
    Raises: Refused when somebody else listens there.
    """
    _demand_free(listen)
    # A fresh process, not a copy: threads visit logs in this one.
    multiprocessing.set_start_method("spawn", force=True)
    address, port = listen
    server = Server(
        "danji_witness.web:application",
        address=address,
        port=port,
        interface=Interfaces.ASGINL,
        workers=1,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=3,
        http1_settings=HTTP1Settings(header_read_timeout=PATIENCE * 1000),
        static_path_route=["/mirror"],
        static_path_mount=[folder.mirror],
        static_path_expires=0,
        log_level=LogLevels.warning,
    )
    server.on_startup(begin)
    server.serve(target_loader=partial(_loaded, folder, mirrored, visits))


def start_logging() -> None:
    logging.basicConfig(format=LOG_FORMAT, datefmt=LOG_TIME, level=logging.INFO)


def _demand_free(listen: tuple[str, int]) -> None:
    address, port = listen
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(listen)
        except OSError as problem:
            raise Refused(
                f"{address}:{port}에서 기다릴 수 없습니다. 다른 프로그램이 쓰고 있을 수 있습니다. "
                "다른 번호를 골라 주세요."
            ) from problem


def _loaded(folder: Folder, mirrored: bool, visits: bool, _target: str) -> Application:
    """What the serving process serves. It ends when the one that started it is gone."""
    start_logging()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=[parent.join], daemon=True).start()
    copied_from = Sources(BUDGET) if mirrored else None
    return application(load_witness(folder, copied_from, visits=visits, holds=HOLDS))


def _end_after(wait: Callable[[], None]) -> None:
    wait()
    os._exit(0)


def _read(witness: Witness, path: str) -> Answer:
    if path == "/":
        return Answer(200, f"{witness.identity.key}\n".encode())
    if monitored := _MONITORED.fullmatch(path):
        note = witness.published(monitored[1])
        if note is not None:
            return Answer(200, note)
    return Answer(404, b"nothing here\n")


async def _add_checkpoint(
    witness: Witness, scope: Message, receive: Receive, threads: ThreadPoolExecutor
) -> Answer:
    if _announced(scope) > MAX_BODY:
        return Answer(413, b"too large\n")
    try:
        async with asyncio.timeout(PATIENCE):
            body = await _body(receive)
    except TimeoutError:
        return Answer(408, b"too slow\n")
    if body is None:
        return Answer(413, b"too large\n")
    return await asyncio.get_running_loop().run_in_executor(threads, witness.add_checkpoint, body)


def _announced(scope: Message) -> int:
    """How many bytes the request says will follow; 0 when it does not say."""
    headers = scope["headers"]
    lengths = [
        bytes(value)
        for name, value in (headers if isinstance(headers, list) else [])
        if bytes(name).lower() == b"content-length"
    ]
    if not lengths or not lengths[0].isdigit():
        return 0
    return int(lengths[0]) if len(lengths[0]) < 20 else MAX_BODY + 1


async def _body(receive: Receive) -> bytes | None:
    """The body of a request; None as soon as it is too large. Cut off, it is malformed."""
    body = bytearray()
    while True:
        message = await receive()
        piece = message.get("body", b"")
        if isinstance(piece, bytes):
            body += piece
        if len(body) > MAX_BODY:
            return None
        if message["type"] != "http.request" or not message.get("more_body"):
            return bytes(body)
