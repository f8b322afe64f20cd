"""Saying who is away and who stands in; putting people into office, and ending their terms."""

import json
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from danji.accounts.actions import appoint, lock_offices, mobile_number, register_person
from danji.accounts.models import Office, Officeholder
from danji.accounts.queries import actor_value, as_officer, holders, person_at
from danji.authority.links import absences_link, invitation_link, people_link, proposal_link
from danji.authority.models import Absence, AbsenceEnd, Proposal, ProposalOutcome
from danji.authority.queries import (
    absences_from,
    away_of,
    open_proposals,
    persons_proposed,
    planned_of,
)
from danji.base.ids import uuid7
from danji.complexes.models import Complex
from danji.outbox.actions import tell
from danji.rules import absence as away_rules
from danji.rules import appointment as rules
from danji.rules.absence import Away, Reason
from danji.rules.appointment import Answer, Change, Planned
from danji.rules.offices import check_in_office
from danji.rules.periods import day_in_seoul, format_date
from danji.rules.refusal import Refusal
from danji.rules.text import clean_line
from danji.transparency.actions import append_event
from danji_verify.canonical import canonical
from danji_verify.entry import Event

REASON_LIMIT = 200  # characters
# Whoever runs the server entered an officer by command: there was no officer who proposed it, and
# none who confirmed it, and the log says so.
BY_OPERATOR = {"proposer": canonical({"operator": "appoint"}), "officer": canonical(None)}


# --- Being away --------------------------------------------------------------------------------


@transaction.atomic
def set_absence(
    absent_id: UUID,
    *,
    deputy_id: UUID,
    since: date,
    until: date,
    reason: Reason,
    actor: Officeholder,
    at: datetime,
) -> Absence:
    """Say that an officer will be away (부재), and who stands in (대결). Both days count.

    Raises: Refusal when it is not the actor's to say, or the days or the deputy cannot be.
    """
    today = day_in_seoul(at)
    lock_offices(actor.complex_id)
    absent, deputy = _holder(actor, absent_id), _holder(actor, deputy_id)
    away_rules.check_setter(as_officer(actor), as_officer(absent), today=today)
    away_rules.check_absence(
        Away(as_officer(absent), as_officer(deputy), since, until),
        [away_of(other) for other in absences_from(actor.complex_id, on=today)],
        today=today,
    )
    absence_id = uuid7()
    delegation = {
        "absence": absence_id.hex,
        "absent": _as_json(absent),
        "deputy": _as_json(deputy),
        "since": since.isoformat(),
        "until": until.isoformat(),
        "reason": reason.label,
    }
    leaf_hash = append_event(
        actor.complex,
        absence_id,
        Event.DELEGATION_SET,
        {"delegation": canonical(delegation), "actor": actor_value(actor)},
        at=at,
    )
    absence: Absence = Absence.objects.create(
        id=absence_id,
        complex_id=actor.complex_id,
        absent=absent,
        deputy=deputy,
        since=since,
        until=until,
        reason=reason,
        set_by=actor,
        set_at=at,
        leaf_hash=leaf_hash,
    )
    _tell_each(
        [absent, deputy],
        f"부재: {absent} ({format_date(since)} ~ {format_date(until)})",
        f"{absent} 님이 {format_date(since)}부터 {format_date(until)}까지 자리를 비웁니다"
        f"({reason.label}). 그동안 {deputy} 님이 대신 결재합니다.",
        link=absences_link(),
        besides=actor,
        at=at,
    )
    return absence


@transaction.atomic
def end_absence(absence_id: UUID, *, actor: Officeholder, at: datetime) -> AbsenceEnd:
    """Say that an absence is over from today on: the one who was away decides again.

    Raises: Refusal when it is not the actor's to say, or it is over already.
    """
    today = day_in_seoul(at)
    lock_offices(actor.complex_id)
    absence = next((a for a in absences_from(actor.complex_id) if a.id == absence_id), None)
    if absence is None:
        raise Refusal("없는 부재입니다.", next_step="부재 목록을 새로 열어 주세요.")
    if absence.back_on is not None:
        raise Refusal("이미 끝난 부재입니다.", next_step="부재 목록을 새로 열어 주세요.")
    away_rules.check_ender(as_officer(actor), away_of(absence), today=today)
    delegation = {"absence": absence.id.hex, "back_on": today.isoformat()}
    leaf_hash = append_event(
        actor.complex,
        absence.id,
        Event.DELEGATION_ENDED,
        {"delegation": canonical(delegation), "actor": actor_value(actor)},
        at=at,
    )
    end: AbsenceEnd = AbsenceEnd.objects.create(
        complex_id=actor.complex_id,
        absence=absence,
        back_on=today,
        ended_by=actor,
        ended_at=at,
        leaf_hash=leaf_hash,
    )
    _tell_each(
        [absence.absent, absence.deputy],
        f"부재 끝: {absence.absent}",
        f"{absence.absent} 님의 부재가 {format_date(today)}에 끝났습니다. "
        f"이제 {absence.deputy} 님은 대신 결재하지 않습니다.",
        link=absences_link(),
        besides=actor,
        at=at,
    )
    return end


