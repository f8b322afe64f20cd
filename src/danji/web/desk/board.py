"""The page of boxes (결재함): what lies in one of them, and what is looked for."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.http import urlencode

from danji.accounts.models import Officeholder
from danji.approvals.boxes import (
    CAP,
    LISTED,
    Box,
    Entry,
    Sought,
    counts,
    entries,
    form_title,
    officers_of,
)
from danji.approvals.models import Circulation, Document, Turn
from danji.approvals.queries import waiting_for
from danji.authority.queries import absence_of
from danji.confirming.queries import confirmable
from danji.disclosure.queries import numbered, numbers_of
from danji.formbook.definition import builtin_forms
from danji.rules.approval import Act, Ending
from danji.rules.money import amount_line, grouped, parse_won
from danji.rules.periods import day_in_seoul, format_moment
from danji.rules.refusal import Refusal
from danji.web.sign.ceremony import MOST, Item

PAGES = 1000  # of a box that can be turned to
WORDS = 8
EMPTY = {
    Box.WAITING: "지금 기다리는 문서가 없습니다.",
    Box.DRAFTS: "쓰던 문서가 없습니다.",
    Box.ONGOING: "결재가 진행 중인 문서가 없습니다.",
    Box.RETURNED: "반려되거나 회수한 문서가 없습니다.",
    Box.FINISHED: "결재가 끝난 문서가 없습니다.",
    Box.REFERENCE: "참조로 받은 문서가 없습니다.",
    Box.CIRCULATION: "공람으로 받은 문서가 없습니다.",
}
# What follows the moment on a line.
SAID = {
    Box.WAITING: "부터 기다림",
    Box.DRAFTS: " 저장",
    Box.ONGOING: "부터 기다림",
    Box.RETURNED: "",
    Box.FINISHED: " 완결",
    Box.REFERENCE: " 받음",
    Box.CIRCULATION: " 받음",
}


def home(reader: Officeholder, asked: Mapping[str, str], at: datetime) -> dict[str, Any]:
    """The context of desk/home.html.

    Args: `asked` is what stands behind the address: the box, its page, and what is looked for.
    """
    on = day_in_seoul(at)
    box = Box(asked["box"]) if asked.get("box") in set(Box) else Box.WAITING
    sought, problems = _sought(reader, box, asked)
    page = _number(asked.get("page", ""))
    officers = officers_of(reader, on=on)
    found = entries(box, reader, on=on, sought=sought, page=page, officers=officers)
    kept = {key: value for key, value in asked.items() if key in FILTERS and value}
    return {
        "boxes": _tabs(box, counts(reader, on=on, at=at, officers=officers)),
        "box": box.value,
        "box_label": box.label,
        "rows": _rows(box, reader, found[:LISTED]),
        "previous": _address(box, page - 1, kept) if page > 1 else "",
        "next": _address(box, page + 1, kept) if len(found) > LISTED and page < PAGES else "",
        "page_number": page,
        "asked": {key: asked.get(key, "") for key in FILTERS},
        "is_filtered": bool(kept),
        "problems": problems,
        "forms": [{"key": form.key, "title": form.title} for form in builtin_forms()],
        "has_amounts": box is not Box.DRAFTS,
        "empty": EMPTY[box],
        "can_sign_several": box is Box.WAITING and len(found) > 1,
    }


def confirming(reader: Officeholder, at: datetime) -> dict[str, Any]:
    """The context of desk/_confirming.html: what the reader can confirm as the second officer."""
    found = confirmable(reader, on=day_in_seoul(at))
    return {
        "confirming": [
            {
                "what": waiting.what,
                "asked_by": str(waiting.asked_by or "운영자"),
                "since": waiting.since,
                "address": waiting.link.removeprefix(settings.SITE_URL),
            }
            for waiting in found
        ]
    }


def away(reader: Officeholder, at: datetime) -> dict[str, Any]:
    """Said of the reader's own absence, while it lasts: part of the context of desk/home.html."""
    absence = absence_of(reader, on=day_in_seoul(at))
    if absence is None:
        return {"absence": None}
    return {"absence": {"id": absence.id, "until": absence.until, "deputy": str(absence.deputy)}}


def several(reader: Officeholder, *, way: str, on: date) -> dict[str, Any]:
    """The context of desk/several.html: what waits, each with what is signed of it.

    Args: `way` is `web.sign.ceremony.way_of`.
    """
    waiting = list(waiting_for(reader, on=on)[: MOST + 1])
    return {
        "way": way,
        "most": MOST if len(waiting) > MOST else 0,
        "rows": [_to_sign(turn, reader) for turn in waiting[:MOST]],
    }


def _to_sign(turn: Turn, reader: Officeholder) -> dict[str, Any]:
    document = turn.document
    acting_for = turn.approver if turn.approver_id != reader.id else None
    return {
        "item": Item(document.id, document.digest, acting_for.id if acting_for else None).value,
        "title": document.title,
        "amount_words": amount_line(document.amount) if document.amount is not None else "",
        "payee": document.payee,
        "place": Act(turn.step.act).label,
        "acting": f"{acting_for} 님을 대신해 결재합니다." if acting_for else "",
        "who": str(document.drafter),
        "form_title": form_title(document.form_id),
        "since": turn.since,
        "address": f"{_documents()}{document.id}/",
        "notes": _notes(document),
    }


