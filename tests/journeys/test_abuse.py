"""The frauds that were really done with approvals and payments on paper, tried here.

Each test is named for one of them: the act is refused, or everybody sees it. Storage is altered
with the rights of the owner of the database, as whoever runs the machine could.
"""

import base64
import re
from datetime import date, timedelta
from hashlib import sha256

import pytest
from django.db import DatabaseError, transaction

from danji.approvals import deciding, drafting
from danji.approvals.links import decision_link, read_link
from danji.approvals.models import Document, Draft, Outcome, Step
from danji.approvals.queries import waiting_for
from danji.config.schedule import run_jobs
from danji.disclosure import jobs
from danji.disclosure.inspection import UNPROVEN, Place
from danji.disclosure.models import Obstacle, Publication
from danji.disclosure.queries import disclosed, pdf_of, proof_of, read_record
from danji.outbox.models import Message
from danji.records.models import Record
from danji.renditions.models import Rendition
from danji.rules.approval import Choice, Decision
from danji.rules.money import amount_line
from danji.rules.refusal import Refusal
from danji.signing import passkeys
from danji.transparency.queries import policy
from danji.transparency.sequencer import Sequencer
from danji_verify.check import check_pdf
from danji_verify.report import Verdict
from papers import decide, drafted, submit
from signing.enrolment import enrol

ON = date(2026, 11, 22)
RECEIPT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def passkey(at):
    """Enrol a passkey for an officer, before a second one; returns what signs a statement."""

    def enrolled(officer, second):
        device = enrol(officer, second, at)
        return lambda statement, who=officer: passkeys.passkey_signer(
            who, device.assertion(passkeys.challenge([statement]))
        )(statement)

    return enrolled


def seal_and_publish():
    sequencer = Sequencer()
    while sequencer.tick() + run_jobs():
        pass


def approved(bookkeeper, chief, manager, sign, at, **options):
    document = submit(bookkeeper, at, form="expense", **options)
    decide(document, chief, sign, at)
    decide(document, manager, sign, at)
    return document


def test_wonju_2021_blank_minutes_are_signed_and_filled_in_later(
    bookkeeper, chief, manager, sign, alter, at
):
    """원주 2021: members signed blank paper, and the manager filled in what was not decided."""
    blank = drafting.start_draft("memo", actor=bookkeeper, at=at)
    with pytest.raises(Refusal, match="빠지거나 맞지 않는"):
        drafting.submit_draft(blank.id, actor=bookkeeper, at=at)
    document = submit(bookkeeper, at)
    assert not Draft.objects.filter(id=document.id).exists()
    decide(document, chief, sign, at)
    filled = bytes(document.content).replace("화단을".encode(), "화원을".encode())
    alter("UPDATE approvals_document SET content = %s WHERE id = %s", filled, document.id)
    with pytest.raises(Refusal, match="상신한 뒤에 바뀌어"):
        decide(document, manager, sign, at)


def test_gyeongsan_2014_a_word_is_added_after_the_fact(bookkeeper, chief, manager, sign, alter, at):
    """경산 2014: ‘만장일치’ was written into what others had signed."""
    document = approved(bookkeeper, chief, manager, sign, at)
    seal_and_publish()
    record = Record.objects.get(doc=document.id)
    before = disclosed(record)
    pdf, proof = pdf_of(before), proof_of(before, record.complex)
    added = bytes(record.payload).replace("제설 자재".encode(), "만장일치".encode())
    alter("UPDATE records_record SET payload = %s WHERE id = %s", added, record.id)
    with pytest.raises(Refusal, match="보관한 뒤에 바뀌어"):
        read_record(manager, record.id)
    trusted = policy(record.complex)
    assert check_pdf(pdf, proof, trusted).verdict is Verdict.ACCEPTED
    assert check_pdf(pdf + b"\n% unanimous", proof, trusted).verdict is Verdict.REFUSED


