"""Signing with a certificate in the person's own name: 간편인증 through a relay, or 공동인증서.

Either way the person's own program signs what they read, the statement in Korean
(`danji_verify.signature.statement_text`), and hands over a CMS SignedData; only the way there
differs: `request` → `collect`, or `uploaded`. The relay's answer can be had once and within a
window, so it is kept before it is read. What it tells of the person beyond the name (CI, birthday,
telephone) stays in `RelayResponse` and is forgotten after a while; the log never has it.

The relay speaks JSON over HTTPS, authenticated with a shared key:

    POST /v1/signatures                   {"provider","name","phone","birthday","title","text"}
                                          → 201 {"receipt"}
    GET  /v1/signatures/<receipt>         → 200 {"state": waiting | signed | declined | expired}
    POST /v1/signatures/<receipt>/result  → 200 {"signed_data": base64, "signer": {"name", …}}, once
"""

import base64
import hmac
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import requests
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from django.conf import settings
from django.db import transaction
from urllib3.exceptions import HTTPError

from danji.accounts.models import Officeholder
from danji.base import tenancy
from danji.rules.periods import SEOUL, day_in_seoul
from danji.rules.refusal import Refusal
from danji.signing.evidence import SIGNED_WITHIN, Evidence, Level, Signer
from danji.signing.models import RelayRequest, RelayResponse
from danji.signing.queries import demand_agreement
from danji_verify.canonical import b64encode
from danji_verify.entry import format_time
from danji_verify.errors import VerifyError, Wrong
from danji_verify.shapes import Fields
from danji_verify.signature import (
    MAX_CMS,
    TEXT,
    certified_bytes,
    check_auth,
    check_cms,
    statement_text,
)

logger = logging.getLogger(__name__)

TIMEOUT = (5, 15)  # seconds to connect, and to wait for each part of an answer
MAX_ANSWER = 256 * 1024  # bytes
HOUR, REQUESTS_AN_HOUR = timedelta(hours=1), 10  # of one officeholder: a link alone may ask
JOINT_CERTIFICATE = "joint-certificate"
_PHONE = re.compile(r"01[0-9]{8,9}")
_BIRTHDAY = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_RECEIPT = re.compile(r"[A-Za-z0-9_-]{1,100}")


class Provider(StrEnum):
    """Whose app the person signs in (간편인증)."""

    KAKAO = "kakao"
    NAVER = "naver"
    PASS = "pass"  # noqa: S105 - 이동통신사의 본인확인 앱

    @property
    def label(self) -> str:
        return {
            Provider.KAKAO: "카카오",
            Provider.NAVER: "네이버",
            Provider.PASS: "PASS",
        }[self]

    def closes(self, requested_at: datetime) -> datetime:
        """From when on what was signed can no longer be fetched.

        Kakao gives ten minutes; PASS until the end of the day in Korea; and a statement is never
        older than `SIGNED_WITHIN`.
        """
        closes = requested_at + SIGNED_WITHIN
        if self is Provider.PASS:
            local = requested_at.astimezone(SEOUL)
            midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
            closes = min(closes, midnight)
        return closes


@dataclass(frozen=True)
class Contact:
    """By what the provider finds the person. Handed on and never kept."""

    phone: str  # 01012345678
    birthday: str  # 19700131

    def __post_init__(self) -> None:
        """Raises: Refusal."""
        if not _PHONE.fullmatch(self.phone):
            raise Refusal(
                "휴대전화 번호가 맞지 않습니다.", next_step="01012345678처럼 숫자만 적어 주세요."
            )
        if not _BIRTHDAY.fullmatch(self.birthday):
            raise Refusal(
                "생년월일이 맞지 않습니다.", next_step="19700131처럼 여덟 자리로 적어 주세요."
            )


