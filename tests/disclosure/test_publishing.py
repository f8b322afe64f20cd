"""From the last approval to what everybody can read, and what stops it on the way."""

import shutil
from dataclasses import replace
from io import BytesIO

import pytest
from django.utils import timezone
from PIL import Image

from danji.approvals import deciding, drafting
from danji.config.schedule import run_jobs, send_messages
from danji.disclosure import jobs
from danji.disclosure.actions import clear_record, withdraw_disclosure
from danji.disclosure.inspection import UNPROVEN
from danji.disclosure.jobs import write_missing_pages
from danji.disclosure.models import Obstacle, Publication
from danji.disclosure.queries import read_record
from danji.disclosure.site import complex_folder, document_folder
from danji.formbook import values
from danji.formbook.definition import load
from danji.records.models import Record, Relation
from danji.renditions.jobs import official_document
from danji.renditions.models import Rendition
from danji.rules.approval import Choice, Decision
from danji.rules.refusal import Refusal
from danji.signing.evidence import session_signer
from danji.transparency.queries import published_head
from danji.transparency.sequencer import Sequencer
from danji_verify.check import check_pdf
from danji_verify.checkpoint import Checkpoint
from danji_verify.policy import Policy
from danji_verify.report import Verdict
from papers import decide, submit

NOTICE = {
    "title": "승강기 유지관리 업체 선정 입찰공고",
    "subject": "승강기 유지관리 용역",
    "qualifications": ["가. 승강기 유지관리업 등록 업체"],
    "reception_until": "2026-12-10T17:00",
    "reception_place": "관리사무소",
}
MEMO = {"title": "화단 정비", "purpose": ["1. 화단을 정비합니다."], "plan": ["1. 11월에 합니다."]}


def photograph() -> bytes:
    made = BytesIO()
    Image.new("RGB", (8, 8)).save(made, "JPEG")
    return made.getvalue()


@pytest.fixture
def file(clerk, manager, at):
    """Put a document on record and do everything that follows from it."""

    def through(form="bid-notice", content=NOTICE, *, attachment=None, supersedes=None, opinion=""):
        draft = drafting.start_draft(form, actor=clerk, at=at)
        typed = values.to_inputs(load(bytes(draft.form.definition)), content)
        drafting.save_draft(draft.id, typed, revision=draft.revision, actor=clerk, at=at)
        if attachment:
            drafting.attach_file(draft.id, *attachment, actor=clerk, at=at)
        if supersedes:
            drafting.cite_record(draft.id, supersedes.doc, Relation.SUPERSEDES, actor=clerk, at=at)
        document = drafting.submit_draft(draft.id, actor=clerk, at=at)
        deciding.decide_step(
            document.id,
            actor=manager,
            choice=Choice(Decision.APPROVE, opinion),
            sign=session_signer("demo", at),
            at=at,
        )
        catch_up()
        return Record.objects.get(doc=document.id)

    return through


def catch_up():
    sequencer = Sequencer()
    while sequencer.tick() + run_jobs() + send_messages():
        pass


def page_of(record):
    folder = document_folder(record.complex.code, record.doc.hex)
    return (folder / "index.html").read_text(encoding="utf-8")


def test_the_code_on_a_pdf_ends_in_the_newest_head(clerk, manager, complex_, sign, at):
    document = submit(clerk, at)
    decide(document, manager, sign, at)
    Sequencer().tick()
    record = Record.objects.get(doc=document.id)
    said = official_document(record.parsed_payload(), complex_).qr_text
    assert Checkpoint.parse_printed(said) == published_head(complex_).checkpoint


def test_a_notice_becomes_a_page_that_a_stranger_can_check(file, manager):
    record = file()
    folder = document_folder(record.complex.code, record.doc.hex)
    assert record.number in page_of(record)
    assert record.number in (complex_folder(record.complex.code) / "index.html").read_text()
    policy = (complex_folder(record.complex.code) / "log" / "1" / "policy.txt").read_bytes()
    report = check_pdf(
        (folder / "document.pdf").read_bytes(),
        (folder / "document.pdf.tlog-proof").read_bytes(),
        Policy.parse(policy),
    )
    assert report.verdict is Verdict.ACCEPTED, report.as_text()


