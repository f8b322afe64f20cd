"""What the desk's pages show, as plain data for their templates, which never ask the database."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.paginator import Paginator
from django.urls import reverse
from django.utils import timezone

from danji.accounts.models import Office, Officeholder, Residency
from danji.accounts.queries import holders
from danji.approvals.citing import adjusting_form, resolutions_of
from danji.approvals.habits import favourites_of, line_templates, recent_forms, recurring_of
from danji.approvals.lines import ADDABLE, NAMED, Changes, plan_line
from danji.approvals.models import Circulation, Document, Draft, Step
from danji.approvals.queries import (
    current,
    documents_for,
    draft_mending,
    following,
    is_own,
    is_stuck,
    line_of,
    sharing_files,
    waiting_for,
    was_decided,
)
from danji.disclosure.inspection import UNPROVEN, Place
from danji.disclosure.queries import (
    DisclosedRecord,
    Reader,
    disclosed,
    listed_records,
    readable_records,
    record_of,
)
from danji.formbook.definition import FormDefinition, builtin_forms, load
from danji.formbook.inputs import starting
from danji.formbook.values import parse
from danji.records.models import Relation
from danji.rules import approval
from danji.rules.approval import Act
from danji.rules.disclosure import Scope
from danji.rules.money import amount_line
from danji.rules.periods import day_in_seoul
from danji.rules.recurring import Every
from danji.rules.refusal import Refusal
from danji.rules.retention import class_of
from danji.transparency.models import Seal
from danji.transparency.queries import is_placed, methods_of, placed_leaves, seals_of
from danji.transparency.troubles import UNPLACED
from danji.web.desk.editor import Editor
from danji.web.desk.line import line_view, plan_view, readers_view, record_line
from danji.web.opening import is_for_everybody
from danji.web.previews import previews_in_document
from danji_verify.entry import Event

PAGE = 50  # records on one page of the register
FOUND = 10  # records shown to choose from
RECENT = 3  # forms used last, shown first
LATE = timedelta(minutes=2)  # after which a PDF that is not there yet is worth a word
PURPOSES = {
    "memo": "일을 시작하기 전에 내용을 적어 결재를 받습니다.",
    "expense": "무엇에 얼마를 쓰는지 적어 결재를 받습니다.",
    "fee-notice": "한 달 관리비를 항목별로 적어 공고합니다.",
    "bid-notice": "공사나 용역을 맡길 업체를 찾는다고 알립니다.",
    "work-log": "하루 동안 한 일과 들어온 요청을 적습니다.",
    "inspection-log": "시설을 점검한 결과와 조치를 적습니다.",
    "resolution": "입주자대표회의가 의결한 것을 회의록과 함께 올려, 지출의 근거로 씁니다.",
    "expense-change": "결재가 끝난 지출을 취소하거나 금액을 고칩니다.",
}
WEEKDAYS = ("월요일", "화요일", "수요일", "목요일", "금요일", "토요일", "일요일")


# --- Writing -----------------------------------------------------------------------------------


def forms(reader: Officeholder, at: datetime) -> dict[str, Any]:
    """The context of desk/new.html: favourites first, then the forms used last, then the others."""
    favourites, recent = favourites_of(reader), recent_forms(reader, most=RECENT)
    on = day_in_seoul(at)

    def rank(form: FormDefinition) -> tuple[bool, int]:
        used = recent.index(form.key) if form.key in recent else RECENT
        return (form.key not in favourites, used)

    return {
        "forms": [
            {
                "key": form.key,
                "title": form.title,
                "help": PURPOSES.get(form.key, ""),
                "line": _proposed(form, reader, on),
                "is_favourite": form.key in favourites,
                "is_recent": form.key in recent,
            }
            for form in sorted(builtin_forms(), key=rank)
        ]
    }


def _proposed(form: FormDefinition, drafter: Officeholder, on: date) -> str:
    """`담당 → 과장 → 관리사무소장`, as far as a blank document tells."""
    if form.adjusts:
        return "고치려는 문서의 순서를 따릅니다"
    try:
        plan = plan_line(
            form,
            parse(form, starting(form)).values,
            drafter=drafter,
            changes=Changes(),
            on=on,
        )
    except Refusal:
        return " → ".join(Office(route.office).label for route in form.routing)
    if all(step.officeholder.id == drafter.id for step in plan.steps):
        return "본인이 바로 결재합니다"
    return " → ".join(step.officeholder.get_office_display() for step in plan.steps)


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

    Args: `revision` is the one to post next time, given only where what was typed was not saved:
    when it is not the draft's own, what was saved elsewhere is not overwritten unseen.
    """
    definition = load(bytes(draft.form.definition))
    on = day_in_seoul(at)
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
        "is_saved": not revision,
        "was_saved_elsewhere": revision not in {"", str(draft.revision)},
        "attachments": [
            _file(number, file) | {"remove_url": reverse("desk:attachments", args=[draft.id])}
            for number, file in enumerate(draft.attachments, 1)
        ],
        "cites": _cites_of_draft(draft, reader, definition),
        "cite_query": cite_query,
        "cite_found": _found(reader, cite_query) if cite_query else [],
        "follows": _seen(reader, [draft.follows], on) if draft.follows else [],
        "mends": _mending(draft.follows, draft.cites),
        **_line_of_draft(draft, definition, reader, page, on),
    }


