"""The seal (봉인) of a complex on a PDF: PAdES B-B, certifying, after which nothing may change.

The key is the complex's own, its certificate signed by itself: what makes it trusted is that it
stands in the complex's log, not a certificate authority. Sealing the same bytes at the same moment
gives the same bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers.cms_embedder import (
    PdfCMSEmbedder,
    SigIOSetup,
    SigMDPSetup,
    SigObjSetup,
)
from pyhanko.sign.signers.pdf_byterange import SignatureObject
from pyhanko.sign.signers.pdf_cms import Signer

from danji.rules.refusal import Refusal

_FIELD: Final = "danji-seal"
_MECHANISM: Final = "sha256"
_RESERVED: Final = 8192  # hexadecimal digits kept free for the signature; it needs about 4,400
_YEARS: Final = 10


@dataclass(frozen=True)
class Sealed:
    """A sealed PDF and what the log says of it.

    `signed_sha256` is of the byte ranges that were signed, `signature_sha256` of the DER of the
    signature (CMS) without the zeros that fill its place; both lower-case hexadecimal.
    """

    pdf: bytes
    signed_sha256: str
    signature_sha256: str


@dataclass(frozen=True)
class SealKey:
    """The complex's RSA key and certificate, ready for use. Loading takes 90 ms; keep it."""

    key: rsa.RSAPrivateKey = field(repr=False)
    certificate: asn1_x509.Certificate

    @classmethod
    def load(cls, key: rsa.RSAPrivateKey, cert: bytes) -> Self:
        """Take the key, wherever it is kept, and its certificate (DER).

        Raises: Refusal when the certificate cannot be read, or is of another key.
        """
        try:
            public = x509.load_der_x509_certificate(cert).public_key()
        except (ValueError, UnsupportedAlgorithm) as error:
            raise _unusable("단지의 봉인 인증서를 읽을 수 없습니다.") from error
        if key.public_key() != public:
            raise _unusable("단지의 봉인 열쇠와 인증서가 서로 맞지 않습니다.")
        return cls(key, asn1_x509.Certificate.load(cert))


def certify_seal(key: rsa.RSAPrivateKey, complex_name: str, code: str, *, at: datetime) -> bytes:
    """The certificate of a complex's seal, by its own key, valid ten years from `at`.

    RSA, because a NIST curve would turn the PDF into version 2.0, which PDF/A-3 is not.
    Args: `code` is the complex's K-apt code.
    Returns: DER. Raises: Refusal when the key is in a token that is away.
    """
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "KR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _within(complex_name, 64)),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, code),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{_within(complex_name, 57)} 봉인"),
        ]
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=_YEARS * 365 + _YEARS // 4))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=True,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=False,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )


def seal(pdf: bytes, key: SealKey, at: datetime) -> Sealed:
    """Seal a PDF so that no later change is allowed (certifying, no changes).

    The field is invisible; the file stays PDF 1.7 and keeps its PDF/A and PDF/UA marks.
    Args: `at` is the claimed time of sealing, aware.
    Raises: Refusal when the bytes are no PDF or are sealed already.
    """
    if at.tzinfo is None:
        raise ValueError("the time of sealing needs its zone")
    try:
        writer = _Writer(io.BytesIO(pdf))
        if "/AcroForm" in writer.root:
            raise Refusal("이미 봉인된 PDF입니다.", next_step="봉인된 파일을 그대로 사용해 주세요.")
        output, digest, cms = _sign(writer, key, at.astimezone(UTC))
    except PdfError as error:
        raise Refusal(
            "PDF가 손상되어 봉인할 수 없습니다.", next_step="PDF를 다시 만든 뒤 봉인해 주세요."
        ) from error
    return Sealed(output, digest.hex(), hashlib.sha256(cms).hexdigest())


class _Writer(IncrementalPdfFileWriter):
    """Writes only the seal. XMP stays as it was made, so that nothing depends on today's clock."""

    def _update_meta(self) -> None:
        """Leave the metadata alone: its dates are the record's."""

    @classmethod
    def _handle_id(cls, prev: Any) -> generic.ArrayObject:
        """Keep the first identifier and derive the second from the file before sealing."""
        first = generic.ByteStringObject(prev.trailer["/ID"][0].original_bytes)
        prev.stream.seek(0)
        digest = hashlib.sha256(b"danji.seal\0" + prev.stream.read()).digest()[:16]
        return generic.ArrayObject([first, generic.ByteStringObject(digest)])


class _Signer(Signer):
    """Signs with the key object at hand; the stock signer parses and checks the key each time."""

    def __init__(self, key: SealKey) -> None:
        super().__init__(signing_cert=key.certificate)
        self._key = key.key

    async def async_sign_raw(
        self, data: bytes, digest_algorithm: str, dry_run: bool = False
    ) -> bytes:
        if digest_algorithm != _MECHANISM:
            raise ValueError(f"seals are made with SHA-256, not {digest_algorithm}")
        if dry_run:
            return bytes(self._key.key_size // 8)
        return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def _sign(writer: _Writer, key: SealKey, at: datetime) -> tuple[bytes, bytes, bytes]:
    """Returns: the sealed file, SHA-256 of its signed ranges, the DER of the signature."""
    steps = PdfCMSEmbedder(
        new_field_spec=SigFieldSpec(_FIELD, on_page=0, readable_field_name="단지의 봉인")
    ).write_cms(_FIELD, writer)
    next(steps)

    untyped: Any = writer
    page = untyped.find_page_for_modification(0)[0]
    # PDF/UA: a page with annotations is walked through in the order of its structure.
    page.get_object()[generic.NameObject("/Tabs")] = generic.NameObject("/S")
    writer.mark_update(page)

    steps.send(
        SigObjSetup(
            sig_placeholder=SignatureObject(
                timestamp=at,
                subfilter=SigSeedSubFilter.PADES,
                bytes_reserved=_RESERVED,
            ),
            mdp_setup=SigMDPSetup(
                md_algorithm=_MECHANISM, certify=True, docmdp_perms=MDPPerm.NO_CHANGES
            ),
        )
    )
    prepared, output = steps.send(SigIOSetup(md_algorithm=_MECHANISM, in_place=True))
    digest: bytes = prepared.document_digest
    signature = _Signer(key).async_sign(digest, _MECHANISM, use_pades=True)
    cms: bytes = asyncio.run(signature).dump()
    steps.send(cms)
    return output.getvalue(), digest, cms


def _within(name: str, room: int) -> str:
    """A name cut to `room` bytes of UTF-8; X.520 gives a name 64."""
    return name.encode()[:room].decode(errors="ignore").rstrip()


def _unusable(fact: str) -> Refusal:
    return Refusal(fact, next_step="보관해 둔 열쇠 파일을 되돌려 놓은 뒤 다시 시작해 주세요.")
