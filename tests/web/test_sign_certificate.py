"""Signing with a certificate in one's own name, in an app or a file; and all that may fail."""

import html
import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from danji.approvals.links import link_token
from danji.approvals.models import Step
from danji.base import tenancy
from danji.signing import relay
from danji.signing.actions import accept_method
from danji.signing.models import CodeRequest, RelayRequest, RelayResponse
from danji.transparency.models import Opening
from danji_verify.canonical import b64decode
from danji_verify.shapes import Fields
from danji_verify.signature import check_auth
from signing.pki import RunningRelay

PERSON = {"phone": "010-1234-5678", "birthday": "1970. 01. 31."}


@pytest.fixture
def server(settings, tmp_path):
    running = RunningRelay("shared key", timezone.now())
    settings.RELAY_URL, settings.RELAY_KEY = running.url, running.key
    path = tmp_path / "issuers.pem"
    path.write_bytes(running.authority.pem)
    settings.CERTIFICATE_ISSUERS = str(path)
    yield running
    running.close()


class Screen:
    """Where the chief decides: addresses of the document, the decision and the text to sign."""

    def __init__(self, client, complex_id, item, page, decision, text):
        self.client, self.complex_id, self.item = client, complex_id, item
        self.page, self.decision, self.text = page, decision, text

    def post(self, address, **data):
        """Post, and open the page that asks for the certificate where one does."""
        answer = self.client.post(address, data)
        if "/certificate/" in answer.headers.get("Location", ""):
            answer = self.client.get(answer.url)
        tenancy._enter("app.complex", self.complex_id)
        return answer

    def get(self):
        answer = self.client.get(self.page)
        tenancy._enter("app.complex", self.complex_id)
        return shown(answer)

    def press(self, way="kakao", decision="approve", **more):
        return self.post(self.decision, item=self.item, decision=decision, way=way, **more)

    def go_on(self, page, form="app-form", **typed):
        """Press the button of the form that a page has shown."""
        return self.post(self.decision, **(kept(page, form) | typed))

    def ask(self, way="kakao", **more):
        """Choose the app and have it asked."""
        return self.go_on(self.press(way, **more), **PERSON)


def shown(answer):
    return html.unescape(answer.content.decode())


def kept(page, form):
    part = re.search(rf'id="{form}".*?</form>', page.content.decode(), re.DOTALL)[0]
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', part)
    return {name: html.unescape(value) for name, value in found if name != "csrfmiddlewaretoken"}


def decided():
    return Step.objects.get(position=2).decision


@pytest.fixture(params=["link", "desk"])
def screen(request, submitted, chief, complex_, sign_in, server):
    accept_method(actor=chief, at=timezone.now())
    item = f"{submitted.id.hex}/{submitted.digest}/"
    if request.param == "link":
        token = link_token(chief, submitted.id)
        names = ("sign:document", "sign:decision", "sign:text")
        addresses = [reverse(name, args=[token]) for name in names]
        return Screen(sign_in(Client(), chief), complex_.id, item, *addresses)
    addresses = [reverse(f"desk:{name}", args=[submitted.id]) for name in ("document", "decision")]
    client = sign_in(Client(), chief)
    return Screen(client, complex_.id, item, *addresses, reverse("sign:decisions-text"))


def evidence():
    """The newest evidence in the log, and what it is for."""
    opened = json.loads(json.dumps(Opening.objects.latest("event_id").fields))
    return (b64decode(opened[name]["value"]) for name in ("auth", "stmt"))


def test_in_the_app_of_a_provider(screen, server, submitted):
    assert "카카오" in screen.get()
    page = screen.press(opinion="잘 보았습니다.")
    assert "금1,430,000원(금일백사십삼만원)" in shown(page)
    assert server.asked == {}
    page = screen.go_on(page, **PERSON)
    assert "카카오 앱에서 서명해 주세요" in shown(page)
    asked = RelayRequest.objects.get()
    in_app = server.asked[asked.receipt]
    assert (in_app.name, in_app.title) == ("이민호", "승인: 화단 정비, 금1,430,000원")
    assert in_app.text in html.unescape(page.content.decode().replace("<br>", "\n"))
    assert not any(typed in page.content.decode() for typed in PERSON.values())
    page = screen.go_on(page)
    assert "아직 서명하지 않으셨습니다" in shown(page)
    assert decided() == ""
    server.sign_in_app(asked.receipt, server.authority.identity("이민호"))
    answer = screen.go_on(page)
    assert answer.status_code == 303
    assert decided() == "approve"
    auth, statement = evidence()
    assert "카카오" in check_auth(Fields.parse(auth), statement)
    assert "카카오 인증서" in screen.get()
    events = Opening.objects.count()
    screen.go_on(page)
    assert Opening.objects.count() == events


@pytest.mark.parametrize("screen", ["link"], indirect=True)
def test_t06_a_link_alone_takes_nobodys_certificate(screen):
    """Many have the same name, and whoever holds a link may be anybody."""
    screen.client = Client()
    assert 'name="way"' not in screen.get()
    answer = screen.press()
    assert answer.status_code == 409
    assert "로그인하신 다음에" in shown(answer)
    assert not RelayRequest.objects.exists()


def sign_as(server, receipt, name="이민호", text=None):
    server.sign_in_app(receipt, server.authority.identity(name), text=text)


