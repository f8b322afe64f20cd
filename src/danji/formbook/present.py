"""The body of a document as blocks, in order: what both the page and the PDF draw.

Every text is final: amounts are grouped, dates written out. What is blank and not required has no
block. `dataclasses.asdict` makes a block JSON.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from danji.formbook.definition import Column, Field, FieldType, FormDefinition
from danji.rules.money import amount_line, figures_line, grouped, words_line
from danji.rules.periods import SEOUL, format_date, format_moment


@dataclass(frozen=True)
class Pair:
    label: str
    value: str
    kind: str = "pair"


@dataclass(frozen=True)
class Paragraphs:
    label: str
    paragraphs: list[str]  # without the empty ones
    kind: str = "paragraphs"


@dataclass(frozen=True)
class Amount:
    """The document's amount: `text` is `금113,560원(금일십일만삼천오백육십원)`, and its halves."""

    label: str
    text: str
    figures: str
    words: str
    kind: str = "amount"


@dataclass(frozen=True)
class Head:
    label: str
    type: str  # "line", "money" or "count"


@dataclass(frozen=True)
class Table:
    """`rows` and `totals` hold one text for each of `columns`; blank is empty."""

    label: str
    unit: str  # "원" when there is money in it
    columns: list[Head]
    rows: list[list[str]]
    totals: list[str] | None
    kind: str = "table"


Block = Pair | Paragraphs | Amount | Table


def present(definition: FormDefinition, values: Mapping[str, Any]) -> list[Block]:
    """The blocks of a document, without its title.

    Args: `values` are complete, as submission froze them.
    """
    return [
        block
        for field in definition.fields[1:]
        if (block := _block(definition, field, values)) is not None
    ]


def _block(definition: FormDefinition, field: Field, values: Mapping[str, Any]) -> Block | None:
    value = values[field.name]
    match field.type:
        case FieldType.TABLE:
            return _table(field, value, values) if value["rows"] else None
        case FieldType.PARAGRAPHS:
            paragraphs = [line for line in value if line]
            return Paragraphs(field.label, paragraphs) if paragraphs else None
        case FieldType.LABELS:
            return None  # the heads of the tables say them
        case FieldType.MONEY if value is not None and field.name == definition.amount:
            return Amount(field.label, amount_line(value), figures_line(value), words_line(value))
    return Pair(field.label, _text(field, value)) if value is not None else None


def _text(field: Field, value: Any) -> str:
    match field.type:
        case FieldType.MONEY:
            text = f"{grouped(value)}원"
        case FieldType.DATE:
            text = _day(value)
        case FieldType.DATETIME:
            text = format_moment(datetime.fromisoformat(value).replace(tzinfo=SEOUL))
        case FieldType.PERIOD:
            text = f"{_day(value['from'])} ~ {_day(value['until'])}"
        case FieldType.CHOICE:
            text = next(choice.label for choice in field.choices if choice.value == value)
        case FieldType.UNIT:
            text = f"{value['building']}동 {value['unit']}호"
        case FieldType.PERSON:
            text = f"{value['office']} {value['name']}"
        case _:
            text = value
    return text


def _day(iso: str) -> str:
    return format_date(date.fromisoformat(iso))


def _table(table: Field, value: Mapping[str, Any], values: Mapping[str, Any]) -> Table:
    heads = [Head(label, kind) for label, kind in _heads(table, values)]
    totals = value.get("totals")
    return Table(
        label=table.label,
        unit="원" if any(head.type == FieldType.MONEY for head in heads) else "",
        columns=heads,
        rows=[[_cell(cell) for cell in _cells(table, row)] for row in value["rows"]],
        totals=_totals(table, totals) if totals else None,
    )


def _heads(table: Field, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for column in table.columns:
        if table.open_columns and table.open_columns.before == column.name:
            for label in values[table.open_columns.source]:
                yield label, FieldType.MONEY.value
        yield column.label, column.type.value


def _cells(table: Field, row: Mapping[str, Any]) -> Iterator[str | int | None]:
    for column in table.columns:
        if table.open_columns and table.open_columns.before == column.name:
            yield from row["open"]
        yield row[column.name]


def _totals(table: Field, totals: Mapping[str, Any]) -> list[str] | None:
    """The cells under the columns, the first saying 계; None when no total was given."""
    blanks = {column.name: None for column in table.columns}
    cells = [_cell(cell) for cell in _cells(table, {**blanks, **totals})]
    return _named(cells, table.columns) if any(cells) else None


def _named(cells: Sequence[str], columns: Sequence[Column]) -> list[str]:
    return ["계", *cells[1:]] if columns[0].type is FieldType.LINE else list(cells)


def _cell(value: str | int | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else grouped(value)
