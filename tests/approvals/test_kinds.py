"""Every kind of place in a line: side by side, to and fro, left out, acting, afterwards."""

import json
from datetime import date, timedelta

import pytest

from danji.approvals import deciding, drafting, showing
from danji.approvals.boxes import Box, entries
from danji.approvals.models import Circulation, Document, Outcome, Step, Turn
from danji.approvals.queries import (
    document_for,
    line_of,
    next_waiting,
    said_afterwards,
    waiting_for,
)
from danji.authority.actions import set_absence
from danji.outbox.models import Message
from danji.records.models import Record
from danji.rules import approval
from danji.rules.absence import Reason
from danji.rules.approval import Choice, Decision, Ending
from danji.rules.refusal import Refusal
from danji.transparency.models import Event, Opening
from danji.transparency.sequencer import Sequencer
from papers import decide, drafted, submit

ON = date(2026, 11, 22)
YES = Choice(Decision.APPROVE)


@pytest.fixture
def auditor(appointed):
    return appointed("한상우", "auditor")


def waiting(*officers):
    return {
        officer.office for officer in officers for turn in waiting_for(officer, on=ON) if turn.step
    }


def payload():
    return Record.objects.get().parsed_payload()


def added(*places, **more):
    rows = [
        {"act": act, "officeholder": who.id.hex, "beside": bool(beside)}
        for act, who, *beside in places
    ]
    return {"added": rows} | more


@pytest.fixture
def side_by_side(bookkeeper, clerk, chief, manager, at):
    """Chief and clerk are asked at once, then the manager."""
    return submit(bookkeeper, at, line=added(("concur", clerk, True)))


def test_those_side_by_side_are_asked_at_once(side_by_side, clerk, chief, manager, sign, at):
    assert waiting(clerk, chief, manager) == {"clerk", "chief"}
    decide(side_by_side, chief, sign, at)
    assert waiting(clerk, chief, manager) == {"clerk"}
    decide(side_by_side, clerk, sign, at)
    assert waiting(clerk, chief, manager) == {"manager"}


def test_a_return_by_one_of_them_takes_the_turn_of_the_other(side_by_side, clerk, chief, sign, at):
    decide(side_by_side, clerk, sign, at, Decision.RETURN, "부동의합니다.")
    assert waiting(clerk, chief) == set()
    assert Outcome.objects.get().ending == Ending.RETURNED


def test_who_thinks_otherwise_is_on_record(side_by_side, clerk, chief, manager, sign, at):
    decide(side_by_side, chief, sign, at, Decision.DISSENT, "견적이 하나뿐입니다.")
    for officer in (clerk, manager):
        decide(side_by_side, officer, sign, at)
    (said,) = [one for one in payload()["decisions"] if one["decision"] == "dissent"]
    assert (said["name"], said["opinion"]) == ("이민호", "견적이 하나뿐입니다.")


def test_nobody_of_the_council_is_asked_to_review(bookkeeper, chief, manager, auditor, at):
    draft = drafted(bookkeeper, at, line=added(("review", auditor)))
    with pytest.raises(Refusal, match="문서를 멈출 수 없습니다"):
        drafting.submit_draft(draft.id, actor=bookkeeper, at=at)


def test_sent_back_it_is_decided_anew_and_what_was_decided_stays(
    bookkeeper, chief, manager, sign, at
):
    document = submit(bookkeeper, at)
    decide(document, chief, sign, at)
    decide(document, manager, sign, at, Decision.SEND_BACK, "다시 봐 주세요.", to=2)
    assert waiting(chief, manager) == {"chief"}
    decide(document, chief, sign, at, opinion="다시 보았습니다.")
    decide(document, manager, sign, at)
    assert [one["decision"] for one in payload()["history"]] == ["approve", "send_back"]
    assert [one["opinion"] for one in payload()["decisions"]] == ["", "다시 보았습니다.", ""]
    assert sorted(Step.objects.values_list("position", "round")) == [
        (1, 1), (2, 1), (2, 2), (3, 1), (3, 2),
    ]  # fmt: skip


