"""Who is away, who holds which office, and what two officers decide about together."""

from datetime import date
from typing import Any
from uuid import UUID

from ninja import Router, Status

from danji.accounts.queries import holders
from danji.authority import actions
from danji.authority.models import Absence, Proposal
from danji.authority.queries import (
    absences_from,
    last_day,
    open_proposals,
    outcome_of,
    proposal_of,
    settings_of,
)
from danji.integration.models import ApiScope
from danji.rules.absence import Reason
from danji.rules.appointment import Answer, Change
from danji.rules.bylaws import SETTINGS
from danji.rules.periods import day_in_seoul
from danji.web.api import shown
from danji.web.api.gate import ApiRequest, answers, needs
from danji.web.api.managing import (
    AbsenceOut,
    AbsencesOut,
    AnsweredOut,
    ComingOut,
    NewAbsence,
    NewAppointment,
    NewContact,
    NewLeaving,
    NewSetting,
    ProposalOut,
    ProposalsOut,
    SettingOut,
    SettingsOut,
    TermOut,
    TermsOut,
)
from danji.web.api.problems import Missing
from danji.web.api.shapes import DoneOut
from danji.web.authority import pages

router = Router(tags=["사람과 부재"])
HERE = "/proposals/{uuid:proposal_id}"


# --- Being away --------------------------------------------------------------------------------


@router.get("/absences", response=answers(AbsencesOut), summary="지금과 앞으로의 부재")
@needs(ApiScope.READ)
def absences(request: ApiRequest) -> AbsencesOut:
    """The absences that are not over, the first to begin first."""
    found = absences_from(request.officeholder.complex_id, on=_today(request))
    return AbsencesOut(items=[_absence(one) for one in found])


@router.post("/absences", response=answers(AbsenceOut, 201), summary="부재 알리기")
@needs(ApiScope.MANAGE)
def set_absence(request: ApiRequest, body: NewAbsence) -> Status[AbsenceOut]:
    """Say that an officer will be away, and who stands in. Both days count."""
    made = actions.set_absence(
        body.absent,
        deputy_id=body.deputy,
        since=body.since,
        until=body.until,
        reason=body.reason,
        actor=request.officeholder,
        at=request.at,
    )
    known = absences_from(request.officeholder.complex_id)
    return Status(201, _absence(next(one for one in known if one.id == made.id)))


@router.post("/absences/{uuid:absence_id}/end", response=answers(DoneOut), summary="부재 끝내기")
@needs(ApiScope.MANAGE)
def end_absence(request: ApiRequest, absence_id: UUID) -> DoneOut:
    actions.end_absence(absence_id, actor=request.officeholder, at=request.at)
    return DoneOut()


# --- People and what the bylaws set ------------------------------------------------------------


@router.get("/terms", response=answers(TermsOut), summary="임기")
@needs(ApiScope.READ)
def terms(request: ApiRequest) -> TermsOut:
    """Who holds or held which office, and for how long."""
    return TermsOut(
        items=[
            TermOut(**shown.officer(held).model_dump(), since=held.since, until=held.until)
            for held in holders(request.officeholder.complex_id)
        ]
    )


@router.get("/bylaws", response=answers(SettingsOut), summary="관리규약에서 정한 것")
@needs(ApiScope.READ)
def bylaws(request: ApiRequest) -> SettingsOut:
    """What the bylaws set today, and what is to hold from later days on."""
    known = settings_of(request.officeholder.complex_id)
    today = _today(request)
    items = []
    for setting in SETTINGS.values():
        rows = [row for row in known if row.key == setting.key]
        begun = [row for row in rows if row.effective_from <= today]
        now = begun[-1] if begun else None
        items.append(
            SettingOut(
                setting=setting.key,
                label=setting.label,
                value=now.value if now else setting.otherwise,
                article=now.article if now else "",
                since=now.effective_from if now else None,
                coming=[
                    ComingOut(value=row.value, article=row.article, since=row.effective_from)
                    for row in rows[len(begun) :]
                ],
            )
        )
    return SettingsOut(items=items)


# --- Proposals ---------------------------------------------------------------------------------


@router.get("/proposals", response=answers(ProposalsOut), summary="확인을 기다리는 제안")
@needs(ApiScope.READ)
def proposals(request: ApiRequest) -> ProposalsOut:
    """What nobody has answered yet, the oldest first."""
    found = open_proposals(request.officeholder.complex_id)
    return ProposalsOut(items=[_shown(request, proposal) for proposal in found])


@router.get(HERE, response=answers(ProposalOut), summary="제안 하나")
@needs(ApiScope.READ)
def proposal(request: ApiRequest, proposal_id: UUID) -> ProposalOut:
    return _shown(request, _found(request, proposal_id))


@router.post("/proposals/appointment", response=answers(ProposalOut, 201), summary="취임 제안")
@needs(ApiScope.MANAGE)
def propose_appointment(request: ApiRequest, body: NewAppointment) -> Status[ProposalOut]:
    proposed = actions.propose_appointment(**dict(body), actor=request.officeholder, at=request.at)
    return _proposed(request, proposed)