# --- Coming into office, and leaving it ----------------------------------------------------------


@transaction.atomic
def enter_officeholder(
    complex_: Complex,
    office: Office,
    *,
    name: str,
    email: str,
    since: date,
    until: date | None = None,
    at: datetime,
) -> Officeholder:
    """Put somebody into office by command of whoever runs the server; the log says so.

    The first officers come in this way, and whoever is needed when nobody is left to decide. Those
    who would have decided about it are told, for nobody asked them.

    Raises: Refusal when the address is somebody else's, or the term cannot be.
    """
    person = register_person(name=name, email=email)
    entered = appoint(person, office, complex_, since=since, until=until)
    append_event(
        complex_,
        entered.id,
        Event.OFFICE_TAKEN,
        {"office": actor_value(entered), **BY_OPERATOR},
        at=at,
    )
    today = day_in_seoul(at)
    _tell_each(
        [
            holder
            for holder in holders(complex_.id)
            if holder.office in {Office.MANAGER, Office.CHAIR, Office.AUDITOR}
            and holder.covers(today)
        ],
        f"운영자의 등록: {entered}",
        f"운영자가 명령으로 {entered} 님을 등록했습니다({format_date(since)}부터). "
        "모르는 일이면 바로 알아봐 주세요.",
        link=people_link(),
        besides=entered,
        at=at,
    )
    return entered


@transaction.atomic
def propose_appointment(
    *,
    name: str,
    email: str,
    phone: str,
    office: Office,
    since: date,
    until: date | None,
    actor: Officeholder,
    at: datetime,
) -> Proposal:
    """Propose that a person takes an office (취임) for a term; both days count.

    Whether the address is somebody else's is found when the proposal is confirmed: one officer
    alone learns nothing about who is registered, in this complex or in another.

    Args: `email` was checked for its shape; `phone` is a mobile number, or empty.
    Raises: Refusal when it is not the actor's to propose, or the person or the term cannot be.
    """
    today = day_in_seoul(at)
    lock_offices(actor.complex_id)
    name = clean_line(name, "이름", limit=50)
    if not name:
        raise Refusal("이름이 비어 있습니다.", next_step="이름을 적어 주세요.")
    number = mobile_number(phone)
    person = person_at(email)
    planned = Planned(Change.TAKE, office, person.id if person else None, since, until)
    _check_taking(planned, actor, today)
    if any(
        (waiting.email.lower(), waiting.office) == (email.lower(), office)
        for waiting in open_proposals(actor.complex_id)
        if waiting.change == Change.TAKE
    ):
        raise Refusal(
            "같은 분의 같은 취임이 이미 제안되어 있습니다.",
            next_step="앞의 제안을 확인하거나 취소해 주세요.",
        )
    return _propose(
        planned,
        actor=actor,
        at=at,
        name=name,
        email=email,
        phone=number,
    )


@transaction.atomic
def propose_leaving(
    officeholder_id: UUID, *, last_day: date, reason: str, actor: Officeholder, at: datetime
) -> Proposal:
    """Propose that an officer leaves office (퇴임) after `last_day`.

    Who is to leave before the first day of the term is over leaves without any day of it.

    Raises: Refusal when it is not the actor's to propose, or the day cannot be.
    """
    today = day_in_seoul(at)
    lock_offices(actor.complex_id)
    reason = clean_line(reason, "그만두는 이유", limit=REASON_LIMIT)
    if not reason:
        raise Refusal(
            "그만두는 이유가 비어 있습니다.", next_step="임기 끝, 사임, 해임처럼 적어 주세요."
        )
    held = _holder(actor, officeholder_id)
    last = rules.last_day_for(as_officer(held), last_day)
    planned = Planned(Change.LEAVE, held.office, held.person_id, held.since, last)
    rules.check_proposal(as_officer(actor), planned, today=today)
    rules.check_planned(planned, as_officer(held), today=today)
    if any(waiting.officeholder_id == held.id for waiting in open_proposals(actor.complex_id)):
        raise Refusal(
            f"{held} 님의 퇴임이 이미 제안되어 있습니다.",
            next_step="앞의 제안을 확인하거나 취소해 주세요.",
        )
    return _propose(
        planned,
        actor=actor,
        at=at,
        name=held.person.name,
        email=held.person.email,
        officeholder=held,
        reason=reason,
    )


