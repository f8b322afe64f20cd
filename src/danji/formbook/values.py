"""From what was typed to the values of canonical content, and back.

A draft keeps what was typed. Submission reads it strictly: `parse` gives the values, what stands in
the way, and what deserves a second look. Every value has a fixed shape (see `FieldType`); what is
blank is null, or an empty list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from danji.formbook import checks, doubts
from danji.formbook.computing import Values, compute
from danji.formbook.definition import Field, FieldType, FormDefinition, Totals
from danji.formbook.inputs import (
    Inputs,
    Places,
    Problem,
    cell_name,
    label_name,
    open_name,
    open_total_name,
    texts,
    total_name,
)
from danji.formbook.reading import Reader
from danji.formbook.shapes import has_shape
from danji.rules.money import grouped

__all__ = [
    "Parsed",
    "Problem",
    "Values",
    "compute",
    "parse",
    "to_inputs",
    "validate",
]


@dataclass(frozen=True)
class Parsed:
    """Values as far as they could be read; what is wrong and doubtful, by the input's name."""

    values: Values
    errors: dict[str, str]
    warnings: dict[str, str]


def parse(definition: FormDefinition, inputs: Inputs) -> Parsed:
    """Read what was typed. Rows with nothing in them are left out, usual items without amounts too.

    Errors come in the form's order, each input once.
    """
    reader = Reader(definition, texts(inputs))
    values = compute(definition, {field.name: reader.read(field) for field in definition.fields})
    problems = [*reader.problems, *checks.problems(definition, values, reader.places)]
    order = {field.name: place for place, field in enumerate(definition.fields)}
    errors: dict[str, str] = {}
    for problem in sorted(problems, key=lambda p: order[p.path.partition("-")[0]]):
        errors.setdefault(problem.path, problem.sentence)
    warnings = {p.path: p.sentence for p in doubts.doubts(definition, values, reader.places)}
    return Parsed(values, errors, warnings)


def validate(definition: FormDefinition, values: Mapping[str, Any]) -> list[Problem]:
    """What keeps JSON values from being this form's content; empty when they may be submitted.

    The values must be complete and already computed (`compute`).
    """
    unknown = sorted(values.keys() - {field.name for field in definition.fields})
    problems = [Problem(name, "이 서식에 없는 칸입니다.") for name in unknown]
    shapeless = [
        field.name
        for field in definition.fields
        if field.name not in values or not has_shape(field, values)
    ]
    problems += [Problem(name, "값의 꼴이 서식과 맞지 않습니다.") for name in shapeless]
    if problems:
        return problems
    problems = list(checks.problems(definition, values, Places()))
    computed = compute(definition, values)
    return problems + [
        Problem(field.name, f"‘{field.label}’ 값이 계산한 것과 다릅니다.")
        for field in definition.fields
        if computed[field.name] != values[field.name]
    ]


def to_inputs(definition: FormDefinition, values: Mapping[str, Any]) -> dict[str, list[str]]:
    """The inputs that read back as `values`: to copy a document, or to mend a returned one."""
    typed: dict[str, str] = {}
    for field in definition.fields:
        value = values.get(field.name)
        if field.computed or value is None:
            continue
        match field.type:
            case FieldType.MONEY:
                typed[field.name] = grouped(value)
            case FieldType.PARAGRAPHS:
                typed[field.name] = "\n".join(value)
            case FieldType.PERIOD | FieldType.UNIT | FieldType.PERSON:
                typed |= {f"{field.name}-{part}": text for part, text in value.items()}
            case FieldType.LABELS:
                typed |= {label_name(field, n): label for n, label in enumerate(value)}
            case FieldType.TABLE:
                typed |= _table_inputs(field, value)
            case _:
                typed[field.name] = value
    return {name: [text] for name, text in typed.items()}


def _table_inputs(table: Field, value: Values) -> dict[str, str]:
    typed = {}
    for number, row in enumerate(value["rows"]):
        for column in table.columns:
            if not column.computed:
                typed[cell_name(table, number, column.name)] = _cell_text(row[column.name])
        for place, amount in enumerate(row.get("open", ())):
            typed[open_name(table, number, place)] = _cell_text(amount)
    if table.totals is Totals.PRINTED:
        for name in table.total_columns:
            typed[total_name(table, name)] = _cell_text(value["totals"][name])
        for place, amount in enumerate(value["totals"].get("open", ())):
            typed[open_total_name(table, place)] = _cell_text(amount)
    return typed


def _cell_text(value: str | int | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else grouped(value)
