"""Writing at the desk: nothing typed is lost, and what stands in the way is named."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from danji.approvals import drafting
from danji.approvals.models import Document, Draft
from danji.base import tenancy
from danji.transparency.sequencer import Sequencer

AUTOSAVE = {"HX-Request": "true", "HX-Target": "saved"}


def url(name, draft):
    return reverse(f"desk:{name}", args=[draft.id])


def test_a_form_is_chosen_and_opened(clerk, chief, manager, at_desk):
    desk = at_desk(clerk)
    page = desk.get(reverse("desk:forms")).content.decode()
    assert "기안서" in page
    assert "담당 → 과장 → 관리사무소장" in page
    answer = desk.post(reverse("desk:drafts"), {"form": "memo"})
    assert "기안서 쓰기" in desk.get(answer.url).content.decode()


def test_an_unknown_form_is_refused(clerk, at_desk):
    answer = at_desk(clerk).post(reverse("desk:drafts"), {"form": "diary"})
    assert answer.status_code == 409
    assert "없는 서식" in answer.content.decode()


def test_what_was_typed_is_shown_again(draft, clerk, at_desk):
    page = at_desk(clerk).get(url("draft", draft)).content.decode()
    assert 'value="화단 정비"' in page
    assert 'value="1,430,000"' in page


def test_an_autosave_answers_with_the_next_revision(draft, clerk, at_desk, typed):
    answer = at_desk(clerk).post(
        url("draft", draft), typed(draft, title="화단 정비 2"), headers=AUTOSAVE
    )
    saved = Draft.objects.get()
    assert saved.inputs["title"] == ["화단 정비 2"]
    assert f'name="revision" value="{saved.revision}"' in answer.content.decode()


def test_a_stale_autosave_says_so_and_keeps_the_other(draft, clerk, at_desk, typed):
    answer = at_desk(clerk).post(url("draft", draft), typed(draft, revision="1"), headers=AUTOSAVE)
    assert answer.status_code == 409
    assert "저장하지 못했습니다" in answer.content.decode()
    assert "<html" not in answer.content.decode()


def test_a_stale_page_keeps_what_was_typed_in_sight(draft, clerk, at_desk, typed):
    answer = at_desk(clerk).post(
        url("draft", draft), typed(draft, revision="1", title="나중에 고친 제목")
    )
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "다른 창에서 먼저 저장한" in page
    assert "나중에 고친 제목" in page
    assert 'name="revision" value="1"' in page
    assert "저장하지 못했습니다" in page
    assert "저장했습니다" not in page
    assert f'href="{url("draft", draft)}" target="_blank"' in page
    assert Draft.objects.get().inputs["title"] == ["화단 정비"]


def test_a_saved_page_is_loaded_again(draft, clerk, at_desk, typed):
    answer = at_desk(clerk).post(url("draft", draft), typed(draft))
    assert (answer.status_code, answer.url) == (303, url("draft", draft))


def test_a_row_is_added_and_the_eyes_stay_there(bookkeeper, at_desk, at):
    draft = drafting.start_draft("expense", actor=bookkeeper, at=at)
    answer = at_desk(bookkeeper).post(
        url("draft", draft),
        {"revision": draft.revision, "items-0-name": "모래", "items-add": "1"},
    )
    assert answer.url.endswith("#f-items")
    assert Draft.objects.get().inputs["items-1-name"] == [""]


def test_what_is_missing_is_named_and_the_rest_is_kept(draft, clerk, at_desk, typed):
    answer = at_desk(clerk).post(
        url("submission", draft), typed(draft, purpose="", title="새 제목")
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "1곳을 고치시면" in page
    assert 'href="#f-purpose"' in page
    assert Draft.objects.get().inputs["title"] == ["새 제목"]
    assert not Document.objects.exists()


def test_a_submission_freezes_what_was_typed_last(draft, clerk, at_desk, typed):
    answer = at_desk(clerk).post(url("submission", draft), typed(draft, title="마지막 제목"))
    document = Document.objects.get()
    assert document.title == "마지막 제목"
    assert answer.url == reverse("desk:document", args=[document.id])


def test_a_doubt_is_shown_once_and_never_stands_in_the_way(draft, clerk, at_desk, typed):
    desk, doubtful = at_desk(clerk), {"effect": "연락: 900101-1234567"}
    answer = desk.post(url("submission", draft), typed(draft, **doubtful))
    assert answer.status_code == 422
    assert "주민등록번호" in answer.content.decode()
    again = typed(Draft.objects.get(), **doubtful)
    assert desk.post(url("submission", draft), again).status_code == 302


def test_submitting_twice_is_told_calmly(draft, clerk, at_desk, typed):
    desk = at_desk(clerk)
    desk.post(url("submission", draft), typed(draft))
    answer = desk.post(url("submission", draft), typed(draft))
    assert answer.status_code == 302
    assert answer.url == reverse("desk:document", args=[draft.id])


def test_without_a_manager_the_draft_stays(clerk, at_desk, at, typed):
    begun = drafting.start_draft("memo", actor=clerk, at=at)
    answer = at_desk(clerk).post(url("submission", begun), typed(begun))
    assert answer.status_code == 409
    assert "관리사무소장 직을 맡은 분이 없어" in answer.content.decode()
    assert Draft.objects.get().inputs["title"] == ["화단 정비"]


def test_a_file_is_attached_and_taken_out(draft, clerk, at_desk, typed, pdf):
    desk = at_desk(clerk)
    file = SimpleUploadedFile("견적서.pdf", pdf)
    answer = desk.post(url("attachments", draft), typed(draft) | {"file": file})
    assert answer.url.endswith("#files")
    assert "견적서.pdf" in desk.get(url("draft", draft)).content.decode()
    with_file = Draft.objects.get()
    desk.post(url("attachments", draft), typed(with_file) | {"attachments-remove-1": "1"})
    assert Draft.objects.get().attachments == []


def test_a_file_that_lies_is_named_and_what_was_typed_is_kept(draft, clerk, at_desk, typed, pdf):
    file = SimpleUploadedFile("견적서.png", pdf)
    answer = at_desk(clerk).post(
        url("attachments", draft), typed(draft, title="그대로") | {"file": file}
    )
    assert answer.status_code == 409
    assert "이름과 달리 PDF 파일입니다" in answer.content.decode()
    assert Draft.objects.get().inputs["title"] == ["그대로"]


def test_a_file_too_large_is_refused_with_the_limit(draft, clerk, at_desk, settings, typed):
    settings.UPLOAD_LIMIT = 1024 * 1024
    file = SimpleUploadedFile("견적서.pdf", b"%PDF-" + bytes(2 * 1024 * 1024))
    answer = at_desk(clerk).post(
        url("attachments", draft), typed(draft, title="그대로") | {"file": file}
    )
    assert answer.status_code == 409
    assert "한 개에 1MB까지" in answer.content.decode()
    assert Draft.objects.get().inputs["title"] == ["그대로"]


def test_a_request_far_too_large_is_not_even_read(visitor, settings):
    settings.UPLOAD_LIMIT = 1024
    answer = visitor.client.generic(
        "POST", "/desk/", b"", content_type="multipart/form-data", CONTENT_LENGTH=2_000_000_000
    )
    assert answer.status_code == 413
    assert "파일이 너무 큽니다" in answer.content.decode()


def test_a_draft_is_thrown_away(draft, clerk, at_desk):
    answer = at_desk(clerk).post(url("discard", draft))
    assert answer.url == reverse("desk:home")
    assert not Draft.objects.exists()


def test_a_draft_is_its_drafters_alone(draft, chief, at_desk):
    assert at_desk(chief).get(url("draft", draft)).status_code == 404


@pytest.mark.parametrize("name", ["attachments", "submission", "discard"])
def test_whoever_arrives_by_link_sees_the_draft(name, draft, clerk, at_desk):
    assert at_desk(clerk).get(url(name, draft)).url == url("draft", draft)


def test_a_record_is_found_and_cited_only_when_sealed(filed, clerk, at_desk, at, typed):
    begun = drafting.start_draft("memo", actor=clerk, at=at)
    desk = at_desk(clerk)
    answer = desk.post(url("draft", begun), typed(begun) | {"cite": "화단 정비", "cites-find": "1"})
    page = desk.get(answer.url).content.decode()
    assert filed.id.hex in page
    answer = desk.post(
        url("draft", begun), typed(Draft.objects.get()) | {"cites-add": filed.id.hex}
    )
    assert answer.status_code == 409
    assert "아직 봉인되지 않은" in answer.content.decode()


def test_a_cited_record_can_be_replaced_and_taken_out(filed, clerk, at_desk, at, typed):
    Sequencer().tick()
    tenancy._enter("app.complex", filed.complex_id)
    begun = drafting.start_draft("memo", actor=clerk, at=at)
    desk = at_desk(clerk)
    answer = desk.post(url("draft", begun), typed(begun) | {"cites-add": filed.id.hex})
    assert answer.url.endswith("#cites")
    assert "기안-2026-0001" in desk.get(answer.url).content.decode()
    cited = {"cites-0-record": filed.id.hex, "cites-0-relation": "supersedes"}
    desk.post(url("draft", begun), typed(Draft.objects.get()) | cited)
    assert [cite["relation"] for cite in Draft.objects.get().cites] == ["supersedes"]
    desk.post(url("draft", begun), typed(Draft.objects.get()) | cited | {"cites-remove-0": "1"})
    assert Draft.objects.get().cites == []
