"""Whether an approval statement was signed, and by what: the `auth` beside it, checked offline.

A passkey signs a challenge: for one statement its digest, SHA-256("apt.stmt.v1\\0" ‖ statement),
for several at once SHA-256("apt.stmts.v1\\0" ‖ digest_1 ‖ … ‖ digest_n). A certificate signs (CMS)
what its person reads in the own app: the statement in Korean, which ends with that digest. What is
weaker than a signature is named, and never called one.
"""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

from asn1crypto import cms, core
from asn1crypto import x509 as asn1_x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from danji_verify.canonical import b64decode
from danji_verify.entry import parse_time
from danji_verify.errors import FormatError, Wrong
from danji_verify.shapes import Fields

ES256, ED25519, RS256 = -7, -8, -257  # COSE algorithms
MAX_BATCH = 200  # statements signed at once
MAX_CMS = 64 * 1024  # bytes
MIN_RSA = 2048  # bits
TEXT = 1  # the version of `statement_text`

_STATEMENT = b"apt.stmt.v1\0"
_STATEMENTS = b"apt.stmts.v1\0"
_PRESENT_AND_VERIFIED = 0x05  # UP | UV
_ATTESTED, _EXTENDED = 0x40, 0x80
_HEX = re.compile(r"[0-9a-f]{32}")
_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]+)(?::[0-9]{1,5})?")

_LEVELS = {
    "demo": "simple",
    "mail-code": "simple",
    "message-code": "simple",
    "api-token": "simple",
    "passkey": "authenticated",
    "kakao": "certificate",
    "naver": "certificate",
    "pass": "certificate",
    "joint-certificate": "certificate",
}
_UNSIGNED = {
    "demo": "시연용 로그인으로 했다고 적혀 있습니다. 서명은 없습니다.",
    "mail-code": "전자우편으로 받은 번호로 확인했다고 적혀 있습니다. 서명은 없습니다.",
    "message-code": "문자로 받은 번호로 확인했다고 적혀 있습니다. 서명은 없습니다.",
    "api-token": "본인이 맡긴 다른 프로그램이 대신 보냈다고 적혀 있습니다. 서명은 없습니다.",
}
_SIGNED_IN = {
    "demo": "시연용 로그인으로",
    "mail-code": "전자우편으로 받은 번호로",
    "passkey": "패스키로",
}
_PROVIDERS = {
    "kakao": "카카오",
    "naver": "네이버",
    "pass": "PASS",
    "joint-certificate": "공동인증서",
}
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_PASSKEY_FALSE = "패스키의 서명이 맞지 않습니다."
_CMS_FALSE = "인증서의 서명이 맞지 않습니다."
_CMS_UNREADABLE = "인증서의 서명을 읽을 수 없습니다."
_OTHER_STATEMENT = "다른 결재에 한 서명입니다."
_ACTS = {
    "review": "검토",
    "concur": "협조",
    "confirm": "확인",
    "audit": "감사",
    "approve": "결재",
    "delegated": "전결",
    "afterwards": "후결",
}
_DECISIONS = {
    "approve": "승인",
    "dissent": "의견 있음",
    "return": "반려",
    "send_back": "되돌림",
    "skip": "생략",
}
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


def statement_digest(statement: bytes) -> bytes:
    """What a passkey signs for one statement, and its name among several; 32 bytes."""
    return sha256(_STATEMENT + statement).digest()


def batch_challenge(digests: Sequence[bytes]) -> bytes:
    """What a passkey signs for several statements at once, in this order; 32 bytes."""
    return sha256(_STATEMENTS + b"".join(digests)).digest()


