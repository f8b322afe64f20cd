"""What happens later: the jobs, each of which adds the facts that are lacking."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from danji.approvals.habits import begin_recurring_drafts
from danji.approvals.jobs import remind_afterwards, remind_waiting
from danji.approvals.receipts import send_receipts
from danji.attachments.jobs import make_previews
from danji.audit.jobs import LOCK as AUDITING
from danji.audit.jobs import audit_nightly, watch_audits
from danji.base.jobs import hold_lock
from danji.complexes.models import Complex
from danji.confirming.jobs import remind_confirming
from danji.disclosure.collection_page import write_collection_page
from danji.disclosure.jobs import (
    confirm_published_records,
    look_for_tombstones,
    publish_rendered_records,
    renew_proofs,
    write_logs,
    write_missing_pages,
    write_tombstones,
)
from danji.disposal.jobs import (
    erase_confirmed,
    erase_files,
    erase_restored,
    remove_unnamed_files,
)
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
from danji.transparency.sequencer import CHANNEL, SEALED
from danji.transparency.stamping import Stamper
from danji.transparency.troubles import tell_common_troubles, tell_troubles, watch_queue
from danji.transparency.witnessing import CONFIRMED

logger = logging.getLogger(__name__)

TICK = 1.0  # seconds between looks at what is to be sent
ENDINGS = 5.0  # seconds between looks at what programs are to be told
CLOSED = 15.0  # seconds for which a way that was found closed is left alone
LOOK = 60.0  # seconds between looks at what is to be audited
STAMPING = 60.0  # seconds between looks at whether the day has its stamp
ROUNDS = (5.0, 60.0)  # seconds from the end of a round over all complexes to the next, within which
SHARE = 9.0  # times as long as the round took: a tenth of the time goes into looking
RARELY = 60 * 60.0  # seconds between looks at what happens once a day at most

JOBS: tuple[Callable[[UUID], int], ...] = (
    remind_waiting,
    remind_afterwards,
    remind_confirming,
    send_receipts,
    erase_restored,  # before anything is made of it again
    erase_confirmed,
    render_sealed_records,
    publish_rendered_records,
    confirm_published_records,
    renew_proofs,
    write_logs,
    make_previews,
    erase_files,
    write_tombstones,
    begin_recurring_drafts,
    watch_queue,
    tell_troubles,
)

# What happens once a day at most, or never while nobody meddles.
RARE_JOBS: tuple[Callable[[UUID], int], ...] = (
    look_for_tombstones,
    write_monthly_sheet,
    watch_audits,
    log_readings,
    forget_responses,
    forget_answers,
)

# What belongs to no complex.
COMMON_JOBS: tuple[Callable[[], int], ...] = (
    remove_unnamed_files,
    tell_common_troubles,
    write_monthly_collection_sheet,
    write_collection_page,
)


def run_jobs() -> int:
    """Run every job for every complex once. Returns: how much was done.

    What one complex lacks keeps nobody else waiting: it is logged and tried again next time.
    """
    return _run(JOBS + RARE_JOBS) + sum(_done(job) for job in COMMON_JOBS)


@dataclass
class Worker:
    """Whose turn it is: a complex's whose log grew at once, every other's in rounds.

    `due` are those that this round has not come to yet; `soon` those in which something happened,
    or more is to be done than fits into one turn. Times are seconds of the monotonic clock.
    """

    due: list[UUID] = field(default_factory=list)
    soon: dict[UUID, None] = field(default_factory=dict)
    _begun: float = 0.0
    _next: float = 0.0
    _rarely: float = 0.0
    _jobs: tuple[Callable[[UUID], int], ...] = JOBS

    def tick(self, patience: float) -> None:
        """Do what is lacking in the complexes whose turn it is, and in one more of the round.

        Args: `patience` is for how many seconds to wait where there is nothing to do.
        """
        if not self.due and monotonic() >= self._next:
            self._begin_round()
        wait = 0.0 if self.due or self.soon else min(patience, self._next - monotonic())
        self.soon |= dict.fromkeys(wait_for_seal(max(wait, 0.0)))
        soon, self.soon = self.soon, {}
        for complex_id in soon:
            self._look_at(complex_id, JOBS)
        if self.due:
            self._look_at(self.due.pop(), self._jobs)
            if not self.due:
                shortest, longest = ROUNDS
                now = monotonic()
                self._next = now + min(max(SHARE * (now - self._begun), shortest), longest)

    def _begin_round(self) -> None:
        self._begun = monotonic()
        self._next = self._begun + ROUNDS[0]  # where there is no complex yet
        self._jobs = JOBS
        if self._begun >= self._rarely:
            self._jobs += RARE_JOBS
            self._rarely = self._begun + RARELY
        self.due = list(Complex.objects.order_by("-id").values_list("id", flat=True))
        for job in COMMON_JOBS:
            _done(job)

    def _look_at(self, complex_id: UUID, jobs: Sequence[Callable[[UUID], int]]) -> None:
        if sum(_done(job, complex_id) for job in jobs):
            self.soon[complex_id] = None


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
        logger.warning("%s: %s", job.__name__, refusal.unnamed)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("%s failed for %s", job.__name__, *of or ["all"])
    return 0


def wait_for_seal(seconds: float) -> list[UUID]:
    """Wait until the log of a complex has grown or become certain, or for so many seconds.

    Returns: of which complexes it was said since this was asked last.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
        heard = list(cursor.connection.notifies(timeout=seconds, stop_after=1))
    return [found for news in heard if (found := _concerned(news.payload)) is not None]


def _concerned(news: str) -> UUID | None:
    """The complex of which a message of the channel says something that asks for our work."""
    what, _, about = news.partition(" ")
    if what == SEALED:
        return UUID(about)
    if what != CONFIRMED:
        return None
    code = about.split("/")[-2]  # of the log's name; that of the log of logs has none there
    return Complex.objects.filter(code=code).values_list("id", flat=True).first()
