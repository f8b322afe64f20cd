"""What is shown of an attached file: pictures of our own making, or its words, or nothing."""

from datetime import datetime
from importlib import import_module
from io import BytesIO
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image

import made
from danji.approvals import drafting
from danji.attachments import confined, jobs
from danji.attachments.actions import note_attached
from danji.attachments.jobs import make_previews
from danji.attachments.models import Attached, Preview
from danji.attachments.queries import previews_of, sections_of
from danji.base import files

OFFICE = "application/vnd.openxmlformats-officedocument"
MEMO = {"title": ["화단 정비"], "purpose": ["정비합니다."], "plan": ["11월에 합니다."]}


@pytest.fixture
def preview(complex_, at: datetime):
    """Attach a file and make its preview."""

    def make(data: bytes, media_type: str) -> Preview:
        digest = files.put(data)
        note_attached(complex_.id, digest, media_type, at=at)
        make_previews(complex_.id)
        return previews_of(complex_.id, [digest])[digest]

    return make


def drawn(preview):
    return [Image.open(BytesIO(files.get(digest))) for digest in preview.pictures]


@pytest.mark.parametrize(
    ("data", "media_type", "pages"),
    [
        (made.pdf("가 #pagebreak() 나"), "application/pdf", 2),
        (made.hwp(), "application/x-hwp", 1),
        (made.hwpx(), "application/hwp+zip", 1),
    ],
)
def test_pages_are_drawn(preview, data, media_type, pages):
    shown = preview(data, media_type)
    assert shown.pages == len(shown.pictures) == pages
    page = drawn(shown)[0]
    assert (page.format, page.width) == ("PNG", 1000)
    assert len(page.convert("L").getcolors()) > 1  # something stands on it


def test_only_the_first_pages_of_a_long_file_are_drawn(preview):
    shown = preview(made.pdf("가 #pagebreak() " * 24 + "나"), "application/pdf")
    assert (shown.pages, len(shown.pictures)) == (25, 20)


def test_a_photograph_is_made_smaller_and_says_nothing_of_its_place(preview):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "Telephone"
    shown = preview(made.picture("JPEG", (2400, 1200), exif=exif), "image/jpeg")
    picture = drawn(shown)[0]
    assert picture.size == (800, 1600)
    assert not picture.getexif()
    assert b"Telephone" not in files.get(shown.pictures[0])


@pytest.mark.parametrize(
    ("data", "media_type", "words"),
    [
        (made.document("가. 계약", "나. 금액"), f"{OFFICE}.wordprocessingml.document", "가. 계약"),
        ("날짜,금액\n11.22,1430000".encode("cp949"), "text/csv", "11.22,1430000"),
        (made.archive({"영수증.pdf": made.pdf()}), "application/zip", "영수증.pdf"),
        (made.archive({"__MACOSX/영수증.pdf": b""}), "application/zip", "__MACOSX/영수증.pdf"),
        (made.slide("설명회"), f"{OFFICE}.presentationml.presentation", "설명회"),
    ],
)
def test_words_are_shown_where_pages_cannot_be_drawn(preview, data, media_type, words):
    shown = preview(data, media_type)
    assert not shown.pictures
    assert words in [row[0] for part in sections_of(shown) for row in part.rows]


def test_a_table_keeps_its_cells(preview):
    shown = preview(made.sheet("정산", [["화단", 1430000]]), f"{OFFICE}.spreadsheetml.sheet")
    (part,) = sections_of(shown)
    assert (part.title, part.rows) == ("정산", [["화단", "1430000"]])


def test_a_file_that_cannot_be_shown_is_not_tried_again(preview, complex_):
    shown = preview(made.compound({"WordDocument": b""}), "application/msword")
    assert (shown.pictures, shown.sections) == ([], "")
    assert make_previews(complex_.id) == 0


def test_a_file_that_breaks_its_reader_keeps_nobody_waiting(preview, monkeypatch):
    monkeypatch.setattr(jobs, "SECONDS", {"draw": 0.001, "excerpt": 0.001})
    shown = preview(made.pdf(), "application/pdf")
    assert (shown.pictures, shown.sections) == ([], "")


def test_files_that_are_gone_or_damaged_keep_nobody_waiting(preview, complex_, settings, at):
    for number in range(jobs.BATCH):
        note_attached(complex_.id, f"{number:064x}", "application/pdf", at=at)
    damaged = files.put(b"damaged later")
    (settings.FILES / damaged[:2] / damaged[2:]).write_bytes(b"other bytes")
    note_attached(complex_.id, damaged, "application/pdf", at=at)
    assert make_previews(complex_.id) == jobs.BATCH
    assert preview(made.picture(), "image/png").pictures
    gone = previews_of(complex_.id, [damaged])[damaged]
    assert (gone.pictures, gone.sections) == ([], "")


def test_a_reader_that_was_killed_is_asked_once_more(preview, monkeypatch):
    asked = []

    def first_killed(module, task, *about, **how):
        asked.append(task)
        if len(asked) == 1:
            raise confined.KilledError
        return confined.ask(module, task, *about, **how)

    monkeypatch.setattr(jobs, "ask", first_killed)
    assert preview(made.picture(), "image/png").pictures
    assert asked == ["draw", "draw"]


