"""The API: an accounting program files an expense and reads its outcome; nobody else does."""

import base64
import json
import shutil
from datetime import timedelta
from hashlib import sha256

import psycopg
import pytest
from django.test import Client
from django.utils import timezone

from danji.approvals.models import Document, Draft, Step
from danji.authority.actions import set_absence
from danji.base import tenancy
from danji.config.demonstration.documents import EXPENSE
from danji.integration import jobs
from danji.integration.actions import issue_token, request_system_token, revoke_token
from danji.integration.jobs import KEPT, forget_answers
from danji.integration.models import ApiScope, ApiToken, IdempotentAnswer, Upload
from danji.records.models import Record
from danji.rules.absence import Reason
from danji.rules.periods import day_in_seoul
from danji.transparency.models import Opening
from danji.transparency.sequencer import Sequencer
from programs import Program, give_token


@pytest.fixture
def books(program, bookkeeper, chief, manager):
    """The bookkeeper's accounting program; chief and manager decide."""
    return program(bookkeeper)


def filing(**changes):
    return {"form": "expense", "values": EXPENSE, "seen_doubts": True} | changes


def file(books, **changes):
    answer = books.post("/documents", filing(**changes))
    assert answer.status_code == 201, answer.content.decode()
    return answer.json()


def approve(program, filed, **changes):
    body = {"decision": "approve", "digest": filed["digest"]} | changes
    return program.post(f"/documents/{filed['document']}/decision", body)


# --- The whole way -----------------------------------------------------------------------------


def test_a_program_files_an_expense_and_reads_its_outcome(books, program, chief, manager):
    filed = file(books)
    before = books.get(f"/documents/{filed['document']}/outcome").json()
    assert before["ending"] is None
    assert approve(program(chief), filed).json()["ending"] is None
    assert approve(program(manager), filed).json()["ending"] == "finished"
    after = books.get(f"/documents/{filed['document']}/outcome").json()
    record = Record.objects.get()
    assert (after["ending"], after["number"]) == ("finished", record.number)
    assert after["record_digest"] == record.digest
    assert after["pdf"] is None  # the worker makes it
    assert books.get(f"/records/{record.id}").json()["payload"]["number"]["text"] == record.number


def test_a_returned_document_says_by_whom_and_why(books, program, chief):
    filed = file(books)
    approve(program(chief), filed, decision="return", opinion="세금계산서를 붙여 주세요.")
    outcome = books.get(f"/documents/{filed['document']}/outcome").json()
    assert outcome["ending"] == "returned"
    assert outcome["reason"] == "세금계산서를 붙여 주세요."
    assert "이민호" in outcome["returned_by"]


def test_a_document_is_shown_with_its_line(books, chief, manager):
    filed = file(books)
    shown = books.get(f"/documents/{filed['document']}").json()
    assert shown["values"]["total"] == Document.objects.get().amount
    assert [(step["officer"]["office"], step["is_waiting"]) for step in shown["line"]] == [
        ("bookkeeper", False),
        ("chief", True),
        ("manager", False),
    ]


def test_what_waits_is_in_the_box(books, program, chief):
    filed = file(books)
    waiting = program(chief).get("/boxes/waiting").json()
    assert [entry["id"] for entry in waiting["items"]] == [filed["document"]]
    assert books.get("/boxes").json()["counts"]["ongoing"] == 1


def test_a_decision_by_token_says_that_it_is_one(books, program, chief, complex_):
    approve(program(chief), file(books))
    auths = [o.fields["auth"] for o in Opening.objects.all() if "auth" in o.fields]
    assert len(auths) == 1
    said = json.loads(base64.b64decode(auths[0]["value"]))
    assert (said["level"], said["method"]) == ("simple", "api-token")


def test_nobody_decides_by_token_before_agreeing_to_sign(books, chief):
    filed = file(books)
    assert approve(give_token(chief), filed).status_code == 409
    assert not Step.objects.filter(approver_id=chief.id).exclude(decision="").exists()


