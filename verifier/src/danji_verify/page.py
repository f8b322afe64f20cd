"""The verifier for a browser (`verify.html`): which bytes are ours."""

from hashlib import sha256
from importlib import resources

from danji_verify.report import Report

NAME = "verify.html"


def page() -> bytes:
    """The page of this very version."""
    return (resources.files("danji_verify") / NAME).read_bytes()


def page_digest() -> str:
    """SHA-256 of the page in lower hex, as it is printed where people can compare it."""
    return sha256(page()).hexdigest()


def check_page(data: bytes) -> Report:
    """Check that a page is the one that came with this program."""
    report = Report(trusted=True)
    found = sha256(data).hexdigest()
    if data == page():
        report.proven = True
        report.confirmed = True
        report.ok(f"이 프로그램과 함께 나온 확인 화면입니다(SHA-256 {found}).")
        report.unchecked("이 프로그램 자체는 받은 곳에서 확인해 주세요.")
    else:
        report.failed(
            f"이 프로그램과 함께 나온 확인 화면이 아닙니다(SHA-256 {found}). 고쳐졌거나 다른 "
            f"판입니다. 이 판의 것은 {page_digest()}입니다."
        )
    return report
