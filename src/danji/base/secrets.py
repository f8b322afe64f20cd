"""A random secret made once and kept in a file that only its owner reads."""

import os
import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def random_text() -> str:
    """Text that nobody guesses."""
    return secrets.token_urlsafe(50)


def kept_secret(path: Path, *, make: Callable[[], str] = random_text) -> str:
    """Return the secret kept at `path`; make it first when there is none. Safe for two at once."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole or not at all, and whoever was first wins.
        with suppress(FileExistsError):
            os.link(name, path)
        Path(name).unlink()
    return path.read_text(encoding="ascii")
