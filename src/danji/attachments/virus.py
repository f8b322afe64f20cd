"""Asking ClamAV, where the operator runs one: see clamd(8), INSTREAM."""

import logging
import socket
import struct
from contextlib import suppress

from django.conf import settings

from danji.rules.refusal import Refusal

SECONDS = 30
_CHUNK = 1024 * 1024  # bytes

logger = logging.getLogger(__name__)


def check(name: str, data: bytes) -> None:
    """Have the bytes looked at by ClamAV; nothing happens where none is set.

    Raises: Refusal when it finds something, and also when it cannot be asked: nothing comes in
    unlooked-at where somebody relies on the look.
    """
    if not settings.CLAMAV:
        return
    try:
        answer = _ask(data)
    except OSError as error:
        answer = str(error)
    if answer.endswith(" OK"):
        return
    if answer.endswith(" FOUND"):
        logger.warning("a file was refused: %s", answer)
        raise Refusal(
            f"‘{name}’ 파일에서 바이러스가 나왔습니다. 받지 않았습니다.",
            next_step="그 파일을 열지 말고 보낸 분에게 알려 주세요.",
        )
    logger.error("ClamAV did not look at a file: %s", answer)
    raise Refusal(
        f"바이러스 검사 프로그램이 답하지 않아 ‘{name}’ 파일을 받지 못했습니다.",
        next_step="잠시 뒤 다시 붙여 주세요. 계속되면 운영자에게 알려 주세요.",
    )


def _ask(data: bytes) -> str:
    """Its answer, such as `stream: OK`. Raises: OSError."""
    with _connection() as line:
        # It answers and hangs up at once when it has had enough: the answer is still to be read.
        with suppress(BrokenPipeError, ConnectionResetError):
            line.sendall(b"zINSTREAM\0")
            for start in range(0, len(data), _CHUNK):
                chunk = data[start : start + _CHUNK]
                line.sendall(struct.pack(">I", len(chunk)) + chunk)
            line.sendall(struct.pack(">I", 0))
        answer = b""
        while b"\0" not in answer and len(answer) < 4096:
            received = line.recv(4096)
            if not received:
                break
            answer += received
    return answer.partition(b"\0")[0].decode(errors="replace").strip()


def _connection() -> socket.socket:
    scheme, _, place = settings.CLAMAV.partition(":")
    if scheme == "unix":
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(SECONDS)
        try:
            line.connect(place)
        except OSError:
            line.close()
            raise
        return line
    host, _, port = place.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS)