def test_the_office_reads_all_and_residents_what_is_theirs(file, manager, resident):
    record = file("memo", MEMO)
    assert read_record(manager, record.id).rendition
    with pytest.raises(Record.DoesNotExist):
        read_record(resident, record.id)


def test_a_neighbour_reads_nothing(file, neighbour):
    record = file()
    with pytest.raises(Record.DoesNotExist):
        read_record(neighbour, record.id)


def test_what_is_not_for_everybody_is_not_written_out(file):
    record = file("memo", MEMO)
    assert not document_folder(record.complex.code, record.doc.hex).exists()


@pytest.mark.parametrize(
    "change",
    [
        {"title": "계약 880101-1234567"},
        {"qualifications": ["가. 대표 880101-1234567"]},
    ],
)
def test_a_resident_number_stops_the_publication(file, change):
    record = file(content=NOTICE | change)
    assert Obstacle.objects.get().places
    assert not Publication.objects.exists()
    assert not document_folder(record.complex.code, record.doc.hex).exists()


def test_a_resident_number_in_an_opinion_stops_it_too(file):
    file(opinion="대표자 880101-1234567 확인함")
    assert not Publication.objects.exists()


def test_a_number_is_not_cleared_by_anybody(file, manager, at):
    record = file(content=NOTICE | {"title": "계약 880101-1234567"})
    with pytest.raises(Refusal, match="공개할 수 없는 번호"):
        clear_record(record.id, actor=manager, at=at)


def test_a_picture_waits_for_the_manager_who_answers_for_it(file, manager, clerk, at):
    record = file(attachment=("현장.jpg", photograph()))
    assert not Publication.objects.exists()
    with pytest.raises(Refusal, match="관리사무소장"):
        clear_record(record.id, actor=clerk, at=at)
    clear_record(record.id, actor=manager, at=at)
    catch_up()
    assert Publication.objects.get().record_id == record.id
    assert record.number in page_of(record)


def test_a_replaced_notice_leads_to_the_new_one(file):
    first = file()
    second = file(content=NOTICE | {"title": "바뀐 입찰공고"}, supersedes=first)
    assert second.number in page_of(first)


def test_an_unsealed_record_cannot_be_cited(file, clerk, at, monkeypatch):
    monkeypatch.setattr("danji.records.queries.is_placed", lambda *_: False)
    record = file("memo", MEMO)
    draft = drafting.start_draft("memo", actor=clerk, at=at)
    with pytest.raises(Refusal, match="봉인되지 않은"):
        drafting.cite_record(draft.id, record.doc, Relation.REFERS, actor=clerk, at=at)


def test_doing_it_again_changes_nothing(file):
    file()
    counts = Rendition.objects.count(), Publication.objects.count()
    catch_up()
    assert (Rendition.objects.count(), Publication.objects.count()) == counts
    assert run_jobs() == 0


def test_a_missing_seal_key_is_said_and_mended_later(file, settings, complex_, caplog):
    from danji.renditions.jobs import seal_key

    key = settings.KEYS / complex_.code / "seal.pem"
    kept = key.read_bytes()
    key.unlink()
    seal_key.cache_clear()
    record = file()
    assert "열쇠 파일(seal.pem)" in caplog.text
    assert not Rendition.objects.exists()
    key.write_bytes(kept)
    catch_up()
    assert record.number in page_of(record)


def test_a_page_tells_nothing_of_a_successor_that_is_not_open(file):
    first = file()
    withheld = NOTICE | {"title": "막힌 입찰공고", "qualifications": ["가. 900101-1234567"]}
    second = file(content=withheld, supersedes=first)
    assert second.number not in page_of(first)
    assert second.title not in page_of(first)


def test_one_bad_record_keeps_no_other_waiting(file, monkeypatch):
    from danji.renditions import jobs

    real = jobs.render

    def render(document, **options):
        if "막힌" in document.record["content"]["title"]:
            raise ValueError("this one cannot be printed")
        return real(document, **options)

    monkeypatch.setattr(jobs, "render", render)
    bad = file(content=NOTICE | {"title": "막힌 공고"})
    good = file()
    assert list(Rendition.objects.values_list("record_id", flat=True)) == [good.id]
    monkeypatch.setattr(jobs, "render", real)
    catch_up()
    assert bad.number in page_of(bad)


