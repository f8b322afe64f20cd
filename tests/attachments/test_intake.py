"""What may come in, and what may not: told by the bytes, in a process without rights."""

import time
import unicodedata
import zipfile
import zlib
from io import BytesIO

import pytest

import made
from danji.attachments import confined, intake
from danji.attachments.intake import examine
from danji.rules.refusal import Refusal

OFFICE = "application/vnd.openxmlformats-officedocument"
PROGRAM = b"MZ\x90\0" + bytes(200)


@pytest.mark.parametrize(
    ("name", "data", "media_type"),
    [
        ("견적서.PDF", made.pdf(), "application/pdf"),
        ("현장.png", made.picture(), "image/png"),
        ("현장.jpeg", made.picture("JPEG"), "image/jpeg"),
        ("현장.webp", made.picture("WEBP"), "image/webp"),
        ("내역서.hwp", made.hwp(), "application/x-hwp"),
        ("내역서.hwp", made.hwp(flags=0), "application/x-hwp"),
        ("내역서.hwpx", made.hwpx(), "application/hwp+zip"),
        ("계약서.docx", made.document("계약"), f"{OFFICE}.wordprocessingml.document"),
        ("정산.xlsx", made.office("xlsx"), f"{OFFICE}.spreadsheetml.sheet"),
        ("설명회.pptx", made.office("pptx"), f"{OFFICE}.presentationml.presentation"),
        ("정산.xls", made.workbook(), "application/vnd.ms-excel"),
        ("장부.csv", "날짜,금액\n11.22,1430000".encode("cp949"), "text/csv"),
        ("메모.txt", "화단 정비".encode(), "text/plain"),
        ("증빙.zip", made.archive({"a/영수증.pdf": made.pdf()}), "application/zip"),
        (unicodedata.normalize("NFD", "견적서.pdf"), made.pdf(), "application/pdf"),
    ],
)
def test_a_file_is_what_its_bytes_say(name, data, media_type):
    assert examine(name, data).media_type == media_type


def test_pages_are_counted_where_a_kind_has_them():
    assert examine("계약서.pdf", made.pdf("가 #pagebreak() 나")).pages == 2
    assert examine("계약서.docx", made.document("가")).pages is None


def said(name, data):
    with pytest.raises(Refusal) as refused:
        examine(name, data)
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("a.pdf", b"", "비어 있습니다"),
        ("a.pdf", PROGRAM, "PDF 파일로 읽히지 않습니다"),
        ("a.html", b"<script>alert(1)</script>", "종류가 아닙니다"),
        ("a.svg", b"<svg onload='alert(1)'/>", "종류가 아닙니다"),
        ("a.txt", b"text\0with\x01more", "파일로 읽히지 않습니다"),
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0", "JPG로 바꾸어"),
        ("a.hwp", b"HWP Document File V3.00 \x1a\1\2\3\4\5", "한글(HWP) 파일로 읽히지 않습니다"),
        ("a.msi", made.compound({"Property": b""}), "종류가 아닙니다"),
    ],
)
def test_what_is_not_taken_is_said(name, data, sentence):
    assert sentence in said(name, data)


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.pdf", made.picture(), "PNG 그림"),
        ("a.png", made.pdf(), "PDF"),
        ("a.docx", made.hwpx(), "한글(HWPX)"),
        ("a.hwpx", made.document("가"), "워드(DOCX)"),
        ("a.hwp", made.workbook(), "엑셀(XLS)"),
        ("a.docx", made.archive({"a.pdf": made.pdf()}), "ZIP 묶음"),
        ("견적서", made.pdf(), "PDF"),
    ],
)
def test_a_name_that_says_something_else_is_refused(name, data, kind):
    assert f"이름과 달리 {kind} 파일입니다" in said(name, data)


