"""Whether a table of rules can be proposed: its days, its rows, and that the forms know them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from danji.formbook.definition import FormDefinition, routed_forms
from danji.routing.queries import OFFICES, Table, choice_fields
from danji.rules.periods import format_date
from danji.rules.refusal import Refusal
from danji.rules.routing import Row, check_rows


def check_revision(
    rows: Sequence[Row], table: Table, effective_from: date, *, today: date
) -> tuple[Row, ...]:
    """The rows as they would stand from a day on, in place of those of `table`.

    A row that stays keeps the day it began, any other begins on `effective_from`.
    Raises: Refusal when they cannot stand, or nothing changes.
    """
    check_day(effective_from, table, today=today)
    since = {replace(row, effective_from=date.min): row.effective_from for row in table.rows}
    dated = tuple(
        replace(
            row,
            effective_from=since.get(replace(row, effective_from=date.min), effective_from),
        )
        for row in rows
    )
    check_rows(dated, OFFICES)
    _check_known(dated)
    if set(dated) == set(table.rows):
        raise Refusal("바뀐 곳이 없습니다.", next_step="고칠 줄을 고친 뒤에 제안해 주세요.")
    return dated


def check_day(effective_from: date, table: Table, *, today: date) -> None:
    """A change holds from a day to come, and not before an earlier one does. Raises: Refusal."""
    if effective_from < today:
        raise Refusal(
            f"시행일 {format_date(effective_from)}이 이미 지났습니다. 지난 날로 거슬러 바꿀 수 "
            "없습니다.",
            next_step="오늘이나 그 뒤의 날을 시행일로 다시 제안해 주세요.",
        )
    if table.revision and effective_from < table.revision.effective_from:
        raise Refusal(
            f"먼저 확정된 개정이 {format_date(table.revision.effective_from)}부터 시행됩니다.",
            next_step="시행일을 그날이나 그 뒤로 정해 주세요.",
        )


def _check_known(rows: Sequence[Row]) -> None:
    """What a row asks about is in the forms: a row nobody could ever meet would deceive."""
    forms = {form.key: form for form in routed_forms()}
    for number, row in enumerate(rows, 1):
        named = [forms[row.form]] if row.form in forms else list(forms.values())
        unknown = row.form not in {"", *forms}
        if (
            unknown
            or (row.conditions and not row.form)
            or not any(_asks(form, row) for form in named)
        ):
            raise Refusal(
                f"{number}번째 줄의 서식에 없는 재원이나 조건이 들어 있습니다.",
                next_step="그 줄의 서식, 재원, 조건을 다시 골라 주세요.",
            )


def _asks(form: FormDefinition, row: Row) -> bool:
    """Whether the form has the fund, the conditions and the amount that the row names."""
    choices = {
        field.name: {"", *(choice.value for choice in field.choices)}
        for field in choice_fields(form)
    }
    return (
        (not row.fund or row.fund in choices.get(form.fund or "", ()))
        and all(set(asked.values) <= choices.get(asked.field, set()) for asked in row.conditions)
        and (form.amount is not None or not row.is_bounded)
    )
