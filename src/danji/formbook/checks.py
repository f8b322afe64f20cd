"""What keeps values of the right shape from being a form's content."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from danji.formbook.computing import Values
from danji.formbook.definition import Column, Field, FieldType, FormDefinition
from danji.formbook.inputs import (
    PARTS,
    Places,
    Problem,
    cell_name,
    label_name,
    open_name,
    open_total_name,
    total_name,
)
from danji.formbook.reading import read_date, read_moment
from danji.rules.money import LIMIT
from danji.rules.refusal import Refusal
from danji.rules.text import LINE_LIMIT, PARAGRAPHS_LIMIT, clean_line, clean_paragraphs

_NAME_LIMIT = 30  # characters of a person's name, an office, a building or a unit


def problems(
    definition: FormDefinition, values: Mapping[str, Any], places: Places
) -> Iterator[Problem]:
    """What stands in the way, field by field.

    Args: `values` are complete, computed and of the right shapes.
    """
    for field in definition.fields:
        value = values[field.name]
        if field.required and not (field.computed or field.when_blank) and _is_empty(field, value):
            yield Problem(first_input(field), _ask_for(field))
        elif value is None:
            continue
        elif field.type is FieldType.LABELS:
            yield from _labels_problems(field, value, places)
        elif field.type is FieldType.TABLE:
            yield from _table_problems(definition, field, value, places)
        else:
            yield from _field_problems(field, value)


def first_input(field: Field) -> str:
    """The name of the field's first input on the page."""
    if parts := PARTS.get(field.type):
        return f"{field.name}-{parts[0]}"
    if field.type is FieldType.LABELS:
        return label_name(field, 0)
    if field.type is FieldType.TABLE:
        return cell_name(field, 0, field.columns[0].name)
    return field.name


def _field_problems(field: Field, value: Any) -> Iterator[Problem]:
    name, label = field.name, field.label
    match field.type:
        case FieldType.LINE:
            yield from _line_problems(name, label, value, field.max or LINE_LIMIT)
        case FieldType.PARAGRAPHS:
            yield from _paragraphs_problems(field, value)
        case FieldType.MONEY:
            yield from _number_problems(name, label, value, negative=field.negative)
        case FieldType.DATE | FieldType.DATETIME:
            yield from _time_problems(field.type, name, label, value)
        case FieldType.PERIOD:
            yield from _period_problems(field, value)
        case FieldType.CHOICE:
            if value not in {choice.value for choice in field.choices}:
                yield Problem(name, _ask_for(field))
        case FieldType.UNIT | FieldType.PERSON:
            for part, text in value.items():
                yield from _line_problems(f"{name}-{part}", label, text, _NAME_LIMIT)


def _period_problems(field: Field, value: Mapping[str, str]) -> Iterator[Problem]:
    for part, day in value.items():
        yield from _time_problems(FieldType.DATE, f"{field.name}-{part}", field.label, day)
    if value["from"] > value["until"]:
        sentence = f"‘{field.label}’의 종료일이 시작일보다 앞섭니다. 날짜를 확인해 주세요."
        yield Problem(f"{field.name}-until", sentence)


def _labels_problems(field: Field, value: Sequence[str], places: Places) -> Iterator[Problem]:
    for index, text in enumerate(value):
        place = places.of(field.name, index)
        path, label = label_name(field, place), f"{field.label} {place + 1}"
        if text:
            yield from _line_problems(path, label, text, field.max or LINE_LIMIT)
        else:
            yield Problem(path, f"‘{label}’ 칸에 이름을 적어 주세요.")
    if len(value) > field.max_count:
        sentence = f"‘{field.label}’ 칸은 {field.max_count}개까지 쓸 수 있습니다."
        yield Problem(first_input(field), sentence)


