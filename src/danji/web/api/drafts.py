"""Writing: files sent ahead, drafts, and submitting them."""

from collections.abc import Iterable
from typing import Annotated, Any
from uuid import UUID

from ninja import File, Router, Status, UploadedFile

from danji.approvals import drafting
from danji.approvals.lines import Changes, plan_line
from danji.approvals.models import Draft
from danji.approvals.queries import draft_of, drafts_of
from danji.formbook.definition import FormDefinition, load
from danji.formbook.values import parse
from danji.integration import ahead
from danji.integration.actions import upload_file
from danji.integration.models import ApiScope
from danji.integration.queries import upload_of
from danji.records.models import Relation
from danji.rules.periods import day_in_seoul
from danji.web.api import shown
from danji.web.api.gate import FILE, ApiRequest, answers, needs
from danji.web.api.given import check, inputs_of, wrong
from danji.web.api.shapes import (
    AttachmentOut,
    Cite,
    DoneOut,
    DraftChange,
    DraftOut,
    DraftsOut,
    Filing,
    LineChanges,
    NewDraft,
    PlanOut,
    ProgressOut,
    Submission,
    Written,
)
from danji.web.uploads import uploaded_file

router = Router(tags=["기안"])
LISTED = 50
Sent = Annotated[UploadedFile, File()]


@router.post("/files", response=answers(AttachmentOut, 201), summary="파일 먼저 올리기")
@needs(ApiScope.DRAFT, takes=FILE)
def upload(request: ApiRequest, file: Sent) -> Status[AttachmentOut]:
    """Take in a file, to be attached by its digest within a week."""
    name, data = _sent(request, file)
    taken = upload_file(name, data, actor=request.officeholder, at=request.at)
    return Status(
        201,
        AttachmentOut(
            name=taken.name, media_type=taken.media_type, size=taken.size, sha256=taken.sha256
        ),
    )


@router.post("/documents", response=answers(ProgressOut, 201), summary="한 번에 쓰고 상신하기")
@needs(ApiScope.DRAFT)
def file_document(request: ApiRequest, body: Filing) -> Status[ProgressOut]:
    """Begin, fill in, attach and submit, all at once or not at all."""
    begun, definition = _begin(request, body)
    _attach(request, begun.id, body.attachments)
    _cite(request, begun.id, body.cites)
    return _submit(request, begun, definition, body, body.values)


@router.get("/drafts", response=answers(DraftsOut), summary="쓰던 문서")
@needs(ApiScope.READ)
def drafts(request: ApiRequest) -> DraftsOut:
    """The last drafts of the officeholder, the newest first."""
    rows = drafts_of(request.officeholder)[:LISTED]
    return DraftsOut(items=[shown.draft(row) for row in rows])


@router.post("/drafts", response=answers(DraftOut, 201), summary="새 문서 쓰기")
@needs(ApiScope.DRAFT)
def start(request: ApiRequest, body: NewDraft) -> Status[DraftOut]:
    """Begin a draft with what is known of it so far."""
    begun, _ = _begin(request, body)
    return Status(201, shown.draft(begun))


@router.get("/drafts/{uuid:draft_id}", response=answers(DraftOut), summary="쓰던 문서 하나")
@needs(ApiScope.READ)
def draft(request: ApiRequest, draft_id: UUID) -> DraftOut:
    return shown.draft(draft_of(request.officeholder, draft_id))


@router.get("/drafts/{uuid:draft_id}/plan", response=answers(PlanOut), summary="상신하면 갈 결재선")
@needs(ApiScope.READ)
def plan(request: ApiRequest, draft_id: UUID) -> PlanOut:
    """The line that a draft would take today, what is said of it, and what is still missing."""
    found, on = draft_of(request.officeholder, draft_id), day_in_seoul(request.at)
    definition = load(bytes(found.form.definition))
    parsed = parse(definition, found.inputs)
    planned = plan_line(
        definition,
        parsed.values,
        drafter=request.officeholder,
        changes=Changes.parse(found.line),
        attachments=found.attachments,
        cites=found.cites,
        on=on,
    )
    return shown.plan(planned, parsed, on=on)


@router.put("/drafts/{uuid:draft_id}", response=answers(DraftOut), summary="쓰던 문서 고치기")
@needs(ApiScope.DRAFT)
def save(request: ApiRequest, draft_id: UUID, body: DraftChange) -> DraftOut:
    """Put other content in the place of what a draft holds."""
    found = draft_of(request.officeholder, draft_id)
    definition = load(bytes(found.form.definition))
    return shown.draft(_fill(request, found, definition, body, revision=body.revision))


