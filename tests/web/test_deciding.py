"""Deciding at the desk: once, by whose turn it is, on what was shown."""

import pytest
from django.urls import reverse

from danji.approvals.models import Step
from danji.transparency.models import Event


def decide(desk, document, decision="approve", digest=None, **more):
    item = f"{document.id.hex}/{digest or document.digest}/"
    data = {"decision": decision, "item": item, "opinion": ""} | more
    return desk.post(reverse("desk:decision", args=[document.id]), data)


def test_the_page_shows_what_is_decided(submitted, chief, at_desk):
    page = at_desk(chief).get(reverse("desk:document", args=[submitted.id])).content.decode()
    assert "화단 정비" in page
    assert "금1,430,000원(금일백사십삼만원)" in page
    assert submitted.digest in page
    assert "견적서.pdf" in page
    assert "연습용이라 서명 없이 결재됩니다" in page


def test_approving_leads_back_to_the_document(submitted, chief, at_desk):
    desk = at_desk(chief)
    answer = decide(desk, submitted)
    assert answer.url == reverse("desk:document", args=[submitted.id])
    page = desk.get(answer.url).content.decode()
    assert "승인했습니다" in page
    assert "관리사무소장 박정호 님의 차례" in page


def test_a_second_press_is_told_calmly(submitted, chief, at_desk):
    desk = at_desk(chief)
    decide(desk, submitted)
    answer = decide(desk, submitted)
    assert answer.status_code == 409
    assert "이미 결재하신 문서입니다" in answer.content.decode()


def test_a_stale_page_decides_nothing(submitted, chief, at_desk):
    events = Event.objects.count()
    answer = decide(at_desk(chief), submitted, digest="0" * 64)
    assert answer.status_code == 422
    assert "결재하지 않았습니다" in answer.content.decode()
    assert Step.objects.get(position=2).decision == ""
    assert Event.objects.count() == events


def test_a_form_of_one_document_decides_on_no_other(submitted, chief, at_desk, draft):
    answer = at_desk(chief).post(
        reverse("desk:decision", args=[submitted.id]),
        {"decision": "approve", "item": f"{'0' * 32}/{submitted.digest}/"},
    )
    assert answer.status_code == 404


def test_a_return_without_a_reason_is_asked_again(submitted, chief, at_desk):
    answer = decide(at_desk(chief), submitted, "return")
    assert answer.status_code == 422
    assert "반려하는 이유" in answer.content.decode()
    assert Step.objects.get(position=2).decision == ""


def test_what_was_typed_as_a_reason_stays(submitted, chief, at_desk):
    answer = decide(at_desk(chief), submitted, "", opinion="다시 봐 주세요")
    assert answer.status_code == 422
    assert "다시 봐 주세요" in answer.content.decode()


def test_sending_back_names_the_place(submitted, chief, manager, at_desk):
    decide(at_desk(chief), submitted)
    desk = at_desk(manager)
    page = desk.get(reverse("desk:document", args=[submitted.id])).content.decode()
    assert "검토 · 과장 이민호" in page
    decide(desk, submitted, "send_back", opinion="금액을 다시 봐 주세요.", to="2")
    assert Step.objects.filter(position=2).count() == 2


def test_a_held_document_says_why_and_can_be_let_go_on(submitted, chief, at_desk):
    desk = at_desk(chief)
    here = reverse("sign:hold", args=[submitted.id])
    page = desk.get(desk.post(here, {"reason": "견적을 기다립니다."}).url).content.decode()
    assert "보류하신 문서입니다" in page
    assert "견적을 기다립니다." in page
    page = desk.get(desk.post(here, {"lift": "1"}).url).content.decode()
    assert "보류하신 문서입니다" not in page


def test_a_returned_document_can_be_written_anew(submitted, clerk, chief, at_desk):
    decide(at_desk(chief), submitted, "return", opinion="금액을 확인해 주세요.")
    desk = at_desk(clerk)
    page = desk.get(reverse("desk:document", args=[submitted.id])).content.decode()
    assert "금액을 확인해 주세요." in page
    answer = desk.post(reverse("desk:redraft", args=[submitted.id]))
    assert "화단 정비" in desk.get(answer.url).content.decode()
    page = desk.get(reverse("desk:document", args=[submitted.id])).content.decode()
    assert "이어 쓰기</button>" in page
    assert "앞 문서를 고치는 중" in desk.get(f"{reverse('desk:home')}?box=drafts").content.decode()


def test_nobody_else_writes_it_anew(submitted, chief, at_desk):
    answer = at_desk(chief).post(reverse("desk:redraft", args=[submitted.id]))
    assert answer.status_code == 404


def test_a_withdrawal_leads_to_the_draft(submitted, clerk, at_desk):
    desk = at_desk(clerk)
    answer = desk.post(reverse("desk:withdrawal", args=[submitted.id]))
    assert "회수했습니다" in desk.get(answer.url).content.decode()


def test_a_decision_asks_the_database_little(
    submitted, chief, at_desk, django_assert_max_num_queries
):
    desk = at_desk(chief)
    with django_assert_max_num_queries(30) as asked:
        decide(desk, submitted)
    assert asked  # the measured figure is in bench/


@pytest.mark.parametrize("name", ["decision", "withdrawal", "redraft"])
def test_whoever_arrives_by_link_sees_the_document(name, submitted, chief, at_desk):
    answer = at_desk(chief).get(reverse(f"desk:{name}", args=[submitted.id]))
    assert answer.url == reverse("desk:document", args=[submitted.id])


def test_the_attachment_is_a_file_to_keep(submitted, chief, at_desk):
    answer = at_desk(chief).get(reverse("desk:attachment", args=[submitted.id, 1]))
    assert answer.content.startswith(b"%PDF-")
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]


def test_there_is_no_second_attachment(submitted, chief, at_desk):
    answer = at_desk(chief).get(reverse("desk:attachment", args=[submitted.id, 2]))
    assert answer.status_code == 404


def test_an_officer_outside_the_line_sees_nothing(submitted, chair, at_desk):
    answer = at_desk(chair).get(reverse("desk:document", args=[submitted.id]))
    assert answer.status_code == 404
