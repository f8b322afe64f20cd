"""The line a draft would take: what was changed of it, what is said about it, and its links."""

from datetime import date, timedelta

import pytest

from danji.approvals import drafting
from danji.approvals.lines import Changes, plan_line
from danji.approvals.links import decision_link, read_link
from danji.approvals.queries import published_form
from danji.formbook.definition import load
from danji.records.models import Record
from danji.rules.approval import Act
from danji.rules.refusal import Refusal
from papers import EXPENSE, MEMO, drafted, submit

ON = date(2026, 11, 22)


def plan(drafter, form="memo", **changes):
    definition = load(bytes(published_form(form).definition))
    content = {"memo": MEMO, "expense": EXPENSE}[form]
    return plan_line(definition, content, drafter=drafter, changes=Changes.parse(changes), on=ON)


def places(found):
    return [(step.act.value, step.officeholder.office, step.stage) for step in found.steps]


def one(act, officer, *, beside=False):
    return {"act": act, "officeholder": officer.id.hex, "beside": beside}


def test_who_reviews_comes_before_the_decision_and_who_sees_after_it(
    bookkeeper, clerk, chief, manager, chair
):
    found = plan(bookkeeper, added=[one("confirm", chair), one("concur", clerk)])
    assert places(found) == [
        ("draft", "bookkeeper", 1),
        ("review", "chief", 2),
        ("concur", "clerk", 3),
        ("approve", "manager", 4),
        ("confirm", "chair", 5),
    ]


def test_side_by_side_is_the_same_stage(bookkeeper, clerk, chief, manager):
    found = plan(bookkeeper, added=[one("concur", clerk, beside=True)])
    assert [stage for _, _, stage in places(found)] == [1, 2, 2, 3]


def test_nobody_stands_beside_the_drafter(bookkeeper, clerk, manager):
    found = plan(bookkeeper, added=[one("concur", clerk, beside=True)])
    assert [stage for _, _, stage in places(found)] == [1, 2, 3]


def test_who_is_added_and_stands_in_the_line_already_stands_there_once(bookkeeper, chief, manager):
    found = plan(bookkeeper, added=[one("concur", chief), one("confirm", manager)])
    assert [office for _, office, _ in places(found)] == ["bookkeeper", "chief", "manager"]


def test_who_left_office_is_not_put_into_a_line(bookkeeper, manager, appointed):
    gone = appointed("최은영", "clerk", until=ON - timedelta(days=1))
    with pytest.raises(Refusal, match="임기가 아니어서"):
        plan(bookkeeper, added=[one("concur", gone)])


def test_nobody_of_another_complex_is_put_into_a_line(bookkeeper, manager, neighbour):
    with pytest.raises(Refusal, match="찾을 수 없습니다"):
        plan(bookkeeper, readers=[{"kind": "reference", "officeholder": neighbour.id.hex}])


@pytest.mark.parametrize(
    "changes",
    [
        {"added": [{"act": "approve", "officeholder": "0" * 32}]},
        {"added": [{"act": "draft", "officeholder": "0" * 32}]},
        {"added": [{"act": "review", "officeholder": "x"}]},
        {"added": [{"act": "review"}]},
        {"added": "x"},
        {"added": 7},
        {"readers": [{"kind": "report", "officeholder": "0" * 32}]},
        {"skipped": [{"office": "king", "reason": "출장"}]},
    ],
)
def test_changes_that_mean_nothing_are_refused(changes):
    with pytest.raises(Refusal, match="결재선을 읽을 수 없습니다"):
        Changes.parse(changes)


def test_a_chair_drafts_and_does_not_decide_alone(chief, manager, chair):
    found = plan(chair, form="expense")
    assert [(act, office) for act, office, _ in places(found)] == [
        ("draft", "chair"),
        ("review", "chief"),
        ("approve", "manager"),
    ]


def test_no_more_than_twenty_are_added(clerk):
    with pytest.raises(Refusal, match="20명까지"):
        Changes.parse({"added": [one("concur", clerk)] * 21})


def test_changes_are_kept_as_they_are_read(clerk, chief):
    kept = {
        "added": [one("concur", clerk, beside=True)],
        "skipped": [{"office": "chief", "reason": "출장"}],
        "readers": [{"kind": "afterwards", "officeholder": chief.id.hex}],
    }
    assert Changes.parse(kept).as_json() == kept


def test_one_person_who_drafts_and_decides_is_pointed_out(manager):
    found = plan(manager)
    assert [step.act for step in found.steps] == [Act.DRAFT, Act.APPROVE]
    assert found.notes == ("기안과 결재를 같은 분이 합니다. 기록에 그대로 남습니다.",)


def test_what_needs_a_resolution_cites_one(bookkeeper, chief, manager, at):
    draft = drafted(bookkeeper, at, form="expense", fund="long-term-repair")
    with pytest.raises(Refusal, match="의결이 있어야"):
        drafting.submit_draft(draft.id, actor=bookkeeper, at=at)
    assert not Record.objects.exists()


def test_what_is_warned_of_is_seen_by_everybody_in_the_line(manager, at):
    document = submit(manager, at)
    assert document.parsed_content()["notes"] == [
        "기안과 결재를 같은 분이 합니다. 기록에 그대로 남습니다."
    ]


def test_a_link_opens_one_document_for_one_officer(bookkeeper, chief, manager, at):
    document = submit(bookkeeper, at)
    token = decision_link(chief, document.id).split("/")[-2]
    link = read_link(token)
    assert (link.complex_id, link.officeholder_id, link.document_id) == (
        chief.complex_id,
        chief.id,
        document.id,
    )


def test_a_link_that_was_changed_opens_nothing(bookkeeper, chief, manager, at):
    token = decision_link(chief, submit(bookkeeper, at).id).split("/")[-2]
    for forged in (token[:-1] + ("A" if token[-1] != "A" else "B"), "A" + token, "", "..", "가"):
        with pytest.raises(Refusal, match="주소가 올바르지 않습니다"):
            read_link(forged)


def test_a_link_grows_old(bookkeeper, chief, manager, at, monkeypatch):
    token = decision_link(chief, submit(bookkeeper, at).id).split("/")[-2]
    import time

    later = time.time() + timedelta(days=31).total_seconds()
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(Refusal, match="30일이 지난"):
        read_link(token)
