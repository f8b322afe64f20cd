"""What happens later: the jobs, each of which adds the facts that are lacking."""

import logging
import threading
from collections.abc import Callable, Sequence
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from danji.approvals.habits import begin_recurring_drafts
from danji.approvals.jobs import remind_waiting
from danji.approvals.receipts import send_receipts
from danji.attachments.jobs import make_previews
from danji.audit.jobs import LOCK as AUDITING
from danji.audit.jobs import audit_nightly
from danji.base.jobs import hold_lock
from danji.complexes.models import Complex
from danji.disclosure.collection_page import write_collection_page
from danji.disclosure.jobs import (
    confirm_published_records,
    publish_rendered_records,
    renew_proofs,
    write_logs,
    write_missing_pages,
    write_tombstones,
)
from danji.disposal.jobs import erase_confirmed, erase_files, erase_restored
from danji.disposal.readings import log_readings
from danji.integration.jobs import LOCK as TELLING
from danji.integration.jobs import deliver_webhooks, forget_answers
from danji.outbox.jobs import deliver_everywhere, only_one
from danji.outbox.models import Channel
from danji.outbox.sending import Away
from danji.renditions.jobs import render_sealed_records
from danji.renditions.monthly import write_monthly_collection_sheet, write_monthly_sheet
from danji.rules.refusal import Refusal
from danji.signing.jobs import forget_responses
from danji.transparency.sequencer import CHANNEL
from danji.transparency.stamping import Stamper
from danji.transparency.troubles import tell_troubles, watch_queue

logger = logging.getLogger(__name__)

TICK = 1.0  # seconds between looks at what is to be sent
ENDINGS = 5.0  # seconds between looks at what programs are to be told
CLOSED = 15.0  # seconds for which a way that was found closed is left alone
LOOK = 60.0  # seconds between looks at what is to be audited
STAMPING = 60.0  # seconds between looks at whether the day has its stamp

JOBS: tuple[Callable[[UUID], int], ...] = (
    remind_waiting,
    send_receipts,
    render_sealed_records,
    publish_rendered_records,
    confirm_published_records,
    renew_proofs,
    write_logs,
    write_monthly_sheet,
    make_previews,
    forget_responses,
    erase_confirmed,
    erase_files,
    write_tombstones,
    log_readings,
    begin_recurring_drafts,
    forget_answers,
    watch_queue,
    tell_troubles,
)

# What belongs to no complex.
COMMON_JOBS: tuple[Callable[[], int], ...] = (
    write_monthly_collection_sheet,
    write_collection_page,
)


def run_jobs() -> int:
    """Run every job for every complex once. Returns: how much was done.

    What one complex lacks keeps nobody else waiting: it is logged and tried again next time.
    """
    return _run(JOBS) + sum(_done(job) for job in COMMON_JOBS)


def start() -> None:
    """What the worker does once, before anything else."""
    _run((erase_restored, write_missing_pages))


def send_messages() -> int:
    """Send what is due in every complex, every way, once. Returns: how many were tried."""
    tried = 0
    for channel in Channel:
        try:
            tried += deliver_everywhere(channel, at=timezone.now())
        except Away as away:
            logger.warning("%s: %s", channel, away)
    return tried


def keep_sending(channel: Channel, stop: threading.Event) -> None:
    """Send what is due on one way until told to stop; a second process stands by.

    Each way has a thread of its own, so that one which answers slowly keeps no other waiting.
    """
    try:
        while not stop.is_set():
            with only_one(channel) as held:
                while held and not stop.is_set():
                    stop.wait(_send_due(channel))
            stop.wait(TICK)
    finally:
        connection.close()


def keep_telling(stop: threading.Event) -> None:
    """Tell programs how documents ended until told to stop; a second process stands by.

    In a thread of its own: whoever programs belong to, and however slowly they answer, people are
    told and records rendered meanwhile.
    """
    try:
        while not stop.is_set():
            with hold_lock(TELLING) as held:
                while held and not stop.is_set():
                    if not _run((deliver_webhooks,)):
                        stop.wait(ENDINGS)
            stop.wait(TICK)
    finally:
        connection.close()


def keep_stamping(stop: threading.Event) -> None:
    """Have each day's head of the log of logs stamped until told to stop."""
    stamper = Stamper()
    try:
        while not stop.is_set():
            stamper.tick(timezone.now())
            stop.wait(STAMPING)
    finally:
        connection.close()


def keep_auditing(stop: threading.Event) -> None:
    """Audit every complex each night until told to stop; a second process stands by.

    In a thread of its own: it takes its time, and no document waits for it.
    """
    try:
        while not stop.is_set():
            with hold_lock(AUDITING) as held:
                while held and not stop.is_set():
                    _run((audit_nightly,))
                    stop.wait(LOOK)
            stop.wait(LOOK)
    finally:
        connection.close()


def _send_due(channel: Channel) -> float:
    """Send what is due on one way. Returns: after how many seconds to look again."""
    try:
        return 0 if deliver_everywhere(channel, at=timezone.now()) else TICK
    except Away as away:
        logger.warning("%s: %s", channel, away)
        return CLOSED


def _run(jobs: Sequence[Callable[[UUID], int]]) -> int:
    return sum(
        _done(job, complex_id)
        for complex_id in Complex.objects.values_list("id", flat=True)
        for job in jobs
    )


def _done(job: Callable[..., int], *of: UUID) -> int:
    """Run one job. Returns: how much it did; nothing where it failed, which is logged.

    Raises: OperationalError, InterfaceError when the database is away.
    """
    try:
        return job(*of)
    except Refusal as refusal:
        logger.warning("%s: %s", job.__name__, refusal)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("%s failed for %s", job.__name__, *of or ["all"])
    return 0


def wait_for_seal(seconds: float) -> None:
    """Wait until the sequencer has sealed something, or for so many seconds."""
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
        for _ in cursor.connection.notifies(timeout=seconds, stop_after=1):
            return