def statement_text(statement: bytes) -> bytes:
    """What a certificate signs for one statement: all a person has to know of it, in Korean.

    The last line is `statement_digest`, so that it stands for this statement and no other.
    Raises: FormatError when the statement is not one of a decision.
    Source: docs/spec/record.md.
    """
    said = Fields.parse(statement)
    acting = None if said.data.get("acting") is None else said.fields("acting")
    act, decision = said.text("act"), said.text("decision")
    lines = {
        "단지": said.text("complex"),
        "제목": said.text("title"),
        "금액": "" if said.data.get("amount") is None else f"{said.integer('amount'):,}원",
        "받는 곳": said.text("payee"),
        "결재할 자리": f"{_word(_ACTS, act)} · {said.text('office')} {said.text('name')}",
        "대신 결재하는 사람": f"{acting.text('office')} {acting.text('name')}" if acting else "",
        "결정": _decision(act, decision),
        "되돌릴 자리": "" if said.data.get("to") is None else f"{said.integer('to')}번째",
        "의견": said.text("opinion"),
        "시각(세계시)": said.text("at"),
        "문서 확인값": said.text("body"),
        "승인문 확인값": statement_digest(statement).hex(),
    }
    # A line is one line: what was typed into a field cannot look like another.
    shown = [f"{name}: {_BREAKS.sub(' ', value)}" for name, value in lines.items() if value]
    return "\n".join(["다음과 같이 결재합니다.", "", *shown, ""]).encode()


def _decision(act: str, decision: str) -> str:
    """Who only sees a document confirms it, and approves nothing."""
    if act in {"confirm", "audit"} and decision == "approve":
        return "확인"
    return _word(_DECISIONS, decision)


def _word(words: dict[str, str], key: str) -> str:
    if key not in words:
        raise FormatError(f"nothing is called {key}")
    return words[key]


def check_auth(auth: Fields, statement: bytes) -> str:
    """Check by what a statement was signed.

    Args: `auth` is the value the event commits to, `statement` the canonical bytes of `stmt`.
    Returns: what was found, in Korean; of what is no signature, only that it is none.
    Raises: Wrong when the signature does not hold for this statement; FormatError when `auth` is
    not what its method says.
    """
    method, level = auth.text("method"), auth.text("level")
    if level == "simple" and "signed_in_at" in auth.data and method in _SIGNED_IN:
        parse_time(auth.text("signed_in_at"))
        return f"{_SIGNED_IN[method]} 들어와서 했다고 적혀 있습니다. 서명은 없습니다."
    if _LEVELS.get(method) != level:
        raise Wrong("적혀 있는 확인 수준이 확인한 방법과 맞지 않습니다.")
    _demand_id(auth, "agreement")
    if method in _UNSIGNED:
        _demand_code_or_token(auth, method)
        return _UNSIGNED[method]
    if method == "passkey":
        return _check_passkey(auth, statement)
    return _check_certificate(auth, statement)


def _demand_id(auth: Fields, key: str) -> None:
    if not _HEX.fullmatch(auth.text(key)):
        raise FormatError(f"{key} is not an id")


def _demand_code_or_token(auth: Fields, method: str) -> None:
    if method == "api-token":
        _demand_id(auth, "token")
    elif method == "demo":
        raise FormatError("a demonstration says when it was signed in to")
    else:
        _demand_id(auth, "request")
        if parse_time(auth.text("confirmed_at")) < parse_time(auth.text("sent_at")):
            raise FormatError("a code that was confirmed before it was sent")


# --- Passkeys ------------------------------------------------------------------------------------


def _check_passkey(auth: Fields, statement: bytes) -> str:
    _demand_id(auth, "key")
    b64decode(auth.text("enrolled"), 32)
    if not b64decode(auth.text("credential")):
        raise FormatError("a credential without an id")
    digest = statement_digest(statement)
    digests = _batch(auth)
    if digests and digest not in digests:
        raise Wrong(_OTHER_STATEMENT)
    check_assertion(
        challenge=batch_challenge(digests) if digests else digest,
        public_key=b64decode(auth.text("public_key")),
        rp_id=auth.text("rp_id"),
        origin=auth.text("origin"),
        client_data=b64decode(auth.text("client_data")),
        authenticator_data=b64decode(auth.text("authenticator_data")),
        signature=b64decode(auth.text("signature")),
    )
    together = f" 결재 {len(digests)}건에 한 번에 서명했습니다." if digests else ""
    return f"등록한 패스키의 서명이 맞고, 서명할 때 기기가 사용자를 확인했습니다.{together}"


def _batch(auth: Fields) -> list[bytes]:
    """The digests of what was signed at once, in order; empty for one statement alone."""
    listed = auth.data.get("batch")
    if listed is None:
        return []
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_BATCH:
        raise FormatError("batch is not a list of digests")
    digests = [b64decode(item, 32) for item in listed if isinstance(item, str)]
    if len(set(digests)) != len(listed):
        raise FormatError("batch names something else than digests, or one twice")
    return digests


