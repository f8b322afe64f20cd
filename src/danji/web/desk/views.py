"""The desk: the boxes, writing, documents, and what is on record. Views call actions."""

import hashlib
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from danji.accounts.models import Office
from danji.accounts.queries import offices_of
from danji.approvals import drafting, showing
from danji.approvals.habits import line_templates
from danji.approvals.models import Draft
from danji.approvals.queries import document_for, draft_of, drafts_of
from danji.base import files
from danji.disclosure.actions import clear_record
from danji.disclosure.endings import Gone, Tombstone
from danji.disclosure.queries import DisclosedRecord, read_record
from danji.disposal.readings import SHOWN_TO
from danji.formbook.definition import load
from danji.formbook.inputs import keep, texts
from danji.outbox.queries import is_operator
from danji.records.models import Relation
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.transparency.troubles import IN_CHARGE
from danji.web.account import demonstration_signer
from danji.web.addresses import own_address
from danji.web.desk import board, lining, pages
from danji.web.desk.access import (
    DeskRequest,
    View,
    officer_required,
    person_of,
    posted,
    take_office,
    to_log_in,
)
from danji.web.desk.editor import Editor, edit
from danji.web.desk.seal import said_on_desk
from danji.web.downloads import download, download_bundle, download_pdf, download_proof
from danji.web.opening import open_record, tombstone_for
from danji.web.previews import previews_in_record
from danji.web.sign import pages as signing
from danji.web.sign.ceremony import Decided, Pressed, way_of
from danji.web.sign.desk import (
    SigningRequest,
    asked_page,
    decision_at_desk,
    perform_at_desk,
    skipping_at_desk,
    with_signature,
)
from danji.web.uploads import uploaded_file


@require_safe
@officer_required
def home(request: DeskRequest) -> HttpResponse:
    """One of the boxes, and how much lies in the others."""
    context = board.home(request.officeholder, request.GET.dict(), timezone.now())
    context |= said_on_desk(request.officeholder)
    context |= board.confirming(request.officeholder, timezone.now())
    context |= board.away(request.officeholder, timezone.now())
    return render(request, "desk/home.html", context)


@require_safe
@officer_required
def several(request: DeskRequest) -> HttpResponse:
    """What waits for me, to be decided together: each document with what is signed of it."""
    reader, on = request.officeholder, day_in_seoul(timezone.now())
    way = way_of(reader, demonstration_signer(request, reader))
    context = board.several(reader, way=way, on=on)
    return render(request, "desk/several.html", context)


@require_safe
@officer_required
def settings(request: DeskRequest) -> HttpResponse:
    """The way to what is set up once."""
    context = {
        "is_operator": is_operator(request.officeholder),
        "sees_audits": request.officeholder.office in IN_CHARGE,
        "is_manager": request.officeholder.office == Office.MANAGER,
        "sees_readings": request.officeholder.office in SHOWN_TO,
    }
    return render(request, "desk/settings.html", context)


def offices(request: HttpRequest) -> HttpResponse:
    """Choosing the office to work in, for those who hold several."""
    person = person_of(request)
    if person is None:
        return to_log_in(request)
    held = offices_of(person.id, on=day_in_seoul(timezone.now()))
    if request.method == "POST":
        chosen = next((o for o in held if str(o.id) == request.POST.get("officeholder")), None)
        if chosen is None:
            raise Refusal(
                "지금 맡고 있지 않은 직책입니다.", next_step="화면을 새로 열어 다시 골라 주세요."
            )
        take_office(request, chosen)
        wanted = request.POST.get("next", "")
        return HttpResponseRedirect(own_address(request, wanted, otherwise=reverse("desk:home")))
    context = {"offices": held, "next": request.GET.get("next", "")}
    return render(request, "desk/offices.html", context)


def of_draft(view: View) -> View:
    """Hand the view its draft; whoever comes back to one that was submitted sees the document."""

    @wraps(view)
    def opened(request: DeskRequest, draft_id: UUID) -> HttpResponse:
        try:
            found = draft_of(request.officeholder, draft_id)
        except Draft.DoesNotExist:
            document_for(request.officeholder, draft_id, on=day_in_seoul(timezone.now()))
            if request.htmx:
                raise Refusal(
                    "이미 상신한 문서입니다.", next_step="화면을 새로 열어 주세요."
                ) from None
            return redirect("desk:document", document_id=draft_id)
        return view(request, found)

    return opened


