"""The approval line in the editor and on the page, and what is done with a document after it."""

from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from danji.accounts.models import Officeholder
from danji.approvals import deciding, drafting, habits
from danji.approvals.models import Circulation, Draft, Recurring, Step
from danji.authority.actions import set_absence
from danji.base import tenancy
from danji.records.models import Relation
from danji.rules.absence import Reason
from danji.rules.approval import Choice, Decision
from danji.rules.periods import day_in_seoul
from danji.transparency.sequencer import Sequencer
from papers import decide, drafted, registered, spending


def url(name, thing):
    return reverse(f"desk:{name}", args=[thing.id])


@pytest.fixture
def away(chief, manager):
    """Let the chief be away on the day the tests are run, with the manager standing in."""
    from django.utils import timezone

    def make(officer=chief, deputy=manager):
        now = timezone.now()
        return set_absence(
            officer.id,
            deputy_id=deputy.id,
            since=day_in_seoul(now),
            until=day_in_seoul(now) + timedelta(days=1),
            reason=Reason.TRIP,
            actor=officer,
            at=now,
        )

    return make


def leaving_out(document, position, reason="출장"):
    """What the page posts to leave a place out."""
    item = f"{document.id.hex}/{document.digest}/skip-{position}"
    return {"item": item, "decision": "skip", "opinion": reason}


# --- In the editor -----------------------------------------------------------------------------


def test_somebody_is_put_into_the_line_and_taken_out(draft, clerk, chair, at_desk, typed):
    desk = at_desk(clerk)
    add = {"line-add": "1", "line-add-act": "audit", "line-add-officer": chair.id.hex}
    answer = desk.post(url("draft", draft), typed(draft) | add)
    assert answer.url.endswith("#line")
    page = desk.get(answer.url).content.decode()
    assert "정순자 빼기" in page
    desk.post(url("draft", draft), typed(Draft.objects.get()) | {"line-remove-0": "1"})
    assert Draft.objects.get().line["added"] == []


def test_what_was_typed_is_saved_with_the_line(draft, clerk, chair, at_desk, typed):
    add = {"readers-add": "1", "readers-add-kind": "reference", "readers-add-officer": chair.id.hex}
    at_desk(clerk).post(url("draft", draft), typed(draft, title="새 제목") | add)
    saved = Draft.objects.get()
    assert saved.inputs["title"] == ["새 제목"]
    assert [row["kind"] for row in saved.line["readers"]] == ["reference"]


@pytest.mark.parametrize(
    "pressed",
    [
        {"line-add": "1", "line-add-act": "review", "line-add-officer": ""},
        {"line-add": "1", "line-add-act": "approve", "line-add-officer": "0" * 32},
        {"line-add": "1", "line-add-act": "review", "line-add-officer": "nobody"},
        {"readers-add": "1", "readers-add-kind": "report", "readers-add-officer": "0" * 32},
        {"line-apply": "1", "line-template": "mine"},
        {"line-keep": "1", "line-name": ""},
        {"line-forget": "1"},
    ],
)
def test_a_press_that_says_nothing_is_told_and_loses_nothing(pressed, draft, clerk, at_desk, typed):
    answer = at_desk(clerk).post(url("draft", draft), typed(draft, title="그대로") | pressed)
    assert answer.status_code == 409
    assert "그대로" in answer.content.decode()
    assert not Draft.objects.get().line


def test_an_absent_reviewer_is_left_out_with_the_reason(draft, clerk, away, at_desk, typed):
    away()
    desk = at_desk(clerk)
    assert "건너뛰는 까닭" in desk.get(url("draft", draft)).content.decode()
    desk.post(url("draft", draft), typed(draft) | {"line-skip-chief": "출장"})
    answer = desk.post(url("submission", draft), typed(Draft.objects.get()))
    page = desk.get(answer.url).content.decode()
    assert "생략 사유" in page
    assert "출장" in page
    assert not Step.objects.filter(position=2)


def test_a_line_is_kept_applied_and_forgotten(draft, clerk, chair, at, at_desk, typed):
    desk = at_desk(clerk)
    add = {"line-add": "1", "line-add-act": "confirm", "line-add-officer": chair.id.hex}
    desk.post(url("draft", draft), typed(draft) | add)
    keep = {"line-keep": "1", "line-name": "회장 확인"}
    desk.post(url("draft", draft), typed(Draft.objects.get()) | keep)
    (template,) = habits.line_templates(clerk)
    other = drafting.start_draft("memo", actor=clerk, at=at)
    apply = {"line-apply": "1", "line-template": str(template.id)}
    desk.post(url("draft", other), typed(other) | apply)
    assert Draft.objects.get(id=other.id).line == template.line
    forget = {"line-forget": "1", "line-template": str(template.id)}
    desk.post(url("draft", other), typed(Draft.objects.get(id=other.id)) | forget)
    assert not habits.line_templates(clerk)


