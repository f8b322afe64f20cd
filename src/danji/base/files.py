"""Files kept by what they hold: put bytes, get a digest; ask by digest, get the bytes."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from django.conf import settings

from danji.rules.refusal import Refusal


class DamagedFileError(Exception):
    """A kept file no longer holds the bytes its digest names."""


def refuse_when_disk_is_low(folder: Path) -> None:
    """Refuse new work below the free-space floor, while what was promised can still be written.

    Raises: Refusal.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < settings.FREE_SPACE_FLOOR:
        raise Refusal(
            "저장 공간이 부족해 새로 받을 수 없습니다. 지금까지 저장한 것은 그대로 있습니다.",
            next_step="저장 공간을 늘린 뒤 다시 해 주세요.",
        )


def write_durably(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file so that it is either absent or whole, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put(data: bytes | Iterable[bytes]) -> str:
    """Keep bytes and return their SHA-256 in lower hex. Keeping the same bytes twice is one file.

    Raises: Refusal when the disk is nearly full.
    """
    whole = data if isinstance(data, bytes) else b"".join(data)
    digest = hashlib.sha256(whole).hexdigest()
    path = _path(digest)
    try:
        os.utime(path)  # it is wanted now: see `remove_untouched`
    except FileNotFoundError:
        refuse_when_disk_is_low(settings.FILES)
        write_durably(path, whole)
    return digest


def get(digest: str) -> bytes:
    """The bytes of a digest.

    Raises: FileNotFoundError; DamagedFileError when the file was changed since.
    """
    data = _path(digest).read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise DamagedFileError(digest)
    return data


def remove_untouched(digest: str, *, since: datetime) -> bool:
    """Keep the bytes of a digest no longer. Whoever asks has seen that nothing names them.

    Returns: whether they are gone; False where somebody kept them anew since that moment, whose
    transaction may still be open.
    """
    path = _path(digest)
    going = path.with_name(f".going-{path.name}")
    try:
        # Out of the way first: `put` either finds it gone, or its touch is seen here.
        path.replace(going)
    except FileNotFoundError:
        return True
    if going.stat().st_mtime >= since.timestamp():
        going.replace(path)
        return False
    going.unlink()
    sync_folder(path.parent)
    return True


def untouched(shelf: str, *, since: datetime) -> list[str]:
    """The digests that begin with two hexadecimal digits and were not kept anew since a moment;
    what a crash left half written is removed, and half removed is put back among them.
    """
    folder = Path(settings.FILES) / shelf
    for path in folder.glob(".going-*"):
        path.replace(path.with_name(path.name.removeprefix(".going-")))
    old = [path for path in folder.glob("*") if path.stat().st_mtime < since.timestamp()]
    for path in old:
        if path.name.startswith(".new-"):
            path.unlink()
    return [shelf + path.name for path in old if not path.name.startswith(".")]


def require(digest: str, name: str) -> None:
    """See that a kept file is there and holds what it should; `name` is what people call it.

    Raises: Refusal.
    """
    try:
        get(digest)
    except (FileNotFoundError, DamagedFileError):
        raise Refusal(
            f"붙임 ‘{name}’ 파일이 서버에서 없어졌거나 상했습니다.",
            next_step="운영자에게 알려 백업에서 되돌리게 해 주세요.",
        ) from None


def _path(digest: str) -> Path:
    return Path(settings.FILES) / digest[:2] / digest[2:]
