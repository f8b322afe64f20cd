"""The link in a message: one document, one decision, and nothing by the link alone."""

import re
from datetime import date, timedelta
from uuid import UUID

import pytest
from django.contrib.auth import HASH_SESSION_KEY
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from danji.accounts.models import Officeholder
from danji.approvals import deciding, drafting, links
from danji.approvals.links import decision_link, link_token
from danji.approvals.models import Step
from danji.attachments.jobs import make_previews
from danji.authority.actions import set_absence
from danji.base import tenancy
from danji.outbox.models import Message, PendingDelivery
from danji.records.models import Record
from danji.rules.absence import Reason
from danji.rules.approval import Choice, Decision
from danji.signing.actions import accept_method
from danji.signing.models import Agreement, CodeRequest
from danji.transparency.models import Event


class Phone:
    """Somebody's phone, with the link of one message open in it."""

    def __init__(self, officer, document, complex_id):
        self.client = Client()
        self.complex_id = complex_id
        self.token = link_token(officer, document.id)
        self.item = f"{document.id.hex}/{document.digest}/"

    def get(self, name="document", *more):
        return self._then(self.client.get(reverse(f"sign:{name}", args=[self.token, *more])))

    def open(self, address):
        return self._then(self.client.get(address))

    def post(self, name, **data):
        return self._then(self.client.post(reverse(f"sign:{name}", args=[self.token]), data))

    def agree(self):
        return self.post("agreement")

    def press(self, decision="approve", **more):
        """What is seen after it: the page for the code is opened, as a browser does."""
        answer = self.post("decision", **{"item": self.item, "decision": decision} | more)
        asks = answer.status_code == 303 and "/code/?" in answer.url
        return self.open(answer.url) if asks else answer

    def type(self, page, code, **more):
        """Type a code into the page that asks for it."""
        kept = kept_in(page)
        return self.press(**(kept | {"code": code} | more))

    def _then(self, response):
        tenancy._enter("app.complex", self.complex_id)
        return response


def text(response):
    return response.content.decode()