def check_assertion(
    *,
    challenge: bytes,
    public_key: bytes,
    rp_id: str,
    origin: str,
    client_data: bytes,
    authenticator_data: bytes,
    signature: bytes,
) -> None:
    """Check that a passkey signed the challenge, on that site, having verified its user.

    Args: `public_key` is a COSE key.
    Raises: Wrong; FormatError when something is not what WebAuthn says.
    """
    said = _client_data(client_data)
    if said.get("type") != "webauthn.get":
        raise Wrong("서명이 아니라 다른 일에 쓴 패스키입니다.")
    if said.get("challenge") != _websafe(challenge):
        raise Wrong(_OTHER_STATEMENT)
    if said.get("origin") != origin or not _belongs(origin, rp_id):
        raise Wrong("이 시스템이 아닌 다른 주소에서 한 서명입니다.")
    if said.get("crossOrigin", False) is not False or "topOrigin" in said:
        raise Wrong("다른 사이트 안에 끼워 넣은 화면에서 한 서명입니다.")
    flags = _flags(authenticator_data)
    if authenticator_data[:32] != sha256(rp_id.encode()).digest():
        raise Wrong("이 시스템이 아닌 다른 주소에서 한 서명입니다.")
    if flags & _PRESENT_AND_VERIFIED != _PRESENT_AND_VERIFIED:
        raise Wrong("서명할 때 기기가 사용자를 확인하지 않았습니다.")
    message = authenticator_data + sha256(client_data).digest()
    if not _verifies(load_cose_key(public_key), signature, message):
        raise Wrong(_PASSKEY_FALSE)


def _client_data(data: bytes) -> dict[str, Any]:
    try:
        said = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as problem:
        raise FormatError("client data that is not JSON") from problem
    if not isinstance(said, dict):
        raise FormatError("client data that is not an object")
    return said


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _websafe(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _belongs(origin: str, rp_id: str) -> bool:
    """Whether a page at `origin` may use passkeys of `rp_id`."""
    match = _ORIGIN.fullmatch(origin)
    if match is None or not rp_id:
        return False
    scheme, host = match.groups()
    local = host == "localhost" or host.endswith(".localhost")
    return (scheme == "https" or local) and (host == rp_id or host.endswith(f".{rp_id}"))


def _flags(data: bytes) -> int:
    """The flags of authenticator data whose length is what they say."""
    if len(data) < 37:
        raise FormatError("authenticator data that is too short")
    flags = data[32]
    if flags & _ATTESTED or (len(data) > 37) != bool(flags & _EXTENDED):
        raise FormatError("authenticator data of another length")
    return flags


def _verifies(key: PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        match key:
            case ec.EllipticCurvePublicKey():
                key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
            case ed25519.Ed25519PublicKey():
                key.verify(signature, message)
            case _:
                key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=1024)
def load_cose_key(data: bytes) -> PublicKey:
    """The public key in a COSE key of ES256, Ed25519 or RS256.

    Raises: FormatError.
    """
    fields = _parse_cose(data)
    try:
        match fields:
            case {1: 2, 3: -7, -1: 1, -2: bytes(x), -3: bytes(y)} if len(x) == len(y) == 32:
                return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)
            case {1: 1, 3: -8, -1: 6, -2: bytes(x)}:
                return ed25519.Ed25519PublicKey.from_public_bytes(x)
            case {1: 3, 3: -257, -1: bytes(n), -2: bytes(e)}:
                key = rsa.RSAPublicNumbers(
                    int.from_bytes(e, "big"), int.from_bytes(n, "big")
                ).public_key()
                if key.key_size >= MIN_RSA:
                    return key
    except (ValueError, UnsupportedAlgorithm) as problem:
        raise FormatError("a COSE key that is no key") from problem
    raise FormatError("a COSE key of another kind")


def cose_algorithm(data: bytes) -> int:
    """The algorithm of a COSE key that `load_cose_key` takes. Raises: FormatError."""
    load_cose_key(data)
    algorithm = _parse_cose(data)[3]
    return algorithm if isinstance(algorithm, int) else 0


