"""Lines kept by name, forms at hand, and documents that are begun by themselves."""

from datetime import date, timedelta

import pytest

from danji.approvals import drafting, habits
from danji.approvals.models import Document, Draft, Recurring, RecurringMade
from danji.rules.periods import day_in_seoul
from danji.rules.recurring import Every
from danji.rules.refusal import Refusal
from papers import submit

MONDAY = date(2026, 11, 23)


@pytest.fixture
def line(chair):
    return {"added": [{"act": "confirm", "officeholder": chair.id.hex, "beside": False}]}


def test_a_line_is_kept_under_a_name_and_taken_again(clerk, chief, manager, line, at):
    habits.save_line_template("회장 확인", line, actor=clerk, at=at)
    (template,) = habits.line_templates(clerk)
    document = submit(clerk, at, line=template.line)
    assert [step.act for step in document.steps.all()][-1] == "confirm"


def test_the_same_name_takes_the_place_of_the_earlier(clerk, chief, line, at):
    habits.save_line_template("내 결재선", line, actor=clerk, at=at)
    other = {"readers": [{"kind": "reference", "officeholder": chief.id.hex}]}
    habits.save_line_template("내 결재선", other, actor=clerk, at=at)
    (template,) = habits.line_templates(clerk)
    assert template.line["added"] == []


@pytest.mark.parametrize(("name", "kept"), [("", True), ("이름", False)])
def test_a_line_without_name_or_change_is_not_kept(name, kept, clerk, line, at):
    with pytest.raises(Refusal):
        habits.save_line_template(name, line if kept else {}, actor=clerk, at=at)


def test_nobody_throws_away_the_line_of_another(clerk, chief, line, at):
    template = habits.save_line_template("회장 확인", line, actor=clerk, at=at)
    habits.delete_line_template(template.id, actor=chief, at=at)
    assert habits.line_templates(clerk)
    habits.delete_line_template(template.id, actor=clerk, at=at)
    assert not habits.line_templates(clerk)


def test_a_form_is_kept_at_hand_and_no_longer(clerk, chief, at):
    for _ in range(2):
        habits.favourite_form("memo", chosen=True, actor=clerk, at=at)
    assert habits.favourites_of(clerk) == {"memo"}
    assert not habits.favourites_of(chief)
    habits.favourite_form("memo", chosen=False, actor=clerk, at=at)
    assert not habits.favourites_of(clerk)


def test_the_forms_used_last_come_first(clerk, chief, manager, at):
    submit(clerk, at)
    submit(clerk, at + timedelta(minutes=1), form="expense")
    submit(clerk, at + timedelta(minutes=2), form="expense")
    assert habits.recent_forms(clerk, most=3) == ["expense", "memo"]


@pytest.fixture
def today(monkeypatch, at):
    """Let the job run on a day of one's choice."""

    def on(day):
        moment = at + timedelta(days=(day - day_in_seoul(at)).days)
        monkeypatch.setattr(habits.timezone, "now", lambda: moment)

    return on


@pytest.fixture
def daily(clerk, at):
    return habits.start_recurring(
        "work-log", "업무일지", Every.DAY, since=MONDAY, actor=clerk, at=at
    )


def test_the_draft_of_the_day_is_begun_once(daily, clerk, today):
    today(MONDAY)
    assert habits.begin_recurring_drafts(clerk.complex_id) == 1
    assert habits.begin_recurring_drafts(clerk.complex_id) == 0
    draft = Draft.objects.get()
    assert draft.drafter_id == clerk.id
    assert draft.inputs["title"] == ["업무일지(2026. 11. 23.)"]
    assert draft.inputs["day"] == ["2026-11-23"]


def test_a_draft_that_was_thrown_away_is_not_begun_again(daily, clerk, today, at):
    today(MONDAY)
    habits.begin_recurring_drafts(clerk.complex_id)
    drafting.discard_draft(Draft.objects.get().id, actor=clerk, at=at)
    assert habits.begin_recurring_drafts(clerk.complex_id) == 0


def test_each_working_day_has_its_own(daily, clerk, today):
    for offset in range(7):
        today(MONDAY + timedelta(days=offset))
        habits.begin_recurring_drafts(clerk.complex_id)
    assert RecurringMade.objects.count() == 5


@pytest.mark.parametrize("day", [MONDAY - timedelta(days=3), MONDAY + timedelta(days=8)])
def test_nothing_is_begun_before_the_first_day_or_after_the_last(day, clerk, today, at):
    habits.start_recurring(
        "work-log",
        "업무일지",
        Every.DAY,
        since=MONDAY,
        until=MONDAY + timedelta(days=7),
        actor=clerk,
        at=at,
    )
    today(day)
    assert habits.begin_recurring_drafts(clerk.complex_id) == 0


def test_stopped_it_begins_nothing_more(daily, clerk, today, at):
    habits.stop_recurring(daily.id, actor=clerk, at=at)
    assert habits.recurring_of(clerk, on=MONDAY) == []
    today(MONDAY)
    assert habits.begin_recurring_drafts(clerk.complex_id) == 0


def test_one_that_cannot_be_begun_keeps_no_other(daily, clerk, today, at):
    bad = habits.start_recurring(
        "memo", "점검", Every.DAY, since=MONDAY, actor=clerk, at=at - timedelta(days=1)
    )
    Recurring.objects.filter(id=bad.id).update(form_key="gone")
    today(MONDAY)
    assert habits.begin_recurring_drafts(clerk.complex_id) == 1
    assert RecurringMade.objects.get().recurring_id == daily.id


def test_nobody_stops_what_another_started(daily, chief, at):
    with pytest.raises(Recurring.DoesNotExist):
        habits.stop_recurring(daily.id, actor=chief, at=at)


def test_out_of_office_nothing_is_begun(appointed, today, at):
    former = appointed("최은영", "clerk", until=MONDAY - timedelta(days=1))
    habits.start_recurring("work-log", "업무일지", Every.DAY, since=MONDAY, actor=former, at=at)
    today(MONDAY)
    assert habits.begin_recurring_drafts(former.complex_id) == 0


def test_a_draft_begins_with_the_content_and_the_line_of_its_model(
    clerk, chief, manager, line, today, at
):
    document = submit(clerk, at, title="주간 점검", line=line)
    habits.start_recurring(
        "memo",
        "주간 점검",
        Every.WEEK,
        on_day=1,
        since=MONDAY,
        model=document.id,
        actor=clerk,
        at=at,
    )
    today(MONDAY + timedelta(days=2))
    habits.begin_recurring_drafts(clerk.complex_id)
    draft = Draft.objects.get()
    assert draft.inputs["title"] == ["주간 점검(2026. 11. 23.)"]
    assert draft.inputs["purpose"] == ["1. 화단을 정비합니다."]
    assert draft.line["added"] == line["added"]


def test_a_model_that_one_may_not_see_or_of_another_form_is_refused(
    clerk, chief, manager, chair, at
):
    document = submit(clerk, at)
    recurring = {"since": MONDAY, "model": document.id, "at": at}
    with pytest.raises(Document.DoesNotExist):
        habits.start_recurring("memo", "점검", Every.DAY, actor=chair, **recurring)
    with pytest.raises(Refusal, match="서식이 다릅니다"):
        habits.start_recurring("work-log", "점검", Every.DAY, actor=clerk, **recurring)


def test_a_recurring_document_has_a_title(clerk, at):
    with pytest.raises(Refusal, match="제목"):
        habits.start_recurring("work-log", " ", Every.DAY, since=MONDAY, actor=clerk, at=at)
