"""Certificates in people's own names, through a relay or from their own device."""

import logging
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import pkcs7
from django.db import transaction

from danji.config.demonstration.relay import Authority
from danji.rules.refusal import Refusal
from danji.signing import jobs, relay
from danji.signing.evidence import Level
from danji.signing.models import RelayRequest, RelayResponse
from danji.signing.relay import Contact, Provider
from danji_verify.shapes import Fields
from danji_verify.signature import check_auth, statement_text
from signing.enrolment import statement_of
from signing.pki import SINCE, RunningRelay, in_ber

CONTACT = Contact("01012345678", "19700131")
pytestmark = pytest.mark.usefixtures("agreed")


@pytest.fixture(scope="module")
def authority():
    return Authority(SINCE)


@pytest.fixture
def issuers(authority, settings, tmp_path):
    path = tmp_path / "issuers.pem"
    path.write_bytes(authority.pem)
    settings.CERTIFICATE_ISSUERS = str(path)


@pytest.fixture
def server(settings, issuers, at):
    running = RunningRelay("shared key", at)
    settings.RELAY_URL, settings.RELAY_KEY = running.url, running.key
    yield running
    running.close()


@pytest.fixture
def own(authority, manager):
    return authority.identity(f"{manager.person.name}()0010041201507231145400001")


@pytest.fixture
def ask(server, manager, statement, at):
    def asked(provider=Provider.KAKAO, *, moment=at):
        return relay.request(
            provider, manager, statement, CONTACT, title="배수펌프 교체 결재", at=moment
        )

    return asked


@pytest.fixture
def collect(manager, at):
    return lambda request, moment=at: relay.collect(request.id, officeholder=manager, at=moment)


@pytest.mark.parametrize("provider", list(Provider))
def test_what_was_signed_in_an_app_signs_the_statement(
    provider, ask, collect, server, own, manager, statement, agreed
):
    request = ask(provider)
    server.sign_in_app(request.receipt, own)
    evidence = collect(request)
    assert relay.certificate_signer(evidence, officeholder=manager)(statement) == evidence
    assert (evidence.level, evidence.method) == (Level.CERTIFICATE, provider.value)
    assert evidence.agreement == agreed.id
    said = check_auth(Fields(evidence.as_json()), statement)
    assert f"{manager.person.name} 이름으로 된 인증서" in said
    assert "발급했는지" in said


def test_the_app_shows_the_person_in_korean_what_is_signed(ask, server, statement, manager):
    asked = server.asked[ask().receipt]
    assert asked.text.encode() == statement_text(statement)
    assert "금액: 1,430,000원" in asked.text
    assert (asked.name, asked.title) == (manager.person.name, "배수펌프 교체 결재")
    assert asked.provider == "kakao"


def test_the_answer_is_fetched_once_and_read_as_often_as_needed(ask, collect, server, own):
    request = ask()
    server.sign_in_app(request.receipt, own)
    assert collect(request) == collect(request)
    assert RelayResponse.objects.count() == 1
    assert server.asked[request.receipt].is_fetched


def test_what_was_fetched_is_kept_even_when_it_cannot_be_read(ask, collect, server, own):
    request = ask()
    server.sign_in_app(request.receipt, own)
    server.asked[request.receipt].signed = b"no CMS"
    for _ in range(2):
        with pytest.raises(Refusal, match="읽을 수 없습니다"):
            collect(request)
    assert RelayResponse.objects.count() == 1


def test_an_answer_that_was_fetched_and_lost_is_gone(ask, collect, server, own):
    request = ask()
    server.sign_in_app(request.receipt, own)
    server.asked[request.receipt].is_fetched = True
    with pytest.raises(Refusal, match="답을 받지 못했습니다"):
        collect(request)


def test_what_was_fetched_cannot_be_lost_with_a_transaction(ask, collect, server, own):
    request = ask()
    server.sign_in_app(request.receipt, own)
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        collect(request)
    assert not server.asked[request.receipt].is_fetched


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("waiting", "아직 서명하지 않으셨습니다"),
        ("declined", "거절하셨습니다"),
        ("expired", "요청이 끝났습니다"),
        ("confused", "답을 받지 못했습니다"),
    ],
)
def test_what_is_not_signed_is_said_so(ask, collect, server, state, why):
    request = ask()
    server.asked[request.receipt].state = state
    with pytest.raises(Refusal, match=why):
        collect(request)
    assert not RelayResponse.objects.exists()


@pytest.mark.parametrize("provider", [Provider.KAKAO, Provider.NAVER])
def test_after_ten_minutes_nothing_can_be_fetched(provider, ask, collect, server, own, at):
    request = ask(provider)
    server.sign_in_app(request.receipt, own)
    with pytest.raises(Refusal, match="시간이 지났습니다"):
        collect(request, at + timedelta(minutes=10))
    assert not server.asked[request.receipt].is_fetched