def answered_twice(server, receipt):
    sign_as(server, receipt)
    server.asked[receipt].is_fetched = True


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (lambda server, asked: server.decline(asked), "거절하셨습니다"),
        (lambda server, asked: setattr(server.asked[asked], "state", "expired"), "끝났습니다"),
        (lambda server, asked: sign_as(server, asked, "박정호"), "이름이 결재한 사람의 이름과"),
        (lambda server, asked: sign_as(server, asked, text="다른 글"), "다른 결재에 한 서명"),
        (answered_twice, "답을 받지 못했습니다"),
        (lambda server, _: setattr(server, "broken", b"<html>"), "답을 받지 못했습니다"),
    ],
    ids=["declined", "expired", "somebody else", "another text", "fetched before", "broken"],
)
def test_what_was_not_signed_changes_nothing(screen, server, happens, said):
    page = screen.ask()
    happens(server, RelayRequest.objects.get().receipt)
    answer = screen.go_on(page)
    assert said in shown(answer)
    assert "서명할 내용" in shown(answer)
    assert decided() == ""


def test_what_was_signed_for_another_decision_is_not_this_one(screen, server):
    page = screen.ask()
    sign_as(server, RelayRequest.objects.get().receipt)
    answer = screen.go_on(page, decision="return", opinion="다시")
    assert "다른 결재에 한 서명" in shown(answer)
    assert decided() == ""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"phone": "02-123-4567"}, "휴대전화 번호가 맞지"), ({"birthday": "700131"}, "생년월일이")],
)
def test_what_the_app_cannot_be_found_by_is_typed_again(screen, server, wrong, said):
    page = screen.go_on(screen.press(opinion="좋습니다."), **(PERSON | wrong))
    assert said in shown(page)
    assert PERSON["birthday" if "phone" in wrong else "phone"] in page.content.decode()
    assert server.asked == {}
    screen.go_on(page, **PERSON)
    assert len(server.asked) == 1


def test_a_file_signed_with_a_joint_certificate(screen, server):
    page = screen.press("joint-certificate", "return", opinion="견적을 다시 받아 주세요.")
    form = kept(page, "file-form")
    answer = screen.post(screen.text, **form)
    assert "attachment" in answer["Content-Disposition"]
    text = answer.content
    assert "의견: 견적을 다시 받아 주세요." in text.decode()
    own, other = (server.authority.identity(name) for name in ("이민호()00100", "박정호"))
    for file, said in (
        ({}, "파일을 고르지 않았습니다"),
        ({"file": SimpleUploadedFile("a.p7s", other.sign(text))}, "이름이 결재한 사람의 이름과"),
        ({"file": SimpleUploadedFile("a.p7s", own.sign(b"text"))}, "다른 결재에 한 서명"),
        ({"file": SimpleUploadedFile("a.p7s", text)}, "읽을 수 없습니다"),
        ({"file": SimpleUploadedFile("a.p7s", b"0" * 70_000)}, "너무 큽니다"),
    ):
        refused = screen.go_on(page, "file-form", **file)
        assert said in shown(refused)
        assert kept(refused, "file-form") == form  # the text stays as it was
    screen.go_on(page, "file-form", file=SimpleUploadedFile("a.p7s", own.sign(text)))
    assert decided() == "return"
    auth, statement = evidence()
    assert "공동인증서" in check_auth(Fields.parse(auth), statement)


def test_nothing_is_asked_for_what_cannot_be_decided(screen, server):
    page = shown(screen.press("naver", "return"))
    assert "반려하는 이유가 적혀 있지 않습니다" in page
    assert '<option value="naver" selected>' in page
    screen.item = screen.item.replace("/", "/0", 1)
    assert "보신 화면과 지금의 문서가 다릅니다" in shown(screen.press())
    assert server.asked == {}


def test_the_page_may_be_loaded_again_and_leads_on_once_it_was_decided(screen, server):
    page = screen.ask()
    here = page.wsgi_request.get_full_path()
    again = screen.client.get(here)
    assert kept(again, "app-form") == kept(page, "app-form")
    assert len(server.asked) == 1
    sign_as(server, RelayRequest.objects.get().receipt)
    screen.go_on(again)
    assert decided() == "approve"
    assert screen.client.get(here).url == screen.page
    tenancy._enter("app.complex", screen.complex_id)
    assert screen.client.get(here.replace("document=0", "document=1")).status_code == 302


def test_a_link_asks_the_app_only_so_often(screen, server, monkeypatch):
    monkeypatch.setattr(relay, "REQUESTS_AN_HOUR", 1)
    page = screen.press()
    screen.go_on(page, **PERSON)
    assert "너무 많이 요청했습니다" in shown(screen.go_on(page, **PERSON))
    assert len(server.asked) == 1


def test_a_request_of_somebody_else_is_not_collected(screen, server, manager):
    page = screen.ask()
    own = RelayRequest.objects.get()
    sign_as(server, own.receipt)
    made = RelayRequest.objects.create(
        complex_id=own.complex_id,
        officeholder=manager,
        provider=own.provider,
        statement=own.statement,
        receipt=own.receipt,
        requested_at=own.requested_at,
        closes_at=own.closes_at,
    )
    assert "읽을 수 없습니다" in shown(screen.go_on(page, request=str(made.id)))
    assert (decided(), RelayResponse.objects.count()) == ("", 0)


@pytest.mark.parametrize("screen", ["desk"], indirect=True)
def test_several_documents_are_not_signed_with_one_certificate(screen, server):
    both = [screen.item, screen.item.replace("/", "/1", 1)]
    here = reverse("sign:decisions")
    answer = screen.post(here, item=both, decision="approve", way="kakao")
    assert "한 번에 한 건씩" in shown(answer)
    assert decided() == ""


@pytest.mark.parametrize("way", ["kakao", "joint-certificate", "fax"])
def test_where_no_relay_is_set_nothing_is_offered(screen, settings, way):
    settings.RELAY_URL = settings.CERTIFICATE_ISSUERS = ""
    assert "다른 방법으로 서명" not in screen.get()
    assert "읽을 수 없습니다" in shown(screen.press(way))
    assert (decided(), CodeRequest.objects.count()) == ("", 0)
