"""Reminding of documents that wait too long, and telling others when that was of no use."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from danji.accounts.models import Office, Officeholder
from danji.accounts.queries import holder_of
from danji.approvals.lateness import AFTER, days_by_day, due, is_open
from danji.approvals.links import decision_link, desk_link
from danji.approvals.messages import ask_afterwards, awaited
from danji.approvals.models import Circulation, Hold, Reminder, Turn
from danji.approvals.queries import current, documents_for, documents_within, line_of
from danji.authority.queries import absence_of
from danji.base import tenancy
from danji.base.jobs import each
from danji.outbox.actions import tell
from danji.rules import approval
from danji.rules.approval import Act
from danji.rules.periods import day_in_seoul, format_moment

_CLOSES = "\n결재는 끝났으니, {}문서 화면에서 더 기다리지 않고 마칠 수 있습니다."


def remind_waiting(complex_id: UUID, *, at: datetime | None = None) -> int:
    """Tell of every document that waits too long, once each time. Returns: of how many.

    First who is asked is told, with whoever stands in; later the drafter and the manager, or the
    chair where it is the manager who is late. Only while offices are open: nobody is woken by it.
    """
    now = at or timezone.now()
    if not is_open(now):
        return 0

    def remind_of(late: tuple[Reminder.Kind, UUID]) -> None:
        kind, turn_id = late
        for turn in _untold(complex_id, kind).filter(id=turn_id):
            _tell(turn, kind, now)
            Reminder.objects.create(
                complex_id=complex_id, step_id=turn.step_id, kind=kind, sent_at=now
            )

    return each(complex_id, _late(complex_id, now), remind_of)


def remind_afterwards(complex_id: UUID, *, at: datetime | None = None) -> int:
    """Remind once of each finished document that waits to be approved afterwards (후결).

    After as many working days as of a turn. Returns: of how many.
    """
    now = at or timezone.now()
    if not is_open(now):
        return 0
    with tenancy.within(complex_id):
        waiting = _unconfirmed(complex_id).values_list("id", "sent_at")
        sent = {one: since for one, since in waiting if since is not None}
        days = days_by_day(Reminder.Kind.REMIND, complex_id, sent.values())
    late = [
        one
        for one, since in sent.items()
        if (after := days[day_in_seoul(since)]) and now >= due(since, after, is_held=False)
    ]

    def remind_of(circulation_id: UUID) -> None:
        for one in _unconfirmed(complex_id).filter(id=circulation_id):
            if one.recipient.covers(day_in_seoul(now)) and one.document.erased_at is None:
                ask_afterwards(one.recipient, one.document, "다시 알림 · 후결", now)
            Circulation.objects.within(complex_id).filter(id=one.id).update(reminded_at=now)

    return each(complex_id, late, remind_of)


def _unconfirmed(complex_id: UUID) -> QuerySet[Circulation]:
    """What waits to be approved afterwards, and nobody was reminded of yet."""
    waiting: QuerySet[Circulation] = (
        Circulation.objects.within(complex_id)
        .filter(
            kind=Circulation.Kind.AFTERWARDS,
            sent_at__isnull=False,
            confirmed_at=None,
            reminded_at=None,
        )
        .select_related("recipient__person", "document__drafter__person")
    )
    return waiting


def _late(complex_id: UUID, now: datetime) -> list[tuple[Reminder.Kind, UUID]]:
    """The turns of which somebody is to be told now, the longest waiting first."""
    late = []
    with tenancy.within(complex_id):
        for kind in AFTER:
            waiting = list(_untold(complex_id, kind))
            if not waiting:
                continue
            days = days_by_day(kind, complex_id, [turn.since for turn in waiting])
            held = _held(complex_id, waiting)
            late += [
                (kind, turn.id)
                for turn in waiting
                if (after := days[day_in_seoul(turn.since)])
                and now >= due(turn.since, after, is_held=turn.step_id in held)
            ]
    return late


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
        .select_related("approver__person", "document__drafter__person", "step")
    )
    return turns


def _tell(turn: Turn, kind: Reminder.Kind, now: datetime) -> None:
    document, approver = turn.document, turn.approver
    since = format_moment(turn.since)
    page = desk_link(document.id)
    today, wanted = day_in_seoul(now), awaited(Act(turn.step.act))
    if kind == Reminder.Kind.ESCALATE:
        _escalate(turn, now)
    elif approver.covers(today):
        absence = absence_of(approver, on=today)
        for officer in [approver, absence.deputy] if absence else [approver]:
            tell(
                officer,
                f"다시 알림: {document.title}",
                f"{document.drafter} 님이 올린 문서가 {since}부터 {wanted} 기다립니다.",
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


def _escalate(turn: Turn, now: datetime) -> None:
    """Tell the drafter and whoever answers for it of who is late, and what each can do then."""
    document, today = turn.document, day_in_seoul(now)
    subject = f"결재 지연: {document.title}"
    wanted, since = awaited(Act(turn.step.act)), format_moment(turn.since)
    body = f"{turn.approver} 님의 {wanted} {since}부터 기다리고 있습니다."
    decided, page = _follows_decision(turn), desk_link(document.id)
    own = body + _CLOSES.format("") if decided else body
    _tell_in_office(document.drafter, subject, own, link=page, at=now)
    chief = _answers_for(turn.approver, now)
    if chief is not None and chief.person_id != document.drafter.person_id:
        may_read = documents_for(chief, on=today).filter(id=document.id).exists()
        if not (may_read and chief.office == Office.MANAGER):  # nor may they close it
            drafts = decided and document.drafter.covers(today)
            own = body + _CLOSES.format("기안한 분이 ") if drafts else body
        _tell_in_office(chief, subject, own, link=page if may_read else "", at=now)


def _follows_decision(turn: Turn) -> bool:
    """Whether it only waits for somebody to see what is decided."""
    steps = current(turn.document.steps.all())
    line = line_of(steps, documents_within(turn.complex_id).get(id=turn.document_id))
    step = line.at(turn.step.position)
    return step is not None and approval.follows_decision(step, line)


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
