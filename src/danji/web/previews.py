"""Looking at attached files without opening them (미리보기): pictures of our own making, or words.

What a stranger made is handed out as a download only; what is shown here was drawn anew.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from danji.approvals.queries import document_for
from danji.attachments.kinds import KINDS, ZIP
from danji.attachments.models import Preview
from danji.attachments.queries import previews_of, sections_of
from danji.base import files
from danji.rules.periods import day_in_seoul
from danji.web.desk.access import DeskRequest, officer_required
from danji.web.headers import POLICY_OF_FILES
from danji.web.opening import open_record


def previews_in_document(
    content: dict[str, Any], complex_id: UUID, document_id: UUID
) -> list[dict[str, Any]]:
    """The context of parts/_preview.html for a document's attachments."""
    return previews_at(
        content,
        complex_id,
        lambda position, page: reverse("desk:preview", args=[document_id, position, page]),
    )


def previews_in_record(
    content: dict[str, Any], complex_id: UUID, record_id: UUID
) -> list[dict[str, Any]]:
    """The context of parts/_preview.html for a record's attachments."""
    return previews_at(
        content,
        complex_id,
        lambda position, page: reverse("desk:enclosure-preview", args=[record_id, position, page]),
    )


@require_safe
@officer_required
def of_document(request: DeskRequest, document_id: UUID, position: int, page: int) -> HttpResponse:
    """A page of a file attached to a document, for those who may read the document."""
    shown = document_for(request.officeholder, document_id, on=day_in_seoul(timezone.now()))
    return picture_of(shown.parsed_content(), request.officeholder.complex_id, position, page)


@require_safe
@officer_required
def of_record(request: DeskRequest, record_id: UUID, position: int, page: int) -> HttpResponse:
    """A page of a file attached to a record."""
    shown = open_record(request.officeholder, record_id, at=timezone.now())
    content = shown.payload["content"]
    return picture_of(content, request.officeholder.complex_id, position, page)


def previews_at(
    content: dict[str, Any], complex_id: UUID, address: Callable[[int, int], str]
) -> list[dict[str, Any]]:
    """The context of parts/_preview.html; `address` gives that of a page of an attachment."""
    attached = content["attachments"]
    made = previews_of(complex_id, {file["sha256"] for file in attached})
    return [
        {
            "position": position,
            "name": file["name"],
            "is_made": file["sha256"] in made,
            "is_archive": file["media_type"] == ZIP.media_type,
            "label": _label(file["media_type"]),
            # What is one page is seen at once; of more, whoever reads chooses.
            "is_open": len(attached) == 1 and shown["pages"] == 1,
            **shown,
        }
        for position, file in enumerate(attached, 1)
        for shown in [_shown(made.get(file["sha256"]), position, address)]
    ]


def _label(media_type: str) -> str:
    kind = KINDS.get(media_type)
    return kind.label if kind else media_type


def _shown(
    preview: Preview | None, position: int, address: Callable[[int, int], str]
) -> dict[str, Any]:
    if preview is None:
        return {"pictures": [], "sections": [], "pages": 0, "more": 0}
    return {
        "pictures": [
            {"page": page, "url": address(position, page)}
            for page in range(1, len(preview.pictures) + 1)
        ],
        "sections": [
            {"title": part.title, "rows": part.rows, "is_table": max(map(len, part.rows)) > 1}
            for part in sections_of(preview)
        ],
        "pages": preview.pages,
        "more": max(0, preview.pages - len(preview.pictures)),
    }


def picture_of(content: dict[str, Any], complex_id: UUID, position: int, page: int) -> HttpResponse:
    """A page of an attachment, as a picture of our own making."""
    attached = content["attachments"]
    if not 1 <= position <= len(attached):
        raise Http404
    digest = attached[position - 1]["sha256"]
    preview = previews_of(complex_id, [digest]).get(digest)
    if preview is None or not 1 <= page <= len(preview.pictures):
        raise Http404
    picture = files.get(preview.pictures[page - 1])
    is_png = picture.startswith(b"\x89PNG")
    response = HttpResponse(picture, content_type="image/png" if is_png else "image/jpeg")
    response["Content-Disposition"] = "inline"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = POLICY_OF_FILES
    return response