@router.post("/proposals/leaving", response=answers(ProposalOut, 201), summary="퇴임 제안")
@needs(ApiScope.MANAGE)
def propose_leaving(request: ApiRequest, body: NewLeaving) -> Status[ProposalOut]:
    proposed = actions.propose_leaving(
        body.officeholder,
        last_day=body.last_day,
        reason=body.reason,
        actor=request.officeholder,
        at=request.at,
    )
    return _proposed(request, proposed)


@router.post("/proposals/contact", response=answers(ProposalOut, 201), summary="연락처 변경 제안")
@needs(ApiScope.MANAGE)
def propose_contact(request: ApiRequest, body: NewContact) -> Status[ProposalOut]:
    proposed = actions.propose_contact(
        body.officeholder,
        email=body.email,
        phone=body.phone,
        reason=body.reason,
        actor=request.officeholder,
        at=request.at,
    )
    return _proposed(request, proposed)


@router.post("/proposals/absence", response=answers(ProposalOut, 201), summary="소장의 부재 제안")
@needs(ApiScope.MANAGE)
def propose_absence(request: ApiRequest, body: NewAbsence) -> Status[ProposalOut]:
    """Propose that the manager is away, who cannot say so."""
    proposed = actions.propose_absence(
        body.absent,
        deputy_id=body.deputy,
        since=body.since,
        until=body.until,
        reason=body.reason,
        actor=request.officeholder,
        at=request.at,
    )
    return _proposed(request, proposed)


@router.post("/proposals/setting", response=answers(ProposalOut, 201), summary="관리규약 설정 제안")
@needs(ApiScope.MANAGE)
def propose_setting(request: ApiRequest, body: NewSetting) -> Status[ProposalOut]:
    proposed = actions.propose_setting(
        body.setting,
        value=body.value,
        article=body.article,
        effective_from=body.effective_from,
        reason=body.reason,
        actor=request.officeholder,
        at=request.at,
    )
    return _proposed(request, proposed)


@router.post(f"{HERE}/confirmation", response=answers(ProposalOut), summary="제안 확인하기")
@needs(ApiScope.MANAGE)
def confirm_proposal(request: ApiRequest, proposal_id: UUID) -> ProposalOut:
    """Confirm, as the second officer, what another proposed: only now it is so."""
    found = _found(request, proposal_id)
    actions.confirm_proposal(found.id, actor=request.officeholder, at=request.at)
    return _shown(request, found)


@router.post(f"{HERE}/rejection", response=answers(ProposalOut), summary="제안 거절하기")
@needs(ApiScope.MANAGE)
def reject_proposal(request: ApiRequest, proposal_id: UUID) -> ProposalOut:
    found = _found(request, proposal_id)
    actions.reject_proposal(found.id, actor=request.officeholder, at=request.at)
    return _shown(request, found)


@router.post(f"{HERE}/withdrawal", response=answers(ProposalOut), summary="제안 취소하기")
@needs(ApiScope.MANAGE)
def withdraw_proposal(request: ApiRequest, proposal_id: UUID) -> ProposalOut:
    """Take back what the officeholder proposed."""
    found = _found(request, proposal_id)
    actions.withdraw_proposal(found.id, actor=request.officeholder, at=request.at)
    return _shown(request, found)


def _today(request: ApiRequest) -> date:
    return day_in_seoul(request.at)


def _found(request: ApiRequest, proposal_id: UUID) -> Proposal:
    """Raises: Missing."""
    found = proposal_of(request.officeholder.complex_id, proposal_id)
    if found is None:
        raise Missing("없는 제안입니다.", next_step="‘/api/proposals’에서 확인해 주세요.")
    return found


def _proposed(request: ApiRequest, made: Proposal) -> Status[ProposalOut]:
    return Status(201, _shown(request, _found(request, made.id)))


def _shown(request: ApiRequest, found: Proposal) -> ProposalOut:
    """A proposal; mail address and number only for whom the page shows them to."""
    said: dict[str, Any] = pages.proposal(found, request.officeholder, _today(request))
    outcome = outcome_of(found)
    return ProposalOut(
        id=found.id,
        change=Change(found.change),
        office=found.office,
        name=found.name,
        email=found.email if said["sees_contact"] else None,
        phone=found.phone if said["sees_contact"] else None,
        since=found.since,
        until=found.until,
        officeholder=found.officeholder_id,
        deputy=found.deputy_id,
        setting=found.setting,
        value=found.value,
        article=found.article,
        reason=found.reason,
        proposed_by=shown.officer(found.proposed_by),
        proposed_at=found.proposed_at,
        can_confirm=outcome is None and said["proposal"]["can_confirm"],
        outcome=AnsweredOut(
            answer=Answer(outcome.answer),
            answered_by=shown.officer(outcome.answered_by),
            answered_at=outcome.answered_at,
        )
        if outcome
        else None,
    )


def _absence(found: Absence) -> AbsenceOut:
    return AbsenceOut(
        id=found.id,
        absent=shown.officer(found.absent),
        deputy=shown.officer(found.deputy),
        since=found.since,
        until=last_day(found),
        reason=Reason(found.reason),
        back_on=found.back_on,
    )
