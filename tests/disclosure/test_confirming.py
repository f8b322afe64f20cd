"""What becomes confirmed: pages that say so, and a bundle that a stranger can check for good."""

import os
import shutil
import zipfile
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from danji.base import tenancy
from danji.config.schedule import run_jobs
from danji.disclosure import jobs, site
from danji.disclosure.bundles import bundle_of
from danji.disclosure.jobs import write_logs
from danji.disclosure.models import Confirmation
from danji.disclosure.queries import disclosed
from danji.disclosure.site import complex_folder, document_folder
from danji.records.models import Record
from danji.rules.refusal import Refusal
from danji.transparency.collecting import collect
from danji.transparency.models import Party, Seal
from danji.transparency.publishing import publish_confirmed
from danji.transparency.queries import confirmed_docs, policy, published_head, seals_of
from danji.transparency.sequencer import Sequencer
from danji.transparency.stamping import Stamper
from danji.transparency.tree import log_folder
from danji.transparency.witnesses import register_witness
from danji.transparency.witnessing import hand_in, watched_log
from danji_verify.bundle import Trust, check_bundle
from danji_verify.checkpoint import Checkpoint
from danji_verify.note import parse_note
from danji_verify.report import Verdict
from danji_verify.stamp import load_roots
from danji_verify.tiles import audit
from papers import decide, submit
from stamper import TimeAuthority
from watching import SmallWitness

LABELS = {Party.COMPLEX: "들꽃마을 감사", Party.CITY: "가상구청"}


@pytest.fixture
def witnesses(complex_, at):
    """A witness of the complex and one of the city, both registered; neither can be asked."""
    found = [SmallWitness(name, lambda: at) for name in ("auditor.example", "city.example")]
    for witness, (party, label) in zip(found, LABELS.items(), strict=True):
        register_witness(
            label=label, party=party, vkey=witness.vkey, url="", complex_=complex_, at=at
        )
    Sequencer().tick()
    tenancy._enter("app.complex", complex_.id)
    return found


@pytest.fixture
def agree(complex_, witnesses, at):
    """Let both witnesses cosign the newest head, and publish that they agreed."""

    def cosigned():
        head = published_head(complex_).note
        for witness in witnesses:
            hand_in(witness.signed_note(head), at=at)
        publish_confirmed(watched_log(complex_), at)
        tenancy._enter("app.complex", complex_.id)

    return cosigned


@pytest.fixture
def publish(clerk, manager, sign, at):
    """Put a notice on record and do everything that follows from it."""

    def published():
        document = submit(clerk, at, form="bid-notice", **NOTICE)
        decide(document, manager, sign, at)
        catch_up()
        return document

    return published


@pytest.fixture
def record(publish):
    """A public record with its PDF, sealed and published."""
    document = publish()
    return Record.objects.get(doc=document.id)


NOTICE = {
    "title": "승강기 유지관리 업체 선정 입찰공고",
    "subject": "승강기 유지관리 용역",
    "qualifications": ["가. 승강기 유지관리업 등록 업체"],
    "reception_until": "2026-12-10T17:00",
    "reception_place": "관리사무소",
}


def catch_up():
    sequencer = Sequencer()
    while sequencer.tick() + run_jobs():
        pass


def page_of(record):
    folder = document_folder(record.complex.code, record.doc.hex)
    return (folder / "index.html").read_text(encoding="utf-8")


def list_of(record):
    folder = complex_folder(record.complex.code)
    return (folder / "list" / "index.html").read_text(encoding="utf-8")


def test_without_witnesses_all_is_provisional(complex_, record):
    assert seals_of(complex_.id, [record.doc]) == {record.doc: Seal.PROVISIONAL}
    assert "<strong>잠정</strong>" in page_of(record)
    assert "잠정" in list_of(record)
    assert not Confirmation.objects.exists()


def test_no_bundle_before_the_witnesses_agreed(complex_, record):
    with pytest.raises(Refusal, match="잠정"):
        bundle_of(disclosed(record), complex_)