def test_pass_closes_at_midnight_in_korea(ask, collect, server, own):
    before = datetime(2026, 11, 22, 14, 58, tzinfo=UTC)  # 23:58 in Korea
    request = ask(Provider.PASS, moment=before)
    assert request.closes_at == datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
    server.sign_in_app(request.receipt, own)
    with pytest.raises(Refusal, match="시간이 지났습니다"):
        collect(request, before + timedelta(minutes=2))


def test_another_persons_certificate_is_refused(ask, collect, server, authority):
    request = ask()
    server.sign_in_app(request.receipt, authority.identity("이민호"))
    with pytest.raises(Refusal, match="이름이 결재한 사람의 이름과 다릅니다"):
        collect(request)


def test_another_persons_name_in_the_relays_answer_is_refused(ask, collect, server, own):
    request = ask()
    server.sign_in_app(request.receipt, own, name="이민호")
    with pytest.raises(Refusal, match="다른 사람의 이름"):
        collect(request)


def test_another_statement_signed_in_the_app_is_refused(ask, collect, server, own, manager):
    request = ask()
    other = statement_text(statement_of(manager, amount=9430000))
    server.sign_in_app(request.receipt, own, text=other.decode())
    with pytest.raises(Refusal, match="다른 결재에 한 서명"):
        collect(request)


def test_a_collected_signature_signs_no_other_statement(ask, collect, server, own, manager):
    """T08: a signature copied to another document."""
    request = ask()
    server.sign_in_app(request.receipt, own)
    signer = relay.certificate_signer(collect(request), officeholder=manager)
    with pytest.raises(Refusal, match="다른 결재에 한 서명"):
        signer(statement_of(manager, doc="f" * 32))


def test_a_certificate_of_an_unknown_issuer_is_refused(ask, collect, server, manager):
    """T07: whoever runs the system makes a certificate in the officer's name."""
    request = ask()
    server.sign_in_app(request.receipt, Authority(SINCE).identity(manager.person.name))
    with pytest.raises(Refusal, match="믿는 인증기관"):
        collect(request)


def test_a_person_cannot_issue_certificates(ask, collect, server, own, settings, tmp_path, manager):
    from cryptography.hazmat.primitives.serialization import Encoding

    path = tmp_path / "wrong.pem"
    path.write_bytes(own.certificate.public_bytes(Encoding.PEM))
    settings.CERTIFICATE_ISSUERS = str(path)
    request = ask()
    server.sign_in_app(request.receipt, own)
    with pytest.raises(Refusal, match="믿는 인증기관"):
        collect(request)


def test_somebody_elses_request_is_not_found(ask, server, own, chief, at):
    from danji.signing.actions import accept_method

    accept_method(actor=chief, at=at)
    request = ask()
    server.sign_in_app(request.receipt, own)
    with pytest.raises(RelayRequest.DoesNotExist):
        relay.collect(request.id, officeholder=chief, at=at)


def test_personal_data_stays_with_the_answer_and_is_forgotten(
    ask, collect, server, own, complex_, caplog
):
    request = ask()
    server.sign_in_app(request.receipt, own)
    with caplog.at_level(logging.DEBUG, logger="danji"):
        evidence = collect(request)
    assert "CI+secret" in bytes(RelayResponse.objects.get().body).decode()
    for secret in ("CI+secret", "01012345678", "19700131"):
        assert secret not in str(evidence)
        assert secret not in caplog.text
    assert jobs.forget_responses(complex_.id) == 0
    RelayResponse.objects.all().delete()
    RelayResponse.objects.create(
        complex=complex_, request=request, body=b"{}", received_at=datetime(2020, 1, 1, tzinfo=UTC)
    )
    assert jobs.forget_responses(complex_.id) == 1


@pytest.mark.parametrize("broken", [b"", b"<html>", b"[]", b"null", b"{}", b"x" * 300_000])
def test_what_the_relay_says_may_be_anything(broken, ask, collect, server, own):
    request = ask()
    server.sign_in_app(request.receipt, own)
    server.broken = broken
    with pytest.raises(Refusal):
        collect(request)
    with pytest.raises(Refusal, match="답을 받지 못했습니다"):
        ask()


@pytest.mark.parametrize(
    "receipt", ["", "../../admin", "a/b", "R1?x=", "R1 ", "가", "A" * 101, 7, None]
)
def test_a_receipt_that_leads_elsewhere_is_refused(receipt, ask, server, monkeypatch):
    monkeypatch.setattr(server, "answer", lambda *_: (201, {"receipt": receipt}))
    with pytest.raises(Refusal, match="답을 받지 못했습니다"):
        ask()


