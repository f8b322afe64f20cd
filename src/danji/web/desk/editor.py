"""The editor's page as data: each field of a form with what was typed, its sums, and notes.

Pure: a form's definition and the texts of the inputs go in, what the templates draw comes out. An
input's id on the page is `f-` and its name, so that every problem can be jumped to.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from danji.formbook import inputs as names
from danji.formbook.definition import (
    Column,
    Computed,
    Field,
    FieldType,
    FormDefinition,
    Totals,
)
from danji.formbook.values import Parsed, parse
from danji.rules.money import grouped, parse_won
from danji.rules.refusal import Refusal

NUMBERS = (FieldType.MONEY, FieldType.COUNT)
# What the page calls the parts of a field, and what its inputs are called.
PARTS = {
    FieldType.PERIOD: {"since": "from", "until": "until"},
    FieldType.UNIT: {"building": "building", "unit": "unit"},
    FieldType.PERSON: {"name": "name", "office": "office"},
}


@dataclass(frozen=True)
class Note:
    """A problem or a doubt, and the id of the input it is about."""

    anchor: str
    message: str


@dataclass(frozen=True)
class Editor:
    """What the editor draws: the fields in order (see desk/_field.html), and notes above them."""

    fields: list[dict[str, Any]]
    problems: list[Note]
    warnings: list[Note]
    parsed: Parsed


def edit(definition: FormDefinition, inputs: names.Inputs, *, checked: bool = False) -> Editor:
    """Lay out a draft.

    Args: `inputs` as a draft keeps them, or as posted; `checked` says that submission was tried,
    so what stands in its way is shown. Doubts are shown always.
    """
    typed = names.texts(inputs or names.starting(definition))
    parsed = parse(definition, typed)
    page = _Page(definition, typed, parsed, parsed.errors if checked else {})
    return Editor(
        fields=[page.field(field) for field in definition.fields],
        problems=_notes(page.errors),
        warnings=_notes(parsed.warnings),
        parsed=parsed,
    )


def _notes(sentences: Mapping[str, str]) -> list[Note]:
    return [Note(_id(path), sentence) for path, sentence in sentences.items()]


def _id(path: str) -> str:
    return f"f-{path}"


@dataclass(frozen=True)
class _Page:
    definition: FormDefinition
    typed: Mapping[str, str]
    parsed: Parsed
    errors: Mapping[str, str]

    def field(self, field: Field) -> dict[str, Any]:
        return {
            "name": field.name,
            "id": _id(field.name),
            "type": "computed" if field.computed else field.type.value,
            "label": field.label,
            "required": field.required,
            "help": field.help,
            "error": _about(field, self.errors),
            "warning": _about(field, self.parsed.warnings),
            **self._of_type(field),
        }

    def _of_type(self, field: Field) -> dict[str, Any]:
        match field.type:
            case FieldType.TABLE:
                return self._table(field)
            case FieldType.MONEY:
                return self._money(field)
            case FieldType.CHOICE:
                return {"choices": self._choices(field)}
            case FieldType.PERIOD | FieldType.UNIT | FieldType.PERSON:
                return {"parts": self._parts(field)}
            case FieldType.LABELS:
                return self._labels(field)
        return {"value": self._text(field.name)}

    def _money(self, field: Field) -> dict[str, Any]:
        if field.computed:
            value = self.parsed.values[field.name]
            return {"value": _grouped(value), "computed": _rule(field.computed)}
        rule = _rule(field.when_blank) if field.when_blank else ""
        return {"value": self._amount(field.name), "when_blank": rule}

    def _text(self, name: str) -> str:
        return self.typed.get(name, "")

    def _amount(self, name: str) -> str:
        """What was typed; grouped when it is an amount."""
        amount = _amount(self._text(name))
        return self._text(name) if amount is None else grouped(amount)

    def _choices(self, field: Field) -> list[dict[str, Any]]:
        chosen = self._text(field.name)
        return [
            {"value": choice.value, "label": choice.label, "chosen": choice.value == chosen}
            for choice in field.choices
        ]

    def _parts(self, field: Field) -> dict[str, Any]:
        parts = {}
        for part, suffix in PARTS[field.type].items():
            name = f"{field.name}-{suffix}"
            parts[part] = {"name": name, "id": _id(name), "value": self._text(name)}
        return parts

    def _labels(self, field: Field) -> dict[str, Any]:
        places = self._places(field)
        return {
            "items": [
                {
                    "name": names.label_name(field, place),
                    "id": _id(names.label_name(field, place)),
                    "value": self._text(names.label_name(field, place)),
                    "remove": f"{field.name}-remove-{place}",
                }
                for place in places
            ],
            "can_add": len(places) < field.max_count,
        }

    def _places(self, labels: Field) -> list[int]:
        return names.label_numbers(labels, self.typed) or [0]

    # --- Tables ---------------------------------------------------------------------------------

    def _table(self, table: Field) -> dict[str, Any]:
        rows = names.row_numbers(table, self.typed) or [0]
        columns = list(self._columns(table))
        return {
            "has_money": any(column["type"] == "money" for column in columns),
            "columns": columns,
            "rows": [
                {
                    "number": row + 1,
                    "remove": f"{table.name}-remove-{row}",
                    "cells": list(self._cells(table, row)),
                }
                for row in rows
            ],
            "totals": list(self._totals(table)) if table.totals else None,
            "can_add": len(rows) < table.max_rows,
            "open": table.required or self._is_filled(table),
        }

    def _columns(self, table: Field) -> Iterator[dict[str, Any]]:
        for column in table.columns:
            for _, label in self._open(table, column):
                yield {"label": label, "type": FieldType.MONEY.value}
            yield {"label": column.label, "type": column.type.value}

    def _open(self, table: Field, column: Column) -> Iterator[tuple[int, str]]:
        """The open columns that stand before a column: place and heading."""
        if table.open_columns and table.open_columns.before == column.name:
            labels = self.definition.field(table.open_columns.source)
            for place in self._places(labels):
                heading = self._text(names.label_name(labels, place)).strip()
                yield place, heading or f"{labels.label} {place + 1}"

    def _cells(self, table: Field, row: int) -> Iterator[dict[str, Any]]:
        for column in table.columns:
            for place, label in self._open(table, column):
                name = names.open_name(table, row, place)
                yield self._cell(name, f"open-{place}", label, FieldType.MONEY)
            name = names.cell_name(table, row, column.name)
            cell = self._cell(name, column.name, column.label, column.type)
            if column.computed:
                of = [names.cell_name(table, row, factor) for factor in column.computed.of]
                cell |= {
                    "kind": "computed",
                    "value": self._product(of),
                    "product": " ".join(column.computed.of),
                }
            yield cell

    def _cell(self, name: str, column: str, label: str, kind: FieldType) -> dict[str, Any]:
        return {
            "kind": "typed",
            "name": name,
            "id": _id(name),
            "label": label,
            "type": kind.value,
            "value": self._amount(name) if kind in NUMBERS else self._text(name),
            "error": self.errors.get(name, ""),
            "column": column,
        }

    def _product(self, factors: list[str]) -> str:
        product = 1
        for name in factors:
            amount = _amount(self._text(name))
            if amount is None:
                return ""
            product *= amount
        return grouped(product)

    def _totals(self, table: Field) -> Iterator[dict[str, Any]]:
        sums = self.parsed.values[table.name].get("totals", {})
        opened = dict(zip(self._kept_places(table), sums.get("open", ()), strict=False))
        for column in table.columns:
            for place, label in self._open(table, column):
                name = names.open_total_name(table, place)
                yield self._total(table, name, f"open-{place}", label, opened.get(place))
            if column.name in table.total_columns:
                name = names.total_name(table, column.name)
                yield self._total(table, name, column.name, column.label, sums.get(column.name))
            else:
                first = column is table.columns[0]
                yield {"kind": "label" if first else "blank", "label": column.label}

    def _kept_places(self, table: Field) -> list[int]:
        """The open columns that reading kept: those with a heading or an amount."""
        if table.open_columns is None:
            return []
        labels = self.definition.field(table.open_columns.source)
        kept = self.parsed.values[labels.name]
        places = self._places(labels)
        if len(kept) == len(places):
            return places
        return [place for place in places if self._text(names.label_name(labels, place)).strip()]

    def _total(
        self, table: Field, name: str, column: str, label: str, total: int | None
    ) -> dict[str, Any]:
        printed = table.totals is Totals.PRINTED
        return {
            "kind": "printed" if printed else "computed",
            "name": name,
            "id": _id(name),
            "label": label,
            "value": self._amount(name) if printed else _grouped(total),
            "column": column,
            "error": self.errors.get(name, ""),
            "warning": self.parsed.warnings.get(name, ""),
        }

    def _is_filled(self, table: Field) -> bool:
        """Whether anything stands in the table but the usual items it starts with."""
        cells = f"{table.name}-"
        return any(
            text.strip() and text not in table.starters
            for name, text in self.typed.items()
            if name.startswith(cells)
        )


def _about(field: Field, sentences: Mapping[str, str]) -> str:
    """What is said about a field or its parts; the cells of a table speak for themselves."""
    if own := sentences.get(field.name):
        return own
    if field.type is FieldType.TABLE:
        totals = f"{field.name}-total-"
        return " ".join(text for path, text in sentences.items() if path.startswith(totals))
    parts = f"{field.name}-"
    return next((text for path, text in sentences.items() if path.startswith(parts)), "")


def _rule(computed: Computed) -> str:
    """`sum items amount`, `add supply vat`, `vat supply`: what the page's script adds up."""
    return " ".join((computed.operation.value, *computed.of))


def _amount(text: str) -> int | None:
    if not text.strip():
        return None
    try:
        return parse_won(text, "", negative=True)
    except Refusal:
        return None


def _grouped(amount: int | None) -> str:
    return "" if amount is None else grouped(amount)