def test_a_reader_killed_from_outside_is_told_from_a_slow_one(monkeypatch, tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nkill -9 $$\n")
    program.chmod(0o755)
    monkeypatch.setattr(confined.sys, "executable", str(program))
    with pytest.raises(confined.KilledError):
        confined.ask("any", data=b"", seconds=10)
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(confined.UnreadError) as slow:
        confined.ask("any", data=b"", seconds=0.1)
    assert not isinstance(slow.value, confined.KilledError)


def test_one_complex_does_not_keep_the_others_waiting(complex_, monkeypatch, at):
    for data in (made.picture(), made.picture("JPEG")):
        note_attached(complex_.id, files.put(data), "image/png", at=at)
    clock = iter([0, 1, jobs.RUN + 1])
    monkeypatch.setattr(jobs, "monotonic", lambda: next(clock))
    assert make_previews(complex_.id) == 1


def test_the_same_file_is_shown_once(preview):
    data = made.picture()
    assert preview(data, "image/png").id == preview(data, "image/png").id


def test_what_was_attached_before_there_were_previews_gets_one_too(
    submitted, clerk, complex_, alter, at
):
    draft = drafting.start_draft("memo", actor=clerk, at=at)
    drafting.attach_file(draft.id, "현장.png", made.picture(), actor=clerk, at=at)
    broken = drafting.start_draft("memo", actor=clerk, at=at)
    drafting.save_draft(broken.id, MEMO, revision=broken.revision, actor=clerk, at=at)
    broken = drafting.submit_draft(broken.id, actor=clerk, at=at)
    alter("UPDATE approvals_document SET content = 'no JSON' WHERE id = %s", broken.id)
    noted = set(Attached.objects.values_list("sha256", flat=True))
    assert len(noted) == 3
    alter("DELETE FROM attachments_attached")
    migration = import_module("danji.approvals.migrations.0008_note_earlier_attachments")
    for _ in range(2):
        migration.note_earlier(apps, SimpleNamespace(connection=connection))
    assert set(Attached.objects.values_list("sha256", flat=True)) == noted
    assert make_previews(complex_.id) == 3


def test_nothing_is_locked_while_a_file_is_looked_at(clerk, at, monkeypatch):
    draft = drafting.start_draft("memo", actor=clerk, at=at)
    examine = drafting.examine

    def unlocked(name, data):
        assert not any("FOR UPDATE" in query["sql"] for query in asked.captured_queries)
        return examine(name, data)

    monkeypatch.setattr(drafting, "examine", unlocked)
    with CaptureQueriesContext(connection) as asked:
        drafting.attach_file(draft.id, "현장.png", made.picture(), actor=clerk, at=at)
    assert any("FOR UPDATE" in query["sql"] for query in asked.captured_queries)


# --- In the page -------------------------------------------------------------------------------


@pytest.fixture
def submitted(clerk, chief, manager, at):
    """A document with a drawing of two pages and a table."""
    draft = drafting.start_draft("memo", actor=clerk, at=at)
    drafting.save_draft(draft.id, MEMO, revision=draft.revision, actor=clerk, at=at)
    two = made.pdf("가 #pagebreak() 나")
    drafting.attach_file(draft.id, "도면.pdf", two, actor=clerk, at=at)
    drafting.attach_file(draft.id, "<b>표.csv", b"<script>,1", actor=clerk, at=at)
    return drafting.submit_draft(draft.id, actor=clerk, at=at)


def address(document, position, page):
    return f"/desk/documents/{document.id}/attachments/{position}/preview/{page}/"


def test_who_reads_the_document_sees_its_pages(submitted, manager, sign_in):
    make_previews(manager.complex_id)
    client = sign_in(Client(), manager)
    answer = client.get(address(submitted, 1, 2))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    for missing in ((1, 3), (1, 0), (2, 1), (3, 1)):
        assert client.get(address(submitted, *missing)).status_code == 404


def test_nobody_else_does(submitted, bookkeeper, neighbour, sign_in):
    make_previews(bookkeeper.complex_id)
    for holder in (bookkeeper, neighbour):
        assert sign_in(Client(), holder).get(address(submitted, 1, 1)).status_code == 404


def test_before_it_is_made_there_is_none(submitted, manager, sign_in):
    client = sign_in(Client(), manager)
    assert client.get(address(submitted, 1, 1)).status_code == 404
    assert "곧 만들어집니다" in client.get(f"/desk/documents/{submitted.id}/").content.decode()


def test_whoever_decides_at_the_desk_sees_every_page_and_words_as_words(
    submitted, manager, sign_in
):
    make_previews(manager.complex_id)
    page = sign_in(Client(), manager).get(f"/desk/documents/{submitted.id}/").content.decode()
    assert f'<img src="{address(submitted, 1, 2)}"' in page
    assert "글만 보입니다. 모양은 내려받아 확인해 주세요." in page
    assert "&lt;script&gt;,1" in page
    assert "<script>,1" not in page
    assert '<details class="preview no-print" id="preview-1">' in page  # of several, all are folded


def test_one_page_alone_lies_open(clerk, chief, manager, sign_in, at):
    draft = drafting.start_draft("memo", actor=clerk, at=at)
    drafting.save_draft(draft.id, MEMO, revision=draft.revision, actor=clerk, at=at)
    drafting.attach_file(draft.id, "영수증.pdf", made.pdf("가"), actor=clerk, at=at)
    document = drafting.submit_draft(draft.id, actor=clerk, at=at)
    make_previews(manager.complex_id)
    page = sign_in(Client(), manager).get(f"/desk/documents/{document.id}/").content.decode()
    assert '<details class="preview no-print" id="preview-1" open>' in page
