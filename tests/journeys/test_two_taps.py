"""On a phone: from the message to a signed decision in two taps, which a stranger can check."""

import email
import email.policy
import re
import subprocess
import sys
import urllib.request

import pytest
from playwright.sync_api import expect
from test_browser import PHONE, check, enter, text_of

from installations import until

pytestmark = pytest.mark.browser

FORGET = ("--memory", "none")  # of the verifier: each installation has another log of this name

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def phone(browser, site):
    """A phone with a passkey device in it; what its script throws fails the test."""
    page = browser.new_page(
        viewport=PHONE, base_url=site, is_mobile=True, has_touch=True, accept_downloads=True
    )
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    yield page
    page.close()
    assert not faults


def enrol(page):
    """The chief registers the phone, and the manager vouches for it."""
    enter(page, "과장")
    page.goto("/desk/signing/")
    check(page)
    if page.get_by_role("button", name="동의").count():
        page.get_by_role("button", name="동의").tap()
        expect(page.get_by_text("동의하셨습니다.").first).to_be_visible()
    page.get_by_role("button", name="등록하기").tap()
    expect(page.get_by_text("다른 임직원의 확인을 기다립니다").first).to_be_visible()
    check(page)
    enter(page, "관리사무소장")
    page.goto("/desk/signing/")
    check(page)
    page.get_by_label("본인에게 직접 확인했습니다").check()
    page.get_by_role("button", name="이 분이 맞습니다").tap()
    expect(page.get_by_text("확인하셨습니다")).to_be_visible()


def submit(page, title):
    """The clerk submits a document."""
    enter(page, "담당")
    page.goto("/desk/forms/")
    page.get_by_role("button", name="기안서 쓰기").tap()
    page.get_by_label("제목").fill(title)
    page.locator("[name=purpose]").fill("1. 배수펌프를 고칩니다.")
    page.locator("[name=plan]").fill("1. 이번 주에 합니다.")
    page.locator("[name=budget]").fill("1430000")
    page.get_by_role("button", name="상신").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    page.context.clear_cookies()


CHIEF, MANAGER = "demo3@danji.localhost", "demo4@danji.localhost"


def mailed(installation, person, subject):
    """The text of the newest mail to a person with that in its subject, once it was sent."""

    def found():
        files = sorted((installation.home / "mail").iterdir(), key=lambda f: f.stat().st_mtime_ns)
        for file in reversed(files):
            for mail in reversed(file.read_bytes().split(b"-" * 79 + b"\n")):
                message = email.message_from_bytes(mail, policy=email.policy.default)
                if message["To"] == person and subject in message["Subject"]:
                    return text_of(message)
        return None

    return until(found)


def link_in(letter):
    return re.search(r"http://\S+/sign/\S+/", letter)[0]


SMALL_TEXT = """() => [...document.querySelectorAll("body *")]
    .filter((element) => [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .filter((element) => element.checkVisibility() && !element.closest(".sr-only, #krds-skip-link"))
    .filter((element) => parseFloat(getComputedStyle(element).fontSize) < 18)
    .map((element) => element.outerHTML)"""
SMALL_TARGETS = """() => [...document.querySelectorAll("a, button, summary, select, textarea")]
    .concat([...document.querySelectorAll("input:not([type=hidden])")])
    .filter((element) => element.checkVisibility())
    .filter((element) => {
      const box = element.getBoundingClientRect();
      return box.height < 48 || box.width < 48;
    })
    .map((element) => element.outerHTML)"""


def calm(page):
    """Large enough to read and to touch, without a menu; nothing that axe finds."""
    check(page)
    assert page.evaluate(SMALL_TEXT) == []
    assert page.evaluate(SMALL_TARGETS) == []
    assert not page.locator("nav").count()


