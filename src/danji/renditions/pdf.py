"""The official PDF of a record: A4 in the layout of a Korean official document (공문서).

A page is PDF/A-3a and PDF/UA-1 at once, carries its record and proofs as embedded files, and is
the same to the byte whenever it is made again from the same input. Text goes to Typst as data and
is never read as markup; what the fonts cannot print is printed as its code point, never as a box.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal

from danji.renditions import typeface
from danji.renditions.typesetting import typeset
from danji.rules.approval import Act, Decision, box_mark
from danji.rules.disclosure import Scope
from danji.rules.periods import SEOUL, day_in_seoul, format_date

Relationship = Literal["source", "data", "supplement", "alternative"]

_TEXT_WIDTH: Final = 481.9  # points between the margins: 170 mm upright
_TURNED_WIDTH: Final = 728.5  # 257 mm on a page turned sideways
# Points of type, and of white in a cell left and right together; a table takes the first that fits.
_SIZES: Final = ((9.5, 8.0), (9.0, 8.0), (8.5, 7.0), (8.0, 6.0), (7.5, 5.0), (7.0, 4.4))
_NARROWEST_WORDS: Final = 5.5  # ems that a column of words keeps at least
_DEEPEST_INDENT: Final = 8.0  # ems
_LONG_CELL: Final = 300  # characters; only a cell longer than this may break over pages
_BOXES_BESIDE: Final = 5  # of the 결재란 that leave room for the form's name on their left
_SHORT_VALUE: Final = 13.5  # ems of a value that fits half of the text's width
_BOX_SIZES: Final = {"office": 9.0, "name": 12.0, "mark": 7.5, "date": 8.0, "signed": 7.5}  # points
_NAME_BYTES: Final = 200  # UTF-8 bytes of an embedded file's name, within every file system's 255

_ACTS: Final = {
    "draft": "기안",
    "review": "검토",
    "concur": "협조",
    "confirm": "확인",
    "audit": "감사",
    "approve": "결재",
    "delegated": "전결",
}
_CHECK: Final = "QR 코드를 찍으면 이 문서가 결재된 뒤 바뀌지 않았는지 확인하는 화면이 열립니다."


_Heads = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Labels:
    """Words on the page that are not in the record: they are the office's, not the act's.

    `sender` (발신명의) stands on notices only: an internal document carries none.
    Source: 행정업무의 운영 및 혁신에 관한 규정 제13조제3항.
    """

    form: str  # 지출결의서
    recipient: str = "내부결재"
    sender: str = ""  # 들꽃마을아파트 관리사무소장
    address: str = ""
    contact: str = ""
    retention: str = ""  # 5년; the class as the record has it when empty


@dataclass(frozen=True)
class OfficialDocument:
    """All that the page shows.

    Args: `record` is record.json, parsed. `blocks` is the content in order of appearance, as JSON:
    `{"kind": "pair", "label", "value"}`,
    `{"kind": "paragraphs", "label", "paragraphs": [text]}`,
    `{"kind": "table", "label", "unit", "columns": [{"label", "type": "line|money|count"}],
    "rows": [[text]], "totals": [text] | null}`, a blank cell being empty or null,
    `{"kind": "amount", "label", "text": "금113,560원(금일십일만삼천오백육십원)"}`.
    `qr_text` is what the QR code says; `proof_url` is printed beside it, and may be empty.
    `signed` says by what each decision was signed, by the `leaf` that the record has of it.
    """

    record: Mapping[str, Any]
    blocks: Sequence[Mapping[str, Any]]
    complex_name: str
    qr_text: str
    proof_url: str
    signed: Mapping[str, str]
    labels: Labels


@dataclass(frozen=True)
class Embedded:
    """A file carried inside the PDF. Its name becomes `embedded_name(name)`."""

    name: str
    media_type: str
    data: bytes
    description: str
    relationship: Relationship


def render(document: OfficialDocument, *, attachments: Sequence[Embedded]) -> bytes:
    """Print the document with its files inside: PDF 1.7, PDF/A-3a and PDF/UA-1, not yet sealed.

    The same input gives the same bytes; every date inside is `filed_at` of the record.
    Raises: ValueError when two embedded files would have one name, or a media type is none.
    Source: 행정업무의 운영 및 혁신에 관한 규정 시행규칙 제2조(항목, 금액), 제4조(구성, 붙임, 끝),
    제18조(쪽 번호).
    """
    files = list(_files(attachments))
    page = _printable(_page(document)) | {"files": files}
    return typeset(
        "document",
        page,
        qr=document.qr_text,
        at=_moment(document.record["filed_at"]),
        files={
            file["source"]: attachment.data
            for file, attachment in zip(files, attachments, strict=True)
        },
    )


def missing_glyphs(text: str) -> set[str]:
    """The characters of a text that the embedded fonts cannot print; spaces and line ends pass.

    On paper such a character is printed as its code point, `[U+1F600]`.
    """
    return {letter for letter in set(text) - {" ", "\n"} if ord(letter) not in typeface.covered()}


def embedded_name(name: str) -> str:
    """The name a file has inside the PDF: flat, visible, at most 200 bytes, the ending kept.

    Path separators, control and direction marks become `_`; nothing left becomes `file`.
    """
    flat = "".join(
        "_" if letter in '/\\:*?"<>|' or unicodedata.category(letter).startswith("C") else letter
        for letter in unicodedata.normalize("NFC", name)
    )
    flat = " ".join(flat.split()).strip(". ")
    stem, dot, ending = flat.rpartition(".")
    if not dot or len(ending) > 8:
        stem, dot, ending = flat, "", ""
    room = _NAME_BYTES - len((dot + ending).encode())
    stem = stem.encode()[:room].decode(errors="ignore").rstrip()
    return (stem or "file") + dot + ending


def _files(attachments: Iterable[Embedded]) -> Iterator[dict[str, str]]:
    taken: set[str] = set()
    for number, file in enumerate(attachments):
        name = embedded_name(file.name)
        if name in taken:
            raise ValueError(f"two embedded files are called {name!r}")
        if not re.fullmatch(r"[\w.+-]+/[\w.+-]+", file.media_type, re.ASCII):
            raise ValueError(f"not a media type: {file.media_type!r}")
        taken.add(name)
        yield {
            "name": name,
            "source": f"file-{number}",
            "media-type": file.media_type,
            "description": file.description,
            "relationship": file.relationship,
        }


# --- What is said, and where ------------------------------------------------------------------


def _page(document: OfficialDocument) -> dict[str, Any]:
    record, labels = document.record, document.labels
    content = record["content"]
    blocks = list(_blocks(document.blocks, _alike(document.blocks)))
    attached = _attached(content["attachments"])
    if attached:
        end = "attached"
    elif blocks and blocks[-1]["kind"] in ("paragraphs", "amount"):
        end = "text"
    else:
        end = "below"
    boxes, opinions = _approvals(record, document.signed)
    head = _head(labels.form, len(boxes))
    for box in boxes:
        for part, size in _BOX_SIZES.items():
            box[f"{part}-size"] = _shrunk(box[part], size, head["box"])
    return {
        "title": content["title"],
        "complex": document.complex_name,
        "form": labels.form,
        "number": record["number"]["text"],
        "recipient": labels.recipient,
        "relations": _relations(content["cites"]),
        "date": _date(record["filed_at"]),
        "head": head,
        "boxes": boxes,
        "opinions": opinions,
        "blocks": blocks,
        "attached": attached,
        "end": end,
        "sender": labels.sender,
        "closing": _closing(record, labels),
        "note": "",
        "check": _CHECK,
        "proof-url": document.proof_url,
        "qr-alt": f"문서 확인 주소 {document.qr_text}",
    }


def _approvals(
    record: Mapping[str, Any], signed: Mapping[str, str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The boxes of the 결재란 and the opinions behind them.

    Whoever was left out has a box with the reason in it; where somebody else acted (대결), the box
    names both.
    Source: 행정업무의 운영 및 혁신에 관한 규정 시행규칙 제6조, 제7조.
    """
    content = record["content"]
    decided = {decision["position"]: decision for decision in record["decisions"]}
    boxes = []
    for step in content["line"]:
        decision = decided.get(step["position"])
        if decision is not None:
            how = signed.get(decision["leaf"], "")
            boxes.append(_box(step, _mark(decision), _day_or_reason(decision), how))
        elif step.get("skipped"):
            boxes.append(_box(step, box_mark(Act(step["act"]), Decision.SKIP), step["skipped"]))
        elif step["act"] == "draft":
            boxes.append(_box(step, Act.DRAFT.label, _date(content["submitted_at"])))
    said = [*record.get("history", []), *record["decisions"]]
    opinions = [
        {"indent": 0, "marker": f"{_who(one)}:", "text": " ".join(one["opinion"].split())}
        | {"gap": False}
        for one in said
        if one["opinion"].strip() and one["decision"] != "skip"
    ]
    return boxes, opinions


