"""The published files of a log, below `public/<code>/log/<number>/`, and all of them as one ZIP."""

import io
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from danji_verify.checkpoint import Checkpoint
from danji_verify.note import parse_note
from danji_verify.tiles import Reader, changed_bundles, entries_path, tiles_of

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest a ZIP can say: the same files give the same bytes
HEADS = ("checkpoint", "confirmed")


def log_folder(code: str, number: int) -> Path:
    """Where the files of a log are published."""
    return Path(settings.PUBLIC) / code / "log" / str(number)


def file_reader(folder: Path) -> Reader:
    """Read published files by their path below the log's prefix."""

    def read(path: str) -> bytes:
        return (folder / path).read_bytes()

    return read


def pack(files: Mapping[str, bytes]) -> bytes:
    """The files as a ZIP; the same files in the same order give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def whole_log(folder: Path) -> dict[str, bytes]:
    """Every file of a log that its published heads speak of, by path: a copy that can be checked.

    Raises: FileNotFoundError before the first head is published, or when a file is missing.
    """
    reader = file_reader(folder)
    # The heads first: the tree only grows, so all they speak of is there already.
    files = {"checkpoint": reader("checkpoint")}
    for name in ("confirmed", "policy.txt"):
        with suppress(FileNotFoundError):
            files[name] = reader(name)
    for name in HEADS:
        if name in files:
            size = Checkpoint.parse(parse_note(files[name]).text).size
            for path in paths_of(size):
                files.setdefault(path, reader(path))
    return files


def paths_of(size: int) -> list[str]:
    """The files of a log below a head of that size, by path."""
    tiles = [tile.path for tile in tiles_of(size)]
    return [*tiles, *(entries_path(index, width) for index, width in changed_bundles(0, size))]
