"""What lies in each box of an officer, in which order, and how it is found."""

from datetime import timedelta

import pytest

from danji.approvals import boxes, deciding, drafting, showing
from danji.approvals.boxes import Box, Sought
from danji.authority.actions import set_absence
from danji.records.models import Record
from danji.rules.absence import Reason
from danji.rules.approval import Choice, Decision
from danji.rules.periods import day_in_seoul
from papers import decide, drafted, submit


@pytest.fixture
def on(at):
    return day_in_seoul(at)


@pytest.fixture
def look(on):
    """The titles in a box of somebody."""

    def titles(box, reader, **more):
        return [entry.title for entry in boxes.entries(box, reader, on=on, **more)]

    return titles


@pytest.fixture
def count(on, at):
    def counted(reader):
        found = boxes.counts(reader, on=on, at=at)
        return {box.value: number for box, number in found.items() if number}

    return counted


@pytest.fixture
def office(clerk, chief, manager):
    """The three of the line, by their places."""
    return clerk, chief, manager


def test_a_document_moves_from_box_to_box(office, look, count, sign, at):
    clerk, chief, manager = office
    document = submit(clerk, at, title="화단 정비")
    assert look(Box.WAITING, chief) == ["화단 정비"]
    assert look(Box.ONGOING, clerk) == ["화단 정비"]
    assert not look(Box.WAITING, manager)
    decide(document, chief, sign, at)
    assert look(Box.ONGOING, chief) == ["화단 정비"]
    assert count(manager) == {"waiting": 1}
    decide(document, manager, sign, at)
    for officer in office:
        assert count(officer) == {"finished": 1}
        assert look(Box.FINISHED, officer) == ["화단 정비"]


def test_a_returned_document_lies_with_all_who_took_part(office, look, sign, at, on):
    clerk, chief, manager = office
    document = submit(clerk, at)
    decide(document, chief, sign, at)
    decide(document, manager, sign, at, Decision.RETURN, "다시 봐 주세요.")
    for officer in office:
        (entry,) = boxes.entries(Box.RETURNED, officer, on=on)
        assert (entry.mark, entry.other) == ("returned", "관리사무소장 박정호")
    assert not look(Box.ONGOING, clerk)


def test_what_was_returned_long_ago_is_kept_and_no_longer_counted(office, look, count, sign, at):
    clerk, chief, _ = office
    old = at - timedelta(days=40)
    decide(submit(clerk, old), chief, sign, old, Decision.RETURN, "다시 봐 주세요.")
    assert look(Box.RETURNED, clerk)
    assert not count(clerk)


def test_a_withdrawn_document_stands_behind_those_returned(office, look, sign, at):
    clerk, chief, _ = office
    decide(submit(clerk, at, title="반려"), chief, sign, at, Decision.RETURN, "고쳐 주세요.")
    drafting.withdraw_document(submit(clerk, at, title="회수").id, actor=clerk, at=at)
    assert look(Box.RETURNED, clerk) == ["반려", "회수"]
    assert look(Box.RETURNED, chief) == ["반려"]


def test_what_waits_longest_comes_first(office, look, at):
    clerk, chief, _ = office
    submit(clerk, at, title="나중")
    submit(clerk, at - timedelta(days=1), title="먼저")
    assert look(Box.WAITING, chief) == ["먼저", "나중"]


def test_a_deputy_finds_what_waits_for_who_is_absent(office, count, sign, at, on):
    clerk, chief, manager = office
    document = submit(clerk, at)
    set_absence(
        chief.id,
        deputy_id=manager.id,
        since=on,
        until=on,
        reason=Reason.TRIP,
        actor=chief,
        at=at,
    )
    (entry,) = boxes.entries(Box.WAITING, manager, on=on)
    assert entry.other_id == chief.id
    decide(document, manager, sign, at, acting_for=chief.id)
    decide(document, manager, sign, at)
    assert count(manager) == {"finished": 1}
    assert boxes.entries(Box.CIRCULATION, chief, on=on)[0].mark == "report"


def test_on_an_own_document_nobody_is_asked_in_anothers_place(office, look, count, sign, at, on):
    """The box counts what can be decided; the own document is under way."""
    _, chief, manager = office
    set_absence(
        manager.id,
        deputy_id=chief.id,
        since=on,
        until=on,
        reason=Reason.TRIP,
        actor=manager,
        at=at,
    )
    submit(chief, at)
    assert look(Box.WAITING, chief) == []
    assert look(Box.ONGOING, chief) == ["화단 정비"]
    assert count(chief) == {Box.ONGOING: 1}


def test_side_by_side_a_document_is_listed_once(office, bookkeeper, look, at):
    clerk, _, _ = office
    beside = {"act": "concur", "officeholder": bookkeeper.id.hex, "beside": True}
    submit(clerk, at, line={"added": [beside]})
    assert len(look(Box.ONGOING, clerk)) == 1


def test_who_decides_now_does_not_find_it_under_way(office, bookkeeper, look, sign, at):
    clerk, chief, _ = office
    beside = {"act": "concur", "officeholder": bookkeeper.id.hex, "beside": True}
    document = submit(clerk, at, line={"added": [beside]})
    assert not look(Box.ONGOING, chief)
    decide(document, chief, sign, at)
    assert len(look(Box.ONGOING, chief)) == 1


