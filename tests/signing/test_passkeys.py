"""Signing with an enrolled key, and every way in which somebody might pretend to."""

import logging

import pytest

from danji.rules.refusal import Refusal
from danji.signing import actions, passkeys
from danji.signing.evidence import Level
from danji_verify.canonical import b64decode, b64encode, canonical, parse_object
from danji_verify.shapes import Fields
from danji_verify.signature import MAX_BATCH, check_auth
from signing.authenticator import UP, websafe
from signing.enrolment import new_device, register, statement_of


def sign(holder, device, statement, *, over=None, **changed):
    """What the page sends when the device signed `over`, tried on `statement`."""
    assertion = device.assertion(passkeys.challenge([over or statement]), **changed)
    return passkeys.passkey_signer(holder, assertion)(statement)


def test_a_stranger_can_check_a_signature_from_the_evidence_alone(
    enrolled, agreed, device, manager, statement
):
    evidence = sign(manager, device, statement)
    assert (evidence.level, evidence.agreement) == (Level.AUTHENTICATED, agreed.id)
    auth = parse_object(canonical(evidence.as_json()))
    assert "패스키의 서명이 맞고" in check_auth(Fields(auth), statement)
    assert auth["key"] == enrolled.id.hex
    confirmation = enrolled.confirmations.get()
    assert auth["enrolled"] == b64encode(bytes(confirmation.leaf_hash))


@pytest.mark.parametrize("algorithm", [-8, -257])
def test_other_kinds_of_keys_sign_as_well(algorithm, manager, chief, agreed, statement, at):
    device = new_device(algorithm)
    actions.confirm_key(register(device, manager, at).id, actor=chief, at=at)
    assert sign(manager, device, statement).method == "passkey"


def test_what_the_device_is_asked_for(enrolled, device, manager, chief):
    assert passkeys.assertion_options(manager) == {
        "rp_id": "localhost",
        "allow": [websafe(device.credential_id)],
    }
    assert passkeys.assertion_options(chief)["allow"] == []


@pytest.mark.parametrize(
    "changed",
    [
        {"doc": "ffffffffffffffffffffffffffffffff"},
        {"seq": 3},
        {"amount": 9430000},
        {"decision": "return"},
        {"at": "2026-11-22T09:00:01Z"},
    ],
)
def test_a_signature_is_of_one_statement_only(enrolled, device, manager, statement, changed):
    """T08: an assertion copied to another document, or a later place of the same."""
    with pytest.raises(Refusal, match="다른 결재에 한 서명"):
        sign(manager, device, statement_of(manager, **changed), over=statement)


def test_a_signature_without_the_users_verification_is_refused(
    enrolled, device, manager, statement
):
    with pytest.raises(Refusal, match="사용자를 확인하지 않았습니다"):
        sign(manager, device, statement, flags=UP)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"origin": "https://evil.example"}, "다른 주소"),
        ({"origin": "http://localhost:8001"}, "다른 주소"),
        ({"crossOrigin": True}, "끼워 넣은"),
        ({"topOrigin": "https://evil.example"}, "끼워 넣은"),
        ({"kind": "webauthn.create"}, "다른 일에 쓴"),
    ],
)
def test_a_signature_made_elsewhere_is_refused(enrolled, device, manager, statement, changed, why):
    with pytest.raises(Refusal, match=why):
        sign(manager, device, statement, **changed)


def test_a_device_of_another_site_is_refused(enrolled, device, manager, statement):
    device.rp_id = "evil.example"
    with pytest.raises(Refusal, match="다른 주소"):
        sign(manager, device, statement)


def test_a_forged_signature_is_refused_and_logged(enrolled, device, manager, statement, caplog):
    """T06: a made-up signature in the name of somebody whose key is known."""
    forger = new_device()
    forger.credential_id = device.credential_id
    with caplog.at_level(logging.WARNING), pytest.raises(Refusal, match="맞지 않습니다"):
        sign(manager, forger, statement)
    assert str(manager.id) in caplog.text


def test_a_key_that_nobody_confirmed_does_not_sign(device, agreed, manager, statement, at):
    register(device, manager, at)
    with pytest.raises(Refusal, match="아직 확인을 받지 않았거나"):
        sign(manager, device, statement)


def test_a_revoked_key_does_not_sign(enrolled, device, manager, statement, at):
    actions.revoke_key(enrolled.id, reason="분실", actor=manager, at=at)
    with pytest.raises(Refusal, match="폐지되었습니다"):
        sign(manager, device, statement)


def test_another_persons_key_does_not_sign(enrolled, device, chief, at):
    actions.accept_method(actor=chief, at=at)
    with pytest.raises(Refusal, match="쓸 수 없습니다"):
        sign(chief, device, statement_of(chief))


def test_without_agreement_nobody_signs(device, manager, chief, statement, at):
    with pytest.raises(Refusal, match="동의서"):
        sign(manager, device, statement)
    actions.confirm_key(register(device, manager, at).id, actor=chief, at=at)
    with pytest.raises(Refusal, match="동의서"):
        sign(manager, device, statement)


@pytest.mark.parametrize("part", ["id", "client_data", "authenticator_data", "signature"])
@pytest.mark.parametrize("garbage", [None, 7, "", "====", "AAA", "AA==", "é", "A" * 50])
def test_what_is_no_assertion_is_refused(part, garbage, enrolled, device, manager, statement):
    assertion = device.assertion(passkeys.challenge([statement])) | {part: garbage}
    with pytest.raises(Refusal):
        passkeys.passkey_signer(manager, assertion)(statement)


@pytest.fixture
def several(manager):
    return [statement_of(manager, doc=f"{number:032x}") for number in range(3)]


def test_several_statements_are_signed_at_once(enrolled, device, manager, several):
    assertion = device.assertion(passkeys.challenge(several))
    signer = passkeys.passkey_signer(manager, assertion, batch=several)
    for statement in several:
        auth = Fields(signer(statement).as_json())
        assert "결재 3건에 한 번에 서명" in check_auth(auth, statement)
        assert [b64decode(item) for item in auth.data["batch"]]


def test_a_statement_that_was_not_among_them_is_refused(enrolled, device, manager, several):
    assertion = device.assertion(passkeys.challenge(several))
    signer = passkeys.passkey_signer(manager, assertion, batch=several)
    with pytest.raises(Refusal, match="다른 결재에 한 서명"):
        signer(statement_of(manager, doc="f" * 32))


def test_a_statement_cannot_be_slipped_among_those_signed(enrolled, device, manager, several):
    assertion = device.assertion(passkeys.challenge(several))
    slipped = [*several, statement_of(manager, doc="f" * 32)]
    signer = passkeys.passkey_signer(manager, assertion, batch=slipped)
    for statement in slipped:
        with pytest.raises(Refusal, match="다른 결재에 한 서명"):
            signer(statement)


def test_a_batch_of_one_is_one_statement(enrolled, device, manager, statement):
    assertion = device.assertion(passkeys.challenge([statement]))
    evidence = passkeys.passkey_signer(manager, assertion, batch=[statement])(statement)
    assert "batch" not in evidence.details


def test_there_is_an_end_to_what_one_signature_covers(enrolled, manager, statement):
    with pytest.raises(Refusal, match=f"{MAX_BATCH}건까지"):
        passkeys.challenge([statement] * (MAX_BATCH + 1))


def test_signing_asks_the_database_once(
    enrolled, device, manager, statement, django_assert_num_queries
):
    assertion = device.assertion(passkeys.challenge([statement]))
    with django_assert_num_queries(1):
        passkeys.passkey_signer(manager, assertion)(statement)