def test_agreed_on_the_pages_say_so(complex_, record, agree):
    agree()
    assert confirmed_docs(complex_.id, [record.doc]) == {record.doc}
    catch_up()
    page = page_of(record)
    assert "<strong>확정</strong>" in page
    assert "들꽃마을 감사" in page
    assert "가상구청" in page
    assert "확정" in list_of(record)
    assert Confirmation.objects.get().record == record


def test_what_is_sealed_later_is_provisional_again(complex_, record, agree, publish):
    agree()
    document = publish()
    assert seals_of(complex_.id, [record.doc, document.id]) == {
        record.doc: Seal.CONFIRMED,
        document.id: Seal.PROVISIONAL,
    }


def test_the_bundle_stands_beside_the_page(complex_, record, agree):
    agree()
    catch_up()
    folder = document_folder(complex_.code, record.doc.hex)
    with zipfile.ZipFile(folder / "proof.zip") as archive:
        names = set(archive.namelist())
        readme = archive.read("읽어주세요.txt").decode()
    assert {
        "document.pdf",
        "document.pdf.tlog-proof",
        "leaf-1.json",
        "leaf-opened.tlog-proof",
        "auth-2.json",
        "openings.json",
        "policy.txt",
        "verify.html",
    } <= names
    assert record.number in readme
    assert "가상구청" in readme


def test_a_stranger_accepts_the_bundle_as_confirmed(complex_, record, agree):
    agree()
    report = check_bundle(bundle_of(disclosed(record), complex_), Trust(policy(complex_)))
    assert report.verdict is Verdict.ACCEPTED, report.as_text()
    assert report.confirmed


@pytest.fixture
def authority(settings, tmp_path):
    running = TimeAuthority(timezone.now())
    settings.TSA_URL = running.url
    settings.TSA_CERTS = str(tmp_path / "tsa.pem")
    (tmp_path / "tsa.pem").write_bytes(running.pem)
    yield running
    running.close()


def test_a_day_later_the_bundle_holds_a_time_stamp(complex_, record, agree, authority, publish):
    agree()
    catch_up()
    collect()
    Stamper().tick(authority.now)
    tenancy._enter("app.complex", complex_.id)
    publish()  # the log goes on, and the bundle stays under the stamped head
    agree()
    catch_up()
    stamped = Confirmation.objects.filter(record_id=record.id).order_by("stamped")
    assert [row.stamped for row in stamped] == [False, True]
    bundle = (document_folder(complex_.code, record.doc.hex) / "proof.zip").read_bytes()
    trust = Trust(policy(complex_), load_roots(authority.pem))
    report = check_bundle(bundle, trust)
    assert report.verdict is Verdict.ACCEPTED, report.as_text()
    assert "도장을 찍었습니다" in report.as_text()


def test_while_witnesses_are_away_the_bundle_keeps_its_time_stamp(
    complex_, record, agree, authority, publish
):
    agree()
    catch_up()
    collect()
    tenancy._enter("app.complex", complex_.id)
    publish()  # which nobody cosigned, and which is collected as it is
    collect()
    Stamper().tick(authority.now)
    tenancy._enter("app.complex", complex_.id)
    bundle = bundle_of(disclosed(record), complex_)
    report = check_bundle(bundle, Trust(policy(complex_), load_roots(authority.pem)))
    assert report.verdict is Verdict.ACCEPTED, report.as_text()
    assert "도장을 찍었습니다" in report.as_text()


def test_the_same_bundle_has_the_same_bytes(complex_, record, agree):
    agree()
    shown = disclosed(record)
    assert bundle_of(shown, complex_) == bundle_of(shown, complex_)