def test_sent_back_a_document_says_so_and_is_listed_once(office, look, on, sign, at):
    clerk, chief, manager = office
    document = submit(clerk, at)
    decide(document, chief, sign, at)
    decide(document, manager, sign, at, Decision.SEND_BACK, "다시 봐 주세요.", to=2)
    (entry,) = boxes.entries(Box.WAITING, chief, on=on)
    assert entry.mark == "again"
    decide(document, chief, sign, at)
    decide(document, manager, sign, at)
    assert len(look(Box.FINISHED, chief)) == len(look(Box.FINISHED, manager)) == 1


def test_a_held_document_says_so(office, on, at):
    clerk, chief, _ = office
    document = submit(clerk, at)
    deciding.hold_step(document.id, "현장을 보겠습니다.", actor=chief, at=at)
    assert boxes.entries(Box.WAITING, chief, on=on)[0].mark == "held"
    assert boxes.entries(Box.ONGOING, clerk, on=on)[0].mark == "held"
    deciding.lift_hold(document.id, actor=chief, at=at)
    assert boxes.entries(Box.WAITING, chief, on=on)[0].mark == ""


def test_the_unread_come_first_and_are_counted(office, chair, look, count, at):
    clerk, _, _ = office
    shown = {"readers": [{"kind": "reference", "officeholder": chair.id.hex}]}
    for day, title in ((2, "먼저"), (1, "가운데"), (0, "나중")):
        document = submit(clerk, at - timedelta(days=day), title=title, line=shown)
        if title == "나중":
            showing.mark_read(document.id, actor=chair, at=at)
    assert look(Box.REFERENCE, chair) == ["가운데", "먼저", "나중"]
    assert count(chair) == {"reference": 2}


def test_what_is_to_be_approved_afterwards_stays_unread(office, chair, count, sign, at):
    clerk, chief, manager = office
    shown = {"readers": [{"kind": "afterwards", "officeholder": chair.id.hex}]}
    document = submit(clerk, at, line=shown)
    assert not count(chair)
    for officer in (chief, manager):
        decide(document, officer, sign, at)
    showing.mark_read(document.id, actor=chair, at=at)
    assert count(chair) == {"circulation": 1}
    showing.confirm_afterwards(
        document.id, actor=chair, choice=Choice(Decision.APPROVE), sign=sign, at=at
    )
    assert not count(chair)


def test_pages_follow_one_another_without_a_gap(office, chair, look, on, at, monkeypatch):
    monkeypatch.setattr(boxes, "LISTED", 2)
    boxes._first_page.cache_clear()
    clerk, _, _ = office
    shown = {"readers": [{"kind": "reference", "officeholder": chair.id.hex}]}
    for number in range(5):
        document = submit(clerk, at + timedelta(minutes=number), title=str(number), line=shown)
        if number in {1, 3}:
            showing.mark_read(document.id, actor=chair, at=at)
    pages = [look(Box.REFERENCE, chair, page=number)[:2] for number in (1, 2, 3, 4)]
    assert pages == [["4", "2"], ["0", "3"], ["1"], []]
    boxes._first_page.cache_clear()


def test_counting_stops(office, count, at, monkeypatch):
    monkeypatch.setattr(boxes, "CAP", 2)
    boxes._counting.cache_clear()
    clerk, chief, _ = office
    for _ in range(4):
        submit(clerk, at)
    assert count(chief) == {"waiting": 3}
    boxes._counting.cache_clear()


@pytest.mark.parametrize(
    ("sought", "titles"),
    [
        (Sought(words="제설"), ["제설 자재 구입"]),
        (Sought(words="구입 자재"), ["제설 자재 구입"]),
        (Sought(words="승강기"), []),
        (Sought(form="memo"), ["화단 정비"]),
        (Sought(least=132_000), ["제설 자재 구입"]),
        (Sought(least=132_001), []),
        (Sought(most=132_000), ["제설 자재 구입"]),
        (Sought(most=131_999), []),
    ],
)
def test_documents_are_found_by_what_they_say(sought, titles, office, bookkeeper, look, at):
    clerk, chief, _ = office
    submit(clerk, at, title="화단 정비")
    submit(bookkeeper, at, form="expense")
    assert look(Box.WAITING, chief, sought=sought) == titles


@pytest.mark.parametrize(
    ("since", "until", "number"), [(0, 0, 1), (1, None, 0), (None, -1, 0), (-1, 1, 1)]
)
def test_documents_are_found_by_their_day_in_korea(since, until, number, office, look, at, on):
    clerk, chief, _ = office
    submit(clerk, at)
    days = [None if offset is None else on + timedelta(days=offset) for offset in (since, until)]
    assert len(look(Box.WAITING, chief, sought=Sought(since=days[0], until=days[1]))) == number


def test_a_finished_document_is_found_by_its_number(office, look, sign, at):
    clerk, chief, manager = office
    document = submit(clerk, at)
    for officer in (chief, manager):
        decide(document, officer, sign, at)
    record = Record.objects.get()
    sought = Sought(words=record.number, docs=(record.doc,))
    assert look(Box.FINISHED, clerk, sought=sought) == ["화단 정비"]


def test_drafts_are_ones_own_and_found_by_title(office, look, at):
    clerk, chief, _ = office
    drafted(clerk, at, title="화단 정비")
    assert look(Box.DRAFTS, clerk) == ["화단 정비"]
    assert look(Box.DRAFTS, clerk, sought=Sought(words="승강기", least=1)) == []
    assert not look(Box.DRAFTS, chief)


def test_an_officer_outside_the_line_finds_nothing(office, chair, count, sign, at):
    clerk, chief, manager = office
    document = submit(clerk, at)
    for officer in (chief, manager):
        decide(document, officer, sign, at)
    assert not count(chair)