def test_the_drafter_hears_why_it_was_sent_back(bookkeeper, chief, manager, sign, at):
    document = submit(bookkeeper, at)
    decide(document, chief, sign, at)
    decide(document, manager, sign, at, Decision.SEND_BACK, "다시 봐 주세요.", to=2)
    assert Message.objects.filter(subject="되돌림: 화단 정비").count() == 1


def test_in_the_place_of_who_is_absent_the_deputy_decides(bookkeeper, chief, manager, sign, at):
    document = submit(bookkeeper, at)
    decide(document, chief, sign, at)
    away(manager, chief, at)
    assert waiting(chief) == {"chief"}
    decide(document, chief, sign, at, acting_for=manager.id)
    final = payload()["decisions"][-1]
    assert final["name"] == "박정호"
    assert final["by"] == {"office": "과장", "name": "이민호"}
    assert Circulation.objects.get(kind="report").recipient_id == manager.id
    assert Message.objects.filter(recipient=manager.person, subject__startswith="대결:").exists()


def away(officer, deputy, at):
    return set_absence(
        officer.id,
        deputy_id=deputy.id,
        since=ON,
        until=ON,
        reason=Reason.TRIP,
        actor=officer,
        at=at,
    )


def test_nobody_acts_for_who_is_there(bookkeeper, chief, manager, sign, at):
    document = submit(bookkeeper, at)
    decide(document, chief, sign, at)
    with pytest.raises(Refusal, match="대신해 결재하실 수 없습니다"):
        decide(document, chief, sign, at, acting_for=manager.id)


def test_nobody_approves_the_own_document_in_anothers_place(chief, manager, sign, at):
    document = submit(chief, at)
    away(manager, chief, at)
    with pytest.raises(Refusal, match="직접 기안하신 문서"):
        decide(document, chief, sign, at, acting_for=manager.id)


def test_a_reviewer_who_is_away_is_left_out_with_the_reason_in_the_box(
    bookkeeper, clerk, chief, manager, sign, at
):
    away(chief, clerk, at)
    document = submit(bookkeeper, at, line={"skipped": [{"office": "chief", "reason": "출장"}]})
    assert waiting(manager) == {"manager"}
    decide(document, manager, sign, at)
    assert [step["skipped"] for step in payload()["content"]["line"]] == ["", "출장", ""]


def test_a_reviewer_who_is_there_is_not_left_out(bookkeeper, chief, manager, at):
    draft = drafted(bookkeeper, at, line={"skipped": [{"office": "chief", "reason": "출장"}]})
    with pytest.raises(Refusal, match="부재로 등록되어 있지"):
        drafting.submit_draft(draft.id, actor=bookkeeper, at=at)


def test_a_reviewer_who_left_is_left_out_on_the_way(bookkeeper, appointed, manager, sign, at):
    appointed("이민호", "chief", until=at.date())
    document = submit(bookkeeper, at)
    later = at + timedelta(days=1)
    deciding.skip_step(document.id, 2, "퇴직", actor=bookkeeper, sign=sign, at=later)
    decide(document, manager, sign, later)
    skipped = payload()["decisions"][1]
    assert (skipped["decision"], skipped["opinion"]) == ("skip", "퇴직")
    assert skipped["by"] == {"office": "경리", "name": "김수진"}


def test_who_is_there_is_not_left_out_on_the_way(bookkeeper, chief, manager, sign, at):
    document = submit(bookkeeper, at)
    with pytest.raises(Refusal, match="자리에 계신 분"):
        deciding.skip_step(document.id, 2, "바쁨", actor=bookkeeper, sign=sign, at=at)


def test_a_document_can_be_held_with_a_reason(bookkeeper, chief, manager, sign, at):
    document = submit(bookkeeper, at)
    deciding.hold_step(document.id, "견적을 하나 더 받습니다.", actor=chief, at=at)
    with pytest.raises(Refusal, match="이미 보류"):
        deciding.hold_step(document.id, "더 기다립니다.", actor=chief, at=at)
    deciding.lift_hold(document.id, actor=chief, at=at)
    deciding.hold_step(document.id, "하루 더 기다립니다.", actor=chief, at=at)
    decide(document, chief, sign, at)
    assert Message.objects.filter(subject="보류: 화단 정비").count() == 2