def test_a_resolution_that_is_asked_for_is_said(bookkeeper, chief, manager, at, at_desk):
    begun = drafting.start_draft("expense", actor=bookkeeper, at=at)
    typed = {
        "title": ["옥상 방수"],
        "items-0-name": ["방수"],
        "items-0-quantity": ["1"],
        "items-0-unit_price": ["12,000,000"],
        "fund": ["long-term-repair"],
    }
    drafting.save_draft(begun.id, typed, revision=1, actor=bookkeeper, at=at)
    page = at_desk(bookkeeper).get(url("draft", begun)).content.decode()
    assert "의결을 인용해야 합니다" in page


def test_without_anybody_to_decide_the_page_says_so(clerk, at, at_desk):
    begun = drafting.start_draft("memo", actor=clerk, at=at)
    page = at_desk(clerk).get(url("draft", begun)).content.decode()
    assert "관리사무소장 직을 맡은 분이 없어" in page


# --- On the page -------------------------------------------------------------------------------


def test_places_side_by_side_stand_side_by_side(draft, clerk, bookkeeper, at, at_desk):
    beside = {"act": "concur", "officeholder": bookkeeper.id.hex, "beside": True}
    drafting.save_line(draft.id, {"added": [beside]}, actor=clerk, at=at)
    document = drafting.submit_draft(draft.id, actor=clerk, at=at)
    page = at_desk(bookkeeper).get(url("document", document)).content.decode()
    assert "나란히" in page
    assert page.count('aria-current="step"') == 2
    assert "지금 과장 이민호 님의 차례입니다" in page
    assert "지금 경리 김수진 님의 차례입니다" in page


def test_what_was_sent_back_is_folded_under_the_line(submitted, chief, manager, sign, at, at_desk):
    for actor, choice in (
        (chief, Choice(Decision.DISSENT, "견적이 더 있으면 좋겠습니다.")),
        (manager, Choice(Decision.SEND_BACK, "규격을 확인해 주세요.", 2)),
    ):
        deciding.decide_step(submitted.id, actor=actor, choice=choice, sign=sign, at=at)
    page = at_desk(chief).get(url("document", submitted)).content.decode()
    assert "앞서 되돌린 기록" in page
    assert "견적이 더 있으면 좋겠습니다." in page
    assert "규격을 확인해 주세요." in page


def test_a_dissent_stands_in_the_box(submitted, chief, sign, at, at_desk):
    choice = Choice(Decision.DISSENT, "견적이 더 있으면 좋겠습니다.")
    deciding.decide_step(submitted.id, actor=chief, choice=choice, sign=sign, at=at)
    assert "(의견 있음)" in at_desk(chief).get(url("document", submitted)).content.decode()


def test_who_only_sees_is_not_said_to_have_approved(
    draft, clerk, chief, manager, chair, sign, at, at_desk
):
    seen = {"act": "confirm", "officeholder": chair.id.hex, "beside": False}
    drafting.save_line(draft.id, {"added": [seen]}, actor=clerk, at=at)
    document = drafting.submit_draft(draft.id, actor=clerk, at=at)
    for actor in (chief, manager, chair):
        choice = Choice(Decision.APPROVE)
        deciding.decide_step(document.id, actor=actor, choice=choice, sign=sign, at=at)
    page = at_desk(chair).get(url("document", document)).content.decode()
    assert page.count('<span class="what">승인</span>') == 2
    assert page.count('<span class="what">확인</span>') == 1


def test_who_decided_in_another_place_is_named(submitted, chief, manager, away, sign, at_desk):
    from django.utils import timezone

    away()
    deciding.decide_step(
        submitted.id,
        actor=manager,
        choice=Choice(Decision.APPROVE),
        sign=sign,
        at=timezone.now(),
        acting_for=chief.id,
    )
    page = at_desk(chief).get(url("document", submitted)).content.decode()
    assert '<span class="who">관리사무소장 박정호</span>' in page
    assert '<span class="what">대결 승인</span>' in page
    assert "<strong>부재</strong> 과장 이민호" in page


def test_the_drafter_leaves_out_who_is_away(submitted, clerk, away, at_desk):
    desk = at_desk(clerk)
    assert "건너뛰기" not in desk.get(url("document", submitted)).content.decode()
    away()
    assert "검토 건너뛰기" in desk.get(url("document", submitted)).content.decode()
    answer = desk.post(url("omission", submitted), leaving_out(submitted, 2))
    page = desk.get(answer.url).content.decode()
    assert "<strong>생략 사유</strong> 출장 (담당 최은영)" in page
    assert "관리사무소장 박정호 님의 차례" in page


