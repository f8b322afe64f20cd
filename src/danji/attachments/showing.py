"""What can be shown of a file: its pages as pictures, or at least its words.

Runs in the confined process of `examiner`. Pictures are drawn anew, so nothing of the file itself,
such as where a photograph was taken, goes with them.
"""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import danji
from danji.attachments import kinds
from danji.attachments.archives import DEPTH, Budget, open_archive
from danji.attachments.kinds import Kind
from danji.attachments.looking import decoded, ending_of, is_litter, open_picture, parse_xml

PAGES = 20
WIDTH = 1000  # pixels of a page
PICTURE = 1600  # pixels of a picture's longer side
ROWS, CELLS, LETTERS = 300, 20, 300
_LARGE = 400_000  # bytes from which a page is a photograph rather than print
_TYPE = Path(danji.__file__).parent / "renditions" / "fonts"
_FACE = "Pretendard GOV"


@dataclass(frozen=True)
class Section:
    """Part of a file as words: a heading, and rows of one or more cells."""

    title: str
    rows: list[list[str]]


def pictures(data: bytes, kind: Kind) -> tuple[list[bytes], int]:
    """The first pages as PNG or JPEG, and how many pages there are; none for other kinds."""
    if kind is kinds.PDF:
        return _pdf_pages(data)
    if kind in {kinds.HWP, kinds.HWPX}:
        return _hangul_pages(data)
    if kind in kinds.PICTURES:
        return [_smaller(data, kind)], 1
    return [], 0


def _pdf_pages(data: bytes) -> tuple[list[bytes], int]:
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    drawn = []
    for place in range(min(len(document), PAGES)):
        page = document[place]
        width, height = page.get_size()
        # A page may be as long as it likes.
        scale = min(WIDTH / width, 4 * WIDTH / height)
        drawn.append(_encode(page.render(scale=scale).to_pil()))
        page.close()
    return drawn, len(document)


def _hangul_pages(data: bytes) -> tuple[list[bytes], int]:
    import resvg_py
    from PIL import Image

    document = _hangul(data)
    drawn = []
    for place in range(min(document.page_count, PAGES)):
        png = resvg_py.svg_to_bytes(
            svg_string=document.render_svg(place),
            width=WIDTH,
            background="white",
            skip_system_fonts=True,
            font_files=[str(path) for path in sorted(_TYPE.glob("*.?tf"))],
            font_family=_FACE,
            serif_family=_FACE,
            sans_serif_family=_FACE,
            monospace_family=_FACE,
        )
        drawn.append(_encode(Image.open(io.BytesIO(png), formats=["PNG"])))
    return drawn, document.page_count


def _hangul(data: bytes) -> Any:
    # The inner class takes bytes; the outer one brings a large library for its types.
    from rhwp._rhwp import _Document

    return _Document.from_bytes(data)


def _smaller(data: bytes, kind: Kind) -> bytes:
    from PIL import ImageOps

    picture = open_picture(data, kind)
    picture.draft("RGB", (PICTURE, PICTURE))
    picture.thumbnail((PICTURE, PICTURE))
    return _encode(ImageOps.exif_transpose(picture))


def _encode(drawn: Any) -> bytes:
    from PIL import Image

    plain = Image.new("RGB", drawn.size, "white")
    if drawn.mode in {"RGBA", "LA", "PA"} or "transparency" in drawn.info:
        drawn = drawn.convert("RGBA")
        plain.paste(drawn, mask=drawn.getchannel("A"))
    else:
        plain.paste(drawn.convert("RGB"))
    png = io.BytesIO()
    plain.save(png, "PNG", compress_level=4)
    if png.tell() <= _LARGE:
        return png.getvalue()
    jpeg = io.BytesIO()
    plain.save(jpeg, "JPEG", quality=82)
    return min(png.getvalue(), jpeg.getvalue(), key=len)


