"""What stands in the database is not believed: a changed row is neither shown nor approved."""

import pytest

from danji.approvals import deciding, drafting
from danji.approvals.models import Document
from danji.base import files
from danji.formbook import values
from danji.formbook.definition import load
from danji.rules.approval import Choice, Decision
from danji.rules.refusal import Refusal
from danji.signing.evidence import session_signer
from danji.transparency.models import Event
from papers import submit

EXPENSE = {
    "title": "제설 자재 구입",
    "reason": ["1. 겨울에 씁니다."],
    "items": {"rows": [{"name": "염화칼슘", "spec": None, "quantity": 10, "unit_price": 12_000}]},
    "payee": "(주)겨울상사",
    "payment": "transfer",
    "account": "소모품비",
    "fund": "management-fee",
}
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


@pytest.fixture
def document(bookkeeper, manager, at):
    draft = drafting.start_draft("expense", actor=bookkeeper, at=at)
    typed = values.to_inputs(load(bytes(draft.form.definition)), EXPENSE)
    draft = drafting.save_draft(draft.id, typed, revision=draft.revision, actor=bookkeeper, at=at)
    drafting.attach_file(draft.id, "견적서.pdf", PDF, actor=bookkeeper, at=at)
    return drafting.submit_draft(draft.id, actor=bookkeeper, at=at)


def decide(document, manager, at):
    return deciding.decide_step(
        document.id,
        actor=manager,
        choice=Choice(Decision.APPROVE),
        sign=session_signer("demo", at),
        at=at,
    )


def changed(document, **columns):
    """The document as it would be read from an altered row."""
    read = Document.objects.get(id=document.id)
    for name, value in columns.items():
        setattr(read, name, value)
    return read


@pytest.mark.parametrize(
    "columns", [{"content": b"{}"}, {"title": "다른 제목"}, {"amount": 9_900_000}]
)
def test_an_altered_document_is_not_approved(document, manager, at, monkeypatch, columns):
    altered = changed(document, **columns)
    altered.withdrawn_at = None
    if "content" in columns:
        altered.content = bytes(document.content).replace(b"120000", b"990000")
    locked = deciding.lock_document(document.id, manager)[1]
    monkeypatch.setattr(deciding, "lock_document", lambda *_: (altered, locked))
    with pytest.raises(Refusal, match="바뀌어 있어"):
        decide(document, manager, at)


def test_an_altered_document_is_not_shown(document):
    with pytest.raises(Refusal, match="바뀌어 있어"):
        changed(document, title="다른 제목").parsed_content()


def test_a_lost_attachment_stops_the_last_approval(document, manager, at, settings):
    digest = document.parsed_content()["attachments"][0]["sha256"]
    (settings.FILES / digest[:2] / digest[2:]).unlink()
    with pytest.raises(Refusal, match="견적서"):
        decide(document, manager, at)
    files.put(PDF)
    decide(document, manager, at)


@pytest.mark.parametrize("change", ["amount = 9900000", "payee = '다른 곳'"])
def test_nor_does_leaving_a_place_out_write_it_into_the_log(
    change, bookkeeper, chief, manager, sign, alter, at
):
    document = submit(bookkeeper, at, form="expense")
    alter("UPDATE accounts_officeholder SET until = '2026-11-01' WHERE id = %s", chief.id)
    alter(f"UPDATE approvals_document SET {change}")
    events = Event.objects.count()
    with pytest.raises(Refusal, match="상신한 뒤에 바뀌어"):
        deciding.skip_step(document.id, 2, "퇴직", actor=bookkeeper, sign=sign, at=at)
    assert Event.objects.count() == events
