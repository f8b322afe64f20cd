"""The editor of the rules: what was typed for each row, and the row that it says.

Pure. The page holds all rows; one is open and the others are carried along in hidden inputs, so
nothing is stored before it is proposed. Inputs of the row in place 3 are named `3-form`, `3-act-0`.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from danji.formbook.definition import FormDefinition, routed_forms
from danji.formbook.reading import read_date
from danji.routing.queries import OFFICES, about_words, choice_fields, funds, line_words
from danji.rules.approval import Act
from danji.rules.money import grouped, parse_won
from danji.rules.refusal import Refusal
from danji.rules.retention import Layer
from danji.rules.routing import PLACES_LIMIT, ROWS_LIMIT, Condition, Place, Row
from danji.rules.text import clean_line

ACTS = (Act.REVIEW, Act.CONCUR, Act.APPROVE, Act.DELEGATED, Act.CONFIRM, Act.AUDIT)
LAYERS = (Layer.BYLAW, Layer.MODEL, Layer.POLICY)
PRACTICE = "단지 관행(법령에 정한 결재선 없음)"
BASIS_LIMIT = 100  # characters
SPARE = 2  # empty places shown after those that are filled
FIRST_STAGE = 2  # 1 is the drafter's

# What was typed for one row: the part of a name after its number, and its texts.
Typed = Mapping[str, Sequence[str]]


def typed_rows(posted: Mapping[str, Sequence[str]]) -> list[Typed]:
    """The rows of a posted page, in order."""
    rows: dict[int, dict[str, Sequence[str]]] = {}
    for name, given in posted.items():
        if match := re.fullmatch(r"([0-9]{1,3})-([a-z0-9_-]{1,60})", name):
            rows.setdefault(int(match[1]), {})[match[2]] = given
    typed: list[Typed] = [rows[number] for number in sorted(rows)]
    return typed[: ROWS_LIMIT + 1]


def typed_of(row: Row) -> Typed:
    """What would have been typed for a row."""
    typed = {
        "form": row.form,
        "fund": row.fund,
        "over": "" if row.over is None else grouped(row.over),
        "up_to": "" if row.up_to is None else grouped(row.up_to),
        "layer": row.layer.value,
        "basis": row.basis,
        "resolution": row.resolution,
        "until": row.effective_until.isoformat() if row.effective_until else "",
    }
    before = None
    for number, place in enumerate(row.places):
        typed[f"act-{number}"] = place.act.value
        typed[f"office-{number}"] = place.office
        typed[f"beside-{number}"] = "1" if place.stage == before else ""
        before = place.stage
    asked = {f"asked-{condition.field}": condition.values for condition in row.conditions}
    return {name: [text] for name, text in typed.items()} | asked


def blank_row() -> Typed:
    """What a new row starts with."""
    return {"office-0": ["manager"], "act-0": [Act.APPROVE.value], "layer": [Layer.BYLAW.value]}


def read_row(typed: Typed, number: int) -> Row:
    """The row that was typed; on which day it begins is said elsewhere.

    Raises: Refusal naming the row by its number.
    """
    where = f"{number}번째 줄"
    form = _text(typed, "form")
    try:
        layer = Layer(_text(typed, "layer"))
        places = _places(typed)
    except ValueError:
        raise Refusal(
            f"{where}에서 고를 수 없는 것이 골라져 있습니다.",
            next_step="화면을 새로 열어 다시 골라 주세요.",
        ) from None
    basis = clean_line(_text(typed, "basis"), f"{where} 근거 조항", limit=BASIS_LIMIT)
    until = _text(typed, "until")
    return Row(
        form=form,
        fund=_text(typed, "fund"),
        over=_won(typed, "over", f"{where} 초과 금액"),
        up_to=_won(typed, "up_to", f"{where} 이하 금액"),
        conditions=tuple(_conditions(typed, form)),
        places=places,
        resolution=clean_line(_text(typed, "resolution"), f"{where} 의결 조항", limit=BASIS_LIMIT),
        layer=layer,
        basis=basis or (PRACTICE if layer is Layer.POLICY else ""),
        effective_from=date.min,
        effective_until=date.fromisoformat(read_date(until, f"{where} 끝나는 날"))
        if until
        else None,
    )


def open_row(typed: Typed, number: int) -> dict[str, Any]:
    """What the page draws of the row that is open: see routing/_row.html."""
    form = _form(_text(typed, "form"))
    return {
        "number": number,
        "forms": _options(
            [("", "모든 서식"), *((f.key, f.title) for f in routed_forms())], typed, "form"
        ),
        "funds": _options([("", "모든 재원"), *funds()], typed, "fund"),
        "over": _text(typed, "over"),
        "up_to": _text(typed, "up_to"),
        "asked": [
            {
                "name": f"asked-{field.name}",
                "label": field.label,
                "choices": [
                    {
                        "value": value,
                        "label": label,
                        "chosen": value in typed.get(f"asked-{field.name}", ()),
                    }
                    for value, label in (
                        ("", "적지 않음"),
                        *((c.value, c.label) for c in field.choices),
                    )
                ],
            }
            for field in (choice_fields(form) if form else ())
            if form and field.name != form.fund
        ],
        "places": [_drawn_place(typed, place) for place in range(_count(typed))],
        "layers": _options([(layer.value, layer_word(layer)) for layer in LAYERS], typed, "layer"),
        "basis": _text(typed, "basis"),
        "resolution": _text(typed, "resolution"),
        "until": _text(typed, "until"),
    }


def closed_row(typed: Typed, number: int) -> dict[str, Any]:
    """What the page draws of a row that is not open: in words, and as hidden inputs."""
    try:
        row = read_row(typed, number)
    except Refusal as refusal:
        words = {"about": "고쳐야 하는 줄", "line": refusal.fact, "basis": "", "resolution": ""}
    else:
        words = row_words(row)
    hidden = [
        (name, text)
        for name, given in sorted(typed.items())
        for text in given
        if text or name.startswith("asked-")  # where a blank one says something
    ]
    return {"number": number, "hidden": hidden, **words}


def layer_word(layer: Layer) -> str:
    """Who set a row, as these pages say it: what is sealed keeps the longer word."""
    return "기본값" if layer is Layer.POLICY else layer.label


def row_words(row: Row) -> dict[str, Any]:
    """One row in words."""
    layer = layer_word(row.layer)
    return {
        "about": about_words(row),
        "line": line_words(row.places),
        "layer": layer,
        "basis": row.basis if row.basis.startswith(layer) else f"{layer}: {row.basis}",
        "resolution": row.resolution,
        "since": row.effective_from,
        "until": row.effective_until,
    }


def _text(typed: Typed, name: str) -> str:
    return (typed.get(name) or [""])[-1].strip()


def _won(typed: Typed, name: str, label: str) -> int | None:
    text = _text(typed, name)
    return parse_won(text, label) if text else None


def _form(key: str) -> FormDefinition | None:
    return next((form for form in routed_forms() if form.key == key), None)


def _conditions(typed: Typed, key: str) -> list[Condition]:
    """What the form's own choice fields must say; a field with nothing ticked says anything."""
    form = _form(key)
    if form is None:
        return []
    found = []
    for field in choice_fields(form):
        offered = ("", *(choice.value for choice in field.choices))
        ticked = typed.get(f"asked-{field.name}", ())
        values = tuple(value for value in offered if value in ticked)
        if values and values != offered:
            found.append(Condition(field.name, values))
    return found