WHOLE = {
    "a.pdf": made.pdf(),
    "a.png": made.picture(),
    "a.jpg": made.picture("JPEG"),
    "a.webp": made.picture("WEBP"),
    "a.hwp": made.hwp(),
    "a.hwpx": made.hwpx(),
    "a.docx": made.document("가"),
    "a.xls": made.workbook(),
    "a.zip": made.archive({"a.pdf": made.pdf()}),
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_a_file_that_was_cut_off_is_refused(name, share):
    data = WHOLE[name]
    assert "끝까지 들어 있지 않습니다" in said(name, data[: int(len(data) * share)])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.pdf", made.locked_pdf()),
        ("a.hwp", made.hwp(flags=3)),
        ("a.hwp", made.hwp(flags=1 | 16)),
        ("a.hwpx", made.hwpx(**{"META-INF/manifest.xml": b"<m><encryption-data/></m>"})),
        ("a.docx", made.compound({"EncryptedPackage": b"", "EncryptionInfo": b""})),
        ("a.doc", made.compound({"WordDocument": b"\xec\xa5".ljust(11, b"\0") + b"\x01"})),
        ("a.xls", made.workbook((0x2F, b"\0\0"))),
        (
            "a.ppt",
            made.compound(
                {"PowerPoint Document": b"", "Current User": bytes(12) + b"\xdf\xc4\xd1\xf3"}
            ),
        ),
    ],
)
def test_a_password_is_refused(name, data):
    assert "암호가 걸려 있어" in said(name, data)


def test_an_archive_with_a_password_is_refused():
    data = bytearray(made.archive({"a.txt": b"text"}, packing=zipfile.ZIP_STORED))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert "암호가 걸려 있어" in said("a.zip", bytes(data))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (
            "a.docx",
            made.office("docx", types='<Default Extension="bin" ContentType="x.vbaProject"/>'),
        ),
        ("a.xlsx", made.office("xlsx", {"xl/vbaProject.bin": ""})),
        ("a.doc", made.compound({"WordDocument": b"\xec\xa5" + bytes(20), "Macros/VBA/dir": b""})),
        (
            "a.ppt",
            made.compound(
                {
                    "Current User": bytes(16),
                    "PowerPoint Document": bytes.fromhex("1f00ff0314000000020000040c000000")
                    + b"\1\0\0\0\1\0\0\0",
                }
            ),
        ),
    ],
)
def test_macros_are_refused(name, data):
    assert "매크로" in said(name, data)


@pytest.mark.parametrize(
    "data",
    [
        made.archive({"영수증.pdf": made.pdf(), "설치.exe": PROGRAM}),
        made.archive({"견적서.pdf": PROGRAM}),
        made.archive({"run.bat": b"del *"}),
    ],
)
def test_a_program_in_an_archive_is_refused(data):
    assert "묶음 안의" in said("a.zip", data)
    assert "프로그램" in said("a.zip", data)


def test_a_text_that_begins_like_a_program_is_a_text():
    assert examine("a.zip", made.archive({"설문.csv": "MZ세대,12".encode()}))


def test_a_program_in_an_office_file_is_refused():
    data = made.archive(
        {
            "[Content_Types].xml": made_types(made.document("가")),
            "word/document.xml": b"<w/>",
            "word/embeddings/a.bin": PROGRAM,
        }
    )
    assert "프로그램" in said("a.docx", data)


def made_types(data):
    with zipfile.ZipFile(BytesIO(data)) as file:
        return file.read("[Content_Types].xml")


def relation(kind, mode="External"):
    return (
        f'<Relationships><Relationship Type="http://x/{kind}" '
        f'Target="http://elsewhere.example/a" TargetMode="{mode}"/></Relationships>'
    )


@pytest.mark.parametrize(
    "kind", ["attachedTemplate", "oleObject", "externalLinkPath", "image", "audio", "externalLink"]
)
@pytest.mark.parametrize("part", ["word/_rels/settings.xml.rels", "word/_rels/settings.xml.RELS"])
def test_what_would_be_fetched_from_elsewhere_is_refused(kind, part):
    assert "밖의 파일을 불러와서" in said("a.docx", made.office("docx", {part: relation(kind)}))