def _parse_cose(data: bytes) -> dict[int, int | bytes]:
    """A CBOR map of integers to integers and byte strings, as a COSE key is one (RFC 8949, 9052).

    Raises: FormatError for anything else.
    """
    kind, count, place = _cbor_head(data, 0)
    if kind != 5 or count > 8:
        raise FormatError("a COSE key that is no map")
    found: dict[int, int | bytes] = {}
    for _ in range(count):
        key, place = _cbor_value(data, place)
        value, place = _cbor_value(data, place)
        if not isinstance(key, int) or key in found:
            raise FormatError("a COSE key with a name that is none, or twice")
        found[key] = value
    if place != len(data):
        raise FormatError("bytes after a COSE key")
    return found


def _cbor_value(data: bytes, place: int) -> tuple[int | bytes, int]:
    kind, value, place = _cbor_head(data, place)
    match kind:
        case 0:
            return value, place
        case 1:
            return -1 - value, place
        case 2 if place + value <= len(data):
            return data[place : place + value], place + value
    raise FormatError("a COSE key with a value of another kind")


def _cbor_head(data: bytes, place: int) -> tuple[int, int, int]:
    """Major type, argument, and where what follows begins."""
    if place >= len(data):
        raise FormatError("a COSE key that is too short")
    kind, value = data[place] >> 5, data[place] & 0x1F
    place += 1
    if value < 24:
        return kind, value, place
    size = {24: 1, 25: 2, 26: 4}.get(value)
    if size is None or place + size > len(data):
        raise FormatError("a COSE key that is too short")
    return kind, int.from_bytes(data[place : place + size], "big"), place + size


# --- Certificates --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Signed:
    """Who signed, as the certificate has it. Who issued it is not checked here."""

    name: str
    certificate: bytes  # DER
    issued: tuple[datetime, datetime]  # valid from, and until


def _check_certificate(auth: Fields, statement: bytes) -> str:
    signed = check_cms(b64decode(auth.text("signed_data")), certified_bytes(auth, statement))
    said = Fields.parse(statement)
    if signed.name != auth.fields("signer").text("name") or signed.name != _signer(said):
        raise Wrong("서명한 인증서의 이름이 결재한 사람의 이름과 다릅니다.")
    since, until = signed.issued
    if not since <= parse_time(said.text("at")) <= until:
        raise Wrong("서명할 때 유효하지 않은 인증서입니다.")
    provider = _PROVIDERS[auth.text("method")]
    return (
        f"{signed.name} 이름으로 된 인증서({provider})의 서명이 맞습니다. "
        "그 인증서를 누가 발급했는지, 폐지되지 않았는지는 확인하지 않았습니다."
    )


def certified_bytes(auth: Fields, statement: bytes) -> bytes:
    """What the certificate of `auth` signs: `statement_text`, or before that the statement itself.

    Raises: FormatError.
    """
    if "text" not in auth.data:
        return statement
    if auth.integer("text") != TEXT:
        raise FormatError("an unknown text of a statement")
    return statement_text(statement)


def _signer(statement: Fields) -> str:
    """Whose signature it should be: of who acts for another (대결), or of whose place it is."""
    acting = statement.data.get("acting")
    return (statement if acting is None else statement.fields("acting")).text("name")


def check_cms(data: bytes, content: bytes) -> Signed:
    """Check that a CMS SignedData, in DER or BER, is one person's signature of `content`.

    The content may be inside or detached. Who issued the certificate is for the caller to ask.
    Raises: Wrong.
    Source: RFC 5652 §5.
    """
    if len(data) > MAX_CMS:
        raise Wrong(_CMS_UNREADABLE)
    try:
        return _check_cms(data, content)
    except Wrong:
        raise
    except Exception as problem:
        # The reader of a hostile object may stumble over anything; the reader of this may not.
        raise Wrong(_CMS_UNREADABLE) from problem


