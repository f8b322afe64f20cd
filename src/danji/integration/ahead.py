"""The bytes of files that were sent ahead.

Each upload has its own, although another may hold the same; attached, they are kept once more, by
what they hold (`base.files`). So nothing else refers to these, and they go when they are old
without anybody being asked who still needs them.
"""

import hashlib
import shutil
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings

from danji.base import files
from danji.integration.models import Upload


def put(upload: Upload, data: bytes) -> None:
    """Keep the bytes of an upload. Raises: Refusal when the disk is nearly full."""
    files.refuse_when_disk_is_low(settings.FILES)
    files.write_durably(_path(upload), data)


def get(upload: Upload) -> bytes | None:
    """The bytes of an upload; None once they are gone.

    Raises: DamagedFileError when the file was changed since.
    """
    try:
        data = _path(upload).read_bytes()
    except FileNotFoundError:
        return None
    if hashlib.sha256(data).hexdigest() != upload.sha256:
        raise files.DamagedFileError(upload.sha256)
    return data


def remove(upload: Upload) -> None:
    """Keep the bytes of an upload no longer. Should its row stay after all, they are sent again."""
    _path(upload).unlink(missing_ok=True)


def forget(complex_id: UUID, *, before: datetime) -> int:
    """Remove what came on days before that moment's, also what was left by a crash.

    Returns: of how many days.
    """
    days = [day for day in _folder(complex_id).glob("*") if day.name < _day(before)]
    for day in days:
        shutil.rmtree(day)
    return len(days)


def _path(upload: Upload) -> Path:
    return _folder(upload.complex_id) / _day(upload.uploaded_at) / upload.id.hex


def _folder(complex_id: UUID) -> Path:
    return Path(settings.FILES) / "ahead" / complex_id.hex


def _day(moment: datetime) -> str:
    """The day in UTC, named so that an earlier one sorts first."""
    return moment.astimezone(UTC).date().isoformat()
