"""Files made for the tests: as offices send them, and as somebody with bad intentions would."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence

import pikepdf
import typst
from PIL import Image

_TYPES = "application/vnd.openxmlformats-officedocument"
_MAIN = {
    "docx": ("word/document.xml", "wordprocessingml.document.main+xml"),
    "xlsx": ("xl/workbook.xml", "spreadsheetml.sheet.main+xml"),
    "pptx": ("ppt/presentation.xml", "presentationml.presentation.main+xml"),
}


def pdf(text: str = "estimate") -> bytes:
    return typst.compile(text.encode(), format="pdf")


def locked_pdf() -> bytes:
    """A PDF that does not open without its password."""
    made = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf())) as opened:
        opened.save(made, encryption=pikepdf.Encryption(user="1234", owner="1234"))
    return made.getvalue()


def endless_pdf() -> bytes:
    """A PDF of a hundred thousand pages in less than a kilobyte: every branch is ten times one."""
    parts = [b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"]
    for level in range(5):
        below = b" ".join([b"%d 0 R" % (level + 3)] * 10)
        count = 10 ** (5 - level)
        parts.append(
            b"%d 0 obj<</Type/Pages/Kids[%b]/Count %d>>endobj\n" % (level + 2, below, count)
        )
    parts.append(b"7 0 obj<</Type/Page/Parent 6 0 R/MediaBox[0 0 595 842]>>endobj\n")
    return b"".join(parts) + b"trailer<</Root 1 0 R>>\n%%EOF\n"


def picture(kind: str = "PNG", size: tuple[int, int] = (64, 48), **options) -> bytes:
    made = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(made, kind, **options)
    return made.getvalue()


def archive(entries: Mapping[str, bytes], *, packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", packing) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return made.getvalue()


def hwpx(text: str = "승강기 보수 견적서", **more: bytes) -> bytes:
    page = (
        '<hp:secPr><hp:pagePr landscape="WIDELY" width="59528" height="84188">'
        '<hp:margin header="4252" footer="4252" gutter="0" left="8504" right="8504" '
        'top="5668" bottom="4252"/></hp:pagePr></hp:secPr>'
    )
    section = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<hs:sec xmlns:hs="http://www.hancom.co.kr/hwpml/2011/section" '
        'xmlns:hp="http://www.hancom.co.kr/hwpml/2011/paragraph">'
        f'<hp:p id="0"><hp:run charPrIDRef="0">{page}<hp:t>{text}</hp:t></hp:run></hp:p></hs:sec>'
    )
    content = (
        '<opf:package xmlns:opf="http://www.idpf.org/2007/opf/"><opf:manifest>'
        '<opf:item id="section0" href="Contents/section0.xml" media-type="application/xml"/>'
        '</opf:manifest><opf:spine><opf:itemref idref="section0"/></opf:spine></opf:package>'
    )
    head = '<hh:head xmlns:hh="http://www.hancom.co.kr/hwpml/2011/head" version="1.4" secCnt="1"/>'
    return archive(
        {
            "mimetype": b"application/hwp+zip",
            "version.xml": b"<version/>",
            "Contents/header.xml": head.encode(),
            "Contents/section0.xml": section.encode(),
            "Contents/content.hpf": content.encode(),
            **more,
        }
    )


def office(kind: str, parts: Mapping[str, str | bytes] | None = None, *, types: str = "") -> bytes:
    """A file of an office program: its list of types, its main part, and other `parts`."""
    name, main = _MAIN[kind]
    listed = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        f'<Override PartName="/{name}" ContentType="{_TYPES}.{main}"/>{types}</Types>'
    )
    given = {"[Content_Types].xml": listed, name: "<main/>", **(parts or {})}
    return archive(
        {name: part.encode() if isinstance(part, str) else part for name, part in given.items()}
    )


def document(*lines: str) -> bytes:
    paragraphs = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in lines)
    return office(
        "docx", {"word/document.xml": f'<w:document xmlns:w="w">{paragraphs}</w:document>'}
    )


def slide(text: str) -> bytes:
    shown = f'<p:sld xmlns:p="p" xmlns:a="a"><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sld>'
    return office("pptx", {"ppt/slides/slide1.xml": shown})


def sheet(name: str, rows: Sequence[Sequence[str | int]]) -> bytes:
    """A table of an office program with one sheet."""
    book = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    beside = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    cells = "".join(
        "<row>" + "".join(f'<c t="str"><v>{cell}</v></c>' for cell in row) + "</row>"
        for row in rows
    )
    return office(
        "xlsx",
        {
            "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="rId1" '
            f'Target="xl/workbook.xml" Type="{beside}/officeDocument"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{book}" xmlns:r="{beside}"><sheets>'
            f'<sheet name="{name}" sheetId="1" r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship '
            f'Id="rId1" Target="worksheets/sheet1.xml" Type="{beside}/worksheet"/></Relationships>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{book}"><sheetData>{cells}'
            "</sheetData></worksheet>",
        },
    )


def hwp(
    text: str = "승강기 보수 견적서", *, flags: int = 1, more: Mapping[str, bytes] | None = None
) -> bytes:
    """A document of HWP 5.0 with one paragraph, as far as a reader asks for, and `more` streams."""
    # The first letters of the first paragraph stand for the section, which has the page's size.
    letters = struct.pack("<H4s8xH", 2, b"dces", 2) + (text + "\r").encode("utf-16-le")
    paragraph = struct.pack("<IIHBBHHHI", len(letters) // 2, 1 << 2, 0, 0, 0, 1, 0, 0, 0)
    size = struct.pack("<10I", 59528, 84188, 8504, 8504, 5668, 4252, 4252, 4252, 0, 0)
    section = _record(0x42, 0, paragraph) + _record(0x43, 1, letters) + _record(0x44, 1, bytes(8))
    section += _record(0x47, 1, b"dces".ljust(30, b"\0")) + _record(0x49, 2, size)
    about = _record(0x10, 0, struct.pack("<7H3I", 1, 1, 1, 1, 1, 1, 1, 0, 0, 0))
    header = b"HWP Document File".ljust(32, b"\0") + struct.pack("<II", 0x05000300, flags)
    packed = {name: _deflated(part) for name, part in (("a", about), ("s", section))}
    return compound(
        {
            "FileHeader": header.ljust(256, b"\0"),
            "DocInfo": packed["a"] if flags & 1 else about,
            "BodyText/Section0": packed["s"] if flags & 1 else section,
            **{name: _deflated(part) if flags & 1 else part for name, part in (more or {}).items()},
        }
    )


def script(source: str) -> bytes:
    """A script of an HWP document: what it begins with, `source`, and two texts that are empty."""
    header = "var Documents = XHwpDocuments;\r\nvar Document = Documents.Active_XHwpDocument;\r\n"
    texts = b"".join(
        struct.pack("<I", len(text)) + text.encode("utf-16-le") for text in (header, source, "", "")
    )
    return texts + b"\xff\xff\xff\xff"


def _record(tag: int, level: int, data: bytes) -> bytes:
    return struct.pack("<I", tag | level << 10 | len(data) << 20) + data


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def workbook(*records: tuple[int, bytes]) -> bytes:
    """The older kind of table: its first record, `records`, and the end of its globals."""
    all_of_them = [(0x0809, bytes(16)), *records, (0x000A, b"")]
    stream = b"".join(struct.pack("<HH", number, len(data)) + data for number, data in all_of_them)
    return compound({"Workbook": stream})


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A compound file ([MS-CFB] version 3) with these streams; `/` parts storages.

    Every stream is padded to the size from which it has sectors of its own.
    """
    names: list[tuple[str, ...]] = [()]
    for path in streams:
        parts = tuple(path.split("/"))
        names += [parts[:n] for n in range(1, len(parts) + 1) if parts[:n] not in names]
    sectors, chains = b"", []
    starts: dict[tuple[str, ...], tuple[int, int]] = {}
    for path, data in streams.items():
        padded = data.ljust(4096, b"\0")
        padded += bytes(-len(padded) % 512)
        count = len(padded) // 512
        starts[tuple(path.split("/"))] = (len(chains), max(len(data), 4096))
        chains += [*range(len(chains) + 1, len(chains) + count), 0xFFFFFFFE]
        sectors += padded
    folder = b"".join(_entry(name, names, starts) for name in names)
    folder += (b"\0" * 66 + b"\0\0" + b"\xff" * 12 + bytes(48)) * (-len(names) % 4)
    first = len(chains)
    chains += [*range(first + 1, first + len(folder) // 512), 0xFFFFFFFE]
    tables = (len(chains) + 128) // 128
    tables += (len(chains) + tables > tables * 128) * 1
    where = range(len(chains), len(chains) + tables)
    chains += [0xFFFFFFFD] * tables
    chains += [0xFFFFFFFF] * (tables * 128 - len(chains))
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    head += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<9I", 0, tables, first, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    head += struct.pack(f"<{tables}I", *where) + b"\xff" * 4 * (109 - tables)
    return head + sectors + folder + struct.pack(f"<{len(chains)}I", *chains)


def _entry(name, names, starts) -> bytes:
    def place(wanted):
        return names.index(wanted) if wanted else 0xFFFFFFFF

    def order(path):
        return len(path[-1]), path[-1].upper()

    beside = sorted((n for n in names if n and n[:-1] == name[:-1]), key=order) if name else []
    within = sorted((n for n in names if n and n[:-1] == name), key=order)
    after = beside[beside.index(name) + 1 :] if name else []
    start, size = starts.get(name, (0xFFFFFFFE if not name else 0, 0))
    label = (name[-1] if name else "Root Entry").encode("utf-16-le")
    kind = 5 if not name else 2 if name in starts else 1
    entry = label.ljust(64, b"\0") + struct.pack("<HBB", len(label) + 2, kind, 1)
    right, child = (after[0] if after else None), (within[0] if within else None)
    entry += struct.pack("<III", 0xFFFFFFFF, place(right), place(child)) + bytes(36)
    return entry + struct.pack("<IQ", start, size)
