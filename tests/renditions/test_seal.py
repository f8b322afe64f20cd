"""The seal: what it covers, what it says, and that one changed bit breaks it."""

import hashlib
import subprocess
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import read_certification_data
from pyhanko.sign.validation.generic_cms import validate_sig_integrity

from danji.renditions.pdf import Embedded, render
from danji.renditions.seal import SealKey, certify_seal, seal
from danji.rules.refusal import Refusal
from danji_verify.errors import Wrong
from danji_verify.pdf import open_sealed, seal_digests
from danji_verify.record import is_called

KINDS = sorted(path.stem for path in Path(__file__).with_name("inputs").glob("*.json"))


@pytest.fixture(scope="module")
def sealed(rendered, seal_key, sealed_at):
    return seal(rendered, seal_key, sealed_at)


@pytest.fixture
def pdfsig(tmp_path):
    """What poppler says of the seal; `HOME` is empty, so that no one's certificates play a part."""

    def run(pdf: bytes) -> str:
        (tmp_path / "sealed.pdf").write_bytes(pdf)
        return subprocess.run(
            ["pdfsig", str(tmp_path / "sealed.pdf")],
            env={"HOME": str(tmp_path), "PATH": "/usr/local/bin:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        ).stdout

    return run


def flipped(pdf: bytes, place: int) -> bytes:
    return pdf[:place] + bytes([pdf[place] ^ 1]) + pdf[place + 1 :]


def test_the_seal_is_appended_and_leaves_the_document_as_it_was(rendered, sealed):
    assert sealed.pdf.startswith(rendered)
    with pypdfium2.PdfDocument(sealed.pdf) as after, pypdfium2.PdfDocument(rendered) as before:
        for page, same in zip(after, before, strict=True):
            assert bytes(page.render().buffer) == bytes(same.render().buffer)


def test_the_seal_certifies_and_allows_no_change(sealed):
    reader = PdfFileReader(BytesIO(sealed.pdf))
    [signature] = reader.embedded_signatures
    assert signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    assert signature.docmdp_level == MDPPerm.NO_CHANGES
    certification = read_certification_data(reader)
    assert certification is not None
    assert certification.permission == MDPPerm.NO_CHANGES
    assert validate_sig_integrity(
        signature.signer_info, signature.signer_cert, "data", signature.compute_digest()
    ) == (True, True)


def test_the_seal_is_invisible_and_named_for_those_who_cannot_see(sealed):
    with pikepdf.open(BytesIO(sealed.pdf)) as pdf:
        [field] = pdf.Root.AcroForm.Fields
        assert [int(side) for side in field.Rect] == [0, 0, 0, 0]
        assert str(field.TU) == "단지의 봉인"
        assert "/AP" not in field


def test_the_seal_says_when(sealed):
    with pikepdf.open(BytesIO(sealed.pdf)) as pdf:
        assert str(pdf.Root.AcroForm.Fields[0].V.M).startswith("D:20261122000600")


def test_both_digests_are_what_a_verifier_computes_from_the_file(sealed):
    with pikepdf.open(BytesIO(sealed.pdf)) as pdf:
        zero, start, end, rest = map(int, pdf.Root.AcroForm.Fields[0].V.ByteRange)
    assert zero == 0
    assert end + rest == len(sealed.pdf)
    signed = hashlib.sha256(sealed.pdf[:start] + sealed.pdf[end:]).hexdigest()
    padded = bytes.fromhex(sealed.pdf[start + 1 : end - 1].decode())
    header = 2 + (padded[1] & 0x7F)
    length = header + int.from_bytes(padded[2:header], "big")
    assert sealed.signed_sha256 == signed
    assert sealed.signature_sha256 == hashlib.sha256(padded[:length]).hexdigest()
    assert not any(padded[length:])


def test_the_independent_verifier_agrees(sealed, complex_seal, files):
    digests = seal_digests(sealed.pdf)
    assert (digests.signed, digests.signature) == (sealed.signed_sha256, sealed.signature_sha256)
    opened = open_sealed(sealed.pdf)
    assert opened.certificate == complex_seal[1]
    assert opened.files == {file.name: file.data for file in files}


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_we_print_holds_nothing_that_the_verifier_refuses(
    document, kind, seal_key, sealed_at
):
    named = [
        "붙임1-..\\견적\u202efdp.exe",
        "붙임2-" + "가" * 300 + ".pdf",
        "붙임3-é Ω 漢.한글",
        "붙임4-x.",
    ]
    files = [Embedded(name, "text/plain", b"x", "", "supplement") for name in named]
    opened = open_sealed(seal(render(document(kind), attachments=files), seal_key, sealed_at).pdf)
    assert all(map(is_called, opened.files, named))
    assert len(opened.files) == len(named)


def test_sealing_again_gives_the_same_bytes(rendered, sealed, seal_key, sealed_at):
    assert seal(rendered, seal_key, sealed_at) == sealed
    later = seal(rendered, seal_key, sealed_at + timedelta(seconds=1))
    assert later.signed_sha256 != sealed.signed_sha256


@pytest.mark.poppler
def test_pdfsig_finds_the_seal_valid_and_whole(sealed, pdfsig):
    said = pdfsig(sealed.pdf)
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert "들꽃마을아파트 봉인" in said


@pytest.mark.poppler
@pytest.mark.parametrize("share", [0.1, 0.5, 0.85])
def test_pdfsig_refuses_after_one_flipped_bit(sealed, rendered, pdfsig, share):
    said = pdfsig(flipped(sealed.pdf, int(len(rendered) * share)))
    assert "Signature is Valid" not in said


@pytest.mark.poppler
def test_pdfsig_notices_what_is_appended(sealed, pdfsig):
    assert "Total document signed" not in pdfsig(sealed.pdf + b"\n% more\n%%EOF\n")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.85, 0.9999])