def test_a_document_is_decided_as_it_was_seen(books, program, chief):
    filed = file(books)
    answer = approve(program(chief), filed, digest="0" * 64)
    assert answer.status_code == 409
    assert not Step.objects.filter(approver_id=chief.id).exclude(decision="").exists()


def test_the_statement_is_what_is_signed(books, program, chief):
    filed = file(books)
    body = {"decision": "approve", "digest": filed["digest"]}
    said = program(chief).post(f"/documents/{filed['document']}/statement", body).json()
    statement = json.loads(base64.b64decode(said["statement"]))
    assert statement["body"] == filed["digest"]
    assert statement["title"] == said["title"]
    assert len(base64.urlsafe_b64decode(said["challenge"] + "==")) == 32


def test_a_forged_assertion_signs_nothing(books, program, chief):
    filed = file(books)
    forged = dict.fromkeys(("id", "client_data", "authenticator_data", "signature"), "AAAA")
    assert approve(program(chief), filed, assertion=forged).status_code == 409
    assert not Step.objects.filter(approver_id=chief.id).exclude(decision="").exists()


def test_several_are_decided_at_once_and_one_refused_undoes_no_other(books, program, chief):
    first, second = file(books), file(books)
    deciding = program(chief)
    items = [{"document": one["document"], "digest": one["digest"]} for one in (first, second)]
    body = {"items": items, "decision": "approve"}
    said = deciding.post("/decisions/statement", body).json()
    assert [one["document"] for one in said["statements"]] == [one["document"] for one in items]
    items[1]["digest"] = "0" * 64
    answer = deciding.post("/decisions", body).json()
    assert [one["document"] for one in answer["done"]] == [first["document"]]
    assert [one["document"] for one in answer["refused"]] == [second["document"]]
    assert deciding.get("/boxes").json()["counts"]["waiting"] == 1


# --- Again and again ---------------------------------------------------------------------------


def test_a_line_is_kept_and_forgotten(books, chief):
    reader = {"kind": "circulation", "officeholder": str(chief.id)}
    kept = books.post("/line-templates", {"name": "공람", "line": {"readers": [reader]}})
    assert kept.status_code == 201, kept.content.decode()
    assert books.get("/line-templates").json()["items"] == [kept.json()]
    assert books.send("DELETE", f"/line-templates/{kept.json()['id']}").status_code == 200
    assert books.get("/line-templates").json()["items"] == []


def test_a_form_is_kept_at_hand_and_no_longer(books):
    def kept():
        return [form["key"] for form in books.get("/forms").json()["items"] if form["is_favourite"]]

    assert books.send("PUT", "/forms/memo/favourite").status_code == 200
    assert kept() == ["memo"]
    assert books.send("DELETE", "/forms/memo/favourite").status_code == 200
    assert kept() == []


def test_a_document_recurs_until_it_is_stopped(books):
    since = str(day_in_seoul(timezone.now()) + timedelta(days=1))
    body = {"form": "memo", "title": "주간 점검", "every": "week", "on_day": 1, "since": since}
    begun = books.post("/recurring", body)
    assert begun.status_code == 201, begun.content.decode()
    assert books.get("/recurring").json()["items"] == [begun.json()]
    assert books.send("DELETE", f"/recurring/{begun.json()['id']}").status_code == 200
    assert books.get("/recurring").json()["items"][0]["until"] == str(day_in_seoul(timezone.now()))


# --- What is known before and after ------------------------------------------------------------


def test_the_line_is_known_before_submission(books, chief):
    draft = books.post("/drafts", {"form": "expense", "values": EXPENSE | {"payee": None}}).json()
    plan = books.get(f"/drafts/{draft['id']}/plan").json()
    assert [place["officer"]["office"] for place in plan["line"]] == [
        "bookkeeper",
        "chief",
        "manager",
    ]
    assert plan["missing"].keys() == {"payee"}
    assert not Document.objects.exists()