def _notes(document: Document) -> list[str]:
    """What was noted when it was submitted, or why it cannot be read any more."""
    try:
        notes: list[str] = document.parsed_content()["notes"]
    except Refusal as refusal:
        return [str(refusal)]
    return notes


def _tabs(chosen: Box, counted: Mapping[Box, int]) -> list[dict[str, Any]]:
    return [
        {
            "key": box.value,
            "label": box.label,
            "count": f"{CAP}+" if counted[box] > CAP else str(counted[box] or ""),
            "address": _address(box, 1, {}),
            "current": box is chosen,
        }
        for box in Box
    ]


def _address(box: Box, page: int, kept: Mapping[str, str]) -> str:
    asked: dict[str, Any] = {} if box is Box.WAITING and page == 1 and not kept else {"box": box}
    if page > 1:
        asked["page"] = page
    query = urlencode(asked | dict(kept))
    return f"{_home()}?{query}" if query else _home()


# --- Lines -------------------------------------------------------------------------------------


def _rows(box: Box, reader: Officeholder, found: Sequence[Entry]) -> list[dict[str, Any]]:
    numbers = numbers_of(reader, [entry.id for entry in found]) if box is Box.FINISHED else {}
    return [_row(box, reader, entry, numbers.get(entry.id, "")) for entry in found]


def _row(box: Box, reader: Officeholder, entry: Entry, number: str) -> dict[str, Any]:
    return {
        "id": entry.id,
        "title": entry.title or "제목 없음",
        "kind": f"{form_title(entry.form_id)} {number}".strip(),
        "person": f"지금 {entry.other} 차례" if box is Box.ONGOING else entry.who,
        # Written here and not by a filter: on a page of twenty lines that is felt.
        "when": f"{format_moment(entry.at)}{SAID[box]}",
        "amount": "" if entry.amount is None else f"{grouped(entry.amount)}원",
        "marks": _marks(box, reader, entry),
        "unread": entry.unread,
        "address": f"{_drafts() if box is Box.DRAFTS else _documents()}{entry.id}/",
    }


def _marks(box: Box, reader: Officeholder, entry: Entry) -> list[dict[str, str]]:
    """The words on a line that set it apart: `.kind` is a class of danji.css."""
    marks = []
    if box is Box.WAITING and entry.other_id != reader.id:
        marks.append({"kind": "acting", "word": f"대결: {entry.other}"})
    if box in {Box.WAITING, Box.ONGOING} and entry.mark == "held":
        marks.append({"kind": "held", "word": "보류"})
    if box in {Box.WAITING, Box.ONGOING} and entry.mark == "again":
        marks.append({"kind": "again", "word": "되돌아온 문서"})
    if box is Box.DRAFTS and entry.mark:
        word = {"corrects": "정정 문서", "mends": "앞 문서를 고치는 중"}[entry.mark]
        marks.append({"kind": "shown", "word": word})
    if box is Box.RETURNED:
        ending = Ending(entry.mark)
        by = f": {entry.other}" if entry.other else ""
        marks.append({"kind": "returned", "word": f"{ending.label}{by}"})
    if box in {Box.REFERENCE, Box.CIRCULATION}:
        marks.append({"kind": "shown", "word": Circulation.Kind(entry.mark).label})
    if entry.unread:
        to_sign = entry.mark == Circulation.Kind.AFTERWARDS
        marks.append({"kind": "unread", "word": "후결 필요" if to_sign else "읽지 않음"})
    return marks


@cache
def _home() -> str:
    return reverse("desk:home")


@cache
def _documents() -> str:
    """The address before a document's id; a page of lists would ask for it once a line."""
    return reverse("desk:document", args=[UUID(int=0)]).removesuffix(f"{UUID(int=0)}/")


@cache
def _drafts() -> str:
    return reverse("desk:draft", args=[UUID(int=0)]).removesuffix(f"{UUID(int=0)}/")


# --- What is looked for ------------------------------------------------------------------------

FILTERS = ("q", "form", "since", "until", "least", "most")
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)  # what lies beyond is a slip


def _sought(reader: Officeholder, box: Box, asked: Mapping[str, str]) -> tuple[Sought, list[str]]:
    """What to look for, and what of it could not be read."""
    problems: list[str] = []
    words = " ".join(asked.get("q", "").split()[:WORDS])
    sought = Sought(
        words=words,
        docs=tuple(numbered(reader, words)) if words and box is Box.FINISHED else (),
        form=asked.get("form", ""),
        since=_day(asked.get("since", ""), problems),
        until=_day(asked.get("until", ""), problems),
        least=_won(asked.get("least", ""), problems),
        most=_won(asked.get("most", ""), problems),
    )
    return sought, problems


def _day(text: str, problems: list[str]) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not FIRST_DAY <= day <= LAST_DAY:
        problems.append(f"날짜를 읽을 수 없어 빼고 찾았습니다: {text[:20]}")
        return None
    return day


def _won(text: str, problems: list[str]) -> int | None:
    try:
        return parse_won(text, "금액") if text.strip() else None
    except Refusal:
        problems.append(f"금액을 읽을 수 없어 빼고 찾았습니다: {text[:20]}")
        return None


def _number(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) < 10  # longer ones cost time
    return min(max(int(text), 1), PAGES) if is_number else 1