def _check_cms(data: bytes, content: bytes) -> Signed:
    info = cms.ContentInfo.load(data, strict=True)
    if info["content_type"].native != "signed_data":
        raise Wrong(_CMS_UNREADABLE)
    signed_data = info["content"]
    if len(signed_data["signer_infos"]) != 1:
        raise Wrong("서명이 하나가 아닙니다.")
    signer = signed_data["signer_infos"][0]
    enclosed = signed_data["encap_content_info"]
    if enclosed["content_type"].native != "data":
        raise Wrong(_CMS_UNREADABLE)
    inside = enclosed["content"].native  # None when detached
    if inside is not None and bytes(inside) != content:
        raise Wrong(_OTHER_STATEMENT)
    algorithm = signer["digest_algorithm"]["algorithm"].native
    if algorithm not in _HASHES:
        raise Wrong("약한 방식으로 한 서명입니다.")
    certificate = _signing_certificate(signed_data, signer)
    message = _signed_bytes(signer, content, _HASHES[algorithm]())
    _demand_cms_signature(certificate, signer, message, algorithm)
    return Signed(
        _name(certificate),
        certificate.dump(),
        (certificate.not_valid_before, certificate.not_valid_after),
    )


def _signing_certificate(signed_data: Any, signer: Any) -> asn1_x509.Certificate:
    """The one certificate the signer is named by, and that is made for signing."""
    named = signer["sid"].chosen
    found = []
    for choice in signed_data["certificates"] or ():
        certificate = choice.chosen
        if not isinstance(certificate, asn1_x509.Certificate):
            continue
        if isinstance(named, cms.IssuerAndSerialNumber):
            matches = (
                certificate.issuer == named["issuer"]
                and certificate.serial_number == named["serial_number"].native
            )
        else:
            matches = certificate.key_identifier == named.native
        if matches:
            found.append(certificate)
    if len(found) != 1:
        raise Wrong("서명한 인증서가 들어 있지 않습니다.")
    use = found[0].key_usage_value
    if use is not None and not use.native & {"digital_signature", "non_repudiation"}:
        raise Wrong("서명에 쓰는 인증서가 아닙니다.")
    return found[0]


def _signed_bytes(signer: Any, content: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    """What the signature is over: the attributes that name the content's digest, or the content."""
    attributes = signer["signed_attrs"]
    if isinstance(attributes, core.Void) or not len(attributes):
        return content
    stated: dict[str, list[Any]] = {}
    for attribute in attributes:
        stated.setdefault(attribute["type"].native, []).extend(attribute["values"])
    digest = hashes.Hash(algorithm)
    digest.update(content)
    if [value.native for value in stated.get("content_type", ())] != ["data"]:
        raise Wrong(_CMS_UNREADABLE)
    if [value.native for value in stated.get("message_digest", ())] != [digest.finalize()]:
        raise Wrong(_OTHER_STATEMENT)
    # Signed as a SET in DER, whatever way they are written here.
    signed: bytes = attributes.untag().dump(force=True)
    return signed


def _demand_cms_signature(
    certificate: asn1_x509.Certificate, signer: Any, message: bytes, algorithm: str
) -> None:
    key = load_der_public_key(certificate.public_key.dump())
    signature = signer["signature"].native
    chosen = signer["signature_algorithm"]
    kind = chosen.signature_algo
    named = chosen["algorithm"].native
    # The name may tell the digest once more: `sha256_rsa`.
    told = next((known for known in _HASHES if known in named), algorithm)
    digest = _HASHES[algorithm]()
    try:
        match key:
            case rsa.RSAPublicKey() if kind == "rsassa_pkcs1v15" and told == algorithm:
                if key.key_size < MIN_RSA:
                    raise Wrong("약한 방식으로 한 서명입니다.")
                key.verify(signature, message, padding.PKCS1v15(), digest)
            case ec.EllipticCurvePublicKey() if kind == "ecdsa" and told == algorithm:
                if key.curve.key_size < 256:
                    raise Wrong("약한 방식으로 한 서명입니다.")
                key.verify(signature, message, ec.ECDSA(digest))
            case _:
                raise Wrong("알 수 없는 방식으로 한 서명입니다.")
    except InvalidSignature:
        raise Wrong(_CMS_FALSE) from None


def _name(certificate: asn1_x509.Certificate) -> str:
    """Whose certificate it is; 공동인증서 write `홍길동()0010041…`, the name before the bracket."""
    common = certificate.subject.native.get("common_name")
    if not isinstance(common, str) or not (name := common.split("(")[0].strip()):
        raise Wrong("인증서에 이름이 없습니다.")
    return name
