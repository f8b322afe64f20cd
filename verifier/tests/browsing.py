"""verify.html in a real browser, opened from a file, without a network."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import danji_verify
import made_bundle

PAGE = Path(danji_verify.__file__).with_name("verify.html")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NOW = made_bundle.STAMPED_AT

MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@contextmanager
def launched() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser) -> Iterator[Page]:
    """The page at phone width; an error in its script, or a request, is an error of the test."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.clock.set_fixed_time(NOW)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "request",
        lambda request: errors.append(request.url) if "file:" not in request.url else None,
    )
    page.goto(PAGE.as_uri())
    yield page
    page.close()
    assert errors == []


def flip(data: bytes, place: int) -> bytes:
    """The bytes with one bit changed."""
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
