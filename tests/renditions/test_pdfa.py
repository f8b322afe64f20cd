"""PDF/A-3a and PDF/UA-1: the house's own second look, beside what Typst promises.

Not a validator. The rules are those that makers of PDF break most, above all when they sign.
Source: ISO 19005-3 (PDF/A-3), ISO 14289-1 (PDF/UA-1); the clause stands beside each rule.
"""

import re
from collections.abc import Callable, Iterator
from io import BytesIO

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from danji.renditions.pdf import render
from danji.renditions.seal import seal

Rule = Callable[[Pdf], bool]


def _dictionaries(pdf: Pdf) -> Iterator[Dictionary]:
    for thing in pdf.objects:
        if isinstance(thing, (Dictionary, Stream)):
            yield thing


def _metadata(pdf: Pdf) -> str:
    return pdf.Root.Metadata.read_bytes().decode()


def _says(pdf: Pdf, key: str, value: str) -> bool:
    """Whether XMP states a property, as an element or as an attribute."""
    pattern = rf"<{key}>{value}</{key}>|{key}=[\"']{value}[\"']"
    return re.search(pattern, _metadata(pdf)) is not None


def _fonts_embedded(pdf: Pdf) -> bool:
    descriptors = [d for d in _dictionaries(pdf) if d.get("/Type") == Name.FontDescriptor]
    simple = [
        d
        for d in _dictionaries(pdf)
        if d.get("/Type") == Name.Font
        and d.get("/Subtype") != Name.Type0
        and "/FontDescriptor" not in d
    ]
    files = ("/FontFile", "/FontFile2", "/FontFile3")
    return bool(descriptors) and not simple and all(any(f in d for f in files) for d in descriptors)


def _text_has_unicode(pdf: Pdf) -> bool:
    composite = [d for d in _dictionaries(pdf) if d.get("/Subtype") == Name.Type0]
    return bool(composite) and all("/ToUnicode" in d for d in composite)


def _files_related(pdf: Pdf) -> bool:
    specs = [d for d in _dictionaries(pdf) if d.get("/Type") == Name.Filespec]
    known = {"/Source", "/Data", "/Supplement", "/Alternative", "/Unspecified"}
    return len(specs) == len(pdf.Root.get("/AF", [])) and all(
        str(spec.get("/AFRelationship")) in known
        and {"/F", "/UF", "/EF"} <= set(spec.keys())
        and {"/Subtype", "/Params"} <= set(spec.EF.F.keys())
        and "/ModDate" in spec.EF.F.Params
        for spec in specs
    )


def _names_sorted(pdf: Pdf) -> bool:
    names = bytes_of = [bytes(n) for n in list(pdf.Root.Names.EmbeddedFiles.Names)[::2]]
    return names == sorted(bytes_of)


def _annotations_print(pdf: Pdf) -> bool:
    return all(
        int(note.get("/F", 0)) & 0b100111 == 0b100
        for page in pdf.pages
        for note in page.get("/Annots", [])
    )


def _pages_in_order(pdf: Pdf) -> bool:
    return all(page.get("/Tabs") == Name.S for page in pdf.pages if "/Annots" in page)


def _no_programs(pdf: Pdf) -> bool:
    forbidden = {"/JavaScript", "/Launch", "/Sound", "/Movie", "/ResetForm", "/ImportData"}
    return (
        not any(
            "/JS" in d or "/AA" in d or "/XFA" in d or str(d.get("/S")) in forbidden
            for d in _dictionaries(pdf)
        )
        and "/OpenAction" not in pdf.Root
    )


def _identified(pdf: Pdf) -> bool:
    return len(pdf.trailer.get("/ID", [])) == 2


def _dates_agree(pdf: Pdf) -> bool:
    """What XMP and the old information dictionary both say must be the same."""
    said = re.search(r"<xmp:ModifyDate>([0-9T:-]+)", _metadata(pdf))
    info = str(pdf.trailer.get("/Info", Dictionary()).get("/ModDate", ""))
    return not info or (said is not None and re.sub(r"\D", "", said[1])[:14] == info[2:16])


def _tables_have_heads(pdf: Pdf) -> bool:
    def kinds(node: object) -> Iterator[str]:
        if isinstance(node, Array):
            for child in node:
                yield from kinds(child)
        elif isinstance(node, Dictionary):
            yield str(node.get("/S"))
            yield from kinds(node.get("/K"))

    tables = [d for d in _dictionaries(pdf) if d.get("/S") == Name.Table]
    return bool(tables) and all("/TH" in set(kinds(table)) for table in tables)


def _figures_described(pdf: Pdf) -> bool:
    figures = [d for d in _dictionaries(pdf) if d.get("/S") == Name.Figure]
    return bool(figures) and all(str(d.get("/Alt", "")) for d in figures)


