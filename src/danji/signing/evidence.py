"""What shows that somebody signed a statement, and how much it shows (EDS-10)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from danji_verify.entry import format_time

SIGNED_WITHIN = timedelta(minutes=10)  # from freezing a statement to deciding on it


class Level(StrEnum):
    """How strongly a signature is tied to a person. Kept as it was, and never called more.

    Source: 전자서명법 제3조제2항, 제6조.
    """

    SIMPLE = "simple"  # somebody who had signed in, or held a code that was sent
    AUTHENTICATED = "authenticated"  # a key that was enrolled for the person before two officers
    CERTIFICATE = "certificate"  # a certificate that names the person (실지명의)

    @property
    def label(self) -> str:
        return {
            Level.SIMPLE: "간단한 확인",
            Level.AUTHENTICATED: "등록한 기기의 서명",
            Level.CERTIFICATE: "본인 명의 인증서의 서명",
        }[self]


@dataclass(frozen=True)
class Evidence:
    """What is kept of one signature: its `auth` in the log, as `docs/spec/record.md` lays it out.

    `details` depend on `method`; `agreement` is the signer's acceptance of signing this way.
    """

    level: Level
    method: str
    details: Mapping[str, Any] = field(default_factory=dict)
    agreement: UUID | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "level": self.level.value,
            "method": self.method,
            **self.details,
            "agreement": self.agreement.hex if self.agreement else None,
        }


_METHODS = {
    "demo": "연습용 로그인",
    "mail-code": "메일 확인 번호",
    "message-code": "문자 확인 번호",
    "api-token": "연계 프로그램",
    "passkey": "등록한 기기",
    "kakao": "카카오 인증서",
    "naver": "네이버 인증서",
    "pass": "PASS 인증서",
    "joint-certificate": "공동인증서",
}


def method_label(method: str) -> str:
    """By what a decision was signed, as its box in the line (결재란) says it; "" when unknown."""
    return _METHODS.get(method, "")


class Signer(Protocol):
    """Says by what a statement was signed."""

    def __call__(self, statement: bytes, /) -> Evidence:
        """The evidence for exactly these bytes. Raises: Refusal when they were not signed."""
        ...


def session_signer(method: str, signed_in_at: datetime) -> Signer:
    """Rests on how the person had signed in, and shows nothing beyond that."""
    moment = format_time(signed_in_at.astimezone(UTC).replace(microsecond=0))

    def sign(_statement: bytes) -> Evidence:
        return Evidence(Level.SIMPLE, method, {"signed_in_at": moment})

    return sign
