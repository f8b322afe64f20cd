"""The page that says where the log stands and who watches it (봉인과 확인), the page of a witness
that waits for an officer, and what is said on the desk while something is wrong with the log.
"""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from danji.accounts.models import Office, Officeholder
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.transparency.models import Trouble, TroubleKind, WitnessProposal
from danji.transparency.proposing import (
    answer_to,
    confirm_witness,
    confirming,
    open_proposals,
    reject_witness,
)
from danji.transparency.queries import newest_event_at
from danji.transparency.standing import changed_by, standing_of
from danji.transparency.troubles import ADVICE, open_troubles, said_of, troubles_of
from danji.web.desk.access import DeskRequest, officer_required, posted

REFUSED = 422
PAST = 20  # troubles that are over and still shown
# Who is told on the desk: whoever runs the office, and those who watch over it.
TOLD = frozenset({Office.MANAGER, Office.CHAIR, Office.AUDITOR, Office.DIRECTOR})
# While these last, people may wait; the others are for somebody to act on.
PATIENT = frozenset({TroubleKind.WAITING, TroubleKind.SILENT})


@require_safe
@officer_required
def seal(request: DeskRequest) -> HttpResponse:
    """The newest head, each witness and what it saw last, and what is or was wrong."""
    complex_ = request.officeholder.complex
    try:
        standing = standing_of(complex_)
    except FileNotFoundError:  # nothing is sealed yet
        standing = None
    past = troubles_of(complex_.id).exclude(until=None)[:PAST]
    context = {
        "standing": standing,
        "changed_by": changed_by(complex_),
        "newest_at": newest_event_at(complex_.id),
        "log_address": standing and f"{settings.PUBLIC_URL}{complex_.code}/log/{standing.number}/",
        "troubles": [_shown(trouble) for trouble in open_troubles(complex_.id)],
        "past": [_shown(trouble) for trouble in past],
        "waiting": open_proposals(complex_.id),
    }
    return render(request, "desk/seal.html", context)


@require_safe
@officer_required
def witness(request: DeskRequest, proposal_id: UUID) -> HttpResponse:
    """A witness that was entered for the complex, and an officer's buttons; or what was said."""
    return _witness(request, proposal_id)


@posted(back="desk:witness")
@officer_required
def confirmation(request: DeskRequest, proposal_id: UUID) -> HttpResponse:
    """Let the witness follow the log."""
    try:
        confirm_witness(proposal_id, actor=request.officeholder, at=timezone.now())
    except Refusal as refusal:
        return _witness(request, proposal_id, refusal)
    messages.success(request, "확인했습니다. 이제 이 기관이 봉인 장부를 확인합니다.")
    return redirect("desk:seal")


@posted(back="desk:witness")
@officer_required
def rejection(request: DeskRequest, proposal_id: UUID) -> HttpResponse:
    """Say no to the witness."""
    try:
        reject_witness(proposal_id, actor=request.officeholder, at=timezone.now())
    except Refusal as refusal:
        return _witness(request, proposal_id, refusal)
    messages.success(request, "거절했습니다. 소장, 회장, 감사께 알립니다.")
    return redirect("desk:seal")


def _witness(
    request: DeskRequest, proposal_id: UUID, refusal: Refusal | None = None
) -> HttpResponse:
    reader = request.officeholder
    proposal = WitnessProposal.objects.within(reader.complex_id).get(id=proposal_id)
    answer = answer_to(proposal)
    officers = confirming(reader.complex_id, on=day_in_seoul(timezone.now()))
    context = {
        "proposal": proposal,
        "answer": answer,
        "can_answer": answer is None and reader in officers,
        "officers": [str(officer) for officer in officers],
        "refusal": refusal,
    }
    status = REFUSED if refusal else 200
    return render(request, "desk/witness.html", context, status=status)


def said_on_desk(reader: Officeholder) -> dict[str, Any]:
    """The worst that is wrong with the log now, for those who are told, and how much else is: the
    context of parts/_troubles.html.
    """
    if reader.office not in TOLD:
        return {}
    found = open_troubles(reader.complex_id)
    worst = sorted(found, key=lambda trouble: trouble.kind in PATIENT)
    return {"troubles": [_shown(trouble) for trouble in worst[:1]], "others": len(worst) - 1}


def _shown(trouble: Trouble) -> dict[str, Any]:
    kind = TroubleKind(trouble.kind)
    return {
        "what": kind.label,
        "sentence": said_of(trouble),
        "advice": ADVICE[kind],
        "notice": "warn" if kind in PATIENT else "bad",
        "since": trouble.since,
        "until": trouble.until,
    }
