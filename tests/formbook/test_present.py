import json
from dataclasses import asdict

import pytest

from danji.formbook.definition import builtin_forms
from danji.formbook.present import Amount, Pair, Table, present
from danji.formbook.values import parse
from real_documents import bid_inputs, changed_bid_inputs, expense_inputs, fee_inputs

MEMO, EXPENSE, FEE_NOTICE, BID_NOTICE, *_ = builtin_forms()


def blocks(form, inputs):
    return {block.label: block for block in present(form, parse(form, inputs).values)}


def test_the_amount_of_a_document_is_written_in_figures_and_words():
    assert blocks(EXPENSE, expense_inputs())["합계"] == Amount(
        "합계",
        "금1,028,494원(금일백이만팔천사백구십사원)",
        "금1,028,494원",
        "금일백이만팔천사백구십사원",
    )


def test_a_table_is_text_in_columns():
    table = blocks(EXPENSE, expense_inputs())["지출 내역"]
    assert [(head.label, head.type) for head in table.columns] == [
        ("품명", "line"),
        ("규격", "line"),
        ("수량", "count"),
        ("단가", "money"),
        ("금액", "money"),
    ]
    assert table.rows[2] == ["운반비 할인", "", "1", "-15,005", "-15,005"]
    assert (table.unit, table.totals) == ("원", None)


def test_unit_types_stand_between_the_total_and_the_note():
    general = blocks(FEE_NOTICE, fee_inputs())["일반관리비"]
    assert [head.label for head in general.columns] == [
        "항목", "총발생금액", "27.07평형", "30.38평형", "33.60평형(A)", "33.60평형(B)", "비고",
    ]  # fmt: skip
    assert general.rows[2] == ["산재보험료", "", "0", "0", "0", "0", ""]
    assert general.totals == ["계", "9,950,180", "36,948", "41,761", "46,157", "46,027", ""]


def test_totals_nobody_gave_are_not_drawn():
    cleaning = blocks(FEE_NOTICE, fee_inputs())["청소비"]
    assert cleaning.totals is None
    assert cleaning.rows[3] == [
        "일자리안정자금 차감",
        "-36,000",
        "-134",
        "-151",
        "",
        "",
        "음수 항목",
    ]


def test_what_is_blank_is_not_drawn():
    assert list(blocks(FEE_NOTICE, fee_inputs())) == [
        "관리비 산출기간", "전기료 산출기간", "수도료 산출기간", "관리업체", "일반관리비", "청소비",
    ]  # fmt: skip


def test_dates_and_times_are_written_out():
    first, second = (blocks(BID_NOTICE, i) for i in (bid_inputs(), changed_bid_inputs()))
    assert first["서류접수 마감"] == Pair("서류접수 마감", "2017. 7. 20. 18:00")
    assert "입찰보증서 접수 마감" not in first
    assert second["입찰보증서 접수 마감"].value == "2017. 7. 19. 15:00"
    period = blocks(FEE_NOTICE, fee_inputs())["전기료 산출기간"]
    assert period.value == "2022. 1. 15. ~ 2022. 2. 14."


@pytest.mark.parametrize(
    ("form", "inputs"),
    [(FEE_NOTICE, fee_inputs()), (EXPENSE, expense_inputs()), (BID_NOTICE, bid_inputs())],
)
def test_blocks_are_json_and_every_row_fits_its_columns(form, inputs):
    drawn = present(form, parse(form, inputs).values)
    assert json.loads(json.dumps([asdict(block) for block in drawn]))
    for table in drawn:
        if isinstance(table, Table):
            rows = [*table.rows, *([table.totals] if table.totals else [])]
            assert {len(row) for row in rows} == {len(table.columns)}


def test_a_memo_without_money_has_no_amount():
    inputs = {
        "title": "화단 정비의 건",
        "purpose": "화단을 정비합니다.",
        "plan": "1. 일시\n\n2. 장소",
    }
    drawn = present(MEMO, parse(MEMO, inputs).values)
    assert [(block.label, block.paragraphs) for block in drawn] == [
        ("추진목적", ["화단을 정비합니다."]),
        ("주요 추진계획", ["1. 일시", "2. 장소"]),
    ]
