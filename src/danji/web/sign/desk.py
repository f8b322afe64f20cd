"""Deciding at the desk, one document or many, and by what an officer signs. Views call actions."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from danji.approvals import deciding
from danji.approvals.models import Document
from danji.approvals.queries import document_for
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.signing import actions, passkeys
from danji.signing.evidence import Signer
from danji.signing.models import RevocationRequest, SigningKey
from danji.signing.queries import agreement_of, key_of, revocation_of
from danji.web.account import demonstration_signer
from danji.web.addresses import own_address
from danji.web.api.problems import problem
from danji.web.desk.access import DeskRequest, View, office_of, officer_required, posted
from danji.web.sign import ceremony, pages
from danji.web.sign.ceremony import CodeAsked, Decided, Pressed

ENROLLING = "enrolling"  # in the session: what a device was asked to make
DECIDED = "decided"  # in the session: what came of deciding on several documents


class SigningRequest(DeskRequest):
    """A request at the desk, with what came of the code that was typed, if one was."""

    tried: Signer | Refusal | None


def with_code(view: View) -> View:
    """Try a typed code before the view's own transaction begins, so that a wrong one counts."""

    @wraps(view)
    def tried(request: SigningRequest, **kwargs: Any) -> HttpResponse:
        request.tried = None
        if "code" in request.POST and (officeholder := office_of(request)):
            request.tried = ceremony.try_code(request.POST, officeholder, at=timezone.now())
        return view(request, **kwargs)

    return tried


# --- Deciding ----------------------------------------------------------------------------------


def decision_at_desk(
    request: DeskRequest, shown: Document, refusal: Refusal | None = None
) -> dict[str, Any] | None:
    """The context `decision` of desk/_decision.html at the desk.

    Args: with a refusal, what was posted is shown again.
    """
    officeholder = request.officeholder
    return pages.decision(
        shown,
        officeholder,
        way=ceremony.way_of(officeholder, demonstration_signer(request, officeholder)),
        addresses={
            "action": reverse("desk:decision", args=[shown.id]),
            "statement_url": reverse("sign:decisions-statement"),
            "agreement_url": reverse("sign:own-agreement"),
            "hold_url": reverse("sign:hold", args=[shown.id]),
            "here": reverse("desk:document", args=[shown.id]),
        },
        on=day_in_seoul(timezone.now()),
        typed=request.POST.dict() if refusal else None,
        refusal=refusal,
    )


def perform_at_desk(request: SigningRequest, pressed: Pressed) -> CodeAsked | Decided:
    """Decide, or ask for a code. Raises: Refusal."""
    officeholder = request.officeholder
    return ceremony.perform(
        request.POST,
        pressed,
        officeholder,
        session=demonstration_signer(request, officeholder),
        tried=request.tried,
        at=timezone.now(),
    )


def code_page(request: DeskRequest, asked: CodeAsked, *, action: str, back: str) -> HttpResponse:
    """The page that asks for the code."""
    context = pages.code(asked, request.POST, layout="base.html", action=action, back=back)
    return render(request, "sign/code.html", context, status=422 if asked.refusal else 200)


@posted(back="desk:home")
@officer_required
def statement(request: DeskRequest) -> HttpResponse:
    """What the device is to sign, for the script of the page."""
    try:
        pressed = Pressed.read(request.POST)
        return JsonResponse(ceremony.offer(pressed, request.officeholder, at=timezone.now()))
    except Refusal as refusal:
        return problem(refusal, 409)


@with_code
@officer_required
def decisions(request: SigningRequest) -> HttpResponse:
    """Decide on several documents with one gesture or one code, each of them for itself.

    The same address says afterwards what came of it, however often it is opened.
    """
    if request.method != "POST":
        return _decided(request)
    officeholder = request.officeholder
    if not demonstration_signer(request, officeholder) and not agreement_of(officeholder):
        messages.info(request, "처음 결재하시기 전에 아래의 동의서를 읽고 동의해 주세요.")
        return redirect("sign:signing")
    answer = perform_at_desk(request, Pressed.read(request.POST))
    if isinstance(answer, CodeAsked):
        here, back = reverse("sign:decisions"), reverse("desk:home")
        return code_page(request, answer, action=here, back=back)
    request.session[DECIDED] = pages.decided(answer)
    return HttpResponseRedirect(reverse("sign:decisions"), status=303)


def _decided(request: DeskRequest) -> HttpResponse:
    context = request.session.get(DECIDED)
    return render(request, "sign/decided.html", context) if context else redirect("desk:home")


