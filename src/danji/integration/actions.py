"""Giving programs their tokens and taking them back, remembering answers, registering receivers."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Sum

from danji.accounts.models import Office, Officeholder
from danji.accounts.queries import as_officer, others_in
from danji.attachments.intake import examine
from danji.base.ids import uuid7
from danji.integration import ahead
from danji.integration.links import token_link
from danji.integration.models import (
    NAME_LENGTH,
    ApiScope,
    ApiToken,
    TokenConfirmation,
    TokenRevocation,
    Upload,
    Webhook,
    WebhookEnd,
)
from danji.integration.queries import tokens_shown
from danji.integration.tokens import SHOWN, make_token, read_token
from danji.integration.webhooks import check_url, shown_secret
from danji.outbox.actions import tell
from danji.rules.approval import Ending
from danji.rules.offices import check_in_office
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.rules.text import clean_line, particle
from danji.signing.queries import VOUCHING

logger = logging.getLogger(__name__)

LASTS_AT_MOST = timedelta(days=366)
TOKENS = 20  # that work, for one officeholder
WEBHOOKS = 10  # that go on, in one complex
FILES_A_DAY, BYTES_A_DAY = 100, 2**30  # sent ahead by one officeholder's programs, in 24 hours

# Whether another call with this key is under way, and what it was answered if it is over: one
# statement, for every write asks it. The lock ends with the transaction.
EARLIER = """
SELECT pg_try_advisory_xact_lock(%(lock)s), answer.fingerprint, answer.status, answer.body
FROM (SELECT 1) AS once LEFT JOIN integration_idempotentanswer AS answer
    ON answer.complex_id = %(complex)s AND answer.token_id = %(token)s AND answer.key = %(key)s
"""
KEEP = """
INSERT INTO integration_idempotentanswer
    (complex_id, id, token_id, key, fingerprint, status, body, answered_at)
