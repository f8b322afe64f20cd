"""Two officers destroy a document: nothing is left but that it was, and that it was erased."""

import json
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from audited import audit, faults
from danji.approvals import drafting, showing
from danji.approvals.models import Document, Draft
from danji.base import files, tenancy
from danji.config.schedule import run_jobs
from danji.disclosure.endings import Gone
from danji.disclosure.queries import read_record
from danji.disclosure.site import complex_folder, document_folder
from danji.disposal import jobs
from danji.disposal.actions import confirm_disposal, propose_disposal
from danji.disposal.jobs import (
    erase_confirmed,
    erase_files,
    erase_restored,
    remove_unnamed_files,
)
from danji.disposal.models import Erasure, PendingFile
from danji.disposal.queries import earlier_versions
from danji.formbook.models import Form
from danji.outbox.actions import tell
from danji.outbox.models import Message, PendingDelivery
from danji.records.models import Record, Relation
from danji.renditions.models import Rendition
from danji.rules.approval import Choice, Decision
from danji.rules.disposal import Basis
from danji.rules.refusal import Refusal
from danji.transparency.actions import append_event
from danji.transparency.models import Event, Leaf, Opening, TroubleKind
from danji.transparency.queries import log_of
from danji.transparency.sequencer import Sequencer
from danji.transparency.troubles import open_trouble
from danji_verify.canonical import b64decode, canonical
from danji_verify.entry import Event as EventName
from erasing import (
    PDF,
    SAYING,
    WORDS,
    attach,
    carry_out,
    catch_up,
    erase,
    files_kept,
    let_files_rest,
    send_through,
    words_in_files,
    words_in_rows,
)
from papers import decide, drafted, submit


@pytest.fixture
def document(bookkeeper, chief, manager, clerk, sign, at):
    document = send_through(bookkeeper, chief, manager, clerk, sign, at)
    catch_up()
    return document


def record_of(document):
    return Record.objects.get(doc=document.id)


def test_nothing_that_a_document_said_is_left_anywhere(document, manager, chair, at, alter):
    before = words_in_rows() | words_in_files()
    assert {word for word, _ in before} == set(WORDS.values())  # the search finds what there is
    erase([document.id], manager, chair, at)
    assert words_in_rows() == set()
    assert words_in_files() == set()
    # Of all files the forms alone are left: PDF and pictures are gone, whatever was in them.
    forms = set(Form.objects.values_list("sha256", flat=True))
    assert {path.parent.name + path.name for path in files_kept()} <= forms


def test_its_place_in_the_register_is_left(document, manager, chair, at):
    before = record_of(document)
    erase([document.id], manager, chair, at)
    after = record_of(document)
    kept = [
        "number",
        "series",
        "year",
        "serial",
        "folder_id",
        "filed_at",
        "retained_until",
        "digest",
    ]
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    assert after.title == "(파기한 기록)"
    assert after.erased_at


def test_the_log_says_on_what_and_by_whom(document, manager, chair, at):
    record = record_of(document)
    erase([document.id], manager, chair, at)
    event = Event.objects.get(doc=document.id, name="doc.erased")
    fields = Opening.objects.get(event_id=event.id).fields
    said = {name: json.loads(b64decode(field["value"])) for name, field in fields.items()}
    assert said["erasure"] == {
        "v": 1,
        "record": record.digest,
        "basis": "정보주체의 삭제 요구",
        "reason": "정보주체의 요구",
    }
    assert said["proposer"]["name"] == manager.person.name
    assert said["officer"]["name"] == chair.person.name
    assert bytes(Erasure.objects.get(doc=document.id).leaf_hash) == bytes(event.leaf_hash)


def test_what_opened_the_log_is_gone_and_the_log_is_not(document, manager, chair, at):
    events = Event.objects.filter(doc=document.id).count()
    erase([document.id], manager, chair, at)
    left = Event.objects.filter(doc=document.id)
    assert left.count() == events + 1
    opened = Opening.objects.filter(event_id__in=left.values("id")).values_list("event__name")
    assert list(opened) == [("doc.erased",)]


def test_earlier_versions_go_with_the_one_that_mended_them(document, manager, chair, at):
    assert Document.objects.exclude(id=document.id).get().erased_at is None
    erase([document.id], manager, chair, at)
    assert not Document.objects.filter(erased_at=None).exists()
    assert not Draft.objects.exists()


