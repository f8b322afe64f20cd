"""T01, T02: somebody in the office edits an approved document: its row, one field, or a file."""

import json
from hashlib import sha256

import pytest

from audited import approved, audit, faults, judged, parts_of, settle, stranger
from danji.audit.blobs import path_of
from danji.records.models import Record
from danji.renditions.models import Rendition
from danji_verify.report import Verdict


@pytest.fixture
def document(bookkeeper, chief, manager, sign, at):
    return approved(bookkeeper, chief, manager, sign, at)


def rewritten(alter, document, old, new):
    """Change a word in the record and in the document, digests and all, as an owner could."""
    record = Record.objects.get(doc=document.id)
    payload = bytes(record.payload).replace(old, new)
    content = bytes(document.content).replace(old, new)
    alter(
        "UPDATE records_record SET payload = %s, digest = %s WHERE doc = %s",
        payload,
        sha256(payload).hexdigest(),
        document.id,
    )
    alter(
        "UPDATE approvals_document SET content = %s, digest = %s WHERE id = %s",
        content,
        sha256(content).hexdigest(),
        document.id,
    )
    return payload


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE approvals_document SET amount = 9900000", "금액이 상신한 본문과 다릅니다"),
        ("UPDATE approvals_document SET payee = '다른상사'", "받는 곳이 상신한"),
        ("UPDATE approvals_document SET title = '다른 제목'", "제목이 상신한"),
        ("UPDATE approvals_step SET opinion = '좋습니다' WHERE position = 2", "의견이 봉인된"),
        ("UPDATE approvals_outcome SET ending = 'returned'", "상태가 봉인 장부와 다릅니다"),
        ("UPDATE records_record SET title = '다른 제목'", "등록대장의 제목이"),
        ("UPDATE records_record SET number = '지출-2026-0009'", "등록대장의 문서번호가"),
        ("UPDATE records_record SET retained_until = '2030-01-01'", "보존기간이"),
        ("UPDATE renditions_rendition SET signed = repeat('0', 64)", "PDF의 봉인값이"),
        ("UPDATE disclosure_publication SET basis = '다른 근거'", "공개한 범위나 근거가"),
        ("UPDATE disclosure_publication SET scope = 'public'", "공개한 범위나 근거가"),
    ],
    ids=lambda value: value.split(" WHERE")[0] if value.startswith("UPDATE") else "said",
)
def test_t01_a_row_edited_below_the_application_is_told(document, alter, complex_, at, sql, said):
    settle()
    alter(sql)
    assert said in faults(audit(complex_, at))


def test_t01_an_edited_record_is_told_and_no_stranger_accepts_it(document, alter, complex_, at):
    """Edited before its PDF is made, so that the seal itself is put on what was edited."""
    from danji.transparency.sequencer import Sequencer

    Sequencer().tick()
    rewritten(alter, document, "(주)겨울상사".encode(), "(주)여름상사".encode())
    settle()
    told = faults(audit(complex_, at))
    assert "본문이 상신한 뒤에 바뀌었습니다" in told
    assert "기록이 등록한 뒤에 바뀌었습니다" in told
    assert stranger(document).verdict is Verdict.REFUSED


def test_t01_an_exchanged_file_is_told_and_refused(document, complex_, at):
    settle()
    rendition = Rendition.objects.get()
    path = path_of(rendition.file)
    parts = parts_of(document)
    path.write_bytes(path.read_bytes().replace(b"/Author", b"/author", 1) + b"\n")
    assert "봉인한 PDF 파일이 저장한 뒤에 바뀌었습니다" in faults(audit(complex_, at))
    parts["form.json"] = parts["form.json"].replace("지출결의서".encode(), "지급결의서".encode())
    assert "서식" in judged(document, parts)


@pytest.mark.parametrize("table", ["transparency_event", "transparency_opening"])
def test_t01_an_edited_event_or_its_opening_is_told(document, alter, complex_, at, table):
    settle()
    column = "entry" if table == "transparency_event" else "fields"
    change = {
        "entry": "set_byte(entry, 40, get_byte(entry, 40) # 1)",
        "fields": "jsonb_set(fields, '{body,sha256}', to_jsonb(repeat('0', 64)))",
    }[column]
    alter(f"UPDATE {table} SET {column} = {change}")
    told = faults(audit(complex_, at))
    assert "내용이 저장한 뒤 바뀌었습니다" in told or "봉인할 때와 다릅니다" in told


def test_t02_one_amount_is_edited_and_the_pdf_left_as_it_was(document, alter, complex_, at):
    settle()
    payload = rewritten(alter, document, b"132000", b"932000")
    told = faults(audit(complex_, at))
    assert "본문이 상신한 뒤에 바뀌었습니다" in told
    assert "기록이 등록한 뒤에 바뀌었습니다" in told
    assert json.loads(payload)["content"]["values"]["total"] == 932_000
    parts = {**parts_of_pdf(document), "record.json": payload}
    assert "본문" in judged_pdf(document, parts)


def parts_of_pdf(document):
    """The files of the PDF that was left as it was; its record's row is no longer read."""
    from danji.base import files
    from danji_verify.pdf import open_sealed

    return dict(open_sealed(files.get(Rendition.objects.get().file)).files)


def judged_pdf(document, parts):
    from danji.transparency.queries import policy
    from danji_verify.record import check_document
    from danji_verify.report import Report, State

    report = Report(trusted=True)
    check_document(parts, policy(document.complex), report)
    return " ".join(found.sentence for found in report.of(State.FAILED))