def test_dongjak_the_chair_writes_void_on_what_was_signed(
    bookkeeper, chief, manager, chair, sign, at
):
    """동작: after most had signed, the chair wrote ‘무효’ on the paper."""
    line = {"added": [{"act": "confirm", "officeholder": chair.id.hex, "beside": False}]}
    document = approved(bookkeeper, chief, manager, sign, at, line=line)
    with pytest.raises(Refusal, match="확인 자리에서는 문서를 멈출 수 없습니다"):
        decide(document, chair, sign, at, Decision.RETURN, "무효")
    decide(document, chair, sign, at, Decision.DISSENT, "무효라고 생각합니다.")
    with pytest.raises(Refusal, match="이미 결재가 끝난"):
        decide(document, chair, sign, at, Decision.RETURN, "무효")
    last = Record.objects.get().parsed_payload()["decisions"][-1]
    assert (last["decision"], last["opinion"]) == ("dissent", "무효라고 생각합니다.")


def test_daejeon_2016_the_manager_uses_the_chairs_seal(
    bookkeeper, chief, manager, chair, passkey, sign, at
):
    """대전 중구 2016: the manager put the chair's seal under another time of the meeting."""
    line = {"added": [{"act": "confirm", "officeholder": chair.id.hex, "beside": False}]}
    document = submit(bookkeeper, at, form="expense", line=line)
    managers, chairs = passkey(manager, chief), passkey(chair, manager)
    decide(document, chief, sign, at)
    decide(document, manager, managers, at)
    with pytest.raises(Refusal, match="이미 결재하신"):
        decide(document, manager, managers, at)
    with pytest.raises(Refusal, match="대신해 결재하실 수 없습니다"):
        decide(document, manager, managers, at, acting_for=chair.id)
    with pytest.raises(Refusal, match="패스키는 서명에 쓸 수 없습니다"):
        decide(document, chair, lambda said: managers(said, who=chair), at)
    assert not Outcome.objects.exists()
    decide(document, chair, chairs, at)
    assert Outcome.objects.exists()


def test_jeju_a_dismissed_chair_goes_on_using_the_seal(
    bookkeeper, chief, manager, appointed, passkey, sign, at
):
    """제주: a dismissed chair went on stamping papers with the seal."""
    chair = appointed("고길동", "chair", until=at.date())
    line = {"added": [{"act": "confirm", "officeholder": chair.id.hex, "beside": False}]}
    document = approved(bookkeeper, chief, manager, sign, at, line=line)
    seal = passkey(chair, manager)
    tomorrow = at + timedelta(days=1)
    with pytest.raises(Refusal, match="임기가 아니어서"):
        decide(document, chair, seal, tomorrow)
    link = read_link(decision_link(chair, document.id).rstrip("/").rpartition("/")[2])
    assert link.officeholder_id == chair.id  # it opens, and decides nothing
    draft = drafted(bookkeeper, tomorrow, line=line)
    with pytest.raises(Refusal, match="임기가 아니어서 결재선에 넣을 수 없습니다"):
        drafting.submit_draft(draft.id, actor=bookkeeper, at=tomorrow)


def test_nowon_2022_the_auditor_writes_in_the_councils_name(appointed, chief, manager, sign, at):
    """노원 2022: an auditor sent the district a letter in the name of the council."""
    auditor = appointed("한상우", "auditor")
    document = submit(auditor, at)
    with pytest.raises(Refusal, match="직접 기안하신"):
        decide(document, auditor, sign, at)
    assert not Record.objects.exists()
    decide(document, chief, sign, at)
    decide(document, manager, sign, at)
    content = Record.objects.get().parsed_payload()["content"]
    assert [(step["act"], step["office"]) for step in content["line"]] == [
        ("draft", "감사"),
        ("review", "과장"),
        ("approve", "관리사무소장"),
    ]