def request(
    provider: Provider,
    officeholder: Officeholder,
    statement: bytes,
    contact: Contact,
    *,
    title: str,
    at: datetime,
) -> RelayRequest:
    """Ask the person, in the provider's app, to sign the statement; the app shows it in Korean.

    Run it outside of any transaction: another machine is asked.
    Args: `title` is what the app shows above it, one line.
    Raises: Refusal without agreement or term, when the app was asked too often, and when there is
    no relay or it does not answer; RuntimeError inside a transaction.
    """
    if not officeholder.covers(day_in_seoul(at)):
        raise Refusal(
            f"{officeholder} 님은 지금 임기가 아니어서 서명할 수 없습니다.",
            next_step="임기가 아직 남아 있다면 관리사무소에 등록을 확인해 주세요.",
        )
    if provider not in providers(officeholder):
        raise _not_here()
    with transaction.atomic(durable=True), tenancy.within(officeholder.complex_id):
        demand_agreement(officeholder)
        _demand_patience(officeholder, at)
    asked = {
        "provider": provider.value,
        "name": officeholder.person.name,
        **asdict(contact),
        "title": title,
        "text": statement_text(statement).decode("utf-8"),
    }
    receipt = _call("POST", "/v1/signatures", asked, at=at).get("receipt")
    if not isinstance(receipt, str) or not _RECEIPT.fullmatch(receipt):
        raise _no_answer("a receipt that is none")
    with transaction.atomic(durable=True), tenancy.within(officeholder.complex_id):
        made: RelayRequest = RelayRequest.objects.create(
            complex_id=officeholder.complex_id,
            officeholder=officeholder,
            provider=provider.value,
            statement=statement,
            receipt=receipt,
            requested_at=at,
            closes_at=provider.closes(at),
        )
    return made


def collect(request_id: UUID, *, officeholder: Officeholder, at: datetime) -> Evidence:
    """What the person has signed in the app: fetched once, kept, then read.

    Run it outside of any transaction: what was fetched is committed here, for it cannot be fetched
    again. Asked again, it is read again.
    Raises: Refusal while nothing is signed, when the person declined, when the window is over, when
    another person signed or something else; RelayRequest.DoesNotExist; RuntimeError inside a
    transaction.
    """
    with transaction.atomic(durable=True), tenancy.within(officeholder.complex_id):
        agreement = demand_agreement(officeholder)
        asked: RelayRequest = RelayRequest.objects.within(officeholder.complex_id).get(
            id=request_id, officeholder_id=officeholder.id
        )
        kept = asked.responses.first()
    body = bytes(kept.body) if kept else _fetch(asked, at)
    evidence = _read(asked, body, officeholder, agreement)
    verify(evidence, bytes(asked.statement), officeholder=officeholder)
    return evidence


def uploaded(officeholder: Officeholder, signed_data: bytes) -> Evidence:
    """What the person's own program signed with a 공동인증서 on their device: a CMS SignedData.

    The key itself never comes here.
    Raises: Refusal without agreement, or for what is too large.
    """
    if len(signed_data) > MAX_CMS:
        raise Refusal(
            "서명 파일이 너무 큽니다.",
            next_step="‘서명할 글’에 인증서 프로그램으로 서명한 파일을 올려 주세요.",
        )
    return _evidence(JOINT_CERTIFICATE, signed_data, officeholder, demand_agreement(officeholder))


def verify(evidence: Evidence, statement: bytes, *, officeholder: Officeholder) -> None:
    """Check that the evidence is the officeholder's signature of exactly this statement.

    The certificate must have been issued by one of `CERTIFICATE_ISSUERS`; whether it was revoked
    since is not asked.
    Raises: Refusal.
    """
    auth = Fields(evidence.as_json())
    try:
        check_auth(auth, statement)
        content = certified_bytes(auth, statement)
        signed = check_cms(base64.b64decode(auth.text("signed_data")), content)
        _demand_issuer(signed.certificate, officeholder)
    except VerifyError as problem:
        logger.warning("a certificate's signature of %s was refused: %s", officeholder.id, problem)
        fact = str(problem) if isinstance(problem, Wrong) else "서명을 읽을 수 없습니다."
        raise Refusal(
            f"{fact} 결재하지 않았습니다.",
            next_step="본인 명의의 인증서로 다시 서명하거나, 다른 방법으로 서명해 주세요.",
        ) from problem


def certificate_signer(evidence: Evidence, *, officeholder: Officeholder) -> Signer:
    """Signs the one statement that the certificate has signed."""

    def sign(statement: bytes) -> Evidence:
        verify(evidence, statement, officeholder=officeholder)
        return evidence

    return sign


