"""What can be shown of attached files, and what stands in them."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from danji.attachments.confined import ask
from danji.attachments.intake import EXAMINER
from danji.attachments.models import Preview
from danji.base import files

SECONDS = 30  # that reading a whole file may take


@dataclass(frozen=True)
class Section:
    """Part of a file as words: a heading, and rows of one or more cells."""

    title: str
    rows: list[list[str]]


def previews_of(complex_id: UUID, digests: Collection[str]) -> dict[str, Preview]:
    """The previews of files by their digests; one that is not made yet is missing."""
    if not digests:
        return {}
    found = Preview.objects.within(complex_id).filter(attached__sha256__in=digests)
    return {preview.attached.sha256: preview for preview in found.select_related("attached")}


def sections_of(preview: Preview) -> list[Section]:
    """The words of a file that has no pictures."""
    if not preview.sections:
        return []
    return [Section(**section) for section in json.loads(files.get(preview.sections))]


def read_texts(data: bytes, media_type: str) -> list[str]:
    """All the words of a file that a program can find; pictures inside it may hold more.

    Raises: UnreadError.
    """
    texts: list[str] = ask(EXAMINER, "read", media_type, data=data, seconds=SECONDS)["texts"]
    return texts