def _places(typed: Typed) -> tuple[Place, ...]:
    """The places that have an office, numbered anew. Raises: ValueError for an unknown one."""
    places: list[Place] = []
    for number in range(PLACES_LIMIT + SPARE):
        office = _text(typed, f"office-{number}")
        if not office:
            continue
        if office not in OFFICES:
            raise ValueError(office)
        beside = bool(_text(typed, f"beside-{number}")) and bool(places)
        last = places[-1].stage if places else FIRST_STAGE - 1
        stage = last if beside else last + 1
        places.append(Place(Act(_text(typed, f"act-{number}")), office, stage))
    return tuple(places)


def _count(typed: Typed) -> int:
    """How many places the open row shows: those that are filled, and some to fill."""
    filled = [n for n in range(PLACES_LIMIT) if _text(typed, f"office-{n}")]
    return min((filled[-1] + 1 if filled else 0) + SPARE, PLACES_LIMIT)


def _drawn_place(typed: Typed, number: int) -> dict[str, Any]:
    return {
        "number": number,
        "place": number + 1,
        "offices": _options([("", "비움"), *OFFICES.items()], typed, f"office-{number}"),
        "acts": _options([(act.value, act.label) for act in ACTS], typed, f"act-{number}"),
        "beside": bool(_text(typed, f"beside-{number}")),
    }


def _options(offered: Sequence[tuple[str, str]], typed: Typed, name: str) -> list[dict[str, Any]]:
    chosen = _text(typed, name)
    return [{"value": value, "label": label, "chosen": value == chosen} for value, label in offered]
