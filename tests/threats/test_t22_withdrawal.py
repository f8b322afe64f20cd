"""T22: an official asks to have something hidden. It can be taken down, and never silently."""

import json
from hashlib import sha256

import pytest
from django.utils import timezone

from audited import audit, faults
from danji.approvals import drafting
from danji.disclosure.actions import withdraw_disclosure
from danji.disclosure.endings import Gone
from danji.disclosure.models import Withdrawal
from danji.disclosure.queries import listed_records, read_record
from danji.disclosure.site import complex_folder, document_folder
from danji.records.models import Record, Relation
from danji.rules.refusal import Refusal
from danji.transparency.models import Event, Opening
from danji.transparency.queries import policy
from danji_verify.canonical import b64decode
from danji_verify.check import check_pdf
from danji_verify.commitment import commit
from danji_verify.entry import parse_entry
from danji_verify.proof import Proof
from danji_verify.report import Verdict
from erasing import catch_up
from papers import decide, drafted, submit

NOTICE = {
    "title": "승강기 유지관리 업체 선정 입찰공고",
    "subject": "승강기 유지관리 용역",
    "qualifications": ["가. 승강기 유지관리업 등록 업체"],
    "reception_until": "2026-12-10T17:00",
    "reception_place": "관리사무소",
}
REASON = "전화번호가 들어 있어 내립니다"


@pytest.fixture
def record(clerk, manager, sign, at):
    document = submit(clerk, at, form="bid-notice", **NOTICE)
    decide(document, manager, sign, at)
    catch_up()
    return Record.objects.get(doc=document.id)


@pytest.fixture
def folder(record):
    return document_folder(record.complex.code, record.doc.hex)


def test_t22_a_withdrawal_leaves_a_leaf_and_a_page_that_says_so(record, folder, manager, at):
    assert (folder / "document.pdf").exists()
    withdraw_disclosure(record.id, REASON, actor=manager, at=timezone.now())
    catch_up()
    assert {path.name for path in folder.iterdir()} == {"index.html", "withdrawal.tlog-proof"}
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert record.number in page
    assert record.digest in page
    assert REASON in page
    assert NOTICE["title"] not in page
    assert NOTICE["subject"] not in page
    for name in ("index.html", "list/index.html"):
        shown = (complex_folder(record.complex.code) / name).read_text(encoding="utf-8")
        assert f"<s>{record.number}</s>" in shown
        assert REASON in shown
        assert NOTICE["title"] not in shown


def test_t22_anybody_can_prove_the_withdrawal_and_its_reason(record, folder, manager, at):
    withdraw_disclosure(record.id, REASON, actor=manager, at=timezone.now())
    catch_up()
    proof = Proof.parse((folder / "withdrawal.tlog-proof").read_bytes())
    extra = json.loads(proof.extra)
    entry = b64decode(extra["entry"])
    proof.verify(entry, policy(record.complex))
    said = parse_entry(entry)
    assert said.event == "doc.disclosure_withdrawn"
    assert said.document == record.doc.hex
    opening = extra["openings"]["reason"]
    assert b64decode(opening["value"]).decode() == REASON
    digest = sha256(b64decode(opening["value"])).digest()
    assert said.commitments["reason"] == commit("reason", b64decode(opening["salt"]), digest)


def test_t22_residents_are_told_why(record, manager, resident, at):
    assert read_record(resident, record.id)
    withdraw_disclosure(record.id, REASON, actor=manager, at=timezone.now())
    with pytest.raises(Gone, match=REASON):
        read_record(resident, record.id)
    assert [row.withdrawn for row in listed_records(resident)] == [REASON]
    assert not listed_records(resident, search="승강기")
    assert read_record(manager, record.id).withdrawal.reason == REASON


def test_t22_who_kept_the_pdf_proves_it_still(record, folder, manager, at):
    kept = [(folder / name).read_bytes() for name in ("document.pdf", "document.pdf.tlog-proof")]
    withdraw_disclosure(record.id, REASON, actor=manager, at=timezone.now())
    catch_up()
    assert check_pdf(*kept, policy(record.complex)).verdict is Verdict.ACCEPTED


def test_t22_a_page_that_vanishes_below_us_comes_back(record, folder, manager, at):
    withdraw_disclosure(record.id, REASON, actor=manager, at=timezone.now())
    catch_up()
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    catch_up()
    assert faults(audit(record.complex, timezone.now())) == ""
    assert record.digest in (folder / "index.html").read_text(encoding="utf-8")
    assert (folder / "withdrawal.tlog-proof").exists()
    # And files that somebody puts back are taken away again.
    (folder / "document.pdf").write_bytes(b"%PDF")
    assert "파일이 남아 있습니다" in faults(audit(record.complex, timezone.now()))
    catch_up()
    assert not (folder / "document.pdf").exists()


def test_t22_a_withdrawal_denied_in_the_rows_is_still_in_the_log(
    record, folder, manager, at, alter
):
    withdraw_disclosure(record.id, REASON, actor=manager, at=timezone.now())
    catch_up()
    proof = (folder / "withdrawal.tlog-proof").read_bytes()
    alter("DELETE FROM disclosure_withdrawal")
    assert not Withdrawal.objects.exists()
    event = Event.objects.get(doc=record.doc, name="doc.disclosure_withdrawn")
    Proof.parse(proof).verify(bytes(event.entry), policy(record.complex))
    assert Opening.objects.filter(event_id=event.id).exists()


@pytest.mark.parametrize("reason", ["", "   "])
def test_t22_nothing_is_taken_down_without_a_reason(record, manager, at, reason):
    with pytest.raises(Refusal, match="까닭이 적혀 있지 않습니다"):
        withdraw_disclosure(record.id, reason, actor=manager, at=timezone.now())


def test_t22_the_manager_takes_it_down_and_once(record, clerk, manager, at):
    with pytest.raises(Refusal, match="관리사무소장이 합니다"):
        withdraw_disclosure(record.id, REASON, actor=clerk, at=timezone.now())
    withdraw_disclosure(record.id, REASON, actor=manager, at=timezone.now())
    with pytest.raises(Refusal, match="이미 공개를 철회"):
        withdraw_disclosure(record.id, REASON, actor=manager, at=timezone.now())


def test_t22_what_replaced_another_is_named_there_without_its_title(
    record, folder, clerk, manager, sign, at
):
    changed = NOTICE | {"title": "고친 입찰공고"}
    again = drafted(clerk, at, "bid-notice", **changed)
    drafting.cite_record(again.id, record.doc, Relation.SUPERSEDES, actor=clerk, at=at)
    later = drafting.submit_draft(again.id, actor=clerk, at=at)
    decide(later, manager, sign, at)
    catch_up()
    assert "고친 입찰공고" in (folder / "index.html").read_text(encoding="utf-8")
    newer = Record.objects.get(doc=later.id)
    withdraw_disclosure(newer.id, REASON, actor=manager, at=timezone.now())
    catch_up()
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert newer.number in page
    assert "고친 입찰공고" not in page