def test_a_box_is_looked_through(books, program, chief):
    filed = file(books)
    waiting = program(chief)
    amount = Document.objects.get().amount
    today = day_in_seoul(timezone.now())
    word = EXPENSE["title"].split()[0]
    for found in (f"q={word}", f"form=expense&since={today}&until={today}", f"most={amount}"):
        items = waiting.get(f"/boxes/waiting?{found}").json()["items"]
        assert [entry["id"] for entry in items] == [filed["document"]], found
    for other in (
        "q=없는말",
        "form=memo",
        f"until={today - timedelta(days=1)}",
        f"least={amount + 1}",
    ):
        assert waiting.get(f"/boxes/waiting?{other}").json()["items"] == [], other
    assert waiting.get("/boxes/waiting?since=yesterday").status_code == 422


def test_a_place_says_since_when_why_and_who_stands_in(books, program, chief, manager):
    filed, now = file(books), timezone.now()
    waiting = program(chief)
    waiting.post(f"/documents/{filed['document']}/hold", {"reason": "견적을 기다립니다."})
    today = day_in_seoul(now)
    set_absence(
        chief.id,
        deputy_id=manager.id,
        since=today,
        until=today,
        reason=Reason.TRIP,
        actor=chief,
        at=now,
    )
    place = books.get(f"/documents/{filed['document']}").json()["line"][1]
    assert place["hold"]["reason"] == "견적을 기다립니다."
    assert place["deputy"]["name"] == manager.person.name
    assert place["since"] is not None


def test_an_outcome_says_how_much_to_whom_and_what_took_its_place(books, program, chief, manager):
    def approved(filed):
        for officer in (chief, manager):
            approve(program(officer), filed)
        Sequencer().tick()
        return books.get(f"/documents/{filed['document']}/outcome").json()

    first = approved(file(books))
    document = Document.objects.get()
    assert (first["amount"], first["payee"]) == (document.amount, document.payee)
    assert (first["superseded_by"], first["cited_by"]) == (None, [])
    again = books.post(f"/documents/{first['document']}/correction").json()
    filed = books.post(f"/drafts/{again['id']}/submission", {"seen_doubts": True}).json()
    second = approved(filed)
    newer = books.get(f"/documents/{first['document']}/outcome").json()["superseded_by"]
    assert (newer["document"], newer["number"]) == (second["document"], second["number"])
    shown = books.get(f"/records/{first['record']}").json()
    assert shown["superseded_by"] == newer
    begun = books.post(f"/documents/{second['document']}/adjustment").json()
    assert begun["form"] == "expense-change"


# --- Writing -----------------------------------------------------------------------------------


def test_a_file_sent_ahead_is_attached_by_its_digest(books, pdf):
    sent = books.upload("/files", "견적서.pdf", pdf)
    assert sent.status_code == 201, sent.content.decode()
    filed = file(books, attachments=[sent.json()["sha256"]])
    shown = books.get(f"/documents/{filed['document']}").json()
    assert [one["name"] for one in shown["attachments"]] == ["견적서.pdf"]
    got = books.get(f"/documents/{filed['document']}/attachments/1")
    assert got.content == pdf


def test_a_file_sent_ahead_is_examined_once(books, pdf, monkeypatch):
    digest = books.upload("/files", "견적서.pdf", pdf).json()["sha256"]
    monkeypatch.setattr("danji.approvals.drafting.examine", lambda *_: pytest.fail("again"))
    file(books, attachments=[digest])
    assert Document.objects.get().parsed_content()["attachments"][0]["media_type"] == (
        "application/pdf"
    )


def test_a_file_sent_ahead_goes_after_a_week_and_what_was_attached_stays(
    books, complex_, pdf, monkeypatch, settings
):
    other = pdf + b"%"
    attached, unused = (
        books.upload("/files", f"{n}.pdf", data).json()["sha256"]
        for n, data in enumerate((pdf, other))
    )
    filed = file(books, attachments=[attached])
    later = timezone.now() + KEPT + timedelta(days=1)
    monkeypatch.setattr(jobs.timezone, "now", lambda: later)
    forget_answers(complex_.id)
    tenancy._enter("app.complex", complex_.id)
    assert not Upload.objects.exists()
    kept = [path.read_bytes() for path in settings.FILES.rglob("*") if path.is_file()]
    assert other not in kept
    assert kept.count(pdf) == 1
    monkeypatch.undo()
    assert books.get(f"/documents/{filed['document']}/attachments/1").content == pdf
    assert books.post("/documents", filing(attachments=[unused])).status_code == 422


