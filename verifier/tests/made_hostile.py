"""PDFs as a dishonest operator would make them: the seal is true, the file is not plain."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PdfFileWriter, copy_into_new_writer

import made_document as made

Change = Callable[[PdfFileWriter], None]

FALSE = "바꾼 견적서 99,000,000".encode()


def value(thing: Any) -> generic.PdfObject:
    """A value of PDF: `/X` is a name, other text a string."""
    if isinstance(thing, generic.PdfObject):
        return thing
    if isinstance(thing, str):
        return generic.pdf_name(thing) if thing.startswith("/") else generic.pdf_string(thing)
    if isinstance(thing, dict):
        return generic.DictionaryObject({generic.pdf_name(k): value(v) for k, v in thing.items()})
    if isinstance(thing, list):
        return generic.ArrayObject([value(item) for item in thing])
    return generic.NumberObject(thing)


def stream(writer: PdfFileWriter, data: bytes = FALSE, **keys: Any) -> Any:
    given = {f"/{key}": thing for key, thing in keys.items()}
    return writer.add_object(generic.StreamObject(value(given), stream_data=data))


def at_root(**keys: Any) -> Change:
    def change(writer: PdfFileWriter) -> None:
        for key, thing in keys.items():
            writer.root[generic.pdf_name(f"/{key}")] = value(thing)

    return change


def aside(thing: Any) -> Change:
    """An object to which nothing leads."""
    return lambda writer: writer.add_object(value(thing)) and None


def spec(name: str, held: Any) -> dict[str, Any]:
    return {"/Type": "/Filespec", "/F": name, "/UF": name, "/EF": held}


def on_page(annotation: Callable[[PdfFileWriter], dict[str, Any]]) -> Change:
    """An annotation in the way that the standard allows: without a type."""

    def change(writer: PdfFileWriter) -> None:
        page = writer.root["/Pages"]["/Kids"][0]
        mark = {"/Rect": [10, 10, 400, 400]} | annotation(writer)
        page[generic.pdf_name("/Annots")] = value([writer.add_object(value(mark))])

    return change


def attached_to_page(writer: PdfFileWriter) -> dict[str, Any]:
    held = spec("붙임1-견적서.pdf", {"/F": stream(writer)})
    kind = writer.add_object(value("/FileAttachment"))
    return {"/Subtype": kind, "/FS": writer.add_object(value(held))}


def first_file(writer: PdfFileWriter) -> Any:
    names = writer.root["/Names"]["/EmbeddedFiles"]["/Names"]
    return names[len(names) - 1]


def other_content(writer: PdfFileWriter) -> None:
    first_file(writer)["/EF"][generic.pdf_name("/F")] = stream(writer)


def other_name(writer: PdfFileWriter) -> None:
    first_file(writer)[generic.pdf_name("/F")] = value("견적서.exe")


def listed_otherwise(writer: PdfFileWriter) -> None:
    names = writer.root["/Names"]["/EmbeddedFiles"]["/Names"]
    names[len(names) - 2] = value("다른 파일.pdf")


def stray_file(writer: PdfFileWriter) -> None:
    writer.root[generic.pdf_name("/AF")] = value([spec("비밀.pdf", {"/F": stream(writer)})])


def without_font(writer: PdfFileWriter) -> None:
    font = {"/Type": "/Font", "/Subtype": "/TrueType", "/BaseFont": "/Wingdings"}
    writer.root["/Pages"]["/Kids"][0]["/Resources"]["/Font"][generic.pdf_name("/f9")] = value(font)


def page_more(writer: PdfFileWriter) -> None:
    """A second page that the number of pages does not count."""
    tree = writer.root["/Pages"]
    page = {"/Type": "/Page", "/Parent": writer.root.raw_get("/Pages"), "/MediaBox": [0, 0, 9, 9]}
    tree["/Kids"].append(writer.add_object(value(page)))


def script() -> dict[str, Any]:
    return {"/S": "/JavaScript", "/JS": "app.alert('x')"}


# What is changed before the seal, and what both verifiers say of it.
CHANGES: dict[str, tuple[Change, str]] = {
    "script on opening": (at_root(OpenAction=script()), "스크립트"),
    "script by name": (at_root(Names={"/JavaScript": {"/Names": []}}), "스크립트"),
    "action on opening": (at_root(OpenAction={"/S": "/GoTo", "/D": [0]}), "움직이는 동작"),
    "additional actions": (aside({"/AA": {}}), "움직이는 동작"),
    "launch": (aside([[{"/S": "/Launch", "/F": "x.exe"}]]), "움직이는 동작"),
    "an address that runs": (aside({"/S": "/URI", "/URI": "javascript:x()"}), "움직이는 동작"),
    "XFA": (aside({"/XFA": []}), "XFA"),
    "file on the page": (on_page(attached_to_page), "쪽에 붙인 파일"),
    "film": (on_page(lambda _: {"/Subtype": "/RichMedia"}), "소리나 동영상"),
    "layers": (at_root(OCProperties={"/OCGs": []}), "층(레이어)"),
    "layer of a drawing": (aside({"/Type": "/OCG", "/Name": "x"}), "층(레이어)"),
    "stamp": (on_page(lambda _: {"/Subtype": "/Stamp"}), "덧씌운 것"),
    "link that covers": (on_page(lambda _: {"/Subtype": "/Link", "/AP": {}}), "덧씌운 것"),
    "a field": (on_page(lambda _: {"/Subtype": "/Widget", "/FT": "/Tx"}), "입력란"),
    "drawing from elsewhere": (lambda w: stream(w, Ref={"/F": "a.pdf"}), "밖의 것"),
    "file elsewhere": (aside({"/Type": "/Filespec", "/F": "a.pdf"}), "밖의 것"),
    "no font": (without_font, "글꼴이 들어 있지 않아"),
    "printed otherwise": (aside({"/Type": "/ExtGState", "/OP": 1}), "화면과 종이"),
    "an ink of its own": (aside(["/Separation", "/All", "/DeviceGray"]), "화면과 종이"),
    "a page not counted": (page_more, "쪽 차례"),
    "a page of no tree": (aside({"/Type": "/Page"}), "쪽 차례"),
    "two contents": (other_content, "내용이 둘"),
    "two names": (other_name, "이름이 둘"),
    "listed otherwise": (listed_otherwise, "이름이 둘"),
    "file not listed": (stray_file, "숨어 있습니다"),
    "hidden file": (lambda w: stream(w, Type="/EmbeddedFile"), "숨어 있습니다"),
    "view of its own": (at_root(ViewerPreferences={"/ViewArea": "/BleedBox"}), "다르게 보이게"),
    "another beginning": (aside({"/Linearized": 1}), "다르게 보이게 하는"),
    "portfolio": (at_root(Collection={"/View": "/D"}), "다르게 보이게 하는"),
}  # fmt: skip


def sealed(pdf: bytes, name: str) -> bytes:
    return made.seal(made.altered(pdf, CHANGES[name][0]))


def packed(pdf: bytes) -> bytes:
    """Objects in streams, where no plain reader sees them."""
    writer = copy_into_new_writer(PdfFileReader(BytesIO(pdf)), {"stream_xrefs": True})
    out = BytesIO()
    writer.write(out)
    return made.seal(out.getvalue())


def with_earlier_page(pdf: bytes) -> bytes:
    """Another page stands in the file, below the one that was sealed."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    writer.add_object(value("9,000,000"))
    out = BytesIO()
    writer.write(out)
    return made.seal(out.getvalue())