def test_nobody_holds_what_waits_for_another(bookkeeper, chief, manager, at):
    document = submit(bookkeeper, at)
    with pytest.raises(Refusal, match="차례"):
        deciding.hold_step(document.id, "기다립니다.", actor=manager, at=at)


def readers(**kinds):
    return {
        "readers": [
            {"kind": kind, "officeholder": officer.id.hex} for kind, officer in kinds.items()
        ]
    }


def test_a_reference_is_shown_at_once_and_a_circulation_at_the_end(
    bookkeeper, clerk, chief, manager, chair, sign, at
):
    document = submit(bookkeeper, at, line=readers(reference=clerk, circulation=chair))
    assert document_for(clerk, document.id, on=ON) == document
    with pytest.raises(Document.DoesNotExist):
        document_for(chair, document.id, on=ON)
    decide(document, chief, sign, at)
    decide(document, manager, sign, at)
    assert document_for(chair, document.id, on=ON) == document
    showing.mark_read(document.id, actor=chair, at=at)
    assert Circulation.objects.get(kind="circulation").read_at == at


def test_what_was_approved_is_approved_afterwards_without_changing_it(
    bookkeeper, clerk, chief, manager, sign, at
):
    document = submit(bookkeeper, at, line=readers(afterwards=clerk))
    with pytest.raises(Refusal, match="후결하실 문서가 아닙니다"):
        showing.confirm_afterwards(document.id, actor=clerk, choice=YES, sign=sign, at=at)
    decide(document, chief, sign, at)
    decide(document, manager, sign, at)
    before = bytes(Record.objects.get().payload)
    circulation = showing.confirm_afterwards(document.id, actor=clerk, choice=YES, sign=sign, at=at)
    assert Event.objects.get(doc=circulation.id).name == "approval.followed"
    assert bytes(Record.objects.get().payload) == before
    with pytest.raises(Refusal, match="이미 후결"):
        showing.confirm_afterwards(document.id, actor=clerk, choice=YES, sign=sign, at=at)


def test_what_is_said_afterwards_is_told_and_shown(bookkeeper, clerk, chief, manager, sign, at):
    document = submit(bookkeeper, at, line=readers(afterwards=clerk))
    for officer in (chief, manager):
        decide(document, officer, sign, at)
    asked = Message.objects.get(recipient=clerk.person, subject="후결 요청: 화단 정비")
    assert "/sign/" in asked.link
    for choice, refused in (
        (Choice(Decision.RETURN, "안 됩니다."), "멈출 수 없습니다"),
        (Choice(Decision.DISSENT, " "), "의견이 적혀 있지"),
    ):
        with pytest.raises(Refusal, match=refused):
            showing.confirm_afterwards(document.id, actor=clerk, choice=choice, sign=sign, at=at)
    no = Choice(Decision.DISSENT, "견적이 하나뿐입니다.")
    circulation = showing.confirm_afterwards(document.id, actor=clerk, choice=no, sign=sign, at=at)
    shown = document_for(clerk, document.id, on=ON)
    assert said_afterwards(shown) == {circulation.id: no}
    told = Message.objects.get(recipient=bookkeeper.person, subject="후결 의견 있음: 화단 정비")
    assert "견적이 하나뿐입니다." in told.body


def test_a_finished_document_is_circulated_once_to_each(
    bookkeeper, clerk, chief, manager, chair, sign, at
):
    document = submit(bookkeeper, at)
    with pytest.raises(Refusal, match="아직 결재가 끝나지"):
        showing.circulate_document(document.id, [chair.id], actor=bookkeeper, at=at)
    decide(document, chief, sign, at)
    decide(document, manager, sign, at)
    both = [chair.id, clerk.id]
    assert showing.circulate_document(document.id, both, actor=bookkeeper, at=at) == 2
    assert showing.circulate_document(document.id, both, actor=bookkeeper, at=at) == 0