def test_cheongju_and_daegu_digits_are_added_to_an_approved_payment(
    bookkeeper, chief, manager, sign, alter, at
):
    """청주 2011–15 · 대구 2006~ · 청주 2019–24: digits were added to approved payment slips."""
    document = submit(bookkeeper, at, form="expense")
    decide(document, chief, sign, at)
    alter("UPDATE approvals_document SET amount = 9132000 WHERE id = %s", document.id)
    with pytest.raises(Refusal, match="금액이나 받는 곳이 상신한 뒤에 바뀌어"):
        decide(document, manager, sign, at)
    alter("UPDATE approvals_document SET amount = 132000 WHERE id = %s", document.id)
    decide(document, manager, sign, at)
    seal_and_publish()
    record = Record.objects.get(doc=document.id)
    shown = disclosed(record)
    pdf, proof, trusted = pdf_of(shown), proof_of(shown, record.complex), policy(record.complex)
    report = check_pdf(pdf, proof, trusted)
    assert report.verdict is Verdict.ACCEPTED
    said = next(block for block in shown.payload["content"]["blocks"] if "figures" in block)
    assert said["text"] == amount_line(132_000)  # in words too, so that no digit can be put before
    place = pdf.index(b"/ByteRange")
    forged = pdf[: place - 1] + bytes([pdf[place - 1] ^ 1]) + pdf[place:]
    assert check_pdf(forged, proof, trusted).verdict is Verdict.REFUSED
    paid_more = bytes(record.payload).replace(b"132000", b"932000")
    alter("UPDATE records_record SET payload = %s WHERE id = %s", paid_more, record.id)
    with pytest.raises(Refusal, match="보관한 뒤에 바뀌어"):
        read_record(manager, record.id)


def test_cheongju_2019_the_payee_is_changed_between_two_signatures(
    bookkeeper, chief, manager, sign, alter, at
):
    """청주 2019–24: what the bank was told was not what had been approved."""
    document = submit(bookkeeper, at, form="expense")
    stated = deciding.state_decision(
        document.id, actor=chief, choice=Choice(Decision.APPROVE), at=at
    )
    assert "(주)겨울상사" in stated.data.decode()
    alter("UPDATE approvals_document SET payee = '김수진' WHERE id = %s", document.id)
    with pytest.raises(Refusal, match="받는 곳이 상신한 뒤에 바뀌어"):
        decide(document, chief, sign, at)


def test_wonju_2017_money_is_spent_without_an_approval(bookkeeper, chief, manager, sign, alter, at):
    """원주 2017–24: 165 transfers whose approval had never really been made."""
    document = submit(bookkeeper, at, form="expense")
    # Whoever runs the machine writes the chief's approval into the database.
    alter(
        "UPDATE approvals_step SET decision = 'approve', decided_by_id = approver_id,"
        " decided_at = now(), leaf_hash = %s WHERE document_id = %s AND position = 2",
        bytes(32),
        document.id,
    )
    with pytest.raises(Refusal, match="봉인 장부에 적힌 것과 달라"):
        decide(document, manager, sign, at)
    assert not Record.objects.exists()


def test_daegu_the_slip_is_exchanged_whole_between_two_signatures(
    bookkeeper, chief, manager, sign, alter, at
):
    """대구 2006~: not a digit but the whole slip, with everything that is computed from it."""
    document = submit(bookkeeper, at, form="expense")
    decide(document, chief, sign, at)
    content = bytes(document.content).replace("겨울상사".encode(), "가을상사".encode())
    alter(
        "UPDATE approvals_document SET content = %s, digest = %s, payee = %s WHERE id = %s",
        content,
        sha256(content).hexdigest(),
        "(주)가을상사",
        document.id,
    )
    with pytest.raises(Refusal, match="봉인 장부에 적힌 것과 달라"):
        decide(document, manager, sign, at)


def test_an_opinion_is_put_into_anothers_mouth(bookkeeper, chief, manager, sign, alter, at):
    """경산 2014, on the way: what the chief said is rewritten before the manager reads it."""
    document = submit(bookkeeper, at)
    decide(document, chief, sign, at, Decision.DISSENT, "견적이 하나뿐입니다.")
    alter(
        "UPDATE approvals_step SET opinion = '이의 없음' WHERE document_id = %s AND position = 2",
        document.id,
    )
    with pytest.raises(Refusal, match="봉인 장부에 적힌 것과 달라"):
        decide(document, manager, sign, at)


