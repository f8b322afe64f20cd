"""The pages by which two officers destroy documents, and what stands in their place after."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from danji.disclosure.actions import withdraw_disclosure
from danji.disclosure.models import Publication
from danji.disposal.models import Disposal, DisposalOutcome, Reading
from danji.records.models import Record
from erasing import carry_out


@pytest.fixture
def record(filed):
    return Record.objects.get(doc=filed.id)


@pytest.fixture
def disclosed(record, complex_, at):
    Publication.objects.create(
        complex=complex_, record=record, scope="residents", basis="관리규약", published_at=at
    )
    return record


def propose(desk, record, **changes):
    typed = {"doc": str(record.doc), "from": "one", "basis": "request", "reason": "정보주체의 요구"}
    return desk.post(reverse("disposal:disposals"), typed | changes)


def test_the_manager_proposes_and_the_chair_confirms(record, manager, chair, complex_, at_desk):
    desk = at_desk(manager)
    page = desk.get(reverse("desk:record", args=[record.id])).content.decode()
    here = reverse("disposal:proposal") + f"?document={record.doc}"
    assert here in page
    assert record.number in desk.get(here).content.decode()
    assert propose(desk, record).status_code == 302
    disposal = Disposal.objects.get()
    shown = at_desk(chair).get(reverse("disposal:disposal", args=[disposal.id])).content.decode()
    assert "파기 확인" in shown
    assert "정보주체의 요구" in shown
    at_desk(chair).post(reverse("disposal:confirmation", args=[disposal.id]))
    assert DisposalOutcome.objects.get().answer == "confirmed"
    assert carry_out(complex_.id) == 1
    after = at_desk(chair).get(reverse("disposal:disposal", args=[disposal.id])).content.decode()
    assert "(파기한 기록)" in after


@pytest.fixture
def erased(record, manager, chair, complex_, at_desk):
    propose(at_desk(manager), record)
    disposal = Disposal.objects.get()
    at_desk(chair).post(reverse("disposal:confirmation", args=[disposal.id]))
    carry_out(complex_.id)
    return record


def test_a_tombstone_stands_in_its_place_at_the_desk(erased, filed, clerk, at_desk):
    desk = at_desk(clerk)
    for page in ("desk:record", "desk:document"):
        key = erased.id if page == "desk:record" else filed.id
        shown = desk.get(reverse(page, args=[key]))
        text = shown.content.decode()
        assert shown.status_code == 200
        assert "파기했습니다" in text
        assert f"<s>{erased.number}</s>" in text
        assert "화단 정비" not in text
    register = desk.get(reverse("desk:register")).content.decode()
    assert f"<s>{erased.number}</s>" in register
    assert "화단 정비" not in register
    assert desk.get(reverse("desk:home")).status_code == 200


@pytest.mark.parametrize("name", ["desk:rendition", "desk:proof", "desk:enclosure"])
def test_its_files_are_not_handed_out(erased, chair, at_desk, name):
    more = [1] if name == "desk:enclosure" else []
    answer = at_desk(chair).get(reverse(name, args=[erased.id, *more]))
    assert answer.status_code == 409
    assert "파기했습니다" in answer.content.decode()


def test_what_can_be_done_with_a_document_cannot_be_done_with_it(erased, filed, clerk, at_desk):
    desk = at_desk(clerk)
    for name in ("desk:copy", "desk:correction"):
        answer = desk.post(reverse(name, args=[filed.id]))
        assert answer.status_code == 409
        assert "파기한 문서" in answer.content.decode()


def test_a_program_is_told_that_it_is_gone(erased, filed, clerk, program):
    asks = program(clerk)
    for path in (f"/records/{erased.id}", f"/documents/{filed.id}"):
        answer = asks.get(path)
        assert answer.status_code == 410
        assert "파기했습니다" in answer.json()["fact"]
    (listed,) = asks.get("/records").json()["items"]
    assert listed["title"] == "(파기한 기록)"


def test_a_slip_is_told_beside_what_was_typed(record, manager, at_desk):
    answer = propose(at_desk(manager), record, reason="")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "까닭이 적혀 있지 않습니다" in page
    assert re.search(r'value="request"\s+checked', page)
    answer = at_desk(manager).post(reverse("disposal:disposals"), {"basis": "expired"})
    assert "고르신 문서가 없습니다" in answer.content.decode()


def test_what_is_past_its_time_is_listed_to_choose_from(record, manager, chair, at_desk, alter):
    desk = at_desk(manager)
    assert (
        "보존기간이 끝난 기록이 없습니다"
        in desk.get(reverse("disposal:disposals")).content.decode()
    )
    alter("UPDATE records_record SET retained_until = '2020-12-31'")
    page = desk.get(reverse("disposal:disposals")).content.decode()
    assert f'value="{record.doc}"' in page
    assert f'value="{record.doc}"' not in (
        at_desk(chair).get(reverse("disposal:disposals")).content.decode()
    )
    chosen = {"doc": [str(record.doc)], "basis": "expired"}
    assert desk.post(reverse("disposal:disposals"), chosen).status_code == 302
    after = desk.get(reverse("disposal:disposals")).content.decode()
    assert "보존기간이 끝난 기록이 없습니다" in after
    assert "문서 1건 · 보존기간 만료" in after


def test_others_see_what_is_proposed_and_have_no_button(record, manager, clerk, at_desk):
    propose(at_desk(manager), record)
    disposal = Disposal.objects.get()
    shown = at_desk(clerk).get(reverse("disposal:disposal", args=[disposal.id])).content.decode()
    assert "파기 확인" not in shown
    assert "제안 취소" not in shown
    assert "제안 취소" in (
        at_desk(manager).get(reverse("disposal:disposal", args=[disposal.id])).content.decode()
    )
    assert at_desk(clerk).get(reverse("disposal:disposals")).status_code == 200


def test_it_is_taken_back_or_rejected(record, manager, chair, at_desk):
    propose(at_desk(manager), record)
    at_desk(manager).post(reverse("disposal:withdrawal", args=[Disposal.objects.get().id]))
    assert DisposalOutcome.objects.get().answer == "withdrawn"
    propose(at_desk(manager), record)
    newest = Disposal.objects.latest("proposed_at")
    at_desk(chair).post(reverse("disposal:rejection", args=[newest.id]))
    assert DisposalOutcome.objects.get(disposal_id=newest.id).answer == "rejected"


# --- Taking a disclosure back -------------------------------------------------------------------


def test_the_manager_takes_a_disclosure_back(disclosed, manager, resident, at_desk):
    desk = at_desk(manager)
    assert "공개 철회하기" in desk.get(reverse("desk:record", args=[disclosed.id])).content.decode()
    here = reverse("disposal:disclosure-withdrawal", args=[disclosed.id])
    assert desk.post(here, {"reason": "전화번호가 있음"}).status_code == 302
    page = desk.get(reverse("desk:record", args=[disclosed.id])).content.decode()
    assert "공개를 철회한 문서입니다" in page
    assert "공개 철회하기" not in page
    lives = at_desk(resident)
    shown = lives.get(reverse("residents:record", args=[disclosed.id])).content.decode()
    assert "전화번호가 있음" in shown
    assert "화단 정비" not in shown
    listed = lives.get(reverse("residents:home")).content.decode()
    assert f"<s>{disclosed.number}</s>" in listed
    assert "전화번호가 있음" in listed
    assert "화단 정비" not in listed


def test_a_resident_sees_the_tombstone_of_what_was_erased(
    disclosed, manager, chair, resident, complex_, at_desk
):
    propose(at_desk(manager), disclosed, reason="101동 아무개의 요구")
    at_desk(chair).post(reverse("disposal:confirmation", args=[Disposal.objects.get().id]))
    carry_out(complex_.id)
    shown = at_desk(resident).get(reverse("residents:record", args=[disclosed.id]))
    assert shown.status_code == 200
    assert "파기했습니다" in shown.content.decode()
    assert "아무개" not in shown.content.decode()


# --- Who read what ------------------------------------------------------------------------------


def test_opening_a_record_is_noted_at_the_desk_and_by_programs(
    record, chair, chief, at_desk, program
):
    at_desk(chair).get(reverse("desk:record", args=[record.id]))
    at_desk(chair).get(reverse("desk:enclosure", args=[record.id, 1]))
    at_desk(chief).get(reverse("desk:record", args=[record.id]))
    asks = program(chief)
    asks.get(f"/records/{record.id}")
    asks.get(f"/documents/{record.doc}")
    noted = Reading.objects.order_by("id").values_list("reader_id", "by_program")
    assert list(noted) == [(chair.id, False), (chief.id, True)]


def test_what_everybody_can_read_is_not_noted(record, chair, manager, complex_, at_desk, at):
    Publication.objects.create(
        complex=complex_, record=record, scope="public", basis="법", published_at=at
    )
    at_desk(chair).get(reverse("desk:record", args=[record.id]))
    assert not Reading.objects.exists()
    withdraw_disclosure(record.id, "개인정보", actor=manager, at=timezone.now())
    at_desk(chair).get(reverse("desk:record", args=[record.id]))
    assert Reading.objects.exists()
