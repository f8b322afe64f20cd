"""What is attached is searched for identification numbers before it is shown to everybody."""

import pytest
import typst

import made
from danji.base import files
from danji.disclosure.inspection import UNREADABLE, find_obstacles

NUMBER = "880101-1234567"
LITTER = b"\0\5\x16\7" + bytes(20)
OFFICE = "application/vnd.openxmlformats-officedocument"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.FILES = tmp_path


def found(name, data, media_type):
    file = {"name": name, "media_type": media_type, "sha256": files.put(data), "size": len(data)}
    content = {"title": "제목", "blocks": [], "values": {}, "attachments": [file]}
    record = {"content": content, "decisions": []}
    clean = typst.compile(b"clean", format="pdf")
    return {place.kind for place in find_obstacles(record, clean)}


@pytest.mark.parametrize(
    ("name", "make", "media_type"),
    [
        ("a.hwp", made.hwp, "application/x-hwp"),
        ("a.hwpx", made.hwpx, "application/hwp+zip"),
        ("a.docx", made.document, f"{OFFICE}.wordprocessingml.document"),
        ("a.pptx", made.slide, f"{OFFICE}.presentationml.presentation"),
        ("a.xlsx", lambda text: made.sheet("s", [[text]]), f"{OFFICE}.spreadsheetml.sheet"),
        ("a.csv", lambda text: text.encode("cp949"), "text/csv"),
        ("a.zip", lambda text: made.archive({"b.hwp": made.hwp(text)}), "application/zip"),
        ("a.zip", lambda text: made.archive({"b.pdf": made.pdf(text)}), "application/zip"),
        (
            "a.zip",
            lambda text: made.archive({"b.txt": text.encode(), "__MACOSX/._b.hwp": LITTER}),
            "application/zip",
        ),
    ],
)
def test_a_number_is_found_and_the_rest_waits_for_a_person(name, make, media_type):
    assert found(name, make(f"담당 {NUMBER} 홍길동"), media_type) == {"주민등록번호", UNREADABLE}
    assert found(name, make("담당 홍길동"), media_type) == {UNREADABLE}


def test_what_holds_no_words_waits_for_a_person():
    assert found("a.doc", made.compound({"WordDocument": b""}), "application/msword") == {
        UNREADABLE
    }
    assert found("a.jpg", made.picture("JPEG"), "image/jpeg") == {UNREADABLE}