def _table_problems(
    definition: FormDefinition, table: Field, value: Values, places: Places
) -> Iterator[Problem]:
    if len(value["rows"]) > table.max_rows:
        sentence = f"‘{table.label}’ 표는 {table.max_rows}줄까지 쓸 수 있습니다."
        yield Problem(first_input(table), f"{sentence} 나누어 새 문서로 써 주세요.")
    for index, row in enumerate(value["rows"]):
        number = places.of(table.name, index)
        for column in table.columns:
            path = cell_name(table, number, column.name)
            label = f"{table.label} {number + 1}행 {column.label}"
            yield from _cell_problems(column, row[column.name], path, label)
        for place, name, amount in opened(definition, table, row, places):
            path = open_name(table, number, place)
            yield from _open_problems(table, amount, path, f"{number + 1}행 {name}")
    totals = value.get("totals", {})
    for total in table.total_columns:
        column = replace(table.column(total), required=False)
        label = f"{table.label} {column.label} 계"
        yield from _cell_problems(column, totals[total], total_name(table, total), label)
    for place, name, amount in opened(definition, table, totals, places):
        yield from _open_problems(table, amount, open_total_name(table, place), f"{name} 계")


def opened(
    definition: FormDefinition, table: Field, cells: Values, places: Places
) -> Iterator[tuple[int, str, int | None]]:
    """The open cells of one row or of the totals: place on the page, name of the column, amount."""
    if table.open_columns:
        source = definition.field(table.open_columns.source)
        for index, amount in enumerate(cells.get("open", ())):
            place = places.of(source.name, index)
            yield place, f"{source.label} {place + 1}", amount


def _open_problems(table: Field, amount: int | None, path: str, label: str) -> Iterator[Problem]:
    if amount is not None and table.open_columns:
        negative = table.open_columns.negative
        yield from _number_problems(path, f"{table.label} {label}", amount, negative=negative)


def _cell_problems(column: Column, value: Any, path: str, label: str) -> Iterator[Problem]:
    if value is None:
        if column.required:
            yield Problem(path, f"‘{label}’ 칸을 채워 주세요.")
    elif column.type is FieldType.LINE:
        yield from _line_problems(path, label, value, LINE_LIMIT)
    else:
        yield from _number_problems(path, label, value, negative=column.negative)


def _number_problems(path: str, label: str, value: int, *, negative: bool) -> Iterator[Problem]:
    if abs(value) > LIMIT:
        yield Problem(path, f"‘{label}’ 금액이 너무 큽니다. 자릿수를 확인해 주세요.")
    elif value < 0 and not negative:
        yield Problem(path, f"‘{label}’ 금액이 0보다 작습니다. 다시 확인해 주세요.")


def _line_problems(path: str, label: str, text: str, limit: int) -> Iterator[Problem]:
    try:
        clean = clean_line(text, label, limit=limit)
    except Refusal as refusal:
        yield Problem(path, str(refusal))
    else:
        if not clean or clean != text:
            yield Problem(path, f"‘{label}’ 칸의 앞뒤 빈칸이나 줄 바꿈을 없애 주세요.")


def _paragraphs_problems(field: Field, lines: list[str]) -> Iterator[Problem]:
    limit = field.max or PARAGRAPHS_LIMIT
    try:
        clean = clean_paragraphs("\n".join(lines), field.label, limit=limit)
    except Refusal as refusal:
        yield Problem(field.name, str(refusal))
    else:
        if clean != lines:
            yield Problem(field.name, f"‘{field.label}’ 칸의 남는 빈칸과 빈 줄을 없애 주세요.")


def _time_problems(kind: FieldType, path: str, label: str, value: str) -> Iterator[Problem]:
    read = read_date if kind is FieldType.DATE else read_moment
    try:
        canonical = read(value, label)
    except Refusal as refusal:
        yield Problem(path, str(refusal))
    else:
        if canonical != value:
            yield Problem(path, f"‘{label}’ 칸은 {canonical} 꼴로 적어 주세요.")


def _is_empty(field: Field, value: Any) -> bool:
    return not value["rows"] if field.type is FieldType.TABLE else value in (None, [])


def _ask_for(field: Field) -> str:
    match field.type:
        case FieldType.CHOICE:
            return f"‘{field.label}’에서 하나를 골라 주세요."
        case FieldType.TABLE:
            return f"‘{field.label}’ 표에 한 줄 이상 적어 주세요."
    return f"‘{field.label}’ 칸을 채워 주세요."