def test_from_the_message_to_a_signed_decision_in_two_taps(phone, site, installation, tmp_path):
    title = "배수펌프 수리"
    enrol(phone)
    submit(phone, title)
    letter = mailed(installation, CHIEF, f"검토 요청: {title}")

    phone.goto(link_in(letter))  # the first tap, in the message
    calm(phone)
    expect(phone.get_by_role("heading", level=1)).to_contain_text("담당 최은영 님이 올린 기안서")
    expect(phone.get_by_text("금1,430,000원(금일백사십삼만원)").first).to_be_visible()
    phone.get_by_role("button", name="승인").tap()  # the second
    expect(phone.get_by_role("heading", level=1)).to_have_text("승인했습니다.")
    calm(phone)

    enter(phone, "관리사무소장")
    phone.goto("/desk/")
    phone.get_by_role("link", name=re.compile(title)).first.tap()
    phone.get_by_role("button", name="승인").tap()
    expect(phone.get_by_text("승인했습니다")).to_be_visible()

    def confirmed():
        phone.reload()
        return phone.get_by_role("link", name="증명 묶음 받기").count()

    until(confirmed)
    pdf, proof = tmp_path / "record.pdf", tmp_path / "record.pdf.tlog-proof"
    for name, file in (("PDF 받기", pdf), ("증명 파일 받기", proof)):
        link = phone.get_by_role("link", name=name)
        file.write_bytes(phone.request.get(link.evaluate("link => link.href")).body())
    policy = tmp_path / "policy.txt"
    with urllib.request.urlopen(f"{site}/public/A10023456/log/1/policy.txt") as reply:
        policy.write_bytes(reply.read())
    answer = subprocess.run(
        [sys.executable, "-m", "danji_verify", pdf, "--proof", proof, "--policy", policy, *FORGET],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout
    assert "패스키" in answer.stdout


def test_without_a_device_the_mailed_code_signs(phone, installation):
    title = "화단 정비"
    submit(phone, title)
    enter(phone, "과장")
    phone.goto("/desk/")
    phone.get_by_role("link", name=re.compile(title)).first.tap()
    phone.get_by_role("button", name="승인").tap()
    expect(phone.get_by_text("승인했습니다")).to_be_visible()
    phone.context.clear_cookies()

    phone.goto(link_in(mailed(installation, MANAGER, f"결재 요청: {title}")))
    calm(phone)
    phone.get_by_role("link", name="로그인하고 동의하기").tap()
    phone.get_by_role("button", name=re.compile("^관리사무소장 ")).tap()
    agree = phone.get_by_role("button", name="동의하고 계속하기")
    expect(agree).to_be_visible()
    expect(phone.get_by_role("heading", name="처음 한 번, 동의해 주세요")).to_be_in_viewport()
    calm(phone)
    agree.tap()
    approve = phone.get_by_role("button", name="승인")
    expect(approve).to_be_visible()
    calm(phone)
    approve.tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("승인하려면 확인 번호를 넣어 주세요")
    calm(phone)
    code = re.search(r"확인 번호: (\d{6})", mailed(installation, MANAGER, "결재 확인 번호"))[1]
    field = phone.get_by_label("확인 번호")
    field.fill(f"{(int(code) + 1) % 10**6:06}")
    phone.get_by_role("button", name="서명하고 승인하기").tap()
    expect(phone.get_by_text("4번 더 넣어 볼 수 있습니다")).to_be_visible()
    calm(phone)
    field.fill(code)
    phone.get_by_role("button", name="서명하고 승인하기").tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("승인했습니다.")
    expect(phone.get_by_text("문서번호", exact=True)).to_be_visible()
    phone.go_back()  # nothing that was sent is sent again
    expect(phone.get_by_role("heading", level=1)).to_have_text("승인했습니다.")


def test_several_documents_are_signed_with_one_gesture(phone, installation):
    titles = ["옥상 방수 점검", "어린이놀이터 모래 소독"]
    enrol(phone)
    for title in titles:
        submit(phone, title)
    # Signed in as in a real complex: there a log-in alone decides nothing.
    phone.goto("/accounts/login/")
    phone.get_by_label("메일 주소").fill(CHIEF)
    phone.get_by_role("button", name="로그인 번호 받기").tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("로그인 번호 입력")
    letter = mailed(installation, CHIEF, "로그인 번호")
    code = re.search(r"^\d{4}-\d{4}$", letter, re.MULTILINE)[0]
    phone.locator("input[name=code]").fill(code)
    phone.locator("main form button").first.tap()
    expect(phone.get_by_text("과장 이민호").first).to_be_visible()
    phone.goto("/desk/several/")
    check(phone)
    for title in titles:
        phone.get_by_label(title).check()
    phone.get_by_role("button", name="표시한 문서 결재").tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("2건을 결재했습니다")
    check(phone)


def test_an_app_signs_in_the_persons_own_name(phone, installation):
    title = "정화조 청소"
    submit(phone, title)
    letter = mailed(installation, CHIEF, f"검토 요청: {title}")
    enter(phone, "과장")
    phone.goto("/desk/signing/")
    if phone.get_by_role("button", name="동의").count():
        phone.get_by_role("button", name="동의").tap()
        expect(phone.get_by_text("동의하셨습니다.").first).to_be_visible()

    phone.goto(link_in(letter))
    phone.get_by_text("다른 방법으로 서명").tap()
    phone.get_by_label("무엇으로 서명하시겠습니까?").select_option("카카오 (연습용)")
    calm(phone)
    phone.get_by_role("button", name="승인").tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("서명할 글을 읽어 주세요")
    calm(phone)
    phone.get_by_label("휴대전화 번호").fill("010-1234-5678")
    phone.get_by_label("생년월일").fill("19700131")
    phone.get_by_role("button", name="서명 요청 보내기").tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("카카오 앱에서 서명해 주세요")
    calm(phone)
    phone.get_by_role("button", name="서명했습니다").tap()
    expect(phone.get_by_text("아직 서명하지 않으셨습니다.")).to_be_visible()
    with phone.context.expect_page() as opened:
        phone.get_by_role("link", name="연습용 앱 열기").tap()
    expect(opened.value.get_by_text(f"제목: {title}")).to_be_visible()
    opened.value.get_by_role("button", name="서명").tap()
    expect(opened.value.get_by_text("결재 화면으로 돌아가")).to_be_visible()
    opened.value.close()
    phone.get_by_role("button", name="서명했습니다").tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("승인했습니다.")
    calm(phone)
