"""As a new user would, on a phone: a draft becomes a public page whose proof a stranger checks."""

import email
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

import danji_verify
from danji.formbook.definition import builtin_forms
from installations import until

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
FORGET = ("--memory", "none")  # of the verifier: each installation has another log of this name


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
def page(request, browser, site):
    """A page at one of the two widths; what its script throws or fails to load fails the test."""
    page = browser.new_page(viewport=request.param, base_url=site, accept_downloads=True)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    yield page
    page.close()
    assert not faults


def enter(page: Page, office: str) -> None:
    page.context.clear_cookies()
    page.goto("/accounts/login/")
    page.get_by_role("button", name=re.compile(f"^{office} ")).click()
    page.wait_for_url(lambda url: "/accounts/login/" not in url)
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def follow(page: Page, link: Locator) -> None:
    """Press what leads to another page, and wait until that page is there.

    A press returns before the browser has gone on, and whoever looks then looks at a page that is
    being taken down.
    """
    here = page.url
    link.click()
    page.wait_for_url(lambda url: url != here)


def leave(page: Page) -> None:
    page.get_by_role("button", name="로그아웃").click()
    page.wait_for_url(lambda url: "/desk/" not in url)


def mailed_code(installation) -> str:
    """The newest log-in code that was mailed."""
    mails = sorted((installation.home / "mail").iterdir(), key=lambda mail: mail.stat().st_mtime_ns)
    message = email.message_from_bytes(mails[-1].read_bytes())
    return re.search(r"^\d{4}-\d{4}$", text_of(message), re.MULTILINE)[0]


def text_of(message) -> str:
    part = next(part for part in message.walk() if part.get_content_type() == "text/plain")
    return part.get_payload(decode=True).decode()


def check(page: Page) -> None:
    """Nothing on the page stands in the way of a reader, and nothing runs out of its width."""
    found = Axe().run(page).response["violations"]
    assert not found, [(fault["id"], fault["nodes"][0]["html"]) for fault in found]
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"], f"{page.url} is {width} wide"


def test_what_is_wrong_in_a_table_is_read_whole_on_a_phone(browser, site):
    page = browser.new_page(viewport=PHONE, base_url=site)
    enter(page, "경리")
    page.goto("/desk/forms/")
    page.get_by_role("button", name="지출결의서 쓰기").click()
    page.locator("[name=items-0-name]").fill("모래")
    page.locator("[name=items-0-quantity]").fill("2.5")
    page.locator("[name=items-0-unit_price]").fill("삼만")
    page.get_by_role("button", name="상신").click()
    expect(page.locator(".cell-error")).to_have_count(2)
    for error in page.locator(".cell-error").all():
        assert error.evaluate("told => told.scrollWidth <= told.clientWidth")
    page.get_by_text("이 문서 지우기").click()
    page.get_by_role("button", name="지우기", exact=True).click()
    expect(page.get_by_text("쓰던 문서를 지웠습니다.")).to_be_visible()
    page.close()


