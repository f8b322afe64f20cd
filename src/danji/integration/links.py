"""The whole addresses of the pages about other programs, for messages."""

from uuid import UUID

from django.conf import settings


def token_link(token_id: UUID) -> str:
    """Of a token, where it is confirmed and revoked."""
    return f"{settings.SITE_URL}/desk/tokens/{token_id}/"


def webhooks_link() -> str:
    """Of who is told."""
    return f"{settings.SITE_URL}/desk/webhooks/"
