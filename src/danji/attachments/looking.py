"""What a file is, by its bytes, and whether it is whole and harmless enough to be handed on.

Runs in the confined process of `examiner`: every line here reads what a stranger made.
"""

import io
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import defusedxml
import defusedxml.ElementTree

from danji.attachments import kinds
from danji.attachments.archives import DEPTH, Archive, Budget, hides_archive, open_archive
from danji.attachments.kinds import Fault, FaultError, Kind

PAGES = 1_000
PIXELS = 120_000_000  # a telephone's largest photograph has 108 million
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OBJECT = 12  # bytes in which it stands where Hangul keeps an object: behind its length
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_HEADS = (
    (b"%PDF-", kinds.PDF),
    (b"\x89PNG\r\n\x1a\n", kinds.PNG),
    (b"\xff\xd8\xff", kinds.JPEG),
)
# Linux, macOS, Java and a Windows shortcut; a program of Windows has more in it than two letters.
_PROGRAMS = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"L\0\0\0\x01\x14\x02\0")
_PROGRAM_NAMES = re.compile(
    r"\.(exe|scr|com|pif|cpl|dll|sys|msi|bat|cmd|ps1|vb[se]?|js[e]?|ws[fh]|hta|lnk|jar|apk|sh)$",
    re.IGNORECASE,
)
_MAIN_PARTS = {
    "wordprocessingml.document.main+xml": kinds.DOCX,
    "spreadsheetml.sheet.main+xml": kinds.XLSX,
    "presentationml.presentation.main+xml": kinds.PPTX,
}
# What programs that unpack or show folders put beside the files.
_LITTER = re.compile(
    r"(^|/)(?:__MACOSX/(?:.*/)?(?P<mac>\._[^/]*)"
    r"|(?P<store>\.DS_Store)|(?P<thumbs>Thumbs\.db)|(?P<ini>desktop\.ini))$",
    re.IGNORECASE,
)
_HWP_COMPRESSED, _HWP_DISTRIBUTED = 1, 4
_HWP_LOCKED = 2 | 16 | 256 | 1024  # password, rights management, certificates
# A comment, unless JScript would run what stands in it.
_COMMENT = re.compile(r"/\*(?!@).*?\*/|//(?!@)[^\r\n\u2028\u2029]*", re.DOTALL)
# Names for what Hangul hands over, and functions without a body; every blank is one space.
_IDLE = re.compile(r"(?:var \w+ ?= ?[\w.]+ ?;? ?|function \w+ ?\( ?\) ?\{ ?\} ?;? ?)*")
# The record of a presentation that says whether it has macros: VbaInfoContainer with its atom.
_PPT_MACROS = b"\x1f\x00\xff\x03\x14\x00\x00\x00\x02\x00\x00\x04\x0c\x00\x00\x00"
_PPT_ENCRYPTED = 0xF3D1C4DF


def look(data: bytes, ending: str) -> tuple[Kind, int | None]:
    """The kind of a file, and its number of pages where its kind has a fixed one.

    Args: `ending` is how it is named, in small letters, with the dot.
    Raises: FaultError.
    """
    return _look(data, ending, Budget(), DEPTH)


def is_program(name: str, data: bytes) -> bool:
    """Whether a computer would run it."""
    is_windows = data.startswith(b"MZ") and b"\0" in data[:64]
    return is_windows or data.startswith(_PROGRAMS) or _PROGRAM_NAMES.search(name) is not None


def _look(data: bytes, ending: str, budget: Budget, depth: int) -> tuple[Kind, int | None]:
    kind = next((kind for head, kind in _HEADS if data.startswith(head)), None)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = kinds.WEBP
    if kind:
        _check_name(kind, ending)
        if hides_archive(data):
            raise FaultError(Fault.HIDDEN, kind)
        return kind, _pdf(data) if kind is kinds.PDF else _picture(data, kind)
    if data.startswith(_ZIP):
        return _archive(data, ending, budget, depth), None
    if data.startswith(_OLE):
        return _compound(data, ending, budget), None
    if data[4:8] == b"ftyp" and data[8:12] in {b"heic", b"heix", b"mif1", b"msf1", b"hevc"}:
        raise FaultError(Fault.HEIC)
    return _text(data, ending), None