def excerpt(data: bytes, kind: Kind) -> list[Section]:
    """As much of a file's words as fits on a screen; none where its kind has none."""
    if kind is kinds.ZIP:
        listed = [[name, f"{len(content):,}B"] for name, content in _papers(data)]
        return _cut(iter([Section("", listed)]))
    return _cut(sections(data, kind))


def _cut(parts: Iterator[Section]) -> list[Section]:
    shown, room = [], ROWS
    for part in parts:
        rows = [[cell[:LETTERS] for cell in row[:CELLS]] for row in part.rows[:room]]
        room -= len(rows)
        if rows:
            shown.append(Section(part.title[:LETTERS], rows))
        if room <= 0:
            break
    return shown


def sections(data: bytes, kind: Kind, depth: int = DEPTH) -> Iterator[Section]:
    """The words of a file, whole."""
    if kind in {kinds.TEXT, kinds.CSV}:
        yield Section("", [[line] for line in (decoded(data) or "").splitlines()])
    elif kind in {kinds.HWP, kinds.HWPX}:
        read = json.loads(_hangul(data).to_ir_json())
        yield Section("", [[text] for text in dict.fromkeys(_texts(read)) if text.strip()])
    elif kind in {kinds.XLSX, kinds.XLS}:
        yield from _sheets(data)
    elif kind in {kinds.DOCX, kinds.PPTX}:
        yield from _office(data)
    elif kind is kinds.PDF:
        import pypdfium2

        for page in pypdfium2.PdfDocument(data):
            yield Section("", [[page.get_textpage().get_text_range()]])
    elif kind is kinds.ZIP and depth > 0:
        for name, content in _papers(data):
            inside = _kind_named(name, content)
            if inside:
                yield from sections(content, inside, depth - 1)


def _papers(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The files of an archive with their names, without litter."""
    budget = Budget()
    for name, content in open_archive(data, budget).contents():
        if not is_litter(name, content, budget):
            yield name, content


def _kind_named(name: str, content: bytes) -> Kind | None:
    """The kind of an entry: it was looked at when the archive came in, and agrees with its name."""
    if not content:
        return None
    return next((k for k in kinds.KINDS.values() if ending_of(name) in k.endings), None)


def _texts(read: Any) -> Iterator[str]:
    if isinstance(read, dict):
        for name, inner in read.items():
            if name == "text" and isinstance(inner, str):
                yield inner
            else:
                yield from _texts(inner)
    elif isinstance(read, list):
        for inner in read:
            yield from _texts(inner)


def _sheets(data: bytes) -> Iterator[Section]:
    import python_calamine

    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    for name in book.sheet_names:
        rows = [[_cell(cell) for cell in row] for row in book.get_sheet_by_name(name).to_python()]
        yield Section(name, [row for row in rows if any(row)])


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return str(value)


def _office(data: bytes) -> Iterator[Section]:
    """The paragraphs of every part: text, notes, headers, comments; slides in their order."""
    archive = open_archive(data, Budget())
    wanted = [
        name
        for name in archive.entries
        if re.fullmatch(r"(word/\w+|ppt/(slides|notesSlides|comments)/\w+)\.xml", name)
    ]
    for name in sorted(wanted, key=_numbers_last):
        lines = []
        for paragraph in parse_xml(archive.read(name)).iter():
            if paragraph.tag.endswith("}p"):
                text = "".join(node.text or "" for node in paragraph.iter() if _is_text(node.tag))
                lines += [[text]] if text.strip() else []
        number = re.search(r"slides/slide(\d+)", name)
        yield Section(f"{number[1]}쪽" if number else "", lines)


def _is_text(tag: object) -> bool:
    return isinstance(tag, str) and tag.endswith("}t")


def _numbers_last(name: str) -> tuple[bool, str, int]:
    main = name != "word/document.xml"
    number = re.search(r"(\d+)\.xml$", name)
    return main, re.sub(r"\d+", "", name), int(number[1]) if number else 0