def test_the_verifier_refuses_after_one_flipped_bit(sealed, share):
    with pytest.raises(Wrong):
        open_sealed(flipped(sealed.pdf, int(len(sealed.pdf) * share)))


def test_a_sealed_document_is_not_sealed_twice(sealed, seal_key, sealed_at):
    with pytest.raises(Refusal, match="이미 봉인된"):
        seal(sealed.pdf, seal_key, sealed_at)


@pytest.mark.parametrize("damaged", [b"", b"not a PDF", b"%PDF-1.7\n%%EOF", None])
def test_what_is_no_pdf_is_not_sealed(rendered, seal_key, sealed_at, damaged):
    with pytest.raises(Refusal, match="손상"):
        seal(rendered[:-200] if damaged is None else damaged, seal_key, sealed_at)


def test_the_time_of_sealing_needs_its_zone(rendered, seal_key, sealed_at):
    with pytest.raises(ValueError, match="zone"):
        seal(rendered, seal_key, sealed_at.replace(tzinfo=None))


def test_a_new_seal_is_the_complexs_own_for_ten_years(complex_seal, sealed_at):
    key, der = complex_seal
    certificate = x509.load_der_x509_certificate(der)
    assert key.key_size == 3072
    assert certificate.subject == certificate.issuer
    assert "들꽃마을아파트 봉인" in certificate.subject.rfc4514_string()
    assert "A10000001" in certificate.subject.rfc4514_string()
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment
    assert not usage.key_cert_sign
    years = certificate.not_valid_after_utc - sealed_at
    assert timedelta(days=3651) < years < timedelta(days=3654)


def test_a_long_name_still_makes_a_seal(complex_seal, sealed_at):
    der = certify_seal(complex_seal[0], "가나다라마바사아" * 20, "A10000001", at=sealed_at)
    assert x509.load_der_x509_certificate(der).subject


def test_a_key_and_a_certificate_must_belong_together(complex_seal, sealed_at):
    own, _der = complex_seal
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    with pytest.raises(Refusal, match="맞지 않습니다"):
        SealKey.load(own, certify_seal(key, "이웃아파트", "A10000002", at=sealed_at))


@pytest.mark.parametrize("size", [0, 500])
def test_a_damaged_certificate_is_refused_with_what_to_do(complex_seal, size):
    key, der = complex_seal
    with pytest.raises(Refusal, match=r"읽을 수 없습니다.*되돌려"):
        SealKey.load(key, der[:size])


def test_a_key_does_not_show_itself(seal_key):
    assert "RSAPrivateKey" not in repr(seal_key)