# --- Writing -----------------------------------------------------------------------------------


@officer_required
@of_draft
def draft(request: DeskRequest, found: Draft) -> HttpResponse:
    """The editor; a POST keeps what was typed, and does what the pressed button says."""
    if request.method != "POST":
        page = edit(load(bytes(found.form.definition)), found.inputs)
        _remember_warnings(request, found, page)
        return _editor(request, found, page, cite_query=request.GET.get("cite", ""))
    try:
        with transaction.atomic():
            saved = _line(request, _cite(request, _save(request, found)))
    except Refusal as refusal:
        if request.htmx:
            raise
        return _typed_again(request, found, refusal)
    if request.htmx and request.htmx.target == "saved":
        shown = {"revision": str(saved.revision), "saved_at": saved.saved_at}
        return render(request, "desk/_saved.html", {"draft": shown})
    return HttpResponseRedirect(_place_in_editor(request, found.id), status=303)


@posted(back="desk:draft")
@officer_required
@of_draft
def attachments(request: DeskRequest, found: Draft) -> HttpResponse:
    """Attach a file to a draft, or take one out; what was typed is saved with it."""
    try:
        with transaction.atomic():
            saved = _line(request, _cite(request, _save(request, found)))
    except Refusal as refusal:
        return _typed_again(request, found, refusal)
    try:
        with transaction.atomic():
            _attach_or_detach(request, saved)
    except Refusal as refusal:
        page = edit(load(bytes(saved.form.definition)), saved.inputs)
        return _editor(request, saved, page, refusal=refusal, status=409)
    return HttpResponseRedirect(f"{reverse('desk:draft', args=[found.id])}#files", status=303)


@posted(back="desk:draft")
@officer_required
@of_draft
def submission(request: DeskRequest, found: Draft) -> HttpResponse:
    """Submit a draft; what was typed is saved first, and stays saved when submission is refused."""
    try:
        with transaction.atomic():
            saved = _line(request, _cite(request, _save(request, found)))
    except Refusal as refusal:
        return _typed_again(request, found, refusal)
    page = edit(load(bytes(saved.form.definition)), saved.inputs, checked=True)
    if page.problems:
        return _editor(request, saved, page, checked=True, status=422)
    if _remember_warnings(request, saved, page):
        return _editor(request, saved, page, checked=True, status=422)
    try:
        with transaction.atomic():
            document = drafting.submit_draft(
                found.id, actor=request.officeholder, at=timezone.now()
            )
    except Refusal as refusal:
        return _editor(request, saved, page, checked=True, refusal=refusal, status=409)
    messages.success(request, "상신했습니다.")
    return redirect("desk:document", document_id=document.id)


@posted(back="desk:draft")
@officer_required
@of_draft
def discard(request: DeskRequest, found: Draft) -> HttpResponse:
    """Throw a draft away."""
    drafting.discard_draft(found.id, actor=request.officeholder, at=timezone.now())
    messages.success(request, "쓰던 문서를 지웠습니다.")
    return redirect("desk:home")


def _save(request: DeskRequest, found: Draft) -> Draft:
    return drafting.save_draft(
        found.id,
        keep(load(bytes(found.form.definition)), dict(request.POST.lists())),
        revision=_revision(request),
        actor=request.officeholder,
        at=timezone.now(),
    )


def _cite(request: DeskRequest, saved: Draft) -> Draft:
    """Do what the buttons and choices beside the cited records say."""
    actor, at = request.officeholder, timezone.now()
    post = texts(dict(request.POST.lists()))
    kept = {cite["doc"]: cite["relation"] for cite in saved.cites}
    for name, doc in post.items():
        match name.split("-"):
            case ["cites", number, "record"] if doc in kept:
                relation = post.get(f"cites-{number}-relation", kept[doc])
                if f"cites-remove-{number}" in post:
                    saved = drafting.uncite_record(saved.id, UUID(doc), actor=actor, at=at)
                elif relation != kept[doc] and relation in Relation.values:
                    saved = drafting.cite_record(
                        saved.id, UUID(doc), Relation(relation), actor=actor, at=at
                    )
            case ["cites", "add"]:
                saved = drafting.cite_record(
                    saved.id, _uuid(doc), Relation.REFERS, actor=actor, at=at
                )
    return saved


