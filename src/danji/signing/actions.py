"""Agreeing to sign, and the life of a signing key: asked for, confirmed by another, revoked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from danji.accounts.models import Officeholder, Person
from danji.accounts.queries import actor_value
from danji.outbox.actions import tell
from danji.rules.periods import day_in_seoul, format_moment
from danji.rules.refusal import Refusal
from danji.rules.text import clean_line, particle
from danji.signing import passkeys, terms
from danji.signing.links import signing_link
from danji.signing.models import (
    Agreement,
    KeyConfirmation,
    KeyRevocation,
    RevocationRequest,
    SigningKey,
)
from danji.signing.queries import VOUCHING, agreement_of, own_keys
from danji.transparency.actions import append_event
from danji_verify.canonical import b64encode, canonical
from danji_verify.entry import Event

KEYS_EACH = 10  # of one person in one complex, waiting ones included
_NOBODY = canonical(None)  # in place of the second officer, where none was needed


@transaction.atomic
def accept_method(*, actor: Officeholder, at: datetime) -> Agreement:
    """Accept that what is signed here binds (전자서명 동의). Accepting again changes nothing.

    Raises: Refusal when out of office.
    Source: 전자서명법 제3조제2항.
    """
    _demand_in_office(actor, at)
    _lock(actor.person_id)  # pressed twice at once, it is accepted once
    if (accepted := agreement_of(actor)) is not None:
        return accepted
    agreement: Agreement = Agreement.objects.create(
        complex_id=actor.complex_id,
        officeholder=actor,
        text_version=terms.CURRENT,
        accepted_at=at,
    )
    value = {
        "v": 1,
        "agreement": agreement.id.hex,
        "version": terms.CURRENT,
        "sha256": terms.digest(terms.CURRENT),
    }
    append_event(
        actor.complex,
        agreement.id,
        Event.AGREED,
        {"agreement": canonical(value), "actor": actor_value(actor)},
        at=at,
    )
    return agreement


@transaction.atomic
def request_key(
    state: Mapping[str, Any],
    response: Mapping[str, Any],
    *,
    name: str,
    actor: Officeholder,
    at: datetime,
) -> SigningKey:
    """Ask that a new passkey become the actor's signing key (서명 열쇠). It cannot sign yet.

    The person is told, and so is everyone who may confirm it.
    Args: `state` and `response` as in `passkeys.read_registration`; `name` is what the person
    calls the device.
    Raises: Refusal when out of office, when the device's answer does not hold, when the passkey is
    known already, or there are too many.
    """
    _demand_in_office(actor, at)
    made = passkeys.read_registration(state, response, actor)
    name = clean_line(name, "기기 이름", limit=50)
    _lock(actor.person_id)
    if SigningKey.objects.within(actor.complex_id).filter(credential_id=made.credential_id).first():
        raise Refusal(
            "이미 등록한 적이 있는 패스키입니다. 한 패스키는 한 사람이 한 번만 등록할 수 있습니다.",
            next_step="기기에서 새 패스키를 만들어 등록해 주세요.",
        )
    if len(own_keys(actor)) >= KEYS_EACH:
        raise Refusal(
            f"기기는 {KEYS_EACH}개까지 등록할 수 있습니다.",
            next_step="쓰지 않는 기기를 폐지한 뒤 다시 등록해 주세요.",
        )
    key: SigningKey = SigningKey.objects.create(
        complex_id=actor.complex_id,
        person_id=actor.person_id,
        requested_by=actor,
        name=name,
        credential_id=made.credential_id,
        public_key=made.public_key,
        algorithm=made.algorithm,
        rp_id=made.rp_id,
        origin=made.origin,
        synced=made.synced,
        requested_at=at,
    )
    tell(
        actor,
        "결재 서명 기기를 등록해 달라는 요청이 있었습니다",
        f"{format_moment(at)}에 {actor} 님의 이름으로 기기 ‘{name}’의 등록을 요청했습니다.\n"
        "다른 임직원 한 사람이 확인하면 이 기기로 서명할 수 있습니다.\n"
        "직접 하신 일이 아니면 지금 폐지하고 감사에게 알려 주세요.",
        at=at,
        link=signing_link(),
    )
    for officer in _vouching(actor.complex_id, key, at):
        tell(
            officer,
            f"확인 요청: {actor} 님의 결재 서명 기기",
            f"{actor} 님이 기기 ‘{name}’의 등록을 요청했습니다.\n"
            "본인에게 직접 물어본 뒤 확인해 주세요.",
            at=at,
            link=signing_link(),
        )
    return key


@transaction.atomic
def confirm_key(key_id: UUID, *, actor: Officeholder, at: datetime) -> KeyConfirmation:
    """Vouch, as the second officer, that a key is the person's: from now on it signs.

    Raises: Refusal for the own key, for someone who is not in office or whose office does not vouch
    for others, and for a key that is confirmed or revoked already; SigningKey.DoesNotExist.
    """
    _demand_vouching(actor, at)
    key = _locked_key(key_id, actor)
    if key.person_id == actor.person_id:
        raise Refusal(
            "자기 기기의 등록은 스스로 확인할 수 없습니다.",
            next_step="다른 임직원에게 확인을 부탁해 주세요.",
        )
    _demand_not_revoked(key)
    if key.confirmations.exists():
        raise Refusal("이미 등록을 확인한 기기입니다.", next_step="더 하실 일이 없습니다.")
    if not key.requested_by.covers(day_in_seoul(at)):
        raise Refusal(
            f"{key.requested_by} 님은 임기가 끝나 기기를 등록할 수 없습니다.",
            next_step="새로 취임했다면 본인이 다시 등록을 요청해 주세요.",
        )
    leaf_hash = append_event(
        actor.complex,
        key.id,
        Event.ENROLLED,
        {
            "key": key_value(key),
            "actor": actor_value(key.requested_by),
            "officer": actor_value(actor),
        },
        at=at,
    )
    confirmation: KeyConfirmation = KeyConfirmation.objects.create(
        complex_id=actor.complex_id,
        key=key,
        officer=actor,
        leaf_hash=leaf_hash,
        confirmed_at=at,
    )
    tell(
        key.requested_by,
        "결재 서명 기기가 등록되었습니다",
        f"{actor} 님이 {format_moment(at)}에 기기 "
        f"‘{key.name}’{particle(key.name, '을')} 확인했습니다. "
        "이제 이 기기로 한 서명은 본인의 서명으로 기록됩니다.\n"
        "직접 등록하신 기기가 아니면 지금 폐지하고 감사에게 알려 주세요.",
        at=at,
        link=signing_link(),
    )
    return confirmation


@transaction.atomic
def revoke_key(key_id: UUID, *, reason: str, actor: Officeholder, at: datetime) -> KeyRevocation:
    """Give up the own key at once, as when a device was lost; a waiting one too.

    Raises: Refusal for another person's key, when out of office, or revoked already;
    SigningKey.DoesNotExist.
    """
    _demand_in_office(actor, at)
    key = _locked_key(key_id, actor)
    if key.person_id != actor.person_id:
        raise Refusal(
            "다른 사람의 기기는 혼자서 폐지할 수 없습니다.",
            next_step="폐지를 요청해 주세요. 다른 임직원이 확인하면 폐지됩니다.",
        )
    return _revoke(key, _cleaned(reason), asked=actor, officer=None, at=at)


@transaction.atomic
def request_revocation(
    key_id: UUID, *, reason: str, actor: Officeholder, at: datetime
) -> RevocationRequest:
    """Ask that another person's key be revoked; a second officer has to agree. The person is told.

    Raises: Refusal when out of office, for the own key, or when asked for already;
    SigningKey.DoesNotExist.
    """
    _demand_in_office(actor, at)
    key = _locked_key(key_id, actor)
    _demand_not_revoked(key)
    if key.person_id == actor.person_id:
        raise Refusal(
            "자기 기기는 다른 사람의 확인 없이 폐지할 수 있습니다.",
            next_step="내 기기 화면에서 폐지해 주세요.",
        )
    asked = RevocationRequest.objects.within(actor.complex_id).filter(key_id=key.id)
    if asked.filter(officer__person_id=actor.person_id).exists():
        raise Refusal(
            "이 기기의 폐지를 이미 요청하셨습니다.",
            next_step="다른 임직원에게 확인을 부탁해 주세요.",
        )
    reason = _cleaned(reason)
    request: RevocationRequest = RevocationRequest.objects.create(
        complex_id=actor.complex_id, key=key, officer=actor, reason=reason, requested_at=at
    )
    tell(
        key.requested_by,
        "결재 서명 기기를 폐지하자는 요청이 있었습니다",
        f"{actor} 님이 기기 ‘{key.name}’의 폐지를 요청했습니다.\n사유: {reason}\n"
        "다른 임직원 한 사람이 확인하면 폐지됩니다.",
        at=at,
        link=signing_link(),
    )
    for officer in _vouching(actor.complex_id, key, at):
        if officer.person_id != actor.person_id:
            tell(
                officer,
                f"확인 요청: {key.requested_by} 님의 결재 서명 기기 폐지",
                f"{actor} 님이 기기 ‘{key.name}’의 폐지를 요청했습니다.\n사유: {reason}",
                at=at,
                link=signing_link(),
            )
    return request


@transaction.atomic
def confirm_revocation(request_id: UUID, *, actor: Officeholder, at: datetime) -> KeyRevocation:
    """Agree, as the second officer, to revoke another person's key: from now on it does not sign.

    Raises: Refusal for one's own request, for someone who is not in office or whose office does not
    vouch for others, and for a key revoked already; RevocationRequest.DoesNotExist.
    """
    _demand_vouching(actor, at)
    request = (
        RevocationRequest.objects.within(actor.complex_id)
        .select_related("officer__person")
        .get(id=request_id)
    )
    key = _locked_key(request.key_id, actor)
    if request.officer.person_id == actor.person_id:
        raise Refusal(
            "폐지를 요청한 사람은 스스로 확인할 수 없습니다.",
            next_step="다른 임직원에게 확인을 부탁해 주세요.",
        )
    if not request.officer.covers(day_in_seoul(at)):
        raise Refusal(
            f"폐지를 요청한 {request.officer} 님의 임기가 끝났습니다.",
            next_step="폐지가 필요하면 새로 요청해 주세요.",
        )
    return _revoke(key, request.reason, asked=request.officer, officer=actor, at=at)


def key_value(key: SigningKey) -> bytes:
    """What the log commits to of a key: canonical JSON, nothing that is secret."""
    return canonical(
        {
            "v": 1,
            "key": key.id.hex,
            "credential": b64encode(bytes(key.credential_id)),
            "public_key": b64encode(bytes(key.public_key)),
            "alg": key.algorithm,
            "rp_id": key.rp_id,
            "origin": key.origin,
            "synced": key.synced,
            "name": key.requested_by.person.name,
        }
    )


def _revoke(
    key: SigningKey,
    reason: str,
    *,
    asked: Officeholder,
    officer: Officeholder | None,
    at: datetime,
) -> KeyRevocation:
    _demand_not_revoked(key)
    append_event(
        asked.complex,
        key.id,
        Event.REVOKED,
        {
            "key": key_value(key),
            "reason": canonical(reason),
            "actor": actor_value(asked),
            "officer": actor_value(officer) if officer else _NOBODY,
        },
        at=at,
    )
    revocation: KeyRevocation = KeyRevocation.objects.create(
        complex_id=key.complex_id,
        key=key,
        reason=reason,
        requested_by=asked,
        officer_id=officer.id if officer else None,
        revoked_at=at,
    )
    by = f"{asked} 님" + (f"이 요청하고 {officer} 님이 확인해" if officer else "이")
    tell(
        key.requested_by,
        "결재 서명 기기가 폐지되었습니다",
        f"{by} {format_moment(at)}에 기기 ‘{key.name}’{particle(key.name, '을')} 폐지했습니다.\n"
        f"사유: {reason}\n"
        "이 기기로는 더 서명할 수 없습니다. 전에 한 서명은 그대로 남습니다.",
        at=at,
    )
    return revocation


def _lock(person_id: UUID) -> None:
    """Let one thing at a time happen to a person's keys, which are never rewritten."""
    Person.objects.select_for_update(no_key=True).get(id=person_id)


