"""Time stamps (RFC 3161): that a note existed at a time, said by somebody who only tells time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from cryptography import x509
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

from danji_verify.errors import Unreadable, Wrong

MAX_STAMP = 64 * 1024  # bytes

_SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")


@dataclass(frozen=True)
class Stamp:
    """`at` is the time it tells (UTC); `pinned` whether a trusted authority signed it."""

    at: datetime
    pinned: bool


def load_roots(pem: bytes) -> list[x509.Certificate]:
    """The certificates of the authorities that are trusted to tell the time. Raises: Unreadable."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as problem:
        raise Unreadable("시각 기관의 인증서 파일을 읽을 수 없습니다.") from problem


def check_stamp(response: bytes, stamped: bytes, roots: Sequence[x509.Certificate]) -> Stamp:
    """Check a response of a time-stamping authority over SHA-256 of `stamped`.

    Args: without `roots` nobody is trusted, and only what it says is read.
    Raises: Wrong when it is malformed, about something else, or of somebody not trusted.
    """
    if len(response) > MAX_STAMP:
        raise Wrong("시각 도장이 너무 큽니다.")
    try:
        read = decode_timestamp_response(response)
        at = read.tst_info.gen_time.astimezone(UTC)
        imprint = read.tst_info.message_imprint
        about = imprint.hash_algorithm, imprint.message
    except ValueError as problem:
        raise Wrong("시각 도장을 읽을 수 없습니다.") from problem
    if about != (_SHA256, sha256(stamped).digest()):
        raise Wrong("시각 도장이 이 머리에 찍은 것이 아닙니다.")
    if not roots:
        return Stamp(at, pinned=False)
    try:
        verifier = VerifierBuilder(roots=list(dict.fromkeys(roots))).build()
        verifier.verify_message(read, stamped)
    except (VerificationError, ValueError) as problem:
        raise Wrong("시각 도장이 믿는 시각 기관의 것이 아닙니다.") from problem
    return Stamp(at, pinned=True)
