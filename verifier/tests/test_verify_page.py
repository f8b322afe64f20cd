"""verify.html in a real browser, opened from a file, without a network."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

import danji_verify
import made_document as made

PAGE = Path(danji_verify.__file__).with_name("verify.html")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """The page at phone width; an error in its script fails the test."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
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


def check(page: Page, *, pdf=None, proof=None, policy=None) -> str:
    """Hand files in, press the button, and return the verdict."""
    handed = [
        {"name": name, "mimeType": "application/octet-stream", "buffer": data}
        for name, data in (("문서.pdf", pdf), ("문서.pdf.tlog-proof", proof))
        if data is not None
    ]
    page.set_input_files("#files", handed)
    page.fill("#policy", policy.format().decode() if policy else "")
    page.click("#check")
    page.wait_for_selector("#verdict[data-state]")
    return page.get_attribute("#verdict", "data-state")


def sentences(page: Page, state: str) -> str:
    return " ".join(page.locator(f"li[data-state={state}]").all_inner_texts())


def flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_a_true_document_is_told_so(page, sealed):
    assert check(page, pdf=sealed.pdf, proof=sealed.proof, policy=made.policy()) == "ok"
    assert "잠정" in page.inner_text("#verdict")
    assert "바로 그 파일입니다" in sentences(page, "ok")
    assert sentences(page, "failed") == ""


def test_a_cosigned_document_is_final(page, witnessed):
    policy = made.policy(witnesses=True)
    assert check(page, pdf=witnessed.pdf, proof=witnessed.proof, policy=policy) == "ok"
    assert "확정" in page.inner_text("#verdict")
    assert "city의 확인 서명이 맞습니다" in sentences(page, "ok")


def test_a_document_not_cosigned_stays_open_where_the_policy_asks_for_it(page, sealed):
    policy = made.policy(witnesses=True)
    assert check(page, pdf=sealed.pdf, proof=sealed.proof, policy=policy) == "unknown"


def test_a_proof_alone_is_checked(page, sealed):
    assert check(page, proof=sealed.proof, policy=made.policy()) == "ok"
    assert "5번째 사건(봉인)" in sentences(page, "ok")


def test_without_policy_or_proof_nothing_is_judged(page, sealed):
    assert check(page, pdf=sealed.pdf, proof=sealed.proof) == "unknown"
    assert check(page, pdf=sealed.pdf, policy=made.policy()) == "unknown"
    assert check(page, policy=made.policy()) == "unknown"


def test_a_changed_pdf_is_refused(page, sealed):
    for place in (20, len(sealed.pdf) // 2, len(sealed.pdf) - 10):
        damaged = flip(sealed.pdf, place)
        assert check(page, pdf=damaged, proof=sealed.proof, policy=made.policy()) == "failed"
    for pdf in (sealed.pdf + b"\n", sealed.pdf[:-1]):
        assert check(page, pdf=pdf, proof=sealed.proof, policy=made.policy()) == "failed"


def test_another_document_s_pdf_is_refused(page, sealed, witnessed):
    assert check(page, pdf=witnessed.pdf, proof=sealed.proof, policy=made.policy()) == "failed"
    assert "증명 파일이 가리키는 파일이 아닙니다" in sentences(page, "failed")


def test_a_changed_proof_is_refused(page, sealed):
    proof = sealed.proof
    for place in range(30, len(proof), 61):
        assert check(page, proof=flip(proof, place), policy=made.policy()) != "ok"
    for damaged in (
        proof.replace(b"index 5", b"index 4"),
        proof.replace(b"index 5", b"index 05"),
        proof.replace(b"\n\n", b"\n" + b"A" * 43 + b"=\n\n", 1),
        proof[:-10],
    ):
        assert check(page, proof=damaged, policy=made.policy()) == "failed"


def test_a_proof_of_another_kind_of_event_does_not_speak_for_a_pdf(page, sealed):
    index = 2
    leaf = made.merkle.leaf_hash(sealed.log.entries[index])
    openings = made.parse_openings(sealed)[made.b64encode(leaf)]
    extra = made.canonical(
        {"entry": made.b64encode(sealed.log.entries[index]), "openings": openings}
    )
    proof = sealed.log.proof(index, extra)
    assert check(page, proof=proof, policy=made.policy()) == "ok"
    assert check(page, pdf=sealed.pdf, proof=proof, policy=made.policy()) == "failed"


def test_another_log_is_refused(page, sealed):
    policy = made.policy().format().replace(b"/1+", b"/2+")
    page.set_input_files("#files", {"name": "p", "mimeType": "text/plain", "buffer": sealed.proof})
    page.fill("#policy", policy.decode())
    page.click("#check")
    page.wait_for_selector("#verdict[data-state]")
    assert page.get_attribute("#verdict", "data-state") == "failed"


def test_a_log_with_two_faces_is_remembered(page, sealed):
    assert check(page, proof=sealed.proof, policy=made.policy()) == "ok"
    other = made.make(made.Changes(content=lambda c: c.update(title="다른 문서")), sealed=True)
    assert check(page, proof=other.proof, policy=made.policy()) == "failed"
    assert "둘로 갈라져" in sentences(page, "failed")


def test_an_older_head_than_the_one_remembered_is_told(page, sealed):
    longer = made.Log(entries=[*sealed.log.entries, b"later"])
    extra = made.Proof.parse(sealed.proof).extra
    assert check(page, proof=longer.proof(5, extra), policy=made.policy()) == "ok"
    assert check(page, proof=sealed.proof, policy=made.policy()) == "ok"
    assert "전에 본 장부(사건 7건)보다 앞선" in sentences(page, "unchecked")


def test_files_that_are_neither_are_told_apart(page):
    page.set_input_files("#files", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"?"})
    page.click("#check")
    page.wait_for_selector("#verdict[data-state=unknown]")
    assert "PDF도 증명 파일도 아닙니다: a.txt" in sentences(page, "unchecked")


def test_it_is_usable_by_everyone(page, sealed):
    """No accessibility violation, and nothing wider than a phone, before and after a check."""
    assert Axe().run(page).violations_count == 0
    check(page, pdf=flip(sealed.pdf, 50), proof=sealed.proof, policy=made.policy())
    assert Axe().run(page).violations_count == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