def _locked_key(key_id: UUID, actor: Officeholder) -> SigningKey:
    key: SigningKey = (
        SigningKey.objects.within(actor.complex_id)
        .select_related("requested_by__person", "requested_by__complex")
        .get(id=key_id)
    )
    _lock(key.person_id)
    return key


def _vouching(complex_id: UUID, key: SigningKey, at: datetime) -> list[Officeholder]:
    """Who may confirm what concerns a key: each person once."""
    holders = (
        Officeholder.objects.within(complex_id)
        .in_office(day_in_seoul(at))
        .filter(office__in=VOUCHING)
        .exclude(person_id=key.person_id)
        .select_related("person")
        .order_by("since", "id")
    )
    return list({holder.person_id: holder for holder in holders}.values())


def _demand_in_office(actor: Officeholder, at: datetime) -> None:
    if not actor.covers(day_in_seoul(at)):
        raise Refusal(
            f"{actor.person.name} 님은 지금 {actor.get_office_display()}의 임기가 아닙니다.",
            next_step="임기가 아직 남아 있다면 관리사무소에 등록을 확인해 주세요.",
        )


def _demand_vouching(actor: Officeholder, at: datetime) -> None:
    _demand_in_office(actor, at)
    if actor.office not in VOUCHING:
        office = actor.get_office_display()
        raise Refusal(
            f"{office}{particle(office, '은')} 다른 사람의 기기를 확인할 수 없습니다.",
            next_step="관리사무소장, 과장, 회장, 감사 가운데 한 사람에게 부탁해 주세요.",
        )


def _demand_not_revoked(key: SigningKey) -> None:
    if key.revocations.exists():
        raise Refusal(
            "이미 폐지한 기기입니다.", next_step="다시 쓰려면 새 패스키를 만들어 등록해 주세요."
        )


def _cleaned(reason: str) -> str:
    reason = clean_line(reason, "사유", limit=200)
    if not reason:
        raise Refusal("폐지하는 사유가 비어 있습니다.", next_step="사유를 적어 주세요.")
    return reason
