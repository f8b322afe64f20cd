"""Destroying documents by two officers, taking a disclosure back, and who read what."""

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from danji.disclosure.actions import withdraw_disclosure
from danji.disposal import actions
from danji.disposal.queries import disposal_of
from danji.disposal.readings import SHOWN_TO
from danji.rules.disposal import Basis
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.web.desk.access import DeskRequest, officer_required, posted
from danji.web.disposal import pages

REFUSED = 422


@officer_required
def disposals(request: DeskRequest) -> HttpResponse:
    """What may be destroyed, what waits for a second officer, and what was; a POST proposes."""
    if request.method != "POST":
        return _disposals(request)
    try:
        with transaction.atomic():
            proposed = actions.propose_disposal(
                [_uuid(text) for text in request.POST.getlist("doc")],
                _basis(request.POST.get("basis", "")),
                request.POST.get("reason", ""),
                actor=request.officeholder,
                at=timezone.now(),
            )
    except Refusal as refusal:
        return _again(request, refusal)
    messages.success(request, "제안했습니다. 회장이나 감사가 확인하면 파기합니다.")
    return redirect("disposal:disposal", disposal_id=proposed.id)


@require_safe
@officer_required
def proposal(request: DeskRequest) -> HttpResponse:
    """Proposing to destroy one document, before or after the end of its retention."""
    return _proposal(request, _uuid(request.GET.get("document", "")))


@require_safe
@officer_required
def disposal(request: DeskRequest, disposal_id: UUID) -> HttpResponse:
    """One disposal: what it is about, and the second officer's word."""
    shown = disposal_of(request.officeholder.complex_id, disposal_id)
    context = pages.disposal(shown, request.officeholder, today=day_in_seoul(timezone.now()))
    return render(request, "disposal/disposal.html", context)


@posted(back="disposal:disposal")
@officer_required
def confirmation(request: DeskRequest, disposal_id: UUID) -> HttpResponse:
    """Confirm what another officer proposed."""
    actions.confirm_disposal(disposal_id, actor=request.officeholder, at=timezone.now())
    messages.success(request, "확인했습니다. 곧 파기하고, 그 일을 봉인 장부에 적습니다.")
    return redirect("disposal:disposal", disposal_id=disposal_id)


@posted(back="disposal:disposal")
@officer_required
def rejection(request: DeskRequest, disposal_id: UUID) -> HttpResponse:
    """Say no to what another officer proposed."""
    actions.reject_disposal(disposal_id, actor=request.officeholder, at=timezone.now())
    messages.success(request, "거절했습니다. 문서는 그대로 있습니다.")
    return redirect("disposal:disposals")


@posted(back="disposal:disposal")
@officer_required
def withdrawal(request: DeskRequest, disposal_id: UUID) -> HttpResponse:
    """Take one's own proposal back."""
    actions.withdraw_disposal(disposal_id, actor=request.officeholder, at=timezone.now())
    messages.success(request, "제안을 취소했습니다. 문서는 그대로 있습니다.")
    return redirect("disposal:disposals")


@posted(back="desk:record")
@officer_required
def disclosure_withdrawal(request: DeskRequest, record_id: UUID) -> HttpResponse:
    """The manager takes the disclosure of a record back, for a reason that everybody may read."""
    reason = request.POST.get("reason", "")
    withdraw_disclosure(record_id, reason, actor=request.officeholder, at=timezone.now())
    messages.success(request, "공개를 철회했습니다. 공개 화면에는 곧 철회한 까닭만 남습니다.")
    return redirect("desk:record", record_id=record_id)


@require_safe
@officer_required
def readings(request: DeskRequest) -> HttpResponse:
    """Who opened how much without a part in it, for those who watch over it."""
    if request.officeholder.office not in SHOWN_TO:
        raise Refusal(
            "열람 기록은 감사, 회장, 관리사무소장이 봅니다.",
            next_step="확인할 일이 있으면 감사께 부탁해 주세요.",
        )
    context = pages.readings(request.officeholder, today=day_in_seoul(timezone.now()))
    return render(request, "disposal/readings.html", context)


def _disposals(request: DeskRequest, refusal: Refusal | None = None) -> HttpResponse:
    context = pages.disposals(request.officeholder, today=day_in_seoul(timezone.now()))
    status = REFUSED if refusal else 200
    chosen = set(request.POST.getlist("doc"))
    context |= {"refusal": refusal, "chosen": chosen}
    return render(request, "disposal/disposals.html", context, status=status)


def _proposal(request: DeskRequest, doc: UUID, refusal: Refusal | None = None) -> HttpResponse:
    context = pages.proposal(request.officeholder, doc)
    typed = {name: request.POST.get(name, "") for name in ("basis", "reason")}
    context |= {"refusal": refusal, "typed": typed}
    return render(request, "disposal/proposal.html", context, status=REFUSED if refusal else 200)


def _again(request: DeskRequest, refusal: Refusal) -> HttpResponse:
    """The page from which it was proposed, with what was chosen there."""
    if request.POST.get("from") == "one":
        return _proposal(request, _uuid(request.POST.get("doc", "")), refusal)
    return _disposals(request, refusal)


def _basis(text: str) -> Basis:
    try:
        return Basis(text)
    except ValueError:
        raise Refusal(
            "파기하는 근거를 고르지 않았습니다.", next_step="셋 가운데 하나를 골라 주세요."
        ) from None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404(text) from None
