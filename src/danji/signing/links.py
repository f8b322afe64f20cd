"""The whole addresses of the pages about signing, for messages."""

from django.conf import settings


def signing_link() -> str:
    """Of one's own devices, and those that wait for a second officer."""
    return f"{settings.SITE_URL}/desk/signing/"
