"""What a program sends of a document, as the inputs of the form's page: read by the same rules."""

from collections.abc import Mapping
from typing import Any

from danji.formbook.definition import Field, FieldType, FormDefinition, Totals
from danji.formbook.inputs import keep
from danji.formbook.shapes import has_shape
from danji.formbook.values import Parsed, parse, to_inputs
from danji.web.api.problems import BadFields

_UNKNOWN = "이 서식에 없는 칸입니다."


def inputs_of(
    definition: FormDefinition, values: Mapping[str, Any], typed: Mapping[str, str]
) -> dict[str, list[str]]:
    """The inputs that a draft keeps.

    Args: `values` are as in canonical content, by field, where what is blank or computed may be
    left out; `typed` as on the page, by input, and counts where both are given.
    Raises: BadFields.
    """
    fields = {field.name: field for field in definition.fields}
    whole = {
        name: _whole(field, values[name], values) if name in values else _blank(field)
        for name, field in fields.items()
    }
    problems = dict.fromkeys(sorted(values.keys() - fields.keys()), _UNKNOWN)
    problems |= {
        name: "값의 꼴이 서식과 맞지 않습니다."
        for name, field in fields.items()
        if name in values and not has_shape(field, whole)
    }
    if not problems:
        kept = keep(definition, {**to_inputs(definition, whole), **typed})
        problems = dict.fromkeys(sorted(typed.keys() - kept.keys()), _UNKNOWN)
    if problems:
        raise wrong(problems)
    return kept


def check(
    definition: FormDefinition,
    inputs: Mapping[str, list[str]],
    values: Mapping[str, Any],
    *,
    seen_doubts: bool,
) -> Parsed:
    """See that a document may be submitted, as the page does before its button.

    Args: `values` are those that were sent: what of them is computed has to be right.
    Raises: BadFields, also for doubts that were not seen before.
    """
    parsed = parse(definition, inputs)
    if problems := parsed.errors or _miscounted(definition, parsed.values, values):
        raise wrong(problems)
    if parsed.warnings and not seen_doubts:
        raise BadFields(
            f"살펴보실 곳이 {len(parsed.warnings)}군데 있습니다.",
            next_step="맞으면 ‘seen_doubts’를 true로 해서 다시 보내 주세요.",
            fields=parsed.warnings,
        )
    return parsed


def wrong(problems: Mapping[str, str]) -> BadFields:
    return BadFields(
        f"빠지거나 맞지 않는 곳이 {len(problems)}군데 있습니다.",
        next_step="‘fields’에 적힌 곳을 고쳐 다시 보내 주세요.",
        fields=problems,
    )


def _blank(field: Field) -> Any:
    if field.type is FieldType.TABLE:
        return _whole(field, {"rows": []}, {})
    return [] if field.type in {FieldType.PARAGRAPHS, FieldType.LABELS} else None


def _whole(field: Field, value: Any, values: Mapping[str, Any]) -> Any:
    """A value with what may be left out filled in; what has another shape stays as it is."""
    if field.type is not FieldType.TABLE or not isinstance(value, dict):
        return value
    if not isinstance(value.get("rows"), list):
        return value
    opened: dict[str, Any] = {}
    if field.open_columns is not None:
        labels = values.get(field.open_columns.source)
        opened = {"open": [None] * len(labels) if isinstance(labels, list) else []}
    blank = dict.fromkeys((column.name for column in field.columns), None) | opened
    rows = [blank | row if isinstance(row, dict) else row for row in value["rows"]]
    totals = {}
    if field.totals is not None:
        given = value.get("totals", {})
        empty = dict.fromkeys(field.total_columns, None) | opened
        totals = {"totals": empty | given if isinstance(given, dict) else given}
    return {**value, "rows": rows, **totals}


def _miscounted(
    definition: FormDefinition, counted: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, str]:
    """What a program computed otherwise than the form does."""
    problems = {}
    for field in definition.fields:
        value = given.get(field.name)
        if value is None:
            continue
        differs = (
            _table_differs(field, counted[field.name], value)
            if field.type is FieldType.TABLE
            else field.computed is not None and value != counted[field.name]
        )
        if differs:
            problems[field.name] = f"‘{field.label}’ 값이 계산한 것과 다릅니다."
    return problems


def _table_differs(table: Field, counted: Any, given: Any) -> bool:
    names = [column.name for column in table.columns if column.computed]
    # Rows with nothing in them are left out; the others are compared in order.
    rows = [row for row in given["rows"] if any(row.values())]
    if len(rows) == len(counted["rows"]) and any(
        row.get(name) not in {None, ours[name]}
        for ours, row in zip(counted["rows"], rows, strict=True)
        for name in names
    ):
        return True
    if table.totals is not Totals.COMPUTED:
        return False
    ours, theirs = counted["totals"], given.get("totals", {})
    return any(theirs.get(name) not in {None, ours[name]} for name in table.total_columns)