VALUES (%(complex)s, %(id)s, %(token)s, %(key)s, %(fingerprint)s, %(status)s, %(body)s, %(at)s)
"""


@dataclass(frozen=True)
class Issued:
    """A new token, and its whole text, which is shown once and kept nowhere."""

    token: ApiToken
    text: str


@dataclass(frozen=True)
class Registered:
    """A new webhook, and the secret its receiver checks signatures with, which is shown once."""

    webhook: Webhook
    secret: str


@dataclass(frozen=True)
class Answer:
    """What a write was answered: HTTP status, and JSON."""

    status: int
    body: str


class InFlight(Refusal):
    """The same write is under way at this moment."""


class KeyReused(Refusal):
    """The key belongs to another write."""


# --- Tokens ------------------------------------------------------------------------------------


@transaction.atomic
def issue_token(
    name: str, scopes: Sequence[ApiScope], expires_on: date, *, actor: Officeholder, at: datetime
) -> Issued:
    """Give a program of one's own a token that acts in one's own name.

    It works at once, but for one that decides or manages: that works once a second officer has
    confirmed it.
    Whoever may do so is told, and the person whose name it is, who may not be the one at the desk.
    Raises: Refusal when nothing or too much is asked for, or the actor is out of office.
    """
    issued = _issue(name, actor, scopes, expires_on, actor=actor, at=at)
    if issued.token.needs_confirmation:
        doing = issued.token.doing
        asked = f"{actor} 님이 본인의 이름으로 {doing} 프로그램의 열쇠를 발급했습니다."
        _ask_to_confirm(issued.token, asked, at)
        tell(
            actor,
            f"{doing} 연계 열쇠 신청: {issued.token.name}",
            f"프로그램이 {expires_on}까지 귀하의 이름으로 {doing} 열쇠를 귀하의 로그인으로 "
            "발급했습니다. 다른 임직원이 확인하면 쓸 수 있습니다.\n"
            "모르는 일이면 ‘연계 열쇠’ 화면에서 폐지하고 관리사무소에 알려 주세요.",
            at=at,
            link=token_link(issued.token.id),
        )
    return issued


@transaction.atomic
def request_system_token(
    name: str,
    officeholder_id: UUID,
    scopes: Sequence[ApiScope],
    expires_on: date,
    *,
    actor: Officeholder,
    at: datetime,
) -> Issued:
    """Ask for the token of a system that drafts in the name of an officeholder, and does no more.

    It works once a second officer has confirmed it; whoever may do so is told.
    Raises: Refusal unless the actor is the manager; Officeholder.DoesNotExist.
    """
    if actor.office != Office.MANAGER:
        raise Refusal(
            "시스템의 연계 열쇠는 관리사무소장만 신청할 수 있습니다.",
            next_step="관리사무소장께 신청해 달라고 하거나, 본인 열쇠를 발급해 주세요.",
        )
    if not {ApiScope.DECIDE, ApiScope.MANAGE}.isdisjoint(scopes):
        raise Refusal(
            "시스템은 결재하거나 관리할 수 없습니다.",
            next_step="‘결재’와 ‘관리’를 빼고 신청해 주세요. 그 일은 사람이 직접 합니다.",
        )
    holder: Officeholder = (
        Officeholder.objects.within(actor.complex_id)
        .select_related("person")
        .get(id=officeholder_id)
    )
    issued = _issue(name, holder, scopes, expires_on, actor=actor, at=at, is_system=True)
    asked = f"{actor} 님이 {holder} 님의 이름으로 문서를 올릴 시스템의 열쇠를 신청했습니다."
    _ask_to_confirm(issued.token, asked, at)
    return issued


@transaction.atomic
def confirm_token(token_id: UUID, *, actor: Officeholder, at: datetime) -> ApiToken:
    """Let a token work that needs a second officer, as that one; the one it acts for is told.

    Raises: Refusal when it is the actor's own request, or not the actor's to confirm, or done;
    ApiToken.DoesNotExist.
    """
    _demand_in_office(actor, at)
    token = _token_to_change(token_id, actor)
    if not token.needs_confirmation or token.confirmed_at or token.revoked_at:
        raise Refusal("확인을 기다리는 열쇠가 아닙니다.", next_step="화면을 새로 열어 주세요.")
    if actor.office not in VOUCHING:
        office = actor.get_office_display()
        raise Refusal(
            f"{office}{particle(office, '은')} 연계 열쇠를 확인할 수 없습니다.",
            next_step="관리사무소장, 과장, 회장, 감사 가운데 한 분께 부탁해 주세요.",
        )
    if token.created_by.person_id == actor.person_id:
        raise Refusal(
            "본인이 신청한 열쇠는 본인이 확인할 수 없습니다.",
            next_step="과장, 회장, 감사 가운데 한 분께 확인을 부탁해 주세요.",
        )
    TokenConfirmation.objects.create(
        complex_id=actor.complex_id, token=token, officer=actor, confirmed_at=at
    )
    logger.info("token %s was confirmed by %s", token.id, actor.id)
    tell(
        token.officeholder,
        f"연계 열쇠 발급: {token.name}",
        f"{token.get_kind_display()} ‘{token.name}’{particle(token.name, '은')} "
        f"프로그램이 {token.expires_on}까지 귀하의 이름으로 {token.doing} 열쇠입니다. "
        f"{actor} 님이 확인했습니다.\n"
        "모르는 일이면 ‘연계 열쇠’ 화면에서 폐지해 주세요.",
        at=at,
        link=token_link(token.id),
    )
    return token


@transaction.atomic
def revoke_token(token_id: UUID, *, actor: Officeholder, at: datetime) -> ApiToken:
    """Let a token work no more: whoever it acts for may say so, and the manager.

    Raises: Refusal; ApiToken.DoesNotExist.
    """
    _demand_in_office(actor, at)
    token = _token_to_change(token_id, actor)
    if actor.id != token.officeholder_id and actor.office != Office.MANAGER:
        raise Refusal(
            "연계 열쇠는 그 열쇠를 쓰는 분과 관리사무소장만 폐지할 수 있습니다.",
            next_step="관리사무소장께 폐지해 달라고 해 주세요.",
        )
    if token.revoked_at:
        raise Refusal("이미 폐지한 열쇠입니다.", next_step="더 하실 일은 없습니다.")
    TokenRevocation.objects.create(
        complex_id=actor.complex_id, token=token, officer=actor, revoked_at=at
    )
    logger.info("token %s was revoked by %s", token.id, actor.id)
    return token


def note_use(token: ApiToken, *, on: date) -> None:
    """Remember on which day a token was used last."""
    if token.last_used_on != on:
        ApiToken.objects.within(token.complex_id).filter(id=token.id).update(last_used_on=on)


# --- Writing once ------------------------------------------------------------------------------


def earlier_answer(token: ApiToken, key: str, fingerprint: bytes) -> Answer | None:
    """What a write with this key was answered; None when it is to be done now.

    Until the transaction ends, no other call with the key goes on.
    Raises: InFlight while another call with the key is under way; KeyReused when the key was used
    for something else.
    """
    lock = int.from_bytes(sha256(token.id.bytes + key.encode()).digest()[:8], signed=True)
    given: dict[str, Any] = {
        "lock": lock,
        "complex": token.complex_id,
        "token": token.id,
        "key": key,
    }
    with connection.cursor() as cursor:
        cursor.execute(EARLIER, given)
        is_first, earlier, status, body = cursor.fetchone()
    if not is_first:
        raise in_flight()
    if earlier is None:
        return None
    if bytes(earlier) != fingerprint:
        raise KeyReused(
            "이 Idempotency-Key는 다른 내용을 보낼 때 이미 썼습니다.",
            next_step="새로 하는 일이면 새 값을 넣어 다시 보내 주세요.",
        )
    return Answer(status, body)


def keep_answer(
    token: ApiToken, key: str, fingerprint: bytes, answer: Answer, *, at: datetime
) -> None:
    """Remember what a write was answered, in the write's own transaction.

    Raises: IntegrityError when another call with the key was faster.
    """
    given: dict[str, Any] = {
        "complex": token.complex_id,
        "id": uuid7(),
        "token": token.id,
        "key": key,
        "fingerprint": fingerprint,
        "status": answer.status,
        "body": answer.body,
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(KEEP, given)


def in_flight() -> InFlight:
    return InFlight(
        "같은 Idempotency-Key로 보낸 일을 지금 처리하고 있습니다.",
        next_step="잠시 뒤 같은 값으로 다시 보내면 그 결과를 알려 드립니다.",
    )


@transaction.atomic
def upload_file(name: str, data: bytes, *, actor: Officeholder, at: datetime) -> Upload:
    """Take in a file (붙임) ahead of the document it belongs to.

    Raises: Refusal for a kind that is not taken, and for more than is taken in a day.
    """
    _demand_in_office(actor, at)
    _demand_room(actor, len(data), at)
    name = clean_line(name, "붙임 파일 이름")
    examined = examine(name, data)
    upload: Upload = Upload.objects.create(
        complex_id=actor.complex_id,
        officeholder=actor,
        name=name,
        media_type=examined.media_type,
        size=len(data),
        sha256=sha256(data).hexdigest(),
        uploaded_at=at,
    )
    ahead.put(upload, data)
    return upload


# --- Receivers ---------------------------------------------------------------------------------


@transaction.atomic
def register_webhook(
    name: str, url: str, endings: Sequence[Ending], *, actor: Officeholder, at: datetime
) -> Registered:
    """Tell a program at this address how documents end, from now on.

    Raises: Refusal unless the actor is the manager, and the address may be told something.
    """
    _demand_manager(actor, at)
    if not endings:
        raise Refusal("알릴 일을 고르지 않았습니다.", next_step="하나 이상 골라 주세요.")
    check_url(url)
    going_on = Webhook.objects.within(actor.complex_id).filter(ends__isnull=True).count()
    if going_on >= WEBHOOKS:
        raise Refusal(
            f"연계 알림은 {WEBHOOKS}개까지 둘 수 있습니다.", next_step="쓰지 않는 것을 끝내 주세요."
        )
    webhook: Webhook = Webhook.objects.create(
        complex=actor.complex,
        name=_named(name),
        url=url,
        endings=[ending.value for ending in endings],
        registered_by=actor,
        registered_at=at,
    )
    logger.info("webhook %s was registered by %s", webhook.id, actor.id)
    return Registered(webhook, shown_secret(webhook))


@transaction.atomic
def end_webhook(webhook_id: UUID, *, actor: Officeholder, at: datetime) -> None:
    """Tell a program nothing more. Raises: Refusal; Webhook.DoesNotExist."""
    _demand_manager(actor, at)
    webhook: Webhook = Webhook.objects.within(actor.complex_id).get(id=webhook_id)
    _, is_new = WebhookEnd.objects.get_or_create(
        complex_id=actor.complex_id,
        webhook=webhook,
        defaults={"officer": actor, "ended_at": at},
    )
    if not is_new:
        raise Refusal("이미 끝낸 알림입니다.", next_step="더 하실 일은 없습니다.")


# --- What these have in common -----------------------------------------------------------------


def _issue(
    name: str,
    holder: Officeholder,
    scopes: Sequence[ApiScope],
    expires_on: date,
    *,
    actor: Officeholder,
    at: datetime,
    is_system: bool = False,
) -> Issued:
    _demand_in_office(actor, at)
    _demand_in_office(holder, at)
    today = day_in_seoul(at)
    if not scopes:
        raise Refusal("허용할 일을 고르지 않았습니다.", next_step="하나 이상 골라 주세요.")
    if not today < expires_on <= today + LASTS_AT_MOST:
        raise Refusal(
            "열쇠의 기한은 내일부터 1년까지 정할 수 있습니다.",
            next_step="기한을 다시 적어 주세요. 끝나기 전에 새로 발급하실 수 있습니다.",
        )
    working = ApiToken.objects.within(holder.complex_id).filter(
        officeholder_id=holder.id, revocations=None, expires_on__gte=today
    )
    if working.count() >= TOKENS:
        raise Refusal(
            f"열쇠는 한 사람에게 {TOKENS}개까지 발급할 수 있습니다.",
            next_step="쓰지 않는 열쇠를 폐지해 주세요.",
        )
    token_id = uuid7()
    text = make_token(actor.complex_id, token_id)
    presented = read_token(text)
    if presented is None:
        raise ValueError("a new token cannot be read")
    token: ApiToken = ApiToken.objects.create(
        complex_id=actor.complex_id,
        id=token_id,
        kind=ApiToken.Kind.SYSTEM if is_system else ApiToken.Kind.OFFICEHOLDER,
        name=_named(name),
        officeholder=holder,
        scopes=sorted({scope.value for scope in scopes}),
        secret_hash=presented.secret_hash,
        prefix=text[:SHOWN],
        created_by=actor,
        created_at=at,
        expires_on=expires_on,
    )
    logger.info("token %s was issued by %s for %s", token.id, actor.id, holder.id)
    return Issued(token, text)


def _token_to_change(token_id: UUID, actor: Officeholder) -> ApiToken:
    """Locked, so that one at a time changes it. Raises: ApiToken.DoesNotExist."""
    ApiToken.objects.within(actor.complex_id).select_for_update(no_key=True).get(id=token_id)
    token: ApiToken = tokens_shown(actor).get(id=token_id)
    return token


def _named(name: str) -> str:
    name = clean_line(name, "프로그램 이름", limit=NAME_LENGTH)
    if not name:
        raise Refusal(
            "프로그램 이름이 비어 있습니다.",
            next_step="어느 프로그램인지 알아볼 이름을 적어 주세요.",
        )
    return name


def _demand_manager(actor: Officeholder, at: datetime) -> None:
    _demand_in_office(actor, at)
    if actor.office != Office.MANAGER:
        raise Refusal(
            "연계 알림은 관리사무소장만 바꿀 수 있습니다.",
            next_step="관리사무소장께 부탁해 주세요.",
        )


def _demand_in_office(officeholder: Officeholder, at: datetime) -> None:
    check_in_office(as_officer(officeholder), day_in_seoul(at))


def _demand_room(actor: Officeholder, size: int, at: datetime) -> None:
    sent = (
        Upload.objects.within(actor.complex_id)
        .filter(officeholder_id=actor.id, uploaded_at__gt=at - timedelta(days=1))
        .aggregate(count=Count("id"), size=Sum("size"))
    )
    if sent["count"] >= FILES_A_DAY or (sent["size"] or 0) + size > BYTES_A_DAY:
        raise Refusal(
            f"파일은 하루에 {FILES_A_DAY}개, {BYTES_A_DAY // 2**30}GB까지 먼저 올릴 수 있습니다.",
            next_step="하루 뒤에 다시 올려 주세요.",
        )


def _ask_to_confirm(token: ApiToken, asked: str, at: datetime) -> None:
    """Tell whoever may be the second officer."""
    besides = token.created_by.person_id
    for officer in others_in(token.complex_id, VOUCHING, besides=besides, on=day_in_seoul(at)):
        tell(
            officer,
            f"연계 열쇠 확인 요청: {token.name}",
            f"{asked}\n맞으면 ‘연계 열쇠’ 화면에서 확인해 주세요.",
            at=at,
            link=token_link(token.id),
        )