def _line_of_draft(
    draft: Draft, definition: FormDefinition, reader: Officeholder, page: Editor, on: date
) -> dict[str, Any]:
    """The context of desk/_plan.html: the line as planned, and what may be changed of it."""
    officers = [
        officer
        for officer in holders(reader.complex_id)
        if officer.covers(on) and officer.person_id != reader.person_id
    ]
    names = {officer.id.hex: str(officer) for officer in officers}
    context: dict[str, Any] = {
        "plan": None,
        "plan_refusal": None,
        "added": [
            {
                "number": number,
                "act": Act(row["act"]).label,
                "who": names.get(row["officeholder"], "임기가 끝난 분"),
                "beside": row["beside"],
            }
            for number, row in enumerate(draft.line.get("added", ()))
        ],
        "shown_to": [
            {
                "number": number,
                "kind": Circulation.Kind(row["kind"]).label,
                "who": names.get(row["officeholder"], "임기가 끝난 분"),
            }
            for number, row in enumerate(draft.line.get("readers", ()))
        ],
        "skipped": [
            {
                "office_key": row["office"],
                "office": Office(row["office"]).label,
                "reason": row["reason"],
            }
            for row in draft.line.get("skipped", ())
        ],
        "officers": _as_options(officers),
        "addable": _as_options(officers),
        "acts": [{"value": act.value, "label": act.label} for act in ADDABLE],
        "kinds": [{"value": kind.value, "label": kind.label} for kind in NAMED],
        "templates": [{"id": kept.id, "name": kept.name} for kept in line_templates(reader)],
    }
    try:
        plan = plan_line(
            definition,
            page.parsed.values,
            drafter=reader,
            changes=Changes.parse(draft.line),
            attachments=draft.attachments,
            cites=draft.cites,
            on=on,
        )
    except Refusal as refusal:
        return context | {"plan_refusal": refusal}
    standing = {step.officeholder.person_id for step in plan.steps}
    return context | {
        "plan": plan_view(plan, drafter=reader, on=on),
        "addable": _as_options(each for each in officers if each.person_id not in standing),
    }


def _as_options(officers: Iterable[Officeholder]) -> list[dict[str, str]]:
    return [{"id": officer.id.hex, "name": str(officer)} for officer in officers]


def _cites_of_draft(
    draft: Draft, reader: Officeholder, definition: FormDefinition
) -> list[dict[str, Any]]:
    docs = [UUID(cite["doc"]) for cite in draft.cites]
    if not docs:
        return []
    rows = readable_records(reader).filter(doc__in=docs).values_list("doc", "title", "form")
    known = {doc: (title, form) for doc, title, form in rows}
    shown = []
    for cite in draft.cites:
        title, form = known.get(UUID(cite["doc"]), ("", ""))
        shown.append(
            {
                "id": cite["doc"],
                "number": cite["number"],
                "title": title,
                "relation": cite["relation"],
                "can_replace": form == definition.key,
            }
        )
    return shown


def _found(reader: Officeholder, search: str) -> list[dict[str, str]]:
    found = readable_records(reader, search=search).only("doc", "number", "title")
    return [
        {"id": record.doc.hex, "number": record.number, "title": record.title}
        for record in found.select_related(None)[:FOUND]
    ]


def recurring(
    reader: Officeholder, at: datetime, *, model: Document | None = None
) -> dict[str, Any]:
    """The context of desk/recurring.html.

    Args: `model` is a document whose content the drafts shall begin with.
    """
    on = day_in_seoul(at)
    titles = {form.key: form.title for form in builtin_forms()}
    return {
        "recurring": [
            {
                "id": one.id,
                "title": one.title,
                "form_title": titles.get(one.form_key, one.form_key),
                "when": _when(Every(one.every), one.on_day),
                "since": one.since,
                "until": one.until,
            }
            for one in recurring_of(reader, on=on)
        ],
        "forms": [{"key": key, "title": title} for key, title in titles.items()],
        "every": [{"value": every.value, "label": every.label} for every in Every],
        "weekdays": [
            {"number": str(number), "name": name} for number, name in enumerate(WEEKDAYS, 1)
        ],
        "month_days": [str(number) for number in range(1, 32)],
        "today": on.isoformat(),
        "model": {"id": model.id, "title": model.title, "form": model.form.key} if model else None,
    }


