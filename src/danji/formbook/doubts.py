"""What deserves a second look before a document is submitted, and never stands in its way."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from danji.formbook.checks import first_input, opened
from danji.formbook.computing import Values, result
from danji.formbook.definition import Computed, Field, FieldType, FormDefinition, Totals
from danji.formbook.inputs import (
    Places,
    Problem,
    cell_name,
    label_name,
    open_total_name,
    total_name,
)
from danji.rules.disclosure import find_identifiers
from danji.rules.money import grouped


def doubts(
    definition: FormDefinition, values: Mapping[str, Any], places: Places
) -> Iterator[Problem]:
    for field in definition.fields:
        if field.totals is Totals.PRINTED:
            yield from _rounding(definition, field, values, places)
        elif field.when_blank:
            yield from _unusual_tax(field, field.when_blank, values)
    for path, place, text in texts(definition, values, places):
        for kind in dict.fromkeys(found.kind for found in find_identifiers(text)):
            yield Problem(
                path,
                f"‘{place}’에 {kind.label}로 보이는 번호가 있습니다. 그대로는 공개할 수 없으니 "
                "지워 주세요.",
            )


def _rounding(
    definition: FormDefinition, table: Field, values: Mapping[str, Any], places: Places
) -> Iterator[Problem]:
    """Printed totals that are not the sums above them. Rounding moves each row by half a won."""
    rows, totals = values[table.name]["rows"], values[table.name]["totals"]
    for name in table.total_columns:
        label = f"{table.label} {table.column(name).label}"
        amounts = [row[name] for row in rows]
        yield from _difference(total_name(table, name), label, totals[name], amounts)
    for index, (place, _, total) in enumerate(opened(definition, table, totals, places)):
        source = table.open_columns.source if table.open_columns else ""
        label = f"{table.label} {values[source][index]}"
        amounts = [row["open"][index] for row in rows]
        yield from _difference(open_total_name(table, place), label, total, amounts)


def _difference(
    path: str, label: str, total: int | None, column: Sequence[int | None]
) -> Iterator[Problem]:
    added = sum(amount for amount in column if amount is not None)
    if total is None or total == added:
        return
    by = abs(total - added)
    explained = 2 * by <= len(column) + 1
    advice = "반올림 때문이면 그대로 두셔도 됩니다." if explained else "금액을 다시 확인해 주세요."
    yield Problem(path, f"‘{label}’의 계가 세로 합과 {grouped(by)}원 다릅니다. {advice}")


def _unusual_tax(field: Field, rule: Computed, values: Mapping[str, Any]) -> Iterator[Problem]:
    given, usual = values[field.name], result(rule, values)
    if None not in (given, usual) and given not in (0, usual):
        yield Problem(
            field.name,
            f"‘{field.label}’ 금액이 공급가액의 10%인 {grouped(usual or 0)}원과 다릅니다. "
            "계산서와 같으면 그대로 두셔도 됩니다.",
        )


def texts(
    definition: FormDefinition, values: Mapping[str, Any], places: Places
) -> Iterator[tuple[str, str, str]]:
    """Every text: its input's name, its place as a person would find it, and itself."""
    for field in definition.fields:
        value, name, label = values[field.name], field.name, field.label
        match field.type:
            case FieldType.LINE if value is not None:
                yield name, label, value
            case FieldType.PARAGRAPHS:
                yield name, label, "\n".join(value)
            case FieldType.UNIT | FieldType.PERSON if value is not None:
                yield first_input(field), label, " ".join(value.values())
            case FieldType.LABELS:
                for index, text in enumerate(value):
                    yield label_name(field, places.of(name, index)), label, text
            case FieldType.TABLE:
                yield from _cell_texts(field, value, places)


def _cell_texts(table: Field, value: Values, places: Places) -> Iterator[tuple[str, str, str]]:
    for index, row in enumerate(value["rows"]):
        number = places.of(table.name, index)
        for column in table.columns:
            text = row[column.name]
            if column.type is FieldType.LINE and text is not None:
                place = f"{table.label} {number + 1}행 {column.label}"
                yield cell_name(table, number, column.name), place, text