def test_whoever_asks_for_it_is_told_when_and_why(document, manager, chair, at):
    erase([document.id], manager, chair, at)
    with pytest.raises(Gone, match=r"파기했습니다\. 까닭: 정보주체의 삭제 요구") as gone:
        read_record(manager, record_of(document).id)
    assert gone.value.tombstone.event.name == "doc.erased"
    with pytest.raises(Refusal, match="파기한 문서"):
        drafting.copy_document(document.id, actor=manager, at=at)


def test_it_is_cited_no_more_and_what_cited_it_stays(
    document, bookkeeper, chief, manager, chair, sign, at
):
    record = record_of(document)
    citing = drafted(bookkeeper, at)
    drafting.cite_record(citing.id, record.doc, Relation.REFERS, actor=bookkeeper, at=at)
    later = drafting.submit_draft(citing.id, actor=bookkeeper, at=at)
    decide(later, chief, sign, at)
    erase([document.id], manager, chair, at)
    # On its way while the other was erased, it is filed all the same.
    decide(later, manager, sign, at)
    catch_up()
    shown = read_record(manager, record_of(later).id)
    assert shown.payload["content"]["cites"][0]["number"] == record.number
    assert shown.rendition
    again = drafted(bookkeeper, at)
    with pytest.raises(Refusal, match="파기한 문서"):
        drafting.cite_record(again.id, record.doc, Relation.REFERS, actor=bookkeeper, at=at)


def test_no_job_trips_over_it(document, manager, chair, at, caplog):
    erase([document.id], manager, chair, at)
    caplog.clear()
    assert run_jobs() == 0
    assert not caplog.records


def test_a_file_that_another_document_holds_stays(
    document, bookkeeper, chief, manager, chair, sign, at
):
    other = attach(drafted(bookkeeper, at), bookkeeper, at)
    erase([document.id], manager, chair, at)
    (file,) = [path for path in files_kept() if path.read_bytes() == PDF]
    kept = drafting.submit_draft(other.id, actor=bookkeeper, at=at)
    decide(kept, chief, sign, at)
    decide(kept, manager, sign, at)
    catch_up()
    assert Rendition.objects.get().record.doc == kept.id
    erase([kept.id], manager, chair, at)
    assert not file.exists()


def test_a_file_that_another_complex_holds_stays(document, manager, chair, neighbour, at):
    from danji.base import tenancy

    home = manager.complex_id
    tenancy._enter("app.complex", neighbour.complex_id)
    attach(drafted(neighbour, at), neighbour, at)
    tenancy._enter("app.complex", home)
    erase([document.id], manager, chair, at)
    assert [path for path in files_kept() if path.read_bytes() == PDF]


def ask_to_erase(*values):
    with connection.cursor() as cursor:
        cursor.execute("SELECT danji_erase_document(%s, %s, %s)", values)


def test_the_database_erases_nothing_of_which_the_log_does_not_say_so(document, at):
    with pytest.raises(DatabaseError, match="does not say"), transaction.atomic():
        ask_to_erase(document.complex_id, document.id, at)
    assert record_of(document).erased_at is None


def test_the_database_erases_nothing_of_another_complex(document, neighbour, at):
    with pytest.raises(DatabaseError, match="another complex"), transaction.atomic():
        ask_to_erase(neighbour.complex_id, document.id, at)


def test_a_crash_before_the_files_are_gone_is_made_good(complex_, document, manager, chair, at):
    disposal = propose_disposal([document.id], Basis.ORDER, "명령", actor=manager, at=at)
    confirm_disposal(disposal.id, actor=chair, at=at)
    let_files_rest()
    assert carry_out(complex_.id)
    assert PendingFile.objects.exists()
    assert words_in_files()
    assert not erase_confirmed(complex_.id)  # it is done once
    assert erase_files(complex_.id)
    assert not PendingFile.objects.exists()
    assert not {word for word, path in words_in_files() if "ahead" not in path}