RULES: dict[str, Rule] = {
    "6.1.2 at most PDF 1.7": lambda pdf: (
        pdf.pdf_version <= "1.7" and str(pdf.Root.get("/Version", "/1.7")) <= "/1.7"
    ),
    "6.1.3 not encrypted": lambda pdf: not pdf.is_encrypted and "/Encrypt" not in pdf.trailer,
    "6.1.3 a file identifier": _identified,
    "6.2.3 an output intent": lambda pdf: any(
        intent.get("/S") == Name.GTS_PDFA1 and "/DestOutputProfile" in intent
        for intent in pdf.Root.get("/OutputIntents", [])
    ),
    "6.2.11.4 every font embedded": _fonts_embedded,
    "6.2.11.7 every letter known": _text_has_unicode,
    "6.3.2 annotations print": _annotations_print,
    "6.4, 6.5 no programs": _no_programs,
    "6.6.2 part 3": lambda pdf: _says(pdf, "pdfaid:part", "3"),
    "6.6.2 level A": lambda pdf: _says(pdf, "pdfaid:conformance", "A"),
    "6.6.3 dates agree": _dates_agree,
    "6.7.2 tagged": lambda pdf: bool(pdf.Root.get("/MarkInfo", {}).get("/Marked", False)),
    "6.7.3 a structure": lambda pdf: "/StructTreeRoot" in pdf.Root,
    "6.7.4 in Korean": lambda pdf: str(pdf.Root.get("/Lang", "")).startswith("ko"),
    "6.8 files have a relation": _files_related,
    "32000-1, 7.9.6 names sorted": _names_sorted,
    "UA 5 marked": lambda pdf: _says(pdf, "pdfuaid:part", "1"),
    "UA 7.1 title shown": lambda pdf: (
        "<dc:title>" in _metadata(pdf)
        and bool(pdf.Root.get("/ViewerPreferences", {}).get("/DisplayDocTitle", False))
    ),
    "UA 7.3 figures described": _figures_described,
    "UA 7.5 tables have heads": _tables_have_heads,
    "UA 7.18.3 pages in order": _pages_in_order,
}


def faults(data: bytes) -> list[str]:
    with pikepdf.open(BytesIO(data)) as pdf:
        return [name for name, holds in RULES.items() if not holds(pdf)]


@pytest.mark.parametrize("kind", ["memo", "expense", "fee-notice", "bid-notice"])
def test_a_rendered_document_keeps_every_rule(document, files, kind):
    assert faults(render(document(kind), attachments=files)) == []


@pytest.mark.parametrize("kind", ["memo", "expense", "fee-notice", "bid-notice"])
def test_a_sealed_document_still_keeps_every_rule(document, files, kind, seal_key, sealed_at):
    assert faults(seal(render(document(kind), attachments=files), seal_key, sealed_at).pdf) == []


def _without(key: str) -> Callable[[Pdf], None]:
    def change(pdf: Pdf) -> None:
        del pdf.Root[key]

    return change


def _metadata_with(old: str, new: str) -> Callable[[Pdf], None]:
    def change(pdf: Pdf) -> None:
        stream = pdf.Root.Metadata
        stream.write(_metadata(pdf).replace(old, new).encode())

    return change


def _drop_a_font(pdf: Pdf) -> None:
    descriptor = next(d for d in _dictionaries(pdf) if d.get("/Type") == Name.FontDescriptor)
    del descriptor["/FontFile3"]


def _forget_unicode(pdf: Pdf) -> None:
    del next(d for d in _dictionaries(pdf) if d.get("/Subtype") == Name.Type0)["/ToUnicode"]


def _unrelate(pdf: Pdf) -> None:
    del pdf.Root.AF[0]["/AFRelationship"]


def _run_script(pdf: Pdf) -> None:
    pdf.Root.OpenAction = Dictionary(S=Name.JavaScript, JS="app.alert(1)")


def _hide_alternate(pdf: Pdf) -> None:
    del next(d for d in _dictionaries(pdf) if d.get("/S") == Name.Figure)["/Alt"]


def _unmark(pdf: Pdf) -> None:
    pdf.Root.MarkInfo.Marked = False


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (_without("/OutputIntents"), "6.2.3 an output intent"),
        (_drop_a_font, "6.2.11.4 every font embedded"),
        (_forget_unicode, "6.2.11.7 every letter known"),
        (_run_script, "6.4, 6.5 no programs"),
        (_metadata_with("pdfaid:part>3", "pdfaid:part>2"), "6.6.2 part 3"),
        (_metadata_with("conformance>A", "conformance>B"), "6.6.2 level A"),
        (_metadata_with("ModifyDate>20", "ModifyDate>19"), "6.6.3 dates agree"),
        (_unmark, "6.7.2 tagged"),
        (_without("/StructTreeRoot"), "6.7.3 a structure"),
        (_without("/Lang"), "6.7.4 in Korean"),
        (_unrelate, "6.8 files have a relation"),
        (_metadata_with("pdfuaid:part", "pdfuaid:port"), "UA 5 marked"),
        (_without("/ViewerPreferences"), "UA 7.1 title shown"),
        (_hide_alternate, "UA 7.3 figures described"),
    ],
)
def test_each_rule_notices_its_fault(rendered, change, fault):
    broken = BytesIO()
    with pikepdf.open(BytesIO(rendered)) as pdf:
        change(pdf)
        pdf.save(broken, fix_metadata_version=False)
    assert fault in faults(broken.getvalue())


def test_an_encrypted_file_or_a_newer_version_is_noticed(rendered):
    for options, fault in (
        ({"encryption": pikepdf.Encryption(owner="a", user="")}, "6.1.3 not encrypted"),
        ({"force_version": "2.0"}, "6.1.2 at most PDF 1.7"),
    ):
        broken = BytesIO()
        with pikepdf.open(BytesIO(rendered)) as pdf:
            pdf.save(broken, **options)
        assert fault in faults(broken.getvalue())
