"""Opening a ZIP archive that a stranger made: nothing is unpacked before it is known to be safe."""

import io
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from danji.attachments.kinds import Fault, FaultError

ENTRIES = 5_000  # files in an archive and in the archives inside it, together
ROOM = 200 * 1024 * 1024  # bytes unpacked, together
RATIO = 200  # unpacked to packed, from `SMALL` on; office files reach 50
SMALL = 10 * 1024 * 1024  # bytes
DEPTH = 2  # archives inside one another
_END = b"PK\x05\x06"
_LOCKED = 0x1  # flag of an entry
_UTF8 = 0x800  # flag of an entry
_LINK = 0o120000


@dataclass
class Budget:
    """What may still be unpacked."""

    entries: int = ENTRIES
    room: int = ROOM


@dataclass(frozen=True)
class Archive:
    """An archive whose list of contents was found sound."""

    file: zipfile.ZipFile
    entries: dict[str, zipfile.ZipInfo]  # by name, without folders

    def read(self, name: str) -> bytes:
        """One entry, its checksum checked. Raises: FaultError."""
        try:
            return self.file.read(self.entries[name])
        except NotImplementedError:
            raise FaultError(Fault.PACKING, inside=name) from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
            raise FaultError(Fault.BROKEN, inside=name) from error

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Every entry with its name, one after another."""
        for name in self.entries:
            yield name, self.read(name)


def hides_archive(data: bytes) -> bool:
    """Whether the end of a file would be taken for that of an archive."""
    return _END in data[-(22 + 0xFFFF) :]


def open_archive(data: bytes, budget: Budget) -> Archive:
    """Look through the list of contents of an archive; nothing is unpacked yet.

    Raises: FaultError.
    """
    try:
        file = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
        raise FaultError(Fault.BROKEN) from error
    infos = file.infolist()
    budget.entries -= len(infos)
    if budget.entries < 0:
        raise FaultError(Fault.ENTRIES)
    _check_extent(data, file, infos)
    entries: dict[str, zipfile.ZipInfo] = {}
    unpacked = packed = 0
    for info in infos:
        name = _name(info)
        if info.flag_bits & _LOCKED:
            raise FaultError(Fault.LOCKED)
        if _leads_elsewhere(info, name):
            raise FaultError(Fault.PATH)
        unpacked += info.file_size
        packed += info.compress_size
        if name.endswith("/"):
            continue
        if name in entries:
            raise FaultError(Fault.HIDDEN, inside=name)
        entries[name] = info
    budget.room -= unpacked
    if budget.room < 0 or (unpacked > SMALL and unpacked > RATIO * packed):
        raise FaultError(Fault.BOMB)
    return Archive(file, entries)


def _check_extent(data: bytes, file: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> None:
    """The archive fills the file, and no two entries share bytes: see D. Fifield, 2019."""
    end = data.rfind(_END)
    if end + 22 + len(file.comment) != len(data):
        raise FaultError(Fault.HIDDEN)
    position = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        start = info.header_offset
        if position == 0 and start != 0:
            raise FaultError(Fault.HIDDEN)
        if start < position or data[start : start + 4] != b"PK\x03\x04":
            raise FaultError(Fault.BOMB)
        names = int.from_bytes(data[start + 26 : start + 28], "little")
        extra = int.from_bytes(data[start + 28 : start + 30], "little")
        position = start + 30 + names + extra + info.compress_size
    if position > file.start_dir:
        raise FaultError(Fault.BOMB)


def _name(info: zipfile.ZipInfo) -> str:
    """The name as it was written: Windows in Korea writes it in CP949 and does not say so."""
    name = info.orig_filename
    if not info.flag_bits & _UTF8:
        try:
            name = name.encode("cp437").decode("cp949")
        except UnicodeError:
            name = info.orig_filename
    return unicodedata.normalize("NFC", name)


def _leads_elsewhere(info: zipfile.ZipInfo, name: str) -> bool:
    path = name.replace("\\", "/")
    return (
        path.startswith("/")
        or path[1:2] == ":"
        or ".." in path.split("/")
        or any(unicodedata.category(letter) == "Cc" for letter in name)
        or (info.external_attr >> 16) & 0o170000 == _LINK
    )