def test_a_wrong_key_is_refused_by_the_relay(ask, server, settings):
    settings.RELAY_KEY = "another"
    with pytest.raises(Refusal, match="답을 받지 못했습니다"):
        ask()


def test_a_relay_that_is_away_changes_nothing(ask, collect, server, settings):
    request = ask()
    settings.RELAY_URL = "http://127.0.0.1:9"
    for again in (ask, lambda: collect(request)):
        with pytest.raises(Refusal, match="답을 받지 못했습니다"):
            again()
    assert RelayRequest.objects.count() == 1


def test_without_a_relay_there_is_none(manager, statement, settings, at):
    settings.RELAY_URL = settings.RELAY_KEY = ""
    assert relay.providers(manager) == []
    with pytest.raises(Refusal, match="준비되어 있지 않습니다"):
        relay.request(Provider.KAKAO, manager, statement, CONTACT, title="결재", at=at)


def test_without_agreement_or_term_nobody_is_asked(server, chief, appointed, at):
    former = appointed("전임자", "clerk", until=date(2020, 1, 1))
    for holder, why in ((chief, "동의서"), (former, "임기")):
        with pytest.raises(Refusal, match=why):
            relay.request(
                Provider.KAKAO, holder, statement_of(holder), CONTACT, title="결재", at=at
            )
    assert server.asked == {}


@pytest.mark.parametrize(
    "wrong", [("0101234567890", "19700131"), ("010-1234-5678", "19700131"), ("01012345678", "7001")]
)
def test_a_telephone_and_a_birthday_look_like_them(wrong):
    with pytest.raises(Refusal, match="맞지 않습니다"):
        Contact(*wrong)


@pytest.fixture
def upload(issuers, manager, statement):
    """Upload what the manager's own program made, and sign the statement with it."""

    def signed(data):
        evidence = relay.uploaded(manager, data)
        return relay.certificate_signer(evidence, officeholder=manager)(statement)

    return signed


@pytest.mark.parametrize(
    "options",
    [
        (),
        (pkcs7.PKCS7Options.DetachedSignature,),
        (pkcs7.PKCS7Options.NoAttributes,),
    ],
)
def test_a_joint_certificate_signs_on_the_persons_own_device(options, upload, own, statement):
    evidence = upload(own.sign(statement_text(statement), *options))
    assert (evidence.level, evidence.method) == (Level.CERTIFICATE, "joint-certificate")
    assert "공동인증서" in check_auth(Fields(evidence.as_json()), statement)


def test_a_signature_in_ber_is_read_as_well(upload, own, statement):
    assert upload(in_ber(own.sign(statement_text(statement)))).method == "joint-certificate"


def test_an_expired_certificate_is_refused(upload, authority, manager, statement):
    expired = authority.identity(manager.person.name, lasts=timedelta(30))
    with pytest.raises(Refusal, match="유효하지 않은 인증서"):
        upload(expired.sign(statement_text(statement)))


@pytest.mark.parametrize("data", [b"", b"0", b"\x30\x80", b"A" * 70_000])
def test_an_upload_that_is_no_signature_is_refused(data, upload):
    with pytest.raises(Refusal):
        upload(data)


def test_without_known_issuers_no_certificate_is_believed(
    upload, own, manager, statement, settings
):
    settings.CERTIFICATE_ISSUERS = ""
    assert not relay.takes_certificates(manager)
    with pytest.raises(Refusal, match="믿는 인증기관"):
        upload(own.sign(statement_text(statement)))


def test_a_certificate_of_an_odd_version_is_refused(upload, own, statement):
    signed = own.sign(statement_text(statement))
    version = bytes.fromhex("a003020102")
    assert version in signed
    odd = signed.replace(version, bytes.fromhex("a003020105"), 1)
    with pytest.raises(Refusal, match="믿는 인증기관"):
        upload(odd)


def test_without_agreement_no_certificate_signs(issuers, chief, own, statement):
    with pytest.raises(Refusal, match="동의서"):
        relay.uploaded(chief, own.sign(statement))


def test_the_relay_to_practise_with_signs_for_the_demonstration_alone(
    ask, server, own, upload, manager, statement, settings
):
    """Its authority's key lies on the machine: whoever runs it could sign in any name."""
    settings.RELAY_IS_PRACTICE = True
    assert manager.complex.demonstration
    ask()
    signed = own.sign(statement_text(statement))
    upload(signed)
    manager.complex.demonstration = False
    assert relay.providers(manager) == []
    assert not relay.takes_certificates(manager)
    with pytest.raises(Refusal, match="준비되어 있지 않습니다"):
        ask()
    with pytest.raises(Refusal, match="믿는 인증기관"):
        upload(signed)