def test_the_log_holds_it_first_and_what_came_in_between_goes_too(
    complex_, bookkeeper, chief, manager, chair, clerk, sign, at, alter
):
    line = {"readers": [{"kind": "afterwards", "officeholder": clerk.id.hex}]}
    draft = drafted(bookkeeper, at, "expense", **SAYING)
    drafting.save_line(draft.id, line, actor=bookkeeper, at=at)
    document = drafting.submit_draft(draft.id, actor=bookkeeper, at=at)
    for actor in (chief, manager):
        decide(document, actor, sign, at)
    catch_up()
    disposal = propose_disposal([document.id], Basis.ORDER, "명령", actor=manager, at=at)
    confirm_disposal(disposal.id, actor=chair, at=at)
    assert erase_confirmed(complex_.id)
    assert not erase_confirmed(complex_.id)  # it waits for its place
    assert read_record(manager, record_of(document).id).rendition
    assert faults(audit(complex_, timezone.now())) == ""
    yes = Choice(Decision.APPROVE, WORDS["afterwards"])
    showing.confirm_afterwards(document.id, actor=clerk, choice=yes, sign=sign, at=at)
    Sequencer().tick()
    tenancy._enter("app.complex", complex_.id)
    assert erase_confirmed(complex_.id)  # said of that, too
    assert not erase_confirmed(complex_.id)
    assert record_of(document).erased_at is None
    assert Event.objects.filter(name="doc.erased").count() == 2
    catch_up()
    assert record_of(document).erased_at
    assert words_in_rows() == set()
    assert faults(audit(complex_, timezone.now())) == ""


def test_what_two_agreed_on_before_their_database_was_lost_is_erased_again(
    complex_, document, manager, chair, at, alter
):
    was = bytes(document.content)
    erase([document.id], manager, chair, at)
    alter("UPDATE approvals_document SET erased_at = NULL, content = %s", was)
    for table in ("erasure", "disposaloutcome", "disposalitem", "disposal"):
        alter(f"DELETE FROM disposal_{table}")
    places = Leaf.objects.filter(event__name="doc.erased").values_list("index", flat=True)
    lost = [[index, index + 1] for index in places]
    for ranges, erased in (([[0, min(places)]], 0), (lost, Document.objects.count())):
        said = canonical({"v": 1, "log": 1, "events": 1, "ranges": ranges})
        append_event(complex_, complex_.id, EventName.LOG_RECOVERED, {
            "recovery": said, "proposer": b"null", "officer": b"null",
        }, at=timezone.now())  # fmt: skip
        Sequencer().tick()
        tenancy._enter("app.complex", complex_.id)
        assert erase_restored(complex_.id) == erased
    assert words_in_rows() == set()


def test_a_crash_in_the_middle_of_erasing_changes_nothing(
    complex_, document, manager, chair, at, monkeypatch
):
    disposal = propose_disposal([document.id], Basis.ORDER, "명령", actor=manager, at=at)
    confirm_disposal(disposal.id, actor=chair, at=at)
    with monkeypatch.context() as broken:
        broken.setattr(Erasure.objects.__class__, "create", lambda *_, **__: 1 / 0)
        assert not carry_out(complex_.id)
    assert record_of(document).erased_at is None
    assert read_record(manager, record_of(document).id).rendition


def test_what_a_restored_backup_brings_back_is_erased_again(
    complex_, document, manager, chair, at, alter
):
    before = bytes(document.content), bytes(record_of(document).payload)
    erase([document.id], manager, chair, at)
    alter(
        "UPDATE approvals_document SET content = %s, erased_at = NULL WHERE id = %s",
        before[0],
        document.id,
    )
    alter(
        "UPDATE records_record SET payload = %s, erased_at = NULL WHERE doc = %s",
        before[1],
        document.id,
    )
    assert erase_restored(complex_.id) == 1
    assert record_of(document).erased_at
    assert words_in_rows() == set()
    assert erase_restored(complex_.id) == 0


def test_a_restored_erasure_is_made_good_in_the_next_round_and_said_once(
    document, manager, chair, at, alter
):
    was = bytes(document.content)
    erase([document.id], manager, chair, at)
    alter("UPDATE records_record SET erased_at = NULL, payload = 'Zq2Body'")
    alter("UPDATE approvals_document SET erased_at = NULL, content = %s", was)
    alter("DELETE FROM disposal_erasure")
    said = Event.objects.filter(name="doc.erased").count()
    catch_up()
    assert words_in_rows() == set()
    assert Event.objects.filter(name="doc.erased").count() == said
    assert Erasure.objects.count() == 2


