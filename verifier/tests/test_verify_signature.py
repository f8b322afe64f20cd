"""Signatures of statements: what holds, and every way in which one might not."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from asn1crypto import cms
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from danji_verify.canonical import b64decode, b64encode, canonical
from danji_verify.errors import FormatError, VerifyError, Wrong
from danji_verify.shapes import Fields
from danji_verify.signature import (
    MAX_BATCH,
    batch_challenge,
    check_auth,
    check_cms,
    load_cose_key,
    statement_digest,
    statement_text,
)

RP_ID, ORIGIN = "danji.example", "https://danji.example"
OTHER = canonical({"name": "박정호", "at": "2026-11-22T00:00:00Z", "doc": "2"})
STATEMENT = canonical({"name": "박정호", "at": "2026-11-22T00:00:00Z", "doc": "1"})
ID = "0190a1b2c3d47e5f8a9b0c1d2e3f4a5b"
KEYS = {
    "es256": ec.generate_private_key(ec.SECP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "rs256": rsa.generate_private_key(65537, 2048),
}


def octets(data):
    """A CBOR byte string."""
    size = len(data)
    return (bytes([0x58, size]) if size < 256 else b"\x59" + size.to_bytes(2, "big")) + data


def cose(key):
    public = key.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        numbers = public.public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        return bytes.fromhex("a5010203262001") + b"\x21" + octets(x) + b"\x22" + octets(y)
    if isinstance(public, ed25519.Ed25519PublicKey):
        return bytes.fromhex("a4010103272006") + b"\x21" + octets(public.public_bytes_raw())
    numbers = public.public_numbers()
    modulus = numbers.n.to_bytes(public.key_size // 8, "big")
    return bytes.fromhex("a401030339010020") + octets(modulus) + bytes.fromhex("2143010001")


def signed_with(key, message):
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, ec.ECDSA(hashes.SHA256()))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    return key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def assertion(over, key="es256", *, flags=0x05, rp_id=RP_ID, extra=b"", **said):
    """The `auth` of a passkey that signed the challenge."""
    client_data = {
        "type": "webauthn.get",
        "challenge": urlsafe_b64encode(over).rstrip(b"=").decode(),
        "origin": ORIGIN,
        "crossOrigin": False,
    } | said
    client = json.dumps(client_data).encode()
    data = sha256(rp_id.encode()).digest() + bytes([flags]) + b"\0\0\0\0" + extra
    return {
        "level": "authenticated",
        "method": "passkey",
        "credential": b64encode(b"credential"),
        "public_key": b64encode(cose(KEYS[key])),
        "rp_id": RP_ID,
        "origin": ORIGIN,
        "client_data": b64encode(client),
        "authenticator_data": b64encode(data),
        "signature": b64encode(signed_with(KEYS[key], data + sha256(client).digest())),
        "key": ID,
        "enrolled": b64encode(b"\1" * 32),
        "agreement": ID,
    }


def passkey(key="es256", **changed):
    return assertion(statement_digest(STATEMENT), key, **changed)


def check(auth, statement=STATEMENT):
    return check_auth(Fields(auth), statement)


def refused(auth, statement=STATEMENT):
    with pytest.raises(VerifyError) as caught:
        check(auth, statement)
    return str(caught.value)


def without(auth, key):
    return {name: value for name, value in auth.items() if name != key}


@pytest.mark.parametrize("key", KEYS)
def test_a_passkeys_signature_is_accepted(key):
    assert "기기가 사용자를 확인했습니다" in check(passkey(key))


def test_authenticator_data_may_carry_extensions():
    assert check(passkey(flags=0x85, extra=b"\xa0"))


def test_the_digests_are_those_of_the_specification():
    assert statement_digest(b"{}") == sha256(b"apt.stmt.v1\0{}").digest()
    assert batch_challenge([b"1", b"2"]) == sha256(b"apt.stmts.v1\x0012").digest()


def test_a_signature_of_another_statement_is_refused():
    """T08."""
    assert "다른 결재" in refused(passkey(), OTHER)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"flags": 0x01}, "사용자를 확인하지"),
        ({"flags": 0x04}, "사용자를 확인하지"),
        ({"rp_id": "evil.example"}, "다른 주소"),
        ({"origin": "https://evil.example"}, "다른 주소"),
        ({"type": "webauthn.create"}, "다른 일"),
        ({"crossOrigin": True}, "끼워 넣은"),
        ({"crossOrigin": "false"}, "끼워 넣은"),
        ({"topOrigin": ORIGIN}, "끼워 넣은"),
        ({"challenge": ""}, "다른 결재"),
        ({"flags": 0x45}, "another length"),
        ({"extra": b"\xa0"}, "another length"),
        ({"flags": 0x85}, "another length"),
    ],
)
def test_a_signature_made_otherwise_is_refused(changed, why):
    assert why in refused(passkey(**changed))


def test_a_challenge_with_padding_is_another_spelling():
    digest = urlsafe_b64encode(statement_digest(STATEMENT)).decode()
    assert "다른 결재" in refused(passkey(challenge=digest))


@pytest.mark.parametrize(
    "origin",
    [
        "http://danji.example",
        "https://danji.example/",
        "https://danji.example.evil",
        "https://notdanji.example",
        "https://evil@danji.example:x",
        "danji.example",
        "",
    ],
)
def test_an_origin_that_does_not_belong_to_the_site_is_refused(origin):
    assert "다른 주소" in refused(passkey(origin=origin) | {"origin": origin})


@pytest.mark.parametrize("origin", ["https://desk.danji.example", "https://danji.example:8443"])
def test_an_origin_below_the_site_is_accepted(origin):
    assert check(passkey(origin=origin) | {"origin": origin})


def test_another_key_did_not_sign():
    """T06: a key that somebody else holds."""
    other = b64encode(cose(ec.generate_private_key(ec.SECP256R1())))
    assert "맞지 않습니다" in refused(passkey() | {"public_key": other})


SIGNATURES = {key: passkey(key) for key in KEYS}


@pytest.mark.parametrize("key", KEYS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_byte_of_a_signature_can_change(key, data):
    auth = SIGNATURES[key]
    part = data.draw(
        st.sampled_from(["client_data", "authenticator_data", "signature", "public_key"])
    )
    changed = bytearray(b64decode(auth[part]))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    assert refused(auth | {part: b64encode(bytes(changed))})


@pytest.mark.parametrize("key", sorted(passkey()))
@pytest.mark.parametrize("value", [None, 7, "", "AB", "AA=", "____", [], {}, "é"])
def test_a_part_that_is_missing_or_another_thing_is_refused(key, value):
    assert refused(without(passkey(), key))
    assert refused(passkey() | {key: value})


@pytest.mark.parametrize(
    "client_data", [b"", b"[]", b"{", b"\xff", b'{"type":"a","type":"b"}', b"[" * 100_000]
)
def test_client_data_that_is_none_is_refused(client_data):
    assert refused(passkey() | {"client_data": b64encode(client_data)})


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"\xa0",
        b"\xbf\xff",
        cose(KEYS["es256"]) + b"\0",
        cose(KEYS["es256"])[:-1],
        cose(KEYS["es256"]).replace(b"\x26", b"\x27", 1),
        bytes.fromhex("a5010203262001")
        + b"\x21"
        + octets(b"\1" * 32)
        + b"\x22"
        + octets(b"\1" * 32),
        bytes.fromhex("a60101010103272006"),
        bytes.fromhex("a401030339010020") + octets(b"\xff" * 64) + bytes.fromhex("2143010001"),
        b"\xa1\x01" + b"\x81" * 50,
    ],
    ids=range(10),  # made from fresh keys, which would name the tests anew in each process
)
def test_what_is_no_public_key_is_refused(key):
    with pytest.raises(FormatError):
        load_cose_key(key)


def several(count=3):
    return [canonical({"name": "박정호", "doc": str(number)}) for number in range(count)]


def batch(statements, **changed):
    digests = [statement_digest(statement) for statement in statements]
    auth = assertion(batch_challenge(digests), **changed)
    return auth | {"batch": [b64encode(digest) for digest in digests]}


def test_each_of_several_statements_signed_at_once_is_accepted():
    for statement in several():
        assert "3건에 한 번에" in check(batch(several()), statement)


def test_a_statement_that_was_not_among_them_is_refused():
    assert "다른 결재" in refused(batch(several()), STATEMENT)


@pytest.mark.parametrize(
    "change",
    [
        lambda digests: digests[:-1],
        lambda digests: digests[::-1],
        lambda digests: [*digests, b64encode(statement_digest(STATEMENT))],
        lambda digests: [digests[0], *digests],
        lambda _: [],
        lambda digests: [*digests, 7],
        lambda digests: digests[0],
        lambda _: [b64encode(bytes([n]) * 32) for n in range(MAX_BATCH + 1)],
    ],
)
def test_a_batch_is_what_was_signed_and_nothing_else(change):
    auth = batch(several())
    assert refused(auth | {"batch": change(auth["batch"])}, several()[0])


def test_a_signature_of_one_statement_is_none_of_several():
    single = assertion(statement_digest(STATEMENT))
    assert refused(single | {"batch": [b64encode(statement_digest(STATEMENT))]})


# --- What is no signature ------------------------------------------------------------------------

CODE = {
    "level": "simple",
    "method": "mail-code",
    "sent_at": "2026-11-22T00:00:00Z",
    "confirmed_at": "2026-11-22T00:01:00Z",
    "request": ID,
    "agreement": ID,
}
TOKEN = {"level": "simple", "method": "api-token", "token": ID, "agreement": ID}
SIGNED_IN = {"level": "simple", "signed_in_at": "2026-11-22T00:00:00Z"}


@pytest.mark.parametrize(
    "auth",
    [
        CODE,
        CODE | {"method": "message-code"},
        TOKEN,
        SIGNED_IN | {"method": "demo", "agreement": None},
        SIGNED_IN | {"method": "mail-code"},
        SIGNED_IN | {"method": "passkey"},
    ],
)
def test_what_is_no_signature_is_called_none(auth):
    assert "서명은 없습니다" in check(auth)


@pytest.mark.parametrize("level", ["authenticated", "certificate", "", "best"])
@pytest.mark.parametrize("auth", [CODE, TOKEN, SIGNED_IN | {"method": "demo"}])
def test_nothing_is_called_more_than_it_is(auth, level):
    assert refused(auth | {"level": level})


def test_a_signature_is_called_by_its_own_level():
    assert "수준" in refused(passkey() | {"level": "certificate"})
    assert "수준" in refused(passkey() | {"level": "simple"})


@pytest.mark.parametrize(
    "auth",
    [
        CODE | {"confirmed_at": "2026-11-21T23:59:59Z"},
        CODE | {"sent_at": "yesterday"},
        without(CODE, "request"),
        without(TOKEN, "token"),
        CODE | {"agreement": None},
        SIGNED_IN | {"method": "api-token"},
        {"level": "simple", "method": "demo", "agreement": ID},
        {"level": "simple", "method": "smoke-signal"},
        {},
    ],
)
def test_what_is_not_what_its_method_says_is_refused(auth):
    assert refused(auth)


# --- Certificates --------------------------------------------------------------------------------


def certificate(name="박정호", key=None, *, days=3650, usage=None):
    """A certificate that names somebody, and its key. Nobody vouches for it."""
    key = key or KEYS["rs256"]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    since = datetime(2026, 1, 1, tzinfo=UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(since)
        .not_valid_after(since + timedelta(days))
    )
    if usage:
        said = dict.fromkeys(
            (
                "digital_signature",
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "key_cert_sign",
                "crl_sign",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        builder = builder.add_extension(x509.KeyUsage(**said | {usage: True}), critical=True)
    return builder.sign(key, hashes.SHA256()), key


def signed(data=STATEMENT, *options, identity=None, algorithm=None):
    holder, key = identity or certificate()
    if pkcs7.PKCS7Options.NoAttributes not in options:
        options = (*options, pkcs7.PKCS7Options.NoCapabilities)
    return (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(data)
        .add_signer(holder, key, algorithm or hashes.SHA256())
        .sign(serialization.Encoding.DER, [*options, pkcs7.PKCS7Options.Binary])
    )


def certified(data=None, name="박정호", method="joint-certificate"):
    return {
        "level": "certificate",
        "method": method,
        "signed_data": b64encode(signed() if data is None else data),
        "signer": {"name": name},
        "agreement": ID,
    }


def altered(change, data=None):
    """A CMS object with something else in it, written again."""
    info = cms.ContentInfo.load(data or signed())
    change(info["content"])
    return info.dump(force=True)


OPTIONS = pkcs7.PKCS7Options
SIGNED = signed()
PUBLIC_KEY = (
    KEYS["rs256"]
    .public_key()
    .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
)


@pytest.mark.parametrize("method", ["kakao", "naver", "pass", "joint-certificate"])
def test_a_certificates_signature_is_accepted_and_its_issuer_left_open(method):
    said = check(certified(method=method))
    assert said.startswith("박정호 이름으로 된 인증서")
    assert "누가 발급했는지, 폐지되지 않았는지는 확인하지 않았습니다" in said


@pytest.mark.parametrize("options", [(), (OPTIONS.DetachedSignature,), (OPTIONS.NoAttributes,)])
@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1, None])
@pytest.mark.parametrize("algorithm", [hashes.SHA256, hashes.SHA384, hashes.SHA512])
def test_the_usual_ways_of_signing_are_read(options, curve, algorithm):
    identity = certificate(key=ec.generate_private_key(curve())) if curve else None
    data = signed(STATEMENT, *options, identity=identity, algorithm=algorithm())
    assert check(certified(data))


@pytest.mark.parametrize("options", [(), (OPTIONS.NoAttributes,)])
def test_ber_is_read_as_der_is(options):
    data = signed(STATEMENT, *options)
    octet_string = b"\x04" + bytes([len(STATEMENT)]) + STATEMENT
    assert len(STATEMENT) < 128
    first, rest = STATEMENT[:10], STATEMENT[10:]
    parts = b"\x04\x0a" + first + b"\x04" + bytes([len(rest)]) + rest
    info = cms.ContentInfo.load(data)
    inner = info["content"]["encap_content_info"].dump()
    grown = b"\x30\x80" + inner[2:].replace(
        b"\xa0" + bytes([len(octet_string)]) + octet_string,
        b"\xa0\x80\x24\x80" + parts + b"\0\0\0\0",
    )
    content = info["content"].contents
    body = content.replace(inner, grown + b"\0\0")
    assert body != content
    oid = bytes.fromhex("06092a864886f70d010702")
    ber = b"\x30\x80" + oid + b"\xa0\x80\x30\x80" + body + b"\0\0\0\0\0\0"
    assert check(certified(ber))


def test_the_name_of_a_joint_certificate_ends_before_the_bracket():
    identity = certificate("박정호()0010041201507231145400001")
    assert check(certified(signed(identity=identity)))
    assert check_cms(signed(identity=identity), STATEMENT).name == "박정호"


@pytest.mark.parametrize("options", [(), (OPTIONS.DetachedSignature,), (OPTIONS.NoAttributes,)])
def test_a_certificates_signature_of_another_statement_is_refused(options):
    assert refused(certified(signed(OTHER, *options)))


DECISION = {
    "complex": "A10000001",
    "title": "배수펌프\n결정: 반려",
    "amount": 1430000,
    "payee": "",
    "act": "confirm",
    "decision": "approve",
    "to": None,
    "office": "회장",
    "name": "정순자",
    "acting": {"office": "이사", "name": "박정호"},
    "opinion": "",
    "at": "2026-11-22T00:00:00Z",
    "body": "e3" * 32,
}
TEXT = """다음과 같이 결재합니다.