def test_a_file_whose_bytes_are_gone_is_to_be_sent_again(books, pdf, settings):
    digest = books.upload("/files", "견적서.pdf", pdf).json()["sha256"]
    shutil.rmtree(settings.FILES / "ahead")
    assert books.post("/documents", filing(attachments=[digest])).status_code == 422
    books.upload("/files", "견적서.pdf", pdf)
    file(books, attachments=[digest])


@pytest.mark.parametrize(("limit", "value"), [("FILES_A_DAY", 1), ("BYTES_A_DAY", 300)])
def test_only_so_much_is_sent_ahead_in_a_day(books, program, chief, pdf, monkeypatch, limit, value):
    monkeypatch.setattr(f"danji.integration.actions.{limit}", value)
    assert len(pdf) < 300 < 2 * len(pdf)
    assert books.upload("/files", "견적서.pdf", pdf).status_code == 201
    refused = books.upload("/files", "견적서.pdf", pdf)
    assert refused.status_code == 409
    assert "하루" in refused.json()["next_step"]
    assert program(chief).upload("/files", "견적서.pdf", pdf).status_code == 201


def test_knowing_a_digest_gives_nobody_the_file(books, program, chief, pdf):
    digest = program(chief).upload("/files", "견적서.pdf", pdf).json()["sha256"]
    answer = books.post("/documents", filing(attachments=[digest]))
    assert answer.status_code == 422
    assert "attachments" in answer.json()["fields"]
    assert not Draft.objects.exists()


def test_what_lies_about_its_kind_is_not_taken(books):
    answer = books.upload("/files", "견적서.pdf", b"MZ\x90\x00 a program")
    assert answer.status_code == 409
    assert "견적서.pdf" in answer.json()["fact"]


def test_each_wrong_field_is_named(books):
    values = EXPENSE | {"payee": None, "payment": "barter", "colour": "red"}
    answer = books.post("/documents", filing(values=values))
    assert answer.status_code == 422
    assert answer.json()["fields"].keys() == {"colour"}
    del values["colour"]
    answer = books.post("/documents", filing(values=values))
    assert answer.json()["fields"].keys() == {"payee", "payment"}
    assert not Draft.objects.exists()


def test_a_sum_that_a_program_got_wrong_is_refused(books):
    answer = books.post("/documents", filing(values=EXPENSE | {"total": 1}))
    assert answer.status_code == 422
    assert "계산한 것과" in answer.json()["fields"]["total"]


def test_what_is_computed_may_be_left_out(books):
    row = {"name": "염화칼슘", "quantity": 10, "unit_price": 12_000}
    values = {name: value for name, value in EXPENSE.items() if name not in {"supply", "total"}}
    filed = file(books, values=values | {"items": {"rows": [row]}, "vat": None})
    shown = books.get(f"/documents/{filed['document']}").json()
    assert (shown["net"], shown["amount"]) == (120_000, 132_000)


def test_what_was_typed_counts_as_on_the_page(books):
    started = books.post("/drafts", {"form": "memo", "inputs": {"title": "화단 정비"}})
    assert started.status_code == 201
    draft = started.json()
    change = {
        "revision": draft["revision"],
        "inputs": {"title": "화단 정비", "purpose": "정비합니다.", "plan": "11월에 합니다."},
    }
    saved = books.send("PUT", f"/drafts/{draft['id']}", change)
    assert saved.json()["inputs"]["plan"] == "11월에 합니다."
    assert books.send("PUT", f"/drafts/{draft['id']}", change).status_code == 409  # stale
    submitted = books.post(f"/drafts/{draft['id']}/submission", {"seen_doubts": True})
    assert submitted.json()["document"] == draft["id"]


