"""Who is in office and for how long, who is away, where people are reached, what the bylaws set,
and the greeting of a new officer.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from danji.accounts.models import Office
from danji.accounts.queries import as_officer, holders
from danji.authority import actions
from danji.authority.links import read_invitation
from danji.authority.models import Absence, Proposal
from danji.authority.queries import absences_from, contact_planned, outcome_of, proposal_of
from danji.base import tenancy
from danji.rules.absence import Reason
from danji.rules.appointment import Change, check_proposal
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.rules.text import clean_line
from danji.web.authority import pages
from danji.web.desk.access import DeskRequest, officer_required, posted

REFUSED = 422
DIGITS = 3  # of a number of days
ANSWERED = 409  # by somebody else, or by a first press of the button


@require_safe
@officer_required
def people(request: DeskRequest) -> HttpResponse:
    """Who holds which office and for how long, and what is proposed."""
    return render(request, "authority/people.html", pages.people(request.officeholder, _today()))


@officer_required
def appointment(request: DeskRequest) -> HttpResponse:
    """Propose that somebody takes an office."""
    context = pages.appointment(request.officeholder, _today(), _typed(request))
    if request.method != "POST":
        return _page(request, "appointment", context)
    try:
        actions.propose_appointment(
            name=request.POST.get("name", ""),
            email=_email(request),
            phone=request.POST.get("phone", ""),
            office=_office(request),
            since=_day(request, "since", "임기 첫날"),
            until=_last_day(request),
            actor=request.officeholder,
            at=timezone.now(),
        )
    except Refusal as refusal:
        return _page(request, "appointment", context, refusal)
    messages.success(request, "제안했습니다. 다른 한 분이 확인하면 초대를 보냅니다.")
    return redirect("authority:people")


@officer_required
def leaving(request: DeskRequest, officeholder_id: UUID) -> HttpResponse:
    """Propose that somebody leaves office."""
    held = holders(request.officeholder.complex_id).filter(id=officeholder_id).first()
    if held is None:
        raise Http404
    context = pages.leaving(held, _today(), _typed(request))
    if request.method != "POST":
        return _page(request, "leaving", context)
    try:
        actions.propose_leaving(
            officeholder_id,
            last_day=_day(request, "last_day", "마지막 날"),
            reason=request.POST.get("reason", ""),
            actor=request.officeholder,
            at=timezone.now(),
        )
    except Refusal as refusal:
        return _page(request, "leaving", context, refusal)
    messages.success(request, "제안했습니다. 다른 한 분이 확인하면 임기가 끝납니다.")
    return redirect("authority:people")


@officer_required
def contact(request: DeskRequest, officeholder_id: UUID) -> HttpResponse:
    """Propose that an officer is reached at another mail address or telephone."""
    held = holders(request.officeholder.complex_id).filter(id=officeholder_id).first()
    if held is None:
        raise Http404
    # The page shows where the officer is reached now: only to whom it could be proposed by.
    check_proposal(as_officer(request.officeholder), contact_planned(held), today=_today())
    context = pages.contact(held, _typed(request))
    if request.method != "POST":
        return _page(request, "contact", context)
    try:
        actions.propose_contact(
            officeholder_id,
            email=_email(request),
            phone=request.POST.get("phone", ""),
            reason=request.POST.get("reason", ""),
            actor=request.officeholder,
            at=timezone.now(),
        )
    except Refusal as refusal:
        return _page(request, "contact", context, refusal)
    messages.success(request, "제안했습니다. 다른 한 분이 확인하면 바뀝니다.")
    return redirect("authority:people")


@officer_required
def bylaws(request: DeskRequest) -> HttpResponse:
    """What the bylaws set; a POST proposes something else."""
    context = pages.bylaws(request.officeholder, _today(), _typed(request))
    if request.method != "POST":
        return _page(request, "bylaws", context)
    try:
        proposed = actions.propose_setting(
            request.POST.get("setting", ""),
            value=_days(request),
            article=request.POST.get("article", ""),
            effective_from=_day(request, "effective_from", "시행일"),
            reason=request.POST.get("reason", ""),
            actor=request.officeholder,
            at=timezone.now(),
        )
    except Refusal as refusal:
        return _page(request, "bylaws", context, refusal)
    messages.success(request, "제안했습니다. 다른 한 분이 확인하면 시행일부터 적용됩니다.")
    return redirect("authority:proposal", proposal_id=proposed.id)


@require_safe
@officer_required
def proposal(request: DeskRequest, proposal_id: UUID) -> HttpResponse:
    """One proposal, and the second officer's buttons; or what became of it."""
    found = _proposal(request, proposal_id)
    return _page(request, "proposal", pages.proposal(found, request.officeholder, _today()))


