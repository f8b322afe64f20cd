"""What is on record, as officers and residents may see it."""

from datetime import date

import pytest
from django.urls import reverse

from danji.accounts.actions import move_in
from danji.accounts.models import Residency
from danji.accounts.queries import residencies_of
from danji.approvals import deciding, drafting
from danji.attachments.jobs import make_previews
from danji.complexes.models import Building, Unit
from danji.disclosure.inspection import UNREADABLE
from danji.disclosure.models import Obstacle, Publication
from danji.records.models import Citation, Record
from danji.renditions.models import Rendition
from danji.rules.approval import Choice, Decision

EXPENSE = {
    "title": "모래 구입",
    "reason": "필요합니다.",
    "items-0-name": "모래",
    "items-0-quantity": "3",
    "items-0-unit_price": "10000",
    "payee": "가상상사",
    "payment": "transfer",
    "account": "소모품비",
    "fund": "management-fee",
}
LISTS = {"desk": "desk:register", "residents": "residents:home"}


@pytest.fixture
def record(filed):
    return Record.objects.get(doc=filed.id)


def url(name, record, *more):
    return reverse(name, args=[record.id, *more])


def test_the_register_finds_by_title_and_number(record, clerk, at_desk):
    desk = at_desk(clerk)
    assert record.number in desk.get(reverse("desk:register")).content.decode()
    assert record.number in desk.get(reverse("desk:register") + "?q=화단").content.decode()
    page = desk.get(reverse("desk:register") + "?q=승강기").content.decode()
    assert record.number not in page
    assert "찾는 문서가 없습니다" in page


def test_a_record_shows_its_decisions(record, chair, at_desk):
    page = at_desk(chair).get(url("desk:record", record)).content.decode()
    assert "관리사무소장" in page
    assert "박정호" in page
    assert "5년" in page


def test_its_attachments_can_be_kept(record, chair, at_desk):
    answer = at_desk(chair).get(url("desk:enclosure", record, 1))
    assert answer.content.startswith(b"%PDF-")


def test_its_attachments_are_seen_without_opening_them(record, chair, at_desk):
    make_previews(chair.complex_id)
    page = at_desk(chair).get(url("desk:record", record)).content.decode()
    assert f'<img src="{url("desk:enclosure-preview", record, 1, 1)}"' in page


def test_the_pdf_is_not_there_before_it_was_made(record, clerk, at_desk):
    assert at_desk(clerk).get(url("desk:rendition", record)).status_code == 404
    assert at_desk(clerk).get(url("desk:proof", record)).status_code == 404


def test_the_pdf_is_a_file_to_keep(record, clerk, at_desk, rendered):
    answer = at_desk(clerk).get(url("desk:rendition", record))
    assert answer.content == b"%PDF-sealed"
    assert answer["Content-Type"] == "application/pdf"
    assert "filename*=utf-8''" in answer["Content-Disposition"]


@pytest.fixture
def rendered(record, complex_, at):
    from danji.base import files

    return Rendition.objects.create(
        complex=complex_,
        record=record,
        file=files.put(b"%PDF-sealed"),
        signed="0" * 64,
        signature="0" * 64,
        size=11,
        rendered_at=at,
    )


def test_the_finished_document_leads_to_its_files(filed, rendered, clerk, at_desk):
    page = at_desk(clerk).get(reverse("desk:document", args=[filed.id])).content.decode()
    assert reverse("desk:rendition", args=[rendered.record_id]) in page


@pytest.mark.parametrize(("scope", "seen"), [("residents", True), ("withheld", False)])
def test_residents_see_what_is_disclosed(scope, seen, record, complex_, resident, at_desk, at):
    Publication.objects.create(
        complex=complex_, record=record, scope=scope, basis="관리규약", published_at=at
    )
    desk = at_desk(resident)
    assert ("화단 정비" in desk.get(reverse("residents:home")).content.decode()) is seen
    assert desk.get(url("residents:record", record)).status_code == (200 if seen else 404)