def test_from_draft_to_a_proof_that_a_stranger_checks(page, site, tmp_path):
    title = f"승강기 유지관리 업체 선정 {page.viewport_size['width']}"
    enter(page, "담당")
    check(page)
    follow(page, page.get_by_role("link", name="새 문서").first)
    check(page)
    follow(page, page.get_by_role("button", name="입찰공고 쓰기"))
    page.get_by_label("제목").fill(title)
    page.get_by_label("입찰 대상").fill("승강기 유지관리 용역")
    page.get_by_label("참가자격").fill("가. 승강기 유지관리업 등록 업체")
    page.get_by_label("접수처").fill("당 아파트 관리사무소")
    page.locator("[name=reception_until]").fill("2026-12-10T17:00")
    expect(page.locator("#saved")).to_contain_text("저장했습니다")
    check(page)
    page.get_by_role("button", name="상신").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)

    for office in ("과장", "관리사무소장"):
        enter(page, office)
        follow(page, page.get_by_role("link", name=re.compile(title)))
        check(page)
        page.get_by_role("button", name="승인").click()
        expect(page.get_by_text("승인했습니다")).to_be_visible()

    row = page.get_by_role("link", name=re.compile(title))

    def published():
        page.goto("/public/A10023456/")
        return row.count()

    until(published)
    check(page)
    follow(page, row.first)
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    bundle_link = page.get_by_role("link", name="증명 묶음")

    def confirmed():
        page.reload()
        return bundle_link.count()

    until(confirmed)
    check(page)
    pdf = fetched(page, page.get_by_role("link", name="PDF 받기"), tmp_path)
    proof = tmp_path / f"{pdf.name}.tlog-proof"
    proof.write_bytes(page.request.get(f"{page.url}document.pdf.tlog-proof").body())
    bundle = fetched(page, bundle_link, tmp_path)
    policy = tmp_path / "policy.txt"
    with urllib.request.urlopen(f"{site}/public/A10023456/log/1/policy.txt") as reply:
        policy.write_bytes(reply.read())

    for given in ((pdf, "--proof", proof), (bundle,)):
        answer = subprocess.run(
            [sys.executable, "-m", "danji_verify", *given, "--policy", policy, *FORGET],
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout
        assert "(확정)" in answer.stdout

    verifier = Path(danji_verify.__file__).with_name("verify.html").as_uri()
    for given in ([pdf, proof], [bundle]):
        page.goto(verifier)
        documents, trusted = page.locator("input[type=file]").all()
        documents.set_input_files(given)
        trusted.set_input_files(policy)
        page.get_by_role("button", name="확인하기").click()
        expect(page.locator("#verdict")).to_have_attribute("data-state", "ok")


def fetched(page: Page, link, folder: Path) -> Path:
    """The file behind a link."""
    reply = page.request.get(link.evaluate("element => element.href"))
    assert reply.ok
    path = folder / reply.url.rpartition("/")[2]
    path.write_bytes(reply.body())
    return path


def test_signing_in_by_mailed_code_and_then_by_passkey(page, installation):
    # One person for each width: whoever has a passkey is asked for it after the code.
    number, who = (4, "관리사무소장 박정호") if page.viewport_size == PHONE else (3, "과장 이민호")
    page.goto("/accounts/login/")
    page.get_by_label("메일 주소").fill(f"demo{number}@danji.localhost")
    follow(page, page.get_by_role("button", name="로그인 번호 받기"))
    check(page)
    page.locator("input[name=code]").fill(mailed_code(installation))
    page.locator("main form button").first.click()
    expect(page.get_by_text(who).first).to_be_visible()

    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    page.goto("/accounts/2fa/webauthn/add/")
    check(page)
    page.get_by_role("button", name="패스키 등록하기").click()
    page.wait_for_url(lambda url: "/add/" not in url)
    leave(page)
    page.goto("/accounts/login/")
    page.get_by_role("button", name="패스키로 로그인").click()
    expect(page.get_by_text(who).first).to_be_visible()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/accounts/login/",
        "/public/A10023456/",
        "/public/A10023456/list/",
        "/public/verify.html",
    ],
)
def test_pages_for_everybody(page, path):
    assert page.goto(path).ok
    check(page)


@pytest.mark.parametrize(
    ("office", "path"),
    [
        ("경리", "/desk/"),
        ("경리", "/desk/?box=finished&q=없는+말"),
        ("경리", "/desk/forms/"),
        ("경리", "/desk/recurring/"),
        ("관리사무소장", "/desk/several/"),
        ("관리사무소장", "/desk/settings/"),
        ("관리사무소장", "/desk/records/"),
        ("입주자", "/residents/"),
    ],
)
def test_pages_behind_the_door(page, office, path):
    enter(page, office)
    assert page.goto(path).ok
    check(page)


def test_every_editor(page):
    titles = [form.title for form in builtin_forms()]
    enter(page, "경리")
    for title in titles:
        page.goto("/desk/forms/")
        follow(page, page.get_by_role("button", name=f"{title} 쓰기"))
        for folded in page.locator("#line summary").all():
            folded.click()
        check(page)


def test_keys_lead_to_a_button_and_never_press_it(page):
    enter(page, "관리사무소장")
    page.goto("/desk/")  # waits until the script that knows the keys has run
    page.keyboard.press("j")
    expect(page.locator("a.row-link").first).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/documents/**")
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="승인")).to_be_focused()
    expect(page.get_by_text("결재를 기다리는 문서입니다")).to_be_visible()
    page.goto("/desk/")
    page.keyboard.press("/")
    page.keyboard.type("j?")
    expect(page.locator("#q")).to_have_value("j?")
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    check(page)


def test_a_record_and_its_pdf(page):
    enter(page, "관리사무소장")
    page.goto("/desk/records/")
    follow(page, page.get_by_role("link", name="제설 장비와 염화칼슘 구입"))
    check(page)