def test_what_no_published_head_reaches_yet_waits_without_a_fault(file, monkeypatch, caplog):
    real = jobs.published_head

    def older(complex_):
        head = real(complex_)
        return replace(head, checkpoint=replace(head.checkpoint, size=1))

    monkeypatch.setattr(jobs, "published_head", older)
    record = file()
    assert not Publication.objects.exists()
    assert "was not done" not in caplog.text
    monkeypatch.undo()
    catch_up()
    assert record.number in page_of(record)


def test_the_lists_follow_the_complex(file, complex_):
    file()
    complex_.name = "새들꽃마을아파트"
    complex_.save(update_fields=["name"])
    run_jobs()
    assert complex_.name in (complex_folder(complex_.code) / "index.html").read_text()


def test_what_does_not_pass_a_strangers_check_is_not_shown(file, monkeypatch, manager, mailoutbox):
    from danji.disclosure import jobs

    real = jobs.pdf_of

    def damaged(shown):
        pdf = bytearray(real(shown))
        pdf[len(pdf) // 3] ^= 1
        return bytes(pdf)

    monkeypatch.setattr(jobs, "pdf_of", damaged)
    record = file()
    assert [place["kind"] for place in Obstacle.objects.get().places] == [UNPROVEN]
    assert not document_folder(record.complex.code, record.doc.hex).exists()
    assert f"자료가 바뀜: {record.title}" in [mail.subject for mail in mailoutbox]


def test_an_altered_record_is_not_shown(file, manager):
    record = file()
    record.payload = bytes(record.payload).replace("관리사무소".encode(), "다른 사무소".encode())
    with pytest.raises(Refusal, match="바뀌어 있어"):
        record.parsed_payload()


def test_a_page_that_went_missing_is_written_again(file):
    record = file()
    folder = document_folder(record.complex.code, record.doc.hex)
    shutil.rmtree(folder)
    write_missing_pages(record.complex_id)
    assert record.number in page_of(record)
    assert (folder / "document.pdf").exists()


def test_a_rendition_that_cannot_be_read_waits_for_the_manager(file, monkeypatch):
    from danji.disclosure import inspection

    def unreadable(*_):
        raise inspection.UnreadableError("too many pages")

    monkeypatch.setattr(inspection, "read_pages", unreadable)
    file()
    assert Obstacle.objects.get().places == [{"place": "PDF", "kind": inspection.UNREADABLE}]


def test_an_altered_record_keeps_no_other_waiting(file, monkeypatch, caplog):
    real = Record.parsed_payload

    def altered(self):
        if "막힌" in self.title:
            self.digest = "0" * 64
        return real(self)

    monkeypatch.setattr(Record, "parsed_payload", altered)
    file(content=NOTICE | {"title": "막힌 공고"})
    good = file()
    assert good.number in page_of(good)
    assert list(Rendition.objects.values_list("record_id", flat=True)) == [good.id]
    assert "바뀌어 있어" in caplog.text


def test_records_that_cannot_be_published_keep_no_other_waiting(file, monkeypatch):
    real = jobs._publish

    def publish(record, *more):
        if "막힌" in record.title:
            raise FileNotFoundError("its PDF is gone")
        real(record, *more)

    monkeypatch.setattr(jobs, "BATCH", 1)
    monkeypatch.setattr(jobs, "_publish", publish)
    file(content=NOTICE | {"title": "막힌 공고"})
    good = file()
    run_jobs()
    assert good.number in page_of(good)


def test_a_tombstone_that_is_whole_is_looked_at_no_more(file, manager, complex_, monkeypatch):
    record = file()
    withdraw_disclosure(
        record.id, "전화번호가 들어 있어 내립니다", actor=manager, at=timezone.now()
    )
    catch_up()
    looked_at = []
    monkeypatch.setattr(jobs.site, "is_buried", lambda *_, **__: looked_at.append(1) or True)
    for _ in range(3):
        jobs.write_tombstones(complex_.id)
    assert not looked_at


def test_the_worker_starts_whatever_is_wrong_with_one_complex(file, settings, complex_):
    from danji.config import schedule

    record = file()
    shutil.rmtree(document_folder(complex_.code, record.doc.hex))
    (settings.KEYS / complex_.code / "log-1.pem").unlink()
    shutil.rmtree(settings.FILES)
    schedule.start()
    assert not document_folder(complex_.code, record.doc.hex).exists()