@transaction.atomic
def confirm_proposal(proposal_id: UUID, *, actor: Officeholder, at: datetime) -> ProposalOutcome:
    """Confirm what another officer proposed: only now somebody takes the office, or leaves it.

    Raises: Refusal when it is not the actor's to confirm, it was answered already, or what was
    possible when it was proposed no longer is.
    """
    today = day_in_seoul(at)
    proposal = _open_proposal(proposal_id, actor)
    planned = planned_of(proposal, persons_proposed([proposal]).get(proposal.email.lower()))
    proposer = proposal.proposed_by
    rules.check_confirmation(as_officer(actor), as_officer(proposer), planned, today=today)
    if proposal.officeholder is None:
        holder, leaf_hash = _take_office(proposal, planned, actor, at)
    else:
        holder, leaf_hash = _leave_office(proposal, planned, actor, at)
    return _close(proposal, Answer.CONFIRMED, actor, at, officeholder=holder, leaf_hash=leaf_hash)


@transaction.atomic
def reject_proposal(proposal_id: UUID, *, actor: Officeholder, at: datetime) -> ProposalOutcome:
    """Say no to what another officer proposed, as somebody who could have confirmed it.

    Raises: Refusal when it is not the actor's to answer, or it was answered already.
    """
    proposal = _open_proposal(proposal_id, actor)
    planned = planned_of(proposal, persons_proposed([proposal]).get(proposal.email.lower()))
    check_in_office(as_officer(actor), day_in_seoul(at))
    if not rules.may_confirm(as_officer(actor), as_officer(proposal.proposed_by), planned):
        raise Refusal(
            "이 제안을 확인하거나 거절할 수 있는 직책이 아닙니다.",
            next_step=rules.who_decides(planned.post),
        )
    tell(
        proposal.proposed_by,
        f"{proposal.get_change_display()} 제안 거절: {proposal.name}",
        f"{actor} 님이 {_said(proposal)} 제안을 거절했습니다.",
        link=people_link(),
        at=at,
    )
    return _close(proposal, Answer.REJECTED, actor, at)


@transaction.atomic
def withdraw_proposal(proposal_id: UUID, *, actor: Officeholder, at: datetime) -> ProposalOutcome:
    """Take back what one proposed oneself.

    Raises: Refusal when another proposed it, or it was answered already.
    """
    proposal = _open_proposal(proposal_id, actor)
    check_in_office(as_officer(actor), day_in_seoul(at))
    if proposal.proposed_by.person_id != actor.person_id:
        raise Refusal(
            "다른 분이 제안한 일입니다.", next_step="제안한 분께 취소해 달라고 해 주세요."
        )
    return _close(proposal, Answer.WITHDRAWN, actor, at)


def _propose(planned: Planned, *, actor: Officeholder, at: datetime, **more: Any) -> Proposal:
    """Write the proposal down, and tell whoever can confirm it, and whom it is about."""
    proposal: Proposal = Proposal.objects.create(
        complex_id=actor.complex_id,
        change=planned.change,
        office=planned.post,
        since=planned.since,
        until=planned.until,
        proposed_by=actor,
        proposed_at=at,
        **more,
    )
    proposer = as_officer(actor)
    today = day_in_seoul(at)
    _tell_each(
        [
            holder
            for holder in holders(actor.complex_id)
            if holder.covers(today)
            and (
                holder.person_id == planned.person
                or rules.may_confirm(as_officer(holder), proposer, planned)
            )
        ],
        f"{proposal.get_change_display()} 제안: {proposal.name}",
        f"{actor} 님이 {_said(proposal)}을 제안했습니다. 다른 한 분이 확인하면 그대로 됩니다.",
        link=proposal_link(proposal.id),
        besides=actor,
        at=at,
    )
    return proposal


def _check_taking(planned: Planned, actor: Officeholder, today: date) -> None:
    rules.check_proposal(as_officer(actor), planned, today=today)
    rules.check_planned(planned, None, today=today)
    rules.check_free(
        planned,
        [as_officer(holder) for holder in holders(actor.complex_id)],
    )


