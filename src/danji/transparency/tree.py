"""The published files of a log, below `public/<code>/log/<number>/`."""

from pathlib import Path

from django.conf import settings

from danji_verify.tiles import Reader


def log_folder(code: str, number: int) -> Path:
    """Where the files of a log are published."""
    return Path(settings.PUBLIC) / code / "log" / str(number)


def file_reader(folder: Path) -> Reader:
    """Read published files by their path below the log's prefix."""

    def read(path: str) -> bytes:
        return (folder / path).read_bytes()

    return read