단지: A10000001
제목: 배수펌프 결정: 반려
금액: 1,430,000원
결재할 자리: 확인 · 회장 정순자
대신 결재하는 사람: 이사 박정호
결정: 확인
시각(세계시): 2026-11-22T00:00:00Z
문서 확인값: e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3
승인문 확인값: %s
"""


def test_a_certificate_signs_what_its_person_can_read():
    statement = canonical(DECISION)
    text = TEXT % statement_digest(statement).hex()
    assert statement_text(statement).decode() == text
    readable = certified(signed(text.encode())) | {"text": 1}
    assert check(readable, statement)
    assert "다른 결재" in refused(readable, canonical(DECISION | {"amount": 9430000}))
    # Another statement that reads the same is another statement.
    assert "다른 결재" in refused(readable, canonical(DECISION | {"seq": 9}))
    assert "다른 결재" in refused(certified(signed(statement)) | {"text": 1}, statement)
    for unknown in (2, "1", None, True):
        assert "text" in refused(readable | {"text": unknown}, statement)
    assert "called" in refused(readable, canonical(DECISION | {"act": "toString"}))
    afterwards = {key: DECISION[key] for key in DECISION if key not in {"to", "acting"}}
    text = statement_text(canonical(afterwards | {"act": "afterwards"})).decode()
    assert "결재할 자리: 후결 · 회장 정순자\n결정: 승인\n" in text


def test_somebody_elses_certificate_is_refused():
    data = signed(identity=certificate("이민호"))
    assert "이름이 결재한 사람" in refused(certified(data))
    assert "이름이 결재한 사람" in refused(certified(data, name="이민호"))
    assert "이름이 없습니다" in refused(certified(signed(identity=certificate("(박정호)"))))


def test_an_expired_certificate_is_refused():
    assert "유효하지 않은" in refused(certified(signed(identity=certificate(days=30))))


def test_a_certificate_for_something_else_is_refused():
    for usage, taken in (
        ("digital_signature", True),
        ("content_commitment", True),
        ("key_encipherment", False),
    ):
        data = signed(identity=certificate(usage=usage))
        if taken:
            assert check(certified(data))
        else:
            assert "서명에 쓰는 인증서가 아닙니다" in refused(certified(data))


def test_weak_signatures_are_refused():
    small = certificate(key=rsa.generate_private_key(65537, 1024))
    assert "약한" in refused(certified(signed(identity=small)))

    def with_sha1(content):
        content["signer_infos"][0]["digest_algorithm"]["algorithm"] = "sha1"

    assert "약한" in refused(certified(altered(with_sha1)))


def test_there_is_one_signer_with_one_certificate():
    def without_certificate(content):
        content["certificates"] = []

    def with_two_signers(content):
        content["signer_infos"].append(content["signer_infos"][0].copy())

    def without_signer(content):
        content["signer_infos"] = []

    assert "인증서가 들어 있지" in refused(certified(altered(without_certificate)))
    assert "하나가 아닙니다" in refused(certified(altered(with_two_signers)))
    assert "하나가 아닙니다" in refused(certified(altered(without_signer)))


def test_attributes_that_name_another_digest_do_not_count():
    """The signature is over the attributes; they must name the content that is handed in."""
    theirs = cms.ContentInfo.load(signed(OTHER))["content"]["signer_infos"]

    def with_their_signature(content):
        content["signer_infos"] = theirs

    assert "다른 결재" in refused(certified(altered(with_their_signature)))


def test_attributes_without_a_digest_are_refused():
    def drop(content):
        attributes = content["signer_infos"][0]["signed_attrs"]
        kept = [one for one in attributes if one["type"].native != "message_digest"]
        content["signer_infos"][0]["signed_attrs"] = kept

    assert refused(certified(altered(drop)))


def test_attributes_taken_away_do_not_leave_a_signature():
    def drop(content):
        content["signer_infos"][0]["signed_attrs"] = None

    with pytest.raises(Wrong):
        check_cms(altered(drop), STATEMENT)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_signature_is_refused_and_never_a_crash(data):
    good = SIGNED
    damaged = bytearray(good)
    damaged[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = check_cms(bytes(damaged), STATEMENT)
    except Wrong:
        return
    # The certificate is its issuer's to vouch for; the key in it is still the one that signed.
    assert asn1_x509.Certificate.load(found.certificate).public_key.dump() == PUBLIC_KEY


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x80", b"\0" * 100, b"{}", b"A" * 70_000])
def test_what_is_no_signature_at_all_is_refused(data):
    assert "읽을 수 없습니다" in refused(certified(data))


@pytest.mark.parametrize("statement", [b"", b"{}", b"[]", b'{"name":"\xeb\xb0\x95"}'])
def test_a_statement_without_name_or_time_is_not_signed_by_anybody(statement):
    assert refused(certified(signed(statement)), statement)