@pytest.mark.parametrize(("kind", "mode"), [("hyperlink", "External"), ("image", "Internal")])
def test_what_waits_or_is_inside_is_not_fetched(kind, mode):
    data = made.office("docx", {"word/_rels/document.xml.rels": relation(kind, mode)})
    assert examine("a.docx", data)


WRAPPED = made.compound({"\x01Ole10Native": b"a.exe"})
MACROS = made.compound({"Workbook": b"", "_VBA_PROJECT_CUR/VBA/dir": b""})


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.docx", made.office("docx", {"word/embeddings/oleObject1.bin": WRAPPED})),
        ("a.hwpx", made.hwpx(**{"BinData/ole1.ole": WRAPPED})),
        ("a.hwp", made.hwp(more={"BinData/BIN0001.OLE": b"\0\x20\0\0" + WRAPPED})),
        ("a.hwp", made.hwp(flags=0, more={"BinData/BIN0001.OLE": b"\0\x20\0\0" + WRAPPED})),
        ("a.hwp", made.hwp(more={"Object/\x01Ole10Native": b"a.exe"})),
    ],
)
def test_a_file_wrapped_into_another_is_refused(name, data):
    assert "숨어 있거나" in said(name, data)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.docx", made.office("docx", {"word/embeddings/oleObject1.bin": MACROS})),
        (
            "a.pptx",
            made.office(
                "pptx", {"ppt/embeddings/a.xlsm": made.office("xlsx", {"xl/vbaProject.bin": b""})}
            ),
        ),
        ("a.hwp", made.hwp(more={"BinData/BIN0001.OLE": b"\0\x20\0\0" + MACROS})),
        ("a.xls", made.workbook((0x85, bytes(5) + b"\x01\0\0"))),
        (
            "a.xlsx",
            made.office("xlsx", types='<Default Extension="a" ContentType="x.MACROSHEET+xml"/>'),
        ),
    ],
)
def test_macros_further_inside_are_refused(name, data):
    assert "매크로" in said(name, data)


def test_the_table_behind_a_chart_is_taken():
    table = made.office(
        "xlsx", {"xl/externalLinks/_rels/externalLink1.xml.rels": relation("externalLinkPath")}
    )
    parts = {"word/embeddings/Microsoft_Excel_Sheet1.xlsx": table}
    assert examine("a.docx", made.office("docx", parts))
    assert examine(
        "a.zip", made.archive({"b.zip": made.archive({"a.docx": made.office("docx", parts)})})
    )


IDLE = (
    "function OnDocument_New()\r\n{\r\n\t//todo : \r\n}\r\n"
    "function OnDocument_Open()\r\n{ /* a */ }\r\n"
)
BUSY = (
    "function OnDocument_Open()\r\n{\r\n\tDocument.Run();\r\n}\r\n",
    "function OnDocument_Open() { /*@cc_on Document.Run(); @*/ }",
    "function OnDocument_Open() { // a\u2028 Document.Run(); }",
    'var a = "//"; Document.Run();',
)


@pytest.mark.parametrize("flags", [0, 1])
def test_the_empty_script_of_every_document_of_hangul_is_no_macro(flags):
    assert examine(
        "a.hwp", made.hwp(flags=flags, more={"Scripts/DefaultJScript": made.script(IDLE)})
    )
    scripts = {"Scripts/sourceScripts.js": IDLE.encode("utf-16-le")}
    assert examine("a.hwpx", made.hwpx(**scripts))


@pytest.mark.parametrize("source", BUSY)
def test_a_script_that_does_something_is_a_macro(source):
    data = made.hwp(more={"Scripts/DefaultJScript": made.script(source)})
    assert "매크로" in said("a.hwp", data)
    scripts = {"Scripts/sourceScripts": source.encode("utf-16-le")}
    assert "매크로" in said("a.hwpx", made.hwpx(**scripts))


