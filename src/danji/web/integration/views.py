"""Giving programs tokens, taking them back, and where programs are told how documents end."""

from datetime import date
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from danji.accounts.models import Officeholder
from danji.integration import actions
from danji.integration.actions import Issued
from danji.integration.models import ApiScope, ApiToken, Webhook
from danji.integration.queries import tokens_shown, webhooks_shown
from danji.rules.approval import Ending
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.web.desk.access import DeskRequest, officer_required, posted
from danji.web.integration import pages

CREATED, REFUSED = 201, 422


# --- Tokens ------------------------------------------------------------------------------------


@officer_required
def tokens(request: DeskRequest) -> HttpResponse:
    """The tokens the officer may look at; a POST gives a program a new one, which is shown once."""
    if request.method != "POST":
        return _tokens(request)
    try:
        issued = _issue(request)
    except Refusal as refusal:
        return _tokens(request, refusal)
    waits = issued.token.needs_confirmation
    context = {"text": issued.text, "name": issued.token.name, "waits": waits}
    # Not led on to another page: what is shown once is kept nowhere, also not for a moment.
    return render(request, "integration/issued.html", context, status=CREATED)


@require_safe
@officer_required
def token(request: DeskRequest, token_id: UUID) -> HttpResponse:
    """One token, and what can be done about it."""
    return _token(request, token_id)


@posted(back="integration:token")
@officer_required
def confirmation(request: DeskRequest, token_id: UUID) -> HttpResponse:
    """Let a token work that waits for a second officer, as that one."""
    try:
        actions.confirm_token(token_id, actor=request.officeholder, at=timezone.now())
    except Refusal as refusal:
        return _token(request, token_id, refusal)
    messages.success(request, "확인했습니다. 이제 이 열쇠를 쓸 수 있습니다.")
    return redirect("integration:tokens")


@posted(back="integration:token")
@officer_required
def revocation(request: DeskRequest, token_id: UUID) -> HttpResponse:
    """Let a token work no more."""
    try:
        actions.revoke_token(token_id, actor=request.officeholder, at=timezone.now())
    except Refusal as refusal:
        return _token(request, token_id, refusal)
    messages.success(request, "폐지했습니다. 이 열쇠로는 이제 아무것도 할 수 없습니다.")
    return redirect("integration:tokens")


def _issue(request: DeskRequest) -> Issued:
    actor, at = request.officeholder, timezone.now()
    name, wanted = request.POST.get("name", ""), request.POST.get("for", "")
    scopes = [ApiScope(text) for text in request.POST.getlist("scope") if text in ApiScope.values]
    expires_on = _day(request.POST.get("expires_on", ""))
    if not wanted:
        return actions.issue_token(name, scopes, expires_on, actor=actor, at=at)
    try:
        officeholder_id = UUID(wanted)
    except ValueError as problem:
        raise _nobody_chosen() from problem
    try:
        return actions.request_system_token(
            name, officeholder_id, scopes, expires_on, actor=actor, at=at
        )
    except Officeholder.DoesNotExist as problem:
        raise _nobody_chosen() from problem


def _nobody_chosen() -> Refusal:
    return Refusal("누구의 이름으로 올릴지 고르지 않았습니다.", next_step="목록에서 골라 주세요.")


def _tokens(request: DeskRequest, refusal: Refusal | None = None) -> HttpResponse:
    context = pages.tokens(
        request.officeholder, _on(), request.POST.dict(), request.POST.getlist("scope"), refusal
    )
    status = REFUSED if refusal else 200
    return render(request, "integration/tokens.html", context, status=status)


def _token(request: DeskRequest, token_id: UUID, refusal: Refusal | None = None) -> HttpResponse:
    shown: ApiToken = tokens_shown(request.officeholder).get(id=token_id)
    context = pages.token(shown, request.officeholder, _on(), refusal)
    return render(
        request, "integration/token.html", {"token": context}, status=REFUSED if refusal else 200
    )


# --- Receivers ---------------------------------------------------------------------------------


@officer_required
def webhooks(request: DeskRequest) -> HttpResponse:
    """Where programs are told; a POST registers another, whose secret is shown once."""
    if request.method != "POST":
        return _webhooks(request)
    endings = [Ending(text) for text in request.POST.getlist("ending") if text in set(Ending)]
    try:
        made = actions.register_webhook(
            request.POST.get("name", ""),
            request.POST.get("url", "").strip(),
            endings,
            actor=request.officeholder,
            at=timezone.now(),
        )
    except Refusal as refusal:
        return _webhooks(request, refusal)
    context = {"secret": made.secret, "id": made.webhook.id, "name": made.webhook.name}
    return render(request, "integration/registered.html", context, status=CREATED)


@require_safe
@officer_required
def webhook(request: DeskRequest, webhook_id: UUID) -> HttpResponse:
    """One receiver, and what it took."""
    return _webhook(request, webhook_id)


@posted(back="integration:webhook")
@officer_required
def end(request: DeskRequest, webhook_id: UUID) -> HttpResponse:
    """Tell a receiver nothing more."""
    try:
        actions.end_webhook(webhook_id, actor=request.officeholder, at=timezone.now())
    except Refusal as refusal:
        return _webhook(request, webhook_id, refusal)
    messages.success(request, "끝냈습니다. 이제 알리지 않습니다.")
    return redirect("integration:webhooks")


def _webhooks(request: DeskRequest, refusal: Refusal | None = None) -> HttpResponse:
    context = pages.webhooks(
        request.officeholder, request.POST.dict(), request.POST.getlist("ending"), refusal
    )
    status = REFUSED if refusal else 200
    return render(request, "integration/webhooks.html", context, status=status)


def _webhook(
    request: DeskRequest, webhook_id: UUID, refusal: Refusal | None = None
) -> HttpResponse:
    shown: Webhook = webhooks_shown(request.officeholder).get(id=webhook_id)
    context = pages.webhook(shown, request.officeholder, refusal)
    return render(
        request,
        "integration/webhook.html",
        {"webhook": context},
        status=REFUSED if refusal else 200,
    )


def _day(text: str) -> date:
    """Raises: Refusal."""
    try:
        return date.fromisoformat(text)
    except ValueError as problem:
        raise Refusal(
            "기한이 적혀 있지 않습니다.", next_step="열쇠를 언제까지 쓸지 골라 주세요."
        ) from problem


def _on() -> date:
    return day_in_seoul(timezone.now())
