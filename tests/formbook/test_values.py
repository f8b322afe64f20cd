import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danji.formbook.definition import builtin_forms
from danji.formbook.values import compute, parse, to_inputs, validate
from danji_verify.canonical import canonical
from real_documents import (
    CLEANING,
    GENERAL,
    GENERAL_TOTALS,
    QUALIFICATIONS,
    bid_inputs,
    changed_bid_inputs,
    expense_inputs,
    fee_inputs,
)

MEMO, EXPENSE, FEE_NOTICE, BID_NOTICE, *_ = builtin_forms()
REAL = [
    (FEE_NOTICE, fee_inputs()),
    (BID_NOTICE, bid_inputs()),
    (BID_NOTICE, changed_bid_inputs()),
    (EXPENSE, expense_inputs()),
]


@pytest.mark.parametrize(("form", "inputs"), REAL)
def test_a_real_document_is_read_without_complaint_and_back(form, inputs):
    parsed = parse(form, inputs)
    assert parsed.errors == {}
    assert validate(form, parsed.values) == []
    assert canonical(parsed.values)
    again = parse(form, to_inputs(form, parsed.values))
    assert (again.values, again.errors) == (parsed.values, {})


@pytest.mark.parametrize(("table", "sample"), [("general", GENERAL), ("cleaning", CLEANING)])
def test_blank_is_not_nought_and_amounts_may_be_below_it(table, sample):
    rows = parse(FEE_NOTICE, fee_inputs()).values[table]["rows"]
    assert [(r["item"], r["amount"], tuple(r["open"]), r["note"]) for r in rows] == sample


def test_printed_totals_are_kept_as_printed():
    totals = parse(FEE_NOTICE, fee_inputs()).values["general"]["totals"]
    amount, opened = GENERAL_TOTALS
    assert totals == {"amount": amount, "open": list(opened)}


def test_rounding_in_the_printed_totals_is_pointed_out_and_let_pass():
    # Added up by hand: 36,947 and 41,762 and 46,157 and 46,029 under the four unit types.
    assert parse(FEE_NOTICE, fee_inputs()).warnings == {
        "general-total-open-0": "‘일반관리비 27.07평형’의 계가 세로 합과 1원 다릅니다. "
        "반올림 때문이면 그대로 두셔도 됩니다.",
        "general-total-open-1": "‘일반관리비 30.38평형’의 계가 세로 합과 1원 다릅니다. "
        "반올림 때문이면 그대로 두셔도 됩니다.",
        "general-total-open-3": "‘일반관리비 33.60평형(B)’의 계가 세로 합과 2원 다릅니다. "
        "반올림 때문이면 그대로 두셔도 됩니다.",
    }


def test_what_rounding_cannot_explain_is_said_differently():
    parsed = parse(FEE_NOTICE, fee_inputs() | {"general-total-amount": "9,950,280"})
    assert parsed.errors == {}
    assert parsed.warnings["general-total-amount"] == (
        "‘일반관리비 총발생금액’의 계가 세로 합과 100원 다릅니다. 금액을 다시 확인해 주세요."
    )


def test_both_versions_of_the_bid_notice_are_carried():
    first = parse(BID_NOTICE, bid_inputs()).values
    second = parse(BID_NOTICE, changed_bid_inputs()).values
    assert first["qualifications"] == QUALIFICATIONS
    assert (first["reception_until"], first["bond_until"]) == ("2017-07-20T18:00", None)
    assert second["qualifications"] == QUALIFICATIONS[:1]
    assert second["reception_until"] == "2017-07-20T15:00"
    assert second["bond_until"] == "2017-07-19T15:00"


def test_an_expense_adds_itself_up():
    values = parse(EXPENSE, expense_inputs()).values
    assert [row["amount"] for row in values["items"]["rows"]] == [740_000, 210_000, -15_005]
    assert (values["supply"], values["vat"], values["total"]) == (934_995, 93_499, 1_028_494)


def test_what_is_computed_cannot_be_typed():
    typed = expense_inputs() | {"total": "1", "supply": "1", "items-0-amount": "1"}
    assert parse(EXPENSE, typed).values == parse(EXPENSE, expense_inputs()).values


@pytest.mark.parametrize(
    ("vat", "total", "doubted"),
    [("93,499", 1_028_494, False), ("0", 934_995, False), ("93,500", 1_028_495, True)],
)
def test_tax_may_be_typed_and_is_looked_at_twice(vat, total, doubted):
    parsed = parse(EXPENSE, expense_inputs() | {"vat": vat})
    assert parsed.values["total"] == total
    assert ("vat" in parsed.warnings) == doubted
    assert parsed.errors == {}