def test_a_picture_of_a_document_of_hangul_is_no_program():
    more = {"BinData/BIN0001.jpg": made.picture("JPEG"), "BinData/BIN0002.bmp": bytes(200_000)}
    assert examine("a.hwp", made.hwp(more=more))


def test_a_program_in_a_document_of_hangul_is_refused():
    assert "프로그램" in said("a.hwp", made.hwp(more={"BinData/BIN0001.png": PROGRAM}))


def test_an_entity_bomb_is_not_unpacked():
    bomb = '<!DOCTYPE a [<!ENTITY b "cccccccccc"><!ENTITY d "&b;&b;&b;">]><Types>&d;</Types>'
    assert said("a.docx", made.archive({"[Content_Types].xml": bomb.encode()}))


@pytest.mark.parametrize(
    "data",
    [
        made.picture() + made.archive({"a.txt": b"hidden"}),
        made.picture("JPEG") + made.archive({"a.txt": b"hidden"}),
    ],
)
def test_an_archive_behind_a_picture_is_refused(data):
    name = "a.png" if data.startswith(b"\x89PNG") else "a.jpg"
    assert "숨어 있거나" in said(name, data)


def test_what_follows_an_archive_is_refused():
    assert "숨어 있거나" in said("a.zip", made.archive({"a.txt": b"text"}) + PROGRAM)


# --- Archives ----------------------------------------------------------------------------------


def test_an_archive_that_unpacks_to_too_much_is_refused():
    zeros = made.archive({f"{number}.txt": b" " * 30_000_000 for number in range(2)})
    assert len(zeros) < 100_000
    assert "풀면 너무 커지거나" in said("a.zip", zeros)


def test_entries_that_share_bytes_are_refused():
    """The bomb of one block that every entry points at."""
    data = made.archive({"a.txt": b"text", "b.txt": b"text"}, packing=zipfile.ZIP_STORED)
    second = data.rindex(b"PK\x01\x02")
    shared = bytearray(data)
    shared[second + 42 : second + 46] = bytes(4)
    assert "정상으로 만들어지지 않은" in said("a.zip", bytes(shared))


def test_ten_thousand_entries_are_refused():
    assert "5,000개까지" in said("a.zip", made.archive({f"{n}.txt": b"" for n in range(10_000)}))


def test_archives_in_archives_end_somewhere():
    inner = made.archive({"a.txt": b"text"})
    assert examine("a.zip", made.archive({"b.zip": inner}))
    deep = made.archive({"c.zip": made.archive({"b.zip": inner})})
    assert "여러 겹" in said("a.zip", deep)


@pytest.mark.parametrize(
    "name", ["../a.txt", "/etc/a.txt", "C:\\a.txt", "a/../../b.txt", "a\x07.txt", "..\\a.txt"]
)
def test_a_name_that_leads_elsewhere_is_refused(name):
    assert "다른 폴더" in said("a.zip", made.archive({name: b"text"}))


def test_a_link_in_an_archive_is_refused():
    link = zipfile.ZipInfo("a.txt")
    link.external_attr = 0o120777 << 16
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        file.writestr(link, "/etc/passwd")
    assert "다른 폴더" in said("a.zip", target.getvalue())


def test_the_entry_at_fault_is_named_as_it_was_written():
    named = zipfile.ZipInfo("x.hta")
    data = BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr(named, b"text")
    korean = data.getvalue().replace(b"x.hta", "명.a".encode("cp949") + b"b")
    assert "‘명.ab’" in said("a.zip", korean)


def test_what_a_mac_puts_beside_the_files_is_passed_over():
    entries = {
        "영수증.pdf": made.pdf(),
        "__MACOSX/._영수증.pdf": b"\0\5\x16\7" + bytes(20),
        ".DS_Store": b"\0\0\0\1Bud1" + bytes(20),
    }
    assert examine("a.zip", made.archive(entries))


