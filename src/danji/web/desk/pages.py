"""What the desk's pages show, as plain data for their templates, which never ask the database."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.paginator import Paginator
from django.urls import reverse
from django.utils import timezone

from danji.accounts.models import Office, Officeholder
from danji.approvals.models import Document, Draft, Step
from danji.approvals.queries import is_stuck, line_of, plan_line
from danji.disclosure.inspection import Place
from danji.disclosure.queries import (
    DisclosedRecord,
    Reader,
    disclosed,
    readable_records,
    record_of,
)
from danji.formbook.definition import FormDefinition, builtin_forms, load
from danji.records.models import Relation
from danji.rules import approval
from danji.rules.approval import Act, Decision
from danji.rules.disclosure import Scope
from danji.rules.money import amount_line
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.rules.retention import class_of
from danji.web.desk.board import Entry, board_of
from danji.web.desk.editor import Editor

PAGE = 50  # records on one page of the register
FOUND = 10  # records shown to choose from
LATE = timedelta(minutes=2)  # after which a PDF that is not there yet is worth a word
PURPOSES = {
    "memo": "일을 시작하기 전에 내용을 적어 결재를 받습니다.",
    "expense": "무엇에 얼마를 쓰는지 적어 결재를 받습니다.",
    "fee-notice": "한 달 관리비를 항목별로 적어 공고합니다.",
    "bid-notice": "공사나 용역을 맡길 업체를 찾는다고 알립니다.",
}


# --- What waits for me -------------------------------------------------------------------------


def home(reader: Officeholder, at: datetime) -> dict[str, Any]:
    """The context of desk/home.html."""
    board = board_of(reader, at)
    return {
        "waiting": [_row(entry) | {"drafter": entry.who} for entry in board.waiting],
        "waiting_count": board.waiting_count,
        "returned": [_row(entry) | {"returned_by": entry.who} for entry in board.returned],
        "drafts": [_row(entry) | {"saved_at": entry.at} for entry in board.drafts],
        "ongoing": [_row(entry) | {"waiting_for": entry.who} for entry in board.ongoing],
    }


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "title": entry.title or "",
        "form_title": entry.form_title,
        "amount": entry.amount,
        "since": entry.at,
        "address": f"{_documents()}{entry.id}/",
    }


@cache
def _documents() -> str:
    """The address before a document's id; a page of lists would ask for it once a line."""
    return reverse("desk:document", args=[UUID(int=0)]).removesuffix(f"{UUID(int=0)}/")


# --- Writing -----------------------------------------------------------------------------------


def forms(reader: Officeholder, at: datetime) -> dict[str, Any]:
    """The context of desk/new.html."""
    return {
        "forms": [
            {
                "key": form.key,
                "title": form.title,
                "help": PURPOSES.get(form.key, ""),
                "line": " → ".join(step["office"] for step in planned_line(form, reader, at)),
            }
            for form in builtin_forms()
        ]
    }


def planned_line(
    definition: FormDefinition, drafter: Officeholder, at: datetime
) -> list[dict[str, str]]:
    """The line a submission would take now; offices without a name where it cannot be planned."""
    try:
        plan = plan_line(definition, drafter=drafter, on=day_in_seoul(at))
    except Refusal:
        return [
            {"act": route.act.label, "office": Office(route.office).label, "name": ""}
            for route in definition.routing
        ]
    return [
        {
            "act": step.act.label,
            "office": step.officeholder.get_office_display(),
            "name": step.officeholder.person.name,
        }
        for step in plan
    ]


def editor(
    draft: Draft,
    reader: Officeholder,
    page: Editor,
    *,
    at: datetime,
    cite_query: str = "",
    checked: bool = False,
    refusal: Refusal | None = None,
    revision: str = "",
) -> dict[str, Any]:
    """The context of desk/edit.html.

    Args: `revision` is the one to post next time; another than the draft's own only after a
    refusal, so that what somebody else saved is not overwritten unseen.
    """
    definition = load(bytes(draft.form.definition))
    return {
        "draft": {
            "id": draft.id,
            "revision": revision or str(draft.revision),
            "saved_at": draft.saved_at,
        },
        "form_title": definition.title,
        "fields": page.fields,
        "problems": page.problems if checked else [],
        "warnings": page.warnings,
        "refusal": refusal,
        "attachments": [
            _file(number, file) | {"remove_url": reverse("desk:attachments", args=[draft.id])}
            for number, file in enumerate(draft.attachments, 1)
        ],
        "cites": _cites_of_draft(draft, reader),
        "cite_query": cite_query,
        "cite_found": _found(reader, cite_query) if cite_query else [],
        "line": planned_line(definition, reader, at),
    }


