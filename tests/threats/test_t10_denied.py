"""T10: an approver says "that was not me". The bundle answers, far from the operator's machines."""

import subprocess
import sys
from base64 import urlsafe_b64encode
from hashlib import sha256
from json import dumps

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import made_bundle
import made_document as made
from danji_verify.canonical import b64encode
from danji_verify.entry import Event
from danji_verify.merkle import leaf_hash
from danji_verify.shapes import Fields
from danji_verify.signature import statement_digest

RP_ID, ORIGIN = "danji.example", "https://danji.example"
CHAIR = made.LINE[2]
KEYS = {
    place["name"]: Ed25519PrivateKey.from_private_bytes(bytes([10 + place["position"]]) * 32)
    for place in made.LINE[1:]
}

# A program without network, without Danji, without anything but the verifier.
ALONE = """
import socket, sys
def no_network(*_where): raise OSError("there is no network here")
socket.socket.connect = socket.getaddrinfo = no_network
sys.modules["danji"] = sys.modules["django"] = sys.modules["psycopg"] = None
from danji_verify.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def public(name):
    """The COSE key, and the credential, of a person's passkey."""
    raw = KEYS[name].public_key().public_bytes_raw()
    return {
        "credential": b64encode(name.encode()),
        "public_key": b64encode(bytes.fromhex("a40101032720062158" + "20") + raw),
        "rp_id": RP_ID,
        "origin": ORIGIN,
    }


def officer(name, office):
    return {
        "officeholder": sha256(name.encode()).hexdigest()[:32],
        "office": office,
        "name": name,
        "from": "2026-01-01",
        "until": "2027-12-31",
    }


def enrolled(place, before):
    key = {"v": 1, "key": "1" * 32, "alg": -8, "synced": False, "name": "전화기"}
    return (
        Event.ENROLLED,
        {
            "key": key | public(place["name"]),
            "actor": officer(place["name"], place["office"]),
            "officer": officer(before, "감사"),
        },
    )


def signed_by(enrolments):
    """Signs a statement with the passkey of whoever it names."""

    def sign(statement):
        name = Fields.parse(statement).text("name")
        client = dumps(
            {
                "type": "webauthn.get",
                "challenge": urlsafe_b64encode(statement_digest(statement)).decode().rstrip("="),
                "origin": ORIGIN,
                "crossOrigin": False,
            }
        ).encode()
        data = sha256(RP_ID.encode()).digest() + b"\x05" + bytes(4)
        return public(name) | {
            "level": "authenticated",
            "method": "passkey",
            "client_data": b64encode(client),
            "authenticator_data": b64encode(data),
            "signature": b64encode(KEYS[name].sign(data + sha256(client).digest())),
            "key": "1" * 32,
            "enrolled": b64encode(enrolments[name]),
            "agreement": "2" * 32,
        }

    return sign


@pytest.fixture(scope="module")
def document():
    basis = tuple(enrolled(place, "최감사") for place in made.LINE[1:])
    parts = made.make(basis=basis).parts
    enrolments = {
        place["name"]: leaf_hash(parts[f"leaf-basis-{number}.json"])
        for number, place in enumerate(made.LINE[1:], start=1)
    }
    return made.make(
        sealed=True, cosigners=("complex", "city"), basis=basis, sign=signed_by(enrolments)
    )


@pytest.fixture
def elsewhere(tmp_path):
    """What an arbitrator has: the bundle, and a policy from the city."""

    def judge(files):
        (tmp_path / "bundle.zip").write_bytes(made_bundle.packed(files))
        (tmp_path / "policy.txt").write_bytes(made.policy(witnesses=True).format())
        (tmp_path / "tsa.pem").write_bytes(made_bundle.authority().pem)
        options = "--policy policy.txt --tsa tsa.pem --memory none --now 2026-11-23T00:00:00Z"
        answer = subprocess.run(
            [sys.executable, "-c", ALONE, "bundle.zip", *options.split()],
            cwd=tmp_path,
            env={},
            capture_output=True,
            check=False,
        )
        assert answer.stderr == b""
        return answer.returncode, answer.stdout.decode()

    return judge


def test_t10_the_bundle_names_what_the_approver_signed_with(document, elsewhere):
    code, said = elsewhere(made_bundle.stamped(document))
    assert code == 0
    for sentence in (
        "관리사무소장 박세찬: 등록한 패스키의 서명이 맞고",
        "관리사무소장 박세찬의 서명 열쇠는 감사 최감사 님이 확인하고 등록한 것입니다.",
        "결재 2건의 서명 자료가 장부에 적힌 것과 같습니다.",
        "믿는 시각 기관이 도장을 찍었습니다.",
        "확정",
    ):
        assert sentence in said, said


def test_t10_evidence_that_was_exchanged_is_refused(document, elsewhere):
    files = made_bundle.stamped(document)
    code, said = elsewhere(files | {"auth-3.json": files["auth-2.json"]})
    assert code == 1
    assert "3번째 사건(결재)의 서명 자료가 장부에 적힌 것과 다릅니다." in said


def test_t10_a_signature_by_a_key_nobody_confirmed_is_refused(elsewhere):
    """The operator enrols and confirms a key for the approver alone, and signs with it."""
    alone = (enrolled(CHAIR, CHAIR["name"]), enrolled(made.LINE[1], "최감사"))
    parts = made.make(basis=alone).parts
    enrolments = {
        CHAIR["name"]: leaf_hash(parts["leaf-basis-1.json"]),
        made.LINE[1]["name"]: leaf_hash(parts["leaf-basis-2.json"]),
    }
    document = made.make(
        sealed=True, cosigners=("complex", "city"), basis=alone, sign=signed_by(enrolments)
    )
    code, said = elsewhere(made_bundle.stamped(document))
    assert code == 1
    assert "다른 임직원이 확인하지 않았습니다" in said
