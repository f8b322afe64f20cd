"""Every operation of the API does its work when it is asked for what can be done."""

import re
from datetime import timedelta
from hashlib import sha256
from types import SimpleNamespace

import pytest
from django.db import transaction
from django.utils import timezone

from danji.approvals import drafting
from danji.records.models import Record
from danji.rules.approval import Decision
from danji.rules.periods import day_in_seoul
from danji.transparency.sequencer import Sequencer
from danji.web import downloads
from danji.web.api.docs import api
from papers import decide, drafted, spending, submit

OPERATIONS = {
    said["operationId"]: (method.upper(), path.removeprefix("/api"))
    for path, methods in api.get_openapi_schema()["paths"].items()
    for method, said in methods.items()
}
# What is done before, and what its answer is called in later addresses.
BEFORE = {
    "lift_hold": ("hold", ""),
    "state_skip": ("set_absence", ""),
    "skip": ("set_absence", ""),
    "detach": ("attach", ""),
    "uncite": ("cite", ""),
    "forget_line": ("keep_line", "template_id"),
    "stop_recurring": ("start_recurring", "recurring_id"),
    "end_absence": ("set_absence", "absence_id"),
    **dict.fromkeys(
        ("proposal", "confirm_proposal", "reject_proposal", "withdraw_proposal"),
        ("propose_leaving", "proposal_id"),
    ),
    **dict.fromkeys(
        ("rule_revision", "preview_revision", "confirm_rules", "reject_rules", "withdraw_rules"),
        ("propose_rules", "revision_id"),
    ),
}
# Who asks; everybody else's questions are the clerk's, who drafts.
BY_CHIEF = ("statement", "decide", "hold", "lift_hold", "state_several", "decide_several")
BY_CHAIR = ("state_afterwards", "confirm", "confirm_rules", "reject_rules")
BY_MANAGER = (
    *(name for name in OPERATIONS if name.startswith("propose_")),
    "withdraw_proposal",
    "withdraw_rules",
)
ASKED_BY = (
    dict.fromkeys((*BY_CHIEF, "set_absence", "end_absence"), "chief")
    | dict.fromkeys(("confirm_proposal", "reject_proposal"), "chief")
    | dict.fromkeys(BY_CHAIR, "chair")
    | dict.fromkeys(BY_MANAGER, "manager")
    | {"propose_absence": "chair"}
)


@pytest.fixture
def papers(clerk, chief, manager, chair, sign, pdf):
    """A draft, and documents that wait, were returned, and are on record and sealed."""
    now = timezone.now()
    later = {"readers": [{"kind": "afterwards", "officeholder": chair.id.hex}]}
    written = drafted(clerk, now, line=later)
    drafting.attach_file(written.id, "견적서.pdf", pdf, actor=clerk, at=now)
    filed = drafting.submit_draft(written.id, actor=clerk, at=now)
    spent, returned = submit(clerk, now, **spending(9_000)), submit(clerk, now)
    for document in (filed, spent):
        for officer in (chief, manager):
            decide(document, officer, sign, now)
    decide(returned, chief, sign, now, Decision.RETURN, "다시 써 주세요.")
    Sequencer().tick()
    return SimpleNamespace(
        draft=drafted(clerk, now),
        waiting=submit(clerk, now),
        filed=filed,
        spent=spent,
        returned=returned,
    )


@pytest.fixture
def named(papers, pdf):
    """What stands in addresses; where an operation needs another document, by its name."""
    of_document = {"withdraw": papers.waiting, "redraft": papers.returned, "adjust": papers.spent}
    done = ("attachment", "state_afterwards", "confirm", "read", "correct", "circulate", "outcome")
    of_document |= dict.fromkeys(done, papers.filed)
    common = {
        "document_id": papers.waiting.id,
        "draft_id": papers.draft.id,
        "record_id": Record.objects.get(doc=papers.filed.id).id,
        "doc": papers.filed.id,
        "sha256": sha256(pdf).hexdigest(),
        "key": "memo",
        "box": "waiting",
        "position": 1,
    }
    return lambda name: (
        common | ({"document_id": of_document[name].id} if name in of_document else {})
    )