def test_what_an_audit_said_of_it_goes_too(
    complex_, document, bookkeeper, chief, manager, chair, sign, at, alter
):
    from danji.audit.actions import note_audit
    from danji.audit.models import AuditRun

    other = submit(bookkeeper, at)
    alter("UPDATE approvals_document SET payee = 'x'")
    run = note_audit(audit(complex_, at))
    alter("UPDATE approvals_document SET payee = %s WHERE id = %s", SAYING["payee"], document.id)
    assert {word for word, _ in words_in_files()} > {WORDS["title"]}
    erase([document.id], manager, chair, at + timedelta(days=1))
    assert words_in_rows() == set()
    assert words_in_files() == set()
    after = AuditRun.objects.get(id=run.id)
    assert len(after.findings["findings"]) == len(run.findings["findings"])
    assert other.title in after.report  # what it said of another stays


def test_what_was_set_aside_of_it_is_opened_no_more(complex_, document, manager, chair, at, alter):
    alter(
        "INSERT INTO transparency_setaside"
        " (complex_id, id, doc, seq, name, entry, fields, aside_at)"
        " SELECT event.complex_id, event.id, doc, seq, name, entry, fields, now()"
        " FROM transparency_event AS event JOIN transparency_opening AS opening"
        " ON opening.event_id = event.id WHERE doc = %s",
        document.id,
    )
    assert "transparency_setaside" in {table for _, table in words_in_rows()}
    erase([document.id], manager, chair, at)
    assert words_in_rows() == set()


def test_messages_about_another_document_of_the_same_title_stay(
    document, bookkeeper, manager, chair, at
):
    live = drafting.submit_draft(
        drafted(bookkeeper, at, "expense", **SAYING).id, actor=bookkeeper, at=at
    )
    asked = Message.objects.filter(subject__contains=" 요청: ").latest("id")
    waiting = PendingDelivery.objects.filter(message_id=asked.id).count()
    assert waiting
    erase([document.id], manager, chair, at)
    after = Message.objects.get(id=asked.id)
    assert (after.subject, after.body, after.link) == (asked.subject, asked.body, asked.link)
    assert PendingDelivery.objects.filter(message_id=asked.id).count() == waiting
    assert Document.objects.get(id=live.id).title == document.title


def test_a_line_about_a_longer_title_stays(document, manager, chair, at):
    body = f"결재 · {document.title} · 금132,000원\n결재 · {document.title} 정산"
    told = tell(chair, "오늘 하신 결재", body, at=at)
    erase([document.id], manager, chair, at)
    left = Message.objects.get(id=told.id).body.splitlines()
    assert left == ["(파기한 문서)", body.splitlines()[1]]


def test_the_returned_version_of_a_record_that_is_kept_stays(
    document, bookkeeper, chief, manager, chair, sign, at
):
    first = Document.objects.get(id=document.id).follows
    draft = drafting.correct_document(document.id, actor=bookkeeper, at=at)
    correction = drafting.submit_draft(draft.id, actor=bookkeeper, at=at)
    for actor in (chief, manager):
        decide(correction, actor, sign, at)
    catch_up()
    assert earlier_versions(document.complex_id, [correction.id]) == []
    erase([correction.id], manager, chair, at)
    assert Document.objects.get(id=first).erased_at is None
    assert earlier_versions(document.complex_id, [document.id]) == [first]


def test_what_two_documents_mend_goes_with_the_second(document, alter):
    first = Document.objects.get(id=document.id).follows
    alter(
        "INSERT INTO approvals_document SELECT (jsonb_populate_record(one, "
        "jsonb_build_object('id', gen_random_uuid()))).* FROM approvals_document AS one "
        "WHERE id = %s",
        document.id,
    )
    other = Document.objects.exclude(id__in=[first, document.id]).get()
    assert earlier_versions(document.complex_id, [document.id]) == []
    assert earlier_versions(document.complex_id, [document.id, other.id]) == [first]


def sweep():
    """Look at every file once, as the worker does in the course of hours."""
    return sum(remove_unnamed_files() for _ in range(256))


def test_a_pdf_whose_transaction_failed_is_gone_after_a_day(
    bookkeeper, chief, manager, chair, clerk, sign, at, monkeypatch
):
    from danji.renditions import jobs as rendering

    seal = rendering.seal

    def seal_as_at_another_time(*of):
        sealed = seal(*of)
        return replace(sealed, pdf=sealed.pdf + b"\n")

    with monkeypatch.context() as broken:
        broken.setattr(rendering, "seal", seal_as_at_another_time)
        broken.setattr(rendering, "append_event", lambda *_, **__: 1 / 0)
        document = send_through(bookkeeper, chief, manager, clerk, sign, at)
    catch_up()
    kept = files_kept()
    assert sweep() == 0
    let_files_rest(days=2)
    assert sweep() >= 1
    assert read_record(manager, record_of(document).id).rendition
    assert not sweep()
    assert files_kept() < kept
    erase([document.id], manager, chair, at)
    forms = set(Form.objects.values_list("sha256", flat=True))
    assert {path.parent.name + path.name for path in files_kept()} <= forms


