"""ZIP files that anybody may have made: opened only when they are what they seem to be."""

import stat
import weakref
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from danji_verify.errors import Unreadable, Wrong

_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1
_DAMAGED = "ZIP 파일을 읽을 수 없습니다. 손상되었거나 고쳐졌습니다."
_TOO_LARGE = "ZIP 안의 파일이 풀면 너무 커서 확인하지 않았습니다."


@dataclass(frozen=True)
class Limits:
    """`files` in number, `one` and `total` in bytes once unpacked."""

    files: int
    one: int
    total: int


class Archive:
    """The files of a ZIP by name. Every name occurs once and stays below the top."""

    def __init__(self, source: Path | bytes, limits: Limits) -> None:
        """Raises: Wrong, Unreadable."""
        try:
            file = BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        except OSError as problem:
            raise Unreadable(f"파일을 열 수 없습니다: {source!s}") from problem
        # Closed with the archive, so that a log's files can be read one by one.
        closing = weakref.finalize(self, file.close)
        try:
            if file.read(4) != b"PK\x03\x04":
                raise Unreadable(_DAMAGED)
            self._zip = zipfile.ZipFile(file)
            self._infos = _checked(self._zip.infolist(), limits)
        except Wrong:
            closing()
            raise
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as problem:
            closing()
            raise Unreadable(_DAMAGED) from problem

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._infos)

    def read(self, name: str) -> bytes:
        """Raises: KeyError when there is no such file; Unreadable when it is damaged."""
        info = self._infos[name]
        try:
            with self._zip.open(info) as file:
                # The stated size was within the limits; a stream that goes on is cut off there.
                data = file.read(info.file_size)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as problem:
            raise Unreadable(f"ZIP 안의 파일이 손상되었습니다: {name}") from problem
        if len(data) != info.file_size:
            raise Unreadable(f"ZIP 안의 파일이 손상되었습니다: {name}")
        return data


def _checked(found: list[zipfile.ZipInfo], limits: Limits) -> dict[str, zipfile.ZipInfo]:
    if len(found) > limits.files:
        raise Unreadable("ZIP 안에 파일이 너무 많습니다.")
    infos: dict[str, zipfile.ZipInfo] = {}
    for info in found:
        if info.flag_bits & _ENCRYPTED:
            raise Unreadable("암호가 걸린 ZIP은 확인할 수 없습니다.")
        if info.compress_type not in _METHODS:
            raise Unreadable(_DAMAGED)
        mode = info.external_attr >> 16
        if not _plain_name(info.orig_filename) or stat.S_ISLNK(mode):
            raise Wrong("ZIP 안에 밖을 가리키는 이름의 파일이 있습니다.")
        if info.filename in infos:
            raise Wrong("ZIP 안에 이름이 같은 파일이 둘 있습니다.")
        if not info.is_dir():
            infos[info.filename] = info
    if any(info.file_size > limits.one for info in infos.values()):
        raise Unreadable(_TOO_LARGE)
    if sum(info.file_size for info in infos.values()) > limits.total:
        raise Unreadable(_TOO_LARGE)
    return infos


def _plain_name(name: str) -> bool:
    """Relative, below the top, and the same on every system."""
    parts = name.removesuffix("/").split("/")
    return not any(letter in name for letter in "\\:\0") and not any(
        part in ("", ".", "..") for part in parts
    )