@posted(back="authority:proposal")
@officer_required
def confirmation(request: DeskRequest, proposal_id: UUID) -> HttpResponse:
    """Confirm what another proposed."""
    found = _proposal(request, proposal_id)
    if outcome_of(found):
        return _answered(request, found)
    try:
        actions.confirm_proposal(proposal_id, actor=request.officeholder, at=timezone.now())
    except Refusal as refusal:
        context = pages.proposal(found, request.officeholder, _today())
        return _page(request, "proposal", context, refusal)
    done = {
        Change.TAKE: f"{found.name} 님께 초대를 보냅니다.",
        Change.LEAVE: f"{found.name} 님의 임기가 정해졌습니다.",
        Change.CONTACT: f"{found.name} 님의 연락처가 바뀌었습니다. 앞의 주소와 새 주소로 알립니다.",
        Change.ABSENCE: f"{found.name} 님의 부재를 알렸습니다.",
        Change.SETTING: "시행일부터 적용됩니다.",
    }[Change(found.change)]
    messages.success(request, f"확인했습니다. {done}")
    return _back(found)


@posted(back="authority:proposal")
@officer_required
def rejection(request: DeskRequest, proposal_id: UUID) -> HttpResponse:
    """Say no to what another proposed."""
    found = _proposal(request, proposal_id)
    if outcome_of(found):
        return _answered(request, found)
    actions.reject_proposal(proposal_id, actor=request.officeholder, at=timezone.now())
    messages.success(request, "거절했습니다. 제안한 분께 알려 드립니다.")
    return _back(found)


@posted(back="authority:proposal")
@officer_required
def withdrawal(request: DeskRequest, proposal_id: UUID) -> HttpResponse:
    """Take back what one proposed oneself."""
    found = _proposal(request, proposal_id)
    if outcome_of(found):
        return _answered(request, found)
    actions.withdraw_proposal(proposal_id, actor=request.officeholder, at=timezone.now())
    messages.success(request, "제안을 취소했습니다.")
    return _back(found)


def _back(found: Proposal) -> HttpResponse:
    """To the page on which such a proposal begins."""
    is_setting = found.change == Change.SETTING
    return redirect("authority:bylaws" if is_setting else "authority:people")


def _proposal(request: DeskRequest, proposal_id: UUID) -> Proposal:
    found = proposal_of(request.officeholder.complex_id, proposal_id)
    if found is None:
        raise Http404
    return found


def _answered(request: DeskRequest, found: Proposal) -> HttpResponse:
    """Say to whoever pressed a button too late what became of a proposal."""
    context = pages.proposal(found, request.officeholder, _today())
    return render(request, "authority/proposal.html", context, status=ANSWERED)