@pytest.fixture
def expense(bookkeeper, manager, complex_, sign, at):
    """A record that is open to residents."""
    begun = drafting.start_draft("expense", actor=bookkeeper, at=at)
    typed = {name: [text] for name, text in EXPENSE.items()}
    drafting.save_draft(begun.id, typed, revision=begun.revision, actor=bookkeeper, at=at)
    document = drafting.submit_draft(begun.id, actor=bookkeeper, at=at)
    deciding.decide_step(
        document.id,
        actor=manager,
        choice=Choice(Decision.APPROVE),
        sign=sign,
        at=at,
    )
    record = Record.objects.get(doc=document.id)
    Publication.objects.create(
        complex=complex_, record=record, scope="residents", basis="관리규약", published_at=at
    )
    return record


def test_who_may_read_it_is_said_in_one_way(expense, resident, clerk, at_desk):
    for desk, name in ((at_desk(clerk), "desk"), (at_desk(resident), "residents")):
        for page in (url(f"{name}:record", expense), reverse(LISTS[name])):
            assert "입주자등 공개" in desk.get(page).content.decode()


def test_of_several_homes_the_newest_is_shown(record, complex_, resident, found, at_desk):
    elsewhere = found("B20000002", "달빛마을아파트")
    building = Building.objects.create(complex=elsewhere, name="101")
    unit = Unit.objects.create(complex=elsewhere, building=building, number="101")
    Residency.objects.create(
        complex=elsewhere,
        person=resident.person,
        unit=unit,
        since=date(2001, 1, 1),
        until=date(2001, 2, 1),
    )
    newest = move_in(resident.person, unit, since=date(2002, 1, 1))
    assert "달빛마을아파트" in at_desk(resident).get(reverse("residents:home")).content.decode()
    today = residencies_of(resident.person_id, on=date(2026, 1, 1))
    assert [lived.id for lived in today] == [newest.id, resident.id]


def test_residents_see_nothing_before_it_is_disclosed(record, resident, at_desk):
    desk = at_desk(resident)
    for name in ("residents:record", "residents:rendition", "residents:proof"):
        assert desk.get(url(name, record)).status_code == 404


def test_a_resident_who_comes_to_the_desk_is_shown_home(resident, at_desk):
    answer = at_desk(resident).get(reverse("desk:home"))
    assert answer.url == reverse("residents:home")


def test_who_does_not_live_here_is_not_shown_home(manager, at_desk):
    assert at_desk(manager).get(reverse("residents:home")).status_code == 404


def test_the_manager_answers_for_what_no_program_can_read(record, complex_, manager, at_desk, at):
    places = [{"place": "붙임 ‘사진.png’", "kind": UNREADABLE}]
    Obstacle.objects.create(complex=complex_, record=record, places=places, found_at=at)
    desk = at_desk(manager)
    answer = desk.post(url("desk:clearance", record))
    assert "곧 공개됩니다" in desk.get(answer.url).content.decode()


def test_nobody_else_clears_a_record(record, clerk, at_desk):
    answer = at_desk(clerk).post(url("desk:clearance", record))
    assert answer.status_code == 409
    assert "관리사무소장이 합니다" in answer.content.decode()


@pytest.fixture
def successor(record, complex_, clerk, chief, manager, sign, at):
    """A record that replaces the other."""
    begun = drafting.start_draft("memo", actor=clerk, at=at)
    typed = {"title": ["새 화단 정비"], "purpose": ["가"], "plan": ["나"]}
    drafting.save_draft(begun.id, typed, revision=begun.revision, actor=clerk, at=at)
    document = drafting.submit_draft(begun.id, actor=clerk, at=at)
    for actor in (chief, manager):
        deciding.decide_step(
            document.id,
            actor=actor,
            choice=Choice(Decision.APPROVE),
            sign=sign,
            at=at,
        )
    newer = Record.objects.get(doc=document.id)
    Citation.objects.create(complex=complex_, record=newer, cited=record, relation="supersedes")
    return newer


def test_a_replaced_record_leads_to_the_new_one(record, successor, chair, at_desk):
    page = at_desk(chair).get(url("desk:record", record)).content.decode()
    assert "이 문서는 새 문서로 바뀌었습니다" in page
    assert url("desk:record", successor) in page


def test_residents_do_not_learn_of_what_is_withheld(record, successor, resident, at_desk, at):
    Publication.objects.create(
        complex_id=record.complex_id, record=record, scope="residents", basis="-", published_at=at
    )
    page = at_desk(resident).get(url("residents:record", record)).content.decode()
    assert "화단 정비" in page
    assert "새 화단 정비" not in page
