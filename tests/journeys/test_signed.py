"""From a passkey's signature to what a stranger checks years later, and everything forged between.

The numbers are those of the threats that the log and the signatures are there for.
"""

import base64
import json

import pytest

from danji.approvals.models import Step
from danji.config.demonstration.relay import Authority
from danji.config.schedule import run_jobs
from danji.disclosure.queries import disclosed, pdf_of, proof_of
from danji.records.models import Record
from danji.rules.refusal import Refusal
from danji.signing import passkeys, relay
from danji.signing.actions import accept_method
from danji.signing.evidence import Evidence, Level
from danji.transparency.models import Event, Opening
from danji.transparency.queries import policy
from danji.transparency.sequencer import Sequencer
from danji_verify.check import check_pdf
from danji_verify.report import Report, State, Verdict
from danji_verify.signature import statement_text
from papers import decide, submit
from signing.enrolment import enrol, register


@pytest.fixture
def devices(chief, manager, at):
    """A passkey of the chief and one of the manager, each confirmed by the other."""
    return {chief: enrol(chief, manager, at), manager: enrol(manager, chief, at)}


def signs(officer, device):
    """What a page does: asks the device to sign the statement, and hands the answer in."""

    def sign(statement):
        assertion = device.assertion(passkeys.challenge([statement]))
        return passkeys.passkey_signer(officer, assertion)(statement)

    return sign


def verified(document) -> Report:
    sequencer = Sequencer()
    while sequencer.tick() + run_jobs():
        pass
    record = Record.objects.get(doc=document.id)
    shown = disclosed(record)
    return check_pdf(pdf_of(shown), proof_of(shown, record.complex), policy(record.complex))


def said(report, state):
    return " ".join(found.sentence for found in report.of(state))


@pytest.fixture
def signed(bookkeeper, chief, manager, devices, at):
    document = submit(bookkeeper, at, form="expense")
    for officer in (chief, manager):
        decide(document, officer, signs(officer, devices[officer]), at)
    return document


def test_t10_a_stranger_sees_who_signed_and_before_whom_the_key_was_enrolled(signed):
    report = verified(signed)
    assert report.verdict is Verdict.ACCEPTED
    held = said(report, State.OK)
    assert held.count("님이 확인하고 등록한 것입니다") == 2
    assert "관리사무소장 박정호" in held


def test_t07_a_certificate_in_the_persons_own_name_is_checked_by_a_stranger_too(
    bookkeeper, chief, manager, sign, settings, tmp_path, at
):
    authority = Authority(at)
    issuers = tmp_path / "issuers.pem"
    issuers.write_bytes(authority.pem)
    settings.CERTIFICATE_ISSUERS = str(issuers)
    accept_method(actor=manager, at=at)

    def by_certificate(statement):
        own = authority.identity(manager.person.name)
        evidence = relay.uploaded(manager, own.sign(statement_text(statement)))
        return relay.certificate_signer(evidence, officeholder=manager)(statement)

    document = submit(bookkeeper, at, form="expense")
    decide(document, chief, sign, at)
    decide(document, manager, by_certificate, at)
    report = verified(document)
    assert report.verdict is Verdict.ACCEPTED
    assert "박정호 이름으로 된 인증서(공동인증서)의 서명이 맞습니다" in said(report, State.OK)


def test_several_are_signed_at_once_and_each_is_proven_alone(
    bookkeeper, chief, manager, devices, sign, at
):
    documents = [submit(bookkeeper, at, form="expense", title=f"{n}차 구입") for n in range(3)]
    for document in documents:
        decide(document, chief, sign, at)
    statements = []
    for document in documents:
        with pytest.raises(Refusal):
            decide(document, manager, lambda one: _remember(statements, one), at)
    assertion = devices[manager].assertion(passkeys.challenge(statements))
    together = passkeys.passkey_signer(manager, assertion, batch=statements)
    for document in documents:
        decide(document, manager, together, at)
    for document in documents:
        assert verified(document).verdict is Verdict.ACCEPTED


def _remember(statements, statement):
    statements.append(statement)
    raise Refusal("아직 서명하지 않았습니다.", next_step="서명해 주세요.")


