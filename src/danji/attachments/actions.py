"""Noting what was attached."""

from datetime import datetime
from uuid import UUID

from danji.attachments.models import Attached


def note_attached(complex_id: UUID, sha256: str, media_type: str, *, at: datetime) -> None:
    """Note a file that was kept, so that a preview is made of it; once for each digest."""
    Attached.objects.bulk_create(
        [Attached(complex_id=complex_id, sha256=sha256, media_type=media_type, attached_at=at)],
        ignore_conflicts=True,
    )