def _box(step: Mapping[str, Any], mark: str, date: str, signed: str = "") -> dict[str, str]:
    shown = {"office": step["office"], "name": step["name"], "mark": mark, "date": date}
    return shown | {"signed": signed}


def _mark(decision: Mapping[str, Any]) -> str:
    by = decision.get("by")
    who = f"{by['office']} {by['name']}" if by else ""
    return box_mark(Act(decision["act"]), Decision(decision["decision"]), who)


def _day_or_reason(decision: Mapping[str, Any]) -> str:
    left_out = decision["decision"] == "skip"
    return str(decision["opinion"]) if left_out else _date(decision["at"])


def _who(decision: Mapping[str, Any]) -> str:
    back = "(되돌림)" if decision["decision"] == "send_back" else ""
    if by := decision.get("by"):
        return f"{by['office']} {by['name']}(대결){back}"
    return f"{decision['office']} {decision['name']}{back}"


def _head(form: str, boxes: int) -> dict[str, Any]:
    """The form's name and the boxes side by side, or above each other when there are many."""
    beside = boxes <= _BOXES_BESIDE
    box = 65.0 if boxes <= 3 else 58.0 if beside else min(65.0, (_TEXT_WIDTH - 24) / boxes)
    room = _TEXT_WIDTH - (boxes * box + 36 if beside else 0)
    return {"beside": beside, "box": box, "title": _shrunk(form, 21.0, room, smallest=15.0)}