@router.delete("/drafts/{uuid:draft_id}", response=answers(DoneOut), summary="쓰던 문서 지우기")
@needs(ApiScope.DRAFT)
def discard(request: ApiRequest, draft_id: UUID) -> DoneOut:
    drafting.discard_draft(draft_id, actor=request.officeholder, at=request.at)
    return DoneOut()


@router.post(
    "/drafts/{uuid:draft_id}/attachments", response=answers(DraftOut, 201), summary="파일 붙이기"
)
@needs(ApiScope.DRAFT, takes=FILE)
def attach(
    request: ApiRequest,
    draft_id: UUID,
    file: Sent,
) -> Status[DraftOut]:
    name, data = _sent(request, file)
    kept = drafting.attach_file(draft_id, name, data, actor=request.officeholder, at=request.at)
    return Status(201, shown.draft(kept))


@router.delete(
    "/drafts/{uuid:draft_id}/attachments/{sha256}", response=answers(DraftOut), summary="파일 빼기"
)
@needs(ApiScope.DRAFT)
def detach(request: ApiRequest, draft_id: UUID, sha256: str) -> DraftOut:
    kept = drafting.detach_file(draft_id, sha256, actor=request.officeholder, at=request.at)
    return shown.draft(kept)


@router.post(
    "/drafts/{uuid:draft_id}/cites", response=answers(DraftOut, 201), summary="관련 문서 넣기"
)
@needs(ApiScope.DRAFT)
def cite(request: ApiRequest, draft_id: UUID, body: Cite) -> Status[DraftOut]:
    _cite(request, draft_id, [body])
    return Status(201, shown.draft(draft_of(request.officeholder, draft_id)))


@router.delete(
    "/drafts/{uuid:draft_id}/cites/{uuid:doc}", response=answers(DraftOut), summary="관련 문서 빼기"
)
@needs(ApiScope.DRAFT)
def uncite(request: ApiRequest, draft_id: UUID, doc: UUID) -> DraftOut:
    kept = drafting.uncite_record(draft_id, doc, actor=request.officeholder, at=request.at)
    return shown.draft(kept)


@router.post(
    "/drafts/{uuid:draft_id}/submission", response=answers(ProgressOut, 201), summary="상신하기"
)
@needs(ApiScope.DRAFT)
def submit(request: ApiRequest, draft_id: UUID, body: Submission) -> Status[ProgressOut]:
    """Submit a draft: from here on its content is frozen."""
    found = draft_of(request.officeholder, draft_id)
    return _submit(request, found, load(bytes(found.form.definition)), body, {})


def _begin(request: ApiRequest, body: NewDraft) -> tuple[Draft, FormDefinition]:
    begun = drafting.start_draft(body.form, actor=request.officeholder, at=request.at)
    definition = load(bytes(begun.form.definition))
    return _fill(request, begun, definition, body, revision=begun.revision), definition


def _fill(
    request: ApiRequest, found: Draft, definition: FormDefinition, body: Written, *, revision: int
) -> Draft:
    actor, at = request.officeholder, request.at
    inputs = inputs_of(definition, body.values, body.inputs)
    saved = drafting.save_draft(found.id, inputs, revision=revision, actor=actor, at=at)
    if body.line is None:
        return saved
    return drafting.save_line(found.id, _line(body.line), actor=actor, at=at)


def _submit(
    request: ApiRequest,
    found: Draft,
    definition: FormDefinition,
    body: Submission,
    values: dict[str, Any],
) -> Status[ProgressOut]:
    check(definition, found.inputs, values, seen_doubts=body.seen_doubts)
    document = drafting.submit_draft(found.id, actor=request.officeholder, at=request.at)
    return Status(201, ProgressOut(document=document.id, digest=document.digest, ending=None))


def _line(changes: LineChanges) -> dict[str, Any]:
    """As `approvals.lines` reads it."""
    return changes.model_dump(mode="json")


def _attach(request: ApiRequest, draft_id: UUID, digests: Iterable[str]) -> None:
    """Attach what was sent ahead. Raises: BadFields for what was not."""
    actor, at = request.officeholder, request.at
    for digest in digests:
        sent = upload_of(actor, digest)
        data = ahead.get(sent) if sent else None
        if sent is None or data is None:
            raise wrong({"attachments": f"먼저 올린 파일이 아닙니다: {digest}"})
        drafting.attach_examined(draft_id, sent.name, data, sent.media_type, actor=actor, at=at)


def _cite(request: ApiRequest, draft_id: UUID, cites: Iterable[Cite]) -> None:
    actor, at = request.officeholder, request.at
    for one in cites:
        drafting.cite_record(draft_id, one.doc, Relation(one.relation), actor=actor, at=at)


def _sent(request: ApiRequest, file: UploadedFile) -> tuple[str, bytes]:
    """The name and the bytes. Raises: Refusal when it was larger than the limit."""
    uploaded_file(request)
    return file.name or "", file.read()
