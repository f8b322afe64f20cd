"""A dishonest operator holds the seal: what is sealed truly may still show something else."""

import pytest

import made_document as made
import made_hostile
from danji_verify import structure
from danji_verify.check import check_pdf
from danji_verify.errors import Unreadable, Wrong
from danji_verify.pdf import open_sealed
from danji_verify.record import check_document
from danji_verify.report import Report, State, Verdict


@pytest.fixture(scope="module")
def plain(document):
    """The document as it is before the seal."""
    return made.embed(made.page(), document.parts)


@pytest.mark.parametrize("name", made_hostile.CHANGES)
def test_t26_a_true_seal_over_what_is_not_plain_is_refused(plain, name):
    report = check_pdf(made_hostile.sealed(plain, name), None, made.policy())
    [failed] = report.of(State.FAILED)
    assert report.verdict is Verdict.REFUSED
    assert made_hostile.CHANGES[name][1] in failed.sentence
    assert "단지가 봉인한 문서에는 없는 것" in failed.sentence


@pytest.mark.parametrize("name", made_hostile.LAYOUTS)
def test_t26_a_true_seal_over_a_hidden_part_is_refused(plain, name):
    seal, sentence = made_hostile.LAYOUTS[name]
    with pytest.raises(Wrong, match=sentence):
        open_sealed(seal(plain))


def test_t26_a_file_that_is_called_otherwise_than_it_was_approved_is_refused(document):
    for called, refused in (
        ("붙임1-견적서.pdf", False),
        ("붙임1-견적_.pdf", False),  # what was no letter when it was made
        ("붙임1-견적서.exe", True),
        ("붙임1-견적서\u202efdp.exe", True),
        ("붙임1-다른 것.pdf", True),
    ):
        parts = dict(document.parts)
        parts[called] = parts.pop("붙임1-견적서.pdf")
        report = Report(trusted=True)
        check_document(parts, made.policy(), report)
        assert report.has_failed() is refused
        assert ("붙임1의 파일 이름이 다릅니다" in report.as_text()) is refused


@pytest.mark.parametrize(("limit", "most"), [("MAX_OBJECTS", 20), ("MAX_PLAIN", 2000)])
def test_a_pdf_of_too_many_things_is_not_read_to_its_end(sealed, monkeypatch, limit, most):
    monkeypatch.setattr(structure, limit, most)
    with pytest.raises(Unreadable, match="너무 많아"):
        open_sealed(sealed.pdf)


def test_what_is_nested_without_end_cannot_be_judged(plain):
    deep = made_hostile.value([])
    for _ in range(70):
        deep = made_hostile.value([deep])
    with pytest.raises(Unreadable, match="읽을 수 없습니다"):
        open_sealed(made.seal(made.altered(plain, made_hostile.aside(deep))))
