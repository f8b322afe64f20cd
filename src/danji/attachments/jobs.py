"""Previews: every attached file gets what can be shown of it."""

import json
import logging
from base64 import b64decode
from itertools import takewhile
from time import monotonic
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils import timezone

from danji.attachments.confined import KilledError, UnreadError, ask
from danji.attachments.intake import EXAMINER
from danji.attachments.models import Attached, Preview
from danji.base import files, tenancy
from danji.base.jobs import each

BATCH = 10  # files in one run, so that other jobs get their turn
RUN = 60  # seconds after which a run begins no other file, so that other complexes get theirs
SECONDS = {"draw": 40, "excerpt": 20}  # for one file

logger = logging.getLogger(__name__)


def make_previews(complex_id: UUID) -> int:
    """Give every attached file its preview. Safe to run twice, and after a crash.

    Returns: how many were made, the empty ones counted.
    """
    with tenancy.within(complex_id):
        made = Preview.objects.filter(complex_id=complex_id, attached_id=OuterRef("id"))
        waiting = list(
            Attached.objects.within(complex_id)
            .filter(~Exists(made))
            .order_by("attached_at", "id")[:BATCH]
        )
    ends = monotonic() + RUN
    return each(complex_id, takewhile(lambda _: monotonic() < ends, waiting), _make_preview)


def _make_preview(attached: Attached) -> None:
    found = _found(attached)
    sections = found.get("sections")
    Preview.objects.create(
        complex_id=attached.complex_id,
        attached=attached,
        pictures=[files.put(b64decode(picture)) for picture in found.get("pictures", ())],
        sections=files.put(json.dumps(sections).encode()) if sections else "",
        pages=found.get("pages", 0),
        made_at=timezone.now(),
    )


def _found(attached: Attached) -> dict[str, Any]:
    """What can be shown of a file; nothing where it is gone, for nobody else shall wait for it."""
    try:
        data = files.get(attached.sha256)
    except (FileNotFoundError, files.DamagedFileError) as error:
        logger.warning("no preview of %s: it is missing or damaged: %s", attached, error)
        return {}
    found = _shown("draw", attached, data)
    return found if found.get("pictures") else _shown("excerpt", attached, data)


def _shown(task: str, attached: Attached, data: bytes) -> dict[str, Any]:
    """What a task found to show; nothing where it failed, for it would fail the next time too."""
    try:
        try:
            return _asked(task, attached, data)
        except KilledError:  # it may have been the machine and not the file: once more
            return _asked(task, attached, data)
    except UnreadError as error:
        logger.warning("no preview of %s: %s", attached, error)
        return {}


def _asked(task: str, attached: Attached, data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = ask(
        EXAMINER, task, attached.media_type, data=data, seconds=SECONDS[task]
    )
    return found