def test_a_mended_document_is_linked_to_the_returned_one(bookkeeper, chief, manager, sign, at):
    document = submit(bookkeeper, at)
    decide(document, chief, sign, at, Decision.RETURN, "금액을 고쳐 주세요.")
    draft = drafting.redraft_document(document.id, actor=bookkeeper, at=at)
    again = drafting.submit_draft(draft.id, actor=bookkeeper, at=at)
    assert again.follows == document.id
    assert again.parsed_content()["follows"] == document.id.hex


def test_a_document_is_mended_in_one_draft(bookkeeper, chief, manager, sign, at):
    document = submit(bookkeeper, at)
    decide(document, chief, sign, at, Decision.RETURN, "금액을 고쳐 주세요.")
    draft = drafting.redraft_document(document.id, actor=bookkeeper, at=at)
    assert drafting.redraft_document(document.id, actor=bookkeeper, at=at).id == draft.id
    (line,) = entries(Box.DRAFTS, bookkeeper, on=ON)
    assert (line.id, line.mark) == (draft.id, "mends")


def test_a_draft_left_blank_is_gone_on_with(bookkeeper, at):
    blank = drafting.open_draft("memo", actor=bookkeeper, at=at)
    assert drafting.open_draft("memo", actor=bookkeeper, at=at).id == blank.id
    drafting.save_draft(blank.id, {"title": ["화단"]}, revision=1, actor=bookkeeper, at=at)
    assert drafting.open_draft("memo", actor=bookkeeper, at=at).id != blank.id


def test_nobody_mends_what_is_still_under_way(bookkeeper, chief, manager, at):
    document = submit(bookkeeper, at)
    with pytest.raises(Refusal, match="아직 결재가 끝나지"):
        drafting.redraft_document(document.id, actor=bookkeeper, at=at)


def test_what_is_signed_is_what_was_stated(bookkeeper, chief, manager, sign, at):
    document = submit(bookkeeper, at, form="expense")
    stated = deciding.state_decision(document.id, actor=chief, choice=YES, at=at)
    seen = []

    def remember(statement):
        seen.append(statement)
        return sign(statement)

    decide(document, chief, remember, at + timedelta(minutes=3), stated_at=at)
    assert seen == [stated.data]
    signed = json.loads(stated.data)
    assert (signed["payee"], signed["amount"]) == ("(주)겨울상사", 132_000)
    assert Step.objects.get(position=2).decided_at == at


def test_a_statement_is_good_for_ten_minutes(bookkeeper, chief, manager, sign, at):
    document = submit(bookkeeper, at)
    for stated_at in (at - timedelta(minutes=11), at + timedelta(seconds=5)):
        with pytest.raises(Refusal, match="오래되어"):
            decide(document, chief, sign, at, stated_at=stated_at)


def test_a_statement_of_before_another_decided_is_not_signed(side_by_side, clerk, chief, sign, at):
    decide(side_by_side, chief, sign, at + timedelta(minutes=1))
    with pytest.raises(Refusal, match="그사이 다른 분이 먼저"):
        decide(side_by_side, clerk, sign, at + timedelta(minutes=2), stated_at=at)


def test_whose_turn_it_is_is_never_lost(side_by_side, clerk, chief, manager, sign, at):
    for officer in (chief, clerk, manager):
        steps = list(Step.objects.filter(document_id=side_by_side.id))
        side_by_side.withdrawn_at = None
        turns = approval.turns(line_of(steps, side_by_side))
        asked = set(Turn.objects.values_list("approver_id", flat=True))
        assert asked == {turn.approver for turn in turns}
        decide(side_by_side, officer, sign, at)
    assert not Turn.objects.exists()


def test_what_was_decided_before_it_was_sent_back_is_not_taken_back(
    bookkeeper, chief, manager, sign, at
):
    document = submit(bookkeeper, at)
    decide(document, chief, sign, at, Decision.DISSENT, "비쌉니다.")
    decide(document, manager, sign, at, Decision.SEND_BACK, "다시 봐 주세요.", to=2)
    with pytest.raises(Refusal, match="이미 결재가 시작되어"):
        drafting.withdraw_document(document.id, actor=bookkeeper, at=at)