def _when(every: Every, on_day: int) -> str:
    if every is Every.WEEK:
        return f"매주 {WEEKDAYS[on_day - 1]}"
    return f"매달 {on_day}일" if every is Every.MONTH else every.label


# --- A document on its way ---------------------------------------------------------------------


def document(shown: Document, reader: Officeholder, *, at: datetime) -> dict[str, Any]:
    """The context of desk/document.html, but what is said of a decision.

    Args: `shown` is from `document_for`.
    """
    content = shown.parsed_content()
    on = day_in_seoul(at)
    steps = list(shown.steps.all())
    line = line_of(steps, shown)
    turns = approval.turns(line)
    is_drafter = shown.drafter_id == reader.id
    record = record_of(reader, shown.id) if approval.is_finished(line) else None
    filed = disclosed(record) if record else None
    can_redraft = not turns and is_drafter and not record
    return {
        "document": {
            **about(shown),
            **line_view(shown, steps, line, on=on),
            **readers_view(shown),
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
            "notes": content["notes"],
            "same_files": _same_files(shown, content, reader, on),
            "resolved": resolutions_of(shown),
            "follows": _seen(reader, [shown.follows] if shown.follows else [], on),
            "mends": _mending(shown.follows, content["cites"]),
            "followed_by": _seen(reader, following(shown), on),
        },
        "blocks": content["blocks"],
        "previews": previews_in_document(content, shown.complex_id, shown.id),
        "unsealed": _unsealed(shown, steps, at),
        "is_drafter": is_drafter,
        "can_withdraw": is_own(shown, steps, reader, on=on)
        and approval.can_withdraw(
            line,
            was_decided=was_decided(steps),
            is_stuck=is_stuck(current(steps), line, on=on),
        ),
        "can_dispose": not turns and reader.office == Office.MANAGER,
        "can_redraft": can_redraft,
        "being_mended": can_redraft and draft_mending(reader, shown.id) is not None,
        **_followable(shown, is_filed=record is not None),
        "circulate_to": _circulate_to(shown, reader, on) if record else [],
        "record": _filed(filed, shown.complex.code) if filed else None,
        "next": _next(shown, reader, on) if _has_decided(steps, reader) else None,
    }


def _followable(shown: Document, *, is_filed: bool) -> dict[str, Any]:
    """Whether a document may be corrected, and the title of the form that changes its amount."""
    can_correct = is_filed and is_placed(shown.complex_id, shown.id, Event.FILED)
    adjusting = adjusting_form(shown.form.key) if can_correct else None
    return {"can_correct": can_correct, "adjusting": adjusting.title if adjusting else ""}


def _same_files(
    shown: Document, content: Mapping[str, Any], reader: Officeholder, on: date
) -> list[dict[str, Any]]:
    """Where notes say that a file was handed in before: those documents, to hold them together."""
    digests = [file["sha256"] for file in content["attachments"]]
    if not digests or not content["notes"]:
        return []
    return _seen(reader, sharing_files(shown, digests), on)


def _unsealed(shown: Document, steps: Iterable[Step], at: datetime) -> list[str]:
    """Whose decisions are not in the log ten minutes after they were made, if any are not."""
    long_ago = [step for step in steps if step.decided_at and step.decided_at < at - UNPLACED]
    if not long_ago:
        return []
    placed = placed_leaves(shown.complex_id, shown.id)
    return [str(step.approver) for step in long_ago if bytes(step.leaf_hash or b"") not in placed]


def _has_decided(steps: Iterable[Step], reader: Officeholder) -> bool:
    return any(step.decided_by_id == reader.id and step.act != Act.DRAFT for step in steps)


def _next(shown: Document, reader: Officeholder, on: date) -> dict[str, Any] | None:
    """Another document that waits for the reader, the longest first."""
    waiting = waiting_for(reader, on=on).exclude(document_id=shown.id)
    row = waiting.values_list("document_id", "document__title").first()
    return {"id": row[0], "title": row[1]} if row else None


