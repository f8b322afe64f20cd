"""The link in a message: it opens one document for one officer, and lets nobody else decide.

Whoever holds the link may read that document; deciding takes the officer's own passkey, or the
code that is sent to the officer.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner

from danji.accounts.models import Officeholder
from danji.rules.refusal import Refusal

LASTS = timedelta(days=30)
_signer = TimestampSigner(salt="danji.approvals.links", sep=".")


@dataclass(frozen=True)
class Link:
    """What a link opens, and for whom."""

    complex_id: UUID
    officeholder_id: UUID
    document_id: UUID


def decision_link(officeholder: Officeholder, document_id: UUID) -> str:
    """The whole address that opens a document for an officer."""
    return f"{settings.SITE_URL}/sign/{link_token(officeholder, document_id)}/"


def desk_link(document_id: UUID) -> str:
    """The whole address of a document at the desk, for whoever has signed in."""
    return f"{settings.SITE_URL}/desk/documents/{document_id}/"


def link_token(officeholder: Officeholder, document_id: UUID) -> str:
    """What in that address says for whom it is, and that it is ours."""
    ids = officeholder.complex_id.bytes + officeholder.id.bytes + document_id.bytes
    return _signer.sign(urlsafe_b64encode(ids).decode())


def read_link(token: str) -> Link:
    """What a link opens. Raises: Refusal when it was forged, damaged or is too old."""
    try:
        ids = urlsafe_b64decode(_signer.unsign(token, max_age=LASTS))
    except SignatureExpired as problem:
        raise Refusal(
            f"보낸 지 {LASTS.days}일이 지난 주소입니다.",
            next_step="로그인해서 결재 화면에서 문서를 열어 주세요.",
        ) from problem
    except BadSignature as problem:
        raise Refusal(
            "주소가 올바르지 않습니다. 메시지에서 주소가 잘렸을 수 있습니다.",
            next_step="메시지의 주소를 다시 눌러 주세요. 안 되면 로그인해서 결재해 주세요.",
        ) from problem
    return Link(*(UUID(bytes=ids[start : start + 16]) for start in (0, 16, 32)))