def _cites_of_draft(draft: Draft, reader: Officeholder) -> list[dict[str, str]]:
    docs = [UUID(cite["doc"]) for cite in draft.cites]
    if not docs:
        return []
    titles = dict(readable_records(reader).filter(doc__in=docs).values_list("doc", "title"))
    return [
        {
            "id": cite["doc"],
            "number": cite["number"],
            "title": titles.get(UUID(cite["doc"]), ""),
            "relation": cite["relation"],
        }
        for cite in draft.cites
    ]


def _found(reader: Officeholder, search: str) -> list[dict[str, str]]:
    found = readable_records(reader, search=search).only("doc", "number", "title")
    return [
        {"id": record.doc.hex, "number": record.number, "title": record.title}
        for record in found.select_related(None)[:FOUND]
    ]


# --- A document on its way ---------------------------------------------------------------------


def document(
    shown: Document, reader: Officeholder, *, opinion: str = "", error: str = ""
) -> dict[str, Any]:
    """The context of desk/document.html."""
    content = shown.parsed_content()
    steps = list(shown.steps.all())
    line = line_of(steps, shown)
    today = day_in_seoul(timezone.now())
    turn = approval.turn(line)
    mine = turn is not None and turn.approver == reader.id
    record = record_of(reader, shown.id) if approval.is_finished(line) else None
    filed = disclosed(record) if record else None
    return {
        "document": {
            **about(shown),
            **line_view(shown, steps, line),
            "form_title": content["form"]["title"],
            "state": _state(line, filed),
            "number": record.number if record else "",
            "submitted_at": shown.submitted_at,
            "drafter": str(shown.drafter),
            "attachments": [
                _file(number, file) | {"note": ""}
                for number, file in enumerate(content["attachments"], 1)
            ],
            "cites": _cites(reader, content),
        },
        "blocks": content["blocks"],
        "can_decide": mine,
        "can_withdraw": shown.drafter.id == reader.id
        and approval.can_withdraw(line, is_stuck=is_stuck(steps, line, on=today)),
        "can_redraft": approval.turn(line) is None and shown.drafter.id == reader.id,
        "act": turn.act.label if turn else "",
        "record": _filed(filed, shown.complex.code) if filed else None,
        "opinion": opinion,
        "error": error,
    }


def about(shown: Document) -> dict[str, Any]:
    """What a decision is about: the context of desk/_decision.html."""
    content = shown.parsed_content()
    return {
        "id": shown.id,
        "title": shown.title,
        "amount": shown.amount,
        "amount_words": amount_line(shown.amount) if shown.amount is not None else "",
        "payee": content["values"].get("payee") or "",
        "digest": shown.digest,
        "attachments": content["attachments"],
    }


def line_view(shown: Document, steps: Sequence[Step], line: approval.Line) -> dict[str, Any]:
    """The context of desk/_line.html: where the document stands in its line."""
    turn = approval.turn(line)
    rows = [_step(step, turn) for step in steps]
    waiting = next((row for row in rows if row["state"] == "now"), None)
    decided = [step.decided_at for step in steps if step.decided_at]
    if waiting:
        waiting["since"] = max(decided, default=shown.submitted_at)
    return {
        "line": rows,
        "waiting_step": waiting,
        "returned_step": next((row for row in rows if row["state"] == "returned"), None),
    }


def _step(step: Step, turn: approval.Step | None) -> dict[str, Any]:
    if step.decision == Decision.RETURN:
        state, word = "returned", "반려"
    elif step.decision:
        state, word = "done", "상신" if step.act == Act.DRAFT else "승인"
    elif turn and turn.position == step.position:
        state, word = "now", "기다리는 중"
    elif turn:
        state, word = "later", "다음 차례"
    else:
        state, word = "closed", "-"
    return {
        "position": step.position,
        "act": Act(step.act).label,
        "office": step.approver.get_office_display(),
        "name": step.approver.person.name,
        "state": state,
        "word": word,
        "at": step.decided_at,
        "opinion": step.opinion,
    }


def _state(line: approval.Line, filed: DisclosedRecord | None) -> str:
    if filed:
        return _state_of_record(filed)
    if line.withdrawn_at:
        return "withdrawn"
    if approval.is_returned(line):
        return "returned"
    return "finished" if approval.is_finished(line) else "waiting"


def _cites(reader: Reader, content: dict[str, Any]) -> list[dict[str, Any]]:
    """What a document cites, as far as the reader may see it."""
    relations = {UUID(cite["doc"]): cite["relation"] for cite in content["cites"]}
    if not relations:
        return []
    cited = readable_records(reader).filter(doc__in=relations)
    rows = {row[0]: row[1:] for row in cited.values_list("doc", "id", "number", "title")}
    return [_citation(*rows[doc], relation) for doc, relation in relations.items() if doc in rows]


