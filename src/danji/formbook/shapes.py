"""Whether JSON values have the shapes a form asks for; what stands in them is another matter."""

from collections.abc import Mapping
from typing import Any

from danji.formbook.definition import Field, FieldType
from danji.formbook.inputs import PARTS


def has_shape(field: Field, values: Mapping[str, Any]) -> bool:
    """Whether the field's value is of its type, blank included.

    Args: `values` are the document's, for the labels that name a table's open columns.
    """
    value = values[field.name]
    if field.type is FieldType.TABLE:
        return _is_table(field, value, _open_count(field, values))
    if field.type in {FieldType.PARAGRAPHS, FieldType.LABELS}:
        return isinstance(value, list) and all(isinstance(text, str) for text in value)
    if value is None:
        return True
    if field.type is FieldType.MONEY:
        return _is_number(value)
    if parts := PARTS.get(field.type):
        return (
            isinstance(value, dict)
            and value.keys() == set(parts)
            and all(isinstance(text, str) for text in value.values())
        )
    return isinstance(value, str)


def _open_count(table: Field, values: Mapping[str, Any]) -> int | None:
    """How many open columns the table has; None when it has no such columns."""
    if table.open_columns is None:
        return None
    labels = values.get(table.open_columns.source)
    return len(labels) if isinstance(labels, list) else 0


def _is_table(table: Field, value: Any, open_count: int | None) -> bool:
    keys = {"rows", "totals"} if table.totals else {"rows"}
    if not isinstance(value, dict) or value.keys() != keys or not isinstance(value["rows"], list):
        return False
    kinds = {column.name: column.type for column in table.columns}
    totals = {name: kinds[name] for name in table.total_columns}
    return all(_is_row(row, kinds, open_count) for row in value["rows"]) and (
        not table.totals or _is_row(value["totals"], totals, open_count)
    )


def _is_row(row: Any, kinds: Mapping[str, FieldType], open_count: int | None) -> bool:
    keys = set(kinds) if open_count is None else {*kinds, "open"}
    if not isinstance(row, dict) or row.keys() != keys:
        return False
    if open_count is not None:
        opened = row["open"]
        if not isinstance(opened, list) or len(opened) != open_count:
            return False
        if not all(_is_number(amount) for amount in opened):
            return False
    return all(
        row[name] is None or isinstance(row[name], str)
        if kind is FieldType.LINE
        else _is_number(row[name])
        for name, kind in kinds.items()
    )


def _is_number(value: Any) -> bool:
    return value is None or type(value) is int
