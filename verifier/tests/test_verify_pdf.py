"""The sealed PDF, honest, damaged and hostile."""

import re
import zlib
from hashlib import sha256
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

import made_document as made
from danji_verify import pdf as pdf_module
from danji_verify.check import check_pdf
from danji_verify.errors import Unreadable, Wrong
from danji_verify.pdf import open_sealed, seal_digests
from danji_verify.report import State, Verdict
from made_document import Changes


def verdict(document, **changed):
    handed = {"pdf": document.pdf, "proof": document.proof, "policy": made.policy()} | changed
    return check_pdf(**handed)


def failures(report):
    assert report.verdict is Verdict.REFUSED
    return " ".join(found.sentence for found in report.of(State.FAILED))


def append(pdf, key="/Later"):
    """What an incremental update after the seal looks like."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    writer.root[generic.pdf_name(key)] = generic.pdf_string("more")
    writer.update_root()
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_sealed_document_is_accepted(sealed):
    report = verdict(sealed)
    assert report.verdict is Verdict.ACCEPTED
    assert not report.confirmed
    assert "잠정" in report.conclusion


def test_a_cosigned_document_is_final(witnessed):
    report = verdict(witnessed, policy=made.policy(witnesses=True))
    assert report.verdict is Verdict.ACCEPTED
    assert "확정" in report.conclusion


def test_a_document_not_cosigned_is_not_accepted_where_the_policy_asks_for_it(sealed):
    report = verdict(sealed, policy=made.policy(witnesses=True))
    assert report.verdict is Verdict.UNKNOWN
    assert "잠정" in report.conclusion


def test_without_a_policy_from_outside_nothing_is_accepted(sealed):
    report = verdict(sealed, policy=None)
    assert report.verdict is Verdict.UNKNOWN
    assert not report.of(State.FAILED)
    assert "다른 곳에서" in report.conclusion


def test_without_the_proof_of_the_file_nothing_is_accepted(sealed):
    report = verdict(sealed, proof=None)
    assert report.verdict is Verdict.UNKNOWN
    assert not report.of(State.FAILED)


def test_the_files_inside_are_those_that_were_embedded(sealed):
    assert open_sealed(sealed.pdf).files == sealed.parts


def test_the_digests_are_over_the_byte_range_and_the_seal(sealed):
    match = re.search(rb"/ByteRange \[0 (\d+) (\d+) (\d+)", sealed.pdf)
    start, end, _rest = map(int, match.groups())
    cms = bytes.fromhex(sealed.pdf[start + 1 : end - 1].decode())
    length = 4 + int.from_bytes(cms[2:4], "big")
    digests = seal_digests(sealed.pdf)
    assert digests.signed == sha256(sealed.pdf[:start] + sealed.pdf[end:]).hexdigest()
    assert digests.signature == sha256(cms[:length]).hexdigest()
    assert not any(cms[length:])


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_byte_of_a_sealed_pdf_can_change(sealed, data):
    damaged = bytearray(sealed.pdf)
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    start = sealed.pdf.index(b"/Contents <") + len(b"/Contents <")
    seal = slice(start, sealed.pdf.index(b">", start))
    if bytes(damaged[seal]).lower() == sealed.pdf[seal].lower():
        damaged_elsewhere = damaged[: seal.start] + damaged[seal.stop :]
        if damaged_elsewhere == sealed.pdf[: seal.start] + sealed.pdf[seal.stop :]:
            return  # one hex digit of the seal in the other case: the same seal
    assert verdict(sealed, pdf=bytes(damaged)).verdict is Verdict.REFUSED


def test_anything_appended_after_the_seal_is_refused(sealed):
    assert "덧붙었거나" in failures(verdict(sealed, pdf=append(sealed.pdf)))
    assert failures(verdict(sealed, pdf=sealed.pdf + b"\n"))
    assert failures(verdict(sealed, pdf=sealed.pdf + b"%%EOF\n"))


def test_a_pdf_without_a_seal_is_refused(document):
    pdf = made.embed(made.page(), document.parts)
    assert "봉인이 없습니다" in failures(check_pdf(pdf, None, made.policy()))


def test_a_seal_that_allows_changes_is_refused(document):
    pdf = made.seal(made.embed(made.page(), document.parts), certify=False)
    assert "수정을 막고" in failures(check_pdf(pdf, None, made.policy()))


def test_two_seals_are_refused(document):
    once = made.seal(made.embed(made.page(), document.parts), certify=False)
    twice = made.seal(once, certify=False, field_name="Again")
    assert "둘 이상" in failures(check_pdf(twice, None, made.policy()))


def test_a_seal_of_another_certificate_is_refused():
    document = made.make(Changes(certificate=made.seal_key(2)[1]), sealed=True)
    assert "인증서" in failures(verdict(document))


def test_the_proof_of_another_file_is_refused(sealed):
    def alter(stated):
        stated["signed"] = "0" * 64

    other = made.make(Changes(pdf=alter), sealed=True)
    assert "장부에 적힌 파일이 아닙니다" in failures(verdict(other))
    event = sealed.log.proof(2)
    assert "사건의 내용이 들어 있지 않습니다" in failures(verdict(sealed, proof=event))


def test_a_proof_that_is_damaged_is_refused(sealed):
    for proof in (
        b"",
        b"nonsense",
        sealed.proof[:-30],
        sealed.proof.replace(b"index 5", b"index 4"),
    ):
        assert "증명 파일" in failures(verdict(sealed, proof=proof))


def test_a_resealed_copy_is_refused(sealed):
    """The operator's own key cannot seal the same record a second time unnoticed."""
    again = made.seal(made.embed(made.page(), sealed.parts | {"policy.txt": b"# 2\nquorum none\n"}))
    assert "장부에 적힌 파일이 아닙니다" in failures(verdict(sealed, pdf=again))


