"""What the pages about other programs show, as plain data for their templates."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any

from django.conf import settings

from danji.accounts.models import Office, Officeholder
from danji.accounts.queries import holders
from danji.integration.models import ApiScope, ApiToken, Webhook
from danji.integration.queries import latest_of, tokens_shown, webhooks_shown
from danji.rules.approval import Ending
from danji.rules.refusal import Refusal
from danji.signing.queries import VOUCHING

USUAL = timedelta(days=365)  # for which a token is offered
LATEST = 20  # deliveries shown


def tokens(
    reader: Officeholder,
    on: date,
    typed: Mapping[str, str],
    chosen: Collection[str],
    refusal: Refusal | None = None,
) -> dict[str, Any]:
    """The context of integration/tokens.html.

    Args: `typed` and `chosen` are what was posted and could not be done.
    """
    lines = [_line(token, on) for token in tokens_shown(reader)]
    return {
        "waiting": [line for line in lines if line["state"] == "waiting"],
        "working": [line for line in lines if line["state"] == "working"],
        "over": [line for line in lines if line["state"] == "over"],
        "scopes": [
            {"value": scope.value, "label": scope.label, "chosen": scope.value in chosen}
            for scope in ApiScope
        ],
        "officers": [
            {"value": str(held.id), "label": str(held), "chosen": typed.get("for") == str(held.id)}
            for held in holders(reader.complex_id)
            if held.covers(on)
        ]
        if reader.office == Office.MANAGER
        else [],
        "typed": {
            "name": typed.get("name", ""),
            "expires_on": typed.get("expires_on", (on + USUAL).isoformat()),
        },
        "error": str(refusal) if refusal else "",
    }


def token(
    shown: ApiToken, reader: Officeholder, on: date, refusal: Refusal | None = None
) -> dict[str, Any]:
    """The context of integration/token.html."""
    line = _line(shown, on)
    return line | {
        "created_by": str(shown.created_by),
        "created_at": shown.created_at,
        "can_confirm": line["state"] == "waiting"
        and reader.office in VOUCHING
        and reader.person_id != shown.created_by.person_id,
        "can_revoke": line["state"] != "over"
        and (reader.id == shown.officeholder_id or reader.office == Office.MANAGER),
        "error": str(refusal) if refusal else "",
    }


def webhooks(
    reader: Officeholder,
    typed: Mapping[str, str],
    chosen: Collection[str],
    refusal: Refusal | None = None,
) -> dict[str, Any]:
    """The context of integration/webhooks.html."""
    found = [_receiver(hook) for hook in webhooks_shown(reader)]
    return {
        "going_on": [hook for hook in found if hook["ended_at"] is None],
        "over": [hook for hook in found if hook["ended_at"] is not None],
        "may_look": reader.office in VOUCHING,
        "can_register": reader.office == Office.MANAGER,
        "endings": [
            {"value": ending.value, "label": ending.label, "chosen": ending.value in chosen}
            for ending in Ending
        ],
        "typed": {"name": typed.get("name", ""), "url": typed.get("url", "")},
        "inside": settings.WEBHOOK_ALLOW_PRIVATE,
        "error": str(refusal) if refusal else "",
    }


def webhook(shown: Any, reader: Officeholder, refusal: Refusal | None = None) -> dict[str, Any]:
    """The context of integration/webhook.html. Args: `shown` is of `webhooks_of`."""
    deliveries, waiting = latest_of(shown, limit=LATEST)
    return _receiver(shown) | {
        "registered_by": str(shown.registered_by),
        "registered_at": shown.registered_at,
        "deliveries": [{"at": d.delivered_at, "given_up": d.given_up} for d in deliveries],
        "waiting": [{"at": one.tried_at, "problem": one.problem} for one in waiting],
        "can_end": shown.ended_at is None and reader.office == Office.MANAGER,
        "error": str(refusal) if refusal else "",
    }


def _line(token: ApiToken, on: date) -> dict[str, Any]:
    if token.revoked_at is not None or on > token.expires_on:
        state, words = "over", "폐지" if token.revoked_at is not None else "기한 끝남"
    elif token.needs_confirmation and token.confirmed_at is None:
        state, words = "waiting", "확인 기다림"
    else:
        state, words = "working", "쓰는 중"
    return {
        "id": token.id,
        "name": token.name,
        "kind": token.get_kind_display(),
        "officer": str(token.officeholder),
        "scopes": ", ".join(ApiScope(scope).label for scope in token.scopes),
        "doing": token.doing,
        "is_own": token.kind == ApiToken.Kind.OFFICEHOLDER,
        "prefix": token.prefix,
        "expires_on": token.expires_on,
        "last_used_on": token.last_used_on,
        "state": state,
        "words": words,
    }


def _receiver(hook: Any) -> dict[str, Any]:
    shown: Webhook = hook
    return {
        "id": shown.id,
        "name": shown.name,
        "url": shown.url,
        "endings": ", ".join(Ending(ending).label for ending in shown.endings),
        "ended_at": hook.ended_at,
    }
