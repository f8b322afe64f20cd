"""The page of boxes: one calm list, what is looked for in it, and several signed at once."""

import html
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from danji.approvals import deciding, drafting
from danji.approvals.boxes import Box
from danji.approvals.models import Step
from danji.integration.actions import issue_token
from danji.integration.models import ApiScope
from danji.records.models import Record
from danji.rules.approval import Choice, Decision

HOME = reverse("desk:home")
DAYS = ("until=9999-12-31&since=9999-12-31", "since=0001-01-01&until=0001-01-01")


def test_the_boxes_say_how_much_lies_in_them(submitted, chief, at_desk):
    page = at_desk(chief).get(HOME).content.decode()
    for label in ("내 차례", "쓰던 문서", "진행", "반려", "완료", "참조", "공람"):
        assert label in page
    assert '내 차례 <span class="count">1<' in page


def test_a_box_that_is_none_opens_the_first(submitted, chief, at_desk):
    page = at_desk(chief).get(f"{HOME}?box=treasure").content.decode()
    assert "화단 정비" in page


@pytest.mark.parametrize(
    "query",
    ["?box=finished&page=x", "?page=0", "?page=99999999999", "?since=tomorrow", "?least=many"]
    + [f"?box={box}&{days}" for box in Box for days in DAYS],
)
def test_whatever_is_asked_is_answered(query, submitted, chief, at_desk):
    assert at_desk(chief).get(HOME + query).status_code == 200


def test_what_cannot_be_read_is_said(submitted, chief, at_desk):
    page = at_desk(chief).get(f"{HOME}?since=tomorrow&least=many").content.decode()
    assert "날짜를 읽을 수 없어 빼고 찾았습니다: tomorrow" in page
    assert "금액을 읽을 수 없어 빼고 찾았습니다: many" in page
    assert "화단 정비" in page


def test_a_day_that_no_document_has_is_left_out(submitted, chief, at_desk):
    page = at_desk(chief).get(f"{HOME}?until=9999-12-31").content.decode()
    assert "날짜를 읽을 수 없어 빼고 찾았습니다: 9999-12-31" in page
    assert "화단 정비" in page


def test_a_finished_document_is_found_by_its_number(filed, clerk, at_desk):
    number = Record.objects.get().number
    desk = at_desk(clerk)
    assert number in desk.get(f"{HOME}?box=finished").content.decode()
    assert "화단 정비" in desk.get(f"{HOME}?box=finished&q={number}").content.decode()
    page = desk.get(f"{HOME}?box=finished&q=기안-1999-1").content.decode()
    assert "찾는 문서가 없습니다" in page


def test_filters_stay_while_one_turns_the_page(draft, clerk, at, at_desk):
    for _ in range(20):
        drafting.start_draft("memo", actor=clerk, at=at)
    desk = at_desk(clerk)
    page = desk.get(f"{HOME}?box=drafts&form=memo").content.decode()
    assert "?box=drafts&amp;page=2&amp;form=memo" in page
    second = desk.get(f"{HOME}?box=drafts&page=2&form=memo").content.decode()
    assert second.count('class="row-link"') == 1


# --- Several at once ---------------------------------------------------------------------------


@pytest.fixture
def two(submitted, clerk, at, typed):
    """Two documents that wait for the chief."""
    begun = drafting.start_draft("memo", actor=clerk, at=at)
    texts = {name: [text] for name, text in typed(begun, title="놀이터 보수").items()}
    del texts["revision"]
    drafting.save_draft(begun.id, texts, revision=begun.revision, actor=clerk, at=at)
    return submitted, drafting.submit_draft(begun.id, actor=clerk, at=at)


def test_several_are_offered_only_where_several_wait(submitted, chief, at_desk):
    assert reverse("desk:several") not in at_desk(chief).get(HOME).content.decode()


def test_each_of_several_shows_what_is_signed(two, chief, at_desk):
    page = at_desk(chief).get(reverse("desk:several")).content.decode()
    for document in two:
        assert document.title in page
        assert f"{document.id.hex}/{document.digest}/" in page
        assert reverse("desk:document", args=[document.id]) in page
    assert "금1,430,000원" in page


def test_what_is_worth_a_second_look_is_said_of_each_of_several(
    submitted, draft, clerk, chief, pdf, at, at_desk
):
    begun = drafting.copy_document(submitted.id, actor=clerk, at=at)
    drafting.attach_file(begun.id, "다시.pdf", pdf, actor=clerk, at=at)
    second = drafting.submit_draft(begun.id, actor=clerk, at=at)
    (note,) = second.parsed_content()["notes"]
    page = at_desk(chief).get(reverse("desk:several")).content.decode()
    assert page.count('class="notice warn section-form"') == 1
    assert html.escape(note, quote=False) in page
    page = at_desk(chief).get(reverse("desk:document", args=[second.id])).content.decode()
    link = reverse("desk:document", args=[submitted.id])
    assert f'같은 파일이 붙은 문서: <a href="{link}">' in page


def test_only_what_was_marked_is_signed(two, chief, at_desk):
    second = two[1]
    answer = at_desk(chief).post(
        reverse("sign:decisions"),
        {"item": [f"{second.id.hex}/{second.digest}/"], "decision": "approve"},
    )
    assert answer.status_code == 303
    decided = Step.objects.filter(approver_id=chief.id).exclude(decision="")
    assert [step.document_id for step in decided] == [second.id]


def test_what_cannot_be_signed_is_named_and_the_others_are(two, chief, sign, at, at_desk):
    first, second = two
    deciding.decide_step(first.id, actor=chief, choice=Choice(Decision.APPROVE), sign=sign, at=at)
    desk = at_desk(chief)
    answer = desk.post(
        reverse("sign:decisions"),
        {"item": [f"{d.id.hex}/{d.digest}/" for d in two], "decision": "approve"},
    )
    page = desk.get(answer.url).content.decode()
    assert "이미 결재하신 문서입니다" in page
    assert Step.objects.get(document_id=second.id, position=2).decision == "approve"


# --- After a decision --------------------------------------------------------------------------


def test_after_a_decision_the_next_document_is_one_press_away(two, chief, at_desk):
    first, second = two
    desk = at_desk(chief)
    here = reverse("desk:document", args=[first.id])
    assert "다음 문서 결재하기" not in desk.get(here).content.decode()
    desk.post(
        reverse("desk:decision", args=[first.id]),
        {"item": f"{first.id.hex}/{first.digest}/", "decision": "approve"},
    )
    page = desk.get(here).content.decode()
    assert "다음 문서 결재하기" in page
    assert reverse("desk:document", args=[second.id]) in page


def test_the_settings_lead_everywhere(clerk, at_desk):
    desk = at_desk(clerk)
    page = desk.get(reverse("desk:settings")).content.decode()
    for name in ("sign:signing", "authority:people", "authority:absences", "routing:rules"):
        assert reverse(name) in page
        assert desk.get(reverse(name)).status_code == 200


def test_who_can_confirm_something_finds_the_way_on_the_desk(manager, chief, clerk, at_desk):
    now = timezone.now()
    day = now.date() + timedelta(days=30)
    token = issue_token("회계", [ApiScope.DECIDE], day, actor=manager, at=now).token
    page = at_desk(chief).get(HOME).content.decode()
    assert "확인을 기다리는 일" in page
    address = reverse("integration:token", args=[token.id])
    assert f'<a href="{address}">연계 열쇠 회계</a>' in page
    assert "확인하기" in at_desk(chief).get(address).content.decode()
    for other in (manager, clerk):
        page = at_desk(other).get(HOME).content.decode()
        assert "확인을 기다리는 일" not in page
