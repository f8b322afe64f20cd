"""T06, T08: whoever runs the server approves in another's name, with a signature made up."""

import base64

import pytest

from audited import audit, faults, settle, signs, stranger
from danji.signing import passkeys
from danji.signing.evidence import Evidence, Level
from danji_verify.report import Verdict
from papers import decide, submit
from signing.enrolment import enrol, new_device


@pytest.fixture
def devices(chief, manager, at):
    return {chief: enrol(chief, manager, at), manager: enrol(manager, chief, at)}


@pytest.fixture
def document(bookkeeper, chief, devices, at):
    """Signed by the chief; the manager's approval is still lacking."""
    document = submit(bookkeeper, at, form="expense")
    decide(document, chief, signs(chief, devices[chief]), at)
    return document


def with_details(evidence, **changed):
    return Evidence(Level.AUTHENTICATED, "passkey", evidence.details | changed, evidence.agreement)


def test_t06_an_approval_with_a_signature_made_up_is_told_and_refused(
    complex_, document, manager, devices, at
):
    def forged(statement):
        evidence = signs(manager, devices[manager])(statement)
        return with_details(evidence, signature=base64.b64encode(bytes(70)).decode())

    decide(document, manager, forged, at)
    settle()
    assert "패스키의 서명이 맞지 않습니다" in faults(audit(complex_, at))
    assert stranger(document).verdict is Verdict.REFUSED


def test_t06_an_approval_with_a_key_that_nobody_enrolled_is_told_and_refused(
    complex_, document, manager, devices, at
):
    own = new_device()

    def forged(statement):
        evidence = signs(manager, devices[manager])(statement)
        made = own.assertion(passkeys.challenge([statement]))
        parts = {
            part: base64.b64encode(passkeys.unwebsafe(made[part])).decode()
            for part in ("client_data", "authenticator_data", "signature")
        }
        return with_details(
            evidence,
            credential=base64.b64encode(own.credential_id).decode(),
            public_key=base64.b64encode(own.public_key).decode(),
            **parts,
        )

    decide(document, manager, forged, at)
    settle()
    assert "등록한 열쇠가 아닌 열쇠로" in faults(audit(complex_, at))
    assert stranger(document).verdict is Verdict.REFUSED


def test_t06_an_approval_put_into_the_rows_alone_is_told(complex_, document, manager, alter, at):
    settle()
    alter(
        "UPDATE approvals_step SET decision = 'approve', decided_by_id = approver_id, "
        "decided_at = %s, leaf_hash = %s WHERE document_id = %s AND position = 3",
        at,
        bytes(32),
        document.id,
    )
    told = faults(audit(complex_, at))
    assert "관리사무소장 박정호 님의 결재가 봉인 장부에 없습니다" in told


def test_t08_a_signature_copied_to_another_document_is_told_and_refused(
    complex_, document, bookkeeper, chief, manager, devices, at
):
    other = submit(bookkeeper, at, form="expense", title="다른 구입")
    decide(other, chief, signs(chief, devices[chief]), at)
    made = []

    def remembered(statement):
        made.append(signs(manager, devices[manager])(statement))
        return made[0]

    decide(document, manager, remembered, at)
    decide(other, manager, lambda _statement: made[0], at)
    settle()
    assert "다른 결재에 한 서명입니다" in faults(audit(complex_, at))
    assert stranger(document).verdict is Verdict.ACCEPTED
    assert stranger(other).verdict is Verdict.REFUSED
