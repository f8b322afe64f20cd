"""The audit of every night."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from uuid import UUID

from django.utils import timezone

from danji.audit.actions import NOT_DONE, audit_and_note
from danji.audit.collected import check_shared
from danji.audit.models import AuditRun
from danji.base import tenancy
from danji.complexes.models import Complex
from danji.rules.periods import SEOUL
from danji.transparency.collection import Mismatch
from danji.transparency.models import Event, TroubleKind
from danji.transparency.queries import log_of
from danji.transparency.troubles import open_trouble
from danji_verify.entry import Event as EventName
from danji_verify.entry import parse_entry
from danji_verify.errors import VerifyError

LOCK = 0x6175646974  # "audit", an advisory lock's number
HOUR = time(3)  # in Korea, when nobody is at work
MISSED = timedelta(days=2, hours=12)  # without an audit, after which somebody is told


def audit_nightly(complex_id: UUID) -> int:
    """Audit a complex if it was not since three o'clock of this night. Returns: 1 when it was."""
    at = timezone.now()
    with tenancy.within(complex_id):
        due = _is_due(complex_id, at)
    if due:
        complex_ = Complex.objects.get(id=complex_id)
        mismatches = _of_night(at.astimezone(SEOUL).date())
        audit_and_note(complex_, at=at, mismatches=mismatches, anew=False)
    return int(due)


def watch_audits(complex_id: UUID) -> int:
    """See whether the nights go by without an audit; the next one that is done ends the trouble.

    Returns: 0, since nothing hangs on it that another job would do.
    """
    at = timezone.now()
    with tenancy.within(complex_id):
        newest = AuditRun.objects.within(complex_id).values_list("started_at", flat=True).first()
        since = newest or _opened_at(complex_id)
        if since is not None and since < at - MISSED:
            sentence = (
                "이틀 밤이 넘도록 점검이 없었습니다. 점검하는 프로그램이 멈추었을 수 있으니 "
                "운영자에게 알려 주세요."
            )
            origin = log_of(complex_id).origin
            open_trouble(origin, TroubleKind.FOUND, NOT_DONE, sentence, at)
    return 0


@lru_cache(maxsize=1)
def _of_night(_night: date) -> Sequence[Mismatch]:
    """What does not agree with the log of logs; it is read once a night for all complexes."""
    return check_shared()


def _is_due(complex_id: UUID, at: datetime) -> bool:
    """A complex that was taken in after the hour has its first audit the night after."""
    local = at.astimezone(SEOUL)
    since = datetime.combine(local.date(), HOUR, SEOUL)
    if local < since or AuditRun.objects.within(complex_id).filter(started_at__gte=since).exists():
        return False
    opened = _opened_at(complex_id)
    return opened is not None and opened < since


def _opened_at(complex_id: UUID) -> datetime | None:
    """When the log of a complex was opened; the beginning of time where that cannot be read."""
    opened = Event.objects.within(complex_id).filter(doc=complex_id, name=EventName.LOG_OPENED)
    first = opened.order_by("seq").values_list("entry", flat=True).first()
    try:
        return parse_entry(bytes(first)).at if first is not None else None
    except VerifyError:
        return datetime.min.replace(tzinfo=UTC)