def test_what_was_taken_out_of_a_draft_is_gone_after_a_day(bookkeeper, at):
    draft = attach(drafted(bookkeeper, at), bookkeeper, at)
    let_files_rest(days=2)
    sweep()
    assert PDF in {path.read_bytes() for path in files_kept()}
    drafting.detach_file(draft.id, draft.attachments[0]["sha256"], actor=bookkeeper, at=at)
    assert sweep() == 1
    assert PDF not in {path.read_bytes() for path in files_kept()}


def test_what_a_crash_left_half_written_or_half_removed_is_gone_after_a_day(bookkeeper, at):
    kept = files.put(b"a draft holds it not")
    path = next(path for path in files_kept() if path.parent.name + path.name == kept)
    path.rename(path.with_name(f".going-{path.name}"))
    path.with_name(".new-half").write_bytes(b"half")
    let_files_rest(days=2)
    assert sweep() == 1
    assert not list(path.parent.iterdir())


def test_no_file_is_removed_while_a_log_stands_still(complex_, bookkeeper, at):
    draft = attach(drafted(bookkeeper, at), bookkeeper, at)
    drafting.discard_draft(draft.id, actor=bookkeeper, at=at)
    let_files_rest(days=2)
    open_trouble(log_of(complex_.id).origin, TroubleKind.FROZEN, "", "장부가 다릅니다.", at)
    assert sweep() == 0


def test_a_file_that_is_kept_anew_meanwhile_is_not_lost(
    complex_, document, manager, chair, at, monkeypatch
):
    disposal = propose_disposal([document.id], Basis.ORDER, "명령", actor=manager, at=at)
    confirm_disposal(disposal.id, actor=chair, at=at)
    let_files_rest()
    carry_out(complex_.id)
    asked = jobs._in_use

    def kept_anew(digests):
        in_use = asked(digests)
        files.put(PDF)  # by a transaction that has not ended
        return in_use

    monkeypatch.setattr(jobs, "_in_use", kept_anew)
    assert erase_files(complex_.id)
    assert PDF in {path.read_bytes() for path in files_kept()}
    assert PendingFile.objects.get().sha256 == sha256(PDF).hexdigest()


def test_logs_do_not_name_what_could_not_be_done(
    bookkeeper, chief, manager, clerk, sign, at, caplog, monkeypatch
):
    from danji.renditions import jobs as rendering

    def away(*_, **__):
        raise Refusal(f"붙임 ‘{WORDS['file']}’이 없습니다.", next_step="다시 해 주세요.")

    with monkeypatch.context() as broken:
        broken.setattr(rendering, "seal_key", away)
        document = send_through(bookkeeper, chief, manager, clerk, sign, at)
    assert str(record_of(document).id) in caplog.text
    assert "다시 해 주세요" in caplog.text
    assert not [word for word in WORDS.values() if word in caplog.text]


def test_nothing_is_approved_afterwards_once_it_was_erased(
    bookkeeper, chief, manager, chair, clerk, sign, at
):
    draft = drafted(bookkeeper, at, "expense", **SAYING)
    line = {"readers": [{"kind": "afterwards", "officeholder": clerk.id.hex}]}
    drafting.save_line(draft.id, line, actor=bookkeeper, at=at)
    document = drafting.submit_draft(draft.id, actor=bookkeeper, at=at)
    for actor in (chief, manager):
        decide(document, actor, sign, at)
    catch_up()
    erase([document.id], manager, chair, at)
    with pytest.raises(Refusal, match="파기한 문서"):
        showing.confirm_afterwards(
            document.id, actor=clerk, choice=Choice(Decision.APPROVE), sign=sign, at=at
        )


def test_a_program_that_asks_again_hears_that_it_is_gone(document, manager, chair, at):
    from danji.integration.models import IdempotentAnswer

    erase([document.id], manager, chair, at)
    answer = IdempotentAnswer.objects.get()
    assert answer.status == 410
    assert "파기한" in answer.body


# --- Who may, and when --------------------------------------------------------------------------


@pytest.fixture
def filed(bookkeeper, chief, manager, sign, at):
    document = submit(bookkeeper, at)
    decide(document, chief, sign, at)
    decide(document, manager, sign, at)
    return document