def about(shown: Document) -> dict[str, Any]:
    """What a document is about, as lists and statements say it."""
    content = shown.parsed_content()
    return {
        "id": shown.id,
        "title": shown.title,
        "amount": shown.amount,
        "amount_words": amount_line(shown.amount) if shown.amount is not None else "",
        "payee": shown.payee,
        "digest": shown.digest,
        "attachments": content["attachments"],
    }


def _mending(follows: UUID | None, cites: Iterable[Mapping[str, str]]) -> dict[str, Any] | None:
    """How a document mends one on record: its `.number`, and whether it `.replaces` it (정정) or
    changes its amount (취소·증감). None where it is another try at one that was not approved.
    """
    for cite in cites:
        if follows and UUID(cite["doc"]) == follows:
            replaces = cite["relation"] == Relation.SUPERSEDES
            return {"number": cite["number"], "replaces": replaces}
    return None


def _seen(reader: Officeholder, ids: Iterable[UUID | None], on: date) -> list[dict[str, Any]]:
    """Of these documents, those that the reader may open."""
    wanted = [document_id for document_id in ids if document_id]
    if not wanted:
        return []
    rows = documents_for(reader, on=on).filter(id__in=wanted).order_by("submitted_at")
    return [
        {"id": row[0], "title": row[1], "submitted_at": row[2]}
        for row in rows.values_list("id", "title", "submitted_at")
    ]


def _circulate_to(shown: Document, reader: Officeholder, on: date) -> list[dict[str, str]]:
    """The officers to whom a finished document may still be sent (공람)."""
    sent = {
        circulation.recipient_id
        for circulation in shown.circulations.all()
        if circulation.kind == Circulation.Kind.CIRCULATION
    }
    return _as_options(
        officer
        for officer in holders(reader.complex_id)
        if officer.covers(on) and officer.id not in {*sent, reader.id}
    )


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
    records = listed_records(reader, search=search)
    page: Any = Paginator(records, PAGE).get_page(number)
    seals = seals_of(reader.complex_id, [record.doc for record in page.object_list])
    page.object_list = [
        {
            "id": record.id,
            "number": record.number,
            "title": "" if record.withdrawn and isinstance(reader, Residency) else record.title,
            "filed_at": record.filed_at,
            "folder": record.folder.name,
            "erased_at": record.erased_at,
            "withdrawn": record.withdrawn,
            "disclosure": Scope(record.scope).label,
            "seal": seals.get(record.doc),
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
            **record_line(shown.payload, methods_of(shown.record.complex_id, shown.record.doc)),
            "attachments": [
                _file(number, file)
                | {"url": reverse("desk:enclosure", args=[shown.record.id, number])}
                for number, file in enumerate(content["attachments"], 1)
            ],
            "cites": _cites(reader, content),
            "cited_by": citing,
            "superseded_by": newer[-1] if newer else None,
            "is_manager": isinstance(reader, Officeholder) and reader.office == Office.MANAGER,
        },
        "blocks": content["blocks"],
    }


def _filed(shown: DisclosedRecord, code: str) -> dict[str, Any]:
    retention = shown.payload["retention"]
    public = shown.publication is not None and shown.publication.scope == Scope.PUBLIC
    is_disclosed = shown.publication is not None and shown.publication.scope != Scope.WITHHELD
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
        "seal": _seal(shown),
        "withdrawal": shown.withdrawal,
        "public_url": f"{settings.PUBLIC_URL}{code}/{shown.record.doc.hex}/" if public else "",
        "is_disclosed": is_disclosed and shown.withdrawal is None,
        "doc": shown.record.doc,
        "obstacle": _obstacle(shown),
    }


def _seal(shown: DisclosedRecord) -> Seal | None:
    """How firmly the record is sealed; None before its PDF has its place in the log."""
    return seals_of(shown.record.complex_id, [shown.record.doc]).get(shown.record.doc)


def _obstacle(shown: DisclosedRecord) -> dict[str, Any] | None:
    """What stands in the way of disclosing a record, as long as it does.

    Returns: None, or `places` with `.place` and `.kind`, and whether an officer may clear them.
    """
    if shown.obstacle is None or shown.publication is not None:
        return None
    places = [Place(**place) for place in shown.obstacle.places]
    return {
        "places": places,
        "altered": any(place.kind == UNPROVEN for place in places),
        "cleared": shown.clearance is not None,
        "can_be_cleared": all(place.can_be_cleared for place in places),
    }


def _period(retention: dict[str, Any]) -> str:
    """`5년`, or `영구`."""
    row = class_of(retention["class"], datetime.fromisoformat(retention["from"]).date())
    return f"{row.years}년" if row.years is not None else "영구"


def _state_of_record(shown: DisclosedRecord) -> str:
    if is_for_everybody(shown):
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