def test_officers_are_told_and_offered_the_bundle(record, agree, manager, sign_in):
    client = Client()
    sign_in(client, manager)
    page = reverse("desk:record", args=[record.id])
    assert "공개(잠정)" in client.get(page).content.decode()
    refused = client.get(reverse("desk:bundle", args=[record.id]))
    assert refused.status_code == 409
    assert "잠정" in refused.content.decode()
    agree()
    assert "공개(확정)" in client.get(page).content.decode()
    answer = client.get(reverse("desk:bundle", args=[record.id]))
    assert answer["Content-Type"] == "application/zip"
    register = client.get(reverse("desk:register")).content.decode()
    assert "확정" in register


def test_the_page_of_the_log_says_where_it_stands(complex_, record, agree, at):
    agree()
    catch_up()
    page = (log_folder(complex_.code, 1) / "index.html").read_text(encoding="utf-8")
    head = published_head(complex_)
    assert f"{head.checkpoint.size}건" in page
    assert "가상구청" in page
    assert "2026. 11. 22. 18:00" in page


def test_the_whole_log_can_be_taken_along_and_checked(complex_, record):
    with zipfile.ZipFile(log_folder(complex_.code, 1) / "log.zip") as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    head = Checkpoint.parse(parse_note(held["checkpoint"]).text)
    assert audit(head.size, held.__getitem__) == head.root
    assert "policy.txt" in held


@pytest.mark.parametrize(("small", "age"), [(2**20, timedelta(minutes=1)), (0, timedelta(days=1))])
def test_a_small_copy_of_the_log_is_made_anew_soon_and_a_large_one_in_a_day(
    complex_, record, publish, monkeypatch, small, age
):
    monkeypatch.setattr(site, "SMALL_COPY", small)
    copy = log_folder(complex_.code, 1) / "log.zip"
    os.utime(copy, (timezone.now().timestamp(),) * 2)
    before = copy.read_bytes()
    publish()
    now = timezone.now()
    for later, is_new in ((age / 2, False), (age * 2, True)):
        monkeypatch.setattr(timezone, "now", lambda late=now + later: late)
        write_logs(complex_.id)
        assert (copy.read_bytes() != before) is is_new


@pytest.mark.parametrize("name", ["log.zip", "index.html"])
def test_what_is_gone_from_the_page_of_the_log_is_written_again(complex_, record, name):
    path = log_folder(complex_.code, 1) / name
    path.unlink()
    assert write_logs(complex_.id) == 0
    assert path.exists()


def test_a_further_log_of_the_same_size_has_a_page_and_a_copy_of_its_own(complex_, record, alter):
    first, second = (log_folder(complex_.code, number) for number in (1, 2))
    shutil.copytree(first, second)
    for name in ("index.html", "log.zip"):
        (second / name).unlink()
    alter("UPDATE transparency_log SET number = 2, origin = 'danji.example/apt/A10000001/2'")
    write_logs(complex_.id)
    assert (second / "log.zip").exists()
    assert "danji.example/apt/A10000001/2" in (second / "index.html").read_text(encoding="utf-8")


def test_before_the_first_head_there_is_nothing_to_show(complex_):
    folder = log_folder(complex_.code, 1)
    assert write_logs(complex_.id) == 0
    assert not (folder / "index.html").exists()


def test_records_that_cannot_be_confirmed_keep_no_other_waiting(
    complex_, publish, agree, monkeypatch
):
    monkeypatch.setattr(jobs, "BATCH", 1)
    bad, good = publish(), publish()
    real = jobs.disclosed

    def disclosed_unless_bad(record):
        if record.doc == bad.id:
            raise FileNotFoundError("its PDF is gone")
        return real(record)

    monkeypatch.setattr(jobs, "disclosed", disclosed_unless_bad)
    agree()
    for _ in range(3):
        jobs.confirm_published_records(complex_.id)
    assert Confirmation.objects.get().record.doc == good.id
    monkeypatch.setattr(jobs, "disclosed", real)
    for _ in range(3):
        jobs.confirm_published_records(complex_.id)
    assert Confirmation.objects.count() == 2
