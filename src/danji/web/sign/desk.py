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
from danji.signing.models import RevocationRequest, SigningKey
from danji.signing.queries import agreement_of, key_of, revocation_of
from danji.web.account import demonstration_signer
from danji.web.addresses import own_address
from danji.web.api.problems import problem
from danji.web.desk.access import DeskRequest, View, office_of, officer_required, posted
from danji.web.downloads import download
from danji.web.sign import ceremony, certificates, pages
from danji.web.sign.asking import ask_for_code, waiting_for_code
from danji.web.sign.ceremony import Asked, CodeAsked, Decided, Pressed, Tried
from danji.web.sign.certificates import Waiting, ask_for_certificate, waiting_for_certificate

LAYOUT = "base.html"
ENROLLING = "enrolling"  # in the session: what a device was asked to make
DECIDED = "decided"  # in the session: what came of deciding on several documents


class SigningRequest(DeskRequest):
    """A request at the desk, with what came of a code that was typed or of a certificate."""

    tried: Tried


def with_signature(view: View) -> View:
    """Try code or certificate before the view's own transaction begins: a wrong code counts, and
    what an app hands over is had once.
    """

    @wraps(view)
    def tried(request: SigningRequest, **kwargs: Any) -> HttpResponse:
        request.tried = None
        if certificates.is_due(request.POST) and (officeholder := office_of(request)):
            request.tried = certificates.try_outside(
                request, officeholder, kwargs.get("document_id"), at=timezone.now()
            )
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


def skipping_at_desk(request: DeskRequest, shown: Document) -> dict[str, Any] | None:
    """The context `skipping` of desk/_skipping.html at the desk."""
    officeholder = request.officeholder
    return pages.skipping(
        shown,
        officeholder,
        way=ceremony.way_of(officeholder, demonstration_signer(request, officeholder)),
        addresses={
            "action": reverse("desk:omission", args=[shown.id]),
            "statement_url": reverse("sign:decisions-statement"),
            "signing_url": reverse("sign:signing"),
        },
        at=timezone.now(),
    )


def perform_at_desk(request: SigningRequest, pressed: Pressed) -> Asked | Decided:
    """Decide, or ask for a code or a certificate. Raises: Refusal."""
    officeholder = request.officeholder
    return ceremony.perform(
        request.POST,
        pressed,
        officeholder,
        session=demonstration_signer(request, officeholder),
        tried=request.tried,
        at=timezone.now(),
    )


def asked_page(request: DeskRequest, asked: Asked, *, action: str, back: str) -> HttpResponse:
    """The page that asks for the code, or for the signature with a certificate."""
    if isinstance(asked, CodeAsked):
        page = reverse("sign:decisions-code")
        return ask_for_code(request, asked, page=page, action=action, back=back)
    if certificates.is_mistyped(asked):
        return _certificate(request, Waiting(asked, request.POST, action, back), status=422)
    page = reverse("sign:decisions-certificate")
    return ask_for_certificate(request, asked, page=page, action=action, back=back)


@require_safe
@officer_required
def certificate(request: DeskRequest) -> HttpResponse:
    """What is signed with a certificate, and what the person does for it."""
    waiting = waiting_for_certificate(request, request.officeholder, at=timezone.now())
    if isinstance(waiting, str):
        return redirect(waiting or "desk:home")
    return _certificate(request, waiting)


def _certificate(request: DeskRequest, waiting: Waiting, *, status: int = 200) -> HttpResponse:
    template, context = pages.certificate(waiting, layout=LAYOUT)
    context |= {"text_url": reverse("sign:decisions-text")}
    return render(request, template, context, status=status)


@require_safe
@officer_required
def code(request: DeskRequest) -> HttpResponse:
    """What is signed with the code that was sent, and the field for it."""
    waiting = waiting_for_code(request, request.officeholder)
    if isinstance(waiting, str):
        return redirect(waiting or "desk:home")
    context = pages.code(waiting, layout=LAYOUT, at=timezone.now())
    return render(request, "sign/code.html", context)


@posted(back="desk:home")
@officer_required
def statement(request: DeskRequest) -> HttpResponse:
    """What the device is to sign, for the script of the page."""
    try:
        pressed = Pressed.read(request.POST)
        return JsonResponse(ceremony.offer(pressed, request.officeholder, at=timezone.now()))
    except Refusal as refusal:
        return problem(refusal, 409)


@posted(back="desk:home")
@officer_required
def text(request: DeskRequest) -> HttpResponse:
    """What a program is to sign with a 공동인증서, as a file."""
    data = certificates.text_to_sign(request.POST, request.officeholder, None)
    return download(data, pages.TEXT_NAME, "text/plain; charset=utf-8")


@with_signature
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
    if not isinstance(answer, Decided):
        here, back = reverse("sign:decisions"), reverse("desk:home")
        return asked_page(request, answer, action=here, back=back)
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
