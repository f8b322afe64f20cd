"""What happens later: the jobs, each of which adds the facts that are lacking."""

import logging
from collections.abc import Callable, Sequence
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

from danji.complexes.models import Complex
from danji.disclosure.jobs import publish_rendered_records, write_missing_pages
from danji.outbox.jobs import deliver_messages
from danji.renditions.jobs import render_sealed_records
from danji.rules.refusal import Refusal
from danji.transparency.sequencer import CHANNEL

logger = logging.getLogger(__name__)

JOBS: tuple[Callable[[UUID], int], ...] = (
    deliver_messages,
    render_sealed_records,
    publish_rendered_records,
)


def run_jobs() -> int:
    """Run every job for every complex once. Returns: how much was done.

    What one complex lacks keeps nobody else waiting: it is logged and tried again next time.
    """
    return _run(JOBS)


def start() -> None:
    """What the worker does once, before anything else."""
    _run((write_missing_pages,))


def _run(jobs: Sequence[Callable[[UUID], int]]) -> int:
    done = 0
    for complex_id in Complex.objects.values_list("id", flat=True):
        for job in jobs:
            try:
                done += job(complex_id)
            except Refusal as refusal:
                logger.warning("%s: %s", job.__name__, refusal)
            except (OperationalError, InterfaceError):
                raise
            except Exception:
                logger.exception("%s failed for complex %s", job.__name__, complex_id)
    return done


def wait_for_seal(seconds: float) -> None:
    """Wait until the sequencer has sealed something, or for so many seconds."""
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
        for _ in cursor.connection.notifies(timeout=seconds, stop_after=1):
            return
