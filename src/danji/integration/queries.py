"""Whose token it is, what waits for a second officer, what is still to be told to programs."""

import hmac
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from danji.accounts.models import Office, Officeholder
from danji.approvals.models import Outcome
from danji.base.prepared import Prepared
from danji.integration.models import (
    ApiScope,
    ApiToken,
    Upload,
    Webhook,
    WebhookAttempt,
    WebhookDelivery,
)
from danji.integration.tokens import Presented
from danji.rules.refusal import Refusal
from danji.rules.text import particle
from danji.signing.queries import VOUCHING

# What needs a second officer, see `ApiToken.needs_confirmation`.
NEEDING = (
    Q(kind=ApiToken.Kind.SYSTEM)
    | Q(scopes__contains=ApiScope.DECIDE.value)
    | Q(scopes__contains=ApiScope.MANAGE.value)
)


class NotRecognised(Refusal):
    """Nobody knows who asks."""


class NotPermitted(Refusal):
    """It is known who asks, and they may not."""


def _tokens(complex_id: UUID) -> "QuerySet[ApiToken]":
    tokens: QuerySet[ApiToken] = (
        ApiToken.objects.within(complex_id)
        .select_related("officeholder__person", "officeholder__complex", "created_by__person")
        .annotate(
            confirmed_at=F("confirmations__confirmed_at"), revoked_at=F("revocations__revoked_at")
        )
    )
    return tokens


_token: Prepared[ApiToken] = Prepared(
    lambda complex_id, token_id: _tokens(complex_id).filter(id=token_id), UUID, UUID
)


def token_of(presented: Presented, *, on: date) -> ApiToken:
    """The token that is presented, with whoever it acts for. Asked with every call, in its complex.

    Raises: NotRecognised when it is unknown, forged, expired or revoked; NotPermitted when it is
    not confirmed yet, or its officeholder is out of office.
    """
    token = next(iter(_token(presented.complex_id, presented.token_id)), None)
    known = bytes(token.secret_hash) if token else bytes(len(presented.secret_hash))
    if not hmac.compare_digest(known, presented.secret_hash) or token is None:
        raise unknown_token()
    if token.revoked_at is not None:
        raise NotRecognised(
            "폐지한 연계 열쇠입니다.", next_step="새 열쇠를 발급받아 프로그램에 넣어 주세요."
        )
    if on > token.expires_on:
        raise NotRecognised(
            f"연계 열쇠의 기한이 {token.expires_on}에 끝났습니다.",
            next_step="새 열쇠를 발급받아 프로그램에 넣어 주세요.",
        )
    if token.needs_confirmation and token.confirmed_at is None:
        raise NotPermitted(
            "아직 다른 분이 확인하지 않은 연계 열쇠입니다.",
            next_step="‘연계 열쇠’ 화면에서 확인을 받은 뒤 다시 보내 주세요.",
        )
    if not token.officeholder.covers(on) or not token.officeholder.person.is_active:
        raise NotPermitted(
            f"{token.officeholder} 님은 지금 임기가 아닙니다.",
            next_step="지금 직을 맡은 분의 연계 열쇠로 바꿔 주세요.",
        )
    return token


def demand_scope(token: ApiToken, scope: ApiScope) -> None:
    """Raises: NotPermitted unless the token is for that."""
    if scope.value not in token.scopes:
        raise NotPermitted(
            f"이 연계 열쇠로는 {scope.label}{particle(scope.label, '을')} 할 수 없습니다.",
            next_step=f"‘{scope.label}’{particle(scope.label, '을')} 허용한 열쇠를 발급받아 "
            "주세요.",
        )


def unknown_token() -> NotRecognised:
    return NotRecognised(
        "연계 열쇠가 없거나 올바르지 않습니다.",
        next_step="‘Authorization: Bearer danji_…’로 열쇠 전체를 보냈는지 확인해 주세요.",
    )


