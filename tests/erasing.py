"""Documents with words that stand nowhere else, sent through everything, and where they stand."""

import base64
import binascii
import json
import os
import re
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from danji.approvals import deciding, drafting, showing
from danji.approvals.models import Document, Receipt
from danji.approvals.receipts import send_receipts
from danji.base import tenancy
from danji.config.schedule import run_jobs
from danji.disposal.actions import confirm_disposal, propose_disposal
from danji.disposal.jobs import erase_confirmed
from danji.integration.actions import Answer, issue_token, keep_answer, upload_file
from danji.integration.models import ApiScope
from danji.rules.approval import Choice, Decision
from danji.rules.disposal import Basis
from danji.signing.actions import accept_method
from danji.signing.codes import send_code
from danji.transparency.sequencer import Sequencer
from papers import drafted

# ASCII, so that no way of writing JSON hides them.
WORDS = {
    "title": "Zq1Title",
    "body": "Zq2Body",
    "payee": "Zq3Payee",
    "account": "Zq4Account",
    "file": "Zq5File",
    "attachment": "Zq6Attachment",
    "returned": "Zq7Returned",
    "opinion": "Zq8Opinion",
    "held": "Zq9Held",
    "afterwards": "Zq0Afterwards",
    "skipped": "Zq1Skipped",
}
PDF = (
    b"%PDF-1.4\n% " + WORDS["attachment"].encode() + b"\n"
    b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)
SAYING = {
    "title": f"{WORDS['title']} 제설 자재 구입",
    "reason": [f"1. {WORDS['body']} 겨울에 씁니다."],
    "payee": f"{WORDS['payee']} 상사",
    "account": WORDS["account"],
}


def catch_up():
    sequencer = Sequencer()
    while sequencer.tick() + run_jobs():
        pass


def attach(draft, drafter, at):
    return drafting.attach_file(draft.id, f"{WORDS['file']}.pdf", PDF, actor=drafter, at=at)


def send_through(bookkeeper, chief, manager, clerk, sign, at) -> Document:
    """An expense that is returned, mended, held, approved, and approved afterwards (후결); codes,
    uploads and answers to programs lie about as they do.
    """
    first = attach(drafted(bookkeeper, at, "expense", **SAYING), bookkeeper, at)
    first = drafting.submit_draft(first.id, actor=bookkeeper, at=at)
    no = Choice(Decision.RETURN, WORDS["returned"])
    deciding.decide_step(first.id, actor=chief, choice=no, sign=sign, at=at)
    again = drafting.redraft_document(first.id, actor=bookkeeper, at=at)
    line = {
        "readers": [{"kind": "afterwards", "officeholder": clerk.id.hex}],
        "skipped": [{"office": "director", "reason": WORDS["skipped"]}],
    }
    drafting.save_line(again.id, line, actor=bookkeeper, at=at)
    document = drafting.submit_draft(again.id, actor=bookkeeper, at=at)
    deciding.hold_step(document.id, WORDS["held"], actor=chief, at=at)
    yes = Choice(Decision.APPROVE, WORDS["opinion"])
    accept_method(actor=chief, at=at)
    stated = deciding.state_decision(document.id, actor=chief, choice=yes, at=at)
    send_code(chief, [stated.data], [document.title], at=at)
    for actor in (chief, manager):
        deciding.decide_step(document.id, actor=actor, choice=yes, sign=sign, at=at)
    showing.confirm_afterwards(
        document.id,
        actor=clerk,
        choice=Choice(Decision.APPROVE, WORDS["afterwards"]),
        sign=sign,
        at=at,
    )
    _tell_programs(document, bookkeeper, at)
    catch_up()
    send_receipts(document.complex_id, at=at + timedelta(days=1, hours=-6))
    assert Receipt.objects.filter(told__gt=0).exists()
    # What somebody began to write in its place says the same.
    drafting.correct_document(document.id, actor=bookkeeper, at=at)
    return document


def _tell_programs(document, officer, at):
    token = issue_token(
        "회계", [ApiScope.READ], at.date().replace(year=at.year + 1), actor=officer, at=at
    ).token
    said = json.dumps({"document": str(document.id), "title": document.title})
    keep_answer(token, "key", b"fingerprint", Answer(201, said), at=at)
    upload_file(f"{WORDS['file']}.pdf", PDF, actor=officer, at=at)


def erase(docs, manager, chair, at, basis=Basis.REQUEST, reason="정보주체의 요구"):
    """Have two officers destroy documents, and do everything that follows from it."""
    disposal = propose_disposal(docs, basis, reason, actor=manager, at=at)
    confirm_disposal(disposal.id, actor=chair, at=at)
    let_files_rest()
    catch_up()
    return disposal


def carry_out(complex_id):
    """Erase what was confirmed: once the log says so, and that has its place."""
    assert erase_confirmed(complex_id)
    Sequencer().tick()
    tenancy._enter("app.complex", complex_id)
    return erase_confirmed(complex_id)


def let_files_rest(**since):
    """Let the files have been kept for a while, two hours unless said otherwise."""
    kept_at = (timezone.now() - timedelta(**since or {"hours": 2})).timestamp()
    for path in files_kept():
        os.utime(path, (kept_at, kept_at))


# --- Looking for words --------------------------------------------------------------------------


def tables():
    """Every table of the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return sorted(name for (name,) in cursor.fetchall())


def rows_of(table):
    """Every row of a table as text, past row security."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE danji_owner")
        cursor.execute(f'SELECT to_jsonb(t)::text FROM "{table}" AS t')
        found = [row for (row,) in cursor.fetchall()]
        cursor.execute("RESET ROLE")
    return found


def readings_of(text: str):
    """A text, and whatever stands in it in hex or base64, once more taken apart."""
    yield text
    for run in re.findall(r"[0-9a-f]{16,}", text):
        yield bytes.fromhex(run[: len(run) // 2 * 2]).decode("utf-8", "replace")
    for run in re.findall(r"[A-Za-z0-9+/_-]{16,}={0,2}", text):
        try:
            whole = run.rstrip("=").replace("-", "+").replace("_", "/")
            yield base64.b64decode(whole + "=" * (-len(whole) % 4)).decode("utf-8", "replace")
        except binascii.Error:
            continue


def words_in_rows():
    """Which of the words stand in which tables: `{(word, table)}`."""
    found = set()
    for table in tables():
        for row in rows_of(table):
            for text in readings_of(row):
                for inner in readings_of(text) if text is not row else [text]:
                    found |= {(word, table) for word in WORDS.values() if word in inner}
    return found


def words_in_files():
    """Which of the words stand in which files of whatever kind: `{(word, path)}`."""
    found = set()
    home = Path(settings.FILES).parent
    kinds = (settings.PUBLIC, settings.STAGING, settings.KEYS, settings.REPORTS, settings.ASIDE)
    assert {Path(kind).parent for kind in (*kinds, settings.EVIDENCE)} == {home}
    for folder in (home, settings.HOME / "run", settings.HOME / "logs"):
        for path in folder.rglob("*"):
            if path.is_file():
                text = path.read_bytes().decode("utf-8", "replace")
                found |= {(word, str(path)) for word in WORDS.values() if word in text}
    return found


def files_kept():
    return {path for path in Path(settings.FILES).rglob("*") if path.is_file()}
