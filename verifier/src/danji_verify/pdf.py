"""The sealed PDF: its seal (PAdES), what the seal covers, and the files inside.

Everything here may be handed a hostile file, and answers with a `Wrong`, never with a crash.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.decode_limits import (
    DecodeLimits,
    DocumentDecodeBudget,
    StreamDecodeLimits,
)
from pyhanko.pdf_utils.misc import PdfDecodeLimitError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import EmbeddedPdfSignature, read_certification_data
from pyhanko.sign.validation.generic_cms import validate_sig_integrity
from pyhanko.sign.validation.status import SignatureCoverageLevel

from danji_verify.errors import Unreadable, Wrong
from danji_verify.structure import Listed, demand_plain

MAX_PDF = 256 * 1024 * 1024  # bytes
MAX_FILE = 128 * 1024 * 1024  # bytes of one embedded file
MAX_FILES = 300

_LIMITS = DecodeLimits(
    per_stream=StreamDecodeLimits(max_output_size=MAX_FILE),
    document_budget=DocumentDecodeBudget(base_allowance=2 * MAX_FILE, max_ratio=4),
)
_BYTE_RANGE = re.compile(
    rb"/ByteRange\s*\[\s*(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s*\]"
)
_HEX = re.compile(rb"<(?:[0-9A-Fa-f]{2})+>")
_DIGESTS = frozenset({"sha256", "sha384", "sha512"})
_NO_SEAL_THERE = "봉인이 있어야 할 자리에 다른 것이 있습니다."
_SAME_NAME = "PDF 안에 이름이 같은 파일이 둘 있습니다."
_DAMAGED = "PDF를 읽을 수 없습니다. 파일이 손상되었거나 고쳐졌습니다."


@dataclass(frozen=True)
class SealDigests:
    """SHA-256, in lower hex, of what the log commits to.

    `signed` is over the bytes the seal covers (all but the seal's own place), `signature` over
    the seal itself: the CMS object without the zeros that fill its place.
    """

    signed: str
    signature: str


@dataclass(frozen=True)
class SealedPdf:
    """A PDF whose one seal holds and covers the whole file."""

    digests: SealDigests
    certificate: bytes  # DER, of the seal
    files: dict[str, bytes]  # embedded, by name


def seal_digests(pdf: bytes) -> SealDigests:
    """The digests of a sealed PDF, without asking whether the seal holds.

    Raises: Wrong when there is not exactly one seal that covers the whole file.
    """
    found = {_digests(pdf, *place) for place in _places(pdf)}
    if len(found) != 1:
        raise Wrong("이 PDF에는 파일 전체를 덮는 봉인이 없습니다.")
    return found.pop()


def open_sealed(pdf: bytes) -> SealedPdf:
    """Check the seal, and take out the embedded files.

    Raises: Wrong; Unreadable when it is no PDF, damaged, or too large once unpacked.
    """
    if len(pdf) > MAX_PDF:
        raise Unreadable(f"PDF가 너무 큽니다. {MAX_PDF // 2**20} MB까지 확인할 수 있습니다.")
    if not pdf.startswith(b"%PDF-"):
        raise Unreadable("PDF 파일이 아닙니다.")
    try:
        reader = PdfFileReader(BytesIO(pdf), decode_limits=_LIMITS)
        certificate = _check_seal(reader, pdf)
        listed = _listed_files(reader.root)
        demand_plain(pdf, reader, listed)
        return SealedPdf(seal_digests(pdf), certificate, dict(_embedded_files(listed.values())))
    except Wrong:
        raise
    except PdfDecodeLimitError as problem:
        raise Unreadable("PDF 안의 파일이 풀면 너무 커져서 확인을 멈췄습니다.") from problem
    except Exception as problem:
        # The reader of a hostile file may stumble over anything; the reader of this may not.
        raise Unreadable(_DAMAGED) from problem


def _check_seal(reader: PdfFileReader, pdf: bytes) -> bytes:
    """Returns: the certificate of the seal, DER."""
    if reader.encrypted:
        raise Unreadable("암호가 걸린 PDF는 확인할 수 없습니다.")
    seals = reader.embedded_signatures
    if not seals:
        raise Wrong("이 PDF에는 봉인이 없습니다.")
    if len(seals) > 1:
        raise Wrong("이 PDF에는 서명이 둘 이상 있습니다. 봉인은 하나여야 합니다.")
    seal = seals[0]
    seal.compute_integrity_info(skip_diff=True)
    whole = seal.coverage == SignatureCoverageLevel.ENTIRE_FILE
    if not whole or tuple(map(int, seal.byte_range)) not in _ranges(pdf):
        raise Wrong("봉인한 뒤에 덧붙었거나 봉인이 덮지 않는 내용이 있습니다.")
    if seal.md_algorithm not in _DIGESTS:
        raise Wrong("봉인이 약한 방식으로 되어 있습니다.")
    intact, valid = validate_sig_integrity(
        seal.signer_info, seal.signer_cert, "data", seal.compute_digest()
    )
    if not intact or not valid:
        raise Wrong("봉인이 맞지 않습니다. 봉인한 뒤에 내용이 바뀌었습니다.")
    if not _forbids_changes(reader, seal):
        raise Wrong("봉인이 뒤의 수정을 막고 있지 않습니다.")
    certificate: bytes = seal.signer_cert.dump()
    return certificate


def _forbids_changes(reader: PdfFileReader, seal: EmbeddedPdfSignature) -> bool:
    certification = read_certification_data(reader)
    return (
        seal.sig_object.get("/SubFilter") == "/ETSI.CAdES.detached"
        and seal.docmdp_level == MDPPerm.NO_CHANGES
        and certification is not None
        and certification.permission == MDPPerm.NO_CHANGES
        and certification.author_sig.container_ref == seal.sig_object.container_ref
    )


def _ranges(pdf: bytes) -> set[tuple[int, ...]]:
    return {(0, start, end, len(pdf) - end) for start, end in _places(pdf)}


def _places(pdf: bytes) -> Iterator[tuple[int, int]]:
    """Where a seal may stand: [start, end) of a hex string, all around it being signed."""
    for match in _BYTE_RANGE.finditer(pdf):
        zero, start, end, rest = map(int, match.groups())
        if zero == 0 and start < end and end + rest == len(pdf) and _HEX.fullmatch(pdf, start, end):
            yield start, end


def _digests(pdf: bytes, start: int, end: int) -> SealDigests:
    view = memoryview(pdf)
    covered = sha256(view[:start])
    covered.update(view[end:])
    cms = _without_padding(bytes.fromhex(pdf[start + 1 : end - 1].decode("ascii")))
    return SealDigests(covered.hexdigest(), sha256(cms).hexdigest())


def _without_padding(data: bytes) -> bytes:
    """One DER value at the beginning of `data`; all that follows it must be zeros."""
    if len(data) < 2 or data[0] != 0x30:
        raise Wrong(_NO_SEAL_THERE)
    length, header = data[1], 2
    if length & 0x80:
        more = length & 0x7F
        if not 1 <= more <= 4:
            raise Wrong(_NO_SEAL_THERE)
        header += more
        length = int.from_bytes(data[2:header], "big")
    if header + length > len(data) or any(data[header + length :]):
        raise Wrong(_NO_SEAL_THERE)
    return data[: header + length]


def _embedded_files(listed: Iterable[Listed]) -> Iterator[tuple[str, bytes]]:
    names: set[str] = set()
    for spec in (leaf.spec for leaf in listed):
        name = str(spec["/UF"] if "/UF" in spec else spec["/F"])
        if name in names:
            raise Wrong(_SAME_NAME)
        names.add(name)
        held = spec["/EF"]
        stream = held["/UF"] if "/UF" in held else held["/F"]
        data: bytes = stream.data
        if len(data) > MAX_FILE:
            raise Unreadable("PDF 안의 파일이 너무 큽니다.")
        yield name, data


def _listed_files(root: generic.DictionaryObject) -> dict[int, Listed]:
    """The leaves of the name tree of embedded files, by the numbers of their objects.

    A leaf that stands in the tree itself has no number; `demand_plain` finds it.
    """
    if "/Names" not in root or "/EmbeddedFiles" not in root["/Names"]:
        return {}
    nodes, seen = [root["/Names"]["/EmbeddedFiles"]], 0
    found: dict[int, Listed] = {}
    while nodes:
        node = nodes.pop()
        seen += 1
        # By index: pyHanko follows references there, and not when iterating.
        leaves = node["/Names"] if "/Names" in node else generic.ArrayObject()
        for place in range(1, len(leaves), 2):
            leaf = leaves.raw_get(place)
            if not isinstance(leaf, generic.IndirectObject):
                continue
            if leaf.idnum in found:
                raise Wrong(_SAME_NAME)
            found[leaf.idnum] = Listed(leaves[place - 1], leaves[place])
        if seen > MAX_FILES or len(found) > MAX_FILES:
            raise Unreadable("PDF 안에 파일이 너무 많습니다.")
        if "/Kids" in node:
            nodes.extend(node["/Kids"][place] for place in range(len(node["/Kids"])))
    return found