def providers(officeholder: Officeholder) -> list[Provider]:
    """Whose apps people can sign in here; none without a relay."""
    is_set = settings.RELAY_URL and settings.RELAY_KEY
    return list(Provider) if is_set and takes_certificates(officeholder) else []


def takes_certificates(officeholder: Officeholder) -> bool:
    """Whether a 공동인증서 can be used here: the operator named whom to believe."""
    return _is_open_to(officeholder) and bool(settings.CERTIFICATE_ISSUERS)


def _is_open_to(officeholder: Officeholder) -> bool:
    """The key of the authority to practise with lies on this machine: it signs nothing real."""
    return officeholder.complex.demonstration or not settings.RELAY_IS_PRACTICE


def _demand_patience(officeholder: Officeholder, at: datetime) -> None:
    """Raises: Refusal when the person's app was asked too often."""
    own = RelayRequest.objects.within(officeholder.complex_id).filter(
        officeholder_id=officeholder.id, requested_at__gt=at - HOUR
    )
    if own.count() >= REQUESTS_AN_HOUR:
        logger.warning("the app of %s was asked too often", officeholder.id)
        raise Refusal(
            "한 시간 동안 간편인증을 너무 많이 요청했습니다.",
            next_step="한 시간 뒤에 다시 요청하거나, 다른 방법으로 서명해 주세요. "
            "직접 하신 일이 아니면 감사에게 알려 주세요.",
        )


def _fetch(asked: RelayRequest, at: datetime) -> bytes:
    """Fetch the answer, for the one time it can be, and keep it.

    Raises: Refusal.
    """
    provider = Provider(asked.provider)
    if at >= asked.closes_at:
        raise Refusal(
            f"{provider.label} 앱에서 서명한 것을 가져올 수 있는 시간이 지났습니다.",
            next_step="서명을 처음부터 다시 요청해 주세요.",
        )
    path = f"/v1/signatures/{quote(asked.receipt, safe='')}"
    match _call("GET", path, None, at=at).get("state"):
        case "signed":
            body = _exchange("POST", f"{path}/result", {}, at=at)
        case "waiting":
            raise Refusal(
                "아직 서명하지 않으셨습니다.",
                next_step=f"{provider.label} 앱에서 서명한 뒤 다시 눌러 주세요.",
            )
        case "declined":
            raise Refusal(
                f"{provider.label} 앱에서 서명을 거절하셨습니다.",
                next_step="서명하시려면 처음부터 다시 요청해 주세요.",
            )
        case "expired":
            raise Refusal(
                f"{provider.label} 앱의 서명 요청이 끝났습니다.",
                next_step="서명을 처음부터 다시 요청해 주세요.",
            )
        case state:
            raise _no_answer(f"an unknown state: {state!r}")
    with transaction.atomic(durable=True), tenancy.within(asked.complex_id):
        RelayResponse.objects.create(
            complex_id=asked.complex_id, request=asked, body=body, received_at=at
        )
    return body


def _read(
    asked: RelayRequest, body: bytes, officeholder: Officeholder, agreement: UUID
) -> Evidence:
    """The evidence in what the relay handed over.

    Raises: Refusal when it is none, or somebody else's.
    """
    try:
        answer = json.loads(body)
        signed_data = base64.b64decode(answer["signed_data"], validate=True)
        name = answer["signer"]["name"]
    except (ValueError, KeyError, TypeError, RecursionError):
        # Nothing of the answer is logged: it is about a person.
        logger.warning("the relay's answer to %s cannot be read", asked.id)
        raise _unreadable() from None
    if name != officeholder.person.name:
        logger.warning("somebody else signed %s in the app", asked.id)
        raise Refusal(
            "다른 사람의 이름으로 서명되었습니다. 결재하지 않았습니다.",
            next_step="본인의 앱에서 서명하도록 처음부터 다시 요청해 주세요.",
        )
    return _evidence(asked.provider, signed_data, officeholder, agreement)