def kept_in(page):
    """What the page posts again beside the code."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text(page)))


def sent_code():
    letter = PendingDelivery.objects.filter(message__code=True).latest("id")
    return re.search(r"확인 번호: (\d{6})", letter.secret)[1]


def wrong(code):
    return f"{(int(code) + 1) % 10**6:06}"


def decided(position=2):
    return Step.objects.get(position=position).decision


@pytest.fixture
def phone(submitted, chief, complex_):
    return Phone(chief, submitted, complex_.id)


@pytest.fixture
def agreed(phone, chief):
    accept_method(actor=chief, at=timezone.now())
    return phone


def test_the_message_carries_the_link(submitted, chief):
    message = Message.objects.get(recipient=chief.person, subject__startswith="검토 요청")
    assert links.read_link(message.link.rstrip("/").rpartition("/")[2]).document_id == submitted.id


def test_the_message_names_the_complex_and_the_document_first(submitted, chief, complex_):
    message = Message.objects.get(recipient=chief.person, subject__startswith="검토 요청")
    assert message.body.splitlines() == [
        f"{complex_.name} · 화단 정비",
        "담당 최은영 님이 올린 문서가 검토를 기다립니다.",
        "금액: 1,430,000원",
    ]
    assert "1,430,000" not in message.subject


def test_the_screen_says_who_asks_what_and_how_much(phone, submitted):
    page = text(phone.get())
    assert "담당 최은영 님이 올린 기안서" in page
    assert "화단 정비" in page
    assert "금1,430,000원(금일백사십삼만원)" in page
    assert "검토 · 과장 이민호" in page
    assert submitted.digest in page
    assert "1. 화단을 정비합니다." in page
    assert "견적서.pdf" in page
    assert "<nav" not in page


def test_an_address_that_lets_in_leaves_no_trace(phone):
    answer = phone.get()
    assert answer["Referrer-Policy"] == "same-origin"
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Robots-Tag"] == "noindex"


def test_before_the_first_signature_the_text_is_accepted(phone, chief, sign_in):
    sign_in(phone.client, chief)
    page = text(phone.get())
    assert "전자서명 동의서" in page
    assert "승인" not in re.findall(r"<button[^>]*>([^<]+)<", page)
    assert re.findall(r'<button[^>]* form="agreement">([^<]+)<', page) == ["동의하고 계속하기"]
    answer = phone.agree()
    assert answer.url.endswith("/#decision")
    page = text(phone.open(answer.url))
    assert "승인" in re.findall(r"<button[^>]*>([^<]+)<", page)
    assert Agreement.objects.get().officeholder_id == chief.id


def test_who_holds_the_link_alone_accepts_nothing(phone):
    page = text(phone.get())
    assert "처음 한 번은 로그인해서 동의해 주세요." in page
    assert 'form="agreement"' not in page
    back = urlencode({"next": f"{reverse('sign:document', args=[phone.token])}#agreement-title"})
    way_in = f"{reverse('account_login')}?{back}"
    assert f'href="{way_in}"' in page
    answer = phone.agree()
    assert answer.url == way_in
    assert "처음 한 번은 로그인해서 동의해 주세요." in text(phone.open(answer.url))
    assert not Agreement.objects.exists()


def test_nobody_else_accepts_for_the_officer(phone, manager, sign_in):
    sign_in(phone.client, manager)
    page = text(phone.get())
    assert "과장 이민호 님이 로그인해 주세요" in page
    way_out = re.search(r'href="([^"]+)">로그아웃하고 다시 로그인하기', page)[1]
    shown = text(phone.open(way_out))
    kept = re.search(r'name="next" value="([^"]+)"', shown)[1]
    back = urlencode({"next": f"{reverse('sign:document', args=[phone.token])}#agreement-title"})
    assert kept == f"{reverse('account_login')}?{back}"
    answer = phone.agree()
    assert answer.status_code == 409
    assert "다른 분으로 로그인되어 있어" in text(answer)
    assert not Agreement.objects.exists()


def test_a_session_that_is_no_longer_good_accepts_nothing(phone, chief, sign_in):
    sign_in(phone.client, chief)
    session = phone.client.session
    session[HASH_SESSION_KEY] = "old"
    session.save()
    phone.agree()
    assert not Agreement.objects.exists()


def test_without_the_agreement_no_code_is_sent(phone):
    answer = phone.press()
    assert answer.status_code == 409
    assert "동의서를 아직 받지 않아" in text(answer)
    assert not CodeRequest.objects.exists()


def test_a_code_signs(agreed, submitted):
    page = agreed.press()
    assert "승인하려면 확인 번호를 넣어 주세요" in text(page)
    assert "one-time-code" in text(page)
    assert decided() == ""
    answer = agreed.type(page, sent_code())
    assert answer.status_code == 303
    assert decided() == "approve"
    page = text(agreed.open(answer.url))
    assert "승인했습니다" in page
    assert "화단 정비" in page
    assert "관리사무소장 박정호" in page
    assert CodeRequest.objects.get().used_at


def test_what_is_refused_is_not_called_approving(agreed):
    page = text(agreed.press("return", opinion="금액이 다릅니다."))
    assert "반려하려면 확인 번호를 넣어 주세요" in page
    assert "서명하고 반려하기" in page
    assert page.index("<dt>결정</dt>") < page.index("<dt>제목</dt>")


def test_nothing_one_goes_back_to_is_the_answer_to_a_form(agreed):
    asked = agreed.post("decision", item=agreed.item, decision="approve")
    again = agreed.post("decision", **kept_in(agreed.open(asked.url)), code="1")
    signed = agreed.post("decision", **kept_in(agreed.open(again.url)), code=sent_code())
    assert [answer.status_code for answer in (asked, again, signed)] == [303] * 3
    # Afterwards the page of the code says what came of it.
    assert agreed.open(asked.url).url == reverse("sign:document", args=[agreed.token])


def test_when_no_try_is_left_only_another_code_is_offered(agreed):
    page = agreed.press()
    for _ in range(5):
        page = agreed.type(page, wrong(sent_code()))
    assert "5번 잘못 넣어 더 쓸 수 없습니다" in text(page)
    assert re.findall(r"<button[^>]*>([^<]+)<", text(page)) == ["번호 다시 받기"]
    assert 'name="code"' not in text(page)
    again = text(agreed.press(**kept_in(page)))
    assert "1분에 한 번 보냅니다" in again
    assert "받은 번호를 넣거나" not in again


def test_the_page_for_a_code_is_for_nobody_else(agreed, submitted, manager):
    address = agreed.client.post(
        reverse("sign:decision", args=[agreed.token]), {"item": agreed.item, "decision": "approve"}
    ).url
    theirs = address.replace(agreed.token, link_token(manager, submitted.id))
    assert "/code/" not in agreed.open(theirs).url
    agreed.client.logout()
    assert "/code/" not in agreed.open(address).url


def test_the_message_with_the_code_says_what_is_signed(agreed):
    agreed.press()
    letter = PendingDelivery.objects.get(message__code=True).secret
    assert "승인: 화단 정비, 금1,430,000원" in letter


def test_a_wrong_code_counts_and_is_asked_again(agreed):
    page = agreed.press(opinion="잘 보았습니다.")
    answer = agreed.type(page, wrong(sent_code()))
    assert "4번 더" in text(answer)
    assert "메일(" in text(answer)  # where the number went is still said
    assert CodeRequest.objects.get().attempts == 1
    answer = agreed.type(answer, sent_code())
    assert Step.objects.get(position=2).opinion == "잘 보았습니다."


def test_a_code_is_for_the_decision_it_was_sent_for(agreed):
    page = agreed.press()
    answer = agreed.type(page, sent_code(), decision="return", opinion="다시")
    assert answer.status_code == 409
    assert "바뀌었습니다" in text(answer)
    assert decided() == ""


def test_a_statement_that_was_shown_long_ago_is_not_signed(agreed):
    page = agreed.press()
    long_ago = (timezone.now() - timedelta(minutes=11)).isoformat()
    answer = agreed.type(page, sent_code(), stated_at=long_ago)
    assert answer.status_code == 409
    assert "오래되어" in text(answer)
    assert decided() == ""


def test_the_same_press_again_decides_nothing_more(agreed):
    page = agreed.press()
    code = sent_code()
    agreed.type(page, code)
    events = Event.objects.count()
    answer = agreed.post("decision", **kept_in(page), code=code)
    assert "승인했습니다" in text(agreed.client.get(answer.url, follow=True))
    tenancy._enter("app.complex", agreed.complex_id)
    assert Event.objects.count() == events


def test_another_code_within_the_minute_leaves_the_field_for_the_first(agreed):
    page = agreed.press()
    answer = agreed.press(**kept_in(page))
    assert "방금 확인 번호를 보냈습니다" in text(answer)
    agreed.type(answer, sent_code())
    assert decided() == "approve"


def test_who_went_back_and_presses_again_gets_the_field_again(agreed):
    agreed.press(opinion="좋습니다.")
    answer = agreed.press(opinion="좋습니다.")
    assert "방금 확인 번호를 보냈습니다" in text(answer)
    assert CodeRequest.objects.count() == 1
    agreed.type(answer, sent_code())
    assert decided() == "approve"


def test_the_field_does_not_come_back_for_anything_else(agreed):
    agreed.press()
    answer = agreed.press(opinion="좋습니다.")
    assert answer.status_code == 409
    assert "1분 뒤에 다시 눌러 새 번호를 받아 주세요" in text(answer)
    assert 'name="code"' not in text(answer)
    assert decided() == ""


def test_a_return_keeps_its_reason_when_it_is_refused(agreed):
    answer = agreed.press("return")
    assert answer.status_code == 409
    assert "반려하는 이유가 적혀 있지 않습니다" in text(answer)
    assert re.search(r'<textarea[^>]*aria-invalid="true"[^>]* autofocus>', text(answer))
    answer = agreed.press("", opinion="금액이 다릅니다.")
    assert "금액이 다릅니다." in text(answer)


def test_the_next_document_waits_as_one_button(agreed, draft, clerk, chief, at):
    begun = drafting.start_draft("memo", actor=clerk, at=at)
    typed = {"title": ["제설 준비"], "purpose": ["준비합니다."], "plan": ["11월에 합니다."]}
    drafting.save_draft(begun.id, typed, revision=begun.revision, actor=clerk, at=at)
    drafting.submit_draft(begun.id, actor=clerk, at=at)
    answer = agreed.type(agreed.press(), sent_code())
    page = text(agreed.open(answer.url))
    address = re.search(r'href="(/sign/[^"]+)">다음 문서: 제설 준비', page)[1]
    assert "제설 준비" in text(agreed.open(address))
    # Without what only the one who signed was handed, the old link leads nowhere else.
    assert "다음 문서" not in text(agreed.get())


def test_a_next_document_of_somebody_else_is_not_offered(agreed, submitted, manager):
    agreed.type(agreed.press(), sent_code())
    foreign = link_token(manager, submitted.id)
    address = reverse("sign:document", args=[agreed.token])
    assert "다음 문서" not in text(agreed.open(f"{address}?next={foreign}"))


def test_the_number_is_shown_once_it_is_on_record(submitted, chief, manager, sign, complex_, at):
    approve = Choice(Decision.APPROVE)
    deciding.decide_step(submitted.id, actor=chief, choice=approve, sign=sign, at=at)
    accept_method(actor=manager, at=timezone.now())
    phone = Phone(manager, submitted, complex_.id)
    answer = phone.type(phone.press(), sent_code())
    page = text(phone.open(answer.url))
    assert f"<dt>문서번호</dt><dd>{Record.objects.get().number}</dd>" in page
    assert "완결" in page


def test_whose_turn_it_is_not_reads_why(submitted, manager, complex_):
    page = text(Phone(manager, submitted, complex_.id).get())
    assert "지금은 결재하실 차례가 아닙니다" in page
    assert "과장 이민호" in page


def test_a_withdrawn_document_says_so(phone, submitted, clerk, at):
    drafting.withdraw_document(submitted.id, actor=clerk, at=at)
    assert "기안한 분이 회수한 문서입니다" in text(phone.get())


def test_a_deputy_is_told_in_whose_place_they_decide(submitted, chief, manager, complex_, at):
    today = timezone.localdate()
    set_absence(
        chief.id,
        deputy_id=manager.id,
        since=today,
        until=today,
        reason=Reason.TRIP,
        actor=manager,
        at=timezone.now(),
    )
    accept_method(actor=manager, at=timezone.now())
    phone = Phone(manager, submitted, complex_.id)
    page = text(phone.get())
    assert "관리사무소장 박정호 님이 대신 결재합니다" in page
    phone.item += chief.id.hex
    phone.type(phone.press(), sent_code())
    step = Step.objects.get(position=2)
    assert (step.decision, step.decided_by_id) == ("approve", manager.id)


def test_the_attachment_comes_with_the_link(phone):
    answer = phone.get("attachment", 1)
    assert answer.content.startswith(b"%PDF-")
    assert "sandbox" in answer["Content-Security-Policy"]
    assert phone.get("attachment", 2).status_code == 404


def test_so_do_its_pages(phone, complex_):
    make_previews(complex_.id)
    page = text(phone.get())
    address = re.search(r'<img src="([^"]+)"', page)[1]
    assert phone.open(address).content.startswith(b"\x89PNG")


@pytest.mark.parametrize("way", ["get", "post"])
@pytest.mark.parametrize("name", ["document", "agreement", "statement", "decision"])
def test_a_forged_link_opens_nothing(phone, name, way):
    phone.token = phone.token[:-4] + "AAAA"
    answer = phone.get(name) if way == "get" else phone.post(name)
    if way == "get" and name != "document":
        answer = phone.open(answer.url)
    assert answer.status_code in {404, 405}
    assert "화단 정비" not in text(answer)


def test_an_old_link_says_so(phone, monkeypatch):
    monkeypatch.setattr(links, "LASTS", timedelta(seconds=-1))
    answer = phone.get()
    assert answer.status_code == 404
    assert "지난 주소입니다" in text(answer)


def test_who_left_office_decides_nothing(phone, chief):
    Officeholder.objects.filter(id=chief.id).update(until=date(2020, 1, 1))
    answer = phone.get()
    assert answer.status_code == 404
    assert "지금 그 직을 맡고 있지 않아" in text(answer)


def test_a_link_of_another_complex_shows_nothing(submitted, neighbour, complex_):
    phone = Phone(neighbour, submitted, complex_.id)
    answer = phone.get()
    assert answer.status_code == 404
    assert "화단 정비" not in text(answer)


def test_a_link_decides_on_its_own_document_only(agreed):
    agreed.item = f"{UUID(int=7).hex}/{'0' * 64}/"
    answer = agreed.press()
    assert answer.status_code == 409
    assert "이 주소의 문서가 아닙니다" in text(answer)


def test_a_log_in_of_the_demonstration_signs_nothing_by_link(agreed, chief, sign_in):
    sign_in(agreed.client, chief)
    tenancy._enter("app.complex", agreed.complex_id)
    assert "확인 번호를 넣어 주세요" in text(agreed.press())
    assert decided() == ""


def test_a_form_without_its_token_is_not_taken(agreed):
    agreed.client = Client(enforce_csrf_checks=True)
    assert agreed.press().status_code == 403


@pytest.mark.parametrize("item", ["", "x", "x/y/z", "0/0", f"{'0' * 32}/{'0' * 64}/no"])
def test_what_cannot_be_read_is_refused_calmly(agreed, item):
    agreed.item = item
    answer = agreed.press()
    assert answer.status_code == 409
    assert decided() == ""


@pytest.mark.parametrize("moment", ["", "yesterday", "2026-11-22T09:00:00", "9999-12-31T23:59:59"])
def test_so_is_a_moment_that_is_none(agreed, moment):
    page = agreed.press()
    answer = agreed.type(page, sent_code(), stated_at=moment)
    assert answer.status_code in {409, 422}
    assert decided() == ""


def test_the_link_is_the_whole_address(submitted, chief, settings):
    settings.SITE_URL = "https://danji.example"
    assert decision_link(chief, submitted.id).startswith("https://danji.example/sign/")