@pytest.fixture
def after(filed):
    """A moment at which its retention is over."""
    from datetime import UTC, datetime, time

    until = record_of(filed).retained_until
    return datetime.combine(until + timedelta(days=1), time(3), tzinfo=UTC)


def test_what_has_to_be_kept_does_not_go_for_its_age(filed, manager, at):
    with pytest.raises(Refusal, match="까지 보존해야 합니다"):
        propose_disposal([filed.id], Basis.EXPIRED, "", actor=manager, at=at)


def test_the_day_after_its_last_it_may_go(filed, manager, chair, after):
    with pytest.raises(Refusal, match="까지 보존해야"):
        propose_disposal([filed.id], Basis.EXPIRED, "", actor=manager, at=after - timedelta(days=1))
    disposal = propose_disposal([filed.id], Basis.EXPIRED, "", actor=manager, at=after)
    confirm_disposal(disposal.id, actor=chair, at=after)


def test_before_its_time_there_has_to_be_a_reason(filed, manager, at):
    with pytest.raises(Refusal, match="까닭이 적혀 있지 않습니다"):
        propose_disposal([filed.id], Basis.REQUEST, " ", actor=manager, at=at)


def test_the_manager_proposes_and_another_confirms(filed, manager, chief, chair, at):
    with pytest.raises(Refusal, match="관리사무소장이 제안"):
        propose_disposal([filed.id], Basis.ORDER, "명령", actor=chief, at=at)
    disposal = propose_disposal([filed.id], Basis.ORDER, "명령", actor=manager, at=at)
    for actor, said in ((manager, "다른 분이 확인"), (chief, "회장이나 감사가 확인")):
        with pytest.raises(Refusal, match=said):
            confirm_disposal(disposal.id, actor=actor, at=at)
    confirm_disposal(disposal.id, actor=chair, at=at)
    with pytest.raises(Refusal, match="이미 처리"):
        confirm_disposal(disposal.id, actor=chair, at=at)


def test_what_is_under_way_is_not_destroyed(bookkeeper, chief, manager, at):
    document = submit(bookkeeper, at)
    with pytest.raises(Refusal, match="아직 결재 중"):
        propose_disposal([document.id], Basis.ORDER, "명령", actor=manager, at=at)


def test_what_is_proposed_is_not_proposed_again(filed, manager, chair, at):
    from danji.disposal.actions import reject_disposal

    disposal = propose_disposal([filed.id], Basis.ORDER, "명령", actor=manager, at=at)
    with pytest.raises(Refusal, match="이미 제안"):
        propose_disposal([filed.id], Basis.ORDER, "명령", actor=manager, at=at)
    reject_disposal(disposal.id, actor=chair, at=at)
    propose_disposal([filed.id], Basis.ORDER, "명령", actor=manager, at=at)


def test_nothing_is_erased_before_it_was_confirmed(filed, manager, at):
    propose_disposal([filed.id], Basis.ORDER, "명령", actor=manager, at=at)
    catch_up()
    assert record_of(filed).erased_at is None


def test_a_neighbour_proposes_nothing_here(filed, neighbour, at):
    with pytest.raises(Document.DoesNotExist):
        propose_disposal([filed.id], Basis.ORDER, "명령", actor=neighbour, at=at)


def test_of_what_everybody_could_read_a_page_says_that_it_was_erased(
    clerk, manager, chair, sign, at
):
    notice = {
        "title": f"{WORDS['title']} 입찰공고",
        "subject": WORDS["body"],
        "qualifications": ["가. 등록 업체"],
        "reception_until": "2026-12-10T17:00",
        "reception_place": "관리사무소",
    }
    document = submit(clerk, at, form="bid-notice", **notice)
    decide(document, manager, sign, at)
    catch_up()
    folder = document_folder(manager.complex.code, document.id.hex)
    assert (folder / "document.pdf").exists()
    erase([document.id], manager, chair, at, reason="비밀스러운 까닭")
    assert {path.name for path in folder.iterdir()} == {"index.html", "erasure.tlog-proof"}
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "파기했습니다" in page
    assert record_of(document).digest in page
    assert "비밀스러운 까닭" not in page
    assert not words_in_files()
    listed = (complex_folder(manager.complex.code) / "list" / "index.html").read_text("utf-8")
    assert f"<s>{record_of(document).number}</s> 파기한 문서" in listed
