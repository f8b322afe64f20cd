"""Take the pictures of README and manuals from a running demonstration.

bin/up                                  (in one window)
.venv/bin/python docs/pictures/take.py  (in another; needs requirements/dev.txt and Chromium)
"""

import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}


def enter(page: Page, office: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_role("button", name=re.compile(f"^{office} ")).click()
    page.wait_for_url("**/desk/")


def keep(page: Page, name: str, *, whole: bool = False) -> None:
    page.evaluate("document.fonts.ready")
    page.screenshot(path=HERE / f"{name}.png", full_page=whole)


def take(browser: Browser, address: str) -> None:
    for suffix, size in (("phone", PHONE), ("desk", DESK)):
        page = browser.new_page(viewport=size, base_url=address)
        enter(page, "관리사무소장")
        keep(page, f"inbox-{suffix}")
        page.locator("a.row-link").first.click()
        keep(page, f"decision-{suffix}", whole=suffix == "phone")
        page.close()

        page = browser.new_page(viewport=size, base_url=address)
        page.goto("/public/A10023456/")
        keep(page, f"public-{suffix}")
        page.get_by_role("link", name=re.compile("관리비 부과내역")).first.click()
        keep(page, f"document-{suffix}")
        page.close()

    page = browser.new_page(viewport=DESK, base_url=address)
    enter(page, "경리")
    page.goto("/desk/forms/")
    page.get_by_role("button", name="지출결의서 쓰기").click()
    keep(page, "editor-desk")
    page.get_by_role("button", name="이 문서 지우기").click()
    page.close()


if __name__ == "__main__":
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("Chromium이 없습니다. 설치한 뒤 다시 실행해 주세요.")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        take(started, sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
        started.close()