def _check_name(kind: Kind, ending: str) -> None:
    if ending not in kind.endings:
        raise FaultError(Fault.MISNAMED, kind)


# --- PDF and pictures --------------------------------------------------------------------------


def _pdf(data: bytes) -> int:
    import pypdfium2
    import pypdfium2.raw as pdfium

    if b"%%EOF" not in data[-2048:]:
        raise FaultError(Fault.BROKEN, kinds.PDF)
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = pdfium.FPDF_GetLastError() in {pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY}
        raise FaultError(Fault.LOCKED if locked else Fault.BROKEN, kinds.PDF) from error
    pages = len(document)
    if pages > PAGES:
        raise FaultError(Fault.PAGES, kinds.PDF)
    if not pages or document[0].get_width() <= 0:
        raise FaultError(Fault.BROKEN, kinds.PDF)
    for place in range(document.count_attachments()):
        attached = document.get_attachment(place)
        if is_program(attached.get_name(), bytes(attached.get_data()[:8])):
            raise FaultError(Fault.PROGRAM, kinds.PDF)
    return pages


def open_picture(data: bytes, kind: Kind) -> Any:
    """The picture, its size known and nothing decoded yet.

    Raises: FaultError when it is no picture of that kind, or too large to be decoded.
    """
    from PIL import JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    readers: dict[Kind, Callable[[io.BytesIO], Any]] = {
        kinds.PNG: PngImagePlugin.PngImageFile,
        kinds.JPEG: JpegImagePlugin.JpegImageFile,
        kinds.WEBP: WebPImagePlugin.WebPImageFile,
    }
    try:
        picture = readers[kind](io.BytesIO(data))
    except (SyntaxError, ValueError, OSError, EOFError, struct.error) as error:
        raise FaultError(Fault.BROKEN, kind) from error
    if picture.width * picture.height > PIXELS:
        raise FaultError(Fault.PIXELS, kind)
    return picture


