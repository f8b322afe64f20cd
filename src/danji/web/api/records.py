"""What is on record, through the one gate."""

from typing import Annotated
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router

from danji.base import files
from danji.disclosure.queries import read_record, readable_records
from danji.integration.models import ApiScope
from danji.web.api import shown
from danji.web.api.gate import ApiRequest, a_file, answers, needs
from danji.web.api.problems import Missing
from danji.web.api.shapes import RecordsOut, WholeRecordOut
from danji.web.downloads import download, download_pdf, download_proof

router = Router(tags=["기록"])
LISTED = 50
Page = Annotated[int, Query(ge=1, le=10_000)]
Words = Annotated[str, Query(max_length=200, description="문서번호나 제목에 든 말")]


@router.get("/records", response=answers(RecordsOut), summary="등록대장")
@needs(ApiScope.READ)
def records(request: ApiRequest, q: Words = "", page: Page = 1) -> RecordsOut:
    """The register, newest first, a page at a time."""
    first = (page - 1) * LISTED
    found = readable_records(request.officeholder, search=q)[first : first + LISTED + 1]
    items, has_more = shown.first(found, LISTED, shown.record)
    return RecordsOut(items=items, has_more=has_more)


@router.get("/records/{uuid:record_id}", response=answers(WholeRecordOut), summary="기록 하나")
@needs(ApiScope.READ)
def record(request: ApiRequest, record_id: UUID) -> WholeRecordOut:
    found = read_record(request.officeholder, record_id)
    return WholeRecordOut(
        **shown.record_parts(found.record), payload=found.payload, **shown.files_of(found)
    )


@router.get("/records/{uuid:record_id}/rendition", summary="PDF", **a_file("application/pdf"))
@needs(ApiScope.READ)
def rendition(request: ApiRequest, record_id: UUID) -> HttpResponse:
    """The sealed PDF; 404 until it was made."""
    return download_pdf(read_record(request.officeholder, record_id))


@router.get(
    "/records/{uuid:record_id}/proof",
    summary="증명 파일",
    **a_file("application/octet-stream"),
)
@needs(ApiScope.READ)
def proof(request: ApiRequest, record_id: UUID) -> HttpResponse:
    """The proof that belongs beside the PDF."""
    return download_proof(read_record(request.officeholder, record_id))


@router.get(
    "/records/{uuid:record_id}/attachments/{int:position}",
    summary="기록의 붙임",
    **a_file("*/*"),
)
@needs(ApiScope.READ)
def enclosure(request: ApiRequest, record_id: UUID, position: int) -> HttpResponse:
    attached = read_record(request.officeholder, record_id).payload["content"]["attachments"]
    if not 1 <= position <= len(attached):
        raise Missing("없는 붙임입니다.", next_step="문서에 붙은 파일의 차례를 확인해 주세요.")
    file = attached[position - 1]
    return download(files.get(file["sha256"]), file["name"], file["media_type"])
