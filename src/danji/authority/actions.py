"""Saying who is away and who stands in; putting people into office, and ending their terms; where
they are reached, and what the bylaws set.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from danji.accounts.actions import appoint, lock_offices, mobile_number, register_person
from danji.accounts.models import Office, Officeholder
from danji.accounts.queries import actor_value, as_officer, holders, person_at
from danji.authority.carrying import (
    carry_absence,
    carry_contact,
    carry_setting,
    check_day_is_free,
    check_days_away,
    check_still_held,
    leave_office,
    take_office,
    write_absence,
)
from danji.authority.links import absences_link, people_link, proposal_link
from danji.authority.models import Absence, AbsenceEnd, Proposal, ProposalOutcome
from danji.authority.queries import (
    absences_from,
    away_of,
    contact_planned,
    open_proposals,
    persons_proposed,
    planned_of,
)
from danji.authority.telling import IN_CHARGE, named, said, tell_each
from danji.complexes.models import Complex
from danji.outbox.actions import tell
from danji.rules import absence as away_rules
from danji.rules import appointment as rules
from danji.rules import bylaws
from danji.rules.absence import Reason
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
    check_days_away(absent, deputy, since, until, today=today)
    return write_absence(absent, deputy, since, until, reason, actor=actor, at=at)


@transaction.atomic
def propose_absence(
    absent_id: UUID,
    *,
    deputy_id: UUID,
    since: date,
    until: date,
    reason: Reason,
    actor: Officeholder,
    at: datetime,
) -> Proposal:
    """Propose that the manager is away (부재), who cannot say so, and who stands in (대결).

    Raises: Refusal when it is not the actor's to propose, the days or the deputy cannot be, or one
    waits already.
    """
    today = day_in_seoul(at)
    lock_offices(actor.complex_id)
    absent, deputy = _holder(actor, absent_id), _holder(actor, deputy_id)
    away_rules.check_by_two(as_officer(absent), as_officer(deputy), as_officer(actor))
    planned = Planned(Change.ABSENCE, absent.office, absent.person_id, since, until)
    rules.check_proposal(as_officer(actor), planned, today=today)
    check_days_away(absent, deputy, since, until, today=today)
    _check_first(
        planned,
        actor,
        lambda waiting: waiting.officeholder_id == absent.id,
        f"{absent} 님의 부재가",
    )
    return _propose(
        planned,
        actor=actor,
        at=at,
        name=absent.person.name,
        officeholder=absent,
        deputy=deputy,
        reason=reason.value,
    )


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
    tell_each(
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
    tell_each(
        [
            holder
            for holder in holders(complex_.id)
            if holder.office in IN_CHARGE and holder.covers(today)
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
    _check_first(
        planned,
        actor,
        lambda waiting: (waiting.email.lower(), waiting.office) == (email.lower(), office),
        "같은 분의 같은 취임이",
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
    _check_first(
        planned,
        actor,
        lambda waiting: waiting.officeholder_id == held.id,
        f"{held} 님의 퇴임이",
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
def propose_contact(
    officeholder_id: UUID,
    *,
    email: str,
    phone: str,
    reason: str,
    actor: Officeholder,
    at: datetime,
) -> Proposal:
    """Propose that an officer is reached at another mail address or mobile number (연락처).

    The officer signs in with the one, and codes that sign go to the other: never by one word alone.

    Args: `email` was checked for its shape; `phone` is a mobile number, or empty for none.
    Raises: Refusal when it is not the actor's to propose, nothing changes, or one waits already.
    """
    today = day_in_seoul(at)
    lock_offices(actor.complex_id)
    held = _holder(actor, officeholder_id)
    planned = contact_planned(held)
    rules.check_proposal(as_officer(actor), planned, today=today)
    check_still_held(held, today=today)
    number = mobile_number(phone)
    if (email, number) == (held.person.email, held.person.phone):
        raise Refusal("바뀐 곳이 없습니다.", next_step="새 메일 주소나 번호를 적어 주세요.")
    reason = clean_line(reason, "바꾸는 까닭", limit=REASON_LIMIT)
    if not reason:
        raise Refusal("바꾸는 까닭이 비어 있습니다.", next_step="한 줄로 적어 주세요.")
    _check_first(
        planned,
        actor,
        lambda waiting: waiting.officeholder.person_id == held.person_id,
        f"{held.person.name} 님의 연락처 변경이",
    )
    return _propose(
        planned,
        actor=actor,
        at=at,
        name=held.person.name,
        email=email,
        phone=number,
        officeholder=held,
        reason=reason,
    )


@transaction.atomic
def propose_setting(
    key: str,
    *,
    value: int,
    article: str,
    effective_from: date,
    reason: str,
    actor: Officeholder,
    at: datetime,
) -> Proposal:
    """Propose what the bylaws (관리규약) set, from a day on.

    Args: `key` of `rules.bylaws.SETTINGS`, `value` in working days.
    Raises: Refusal when it is not the actor's to propose, it cannot be, or one waits already.
    """
    today = day_in_seoul(at)
    lock_offices(actor.complex_id)
    planned = Planned(Change.SETTING, "", None, effective_from, None)
    rules.check_proposal(as_officer(actor), planned, today=today)
    setting = bylaws.setting_of(key)
    article = clean_line(article, "관리규약의 조항", limit=100)
    bylaws.check_setting(value, article, effective_from, today=today)
    check_day_is_free(actor.complex_id, key, effective_from)
    _check_first(
        planned, actor, lambda waiting: waiting.setting == key, f"‘{setting.label}’의 설정이"
    )
    return _propose(
        planned,
        actor=actor,
        at=at,
        setting=key,
        value=value,
        article=article,
        reason=clean_line(reason, "바꾸는 까닭", limit=REASON_LIMIT),
    )


@transaction.atomic
def confirm_proposal(proposal_id: UUID, *, actor: Officeholder, at: datetime) -> ProposalOutcome:
    """Confirm what another officer proposed: only now it is so.

    Raises: Refusal when it is not the actor's to confirm, it was answered already, or what was
    possible when it was proposed no longer is.
    """
    today = day_in_seoul(at)
    proposal = _open_proposal(proposal_id, actor)
    planned = planned_of(proposal, persons_proposed([proposal]))
    proposer = proposal.proposed_by
    rules.check_confirmation(as_officer(actor), as_officer(proposer), planned, today=today)
    carry_out = {
        Change.TAKE: take_office,
        Change.LEAVE: leave_office,
        Change.CONTACT: carry_contact,
        Change.ABSENCE: carry_absence,
        Change.SETTING: carry_setting,
    }[planned.change]
    holder, leaf_hash = carry_out(proposal, planned, actor, at)
    return _close(proposal, Answer.CONFIRMED, actor, at, officeholder=holder, leaf_hash=leaf_hash)


@transaction.atomic
def reject_proposal(proposal_id: UUID, *, actor: Officeholder, at: datetime) -> ProposalOutcome:
    """Say no to what another officer proposed, as somebody who could have confirmed it.

    Raises: Refusal when it is not the actor's to answer, or it was answered already.
    """
    proposal = _open_proposal(proposal_id, actor)
    planned = planned_of(proposal, persons_proposed([proposal]))
    check_in_office(as_officer(actor), day_in_seoul(at))
    if not rules.may_confirm(as_officer(actor), as_officer(proposal.proposed_by), planned):
        raise Refusal(
            "이 제안을 확인하거나 거절할 수 있는 직책이 아닙니다.",
            next_step=planned.who_decides,
        )
    tell(
        proposal.proposed_by,
        f"{proposal.get_change_display()} 제안 거절: {named(proposal)}",
        f"{actor} 님이 {said(proposal)} 제안을 거절했습니다.",
        link=proposal_link(proposal.id),
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
    tell_each(
        [
            holder
            for holder in holders(actor.complex_id)
            if holder.covers(today)
            and (
                holder.person_id == planned.person
                or rules.may_confirm(as_officer(holder), proposer, planned)
            )
        ],
        f"{proposal.get_change_display()} 제안: {named(proposal)}",
        f"{actor} 님이 {said(proposal)}을 제안했습니다. 다른 한 분이 확인하면 그대로 됩니다.",
        link=proposal_link(proposal.id),
        besides=actor,
        at=at,
    )
    return proposal


def _check_first(
    planned: Planned, actor: Officeholder, is_same: Callable[[Proposal], bool], what: str
) -> None:
    """Accept a proposal when no other of its kind waits that is the same. Raises: Refusal."""
    waiting = open_proposals(actor.complex_id)
    if any(other.change == planned.change and is_same(other) for other in waiting):
        raise Refusal(
            f"{what} 이미 제안되어 있습니다.",
            next_step="앞의 제안을 확인하거나 취소해 주세요.",
        )


def _check_taking(planned: Planned, actor: Officeholder, today: date) -> None:
    rules.check_proposal(as_officer(actor), planned, today=today)
    rules.check_planned(planned, None, today=today)
    rules.check_free(
        planned,
        [as_officer(holder) for holder in holders(actor.complex_id)],
    )


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
        raise Refusal("이미 처리되었거나 없는 제안입니다.", next_step="화면을 새로 열어 주세요.")
    return found


def _holder(actor: Officeholder, officeholder_id: UUID) -> Officeholder:
    """Somebody in an office of the actor's complex. Raises: Refusal."""
    found: Officeholder | None = holders(actor.complex_id).filter(id=officeholder_id).first()
    if found is None:
        raise Refusal(
            "이 단지에 등록되지 않은 분입니다.", next_step="화면을 새로 열어 다시 골라 주세요."
        )
    return found
