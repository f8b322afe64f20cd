"""An identification number anywhere in what would be published stops it, with its place named."""

import io

import pikepdf
import pytest
import typst

from danji.base import files
from danji.disclosure.inspection import UNREADABLE, find_obstacles

NUMBER = "880101-1234567"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.FILES = tmp_path


def pdf(text: str) -> bytes:
    return typst.compile(text.encode(), format="pdf")


def content(**changes):
    empty = {"title": "제목", "blocks": [], "values": {}, "attachments": []}
    opinion = changes.pop("opinion", "")
    decisions = [{"office": "과장", "name": "이민호", "opinion": opinion}]
    return {"content": empty | changes, "decisions": decisions}


def attach(name, data, media_type="application/pdf"):
    digest = files.put(data)
    return {"name": name, "media_type": media_type, "size": len(data), "sha256": digest}


def places(content, rendition="clean"):
    return [(found.place, found.kind) for found in find_obstacles(content, pdf(rendition))]


def test_a_clean_record_has_no_obstacle():
    assert places(content(attachments=[attach("견적서.pdf", pdf("estimate"))])) == []


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"title": f"계약 {NUMBER}"}, "제목"),
        ({"opinion": f"대표 {NUMBER}"}, "과장 이민호의 의견"),
        ({"blocks": [{"kind": "pair", "label": "지급처", "value": NUMBER}]}, "‘지급처’ 칸"),
        (
            {"blocks": [{"kind": "table", "label": "명단", "rows": [["가", f"{NUMBER}"]]}]},
            "‘명단’ 칸",
        ),
    ],
)
def test_the_place_in_the_text_is_named(changes, place):
    assert (place, "주민등록번호") in places(content(**changes))


def test_the_page_of_an_attachment_is_named():
    second = pdf(f"one #pagebreak() {NUMBER}")
    found = places(content(attachments=[attach("계약서.pdf", second)]))
    assert found == [("붙임 ‘계약서.pdf’ 2쪽", "주민등록번호")]


def test_the_name_of_an_attachment_counts():
    found = places(content(attachments=[attach(f"{NUMBER}.pdf", pdf("clean"))]))
    assert found == [(f"붙임 ‘{NUMBER}.pdf’의 이름", "주민등록번호")]


def test_the_pdf_itself_is_read():
    assert places(content(), rendition=NUMBER) == [("PDF 1쪽", "주민등록번호")]


@pytest.mark.parametrize(
    ("name", "data", "media_type"),
    [
        ("사진.jpg", b"\xff\xd8\xff photo \xff\xd9", "image/jpeg"),
        ("스캔.pdf", typst.compile(b"#rect()", format="pdf"), "application/pdf"),
        ("상한것.pdf", b"%PDF-1.7 broken %%EOF", "application/pdf"),
    ],
    ids=["picture", "scan", "damaged"],
)
def test_what_cannot_be_read_waits_for_a_person(name, data, media_type):
    found = find_obstacles(content(attachments=[attach(name, data, media_type)]), pdf("clean"))
    assert [(place.kind, place.can_be_cleared) for place in found] == [(UNREADABLE, True)]


def test_a_number_is_never_cleared():
    (found,) = find_obstacles(content(title=NUMBER), pdf("clean"))[:1]
    assert not found.can_be_cleared


def test_hostile_files_end_quietly():
    bomb = io.BytesIO(b"%PDF-1.7\n" + b"[" * 100_000 + b"%%EOF").getvalue()
    found = find_obstacles(content(attachments=[attach("폭탄.pdf", bomb)]), pdf("clean"))
    assert [place.kind for place in found] == [UNREADABLE]


def with_note() -> bytes:
    made = pikepdf.open(io.BytesIO(pdf("clean")))
    note = made.make_indirect(
        {
            "/Type": pikepdf.Name.Annot,
            "/Subtype": pikepdf.Name.FreeText,
            "/Rect": [10, 10, 200, 40],
            "/Contents": NUMBER,
        }
    )
    made.pages[0].Annots = pikepdf.Array([note])
    return saved(made)


def with_file() -> bytes:
    made = pikepdf.open(io.BytesIO(pdf("clean")))
    made.attachments["숨은.txt"] = NUMBER.encode()
    return saved(made)


def saved(made: pikepdf.Pdf) -> bytes:
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


@pytest.mark.parametrize("make", [with_note, with_file])
def test_what_stands_on_or_in_a_pdf_waits_for_a_person(make):
    found = find_obstacles(content(attachments=[attach("견적서.pdf", make())]), pdf("clean"))
    assert [place.kind for place in found] == [UNREADABLE]
