"""The whole addresses of the pages about rules, for messages."""

from uuid import UUID

from django.conf import settings


def revision_link(revision_id: UUID) -> str:
    """Of a revision, where it is confirmed."""
    return f"{settings.SITE_URL}/desk/routing/revisions/{revision_id}/"