def tokens_shown(reader: Officeholder) -> "QuerySet[ApiToken]":
    """The tokens an officer may look at, the newest first.

    Everybody sees those that act for them, whoever vouches for others those too that wait for a
    second officer or did, and the manager all of them.
    """
    tokens = _tokens(reader.complex_id)
    if reader.office == Office.MANAGER:
        return tokens
    shown = Q(officeholder_id=reader.id)
    if reader.office in VOUCHING:
        shown |= NEEDING
    return tokens.filter(shown)


def unconfirmed_tokens(complex_id: UUID, *, on: date) -> "QuerySet[ApiToken]":
    """The tokens that wait for a second officer and are still good on a day."""
    return _tokens(complex_id).filter(
        NEEDING, confirmations=None, revocations=None, expires_on__gte=on
    )


def upload_of(reader: Officeholder, sha256: str) -> Upload | None:
    """The file with that digest that the reader's programs sent ahead."""
    upload: Upload | None = (
        Upload.objects.within(reader.complex_id)
        .filter(officeholder_id=reader.id, sha256=sha256)
        .order_by("-uploaded_at")
        .first()
    )
    return upload


def webhooks_of(complex_id: UUID) -> "QuerySet[Webhook]":
    """Every webhook of a complex, the newest first; with `ended_at`, None while it goes on."""
    hooks: QuerySet[Webhook] = (
        Webhook.objects.within(complex_id)
        .select_related("registered_by__person", "registered_by__complex", "complex")
        .annotate(ended_at=F("ends__ended_at"))
    )
    return hooks


def webhooks_shown(reader: Officeholder) -> "QuerySet[Webhook]":
    """The webhooks an officer may look at: an address may hold what is for its program only."""
    hooks = webhooks_of(reader.complex_id)
    return hooks if reader.office in VOUCHING else hooks.none()


def due(
    hook: Webhook, waits: Sequence[timedelta], *, since: datetime, at: datetime
) -> "QuerySet[Outcome]":
    """The endings since then that a receiver is to be told now; each with `tries`, that failed.

    Those that failed least come first, then the oldest, so that what is new waits behind nothing
    that was not taken. Args: `waits` are how long to wait after each try; later ones wait as the
    last.
    """
    of_hook = {"complex_id": hook.complex_id, "webhook_id": hook.id}
    told = WebhookDelivery.objects.filter(**of_hook, outcome_id=OuterRef("id"))
    tried = (
        WebhookAttempt.objects.filter(**of_hook, outcome_id=OuterRef("id"))
        .order_by()
        .values("outcome_id")
    )
    has_waited = Q(tries=0) | Q(tries__gt=len(waits), tried_at__lte=at - waits[-1])
    for tries, wait in enumerate(waits, start=1):
        has_waited |= Q(tries=tries, tried_at__lte=at - wait)
    outcomes: QuerySet[Outcome] = (
        Outcome.objects.within(hook.complex_id)
        .filter(~Exists(told), ending__in=hook.endings, ended_at__gte=since)
        .annotate(
            tries=Coalesce(Subquery(tried.annotate(tries=Count("id")).values("tries")), Value(0)),
            tried_at=Subquery(tried.annotate(last=Max("tried_at")).values("last")),
        )
        .filter(has_waited)
        .order_by("tries", "ended_at", "id")
    )
    return outcomes


def latest_of(hook: Webhook, *, limit: int) -> "tuple[list[WebhookDelivery], list[WebhookAttempt]]":
    """What a receiver took, or never took, and what it did not take yet; the newest first."""
    of_hook = {"complex_id": hook.complex_id, "webhook_id": hook.id}
    told = WebhookDelivery.objects.filter(**of_hook, outcome_id=OuterRef("outcome_id"))
    deliveries = WebhookDelivery.objects.filter(**of_hook).order_by("-delivered_at", "-id")
    waiting = WebhookAttempt.objects.filter(~Exists(told), **of_hook).order_by("-tried_at", "-id")
    return list(deliveries[:limit]), list(waiting[:limit])