def test_a_draft_is_thrown_away(books):
    draft = books.post("/drafts", {"form": "memo"}).json()
    assert books.send("DELETE", f"/drafts/{draft['id']}").json() == {"done": True}
    assert books.get(f"/drafts/{draft['id']}").status_code == 404


def test_a_withdrawn_document_is_a_draft_again(books):
    filed = file(books)
    again = books.post(f"/documents/{filed['document']}/withdrawal")
    assert again.status_code == 201
    assert again.json()["follows"] == filed["document"]
    assert books.get(f"/documents/{filed['document']}/outcome").json()["ending"] == "withdrawn"


def test_broken_characters_are_made_visible(books):
    body = '{"form": "memo", "inputs": {"title": "\\u0000\\ud800"}}'
    headers = {"Authorization": f"Bearer {books.text}", "Idempotency-Key": "1"}
    answer = books.client.generic(
        "POST", "/api/drafts", body, content_type="application/json", headers=headers
    )
    assert answer.json()["inputs"]["title"] == "\ufffd\ufffd"


# --- Once --------------------------------------------------------------------------------------


def test_the_same_key_is_answered_the_same_and_done_once(books):
    first = books.post("/documents", filing(), key="expense-7")
    second = books.post("/documents", filing(), key="expense-7")
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second["Idempotent-Replayed"] == "true"
    assert Document.objects.count() == 1


def test_a_key_is_not_used_for_something_else(books):
    books.post("/documents", filing(), key="expense-7")
    other = books.post("/documents", filing(values=EXPENSE | {"title": "다른 것"}), key="expense-7")
    assert other.status_code == 422
    assert "이미 썼습니다" in other.json()["fact"]
    assert Document.objects.count() == 1


def test_what_was_refused_may_be_tried_again_with_the_same_key(books):
    assert books.post("/documents", filing(values={}), key="expense-7").status_code == 422
    assert books.post("/documents", filing(), key="expense-7").status_code == 201


def test_the_same_write_is_not_begun_twice_at_once(books, cluster):
    token = ApiToken.objects.get()
    lock = int.from_bytes(sha256(token.id.bytes + b"expense-7").digest()[:8], signed=True)
    with psycopg.connect(cluster.url("danji_owner")) as other_call:
        other_call.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
        answer = books.post("/documents", filing(), key="expense-7")
        assert answer.status_code == 409
        assert "지금 처리하고 있습니다" in answer.json()["fact"]
    assert books.post("/documents", filing(), key="expense-7").status_code == 201


def test_whoever_comes_a_moment_late_writes_nothing(books, monkeypatch):
    assert books.post("/documents", filing(), key="expense-7").status_code == 201
    monkeypatch.setattr("danji.web.api.gate.earlier_answer", lambda *_: None)
    assert books.post("/documents", filing(), key="expense-7").status_code == 409
    assert Document.objects.count() == 1


def test_without_a_key_nothing_is_written(books):
    headers = {"Authorization": f"Bearer {books.text}"}
    answer = books.client.post(
        "/api/documents", json.dumps(filing()), content_type="application/json", headers=headers
    )
    assert answer.status_code == 422
    assert not Draft.objects.exists()


def test_answers_are_forgotten_after_a_week(books, complex_, monkeypatch):
    books.post("/documents", filing())
    assert forget_answers(complex_.id) == 0
    later = timezone.now() + KEPT + timedelta(minutes=1)
    monkeypatch.setattr(jobs.timezone, "now", lambda: later)
    tenancy._enter("app.complex", complex_.id)
    assert forget_answers(complex_.id) == 1
    assert not IdempotentAnswer.objects.exists()


# --- Who asks ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Bearer danji_x"}, {"Authorization": "Basic YTpi"}]
)
def test_without_a_token_nothing_is_said(header, caplog):
    answer = Client().get("/api/me", headers=header)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer.json().keys() == {"fact", "next_step"}


