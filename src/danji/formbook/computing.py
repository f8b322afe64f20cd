"""What follows from other values of a document: products, sums, tax."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from danji.formbook.definition import (
    Computed,
    Field,
    FieldType,
    FormDefinition,
    Operation,
    Totals,
)
from danji.rules.money import vat_on

Values = dict[str, Any]


def compute(definition: FormDefinition, values: Mapping[str, Any]) -> Values:
    """All fields of the form in its order, with what follows from others filled in.

    Args: `values` have the right shapes; a missing field counts as blank.
    """
    filled: Values = {}
    for field in definition.fields:
        value = values.get(field.name, _blank(field))
        if field.type is FieldType.TABLE:
            value = _computed_table(field, value, _open_count(field, filled))
        elif field.computed:
            value = result(field.computed, filled)
        elif field.when_blank and value is None:
            value = result(field.when_blank, filled)
        filled[field.name] = value
    return filled


def _blank(field: Field) -> Any:
    match field.type:
        case FieldType.PARAGRAPHS | FieldType.LABELS:
            return []
        case FieldType.TABLE:
            return {"rows": []}
    return None


def result(computed: Computed, values: Mapping[str, Any]) -> int | None:
    """The computed amount; blank while something it needs is.

    Args: `values` are the document's, or one row's.
    """
    if computed.operation is Operation.SUM:
        table, column = computed.of
        return _sum(row[column] for row in values[table]["rows"])
    parts: list[int] = [values[name] for name in computed.of]
    if None in parts:
        return None
    match computed.operation:
        case Operation.VAT:
            return vat_on(parts[0])
        case Operation.PRODUCT:
            return math.prod(parts)
    return sum(parts)


def _sum(amounts: Iterable[int | None]) -> int | None:
    """The sum of what is not blank; blank when all is."""
    given = [amount for amount in amounts if amount is not None]
    return sum(given) if given else None


def _open_count(table: Field, values: Mapping[str, Any]) -> int | None:
    return len(values[table.open_columns.source]) if table.open_columns else None


def _computed_table(table: Field, value: Values, open_count: int | None) -> Values:
    rows = []
    for row in value["rows"]:
        products = {c.name: result(c.computed, row) for c in table.columns if c.computed}
        rows.append({**row, **products})
    filled: Values = {"rows": rows}
    if table.totals:
        given = value.get("totals") if table.totals is Totals.PRINTED else None
        sums = _no_totals if table.totals is Totals.PRINTED else _sums
        filled["totals"] = given or sums(table, rows, open_count)
    return filled


def _no_totals(table: Field, _: Sequence[Values], open_count: int | None) -> Values:
    totals: Values = dict.fromkeys(table.total_columns)
    return totals if open_count is None else {**totals, "open": [None] * open_count}


def _sums(table: Field, rows: Sequence[Values], open_count: int | None) -> Values:
    totals: Values = {name: _sum(row[name] for row in rows) for name in table.total_columns}
    if open_count is None:
        return totals
    places = range(open_count)
    return {**totals, "open": [_sum(row["open"][place] for row in rows) for place in places]}