@pytest.fixture
def bodies(papers, clerk, chief, manager, chair):
    """What is sent."""
    today = day_in_seoul(timezone.now())
    typed = {"title": "화단 정비", "purpose": "1. 정비합니다.", "plan": "1. 11월에 합니다."}
    seat = {"decision": "approve", "digest": papers.waiting.digest}
    one = {"document": str(papers.waiting.id), "digest": papers.waiting.digest}
    several = {"items": [one], "decision": "approve"}
    seen, reason = {"digest": papers.filed.digest}, {"reason": "더 알아봅니다."}
    skip = {"position": 2, "reason": "출장"}
    line = {"readers": [{"kind": "circulation", "officeholder": str(chair.id)}]}
    days = {"since": str(today), "until": str(today), "reason": "trip"}
    place = {"act": "approve", "office": "manager", "stage": 2}
    row = {"form": "memo", "line": [place], "layer": "bylaw", "basis": "관리규약 제45조제2항"}
    rules = {"follows": 0, "effective_from": str(today), "rows": [row]}
    person = {"name": "한지민", "email": "new@example.com", "office": "bookkeeper"}
    contact = {"officeholder": str(clerk.id), "email": "new@example.com", "reason": "바뀜"}
    return {
        "file_document": {"form": "memo", "inputs": typed, "seen_doubts": True},
        "start": {"form": "memo"},
        "save": {"revision": papers.draft.revision, "inputs": typed},
        "cite": {"doc": str(papers.filed.id)},
        "submit": {"seen_doubts": True},
        "keep_line": {"name": "공람", "line": line},
        "start_recurring": {
            "form": "memo",
            "title": "점검",
            "every": "month",
            "since": str(today + timedelta(days=1)),
        },
        **dict.fromkeys(("statement", "decide"), seat),
        **dict.fromkeys(("state_skip", "skip"), skip),
        **dict.fromkeys(("state_several", "decide_several"), several),
        **dict.fromkeys(("state_afterwards", "confirm"), seen),
        **dict.fromkeys(("hold", "reject_rules"), reason),
        "circulate": {"officeholders": [str(manager.id)]},
        "set_absence": {"absent": str(chief.id), "deputy": str(manager.id), **days},
        "propose_absence": {"absent": str(manager.id), "deputy": str(chief.id), **days},
        "propose_appointment": {**person, "since": str(today)},
        "propose_leaving": {
            "officeholder": str(clerk.id),
            "last_day": str(today),
            "reason": "사임",
        },
        "propose_contact": contact,
        "propose_setting": {
            "setting": "approval.remind_after_days",
            "value": 5,
            "article": "관리규약 제45조",
            "effective_from": str(today),
        },
        "preview_rules": rules,
        "propose_rules": rules | {"reason": "직접 봅니다."},
    }


@pytest.fixture
def ask(papers, named, bodies, program, clerk, chief, manager, chair, pdf):
    """Let an operation be done by a program of whoever may."""
    officers = {"clerk": clerk, "chief": chief, "manager": manager, "chair": chair}
    programs = {name: program(officer) for name, officer in officers.items()}

    def of(name, **more):
        method, path = OPERATIONS[name]
        here = re.sub(r"{(\w+)}", lambda found: str((named(name) | more)[found[1]]), path)
        by = programs[ASKED_BY.get(name, "clerk")]
        if name in {"upload", "attach"}:
            return by.upload(here, "견적서.pdf", pdf)
        return by.get(here) if method == "GET" else by.send(method, here, bodies.get(name))

    return of


def test_every_operation_does_its_work(ask, monkeypatch):
    # What is in these files is looked at where they are made, which takes long.
    for name in ("pdf_of", "proof_of", "bundle_of"):
        monkeypatch.setattr(downloads, name, lambda *_: b"")
    for name in OPERATIONS:
        with transaction.atomic():
            more = {}
            if name in BEFORE:
                first, called = BEFORE[name]
                done = ask(first)
                assert done.status_code < 300, f"{first}: {done.content.decode()}"
                more = {called: done.json()["id"]} if called else {}
            answer = ask(name, **more)
            assert answer.status_code < 300, f"{name}: {answer.content.decode()}"
            transaction.set_rollback(True)
