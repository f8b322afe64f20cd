"""Proof bundles and time stamps made by hand, for the verifier's tests."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from io import BytesIO

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import made_document as made
from danji_verify.canonical import canonical
from danji_verify.commitment import Opening
from danji_verify.page import page

HEADS = made.Log(
    origin="danji.example/heads/1",
    key=made.Ed25519PrivateKey.from_private_bytes(bytes([5]) * 32),
)
STAMPED_AT = datetime(2026, 11, 22, 15, 0, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Authority:
    """A time-stamping authority below a root of its own."""

    root: x509.Certificate
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.root.public_bytes(serialization.Encoding.PEM)

    def stamp(self, data: bytes, at: datetime = STAMPED_AT) -> bytes:
        """A granted response over SHA-256 of `data`, in DER."""
        info = tsp.TSTInfo(
            {
                "version": 1,
                "policy": "1.2.3.4",
                "message_imprint": {
                    "hash_algorithm": {"algorithm": "sha256"},
                    "hashed_message": sha256(data).digest(),
                },
                "serial_number": 1,
                "gen_time": at,
            }
        ).dump()
        own = asn1_x509.Certificate.load(self.certificate.public_bytes(serialization.Encoding.DER))
        attributes = cms.CMSAttributes(
            [
                {"type": "content_type", "values": ["tst_info"]},
                {"type": "message_digest", "values": [sha256(info).digest()]},
                {
                    "type": "signing_certificate_v2",
                    "values": [{"certs": [{"cert_hash": sha256(own.dump()).digest()}]}],
                },
            ]
        )
        signature = self.key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256()))
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [{"algorithm": "sha256"}],
                "encap_content_info": {
                    "content_type": "tst_info",
                    "content": core.ParsableOctetString(info),
                },
                "certificates": [own],
                "signer_infos": [
                    {
                        "version": "v1",
                        "sid": {
                            "issuer_and_serial_number": {
                                "issuer": own.issuer,
                                "serial_number": own.serial_number,
                            }
                        },
                        "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
                        "signed_attrs": attributes,
                        "signature_algorithm": {"algorithm": "sha256_ecdsa"},
                        "signature": signature,
                    }
                ],
            }
        )
        token = cms.ContentInfo({"content_type": "signed_data", "content": signed})
        response: bytes = tsp.TimeStampResp(
            {"status": {"status": "granted"}, "time_stamp_token": token}
        ).dump()
        return response


@cache
def authority(name: str = "시각 기관") -> Authority:
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate(name, root_key, name).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    own = _certificate(f"{name} 1", key, name).add_extension(usage, critical=True)
    algorithm = hashes.SHA256()
    return Authority(root.sign(root_key, algorithm), own.sign(root_key, algorithm), key)


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(STAMPED_AT - timedelta(days=365))
        .not_valid_after(STAMPED_AT + timedelta(days=3650))
    )


def parts(document: made.Document) -> dict[str, bytes]:
    """What a bundle of a sealed document holds, without a stamp."""
    files = {
        "document.pdf": document.pdf,
        "document.pdf.tlog-proof": document.proof,
        "openings.json": canonical(document.openings),
        "verify.html": page(),
        "읽어주세요.txt": "이 묶음은 문서가 바뀌지 않았음을 보여 줍니다.\n".encode(),
    }
    for name in ("record.json", "form.json", "policy.txt"):
        files[name] = document.parts[name]
    for name, (log, index) in document.named.items():
        files[f"leaf-{name}.json"] = log.entries[index]
        files[f"leaf-{name}.tlog-proof"] = log.proof(index)
    for opened in document.openings.values():
        if "auth" in opened:
            value = Opening.parse(opened["auth"]).value
            assert value is not None
            files[f"auth-{_seq(document, opened)}.json"] = value
    return files


def stamped(
    document: made.Document,
    *,
    at: datetime = STAMPED_AT,
    by: Authority | None = None,
    cosigned_at: int = made.COSIGNED_AT + 3600,
) -> dict[str, bytes]:
    """The files of a bundle with a stamp over a head of the log of logs."""
    heads = made.Log(("city",), [b"another", _head(document)], HEADS.origin, HEADS.key)
    note = heads.note(cosigned_at=cosigned_at)
    return parts(document) | {
        "stamp.tsr": (by or authority()).stamp(note, at),
        "stamp.note": note,
        "stamp.tlog-proof": heads.proof(1, extra=_head(document)),
    }


def packed(
    files: dict[str, bytes], change: Callable[[zipfile.ZipFile], None] | None = None
) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        if change is not None:
            change(archive)
    return out.getvalue()


def _head(document: made.Document) -> bytes:
    log, _index = document.named[str(len(document.leaves))]
    return log.note()


def _seq(document: made.Document, opened: object) -> int:
    place = list(document.openings.values()).index(opened)
    leaf = list(document.openings)[place]
    return [made.b64encode(known) for known in document.leaves].index(leaf) + 1
