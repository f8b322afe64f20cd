"""A document's way through its line, and how it ends."""

from datetime import date, timedelta

import pytest

from danji.approvals import drafting
from danji.approvals.models import Document, Draft, Step
from danji.approvals.queries import waiting_for
from danji.records.models import Record
from danji.rules.approval import Decision
from danji.rules.refusal import Refusal
from papers import decide, submit

ON = date(2026, 11, 22)


@pytest.fixture
def submitted(bookkeeper, chief, manager, at):
    return submit(bookkeeper, at)


def test_the_last_approval_files_a_record(submitted, chief, manager, sign, at):
    decide(submitted, chief, sign, at)
    assert not Record.objects.exists()
    decide(submitted, manager, sign, at)
    record = Record.objects.get()
    assert record.doc == submitted.id
    assert record.number.endswith("2026-0001")


def test_only_who_is_next_is_asked(submitted, chief, manager):
    assert [step.document_id for step in waiting_for(chief, on=ON)] == [submitted.id]
    assert not list(waiting_for(manager, on=ON))


def test_nobody_decides_out_of_turn(submitted, manager, sign, at):
    with pytest.raises(Refusal, match="차례"):
        decide(submitted, manager, sign, at)


def test_a_second_press_changes_nothing(submitted, chief, sign, at):
    decide(submitted, chief, sign, at)
    with pytest.raises(Refusal, match="이미 결재하신"):
        decide(submitted, chief, sign, at)
    assert Step.objects.filter(decision="approve").count() == 2  # the drafter's and the chief's


def test_a_return_needs_a_reason(submitted, chief, sign, at):
    with pytest.raises(Refusal, match="이유"):
        decide(submitted, chief, sign, at, Decision.RETURN)


def test_a_returned_document_is_closed(submitted, chief, manager, sign, at):
    decide(submitted, chief, sign, at, Decision.RETURN, "금액을 확인해 주세요.")
    assert not list(waiting_for(manager, on=ON))
    with pytest.raises(Refusal, match="반려된"):
        decide(submitted, manager, sign, at)


def test_a_withdrawn_document_becomes_a_draft_again(submitted, bookkeeper, chief, at):
    draft = drafting.withdraw_document(submitted.id, actor=bookkeeper, at=at)
    assert draft.inputs["title"] == ["화단 정비"]
    assert not list(waiting_for(chief, on=ON))


def test_nothing_is_withdrawn_after_a_decision(submitted, bookkeeper, chief, sign, at):
    decide(submitted, chief, sign, at)
    with pytest.raises(Refusal, match="회수할 수 없습니다"):
        drafting.withdraw_document(submitted.id, actor=bookkeeper, at=at)


def test_out_of_term_nobody_decides(bookkeeper, appointed, manager, sign, at):
    chief = appointed("이민호", "chief", until=at.date())
    document = submit(bookkeeper, at)
    with pytest.raises(Refusal, match="임기"):
        decide(document, chief, sign, at + timedelta(days=1))


def test_without_a_manager_nothing_is_submitted(bookkeeper, chief, at):
    with pytest.raises(Refusal, match="관리사무소장"):
        submit(bookkeeper, at)
    assert Draft.objects.count() == 1


def test_a_stale_window_does_not_overwrite(bookkeeper, manager, at):
    draft = drafting.start_draft("memo", actor=bookkeeper, at=at)
    revision = draft.revision
    drafting.save_draft(draft.id, {"title": "먼저"}, revision=revision, actor=bookkeeper, at=at)
    with pytest.raises(Refusal, match="다른 창"):
        drafting.save_draft(draft.id, {"title": "나중"}, revision=revision, actor=bookkeeper, at=at)
    assert Draft.objects.get().inputs["title"] == ["먼저"]


def test_a_draft_is_submitted_once(bookkeeper, manager, at):
    document = submit(bookkeeper, at)
    with pytest.raises(Refusal, match="이미 상신한"):
        drafting.submit_draft(document.id, actor=bookkeeper, at=at)
    assert Document.objects.count() == 1


def test_a_manager_may_draft_and_decide(manager, sign, at):
    document = submit(manager, at)
    decide(document, manager, sign, at)
    assert Record.objects.get().title == "화단 정비"


def test_numbers_have_no_gaps(bookkeeper, manager, sign, at):
    for _ in range(3):
        decide(submit(bookkeeper, at), manager, sign, at)
    assert sorted(Record.objects.values_list("serial", flat=True)) == [1, 2, 3]
