"""The audit of every night."""

from collections.abc import Sequence
from datetime import date, datetime, time
from functools import lru_cache
from uuid import UUID

from django.utils import timezone

from danji.audit.actions import note_audit
from danji.audit.models import AuditRun
from danji.audit.run import audit_complex
from danji.base import tenancy
from danji.complexes.models import Complex
from danji.rules.periods import SEOUL
from danji.transparency.collection import Mismatch, check_collection
from danji.transparency.models import Event
from danji_verify.entry import Event as EventName
from danji_verify.entry import parse_entry

LOCK = 0x6175646974  # "audit", an advisory lock's number
HOUR = time(3)  # in Korea, when nobody is at work


def audit_nightly(complex_id: UUID) -> int:
    """Audit a complex if it was not since three o'clock of this night. Returns: 1 when it was."""
    at = timezone.now()
    with tenancy.within(complex_id):
        due = _is_due(complex_id, at)
    if due:
        complex_ = Complex.objects.get(id=complex_id)
        mismatches = _of_night(at.astimezone(SEOUL).date())
        note_audit(audit_complex(complex_, at=at, mismatches=mismatches))
    return int(due)


@lru_cache(maxsize=1)
def _of_night(_night: date) -> Sequence[Mismatch]:
    """What does not agree with the log of logs; it is read once a night for all complexes."""
    return check_collection()


def _is_due(complex_id: UUID, at: datetime) -> bool:
    """A complex that was taken in after the hour has its first audit the night after."""
    local = at.astimezone(SEOUL)
    since = datetime.combine(local.date(), HOUR, SEOUL)
    if local < since or AuditRun.objects.within(complex_id).filter(started_at__gte=since).exists():
        return False
    opened = Event.objects.within(complex_id).filter(doc=complex_id, name=EventName.LOG_OPENED)
    first = opened.order_by("seq").values_list("entry", flat=True).first()
    return first is not None and parse_entry(bytes(first)).at < since