def test_a_forged_token_is_logged_and_not_what_it_was(books, caplog):
    forged = books.text[:-4] + ("AAAA" if not books.text.endswith("AAAA") else "BBBB")
    answer = Client().get("/api/me", headers={"Authorization": f"Bearer {forged}"})
    assert answer.status_code == 401
    assert forged not in caplog.text
    assert "연계 열쇠가 없거나" in caplog.text


def test_a_revoked_token_is_refused(books, bookkeeper, caplog):
    revoke_token(ApiToken.objects.get().id, actor=bookkeeper, at=timezone.now())
    assert books.get("/me").status_code == 401


def test_a_token_does_only_what_it_is_for(program, bookkeeper, caplog):
    reading = program(bookkeeper, ApiScope.READ)
    assert reading.get("/me").json()["scopes"] == ["read"]
    answer = reading.post("/documents", filing())
    assert answer.status_code == 403
    assert "기안" in answer.json()["fact"]
    assert not Draft.objects.exists()


def test_a_system_that_nobody_confirmed_is_refused(bookkeeper, manager, caplog):
    now = timezone.now()
    last = day_in_seoul(now) + timedelta(days=30)
    issued = request_system_token(
        "회계", bookkeeper.id, [ApiScope.READ], last, actor=manager, at=now
    )
    assert Program(bookkeeper, issued.text).get("/me").status_code == 403


def test_a_token_that_decides_and_nobody_confirmed_is_refused(chief, manager, caplog):
    now = timezone.now()
    last = day_in_seoul(now) + timedelta(days=30)
    issued = issue_token("회계", [ApiScope.DECIDE], last, actor=chief, at=now)
    body = {"decision": "approve", "digest": "0" * 64}
    answer = Program(chief, issued.text).post(f"/documents/{chief.id}/decision", body)
    assert answer.status_code == 403
    assert "확인하지 않은" in answer.json()["fact"]


def test_a_neighbour_finds_nothing(books, program, neighbour, complex_):
    filed = file(books)
    tenancy._enter("app.complex", neighbour.complex_id)
    other = program(neighbour)
    for path in ("", "/outcome", "/attachments/1"):
        assert other.get(f"/documents/{filed['document']}{path}").status_code == 404
    assert other.get("/boxes/waiting").json()["items"] == []
    assert approve(other, filed).status_code == 404


def test_a_session_of_a_browser_opens_nothing(bookkeeper, sign_in):
    assert sign_in(Client(), bookkeeper).get("/api/me").status_code == 401


# --- Saying no ---------------------------------------------------------------------------------


def test_another_content_type_is_refused(books):
    answer = books.post("/documents", filing(), content_type="text/plain")
    assert answer.status_code == 415
    assert "application/json" in answer.json()["next_step"]


@pytest.mark.parametrize("body", ["{", "NaN", '{"form": Infinity}', "[" * 100_000])
def test_what_is_no_json_is_refused(books, body):
    headers = {"Authorization": f"Bearer {books.text}", "Idempotency-Key": "1"}
    answer = books.client.generic(
        "POST", "/api/documents", body, content_type="application/json", headers=headers
    )
    assert answer.status_code == 400
    assert "JSON" in answer.json()["fact"]


def test_too_much_is_not_read(books, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = books.post("/documents", filing(inputs={"title": "가" * 1000}))
    assert answer.status_code == 413


def test_an_unknown_address_and_method_are_answered_in_json(books):
    assert books.get("/nowhere").json().keys() == {"fact", "next_step"}
    answer = books.send("PATCH", "/me", {})
    assert answer.status_code == 405
    assert "GET" in answer["Allow"]
    assert answer.json().keys() == {"fact", "next_step"}


def test_our_own_fault_is_owned_up_to_in_json(books, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("broken")

    monkeypatch.setattr("danji.web.api.account.holders", broken)
    books.client.raise_request_exception = False
    answer = books.get("/officers")
    assert answer.status_code == 500
    assert answer.json().keys() == {"fact", "next_step"}


def test_the_page_lists_every_operation(visitor):
    page = visitor.get("/api/").content.decode()
    for path in visitor.get("/api/openapi.json").json()["paths"]:
        assert path in page
    assert "cdn" not in page
