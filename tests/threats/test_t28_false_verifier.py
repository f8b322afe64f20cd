"""T28: an operator hands out a verifier that accepts everything."""

from danji_verify.page import check_page, page, page_digest
from danji_verify.report import State, Verdict


def test_t28_a_changed_page_has_another_digest_and_is_refused():
    honest = page()
    lying = honest.replace(b"</script>", b"window.verdict = () => true;</script>", 1)
    assert lying != honest
    report = check_page(lying)
    assert report.verdict is Verdict.REFUSED
    told = report.of(State.FAILED)[0].sentence
    assert page_digest() in told  # what it should have been, to compare with what was printed


def test_t28_the_page_of_the_program_is_known():
    report = check_page(page())
    assert report.verdict is Verdict.ACCEPTED
    assert page_digest() in report.as_text()


def test_t28_the_page_asks_nobody():
    """One file: nothing is fetched from anywhere, so nobody can change it while it is used."""
    text = page().decode()
    for way_out in (
        "http://",
        "https://",
        "fetch(",
        "XMLHttpRequest",
        "import(",
        " src=",
        "@import",
    ):
        assert way_out not in text