def test_what_windows_puts_beside_the_files_is_passed_over():
    entries = {
        "영수증.pdf": made.pdf(),
        "사진/Thumbs.db": made.compound({"256_6aa1": b"\x0c\0\0\0" + made.picture("JPEG")}),
        "desktop.ini": "[.ShellClassInfo]\r\nIconResource=%SystemRoot%\\a.dll,3".encode("utf-16"),
    }
    assert examine("a.zip", made.archive(entries))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("__MACOSX/virus.exe", PROGRAM),
        ("__MACOSX/._virus.exe", PROGRAM),
        ("__MACOSX/._in.zip", b"\0\5\x16\7" + made.archive({"virus.exe": PROGRAM})),
        ("x/Thumbs.db", PROGRAM),
        ("x/Thumbs.db", made.compound({"256_6aa1": PROGRAM})),
        ("x/Thumbs.db", made.compound({"WordDocument": b"\xec\xa5" + bytes(20)})),
        ("x/Thumbs.db", b"something else"),
        (".DS_Store", PROGRAM),
        ("desktop.ini", PROGRAM),
        ("desktop.ini", b"[.ShellClassInfo]\r\nIconResource=\\\\elsewhere.example\\a,1"),
    ],
)
def test_what_only_has_the_name_of_litter_is_looked_at(name, data):
    assert f"{name}’ 파일" in said("a.zip", made.archive({"영수증.pdf": made.pdf(), name: data}))


def test_an_archive_among_litter_is_looked_through():
    inner = made.archive({"virus.exe": PROGRAM})
    assert "‘virus.exe’" in said(
        "a.zip", made.archive({"a.txt": b"text", "__MACOSX/in.zip": inner})
    )


def test_an_archive_of_nothing_but_litter_is_refused():
    assert said("a.zip", made.archive({".DS_Store": b"\0\0\0\1Bud1"}))


def test_an_empty_archive_is_refused():
    assert said("a.zip", made.archive({}))


# --- Limits ------------------------------------------------------------------------------------


def test_a_hundred_thousand_pages_are_refused():
    assert "1,000쪽까지" in said("a.pdf", made.endless_pdf())


def test_a_picture_that_unpacks_to_a_field_is_refused():
    huge = bytearray(made.picture())
    huge[16:24] = (60_000).to_bytes(4, "big") * 2
    huge[29:33] = zlib.crc32(bytes(huge[12:29])).to_bytes(4, "big")
    assert "화소까지" in said("a.png", bytes(huge))


def test_a_parser_that_hangs_is_stopped(monkeypatch, tmp_path):
    began = time.monotonic()
    monkeypatch.setattr(confined.sys, "executable", str(hanging(tmp_path)))
    monkeypatch.setattr(intake, "SECONDS", 0.2)
    assert "정해진 시간 안에" in said("a.pdf", made.pdf())
    assert time.monotonic() - began < 5


def hanging(folder):
    program = folder / "python"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    return program


def test_an_answer_that_is_none_is_not_believed(monkeypatch, tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho nonsense\n")
    program.chmod(0o755)
    monkeypatch.setattr(confined.sys, "executable", str(program))
    assert "살펴보지 못했습니다" in said("a.pdf", made.pdf())


def test_no_more_than_a_few_are_looked_at_at_once(monkeypatch):
    monkeypatch.setattr(confined, "PATIENCE", 0.01)
    taken = [confined._places.acquire(timeout=0) for _ in range(confined.AT_ONCE)]
    try:
        sentence = said("a.pdf", made.pdf())
        assert "지금 다른 파일을 많이 살펴보고 있어" in sentence
        assert "잠시 뒤 다시" in sentence
    finally:
        for _ in filter(None, taken):
            confined._places.release()
