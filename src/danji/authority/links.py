"""Where messages lead: the pages of this app, and the invitation of a new officer.

Whoever holds an invitation reads which office somebody takes; it signs nobody in.
"""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing

from danji.accounts.models import Officeholder
from danji.rules.refusal import Refusal

GOOD_FOR = timedelta(days=30)
_SALT = "danji.authority.invitation"


def invitation_link(officeholder: Officeholder) -> str:
    """The whole address of the page that greets a new officer."""
    token = signing.dumps([officeholder.complex_id.hex, officeholder.id.hex], salt=_SALT)
    return f"{people_link()}invitation/{token}/"


def read_invitation(token: str) -> tuple[UUID, UUID]:
    """The complex and the officeholder that an invitation names.

    Raises: Refusal when it was not made here, or long ago.
    """
    try:
        complex_id, officeholder_id = signing.loads(token, salt=_SALT, max_age=GOOD_FOR)
    except signing.SignatureExpired:
        raise Refusal(
            "초대 주소를 쓸 수 있는 기간이 지났습니다.",
            next_step="초대를 받으신 메일 주소로 바로 로그인해 주세요.",
        ) from None
    except signing.BadSignature:
        raise Refusal(
            "초대 주소가 올바르지 않습니다.",
            next_step="받으신 메일에서 주소를 다시 눌러 주세요.",
        ) from None
    return UUID(complex_id), UUID(officeholder_id)


def people_link() -> str:
    """The whole address of the page of people and terms."""
    return f"{settings.SITE_URL}/desk/people/"


def proposal_link(proposal_id: UUID) -> str:
    """The whole address of the page on which a second officer confirms."""
    return f"{people_link()}proposals/{proposal_id}/"


def bylaws_link() -> str:
    """The whole address of the page of what the bylaws set."""
    return f"{settings.SITE_URL}/desk/bylaws/"


def absences_link() -> str:
    """The whole address of the page of absences."""
    return f"{settings.SITE_URL}/desk/absences/"
