import pytest

from danji.formbook.definition import builtin_forms
from danji.formbook.inputs import keep, starting
from danji.formbook.values import parse
from real_documents import expense_inputs, fee_inputs

_, EXPENSE, FEE_NOTICE, *_ = builtin_forms()


def test_a_draft_keeps_what_was_typed_as_it_was_typed():
    typed = {"title": " 제목 ", "items-0-unit_price": "삼만", "pay_on": "모레"}
    assert keep(EXPENSE, typed) == {name: [text] for name, text in typed.items()}


def test_a_draft_keeps_nothing_that_is_not_the_forms_own():
    foreign = {"csrf": "x", "revision": "3", "items": "x", "items-0-colour": "x", "payee-0": "x"}
    assert keep(EXPENSE, foreign) == {}


def test_what_no_database_stores_is_kept_as_a_mark_and_named_at_submission():
    kept = keep(EXPENSE, expense_inputs() | {"payee": "한\x00빛\ud800"})
    assert kept["payee"] == ["한\ufffd빛\ufffd"]
    assert "깨진 글자" in parse(EXPENSE, kept).errors["payee"]


def test_a_button_adds_an_empty_row():
    kept = keep(EXPENSE, expense_inputs() | {"items-add": "1"})
    assert kept["items-3-name"] == [""]
    assert "items-add" not in kept


def test_a_button_takes_a_row_away_and_what_follows_moves_up():
    kept = keep(EXPENSE, expense_inputs() | {"items-remove-0": "1"})
    assert kept["items-0-name"] == ["접착제"]
    assert kept["items-1-unit_price"] == ["△15,005"]
    assert not any(name.startswith("items-2") for name in kept)


def test_a_unit_type_takes_its_column_with_it_in_every_table():
    before = parse(FEE_NOTICE, fee_inputs()).values
    after = parse(FEE_NOTICE, keep(FEE_NOTICE, fee_inputs() | {"unit_types-remove-1": "1"})).values
    assert after["unit_types"] == ["27.07평형", "33.60평형(A)", "33.60평형(B)"]
    assert after["general"]["totals"]["open"] == [36_948, 46_157, 46_027]
    for table in ("general", "cleaning"):
        for was, now in zip(before[table]["rows"], after[table]["rows"], strict=True):
            assert now["open"] == [was["open"][n] for n in (0, 2, 3)]


def test_a_new_unit_type_stands_behind_the_others():
    kept = keep(FEE_NOTICE, fee_inputs() | {"unit_types-add": "1"})
    assert kept["unit_types-4"] == [""]
    assert parse(FEE_NOTICE, kept).values == parse(FEE_NOTICE, fee_inputs()).values


def test_rows_beyond_the_ninth_keep_their_order():
    typed = {f"items-{n}-name": f"품목 {n}" for n in range(12)}
    kept = keep(EXPENSE, typed | {"items-remove-1": "1"})
    assert [kept[f"items-{n}-name"][0] for n in (0, 1, 9, 10)] == [
        "품목 0", "품목 2", "품목 10", "품목 11",
    ]  # fmt: skip


@pytest.mark.parametrize("button", ["items-remove-99", "items-remove-x", "payee-add"])
def test_a_button_that_is_not_there_does_nothing(button):
    assert keep(EXPENSE, expense_inputs() | {button: "1"}) == keep(EXPENSE, expense_inputs())


def test_a_new_document_offers_the_usual_items_and_says_nothing_yet():
    inputs = starting(FEE_NOTICE)
    assert inputs["general-0-item"] == ["관리용역비"]
    assert parse(FEE_NOTICE, inputs).values["general"]["rows"] == []
    assert starting(EXPENSE) == {"items-0-name": [""]}
