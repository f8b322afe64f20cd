"""The whole addresses of the pages about disposal and readings, for messages."""

from uuid import UUID

from django.conf import settings


def disposal_link(disposal_id: UUID) -> str:
    """Of one disposal, where it is confirmed."""
    return f"{settings.SITE_URL}/desk/disposals/{disposal_id}/"


def readings_link() -> str:
    """Of who read what."""
    return f"{settings.SITE_URL}/desk/readings/"