@require_safe
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Greet a new officer: which office, where, from when. Signs nobody in."""
    complex_id, officeholder_id = read_invitation(token)
    with tenancy.within(complex_id):
        holder = holders(complex_id).get(id=officeholder_id)
        context = pages.invitation(holder, _today())
    return render(request, "authority/invitation.html", context)


@officer_required
def absences(request: DeskRequest) -> HttpResponse:
    """Who is away; a POST says that somebody will be."""
    if request.method != "POST":
        return _page(request, "absences", _absences(request))
    try:
        return _set_or_propose(request)
    except Refusal as refusal:
        return _page(request, "absences", _absences(request), refusal)


def _set_or_propose(request: DeskRequest) -> HttpResponse:
    """Say that somebody is away; of the manager, another only proposes it. Raises: Refusal."""
    absent = _who(request, "absent", "자리를 비우는 분")
    said: dict[str, Any] = {
        "deputy_id": _who(request, "deputy", "대신 결재할 분"),
        "since": _day(request, "since", "첫날"),
        "until": _day(request, "until", "마지막 날"),
        "reason": _reason(request),
        "actor": request.officeholder,
        "at": timezone.now(),
    }
    if pages.needs_second(request.officeholder, absent, _today()):
        proposed = actions.propose_absence(absent, **said)
        messages.success(request, "제안했습니다. 다른 한 분이 확인하면 부재가 시작됩니다.")
        return redirect("authority:proposal", proposal_id=proposed.id)
    actions.set_absence(absent, **said)
    messages.success(request, "부재를 알렸습니다. 대신 결재할 분께도 알려 드립니다.")
    return redirect("authority:absences")


def _absences(request: DeskRequest) -> Mapping[str, Any]:
    return pages.absences(request.officeholder, _today(), _typed(request))


@require_safe
@officer_required
def absence(request: DeskRequest, absence_id: UUID) -> HttpResponse:
    """One absence, and the button that ends it."""
    found = _known(request, absence_id)
    return _page(request, "absence", pages.absence(found, request.officeholder, _today()))


@posted(back="authority:absence")
@officer_required
def end(request: DeskRequest, absence_id: UUID) -> HttpResponse:
    """Say that an absence is over."""
    found = _known(request, absence_id)
    try:
        actions.end_absence(absence_id, actor=request.officeholder, at=timezone.now())
    except Refusal as refusal:
        context = pages.absence(found, request.officeholder, _today())
        return _page(request, "absence", context, refusal)
    messages.success(request, "부재를 끝냈습니다.")
    return redirect("authority:absences")


def _known(request: DeskRequest, absence_id: UUID) -> Absence:
    known = absences_from(request.officeholder.complex_id)
    found = next((absence for absence in known if absence.id == absence_id), None)
    if found is None:
        raise Http404
    return found


def _page(
    request: DeskRequest, name: str, context: Mapping[str, Any], refusal: Refusal | None = None
) -> HttpResponse:
    """A page with a form or a button; drawn again when a rule said no to what was pressed."""
    return render(
        request,
        f"authority/{name}.html",
        {**context, "error": str(refusal) if refusal else ""},
        status=REFUSED if refusal else 200,
    )


# --- What was typed ------------------------------------------------------------------------------


def _typed(request: DeskRequest) -> Mapping[str, str]:
    return {name: str(value) for name, value in request.POST.items()}


def _day(request: DeskRequest, name: str, label: str) -> date:
    try:
        return date.fromisoformat(request.POST.get(name, ""))
    except ValueError:
        raise Refusal(
            f"{label}이 비어 있거나 날짜가 아닙니다.", next_step="2026-12-01처럼 적어 주세요."
        ) from None


def _last_day(request: DeskRequest) -> date | None:
    return _day(request, "until", "임기 마지막 날") if request.POST.get("until") else None


def _days(request: DeskRequest) -> int:
    typed = request.POST.get("value", "").strip()
    if not (typed.isascii() and typed.isdigit() and len(typed) <= DIGITS):
        raise Refusal(
            "근무일이 비어 있거나 숫자가 아닙니다.",
            next_step="3처럼 적어 주세요. 알리지 않으려면 0을 적습니다.",
        )
    return int(typed)


def _who(request: DeskRequest, name: str, label: str) -> UUID:
    try:
        return UUID(request.POST.get(name, ""))
    except ValueError:
        raise Refusal(f"{label}을 고르지 않았습니다.", next_step="한 분을 골라 주세요.") from None


def _reason(request: DeskRequest) -> Reason:
    try:
        return Reason(request.POST.get("reason", ""))
    except ValueError:
        raise Refusal("사유를 고르지 않았습니다.", next_step="하나를 골라 주세요.") from None


def _office(request: DeskRequest) -> Office:
    try:
        return Office(request.POST.get("office", ""))
    except ValueError:
        raise Refusal("직책을 고르지 않았습니다.", next_step="하나를 골라 주세요.") from None


def _email(request: DeskRequest) -> str:
    email = clean_line(request.POST.get("email", ""), "메일 주소", limit=254)
    try:
        validate_email(email)
    except ValidationError:
        raise Refusal(
            "메일 주소가 비어 있거나 모양이 다릅니다.",
            next_step="name@example.com처럼 적어 주세요.",
        ) from None
    return email


def _today() -> date:
    return day_in_seoul(timezone.now())
