"""Reading what was typed, input by input: what it means, or why it cannot be read."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from danji.formbook.definition import Field, FieldType, FormDefinition, Totals
from danji.formbook.inputs import (
    PARTS,
    Places,
    Problem,
    cell_name,
    label_name,
    label_numbers,
    open_name,
    open_total_name,
    row_numbers,
    tables_of,
    total_name,
)
from danji.rules.money import parse_count, parse_won
from danji.rules.periods import SEOUL
from danji.rules.refusal import Refusal
from danji.rules.text import PARAGRAPHS_LIMIT, clean_line, clean_paragraphs

_DAY = r"\s*([0-9]{4})\s*[-./]\s*([0-9]{1,2})\s*[-./]\s*([0-9]{1,2})\s*\.?"
_DATE = re.compile(rf"{_DAY}\s*")
_MOMENT = re.compile(rf"{_DAY}\s*T?\s*([0-9]{{1,2}}):([0-9]{{2}})(?::00)?\s*")
_PART_LABELS = {
    FieldType.PERIOD: ("시작일", "종료일"),
    FieldType.UNIT: ("동", "호"),
    FieldType.PERSON: ("이름", "직책"),
}


class Reader:
    """Reads one page of inputs; remembers what could not be read, and where the rows had stood."""

    def __init__(self, definition: FormDefinition, typed: Mapping[str, str]) -> None:
        self.definition = definition
        self.typed = typed
        self.problems: list[Problem] = []
        self.places = Places()

    def read(self, field: Field) -> Any:
        """The value of one field; blank where it could not be read."""
        text = self.typed.get(field.name, "")
        match field.type:
            case FieldType.PERIOD | FieldType.UNIT | FieldType.PERSON:
                return self._parts(field)
            case FieldType.LABELS:
                return self._labels(field)
            case FieldType.TABLE:
                return self._table(field)
            case FieldType.PARAGRAPHS:
                limit = field.max or PARAGRAPHS_LIMIT
                read = self._try(clean_paragraphs, text, field.name, field.label, limit=limit)
                return read or []
        return self._one(field.type, text, field.name, field.label, negative=field.negative)

    def _one(
        self, kind: FieldType, text: str, path: str, label: str, *, negative: bool = False
    ) -> Any:
        if not text.strip():
            return None
        match kind:
            case FieldType.MONEY:
                return self._try(parse_won, text, path, label, negative=negative)
            case FieldType.COUNT:
                return self._try(parse_count, text, path, label)
            case FieldType.DATE:
                return self._try(read_date, text, path, label)
            case FieldType.DATETIME:
                return self._try(read_moment, text, path, label)
        # Its length is judged with the values.
        return self._try(clean_line, text, path, label, limit=len(text)) or None

    def _try(
        self, read: Callable[..., Any], text: str, path: str, label: str, **options: Any
    ) -> Any:
        try:
            return read(text, label, **options)
        except Refusal as refusal:
            self.problems.append(Problem(path, str(refusal)))
            return None

    def _parts(self, field: Field) -> dict[str, Any] | None:
        """The halves of a period, a unit or a person: all of them, or none."""
        kind = FieldType.DATE if field.type is FieldType.PERIOD else FieldType.LINE
        found = {}
        for part, half in zip(PARTS[field.type], _PART_LABELS[field.type], strict=True):
            path, label = f"{field.name}-{part}", f"{field.label} {half}"
            text = self.typed.get(path, "")
            found[part] = self._one(kind, text, path, label)
            if not text.strip():
                self.problems.append(Problem(path, f"‘{label}’ 칸도 채워 주세요."))
        if not any(self.typed.get(f"{field.name}-{part}", "").strip() for part in found):
            del self.problems[-len(found) :]
        return None if None in found.values() else found

    def _labels(self, field: Field) -> list[str]:
        """A label left blank counts when a column under it holds something."""
        used = set()
        for table in tables_of(self.definition, field):
            pattern = re.compile(rf"{table.name}-(?:[0-9]+|total)-open-([0-9]+)")
            used |= {
                int(match[1])
                for name, text in self.typed.items()
                if text.strip() and (match := pattern.fullmatch(name))
            }
        names = {n: label_name(field, n) for n in {*label_numbers(field, self.typed), *used}}
        kept = sorted(n for n in names if n in used or self.typed.get(names[n], "").strip())
        self.places.numbers[field.name] = kept
        return [
            self._one(
                FieldType.LINE, self.typed.get(names[n], ""), names[n], f"{field.label} {n + 1}"
            )
            or ""
            for n in kept
        ]

    def _table(self, table: Field) -> dict[str, Any]:
        kept, rows = [], []
        for row in row_numbers(table, self.typed):
            written = {
                column.name: self.typed.get(cell_name(table, row, column.name), "").strip()
                for column in table.columns
                if not column.computed
            }
            opened = self._open(table)
            has_more = any(self.typed.get(open_name(table, row, n), "").strip() for n in opened)
            first, *others = written.values()
            if has_more or any(others) or (first and first not in table.starters):
                kept.append(row)
                rows.append(self._row(table, row, opened))
        self.places.numbers[table.name] = kept
        value: dict[str, Any] = {"rows": rows}
        if table.totals:
            value["totals"] = self._totals(table)
        return value

    def _row(self, table: Field, row: int, opened: Sequence[int]) -> dict[str, Any]:
        cells: dict[str, Any] = {}
        for column in table.columns:
            path = cell_name(table, row, column.name)
            label = f"{table.label} {row + 1}행 {column.label}"
            text = "" if column.computed else self.typed.get(path, "")
            cells[column.name] = self._one(column.type, text, path, label, negative=column.negative)
        if table.open_columns:
            cells["open"] = [
                self._open_cell(table, open_name(table, row, n), f"{row + 1}행 {n + 1}번째 금액")
                for n in opened
            ]
        return cells

    def _totals(self, table: Field) -> dict[str, Any]:
        totals: dict[str, Any] = {}
        for name in table.total_columns:
            column, path = table.column(name), total_name(table, name)
            text = self.typed.get(path, "") if table.totals is Totals.PRINTED else ""
            label = f"{table.label} {column.label} 계"
            totals[name] = self._one(column.type, text, path, label, negative=column.negative)
        if table.open_columns:
            totals["open"] = [
                self._open_cell(table, open_total_name(table, n), f"{n + 1}번째 계")
                if table.totals is Totals.PRINTED
                else None
                for n in self._open(table)
            ]
        return totals

    def _open(self, table: Field) -> list[int]:
        return self.places.numbers[table.open_columns.source] if table.open_columns else []

    def _open_cell(self, table: Field, path: str, label: str) -> Any:
        negative = table.open_columns is not None and table.open_columns.negative
        return self._one(
            FieldType.MONEY,
            self.typed.get(path, ""),
            path,
            f"{table.label} {label}",
            negative=negative,
        )


def read_date(text: str, label: str) -> str:
    """`2026-11-22`, however people write it: `2026. 11. 22.`, `2026/11/22`.

    Raises: Refusal naming the field.
    """
    try:
        year, month, day = map(int, _groups(_DATE, text))
        return date(year, month, day).isoformat()
    except ValueError:
        raise Refusal(
            f"‘{label}’ 칸의 날짜를 읽을 수 없습니다.",
            next_step="달력에 있는 날짜로 적어 주세요. 예: 2026-11-22",
        ) from None


def read_moment(text: str, label: str) -> str:
    """`2026-11-22T15:00`, Korean time.

    Raises: Refusal naming the field.
    """
    try:
        year, month, day, hour, minute = map(int, _groups(_MOMENT, text))
        return f"{datetime(year, month, day, hour, minute, tzinfo=SEOUL):%Y-%m-%dT%H:%M}"
    except ValueError:
        raise Refusal(
            f"‘{label}’ 칸의 날짜와 시각을 읽을 수 없습니다.",
            next_step="날짜와 24시간제 시각을 함께 적어 주세요. 예: 2026-11-22 15:00",
        ) from None


def _groups(pattern: re.Pattern[str], text: str) -> Sequence[str]:
    match = pattern.fullmatch(text)
    return match.groups() if match else ()
