"""Views of what a drafter or reader does with a document beside deciding on it."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from danji.approvals import drafting, showing
from danji.approvals.queries import document_for
from danji.rules.periods import day_in_seoul
from danji.web.desk.access import DeskRequest, officer_required, posted
from danji.web.sign.ceremony import Decided, Pressed
from danji.web.sign.desk import SigningRequest, asked_page, perform_at_desk, with_signature


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
def adjustment(request: DeskRequest, document_id: UUID) -> HttpResponse:
    """Begin a document that changes an approved amount (취소·증감)."""
    begun = drafting.adjust_document(document_id, actor=request.officeholder, at=timezone.now())
    messages.success(request, "금액을 고치는 문서를 시작했습니다. 늘거나 주는 금액만 적어 주세요.")
    return redirect("desk:draft", draft_id=begun.id)


@posted(back="desk:document")
@with_signature
@officer_required
def omission(request: SigningRequest, document_id: UUID) -> HttpResponse:
    """Leave out (생략) who is away, or who did not see in time what is decided."""
    # For whoever may not see it, it does not exist, whatever else is wrong with what was typed.
    document_for(request.officeholder, document_id, on=day_in_seoul(timezone.now()))
    pressed = Pressed.read(request.POST)
    if [item.document_id for item in pressed.items] != [document_id]:
        raise Http404
    answer = perform_at_desk(request, pressed)
    page = reverse("desk:document", args=[document_id])
    if not isinstance(answer, Decided):
        here = reverse("desk:omission", args=[document_id])
        return asked_page(request, answer, action=here, back=page)
    if answer.refused:
        raise answer.refused[0].refusal
    messages.success(request, "그 자리를 건너뛰었습니다. 결재란에 까닭이 남습니다.")
    return HttpResponseRedirect(page, status=303)


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
