"""Views of what a drafter or reader does with a document beside deciding on it."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from danji.approvals import deciding, drafting, showing
from danji.web.account import signer_by_session
from danji.web.desk.access import DeskRequest, officer_required, posted


@posted(back="desk:document")
@officer_required
def withdrawal(request: DeskRequest, document_id: UUID) -> HttpResponse:
    """Take a document back; it can be mended at once."""
    again = drafting.withdraw_document(document_id, actor=request.officeholder, at=timezone.now())
    messages.success(request, "회수했습니다. 고친 뒤 다시 상신하실 수 있습니다.")
    return redirect("desk:draft", draft_id=again.id)


@posted(back="desk:document")
@officer_required
def redraft(request: DeskRequest, document_id: UUID) -> HttpResponse:
    """Begin anew with the content of an earlier document of one's own."""
    again = drafting.redraft_document(document_id, actor=request.officeholder, at=timezone.now())
    return redirect("desk:draft", draft_id=again.id)


@posted(back="desk:document")
@officer_required
def correction(request: DeskRequest, document_id: UUID) -> HttpResponse:
    """Begin a document that takes the place of one on record (정정)."""
    begun = drafting.correct_document(document_id, actor=request.officeholder, at=timezone.now())
    messages.success(
        request, "정정 문서를 시작했습니다. 결재가 끝나면 앞선 문서에 정정된 것이 표시됩니다."
    )
    return redirect("desk:draft", draft_id=begun.id)


@posted(back="desk:document")
@officer_required
def omission(request: DeskRequest, document_id: UUID) -> HttpResponse:
    """Leave out (생략) a reviewer who is away, as the drafter."""
    position = request.POST.get("position", "")
    deciding.skip_step(
        document_id,
        int(position) if position.isascii() and position.isdigit() and len(position) < 4 else 0,
        request.POST.get("reason", ""),
        actor=request.officeholder,
        sign=signer_by_session(request),
        at=timezone.now(),
    )
    messages.success(request, "그 자리를 건너뛰었습니다. 결재란에 까닭이 남습니다.")
    return redirect("desk:document", document_id=document_id)


@posted(back="desk:document")
@officer_required
def circulation(request: DeskRequest, document_id: UUID) -> HttpResponse:
    """Show a finished document to other officers (공람)."""
    sent = showing.circulate_document(
        document_id,
        [_uuid(value) for value in request.POST.getlist("officer")],
        actor=request.officeholder,
        at=timezone.now(),
    )
    said = f"{sent}명에게 공람으로 보냈습니다." if sent else "이미 모두에게 보낸 문서입니다."
    messages.success(request, said)
    return redirect("desk:document", document_id=document_id)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404(text) from None
