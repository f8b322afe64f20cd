"""What is on record, through the one gate."""

from typing import Annotated
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router

from danji.base import files
from danji.disclosure.queries import DisclosedRecord, readable_records
from danji.integration.models import ApiScope
from danji.web.api import shown
from danji.web.api.gate import ApiRequest, a_file, answers, needs
from danji.web.api.problems import Missing
from danji.web.api.shapes import RecordsOut, WholeRecordOut
from danji.web.downloads import download, download_bundle, download_pdf, download_proof
from danji.web.opening import open_record

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
    rows, has_more = shown.first(found, LISTED, lambda row: row)
    return RecordsOut(items=shown.records(rows), has_more=has_more)


@router.get("/records/{uuid:record_id}", response=answers(WholeRecordOut), summary="기록 하나")
@needs(ApiScope.READ)
def record(request: ApiRequest, record_id: UUID) -> WholeRecordOut:
    found = _opened(request, record_id)
    citing = shown.citing(request.officeholder, found.record.id)
    return WholeRecordOut(**shown.record(found), **citing, payload=found.payload)


@router.get("/records/{uuid:record_id}/rendition", summary="PDF", **a_file("application/pdf"))
@needs(ApiScope.READ)
def rendition(request: ApiRequest, record_id: UUID) -> HttpResponse:
    """The sealed PDF; 404 until it was made."""
    return download_pdf(_opened(request, record_id))


@router.get(
    "/records/{uuid:record_id}/proof",
    summary="증명 파일",
    **a_file("application/octet-stream"),
)
@needs(ApiScope.READ)
def proof(request: ApiRequest, record_id: UUID) -> HttpResponse:
    """The proof that belongs beside the PDF."""
    return download_proof(_opened(request, record_id))


@router.get(
    "/records/{uuid:record_id}/bundle",
    summary="증명 묶음",
    **a_file("application/zip"),
)
@needs(ApiScope.READ)
def bundle(request: ApiRequest, record_id: UUID) -> HttpResponse:
    """Everything with which the record can be checked anywhere; refused while provisional."""
    return download_bundle(_opened(request, record_id))


@router.get(
    "/records/{uuid:record_id}/attachments/{int:position}",
    summary="기록의 붙임",
    **a_file("*/*"),
)
@needs(ApiScope.READ)
def enclosure(request: ApiRequest, record_id: UUID, position: int) -> HttpResponse:
    attached = _opened(request, record_id).payload["content"]["attachments"]
    if not 1 <= position <= len(attached):
        raise Missing("없는 붙임입니다.", next_step="문서에 붙은 파일의 차례를 확인해 주세요.")
    file = attached[position - 1]
    return download(files.get(file["sha256"]), file["name"], file["media_type"])


def _opened(request: ApiRequest, record_id: UUID) -> DisclosedRecord:
    return open_record(request.officeholder, record_id, at=request.at, by_program=True)
