"""The editor as data: what was typed comes back, with its sums and what is wrong with it."""

import pytest

from danji.formbook.definition import builtin_forms
from danji.web.desk.editor import edit

FORMS = {form.key: form for form in builtin_forms()}
EXPENSE = {
    "title": "모래 구입",
    "reason": "필요합니다.",
    "items-0-name": "모래",
    "items-0-quantity": "3",
    "items-0-unit_price": "10000원",
    "items-1-name": "삽",
    "items-1-quantity": "두 자루",
    "payee": "가상상사",
    "payment": "transfer",
    "account": "소모품비",
    "fund": "management-fee",
}


def field(editor, name):
    return next(field for field in editor.fields if field["name"] == name)


def cell(editor, table, name):
    rows = field(editor, table)["rows"]
    return next(cell for row in rows for cell in row["cells"] if cell["name"] == name)


@pytest.mark.parametrize("key", FORMS)
def test_a_new_draft_can_be_drawn(key):
    editor = edit(FORMS[key], {})
    assert [f["name"] for f in editor.fields] == [f.name for f in FORMS[key].fields]
    assert editor.problems == []
    assert all(f["rows"] for f in editor.fields if f["type"] == "table")


def test_amounts_are_grouped_and_what_is_none_stays():
    editor = edit(FORMS["expense"], EXPENSE)
    assert cell(editor, "items", "items-0-unit_price")["value"] == "10,000"
    assert cell(editor, "items", "items-1-quantity")["value"] == "두 자루"


def test_sums_follow():
    editor = edit(FORMS["expense"], EXPENSE)
    product = cell(editor, "items", "items-0-amount")
    assert (product["kind"], product["value"]) == ("computed", "30,000")
    assert product["product"] == "quantity unit_price"
    assert cell(editor, "items", "items-1-amount")["value"] == ""
    supply = field(editor, "supply")
    assert (supply["type"], supply["computed"]) == ("computed", "sum items amount")
    assert supply["value"] == "30,000"
    assert field(editor, "vat")["when_blank"] == "vat supply"
    assert field(editor, "total")["value"] == "33,000"


def test_nothing_is_scolded_before_submission():
    editor = edit(FORMS["expense"], EXPENSE)
    assert editor.problems == []
    assert cell(editor, "items", "items-1-quantity")["error"] == ""


def test_after_submission_every_problem_leads_to_its_input():
    editor = edit(FORMS["expense"], EXPENSE | {"payee": ""}, checked=True)
    anchors = {problem.anchor for problem in editor.problems}
    assert {"f-payee", "f-items-1-quantity"} <= anchors
    assert field(editor, "payee")["error"]
    assert cell(editor, "items", "items-1-quantity")["error"]


def test_an_empty_table_that_is_needed_says_so_in_its_first_cell():
    typed = {name: text for name, text in EXPENSE.items() if not name.startswith("items")}
    editor = edit(FORMS["expense"], typed, checked=True)
    first = field(editor, "items")["rows"][0]["cells"][0]
    assert "한 줄 이상" in first["error"]


def test_choices_remember_what_was_chosen():
    choices = field(edit(FORMS["expense"], EXPENSE), "payment")["choices"]
    assert [c["value"] for c in choices if c["chosen"]] == ["transfer"]


def test_open_columns_stand_where_the_form_says():
    typed = {"unit_types-0": "27.07평형", "unit_types-1": "", "general-0-open-0": "1000"}
    editor = edit(FORMS["fee-notice"], typed)
    table = field(editor, "general")
    labels = [column["label"] for column in table["columns"]]
    assert labels == ["항목", "총발생금액", "27.07평형", "평형 2", "비고"]
    opened = cell(editor, "general", "general-0-open-0")
    assert (opened["column"], opened["value"]) == ("open-0", "1,000")
    assert [t["kind"] for t in table["totals"]] == [
        "label",
        "printed",
        "printed",
        "printed",
        "blank",
    ]


def test_every_row_has_a_cell_for_every_column():
    for form in FORMS.values():
        for table in (f for f in edit(form, {}).fields if f["type"] == "table"):
            width = len(table["columns"])
            assert all(len(row["cells"]) == width for row in table["rows"])
            assert table["totals"] is None or len(table["totals"]) == width


def test_a_table_with_only_its_usual_items_is_folded():
    assert field(edit(FORMS["fee-notice"], {}), "general")["open"] is False
    editor = edit(FORMS["fee-notice"], {"general-0-item": "급여", "general-0-amount": "1"})
    assert field(editor, "general")["open"] is True
    assert field(edit(FORMS["expense"], {}), "items")["open"] is True


def test_a_printed_total_that_differs_is_doubted_and_not_refused():
    typed = {
        "unit_types-0": "27.07평형",
        "general-0-item": "급여",
        "general-0-amount": "100",
        "general-total-amount": "101",
    }
    editor = edit(FORMS["fee-notice"], typed)
    assert [warning.anchor for warning in editor.warnings] == ["f-general-total-amount"]
    assert "반올림" in field(editor, "general")["warning"]


def test_periods_come_in_two_parts():
    typed = {"management_period-from": "2022-02-01"}
    editor = edit(FORMS["fee-notice"], typed, checked=True)
    period = field(editor, "management_period")
    assert period["parts"]["since"]["value"] == "2022-02-01"
    assert period["parts"]["until"]["id"] == "f-management_period-until"
    assert period["error"]