def _citing(reader: Reader, record_id: UUID) -> list[dict[str, Any]]:
    """What cites a record, as far as the reader may see it, the oldest first."""
    citing = readable_records(reader).filter(citations__cited_id=record_id).order_by("filed_at")
    rows = citing.values_list("id", "number", "title", "citations__relation")
    return [_citation(*row) for row in rows]


def _citation(record_id: UUID, number: str, title: str, relation: str) -> dict[str, Any]:
    return {
        "record_id": record_id,
        "number": number,
        "title": title,
        "relation": Relation(relation).label,
    }


# --- What is on record -------------------------------------------------------------------------


def register(reader: Reader, search: str, number: str | None) -> dict[str, Any]:
    """The context of desk/register.html, and of the residents' list: one page of it."""
    records = readable_records(reader, search=search)
    page: Any = Paginator(records, PAGE).get_page(number)
    page.object_list = [
        {
            "id": record.id,
            "number": record.number,
            "title": record.title,
            "filed_at": record.filed_at,
            "folder": record.folder.name,
            "disclosure": Scope(record.scope).label,
        }
        for record in page.object_list
    ]
    return {"page": page, "query": search}


def record(shown: DisclosedRecord, reader: Reader) -> dict[str, Any]:
    """The context of desk/record.html, and of residents/record.html."""
    content = shown.payload["content"]
    citing = _citing(reader, shown.record.id)
    newer = [row for row in citing if row["relation"] == Relation.SUPERSEDES.label]
    return {
        "record": {
            **_filed(shown, reader.complex.code),
            "title": shown.record.title,
            "form_title": content["form"]["title"],
            "state": _state_of_record(shown),
            "decisions": [_decision(decision) for decision in shown.payload["decisions"]],
            "attachments": [
                _file(number, file)
                | {"url": reverse("desk:enclosure", args=[shown.record.id, number])}
                for number, file in enumerate(content["attachments"], 1)
            ],
            "cites": _cites(reader, content),
            "cited_by": citing,
            "superseded_by": newer[-1] if newer else None,
        },
        "blocks": content["blocks"],
    }


def _filed(shown: DisclosedRecord, code: str) -> dict[str, Any]:
    retention = shown.payload["retention"]
    public = shown.publication is not None and shown.publication.scope == Scope.PUBLIC
    return {
        "id": shown.record.id,
        "number": shown.record.number,
        "filed_at": shown.record.filed_at,
        "folder": shown.record.folder.name,
        "retention": _period(retention),
        "disclosure": Scope(shown.record.scope).label,
        "has_rendition": shown.rendition is not None,
        "is_late": shown.rendition is None and timezone.now() - shown.record.filed_at > LATE,
        "has_proof": shown.finalized is not None,
        "public_url": f"{settings.PUBLIC_URL}{code}/{shown.record.doc.hex}/" if public else "",
        "obstacle": _obstacle(shown),
    }


def _obstacle(shown: DisclosedRecord) -> dict[str, Any] | None:
    """What stands in the way of disclosing a record, as long as it does.

    Returns: None, or `places` with `.place` and `.kind`, and whether an officer may clear them.
    """
    if shown.obstacle is None or shown.publication is not None:
        return None
    places = [Place(**place) for place in shown.obstacle.places]
    return {
        "places": places,
        "cleared": shown.clearance is not None,
        "can_be_cleared": all(place.can_be_cleared for place in places),
    }


def _period(retention: dict[str, Any]) -> str:
    """`5년`, or `영구`."""
    row = class_of(retention["class"], datetime.fromisoformat(retention["from"]).date())
    return f"{row.years}년" if row.years is not None else "영구"


def _decision(decision: dict[str, Any]) -> dict[str, Any]:
    drafted = decision["act"] == Act.DRAFT
    return {
        "act": Act(decision["act"]).label,
        "office": decision["office"],
        "name": decision["name"],
        "word": "상신" if drafted else Decision(decision["decision"]).label,
        "at": datetime.fromisoformat(decision["at"]),
        "opinion": decision["opinion"],
    }


def _state_of_record(shown: DisclosedRecord) -> str:
    if shown.publication and shown.publication.scope == Scope.PUBLIC:
        return "public"
    # A PDF is made only of what has its place in the log.
    return "sealed" if shown.rendition else "finished"


def _file(number: int, file: dict[str, Any]) -> dict[str, Any]:
    return {"position": number, "name": file["name"], "size_text": size_text(file["size"])}


def size_text(size: int) -> str:
    """The size of a file as people say it: `120 KB`, `3.4 MB`."""
    if size >= 1024 * 1024:
        return f"{size / (1024 * 1024):.1f} MB"
    return f"{max(1, round(size / 1024))} KB"
