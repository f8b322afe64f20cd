"""Files that are there whole or not at all, and files that are checked whenever they are read."""

import os
import threading
from pathlib import Path
from typing import BinaryIO


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that readers, and whoever starts after a crash, see all of it or the old.

    Makes the folder where it is missing.
    """
    half = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        file = half.open("wb")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = half.open("wb")
    with file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def write_over(path: Path, data: bytes) -> None:
    """Write a file in its place, without waiting for the disk.

    A crash of the whole computer may leave a mixture: only for what carries a signature, and
    can be written again. Many times faster than `write_whole`.
    """
    file: BinaryIO
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("wb")
    with file:
        file.write(data)
        file.truncate()