@pytest.mark.parametrize(
    "pdf",
    [
        b"",
        b"%PDF-1.7\n",
        b"%PDF-1.7\n" + bytes(2000),
        b"PK\x03\x04",
        b"%PDF-1.7\nstartxref\n9999999\n%%EOF\n",
        b"%PDF-1.7\nstartxref\n0\n%%EOF\n",
        b"%PDF-1.7\nxref\n0 1\ntrailer\n<</Root 1 0 R/Prev 9>>\nstartxref\n9\n%%EOF\n",
        b"%PDF-1.7\n" + b"[" * 100_000,
    ],
)
def test_what_is_no_pdf_cannot_be_judged(pdf):
    report = check_pdf(pdf, None, made.policy())
    assert report.verdict is Verdict.UNKNOWN
    assert not report.of(State.FAILED)


def test_a_file_that_is_not_the_logged_one_is_refused_even_when_unreadable(sealed):
    assert "장부에 적힌 PDF가 아닙니다" in failures(verdict(sealed, pdf=b"%PDF-1.7\n"))


def test_a_cut_off_pdf_is_refused(sealed):
    for length in (100, len(sealed.pdf) // 2, len(sealed.pdf) - 1):
        assert failures(verdict(sealed, pdf=sealed.pdf[:length]))


def test_a_pdf_that_is_too_large_is_not_opened(sealed, monkeypatch):
    monkeypatch.setattr(pdf_module, "MAX_PDF", 1000)
    with pytest.raises(Unreadable, match="너무 큽니다"):
        open_sealed(sealed.pdf)


def test_a_file_that_unpacks_without_end_is_refused(document):
    def bomb(writer):
        stream = generic.StreamObject(
            {generic.pdf_name("/Filter"): generic.pdf_name("/FlateDecode")},
            encoded_data=zlib.compress(bytes(200 * 2**20), 9),
        )
        names = writer.root["/Names"]["/EmbeddedFiles"]["/Names"]
        held = names[len(names) - 1]["/EF"]
        del held["/F"]["/Type"]
        held[generic.pdf_name("/F")] = held[generic.pdf_name("/UF")] = writer.add_object(stream)

    pdf = made.embed(made.page(), document.parts | {"붙임2-bomb.bin": b""})
    with pytest.raises(Unreadable, match="너무 커져서"):
        open_sealed(made.seal(made.altered(pdf, bomb)))


def test_more_files_than_any_document_has_are_refused(document, monkeypatch):
    monkeypatch.setattr(pdf_module, "MAX_FILES", 5)
    pdf = made.seal(made.embed(made.page(), document.parts))
    with pytest.raises(Unreadable, match="너무 많습니다"):
        open_sealed(pdf)


def test_a_name_tree_that_bites_its_tail_is_refused(document):
    def bite(writer):
        tree = writer.root["/Names"].raw_get("/EmbeddedFiles")
        tree.get_object()[generic.pdf_name("/Kids")] = generic.ArrayObject([tree])

    pdf = made.altered(made.embed(made.page(), document.parts), bite)
    with pytest.raises(Wrong):
        open_sealed(made.seal(pdf))


def test_an_encrypted_pdf_cannot_be_judged(sealed):
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.pdf_utils.writer import copy_into_new_writer

    writer = copy_into_new_writer(PdfFileReader(BytesIO(made.page())))
    writer.encrypt("owner", "user")
    out = BytesIO()
    writer.write(out)
    with pytest.raises(Unreadable):
        open_sealed(out.getvalue())


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=300))
def test_no_bytes_make_it_stumble(data):
    for junk in (data, b"%PDF-1.7\n" + data):
        assert check_pdf(junk, junk, made.policy()).verdict is not Verdict.ACCEPTED
