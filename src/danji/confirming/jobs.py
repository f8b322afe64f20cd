"""Reminding of what waits for a second officer, once."""

from datetime import datetime
from uuid import UUID

from django.utils import timezone

from danji.approvals.lateness import days_until, due, is_open
from danji.approvals.models import Reminder
from danji.base import tenancy
from danji.base.jobs import each
from danji.confirming.models import ConfirmationReminder
from danji.confirming.queries import Waiting, waiting_for_second
from danji.outbox.actions import tell
from danji.rules.periods import day_in_seoul, format_moment


def remind_confirming(complex_id: UUID, *, at: datetime | None = None) -> int:
    """Remind whoever can confirm something that waits for a second officer, once each time.

    After as many working days as of a document. Returns: of how many.
    """
    now = at or timezone.now()
    if not is_open(now):
        return 0
    with tenancy.within(complex_id):
        late = [waiting.id for waiting in _late(complex_id, now)]

    def remind_of(about: UUID) -> None:
        # Asked once more: somebody may have answered meanwhile.
        for waiting in _late(complex_id, now):
            if waiting.id == about:
                _remind(complex_id, waiting, now)

    return each(complex_id, late, remind_of)


def _remind(complex_id: UUID, waiting: Waiting, now: datetime) -> None:
    who = f"{waiting.asked_by} 님이" if waiting.asked_by else "운영자가"
    ConfirmationReminder.objects.create(complex_id=complex_id, about=waiting.id, sent_at=now)
    for officer in waiting.officers:
        tell(
            officer,
            f"다시 알림: {waiting.what}",
            f"{who} {format_moment(waiting.since)}에 올린 일이 다른 분의 "
            "확인을 기다립니다. 확인하거나 거절해 주세요.",
            at=now,
            link=waiting.link,
        )


def _late(complex_id: UUID, now: datetime) -> list[Waiting]:
    """What waits too long, and nobody was reminded of yet; only what somebody can confirm."""
    waiting_now = waiting_for_second(complex_id, on=day_in_seoul(now))
    found = [waiting for waiting in waiting_now if waiting.officers]
    days = days_until(Reminder.Kind.REMIND, complex_id, on=day_in_seoul(now)) if found else 0
    told = ConfirmationReminder.objects.within(complex_id).filter(about__in=[w.id for w in found])
    reminded = set(told.values_list("about", flat=True))
    return [
        waiting
        for waiting in found
        if days and waiting.id not in reminded and now >= due(waiting.since, days, is_held=False)
    ]
