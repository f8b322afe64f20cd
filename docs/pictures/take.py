"""Take the pictures of README and manuals from a running demonstration that nobody has used yet.

bin/up                                  (in one window)
.venv/bin/python docs/pictures/take.py  (in another; needs requirements/dev.txt and Chromium)

Where the demonstration does not run at its usual place: take.py ADDRESS FOLDER (of DANJI_HOME).
"""

import argparse
import email
import email.policy
import re
import shutil
import sys
import time
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

HERE = Path(__file__).parent
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
TITLE = "경로당 난방기 교체"  # a document that the chair is to see
DEVICE = {  # what a phone has behind its fingerprint
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def enter(page: Page, office: str) -> None:
    page.context.clear_cookies()
    page.goto("/accounts/login/")
    page.get_by_role("button", name=re.compile(f"^{office} ")).click()
    page.wait_for_url("**/desk/")


def keep(page: Page, name: str, *, whole: bool = False) -> None:
    page.evaluate("document.fonts.ready")
    page.screenshot(path=HERE / f"{name}.png", full_page=whole)


def take(browser: Browser, address: str, home: Path) -> None:
    desk = browser.new_context(viewport=DESK, base_url=address, reduced_motion="reduce")
    phone = browser.new_context(viewport=PHONE, base_url=address, reduced_motion="reduce")
    _write(desk)
    _look(desk, "desk")
    _look(phone, "phone")
    _arrange(desk)
    _approve(desk)
    _sign(phone, home)


def _write(context: BrowserContext) -> None:
    """The editor and its approval line; the document is submitted."""
    page = context.new_page()
    enter(page, "경리")
    page.goto("/desk/forms/")
    page.get_by_role("button", name="지출결의서 쓰기").click()
    keep(page, "editor-desk")
    page.get_by_text("이 문서 지우기").click()
    page.get_by_role("button", name="지우기", exact=True).click()

    enter(page, "담당")
    page.goto("/desk/forms/")
    page.get_by_role("button", name="기안서 쓰기").click()
    page.get_by_label("제목").fill(TITLE)
    page.locator("[name=purpose]").fill("1. 고장 난 경로당 난방기를 겨울이 오기 전에 바꿉니다.")
    page.locator("[name=plan]").fill("1. 11월 마지막 주에 설치합니다.")
    page.locator("[name=budget]").fill("1430000")
    page.get_by_text("결재할 분 더 넣기").click()
    page.get_by_label("하실 일").select_option(label="확인")
    page.get_by_label("넣을 분").select_option(label="입주자대표회의 회장 정순자")
    page.get_by_role("button", name="결재선에 넣기").click()
    chair = page.locator("#line .seat").filter(has_text="회장")
    expect(chair).to_be_visible()
    page.evaluate("document.getElementById('line').scrollIntoView()")
    keep(page, "line-desk")
    page.get_by_role("button", name="상신").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    page.close()


def _look(context: BrowserContext, suffix: str) -> None:
    """What waits, one document, several at once, what is public, and the log."""
    page = context.new_page()
    enter(page, "관리사무소장")
    page.locator("a.row-link").first.click()
    keep(page, f"decision-{suffix}", whole=suffix == "phone")
    enter(page, "과장")
    keep(page, f"inbox-{suffix}")
    page.get_by_role("link", name="여러 건 함께 결재").click()
    for document in page.get_by_role("checkbox").all():
        document.check()
    page.evaluate("scrollTo(0, 0)")
    keep(page, f"several-{suffix}")

    page.goto("/public/A10023456/")
    keep(page, f"public-{suffix}")
    page.get_by_role("link", name=re.compile("관리비 부과내역")).first.click()
    keep(page, f"document-{suffix}")
    page.get_by_role("link", name="봉인 장부 보기").click()
    keep(page, f"log-{suffix}", whole=suffix == "phone")
    page.close()


def _arrange(context: BrowserContext) -> None:
    """The pages on which a complex is set up."""
    page = context.new_page()
    enter(page, "관리사무소장")
    page.goto("/desk/routing/")
    keep(page, "rules-desk")
    page.goto("/desk/people/")
    keep(page, "people-desk")
    page.goto("/desk/seal/")
    keep(page, "seal-desk")
    page.close()


def _approve(context: BrowserContext) -> None:
    """The document goes on to the chair."""
    page = context.new_page()
    for office in ("과장", "관리사무소장"):
        enter(page, office)
        page.get_by_role("link", name=re.compile(TITLE)).first.click()
        page.get_by_role("button", name="승인").click()
        expect(page.get_by_text("승인했습니다")).to_be_visible()
    page.close()


def _sign(context: BrowserContext, home: Path) -> None:
    """The chair registers a phone, and opens the message."""
    page = context.new_page()
    devices = context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    enter(page, "입주자대표회의 회장")
    page.goto("/desk/signing/")
    page.get_by_role("button", name="동의").click()
    page.get_by_role("button", name="등록하기").click()
    expect(page.get_by_text("다른 임직원의 확인을 기다립니다")).to_be_visible()
    page.goto("/desk/signing/")
    keep(page, "signing-phone")
    enter(page, "관리사무소장")
    page.goto("/desk/signing/")
    page.get_by_label("본인에게 직접 확인했습니다").check()
    keep(page, "vouching-phone")
    page.get_by_role("button", name="이 분이 맞습니다").click()
    expect(page.get_by_text("확인하셨습니다")).to_be_visible()

    context.clear_cookies()
    page.goto(_link_for("demo5@danji.localhost", f"확인 요청: {TITLE}", home))
    keep(page, "sign-phone")
    page.get_by_role("button", name="확인", exact=True).click()
    expect(page.get_by_text("확인했습니다.")).to_be_visible()
    keep(page, "signed-phone")
    page.close()


def _link_for(person: str, subject: str, home: Path) -> str:
    """The address in the newest mail of that subject to a person, once the mail was sent."""
    for _ in range(60):
        for file in sorted((home / "mail").glob("*.log"), reverse=True):
            for mail in reversed(file.read_bytes().split(b"-" * 79 + b"\n")):
                message = email.message_from_bytes(mail, policy=email.policy.default)
                if message["To"] == person and (message["Subject"] or "").strip() == subject:
                    text = message.get_body(("plain",)).get_content()
                    return re.search(r"http\S+/sign/\S+/", text)[0]
        time.sleep(1)
    sys.exit(f"메일이 오지 않았습니다: {subject}")


if __name__ == "__main__":
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("Chromium이 없습니다. 설치한 뒤 다시 실행해 주세요.")
    words = argparse.ArgumentParser(description="Take the pictures of README and manuals.")
    words.add_argument("address", nargs="?", default="http://localhost:8000")
    words.add_argument("folder", nargs="?", type=Path, default=HERE.parents[1] / "var")
    asked = words.parse_args()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        take(started, asked.address, asked.folder)
        started.close()