def test_who_is_away_is_left_out_though_the_deputy_left_too(
    submitted, clerk, manager, away, at_desk
):
    away()
    Officeholder.objects.filter(id=manager.id).update(until=date(2026, 1, 1))
    page = at_desk(clerk).get(url("document", submitted)).content.decode()
    assert "검토 건너뛰기" in page


@pytest.mark.parametrize("posted", [{}, {"decision": "approve"}, {"item": "x"}, {"opinion": ""}])
def test_who_is_there_is_not_left_out(posted, submitted, clerk, at_desk):
    answer = at_desk(clerk).post(url("omission", submitted), leaving_out(submitted, 2) | posted)
    assert answer.status_code == 409
    assert not Step.objects.filter(decision="skip")


def test_who_does_not_see_in_time_what_is_decided_is_left_out_by_the_manager(
    draft, clerk, chief, manager, chair, alter, sign, at, at_desk
):
    confirmation = {"act": "confirm", "officeholder": chair.id.hex, "beside": False}
    drafting.save_line(draft.id, {"added": [confirmation]}, actor=clerk, at=at)
    document = drafting.submit_draft(draft.id, actor=clerk, at=at)
    choice = Choice(Decision.APPROVE)
    for officer in (chief, manager):
        deciding.decide_step(document.id, actor=officer, choice=choice, sign=sign, at=at)
    desk = at_desk(manager)
    since = timezone.now()
    alter("UPDATE approvals_turn SET since = %s", since)
    assert "건너뛰기" not in desk.get(url("document", document)).content.decode()
    alter("UPDATE approvals_turn SET since = %s", since - timedelta(days=7))
    page = desk.get(url("document", document)).content.decode()
    assert "확인 기한이 지났습니다" in page
    assert 'value="기한 안에 확인하지 않음"' in page
    answer = desk.post(url("omission", document), leaving_out(document, 4, "기한 지남"))
    page = desk.get(answer.url).content.decode()
    assert "<strong>생략 사유</strong> 기한 지남 (관리사무소장 박정호)" in page
    assert "보관된 기록" in page


# --- Afterwards --------------------------------------------------------------------------------


def test_a_finished_document_is_circulated_and_read(filed, clerk, chair, at_desk):
    desk = at_desk(clerk)
    page = desk.get(url("document", filed)).content.decode()
    assert "입주자대표회의 회장 정순자" in page
    answer = desk.post(url("circulation", filed), {"officer": [chair.id.hex]})
    assert "1명에게 공람으로 보냈습니다" in desk.get(answer.url).content.decode()
    assert Circulation.objects.get().read_at is None
    assert "화단 정비" in at_desk(chair).get(url("document", filed)).content.decode()
    assert Circulation.objects.get().read_at is not None
    assert " 읽음" in desk.get(url("document", filed)).content.decode()


def test_circulating_to_the_same_again_is_told(filed, clerk, chair, at_desk):
    desk = at_desk(clerk)
    for _ in range(2):
        answer = desk.post(url("circulation", filed), {"officer": [chair.id.hex]})
    page = desk.get(answer.url).content.decode()
    assert "이미 모두에게 보낸 문서입니다." in page
    assert "0명에게" not in page


def test_circulating_to_nobody_is_told(filed, clerk, at_desk):
    assert at_desk(clerk).post(url("circulation", filed)).status_code == 409


def test_a_document_is_copied_by_whoever_may_read_it(filed, chief, chair, at_desk):
    answer = at_desk(chief).post(url("copy", filed))
    draft = Draft.objects.get()
    assert (draft.drafter_id, draft.follows) == (chief.id, None)
    assert answer.url == url("draft", draft)
    assert at_desk(chair).post(url("copy", filed)).status_code == 404


def test_a_correction_takes_the_place_of_what_is_sealed(filed, clerk, at_desk):
    desk = at_desk(clerk)
    assert "정정 문서 쓰기" not in desk.get(url("document", filed)).content.decode()
    Sequencer().tick()
    tenancy._enter("app.complex", filed.complex_id)
    assert "정정 문서 쓰기" in desk.get(url("document", filed)).content.decode()
    answer = desk.post(url("correction", filed))
    draft = Draft.objects.get()
    assert draft.follows == filed.id
    assert [cite["relation"] for cite in draft.cites] == ["supersedes"]
    page = desk.get(answer.url).content.decode()
    assert "정정 기안서 쓰기" in page
    assert "문서를 바로잡는 문서입니다" in page


def test_what_mends_a_document_is_shown_both_ways(submitted, clerk, chief, sign, at, at_desk):
    choice = Choice(Decision.RETURN, "다시 봐 주세요.")
    deciding.decide_step(submitted.id, actor=chief, choice=choice, sign=sign, at=at)
    desk = at_desk(clerk)
    desk.post(url("redraft", submitted))
    newer = drafting.submit_draft(Draft.objects.get().id, actor=clerk, at=at)
    assert "고쳐 다시 올리는 문서입니다" in desk.get(url("document", newer)).content.decode()
    earlier = desk.get(url("document", submitted)).content.decode()
    assert "고친 문서가 있습니다" in earlier
    assert url("document", newer) in earlier


