"""Reminding of documents that wait too long, and telling others when that was of no use."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from danji.accounts.models import Office, Officeholder
from danji.accounts.queries import holder_of
from danji.approvals.links import decision_link, desk_link
from danji.approvals.models import Hold, Reminder, Turn
from danji.authority.queries import absence_of
from danji.base import tenancy
from danji.base.jobs import each
from danji.complexes.queries import bylaw_setting
from danji.outbox.actions import tell
from danji.rules.periods import day_in_seoul, format_moment, is_office_time, working_days_after

# Which setting of the bylaws says after how many working days; and how many where it says nothing.
# 0 stands for never.
AFTER = {
    Reminder.Kind.REMIND: ("approval.remind_after_days", 1),
    Reminder.Kind.ESCALATE: ("approval.escalate_after_days", 3),
}
# Whoever holds a document (보류) has said why, and the drafter knows it: there is twice the time.
HELD = 2


def remind_waiting(complex_id: UUID, *, at: datetime | None = None) -> int:
    """Tell of every document that waits too long, once each time. Returns: of how many.

    First who is asked is told, with whoever stands in; later the drafter and the manager, or the
    chair where it is the manager who is late. Only while offices are open: nobody is woken by it.
    """
    now = at or timezone.now()
    if not is_office_time(now):
        return 0

    def remind_of(late: tuple[Reminder.Kind, UUID]) -> None:
        kind, turn_id = late
        for turn in _untold(complex_id, kind).filter(id=turn_id):
            _tell(turn, kind, now)
            Reminder.objects.create(
                complex_id=complex_id, step_id=turn.step_id, kind=kind, sent_at=now
            )

    return each(complex_id, _late(complex_id, now), remind_of)


def _late(complex_id: UUID, now: datetime) -> list[tuple[Reminder.Kind, UUID]]:
    """The turns of which somebody is to be told now, the longest waiting first."""
    late = []
    with tenancy.within(complex_id):
        for kind, (key, otherwise) in AFTER.items():
            waiting = list(_untold(complex_id, kind))
            if not waiting:
                continue
            days = bylaw_setting(complex_id, key, on=day_in_seoul(now), default=otherwise)
            held = _held(complex_id, waiting)
            late += [
                (kind, turn.id)
                for turn in waiting
                if days and now >= _due(turn, days, is_held=turn.step_id in held)
            ]
    return late


def _due(turn: Turn, days: int, *, is_held: bool) -> datetime:
    """When somebody is to be told of a turn."""
    return working_days_after(turn.since, days * HELD if is_held else days)


def _held(complex_id: UUID, waiting: Sequence[Turn]) -> set[UUID]:
    """The steps of these turns at which somebody lets the document wait."""
    holds = Hold.objects.within(complex_id).filter(
        lifted_at__isnull=True, step_id__in=[turn.step_id for turn in waiting]
    )
    return set(holds.values_list("step_id", flat=True))


def _untold(complex_id: UUID, kind: Reminder.Kind) -> QuerySet[Turn]:
    """The turns of which nobody was told in this way yet."""
    told = Reminder.objects.filter(complex_id=complex_id, step_id=OuterRef("step_id"), kind=kind)
    turns: QuerySet[Turn] = (
        Turn.objects.within(complex_id)
        .filter(~Exists(told))
        .select_related("approver__person", "document__drafter__person")
    )
    return turns


def _tell(turn: Turn, kind: Reminder.Kind, now: datetime) -> None:
    document, approver = turn.document, turn.approver
    since = format_moment(turn.since)
    page = desk_link(document.id)
    today = day_in_seoul(now)
    if kind == Reminder.Kind.ESCALATE:
        subject = f"결재 지연: {document.title}"
        body = f"{approver} 님의 결재를 {since}부터 기다리고 있습니다."
        _tell_in_office(document.drafter, subject, body, link=page, at=now)
        chief = _answers_for(approver, now)
        if chief is not None and chief.person_id != document.drafter.person_id:
            _tell_in_office(chief, subject, body, link="", at=now)
    elif approver.covers(today):
        absence = absence_of(approver, on=today)
        for officer in [approver, absence.deputy] if absence else [approver]:
            tell(
                officer,
                f"다시 알림: {document.title}",
                f"{document.drafter} 님이 올린 문서가 {since}부터 결재를 기다립니다.",
                link=decision_link(officer, document.id),
                at=now,
            )
    elif document.drafter.covers(today):
        # Nobody is left to remind; the drafter can take the document back.
        tell(
            document.drafter,
            f"결재할 분이 없음: {document.title}",
            f"{approver} 님의 임기가 끝나 결재할 수 없습니다. 회수한 뒤 다시 상신해 주세요.",
            link=page,
            at=now,
        )
    elif chief := _answers_for(approver, now):
        # Nor is anybody left who could take it back.
        tell(
            chief,
            f"결재할 분이 없음: {document.title}",
            f"결재할 {approver} 님과 올린 {document.drafter} 님의 임기가 모두 끝나, 이 문서는 더 "
            "나아가지 않습니다. 필요한 문서이면 지금 직을 맡고 계신 분이 새로 기안하게 해 주세요.",
            at=now,
        )


def _answers_for(late: Officeholder, now: datetime) -> Officeholder | None:
    """Who is told that somebody is late: the manager, and of the manager's lateness the chair."""
    for office in (Office.MANAGER, Office.CHAIR):
        holder = holder_of(late.complex_id, office, on=day_in_seoul(now))
        if holder is not None and holder.person_id != late.person_id:
            return holder
    return None


def _tell_in_office(
    officer: Officeholder, subject: str, body: str, *, link: str, at: datetime
) -> None:
    """Tell somebody, unless they have left office meanwhile."""
    if officer.covers(day_in_seoul(at)):
        tell(officer, subject, body, link=link, at=at)