def test_t06_an_approval_written_in_anothers_name_is_refused_by_everybody(
    bookkeeper, chief, manager, devices, sign, at
):
    """Whoever runs the server logs an approval of the manager's with a signature made up."""
    document = submit(bookkeeper, at, form="expense")
    decide(document, chief, sign, at)
    device = devices[manager]

    def forged(statement):
        evidence = signs(manager, device)(statement)
        details = dict(evidence.details)
        signature = bytearray(base64.b64decode(details["signature"]))
        signature[-1] ^= 1
        details["signature"] = base64.b64encode(signature).decode()
        return Evidence(Level.AUTHENTICATED, "passkey", details, evidence.agreement)

    decide(document, manager, forged, at)
    report = verified(document)
    assert report.verdict is Verdict.REFUSED
    assert "관리사무소장 박정호" in said(report, State.FAILED)


def test_t07_a_key_that_nobody_else_confirmed_signs_nothing(
    bookkeeper, chief, manager, devices, at
):
    device = type(devices[manager])("localhost", passkeys.site_origin())
    register(device, manager, at)
    document = submit(bookkeeper, at, form="expense")
    with pytest.raises(Refusal, match="아직 확인을 받지 않았거나"):
        decide(document, chief, signs(chief, device), at)
    with pytest.raises(Refusal, match="아직 확인을 받지 않았거나"):
        signs(manager, device)(b"{}")


def test_t07_a_key_of_the_servers_own_is_not_the_one_that_was_enrolled(
    bookkeeper, chief, manager, devices, sign, at
):
    """The evidence names an enrolment, but another key made the signature."""
    document = submit(bookkeeper, at, form="expense")
    decide(document, chief, sign, at)
    own = type(devices[manager])("localhost", passkeys.site_origin())
    enrolled = signs(manager, devices[manager])

    def forged(statement):
        evidence = enrolled(statement)
        made = own.assertion(passkeys.challenge([statement]))
        details = evidence.details | {
            "credential": base64.b64encode(own.credential_id).decode(),
            "public_key": base64.b64encode(own.public_key).decode(),
        }
        for part in ("client_data", "authenticator_data", "signature"):
            details[part] = base64.b64encode(passkeys.unwebsafe(made[part])).decode()
        return Evidence(Level.AUTHENTICATED, "passkey", details, evidence.agreement)

    decide(document, manager, forged, at)
    report = verified(document)
    assert report.verdict is Verdict.REFUSED
    assert "등록한 열쇠로 한 것이 아닙니다" in said(report, State.FAILED)


def test_t08_a_signature_of_one_document_is_none_of_another(
    bookkeeper, chief, manager, devices, at
):
    first = submit(bookkeeper, at, form="expense")
    other = submit(bookkeeper, at, form="expense", title="다른 구입")
    made = {}

    def remember(statement):
        made["assertion"] = devices[chief].assertion(passkeys.challenge([statement]))
        return passkeys.passkey_signer(chief, made["assertion"])(statement)

    decide(first, chief, remember, at)
    with pytest.raises(Refusal, match="결재하지 않았습니다"):
        decide(other, chief, passkeys.passkey_signer(chief, made["assertion"]), at)
    assert not Step.objects.filter(document_id=other.id, position=2).exclude(decision="").exists()


def test_t08_a_signature_is_good_once(bookkeeper, chief, manager, devices, at):
    document = submit(bookkeeper, at, form="expense")
    decide(document, chief, signs(chief, devices[chief]), at)
    with pytest.raises(Refusal, match="이미 결재하신"):
        decide(document, chief, signs(chief, devices[chief]), at)


def test_t09_what_was_signed_names_title_amount_and_payee(signed, manager):
    """A page can show one thing and have another signed: so what was signed is kept and told."""
    event = Event.objects.filter(doc=signed.id, name="approval.decided").last()
    opened = Opening.objects.get(event_id=event.id).fields["stmt"]
    statement = json.loads(base64.b64decode(opened["value"]))
    assert statement["title"] == "제설 자재 구입"
    assert (statement["amount"], statement["payee"]) == (132_000, "(주)겨울상사")