def _shrunk(text: str, size: float, room: float, *, smallest: float = 5.0) -> float:
    """The size in points, at most `size`, in which a text fits into `room` points."""
    return max(smallest, min(size, (room - 4) / max(1.0, _ems(text))))


def _relations(cites: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    found = []
    for relation, label in (("supersedes", "대체"), ("refers", "관련")):
        numbers = ", ".join(cite["number"] for cite in cites if cite["relation"] == relation)
        if numbers:
            found.append([label, numbers])
    return found


def _attached(attachments: Sequence[Mapping[str, Any]]) -> list[str]:
    """The lines of 붙임: numbered from two on, one copy each."""
    names = []
    for attachment in attachments:
        name = str(attachment["name"])
        stem, dot, ending = name.rpartition(".")
        names.append(stem if dot and stem and len(ending) <= 5 else name)
    if len(names) == 1:
        return [f"{names[0]} 1부."]
    return [f"{number}. {name} 1부." for number, name in enumerate(names, 1)]


def _closing(record: Mapping[str, Any], labels: Labels) -> list[list[str]]:
    """The 결문: number with its date, disclosure with its basis, retention, address."""
    retention, disclosure = record["retention"], record["content"]["disclosure"]
    scope = Scope(disclosure["scope"]).label
    until = retention["until"]
    kept = labels.retention or retention["class"]
    lines = [
        ["시행", f"{record['number']['text']} ({_date(record['filed_at'])})"],
        ["공개구분", f"{scope} ({disclosure['basis']})" if disclosure["basis"] else scope],
        ["보존기간", f"{kept} ({_day(until)}까지)" if until else "영구"],
        ["주소", labels.address],
        ["연락처", labels.contact],
    ]
    return [line for line in lines if line[1]]


# --- Blocks -----------------------------------------------------------------------------------


def _blocks(
    blocks: Iterable[Mapping[str, Any]], widest: Mapping[_Heads, list[float]]
) -> Iterator[dict[str, Any]]:
    pairs: list[list[Any]] = []
    for block in blocks:
        if block["kind"] == "pair":
            pairs.append([block["label"], _lines(block["value"])])
            continue
        if pairs:
            yield _pairs(pairs)
            pairs = []
        match block["kind"]:
            case "paragraphs":
                texts = block["paragraphs"]
                said = any(text.strip() for text in texts)
                if said or block.get("label"):
                    yield {
                        "kind": "paragraphs",
                        "label": block.get("label") or "",
                        "paragraphs": _items(texts if said else ["없음"]),
                    }
            case "table":
                yield _table(block, widest[_heads(block)])
            case "amount":
                yield {"kind": "amount", "label": block["label"], "text": block["text"]}
            case other:
                raise ValueError(f"a block of an unknown kind: {other!r}")
    if pairs:
        yield _pairs(pairs)


def _pairs(pairs: Sequence[list[Any]]) -> dict[str, Any]:
    """Names and values in rows: two in a row when all are short, and there is more than one."""
    short = all(len(lines) == 1 and _ems(lines[0]) <= _SHORT_VALUE for _, lines in pairs)
    across = 2 if short and len(pairs) > 1 else 1
    rows = [pairs[start : start + across] for start in range(0, len(pairs), across)]
    return {"kind": "pairs", "across": across, "rows": rows}


_MARKERS: Final = tuple(
    re.compile(rf"({pattern})\s+(?=\S)")
    for pattern in (
        r"\d{1,2}\.|□",
        r"[가-하]\.|○",
        r"\d{1,2}\)|[-–]",
        r"[가-하]\)|[ㆍ·]",
        r"\(\d{1,2}\)",
        r"\([가-하]\)",
        r"[①-⑳]",
        r"[㉮-㉻]",
    )
)


def _items(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Paragraphs with their marker and indent (ems): a level further in for every kind of marker.

    A paragraph without a marker keeps the indent it was typed with, two spaces to the em; an empty
    one becomes space before the next.
    Source: 행정업무의 운영 및 혁신에 관한 규정 시행규칙 제2조제1항.
    """
    found: list[tuple[int | None, float, str, str, bool]] = []
    gap = False
    for raw in texts:
        text = " ".join(raw.split())
        if not text:
            gap = bool(found)
            continue
        typed = min((len(raw) - len(raw.lstrip())) / 2, _DEEPEST_INDENT)
        for level, pattern in enumerate(_MARKERS):
            if match := pattern.match(text):
                found.append((level, 0, match[1], text[match.end() :], gap))
                break
        else:
            found.append((None, typed, "", text, gap))
        gap = False
    outermost = min((level for level, *_ in found if level is not None), default=0)
    return [
        {
            "indent": typed if level is None else level - outermost,
            "marker": marker,
            "text": text,
            "gap": gap,
        }
        for level, typed, marker, text, gap in found
    ]


def _heads(block: Mapping[str, Any]) -> _Heads:
    return tuple((column["label"], column["type"]) for column in block["columns"])


def _alike(blocks: Iterable[Mapping[str, Any]]) -> dict[_Heads, list[float]]:
    """The widest cell of every column in ems, over all tables that have the same heads.

    Tables of one kind so stand exactly below each other.
    """
    widest: dict[_Heads, list[float]] = {}
    for block in blocks:
        if block["kind"] != "table":
            continue
        rows = _rows(block)
        here = [
            max([_ems(row[place]) for row in rows] + [_longest_word(column["label"]), 1.5])
            for place, column in enumerate(block["columns"])
        ]
        before = widest.get(_heads(block), here)
        widest[_heads(block)] = [max(pair) for pair in zip(before, here, strict=True)]
    return widest


def _rows(block: Mapping[str, Any]) -> list[list[str]]:
    """The rows as printed, the totals last.

    Raises: ValueError when a row has not one cell for every head.
    """
    rows = [[_figure(cell) for cell in row] for row in block["rows"]]
    if totals := block.get("totals"):
        sums = [_figure(cell) for cell in totals]
        rows.append([sums[0] or "계", *sums[1:]])
    for row in rows:
        if len(row) != len(block["columns"]):
            raise ValueError(f"a row of {len(row)} cells under {len(block['columns'])} heads")
    return rows


def _table(block: Mapping[str, Any], widest: Sequence[float]) -> dict[str, Any]:
    columns, rows = block["columns"], _rows(block)
    kinds = [column["type"] for column in columns]
    fit = _fit(widest, kinds)
    shown = [
        [
            {
                "lines": _lines(cell),
                "words": kind == "line",
                "span": 1,
                "long": max(map(len, row)) > _LONG_CELL,
            }
            for cell, kind in zip(row, kinds, strict=True)
        ]
        for row in rows
    ]
    if not rows:
        empty = {"lines": ["해당 없음"], "words": True, "span": len(columns), "long": False}
        shown = [[empty]]
    return {
        "kind": "table",
        "label": block.get("label") or "",
        "unit": f"(단위: {block['unit']})" if block.get("unit") else "",
        "columns": [
            {
                "label": column["label"],
                "words": column["type"] == "line",
                "width": width,
            }
            for column, width in zip(columns, fit.widths, strict=True)
        ],
        "rows": shown,
        "totals": bool(block.get("totals")),
        "size": fit.size,
        "inset": fit.white / 2,
        "turned": fit.turned,
    }


@dataclass(frozen=True)
class _Fit:
    size: float  # points of type
    white: float  # points inside a cell, left and right together
    turned: bool
    widths: list[float]  # per column: points of figures, shares of words


def _fit(widest: Sequence[float], kinds: Sequence[str]) -> _Fit:
    """Choose the size of type and the widths of columns, and turn the page only when it must be.

    Args: `widest` is each column's widest cell in ems; `kinds` its type (line, money, count).
    """
    for turned, room in ((False, _TEXT_WIDTH), (True, _TURNED_WIDTH)):
        for size, white in _SIZES:
            needed = sum(
                (min(ems, _NARROWEST_WORDS) if kind == "line" else ems) * size + white
                for ems, kind in zip(widest, kinds, strict=True)
            )
            if needed <= room or (turned and size == _SIZES[-1][0]):
                needs = [ems * size + white for ems in widest]
                return _Fit(size, white, turned, _widths(needs, kinds, room))
    raise AssertionError("the last size is always taken")


def _widths(exact: Sequence[float], kinds: Sequence[str], room: float) -> list[float]:
    """Figures never break, so their columns hold the widest, all of one kind alike where that fits.

    Words share what is left: by their length where all fit on one line, else by its square root.
    Args: `exact` is each column's widest cell in points, `room` the width of them all.
    """
    alike = [
        max(other for other, also in zip(exact, kinds, strict=True) if also == kind)
        for kind in kinds
    ]
    words = [points for points, kind in zip(exact, kinds, strict=True) if kind == "line"]
    for figures in (alike, exact):
        left = room - sum(w for w, kind in zip(figures, kinds, strict=True) if kind != "line")
        if sum(words) <= left:
            break
    if not words:
        return [points + max(0.0, left) / len(figures) for points in figures]
    fit = sum(words) <= left
    return [
        figure if kind != "line" else points if fit else math.sqrt(min(points, room))
        for figure, points, kind in zip(figures, exact, kinds, strict=True)
    ]


def _figure(cell: object) -> str:
    if cell is None:
        return ""
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _lines(text: object) -> list[str]:
    return [" ".join(line.split()) for line in str(text).splitlines()] or [""]


# --- Letters ----------------------------------------------------------------------------------


def _ems(text: str) -> float:
    """The width of the longest line of a text, in ems, as the fonts set it."""
    return max((sum(map(typeface.width, line)) for line in text.splitlines()), default=0.0)


def _longest_word(text: str) -> float:
    return max(map(_ems, text.split()), default=0.0)


def _printable(page: dict[str, Any]) -> dict[str, Any]:
    """The page as it can be printed, and a note where that is not how it was written."""
    cleaned, absent = printable(page)
    if absent:
        cleaned["note"] = (
            "[U+…]로 적힌 곳은 인쇄 글꼴에 없는 글자입니다. "
            "원래 글자는 이 파일에 함께 들어 있는 record.json에 있습니다."
        )
    return cleaned


def printable(page: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """Every text of a page with what has no glyph as its code point, and what that was."""
    absent: set[str] = set()

    def clean(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: clean(value) for key, value in node.items()}
        if isinstance(node, list):
            return [clean(value) for value in node]
        if isinstance(node, str) and (missing := missing_glyphs(node)):
            absent.update(missing)
            return "".join(
                f"[U+{ord(letter):04X}]" if letter in missing else letter for letter in node
            )
        return node

    return clean(page), absent


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(SEOUL)


def _date(moment: str) -> str:
    """A moment as the day it was in Korea, `2026. 11. 5.`"""
    return format_date(day_in_seoul(_moment(moment)))


def _day(day: str) -> str:
    return format_date(date.fromisoformat(day))