def _picture(data: bytes, kind: Kind) -> int:
    picture = open_picture(data, kind)
    try:
        if kind is kinds.PNG:
            picture.verify()  # every chunk's checksum but the last one's, which never changes
            if b"IEND\xaeB`\x82" not in data[-1024:]:
                raise FaultError(Fault.BROKEN, kind)
        else:
            picture.draft("L", (picture.width // 8, picture.height // 8))  # to its end, but small
            picture.load()
    except (SyntaxError, ValueError, OSError, EOFError, struct.error, zlib.error) as error:
        raise FaultError(Fault.BROKEN, kind) from error
    return 1


# --- Archives, and what is an archive inside ---------------------------------------------------


def _archive(data: bytes, ending: str, budget: Budget, depth: int) -> Kind:
    archive = open_archive(data, budget)
    if "mimetype" in archive.entries and archive.read("mimetype").strip() == b"application/hwp+zip":
        _check_name(kinds.HWPX, ending)
        _check_hwpx(archive, budget)
        return kinds.HWPX
    if "[Content_Types].xml" in archive.entries:
        kind = _office_kind(archive)
        _check_name(kind, ending)
        _check_office(archive, kind, budget)
        return kind
    _check_name(kinds.ZIP, ending)
    if depth == 0:
        raise FaultError(Fault.NESTED, kinds.ZIP)
    is_empty = True
    for name, content in archive.contents():
        try:
            if is_litter(name, content, budget):
                continue
            _look_inside(name, content, budget, depth - 1)
        except FaultError as fault:
            raise FaultError(fault.fault, fault.kind, inside=fault.inside or name) from fault
        is_empty = False
    if is_empty:
        raise FaultError(Fault.BROKEN, kinds.ZIP)
    return kinds.ZIP


def _look_inside(name: str, content: bytes, budget: Budget, depth: int) -> None:
    if is_program(name, content):
        raise FaultError(Fault.PROGRAM)
    _look(content, ending_of(name), budget, depth)


def is_litter(name: str, content: bytes, budget: Budget) -> bool:
    """Whether a file in an archive is the litter that it is called: a name alone hides anything.

    Raises: FaultError when something else is in it.
    """
    called = _LITTER.search(name)
    if called is None:
        return False
    if called["thumbs"] and content.startswith(_OLE):
        _check_thumbnails(_streams(content, budget))
        return True
    if called["ini"]:
        text = decoded(content)
        if text and re.search(r"\\\\|//", text):  # a picture that would be fetched from elsewhere
            raise FaultError(Fault.HIDDEN)
        return text is not None
    heads = {"mac": b"\x00\x05\x16\x07", "store": b"\0\0\0\x01Bud1"}
    found = not content or any(called[of] and content.startswith(heads[of]) for of in heads)
    if found and hides_archive(content):
        raise FaultError(Fault.HIDDEN)
    return found


def _check_thumbnails(streams: dict[str, bytes]) -> None:
    _check_storages(streams)
    if streams.keys() & {*_COMPOUND, "EncryptedPackage"}:
        raise FaultError(Fault.HIDDEN)
    if any(is_program("", part) or part.startswith((*_ZIP, _OLE)) for part in streams.values()):
        raise FaultError(Fault.HIDDEN)


def ending_of(name: str) -> str:
    """The ending of a name in small letters, with its dot; empty where it has none."""
    _, dot, ending = name.rpartition("/")[2].rpartition(".")
    return (dot + ending).lower()


def _check_hwpx(archive: Archive, budget: Budget) -> None:
    if "Contents/content.hpf" not in archive.entries:
        raise FaultError(Fault.BROKEN, kinds.HWPX)
    for name, content in archive.contents():
        if name == "META-INF/manifest.xml" and b"encryption-data" in content:
            raise FaultError(Fault.LOCKED, kinds.HWPX)
        if name.startswith("Scripts/"):
            _check_script(content, kinds.HWPX)
        else:
            _check_part(name, content, kinds.HWPX, budget)


def _office_kind(archive: Archive) -> Kind:
    listed = parse_xml(archive.read("[Content_Types].xml"))
    types = [part.get("ContentType", "").lower() for part in listed]
    if any(re.search("macroenabled|vbaproject|macrosheet", given) for given in types):
        raise FaultError(Fault.MACROS)
    for given in types:
        for main, kind in _MAIN_PARTS.items():
            if given.endswith(main):
                return kind
    raise FaultError(Fault.UNKNOWN)


def _check_office(archive: Archive, kind: Kind, budget: Budget) -> None:
    for name, content in archive.contents():
        _check_part(name, content, kind, budget)
        if name.lower().endswith(".rels") and any(map(_is_fetched, parse_xml(content))):
            raise FaultError(Fault.HIDDEN, kind)


def _is_fetched(relation: Element) -> bool:
    """Whether a program would fetch it from elsewhere; a link waits until somebody follows it."""
    is_link = relation.get("Type", "").lower().endswith("/hyperlink")
    return relation.get("TargetMode", "").lower() == "external" and not is_link


def _check_part(name: str, content: bytes, kind: Kind, budget: Budget, depth: int = DEPTH) -> None:
    """A part of an office file, and what is in it where it is a file of its own.

    Behind every chart is a table. Whether that one leads elsewhere is not asked: only somebody who
    opens it by itself would follow. Raises: FaultError.
    """
    if is_program(name, content):
        raise FaultError(Fault.PROGRAM, kind)
    if "vbaproject" in name.lower():
        raise FaultError(Fault.MACROS, kind)
    if _OLE in content[:_OBJECT]:
        _check_storages(_streams(content[content.index(_OLE) :], budget), kind)
    if content.startswith(_ZIP):
        if depth == 0:
            raise FaultError(Fault.NESTED, kind)
        for within, part in open_archive(content, budget).contents():
            _check_part(within, part, kind, budget, depth - 1)


def _check_script(content: bytes, kind: Kind) -> None:
    """Each file of Hangul has a script, mostly of empty functions; one that does more is a macro.

    Raises: FaultError.
    """
    text = content.decode("utf-16-le" if b"\0" in content else "utf-8", "replace")
    code = _COMMENT.sub(" ", text.strip("\ufeff\0"))
    if not _IDLE.fullmatch(" ".join(code.split())):
        raise FaultError(Fault.MACROS, kind)


def parse_xml(content: bytes) -> Element:
    """A part of an archive as XML without a document type. Raises: FaultError."""
    try:
        root: Element = defusedxml.ElementTree.fromstring(content)
    except (ParseError, defusedxml.DefusedXmlException, ValueError) as error:
        raise FaultError(Fault.BROKEN) from error
    return root


# --- Compound files: HWP and the older office programs -----------------------------------------


def _compound(data: bytes, ending: str, budget: Budget) -> Kind:
    streams = _streams(data, budget)
    if "EncryptedPackage" in streams:
        raise FaultError(Fault.LOCKED)
    known = next((name for name in _COMPOUND if name in streams), None)
    if known is None:
        raise FaultError(Fault.UNKNOWN)
    kind, check = _COMPOUND[known]
    _check_name(kind, ending)
    _check_storages(streams, kind)
    check(streams, budget)
    return kind


def _streams(data: bytes, budget: Budget) -> dict[str, bytes]:
    """The streams of a compound file by their paths. Raises: FaultError."""
    import olefile

    try:
        file = olefile.OleFileIO(io.BytesIO(data), raise_defects=olefile.DEFECT_INCORRECT)
        streams = {"/".join(path): file.openstream(path).read() for path in file.listdir()}
    except (OSError, ValueError, IndexError, TypeError, struct.error) as error:
        raise FaultError(Fault.BROKEN) from error
    budget.entries -= len(streams)
    if budget.entries < 0:
        raise FaultError(Fault.ENTRIES)
    return streams


def _check_storages(streams: dict[str, bytes], kind: Kind | None = None) -> None:
    parts = {part.lower() for path in streams for part in path.split("/")}
    if parts & {"vba", "_vba_project", "_vba_project_cur", "macros"}:
        raise FaultError(Fault.MACROS, kind)
    if "\x01ole10native" in parts:  # a file of any kind, wrapped
        raise FaultError(Fault.HIDDEN, kind)


def _check_hwp(streams: dict[str, bytes], budget: Budget) -> None:
    """한글문서파일형식 5.0, 3.2.1 (FileHeader), .3 (BodyText), .5 (BinData), .9 (Scripts)."""
    header = streams["FileHeader"]
    if not header.startswith(b"HWP Document File") or len(header) < 40:
        raise FaultError(Fault.UNKNOWN)
    flags = int.from_bytes(header[36:40], "little")
    if flags & _HWP_LOCKED:
        raise FaultError(Fault.LOCKED, kinds.HWP)
    sections = [path for path in streams if re.fullmatch(r"(BodyText|ViewText)/Section\d+", path)]
    if not sections or "DocInfo" not in streams:
        raise FaultError(Fault.BROKEN, kinds.HWP)
    packed = [path for path in sections if path.startswith("BodyText/")]
    if flags & _HWP_COMPRESSED:
        for path in ("DocInfo", *packed):
            _inflate(streams[path], budget)
    for path, stream in streams.items():
        if path.lower().startswith("bindata/"):
            _check_object(path, stream, budget)
        # That of a document for distribution (배포용) is encrypted, and cannot be looked at.
        if path.lower() == "scripts/defaultjscript" and not flags & _HWP_DISTRIBUTED:
            script = _inflate(stream, budget) if flags & _HWP_COMPRESSED else stream
            _check_script(_code(script), kinds.HWP)


def _check_object(path: str, stream: bytes, budget: Budget) -> None:
    """A picture or an object of an HWP file. Raises: FaultError."""
    try:
        head = zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream, 64)
        is_packed = True
    except zlib.error:
        head, is_packed = stream[:64], False
    if _OLE in head[:_OBJECT] or is_program(path, head):
        whole = _inflate(stream, budget) if is_packed else stream
        _check_part(path, whole, kinds.HWP, budget)


def _code(script: bytes) -> bytes:
    """The texts of a script, each behind its length in letters of two bytes; -1 ends them."""
    texts, position = [], 0
    while position + 4 <= len(script):
        size = 2 * int.from_bytes(script[position : position + 4], "little", signed=True)
        position += 4
        if size < 0:
            break
        if position + size > len(script):
            return script
        texts.append(script[position : position + size])
        position += size
    return "\n".encode("utf-16-le").join(texts)


def _inflate(packed: bytes, budget: Budget) -> bytes:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        unpacked = unpacker.decompress(packed, budget.room + 1)
    except zlib.error as error:
        raise FaultError(Fault.BROKEN, kinds.HWP) from error
    budget.room -= len(unpacked)
    if budget.room < 0:
        raise FaultError(Fault.BOMB, kinds.HWP)
    if not unpacker.eof:
        raise FaultError(Fault.BROKEN, kinds.HWP)
    return unpacked


def _check_doc(streams: dict[str, bytes], _budget: Budget) -> None:
    """[MS-DOC] 2.5.2: the bit fEncrypted of FibBase."""
    head = streams["WordDocument"][:12]
    if len(head) < 12 or head[:2] != b"\xec\xa5":
        raise FaultError(Fault.BROKEN, kinds.DOC)
    if head[11] & 1:
        raise FaultError(Fault.LOCKED, kinds.DOC)


def _check_xls(streams: dict[str, bytes], _budget: Budget) -> None:
    """[MS-XLS] 2.4.117: a record FilePass among the first ones; 2.4.28: dt of BoundSheet8."""
    book = streams.get("Workbook") or streams.get("Book") or b""
    position = 0
    while position + 4 <= len(book):
        record, size = struct.unpack_from("<HH", book, position)
        if position == 0 and record not in {0x0809, 0x0409, 0x0209, 0x0009}:  # it begins with BOF
            break
        if record == 0x002F:
            raise FaultError(Fault.LOCKED, kinds.XLS)
        if record == 0x0085 and book[position + 9 : position + 10] == b"\x01":
            raise FaultError(Fault.MACROS, kinds.XLS)
        if record == 0x000A:  # the end of the globals
            return
        position += 4 + size
    raise FaultError(Fault.BROKEN, kinds.XLS)


def _check_ppt(streams: dict[str, bytes], _budget: Budget) -> None:
    """[MS-PPT] 2.3.2 (headerToken of CurrentUserAtom) and 2.4.10 (fHasMacros of VbaInfoAtom)."""
    user = streams.get("Current User", b"")
    if len(user) < 16:
        raise FaultError(Fault.BROKEN, kinds.PPT)
    if int.from_bytes(user[12:16], "little") == _PPT_ENCRYPTED:
        raise FaultError(Fault.LOCKED, kinds.PPT)
    show = streams["PowerPoint Document"]
    found = show.find(_PPT_MACROS)
    if found >= 0 and any(show[found + 20 : found + 24]):
        raise FaultError(Fault.MACROS, kinds.PPT)


_COMPOUND = {
    "FileHeader": (kinds.HWP, _check_hwp),
    "WordDocument": (kinds.DOC, _check_doc),
    "Workbook": (kinds.XLS, _check_xls),
    "Book": (kinds.XLS, _check_xls),
    "PowerPoint Document": (kinds.PPT, _check_ppt),
}


# --- Text --------------------------------------------------------------------------------------


def _text(data: bytes, ending: str) -> Kind:
    kind = {".txt": kinds.TEXT, ".csv": kinds.CSV}.get(ending)
    if kind is None or decoded(data) is None:
        raise FaultError(Fault.UNKNOWN)
    return kind


def decoded(data: bytes) -> str | None:
    """The text of a plain file; None when it holds what no text holds."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "cp949")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if re.search(r"[\x00-\x08\x0e-\x1f\x7f]", text) else text
    return None
