"""What a person typed into a form, by the names of the inputs on the page.

| a field of type | posts |
| --- | --- |
| line, paragraphs, money, date, datetime, choice | `payee` |
| period | `water_period-from`, `water_period-until` |
| unit | `place-building`, `place-unit` |
| person | `witness-name`, `witness-office` |
| labels | `unit_types-0`, `unit_types-1`, … |
| table, row 3 | `general-3-item`, `general-3-open-0` (the first of the open columns), … |
| table, printed totals | `general-total-amount`, `general-total-open-0` |
| the buttons of a table or of labels | `general-add`, `general-remove-3` |

A draft keeps these texts as they are. Each name has one text; where several came, the last counts.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from danji.formbook.definition import Field, FieldType, FormDefinition

Inputs = Mapping[str, str | Sequence[str]]

PARTS = {
    FieldType.PERIOD: ("from", "until"),
    FieldType.UNIT: ("building", "unit"),
    FieldType.PERSON: ("name", "office"),
}


@dataclass(frozen=True)
class Problem:
    """What stands in the way of one input. `path` is the input's name on the page."""

    path: str
    sentence: str


@dataclass(frozen=True)
class Places:
    """Where rows and labels stand on the page, by field; numbered through without a page."""

    numbers: dict[str, list[int]] = dataclasses.field(default_factory=dict)

    def of(self, name: str, index: int) -> int:
        return self.numbers[name][index] if name in self.numbers else index


def keep(definition: FormDefinition, posted: Inputs) -> dict[str, list[str]]:
    """What a draft keeps of a posted page: the form's own inputs, its row button applied.

    Characters that no database stores (NUL, halves of a pair) become �, which submission names.

    Args: `posted` as from `request.POST`; other names in it are left out.
    """
    typed = texts(posted)
    fields = {field.name: field for field in definition.fields}
    kept: dict[str, str] = {}
    pressed: list[tuple[Field, str]] = []
    for name in sorted(typed, key=_in_order):
        field = fields.get(name.partition("-")[0])
        if field and _belongs(field, name):
            kept[name] = typed[name]
        elif field and field.type in {FieldType.TABLE, FieldType.LABELS}:
            pressed.append((field, name.removeprefix(f"{field.name}-")))
    for field, button in pressed:
        if button == "add":
            kept = _with_row(field, kept)
        elif match := re.fullmatch(r"remove-([0-9]{1,6})", button):
            kept = _without_row(definition, field, kept, int(match[1]))
    return {name: [_storable(text)] for name, text in kept.items()}


def starting(definition: FormDefinition) -> dict[str, list[str]]:
    """The inputs of a new draft: the usual items of each table, or one empty row."""
    inputs = {}
    for field in definition.fields:
        if field.type is FieldType.LABELS:
            inputs[f"{field.name}-0"] = [""]
        elif field.type is FieldType.TABLE:
            first = field.columns[0].name
            for row, item in enumerate(field.starters or ("",)):
                inputs[cell_name(field, row, first)] = [item]
    return inputs


def texts(inputs: Inputs) -> dict[str, str]:
    """One text for each name."""
    return {
        name: given if isinstance(given, str) else (given[-1] if given else "")
        for name, given in inputs.items()
    }


def cell_name(table: Field, row: int, column: str) -> str:
    return f"{table.name}-{row}-{column}"


def open_name(table: Field, row: int, place: int) -> str:
    return f"{table.name}-{row}-open-{place}"


def total_name(table: Field, column: str) -> str:
    return f"{table.name}-total-{column}"


def open_total_name(table: Field, place: int) -> str:
    return f"{table.name}-total-open-{place}"


def label_name(labels: Field, place: int) -> str:
    return f"{labels.name}-{place}"


def row_numbers(table: Field, names: Mapping[str, object]) -> list[int]:
    """The numbers of the table's rows that were posted, in order."""
    pattern = re.compile(rf"{table.name}-([0-9]{{1,6}})-.+")
    return sorted({int(match[1]) for name in names if (match := pattern.fullmatch(name))})


def label_numbers(labels: Field, names: Mapping[str, object]) -> list[int]:
    """The numbers of the labels that were posted, in order."""
    pattern = re.compile(rf"{labels.name}-([0-9]{{1,6}})")
    return sorted({int(match[1]) for name in names if (match := pattern.fullmatch(name))})


def tables_of(definition: FormDefinition, labels: Field) -> Iterator[Field]:
    """The tables whose open columns are named by `labels`."""
    for field in definition.fields:
        if field.open_columns and field.open_columns.source == labels.name:
            yield field


def _belongs(field: Field, name: str) -> bool:
    if parts := PARTS.get(field.type):
        return name in {f"{field.name}-{part}" for part in parts}
    if field.type is FieldType.LABELS:
        return re.fullmatch(rf"{field.name}-[0-9]{{1,6}}", name) is not None
    if field.type is FieldType.TABLE:
        columns = "|".join(column.name for column in field.columns)
        cell = rf"{field.name}-([0-9]{{1,6}}|total)-({columns}|open-[0-9]{{1,2}})"
        return re.fullmatch(cell, name) is not None
    return name == field.name


def _in_order(name: str) -> list[tuple[int, str]]:
    """Row 10 comes after row 9."""
    return [(len(part) if part.isdecimal() else 0, part) for part in name.split("-")]


def _storable(text: str) -> str:
    return re.sub("[\x00\ud800-\udfff]", "\ufffd", text)


def _with_row(field: Field, typed: Mapping[str, str]) -> dict[str, str]:
    if field.type is FieldType.LABELS:
        number = max(label_numbers(field, typed), default=-1) + 1
        return {**typed, label_name(field, number): ""}
    number = max(row_numbers(field, typed), default=-1) + 1
    return {**typed, cell_name(field, number, field.columns[0].name): ""}


def _without_row(
    definition: FormDefinition, field: Field, typed: Mapping[str, str], removed: int
) -> dict[str, str]:
    """A label takes its column with it in every table; what follows moves up."""
    if field.type is FieldType.TABLE:
        return _shifted(typed, rf"({field.name}-)([0-9]+)(-.+)", removed)
    shifted = _shifted(typed, rf"({field.name}-)([0-9]+)()", removed)
    for table in tables_of(definition, field):
        pattern = rf"({table.name}-(?:[0-9]+|total)-open-)([0-9]+)()"
        shifted = _shifted(shifted, pattern, removed)
    return shifted


def _shifted(typed: Mapping[str, str], pattern: str, removed: int) -> dict[str, str]:
    result = {}
    for name, text in typed.items():
        match = re.fullmatch(pattern, name)
        number = int(match[2]) if match else -1
        if match and number > removed:
            result[f"{match[1]}{number - 1}{match[3]}"] = text
        elif number != removed:
            result[name] = text
    return result