def test_in_the_place_of_who_was_dismissed_nobody_decides(
    bookkeeper, clerk, appointed, manager, sign, at
):
    chief = appointed("이민호", "chief", until=ON)
    document = submit(bookkeeper, at)
    set_absence(
        chief.id,
        deputy_id=clerk.id,
        since=ON,
        until=ON,
        reason=Reason.TRIP,
        actor=chief,
        at=at,
    )
    gone = at + timedelta(days=1)
    with pytest.raises(Refusal, match="대신해 결재하실 수 없습니다"):
        decide(document, clerk, sign, gone, acting_for=chief.id)


def test_the_manager_takes_back_what_nobody_is_left_for(appointed, manager, at):
    bookkeeper = appointed("김수진", "bookkeeper", until=ON)
    appointed("이민호", "chief", until=ON)
    document = submit(bookkeeper, at)
    with pytest.raises(Refusal, match="기안한 사람만"):
        drafting.withdraw_document(document.id, actor=manager, at=at)
    draft = drafting.withdraw_document(document.id, actor=manager, at=at + timedelta(days=1))
    assert draft.drafter_id == manager.id


def test_what_is_approved_afterwards_is_dated_when_it_is(
    bookkeeper, clerk, chief, manager, sign, at
):
    document = submit(bookkeeper, at, line=readers(afterwards=clerk))
    decide(document, chief, sign, at)
    decide(document, manager, sign, at)
    for stated_at in (at - timedelta(days=3000), at + timedelta(days=1)):
        with pytest.raises(Refusal, match="오래되어"):
            showing.confirm_afterwards(
                document.id,
                actor=clerk,
                choice=YES,
                sign=sign,
                at=at,
                stated_at=stated_at,
            )


def test_what_is_approved_afterwards_is_what_was_approved(
    bookkeeper, clerk, chief, manager, sign, alter, at
):
    document = submit(bookkeeper, at, form="expense", line=readers(afterwards=clerk))
    decide(document, chief, sign, at)
    decide(document, manager, sign, at)
    alter("UPDATE approvals_document SET amount = 9132000 WHERE id = %s", document.id)
    with pytest.raises(Refusal, match="상신한 뒤에 바뀌어"):
        showing.state_confirmation(document.id, actor=clerk, choice=YES, at=at)


def test_what_was_approved_is_mended_by_a_correction_only(bookkeeper, chief, manager, sign, at):
    document = submit(bookkeeper, at)
    decide(document, chief, sign, at)
    decide(document, manager, sign, at)
    with pytest.raises(Refusal, match="결재가 끝난 문서는"):
        drafting.redraft_document(document.id, actor=bookkeeper, at=at)
    Sequencer().tick()
    draft = drafting.correct_document(document.id, actor=bookkeeper, at=at)
    assert [cite["relation"] for cite in draft.cites] == ["supersedes"]


def test_the_next_document_is_at_hand(bookkeeper, chief, manager, at):
    first, second = submit(bookkeeper, at), submit(bookkeeper, at, title="다음 문서")
    assert next_waiting(chief, first.id, on=ON) == second.id


def test_what_is_sealed_opens_to_what_was_signed(bookkeeper, chief, manager, sign, at):
    document = submit(bookkeeper, at)
    decide(document, chief, sign, at)
    event = Event.objects.get(name="approval.decided")
    fields = Opening.objects.get(event_id=event.id).fields
    assert fields.keys() == {"stmt", "body", "form", "actor", "auth"}


def test_who_only_sees_is_asked_to_confirm_and_told_who_decides(
    bookkeeper, chief, manager, chair, sign, at
):
    document = submit(bookkeeper, at, line=added(("confirm", chair)))
    for actor in (chief, manager):
        decide(document, actor, sign, at)
    asked = Message.objects.filter(subject__contains=" 요청: ").order_by("id")
    assert [one.subject.split(":")[0] for one in asked] == ["검토 요청", "결재 요청", "확인 요청"]
    assert asked[2].recipient_id == chair.person_id
    assert asked[2].body.splitlines()[1:] == [
        "경리 김수진 님이 올린 문서가 확인을 기다립니다.",
        "결재는 관리사무소장 박정호 님이 했습니다.",
    ]
