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
from danji.base.jobs import hold_lock
from danji.complexes.models import Complex
from danji.disclosure.jobs import publish_rendered_records, write_missing_pages
from danji.integration.jobs import LOCK as TELLING
from danji.integration.jobs import deliver_webhooks, forget_answers
from danji.outbox.jobs import deliver_everywhere, only_one
from danji.outbox.models import Channel
from danji.outbox.sending import Away
from danji.renditions.jobs import render_sealed_records
from danji.rules.refusal import Refusal
from danji.signing.jobs import forget_responses
from danji.transparency.sequencer import CHANNEL

logger = logging.getLogger(__name__)

TICK = 1.0  # seconds between looks at what is to be sent
ENDINGS = 5.0  # seconds between looks at what programs are to be told
CLOSED = 15.0  # seconds for which a way that was found closed is left alone

JOBS: tuple[Callable[[UUID], int], ...] = (
    remind_waiting,
    render_sealed_records,
    publish_rendered_records,
    make_previews,
    forget_responses,
    begin_recurring_drafts,
    forget_answers,
)


    send_receipts,
def run_jobs() -> int:
    """Run every job for every complex once. Returns: how much was done.

    What one complex lacks keeps nobody else waiting: it is logged and tried again next time.
    """
    return _run(JOBS)


def start() -> None:
    """What the worker does once, before anything else."""
    _run((write_missing_pages,))


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


def _send_due(channel: Channel) -> float:
    """Send what is due on one way. Returns: after how many seconds to look again."""
    try:
        return 0 if deliver_everywhere(channel, at=timezone.now()) else TICK
    except Away as away:
        logger.warning("%s: %s", channel, away)
        return CLOSED


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