def with_text_between(pdf: bytes) -> bytes:
    """An object that no table lists, which a program that repairs files would find."""
    table = pdf.rindex(b"xref\n0 ")
    hidden = b"99 0 obj\n<< /S /Launch >>\nendobj\n"
    whole = pdf[:table] + hidden + pdf[table:]
    end = whole.rindex(b"startxref")
    return made.seal(whole[:end] + b"startxref\n%d\n%%%%EOF\n" % (table + len(hidden)))


def with_text_after(pdf: bytes) -> bytes:
    """The same behind the end mark of what was typeset."""
    return made.seal(pdf + b"\n% 99 0 obj << /S /Launch >> endobj\n")


def rewritten(pdf: bytes) -> bytes:
    """The page that was typeset stands upright, the one that was sealed upside down."""

    def turn(writer: IncrementalPdfFileWriter) -> None:
        page = writer.root["/Pages"]["/Kids"][0]
        page[generic.pdf_name("/Rotate")] = value(180)
        writer.update_container(page)

    return made.seal(pdf, change=turn)


LAYOUTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "packed": (packed, "압축되어"),
    "revised": (with_earlier_page, "여러 번 덧붙여"),
    "between": (with_text_between, "목차에 없는 부분"),
    "after": (with_text_after, "목차에 없는 부분"),
    "rewritten": (rewritten, "앞의 내용을 고쳤습니다"),
}