def _evidence(
    method: str, signed_data: bytes, officeholder: Officeholder, agreement: UUID
) -> Evidence:
    return Evidence(
        Level.CERTIFICATE,
        method,
        {
            "signed_data": b64encode(signed_data),
            "signer": {"name": officeholder.person.name},
            "text": TEXT,
        },
        agreement,
    )


def _demand_issuer(certificate: bytes, officeholder: Officeholder) -> None:
    """Raises: Wrong unless one of the issuers we believe issued the certificate."""
    for issuer in _issuers() if _is_open_to(officeholder) else ():
        try:
            x509.load_der_x509_certificate(certificate).verify_directly_issued_by(issuer)
        except (InvalidSignature, x509.InvalidVersion, ValueError, TypeError):
            continue
        return
    raise Wrong("이 시스템이 믿는 인증기관이 발급한 인증서가 아닙니다.")


def _issuers() -> list[x509.Certificate]:
    """Those who may issue, from the PEM file the operator named."""
    if not settings.CERTIFICATE_ISSUERS:
        return []
    named = x509.load_pem_x509_certificates(Path(settings.CERTIFICATE_ISSUERS).read_bytes())
    return [certificate for certificate in named if _is_authority(certificate)]


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return constraints.value.ca


def _call(
    method: str, path: str, sent: Mapping[str, Any] | None, *, at: datetime
) -> dict[str, Any]:
    """One question to the relay; its answer is a JSON object. Raises: Refusal."""
    try:
        answer = json.loads(_exchange(method, path, sent, at=at))
    except (ValueError, RecursionError) as problem:
        raise _no_answer("an answer that is not JSON") from problem
    if not isinstance(answer, dict):
        raise _no_answer("an answer that is no object")
    return answer


def _exchange(method: str, path: str, sent: Mapping[str, Any] | None, *, at: datetime) -> bytes:
    """The body of the relay's answer. Raises: Refusal when there is none, or it says no."""
    if not settings.RELAY_URL or not settings.RELAY_KEY:
        raise _not_here()
    body = b"" if sent is None else json.dumps(sent, ensure_ascii=False).encode()
    try:
        with requests.Session() as session:
            session.trust_env = False  # a password kept for another purpose is not for the relay
            answer = session.request(
                method,
                settings.RELAY_URL.rstrip("/") + path,
                data=body,
                headers={
                    "Content-Type": "application/json",
                    "Authorization": authorization(settings.RELAY_KEY, method, path, body, at=at),
                },
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            )
            data = answer.raw.read(MAX_ANSWER + 1, decode_content=True)
            status = answer.status_code
    except (requests.RequestException, HTTPError, OSError) as problem:
        raise _no_answer(type(problem).__name__) from None
    if status not in {200, 201}:
        raise _no_answer(f"status {status}")
    if len(data) > MAX_ANSWER:
        raise _no_answer("an answer that is too long")
    return data


def authorization(key: str, method: str, path: str, body: bytes, *, at: datetime) -> str:
    """What shows the relay that it is us who ask, this and now: an HMAC-SHA256 over all of it."""
    moment = format_time(at.astimezone(UTC).replace(microsecond=0))
    said = f"{method}\n{path}\n{moment}\n{sha256(body).hexdigest()}"
    mac = hmac.new(key.encode(), said.encode(), "sha256").digest()
    return f"Danji {moment} {b64encode(mac)}"


def _not_here() -> Refusal:
    return Refusal(
        "이 시스템에는 간편인증이 준비되어 있지 않습니다.",
        next_step="등록한 기기나 확인 번호로 서명해 주세요.",
    )


def _no_answer(problem: str) -> Refusal:
    logger.error("the relay for certificates: %s", problem)
    return Refusal(
        "간편인증을 맡은 곳에서 답을 받지 못했습니다. 결재하지 않았습니다.",
        next_step="잠시 뒤 다시 해 보거나, 다른 방법으로 서명해 주세요.",
    )


def _unreadable() -> Refusal:
    return Refusal(
        "간편인증에서 받은 서명을 읽을 수 없습니다. 결재하지 않았습니다.",
        next_step="서명을 처음부터 다시 요청하거나, 다른 방법으로 서명해 주세요.",
    )