@pytest.mark.parametrize("name", ["copy", "correction", "omission", "circulation"])
def test_whoever_arrives_by_link_sees_the_document(name, submitted, clerk, at_desk):
    assert at_desk(clerk).get(url(name, submitted)).url == url("document", submitted)


# --- Habits ------------------------------------------------------------------------------------


def test_a_favourite_form_comes_first(clerk, chief, manager, at_desk):
    desk = at_desk(clerk)
    forms = reverse("desk:forms")
    assert desk.get(forms).content.decode().index("기안서 쓰기") < desk.get(
        forms
    ).content.decode().index("업무일지 쓰기")
    desk.post(reverse("desk:favourites"), {"form": "work-log", "chosen": "yes"})
    page = desk.get(forms).content.decode()
    assert page.index("업무일지 쓰기") < page.index("기안서 쓰기")


def test_a_recurring_document_is_started_and_stopped(clerk, at_desk):
    desk = at_desk(clerk)
    here = reverse("desk:recurring")
    asked = {"form": "work-log", "title": "업무일지", "every": "week", "weekday": "3"}
    desk.post(here, asked)
    assert "매주 수요일" in desk.get(here).content.decode()
    desk.post(here, {"stop": str(Recurring.objects.get().id)})
    assert Recurring.objects.get().until is not None


@pytest.mark.parametrize(
    "wrong",
    [{"every": "year"}, {"since": "soon"}, {"every": "week", "weekday": "9"}, {"title": ""}],
)
def test_a_recurrence_that_cannot_be_is_told(wrong, clerk, at_desk):
    asked = {"form": "work-log", "title": "업무일지", "every": "day"} | wrong
    assert at_desk(clerk).post(reverse("desk:recurring"), asked).status_code == 409
    assert not Recurring.objects.exists()


def test_nobody_stops_what_another_started(clerk, chief, at_desk):
    here = reverse("desk:recurring")
    at_desk(clerk).post(here, {"form": "memo", "title": "점검", "every": "day"})
    stop = {"stop": str(Recurring.objects.get().id)}
    assert at_desk(chief).post(here, stop).status_code == 404
    assert at_desk(chief).post(here, {"stop": "x"}).status_code == 404


def test_an_earlier_document_becomes_the_model(submitted, clerk, chair, at_desk):
    here = f"{reverse('desk:recurring')}?document={submitted.id}"
    assert "의 내용과 결재선으로 시작합니다" in at_desk(clerk).get(here).content.decode()
    assert at_desk(chair).get(here).status_code == 404


def test_a_resolution_is_named_and_an_approved_amount_is_changed_in_its_own_document(
    clerk, bookkeeper, chief, manager, sign, at, at_desk
):
    resolution = registered(clerk, [manager], sign, at)
    Sequencer().tick()
    tenancy._enter("app.complex", clerk.complex_id)
    draft = drafted(bookkeeper, at, **spending(9_000_000))
    drafting.cite_record(draft.id, resolution.id, Relation.REFERS, actor=bookkeeper, at=at)
    desk = at_desk(bookkeeper)
    page = desk.get(url("draft", draft)).content.decode()
    assert "의결: 의결-2026-0001 외벽 보수 공사의 건" in page
    assert "이 문서로 바꿉니다" not in page  # it is of another form
    expense = drafting.submit_draft(draft.id, actor=bookkeeper, at=at)
    for officer in (chief, manager):
        page = at_desk(officer).get(url("document", expense)).content.decode()
        assert "의결: 의결-2026-0001" in page
        decide(expense, officer, sign, at)
    Sequencer().tick()
    tenancy._enter("app.complex", clerk.complex_id)
    assert "취소·증감 결의서 쓰기" in desk.get(url("document", expense)).content.decode()
    answer = desk.post(url("adjustment", expense))
    page = desk.get(answer.url).content.decode()
    assert "늘거나 주는 공급가액" in page
    assert "늘거나 주는 금액이 0원입니다" in page


def test_who_came_back_is_no_longer_left_out(clerk, chief, manager, at, at_desk, typed):
    left_out = {"skipped": [{"office": "chief", "reason": "출장"}]}
    draft = drafted(clerk, at, line=left_out)
    desk = at_desk(clerk)
    page = desk.get(url("draft", draft)).content.decode()
    assert "부재로 등록되어 있지 않아" in page
    assert 'name="line-skip-chief" value="출장"' in page
    desk.post(url("draft", draft), typed(draft) | {"line-skip-chief": ""})
    assert Draft.objects.get().line["skipped"] == []