def test_what_was_altered_after_filing_is_not_shown_and_the_auditor_hears_of_it(
    bookkeeper, chief, manager, appointed, sign, monkeypatch, at
):
    auditor = appointed("한상우", "auditor")
    document = approved(bookkeeper, chief, manager, sign, at)
    monkeypatch.setattr(
        jobs, "_unproven", lambda *_: [Place("문서 전체", UNPROVEN)]
    )  # as when the log's own check fails
    seal_and_publish()
    assert Obstacle.objects.filter(record__doc=document.id).exists()
    assert not Publication.objects.exists()
    assert Message.objects.filter(
        recipient=auditor.person, subject__startswith="자료가 바뀜"
    ).exists()


def test_wonju_2017_an_approval_made_up_whole_is_never_sealed(
    bookkeeper, chief, manager, sign, alter, at
):
    """원주 2017–24: a slip with no line behind it at all."""
    document = submit(bookkeeper, at, form="expense")
    alter(
        "INSERT INTO approvals_outcome (complex_id, id, document_id, ending, ended_at)"
        " VALUES (%s, gen_random_uuid(), %s, 'finished', now())",
        document.complex_id,
        document.id,
    )
    seal_and_publish()
    assert not Record.objects.exists()
    assert not Rendition.objects.exists()
    assert [turn.document_id for turn in waiting_for(chief, on=ON)] == [document.id]


def test_nowon_2014_one_forged_receipt_serves_many_payments(
    bookkeeper, chief, manager, chair, settings, sign, at
):
    """노원 2014–17: 130 forged receipts, approved by a chair who took part."""
    rows = {"rows": [{"name": "수선", "spec": None, "quantity": 1, "unit_price": 90_000}]}
    documents = []
    for title in ("배관 수선", "외벽 수선"):
        draft = drafted(bookkeeper, at, form="expense", title=title, items=rows)
        drafting.attach_file(draft.id, "영수증.png", RECEIPT, actor=bookkeeper, at=at)
        documents.append(drafting.submit_draft(draft.id, actor=bookkeeper, at=at))
    (said,) = documents[1].parsed_content()["notes"]
    assert re.search("영수증.png.*배관 수선.*같은 파일", said)
    with pytest.raises(Refusal, match="결재선에 들어 있지 않으십니다"):
        decide(documents[1], chair, sign, at)
    decide(documents[1], chief, sign, at)
    digest = documents[1].parsed_content()["attachments"][0]["sha256"]
    (settings.FILES / digest[:2] / digest[2:]).write_bytes(RECEIPT + b"forged")
    with pytest.raises(Refusal, match="영수증"):
        decide(documents[1], manager, sign, at)


def test_a_purchase_is_split_to_stay_below_the_limit(bookkeeper, chief, manager, sign, at):
    """쪼개기: purchases cut into parts below the limit of a private contract."""
    rows = [{"name": "수목 전지", "spec": None, "quantity": 1, "unit_price": 3_000_000}]
    submit(bookkeeper, at, form="expense", items={"rows": rows})
    later = submit(
        bookkeeper,
        at + timedelta(days=7),
        form="expense",
        title="수목 전지 2차",
        items={"rows": rows},
    )
    assert any("나눈 것이 아닌지" in note for note in later.parsed_content()["notes"])


def test_a_paper_is_lost_with_the_last_office(bookkeeper, chief, manager, sign, at):
    """Whatever was asked, decided and told stays on record and cannot be deleted."""
    document = approved(bookkeeper, chief, manager, sign, at)
    for kept in (Document, Step, Outcome, Record):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            kept.objects.within(document.complex_id)._raw_delete("default")
    assert Document.objects.filter(id=document.id).exists()
    assert Step.objects.filter(document_id=document.id).count() == 3
    assert Message.objects.filter(subject__contains=" 요청: ").count() == 2