def _take_office(
    proposal: Proposal, planned: Planned, actor: Officeholder, at: datetime
) -> tuple[Officeholder, bytes]:
    rules.check_planned(planned, None, today=day_in_seoul(at))
    person = register_person(name=proposal.name, email=proposal.email, phone=proposal.phone)
    holder = appoint(
        person, Office(proposal.office), actor.complex, since=proposal.since, until=proposal.until
    )
    leaf_hash = append_event(
        actor.complex,
        holder.id,
        Event.OFFICE_TAKEN,
        {
            "office": actor_value(holder),
            "proposer": actor_value(proposal.proposed_by),
            "officer": actor_value(actor),
        },
        at=at,
    )
    tell(
        holder,
        f"초대: {actor.complex.name} {holder.get_office_display()}",
        f"{holder.person.name} 님이 {format_date(holder.since)}부터 {actor.complex.name}의 "
        f"{holder.get_office_display()} 직을 맡게 되었습니다. 주소를 눌러 시작해 주세요.",
        link=invitation_link(holder),
        at=at,
    )
    _tell_each(
        [proposal.proposed_by],
        f"취임 확인: {holder}",
        f"{actor} 님이 {_said(proposal)} 제안을 확인했습니다. {holder.person.name} 님께 "
        "초대를 보냈습니다.",
        link=people_link(),
        besides=actor,
        at=at,
    )
    return holder, leaf_hash


def _leave_office(
    proposal: Proposal, planned: Planned, actor: Officeholder, at: datetime
) -> tuple[Officeholder, bytes]:
    held = proposal.officeholder
    rules.check_planned(planned, as_officer(held), today=day_in_seoul(at))
    held.until = proposal.until
    Officeholder.objects.within(actor.complex_id).filter(id=held.id).update(until=held.until)
    leaf_hash = append_event(
        actor.complex,
        held.id,
        Event.OFFICE_LEFT,
        {
            "office": canonical({**_as_json(held), "reason": proposal.reason}),
            "proposer": actor_value(proposal.proposed_by),
            "officer": actor_value(actor),
        },
        at=at,
    )
    _tell_each(
        [held, proposal.proposed_by],
        f"퇴임 확인: {held}",
        f"{actor} 님이 {_said(proposal)} 제안을 확인했습니다.",
        link=people_link(),
        besides=actor,
        at=at,
    )
    return held, leaf_hash


def _close(
    proposal: Proposal,
    answer: Answer,
    actor: Officeholder,
    at: datetime,
    *,
    officeholder: Officeholder | None = None,
    leaf_hash: bytes = b"",
) -> ProposalOutcome:
    outcome: ProposalOutcome = ProposalOutcome.objects.create(
        complex_id=actor.complex_id,
        proposal=proposal,
        answer=answer,
        officeholder=officeholder,
        answered_by=actor,
        answered_at=at,
        leaf_hash=leaf_hash,
    )
    return outcome


def _open_proposal(proposal_id: UUID, actor: Officeholder) -> Proposal:
    """A proposal that nobody has answered, locked against a second answer.

    Raises: Refusal when there is none.
    """
    lock_offices(actor.complex_id)
    found = next((p for p in open_proposals(actor.complex_id) if p.id == proposal_id), None)
    if found is None:
        raise Refusal(
            "이미 처리되었거나 없는 제안입니다.", next_step="사람과 임기 화면을 새로 열어 주세요."
        )
    return found


def _said(proposal: Proposal) -> str:
    """What is proposed, in the words that come before "제안"."""
    office, until = proposal.get_office_display(), ""
    if proposal.until and proposal.until < proposal.since:
        until = f"{format_date(proposal.since)}에 시작하는 임기를 하루도 두지 않음"
    elif proposal.until:
        until = f"{format_date(proposal.until)}까지"
    if proposal.change == Change.LEAVE:
        return f"{office} {proposal.name} 님의 퇴임({until}, {proposal.reason})"
    term = f"{format_date(proposal.since)}부터 {until}".strip()
    return f"{proposal.name} 님의 {office} 취임({term})"


def _holder(actor: Officeholder, officeholder_id: UUID) -> Officeholder:
    """Somebody in an office of the actor's complex. Raises: Refusal."""
    found: Officeholder | None = holders(actor.complex_id).filter(id=officeholder_id).first()
    if found is None:
        raise Refusal(
            "이 단지에 등록되지 않은 분입니다.", next_step="화면을 새로 열어 다시 골라 주세요."
        )
    return found


def _as_json(officeholder: Officeholder) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(actor_value(officeholder))
    return value


def _tell_each(
    officeholders: list[Officeholder],
    subject: str,
    body: str,
    *,
    link: str,
    besides: Officeholder,
    at: datetime,
) -> None:
    """Tell each person once, whoever did it left out."""
    told = {besides.person_id}
    for holder in officeholders:
        if holder.person_id not in told:
            told.add(holder.person_id)
            tell(holder, subject, body, link=link, at=at)
