"""The life of a signing key: asked for by one, confirmed by another, revoked."""

import json
from datetime import date

import pytest

from danji.outbox.models import Message
from danji.rules.refusal import Refusal
from danji.signing import actions, passkeys, queries
from danji.signing.models import KeyConfirmation, SigningKey
from danji.transparency.models import Event, Opening
from danji_verify.canonical import b64decode
from signing.authenticator import UP, SoftPasskey
from signing.enrolment import new_device, register


def told(person):
    return [m.subject for m in Message.objects.filter(recipient=person.person)]


def opened(key, number):
    event = Event.objects.filter(doc=key.id)[number]
    fields = Opening.objects.get(event_id=event.id).fields
    return {name: json.loads(b64decode(opening["value"])) for name, opening in fields.items()}


def test_a_key_signs_only_after_a_second_officer_confirmed_it(device, manager, chief, at):
    key = register(device, manager, at)
    assert queries.keys_of(manager.person_id, manager.complex_id) == []
    assert queries.way_of(manager) == "code"
    assert queries.requested_keys(manager.complex_id) == [key]

    confirmation = actions.confirm_key(key.id, actor=chief, at=at)
    (live,) = queries.keys_of(manager.person_id, manager.complex_id)
    assert (live, bytes(live.leaf_hash)) == (key, bytes(confirmation.leaf_hash))
    assert queries.way_of(manager) == "passkey"
    assert queries.requested_keys(manager.complex_id) == []


def test_the_log_names_the_key_the_person_and_the_officer(enrolled, device, manager, chief):
    assert Event.objects.get(doc=enrolled.id).name == "person.enrolled"
    value = opened(enrolled, 0)
    assert b64decode(value["key"]["public_key"]) == device.public_key
    assert b64decode(value["key"]["credential"]) == device.credential_id
    assert (value["key"]["rp_id"], value["key"]["origin"]) == ("localhost", "http://localhost:8000")
    assert (value["key"]["alg"], value["key"]["synced"]) == (-7, True)
    assert value["actor"]["name"] == value["key"]["name"] == manager.person.name
    assert value["officer"]["name"] == chief.person.name


def test_the_person_and_those_who_may_confirm_are_told(device, manager, chief, clerk, at):
    key = register(device, manager, at)
    assert any("등록해 달라는 요청" in subject for subject in told(manager))
    assert any("확인 요청" in subject for subject in told(chief))
    assert told(clerk) == []
    actions.confirm_key(key.id, actor=chief, at=at)
    assert any("등록되었습니다" in subject for subject in told(manager))


def test_nobody_confirms_the_own_key(device, manager, chair, at):
    key = register(device, manager, at)
    with pytest.raises(Refusal, match="스스로 확인할 수 없습니다"):
        actions.confirm_key(key.id, actor=manager, at=at)


def test_nobody_confirms_the_own_key_from_another_office(device, manager, complex_, at):
    from danji.accounts.actions import appoint
    from danji.accounts.models import Office

    key = register(device, manager, at)
    other = appoint(manager.person, Office.CHIEF, complex_, since=date(2000, 1, 1))
    with pytest.raises(Refusal, match="스스로 확인할 수 없습니다"):
        actions.confirm_key(key.id, actor=other, at=at)


def test_an_office_that_answers_for_nobody_else_does_not_confirm(device, manager, clerk, at):
    key = register(device, manager, at)
    with pytest.raises(Refusal, match="다른 사람의 기기를 확인할 수 없습니다"):
        actions.confirm_key(key.id, actor=clerk, at=at)


def test_who_is_out_of_office_does_not_confirm(device, manager, appointed, at):
    key = register(device, manager, at)
    former = appointed("전임자", "chief", until=date(2020, 1, 1))
    with pytest.raises(Refusal, match="임기가 아닙니다"):
        actions.confirm_key(key.id, actor=former, at=at)


def test_an_officer_of_another_complex_finds_no_key(device, manager, neighbour, at):
    key = register(device, manager, at)
    with pytest.raises(SigningKey.DoesNotExist):
        actions.confirm_key(key.id, actor=neighbour, at=at)


def test_a_key_is_confirmed_once(enrolled, chair, at):
    with pytest.raises(Refusal, match="이미 등록을 확인한"):
        actions.confirm_key(enrolled.id, actor=chair, at=at)
    assert KeyConfirmation.objects.count() == 1


def test_one_passkey_is_not_enrolled_twice_nor_for_two_people(enrolled, device, manager, chief, at):
    for holder in (manager, chief):
        with pytest.raises(Refusal, match="이미 등록한 적이 있는"):
            register(device, holder, at)


def test_there_is_an_end_to_the_devices_of_one_person(manager, at, monkeypatch):
    monkeypatch.setattr(actions, "KEYS_EACH", 1)
    register(new_device(), manager, at)
    with pytest.raises(Refusal, match="1개까지"):
        register(new_device(), manager, at)


@pytest.mark.parametrize("algorithm", [-7, -8, -257])
def test_the_usual_kinds_of_keys_are_taken(algorithm, manager, at):
    assert register(new_device(algorithm), manager, at).algorithm == algorithm