@posted(back="desk:document")
@officer_required
def hold(request: DeskRequest, document_id: UUID) -> HttpResponse:
    """Let a document wait at one's own place and say why, or let it go on."""
    at = timezone.now()
    # For whoever may not see it, it does not exist, whatever else is wrong with what was typed.
    document_for(request.officeholder, document_id, on=day_in_seoul(at))
    if "lift" in request.POST:
        deciding.lift_hold(document_id, actor=request.officeholder, at=at)
        messages.success(request, "보류를 풀었습니다.")
    else:
        reason = request.POST.get("reason", "")
        deciding.hold_step(document_id, reason, actor=request.officeholder, at=at)
        messages.success(request, "보류했습니다. 기안한 분께 알렸습니다.")
    return redirect("desk:document", document_id=document_id)


# --- By what one signs -------------------------------------------------------------------------


def of_key(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """What another complex has does not exist here."""

    @wraps(view)
    def found(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, **kwargs)
        except (SigningKey.DoesNotExist, RevocationRequest.DoesNotExist) as missing:
            raise Http404(str(missing)) from missing

    return found


@require_safe
@officer_required
def signing(request: DeskRequest) -> HttpResponse:
    """What the officer signs with, and whose devices wait for a second officer."""
    return render(request, "sign/signing.html", pages.signing(request.officeholder))


@posted(back="sign:signing")
@officer_required
def agreement(request: DeskRequest) -> HttpResponse:
    """Accept that what is signed here binds."""
    actions.accept_method(actor=request.officeholder, at=timezone.now())
    messages.success(request, "동의하셨습니다. 이제 결재하실 수 있습니다.")
    here = reverse("sign:signing")
    return HttpResponseRedirect(own_address(request, request.POST.get("next", ""), otherwise=here))


@posted(back="sign:signing")
@officer_required
def key_options(request: DeskRequest) -> HttpResponse:
    """What a device is asked to make, for the script of the page."""
    options, state = passkeys.registration_options(request.officeholder)
    request.session[ENROLLING] = state
    return JsonResponse(options)


@posted(back="sign:signing")
@officer_required
def keys(request: DeskRequest) -> HttpResponse:
    """Ask that the passkey a device has made become one's signing key."""
    actions.request_key(
        request.session.pop(ENROLLING, {}),
        pages.read_response(request.POST),
        name=request.POST.get("name", ""),
        actor=request.officeholder,
        at=timezone.now(),
    )
    messages.success(
        request, "기기를 등록해 달라고 요청했습니다. 다른 임직원이 확인하면 쓸 수 있습니다."
    )
    return redirect("sign:signing")


@of_key
@officer_required
def key_confirmation(request: DeskRequest, key_id: UUID) -> HttpResponse:
    """Vouch that a key is its person's."""
    if request.method != "POST":
        return _to_key(request, key_id)
    key_of(request.officeholder, key_id)
    if "seen" not in request.POST:
        raise Refusal(
            "본인에게 직접 확인하셨는지 표시하지 않았습니다.",
            next_step="본인에게 물어보신 뒤 ‘직접 확인했습니다’에 표시하고 눌러 주세요.",
        )
    actions.confirm_key(key_id, actor=request.officeholder, at=timezone.now())
    messages.success(request, "확인하셨습니다. 이제 그 기기로 서명할 수 있습니다.")
    return redirect("sign:signing")


@of_key
@officer_required
def key_revocation(request: DeskRequest, key_id: UUID) -> HttpResponse:
    """Give up one's own key, or ask that somebody else's be revoked."""
    if request.method != "POST":
        return _to_key(request, key_id)
    officeholder, at = request.officeholder, timezone.now()
    reason = request.POST.get("reason", "")
    if key_of(officeholder, key_id).person_id == officeholder.person_id:
        actions.revoke_key(key_id, reason=reason, actor=officeholder, at=at)
        messages.success(request, "폐지했습니다. 이 기기로는 더 서명할 수 없습니다.")
    else:
        actions.request_revocation(key_id, reason=reason, actor=officeholder, at=at)
        messages.success(request, "폐지를 요청했습니다. 다른 임직원이 확인하면 폐지됩니다.")
    return redirect("sign:signing")


@of_key
@officer_required
def revocation_confirmation(request: DeskRequest, revocation_id: UUID) -> HttpResponse:
    """Agree, as the second officer, that a key be revoked."""
    if request.method != "POST":
        revocation_of(request.officeholder, revocation_id)
        return redirect("sign:signing")
    actions.confirm_revocation(revocation_id, actor=request.officeholder, at=timezone.now())
    messages.success(request, "폐지했습니다. 그 기기로는 더 서명할 수 없습니다.")
    return redirect("sign:signing")


def _to_key(request: DeskRequest, key_id: UUID) -> HttpResponse:
    """Whoever comes by an address that only takes a POST sees the page with the button."""
    key_of(request.officeholder, key_id)
    return redirect("sign:signing")