def _line(request: DeskRequest, saved: Draft) -> Draft:
    """Do what the buttons and choices beside the approval line say."""
    actor, at = request.officeholder, timezone.now()
    post = texts(dict(request.POST.lists()))
    line = lining.changed(saved.line, post, templates=line_templates(actor))
    if line != saved.line:
        saved = drafting.save_line(saved.id, line, actor=actor, at=at)
    lining.keep_templates(line, post, actor=actor, at=at)
    return saved


def _attach_or_detach(request: DeskRequest, saved: Draft) -> None:
    actor, at = request.officeholder, timezone.now()
    for number, file in enumerate(saved.attachments, 1):
        if f"attachments-remove-{number}" in request.POST:
            drafting.detach_file(saved.id, file["sha256"], actor=actor, at=at)
            return
    file = uploaded_file(request)
    if file is None:
        raise Refusal(
            "고르신 파일이 없습니다.", next_step="파일을 고른 뒤 ‘파일 붙이기’를 눌러 주세요."
        )
    drafting.attach_file(saved.id, file.name or "", file.read(), actor=actor, at=at)


def _revision(request: DeskRequest) -> int:
    """The revision the page was drawn from; one that never was when the page does not say."""
    text = request.POST.get("revision", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404(text) from None


def _place_in_editor(request: DeskRequest, draft_id: UUID) -> str:
    """Where the eyes were: the table, the labels or the list whose button was pressed."""
    here = reverse("desk:draft", args=[draft_id])
    if "cites-find" in request.POST:
        return f"{here}?{urlencode({'cite': request.POST.get('cite', '')})}#cites"
    for name in request.POST:
        field, _, button = name.partition("-")
        if field in {"line", "readers"} and button.startswith(lining.BUTTONS):
            return f"{here}#line"
        if button == "add" or button.startswith("remove-"):
            return f"{here}#cites" if field == "cites" else f"{here}#f-{field}"
    return here


def _editor(
    request: DeskRequest, shown: Draft, page: Editor, *, status: int = 200, **options: Any
) -> HttpResponse:
    context = pages.editor(shown, request.officeholder, page, at=timezone.now(), **options)
    return render(request, "desk/edit.html", context, status=status)


def _typed_again(request: DeskRequest, found: Draft, refusal: Refusal) -> HttpResponse:
    """The editor with what was typed and could not be kept, so that nothing is lost."""
    if not drafts_of(request.officeholder).filter(id=found.id).exists():
        # The button was pressed twice, and the first press has submitted it.
        return redirect("desk:document", document_id=found.id)
    definition = load(bytes(found.form.definition))
    page = edit(definition, keep(definition, dict(request.POST.lists())))
    revision = str(_revision(request))
    return _editor(request, found, page, refusal=refusal, revision=revision, status=409)


def _remember_warnings(request: DeskRequest, shown: Draft, page: Editor) -> bool:
    """Note that these doubts were shown. Returns: whether they had not been before."""
    if not page.warnings:
        return False
    said = "\n".join(warning.message for warning in page.warnings)
    seen = [str(shown.id), hashlib.sha256(said.encode()).hexdigest()]
    if request.session.get("warned") == seen:
        return False
    request.session["warned"] = seen
    return True


# --- A document on its way ---------------------------------------------------------------------


@require_safe
@officer_required
def document(request: DeskRequest, document_id: UUID) -> HttpResponse:
    """A document with its line and state, and the decision when it is the reader's turn."""
    reader, at = request.officeholder, timezone.now()
    shown = document_for(reader, document_id, on=day_in_seoul(at))
    if shown.erased_at is not None:
        return _tombstone(request, tombstone_for(shown, reader))
    if any(
        circulation.recipient_id == reader.id and circulation.sent_at and not circulation.read_at
        for circulation in shown.circulations.all()
    ):
        showing.mark_read(document_id, actor=reader, at=at)
    context = pages.document(shown, reader, at=at) | {
        "decision": decision_at_desk(request, shown),
        "skipping": skipping_at_desk(request, shown),
    }
    return render(request, "desk/document.html", context)


@require_safe
@officer_required
def attachment(request: DeskRequest, document_id: UUID, position: int) -> HttpResponse:
    """A file attached to a document, for those who may read the document."""
    shown = document_for(request.officeholder, document_id, on=day_in_seoul(timezone.now()))
    return _file(shown.parsed_content(), position)


# --- Deciding ----------------------------------------------------------------------------------


@posted(back="desk:document")
@with_signature
@officer_required
def decision(request: SigningRequest, document_id: UUID) -> HttpResponse:
    """Decide on a document, exactly as it was shown; or ask for that with which to sign."""
    try:
        pressed = _pressed(request, document_id)
        answer = perform_at_desk(request, pressed)
    except Refusal as refusal:
        return _decide_again(request, document_id, refusal)
    page = reverse("desk:document", args=[document_id])
    if not isinstance(answer, Decided):
        here = reverse("desk:decision", args=[document_id])
        return asked_page(request, answer, action=here, back=page)
    if answer.refused:
        return _decide_again(request, document_id, answer.refused[0].refusal)
    messages.success(request, signing.said_of(answer.done[0], request.officeholder))
    return HttpResponseRedirect(page, status=303)


def _pressed(request: SigningRequest, document_id: UUID) -> Pressed:
    pressed = Pressed.read(request.POST)
    if [item.document_id for item in pressed.items] != [document_id]:
        raise Http404
    return pressed


def _decide_again(request: SigningRequest, document_id: UUID, refusal: Refusal) -> HttpResponse:
    """The document with what was typed; where there is nothing to decide any more, why."""
    at = timezone.now()
    shown = document_for(request.officeholder, document_id, on=day_in_seoul(at))
    again = decision_at_desk(request, shown, refusal)
    if again is None:
        raise refusal
    context = pages.document(shown, request.officeholder, at=at)
    return render(request, "desk/document.html", context | {"decision": again}, status=422)


# --- What is on record -------------------------------------------------------------------------


@require_safe
@officer_required
def register(request: DeskRequest) -> HttpResponse:
    """The register of records, a page at a time."""
    search, number = request.GET.get("q", ""), request.GET.get("page")
    context = pages.register(request.officeholder, search, number)
    return render(request, "desk/register.html", context)


@require_safe
@officer_required
def record(request: DeskRequest, record_id: UUID) -> HttpResponse:
    """One record, or what stands in its place."""
    try:
        shown = _opened(request, record_id)
    except Gone as gone:
        return _tombstone(request, gone.tombstone)
    reader = request.officeholder
    previews = previews_in_record(shown.payload["content"], reader.complex_id, record_id)
    context = pages.record(shown, reader) | {"previews": previews}
    return render(request, "desk/record.html", context)


@require_safe
@officer_required
def rendition(request: DeskRequest, record_id: UUID) -> HttpResponse:
    """The sealed PDF of a record."""
    return download_pdf(_opened(request, record_id))


@require_safe
@officer_required
def proof(request: DeskRequest, record_id: UUID) -> HttpResponse:
    """The proof that belongs beside the PDF."""
    shown = read_record(request.officeholder, record_id)
    return download_proof(shown)


@officer_required
def bundle(request: DeskRequest, record_id: UUID) -> HttpResponse:
    """Everything with which the record can be checked anywhere, once it is confirmed (확정)."""
    return download_bundle(_opened(request, record_id))


@require_safe
@officer_required
def enclosure(request: DeskRequest, record_id: UUID, position: int) -> HttpResponse:
    """A file attached to a record."""
    shown = _opened(request, record_id)
    return _file(shown.payload["content"], position)


@posted(back="desk:record")
@officer_required
def clearance(request: DeskRequest, record_id: UUID) -> HttpResponse:
    """The manager answers for showing what a program could not read."""
    clear_record(record_id, actor=request.officeholder, at=timezone.now())
    messages.success(request, "확인하셨습니다. 곧 공개됩니다.")
    return redirect("desk:record", record_id=record_id)


def _opened(request: DeskRequest, record_id: UUID) -> DisclosedRecord:
    return open_record(request.officeholder, record_id, at=timezone.now())


def _tombstone(request: DeskRequest, tombstone: Tombstone) -> HttpResponse:
    context = {"tombstone": tombstone, "may_know": True, "back": reverse("desk:register")}
    return render(request, "desk/tombstone.html", context)


def _file(content: dict[str, Any], position: int) -> HttpResponse:
    attached = content["attachments"]
    if not 1 <= position <= len(attached):
        raise Http404
    file = attached[position - 1]
    return download(files.get(file["sha256"]), file["name"], file["media_type"])