@pytest.mark.parametrize(
    "changed",
    [
        {"flags": UP},
        {"origin": "https://evil.example"},
        {"kind": "webauthn.get"},
        {"crossOrigin": True},
        {"topOrigin": "https://evil.example"},
    ],
)
def test_a_registration_that_was_made_otherwise_is_refused(changed, device, manager, at):
    options, state = passkeys.registration_options(manager)
    challenge = passkeys.unwebsafe(options["publicKey"]["challenge"])
    with pytest.raises(Refusal, match="등록하지 못했습니다"):
        actions.request_key(
            state, device.registration(challenge, **changed), name="전화", actor=manager, at=at
        )


def test_a_registration_for_another_challenge_site_or_person_is_refused(device, manager, chief, at):
    options, state = passkeys.registration_options(manager)
    challenge = passkeys.unwebsafe(options["publicKey"]["challenge"])
    elsewhere = SoftPasskey("evil.example", "http://localhost:8000")
    for response, actor in (
        (device.registration(b"another challenge altogether"), manager),
        (elsewhere.registration(challenge), manager),
        (device.registration(challenge), chief),
        ({"id": "AA", "rawId": "AA", "response": {}}, manager),
        ({}, manager),
    ):
        with pytest.raises(Refusal, match="등록하지 못했습니다"):
            actions.request_key(state, response, name="전화", actor=actor, at=at)


def test_the_device_is_asked_to_verify_its_user_and_to_leave_other_passkeys_alone(
    enrolled, device, manager, chief
):
    options, _ = passkeys.registration_options(manager)
    asked = options["publicKey"]
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert asked["rp"]["id"] == "localhost"
    assert [one["alg"] for one in asked["pubKeyCredParams"]] == [-7, -8, -257]
    (excluded,) = asked["excludeCredentials"]
    assert passkeys.unwebsafe(excluded["id"]) == device.credential_id
    # Neither the id of signing in nor that of anybody else.
    user = asked["user"]["id"]
    assert user != passkeys.websafe(manager.person_id.bytes)
    assert user != passkeys.registration_options(chief)[0]["publicKey"]["user"]["id"]
    json.dumps(options)


def test_the_own_key_is_given_up_at_once(enrolled, manager, at):
    actions.revoke_key(enrolled.id, reason="전화기 분실", actor=manager, at=at)
    assert queries.keys_of(manager.person_id, manager.complex_id) == []
    assert Event.objects.get(doc=enrolled.id, seq=2).name == "person.revoked"
    value = opened(enrolled, 1)
    assert (value["reason"], value["officer"]) == ("전화기 분실", None)
    assert value["actor"]["name"] == manager.person.name
    assert any("폐지되었습니다" in subject for subject in told(manager))


def test_a_key_that_waits_can_be_stopped_by_its_person(device, manager, chief, at):
    key = register(device, manager, at)
    actions.revoke_key(key.id, reason="제가 등록한 것이 아닙니다", actor=manager, at=at)
    with pytest.raises(Refusal, match="이미 폐지한"):
        actions.confirm_key(key.id, actor=chief, at=at)


def test_a_key_is_revoked_once(enrolled, manager, at):
    actions.revoke_key(enrolled.id, reason="분실", actor=manager, at=at)
    with pytest.raises(Refusal, match="이미 폐지한"):
        actions.revoke_key(enrolled.id, reason="분실", actor=manager, at=at)


def test_a_revocation_says_why(enrolled, manager, at):
    with pytest.raises(Refusal, match="사유가 비어"):
        actions.revoke_key(enrolled.id, reason=" ", actor=manager, at=at)


def test_one_officer_alone_revokes_no_other_persons_key(enrolled, chair, manager, at):
    with pytest.raises(Refusal, match="혼자서 폐지할 수 없습니다"):
        actions.revoke_key(enrolled.id, reason="퇴직", actor=chair, at=at)
    request = actions.request_revocation(enrolled.id, reason="퇴직", actor=chair, at=at)
    assert any("폐지하자는 요청" in subject for subject in told(manager))
    with pytest.raises(Refusal, match="스스로 확인할 수 없습니다"):
        actions.confirm_revocation(request.id, actor=chair, at=at)
    assert queries.keys_of(manager.person_id, manager.complex_id) == [enrolled]
    assert queries.requested_revocations(manager.complex_id) == [request]


def test_two_officers_revoke_another_persons_key(enrolled, clerk, chair, manager, at):
    request = actions.request_revocation(enrolled.id, reason="퇴직", actor=clerk, at=at)
    actions.confirm_revocation(request.id, actor=chair, at=at)
    assert queries.keys_of(manager.person_id, manager.complex_id) == []
    assert queries.requested_revocations(manager.complex_id) == []
    value = opened(enrolled, 1)
    assert value["actor"]["name"] == clerk.person.name
    assert value["officer"]["name"] == chair.person.name


def test_a_revocation_is_asked_for_once_and_not_by_the_person(enrolled, chair, manager, at):
    actions.request_revocation(enrolled.id, reason="퇴직", actor=chair, at=at)
    with pytest.raises(Refusal, match="이미 요청하셨습니다"):
        actions.request_revocation(enrolled.id, reason="퇴직", actor=chair, at=at)
    with pytest.raises(Refusal, match="확인 없이 폐지할 수 있습니다"):
        actions.request_revocation(enrolled.id, reason="분실", actor=manager, at=at)


def test_the_own_keys_are_listed_with_what_became_of_them(enrolled, manager, at):
    waiting = register(new_device(), manager, at, name="태블릿")
    listed = {key.id: key.confirmed_at for key in queries.own_keys(manager)}
    assert listed == {enrolled.id: at, waiting.id: None}
