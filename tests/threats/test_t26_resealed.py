"""T26: the PDF is edited after it was sealed, appended to, stripped, or sealed again."""

from io import BytesIO

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

import made_bundle
import made_document as made
from danji_verify.bundle import Trust, check_bundle
from danji_verify.check import check_pdf
from danji_verify.report import State, Verdict

POLICY = made.policy(witnesses=True)


@pytest.fixture(scope="module")
def document():
    return made.make(sealed=True, cosigners=("complex", "city"))


def edited(document):
    """One byte of what the page shows."""
    data = bytearray(document.pdf)
    data[document.pdf.index(b"stream") + 40] ^= 1
    return bytes(data)


def appended(document):
    writer = IncrementalPdfFileWriter(BytesIO(document.pdf))
    writer.root["/Later"] = generic.pdf_string("9,000,000")
    writer.update_root()
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def stripped(document):
    return made.embed(made.page(), document.parts)


def sealed_by_another(document):
    return made.seal(made.embed(made.page(), document.parts), number=2)


def sealed_again_by_the_same(document):
    """The operator holds the complex's seal: the file is sound, and not the one in the log."""
    return made.seal(made.embed(made.page(), document.parts | {"붙임1-견적서.pdf": made.QUOTATION}))


def without_its_seal(document):
    """Zeros where the seal was."""
    start = document.pdf.index(b"/Contents <") + len(b"/Contents <")
    end = document.pdf.index(b">", start)
    return document.pdf[:start] + b"0" * (end - start) + document.pdf[end:]


@pytest.mark.parametrize(
    ("forge", "word"),
    [
        (edited, "바뀌었습니다"),
        (appended, "덧붙었거나"),
        (stripped, "봉인이 없습니다"),
        (sealed_by_another, "인증서가 장부를 열 때 적은 것이 아닙니다"),
        (sealed_again_by_the_same, "장부에 적힌 파일이 아닙니다"),
        (without_its_seal, "장부에 적힌 PDF가 아닙니다"),
    ],
)
def test_t26_a_pdf_that_is_not_the_one_in_the_log_is_refused(document, forge, word):
    forged = forge(document)
    report = check_pdf(forged, document.proof, POLICY)
    assert report.verdict is Verdict.REFUSED
    assert word in " ".join(found.sentence for found in report.of(State.FAILED))
    files = made_bundle.stamped(document) | {"document.pdf": forged}
    assert check_bundle(made_bundle.packed(files), Trust(POLICY)).verdict is Verdict.REFUSED