def test_an_expense_below_nothing_is_refused():
    parsed = parse(EXPENSE, expense_inputs() | {"items-2-unit_price": "-10,000,000"})
    assert set(parsed.errors) == {"supply", "vat", "total"}


def test_an_empty_form_says_what_it_needs_in_its_own_order():
    assert parse(EXPENSE, {}).errors == {
        "title": "‘제목’ 칸을 채워 주세요.",
        "reason": "‘지출 사유’ 칸을 채워 주세요.",
        "items-0-name": "‘지출 내역’ 표에 한 줄 이상 적어 주세요.",
        "payee": "‘지급처’ 칸을 채워 주세요.",
        "payment": "‘지급 방법’에서 하나를 골라 주세요.",
        "account": "‘계정과목’ 칸을 채워 주세요.",
        "fund": "‘재원’에서 하나를 골라 주세요.",
    }


@pytest.mark.parametrize(
    ("form", "inputs", "path", "sentence"),
    [
        (EXPENSE, {"items-1-unit_price": "사만이천"}, "items-1-unit_price", "읽을 수 없습니다"),
        (EXPENSE, {"items-1-quantity": ""}, "items-1-quantity", "2행 수량’ 칸을 채워"),
        (EXPENSE, {"items-1-quantity": "-1"}, "items-1-quantity", "정수만 적을 수"),
        (EXPENSE, {"items-1-quantity": "2.5"}, "items-1-quantity", "2행 수량’ 칸에는 0부터"),
        (EXPENSE, {"items-0-spec": "가" * 201}, "items-0-spec", "200자까지"),
        (EXPENSE, {"payee": "가" * 101}, "payee", "100자까지"),
        (EXPENSE, {"payee": "한빛\x00자재"}, "payee", "‘지급처’ 칸에 보이지 않는 제어 문자"),
        (EXPENSE, {"reason": "하나\n둘\u202e"}, "reason", "2번째 줄"),
        (EXPENSE, {"reason": "가" * 20_001}, "reason", "20,000자까지"),
        (EXPENSE, {"payment": "barter"}, "payment", "골라 주세요"),
        (EXPENSE, {"pay_on": "2026-02-30"}, "pay_on", "날짜를 읽을 수 없습니다"),
        (BID_NOTICE, {"opening_at": "2017-07-20"}, "opening_at", "시각을 읽을 수 없습니다"),
        (BID_NOTICE, {"opening_at": "2017-07-20T25:00"}, "opening_at", "읽을 수 없습니다"),
        (FEE_NOTICE, {"water_period-until": ""}, "water_period-until", "칸도 채워"),
        (FEE_NOTICE, {"water_period-until": "2022-01-01"}, "water_period-until", "앞섭니다"),
        (FEE_NOTICE, {"unit_types-1": " "}, "unit_types-1", "이름을 적어"),
        (FEE_NOTICE, {"general-0-open-2": "1.5"}, "general-0-open-2", "일반관리비 1행 3번째"),
        (FEE_NOTICE, {"general-total-open-9": "5"}, "unit_types-9", "이름을 적어"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(form, inputs, path, sentence):
    real = next(inputs for known, inputs in REAL if known is form)
    errors = parse(form, real | inputs).errors
    assert list(errors) == [path]
    assert sentence in errors[path]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("2026-11-05", "2026-11-05"),
        ("2026. 11. 5.", "2026-11-05"),
        (" 2026/11/5 ", "2026-11-05"),
    ],
)
def test_dates_are_read_as_people_write_them(typed, kept):
    assert parse(EXPENSE, {"pay_on": typed}).values["pay_on"] == kept


def test_a_moment_may_be_typed_where_there_is_no_calendar():
    values = parse(BID_NOTICE, {"opening_at": "2026. 11. 5. 9:05"}).values
    assert values["opening_at"] == "2026-11-05T09:05"


def test_hangul_in_pieces_reads_the_same():
    in_pieces = {"payee": "\u1112\u1161\u11ab\u1107\u1175\u11be"}
    assert parse(EXPENSE, in_pieces).values["payee"] == "한빛"


def test_empty_rows_and_untouched_usual_items_are_left_out():
    inputs = {
        "cleaning-0-item": "청소용역비",
        "cleaning-1-item": "청소용품",
        "cleaning-1-amount": "0",
        "cleaning-2-item": "",
        "cleaning-3-item": "창문 청소",
    }
    rows = parse(FEE_NOTICE, inputs).values["cleaning"]["rows"]
    assert [row["item"] for row in rows] == ["청소용품", "창문 청소"]


def test_errors_stay_with_their_row_when_rows_above_are_empty():
    inputs = expense_inputs() | {"items-0-name": "", "items-0-spec": ""}
    inputs |= {"items-0-quantity": "", "items-0-unit_price": "", "items-2-quantity": "x"}
    assert list(parse(EXPENSE, inputs).errors) == ["items-2-quantity"]


def test_a_table_has_an_end():
    row = {"name": "못", "quantity": "1", "unit_price": "10"}
    inputs = expense_inputs()
    for number in range(201):
        inputs |= {f"items-{number}-{column}": text for column, text in row.items()}
    inputs["items-2-spec"] = ""
    assert "200줄까지" in parse(EXPENSE, inputs).errors["items-0-name"]


def test_a_number_that_identifies_a_person_is_pointed_out_while_writing():
    inputs = expense_inputs() | {"reason": "홍○○(900101-1234567)에게", "items-1-spec": "M12345678"}
    parsed = parse(EXPENSE, inputs)
    assert set(parsed.warnings) == {"reason", "items-1-spec"}
    assert parsed.errors == {}
    assert parsed.warnings["items-1-spec"].startswith("‘지출 내역 2행 규격’에 여권번호로 보이는")


def test_querydict_and_plain_inputs_read_alike():
    lists = {name: ["forgotten", text] for name, text in expense_inputs().items()}
    assert parse(EXPENSE, lists) == parse(EXPENSE, expense_inputs())


# --- Values that come as JSON ---------------------------------------------------------------------

COMPLETE = parse(FEE_NOTICE, fee_inputs()).values


def without(values, name):
    return {key: value for key, value in values.items() if key != name}


def with_cell(name, value):
    changed = copy.deepcopy(COMPLETE)
    changed["general"]["rows"][0][name] = value
    return changed


@pytest.mark.parametrize(
    ("values", "path"),
    [
        (COMPLETE | {"colour": "red"}, "colour"),
        (without(COMPLETE, "company"), "company"),
        (COMPLETE | {"company": 5}, "company"),
        (COMPLETE | {"company": " 한빛 "}, "company"),
        (COMPLETE | {"company": ""}, "company"),
        (COMPLETE | {"title": None}, "title"),
        (COMPLETE | {"remarks": "글"}, "remarks"),
        (COMPLETE | {"remarks": ["글 ", ""]}, "remarks"),
        (COMPLETE | {"due_on": "2022-2-28"}, "due_on"),
        (COMPLETE | {"management_period": {"from": "2022-02-01"}}, "management_period"),
        (COMPLETE | {"unit_types": ["27.07평형"]}, "general"),
        (COMPLETE | {"general": {"rows": []}}, "general"),
        (COMPLETE | {"general": None}, "general"),
        (with_cell("amount", 1.5), "general"),
        (with_cell("amount", True), "general"),
        (with_cell("amount", "1"), "general"),
        (with_cell("colour", "red"), "general"),
        (with_cell("amount", 10**13 + 1), "general-0-amount"),
        (with_cell("item", None), "general-0-item"),
        (with_cell("note", "줄\n바꿈"), "general-0-note"),
    ],
)
def test_values_of_another_shape_are_refused(values, path):
    assert path in [problem.path for problem in validate(FEE_NOTICE, values)]


def test_a_computed_amount_has_to_be_the_computed_one():
    values = parse(EXPENSE, expense_inputs()).values
    forged = values | {"total": values["total"] - 1}
    assert [problem.path for problem in validate(EXPENSE, forged)] == ["total"]
    assert validate(EXPENSE, compute(EXPENSE, forged)) == []


cells = st.one_of(st.none(), st.integers(min_value=-(10**13), max_value=10**13))
words = st.text("가나다라마 ()%", min_size=1, max_size=8).map(str.strip).filter(bool)


@given(labels=st.lists(words, min_size=1, max_size=4), data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_table_reads_back_as_it_was(labels, data):
    opened = st.lists(cells, min_size=len(labels), max_size=len(labels))
    row = st.fixed_dictionaries(
        {"item": words, "amount": cells, "note": st.none() | words, "open": opened}
    )
    values = COMPLETE | {
        table: {"rows": [], "totals": {"amount": None, "open": [None] * len(labels)}}
        for table in COMPLETE
        if isinstance(COMPLETE[table], dict) and "rows" in COMPLETE[table]
    }
    values["unit_types"] = labels
    values["general"] = {
        "rows": data.draw(st.lists(row, max_size=4)),
        "totals": {"amount": data.draw(cells), "open": data.draw(opened)},
    }
    assert validate(FEE_NOTICE, values) == []
    assert parse(FEE_NOTICE, to_inputs(FEE_NOTICE, values)).values == values
