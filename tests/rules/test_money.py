import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers

from danji.rules.money import (
    LIMIT,
    amount_line,
    grouped,
    in_words,
    parse_count,
    parse_won,
    vat_on,
    vat_within,
)
from danji.rules.refusal import Refusal


@pytest.mark.parametrize(
    ("amount", "printed"),
    [
        (113_560, "금113,560원(금일십일만삼천오백육십원)"),  # 규칙 제2조제2항's own example
        (5_000_000, "금5,000,000원(금오백만원)"),
        (10_000, "금10,000원(금일만원)"),
        (0, "금0원(금영원)"),
        (-36_000, "금-36,000원(금마이너스삼만육천원)"),
        (100_000_001, "금100,000,001원(금일억일원)"),
        (1_001_010, "금1,001,010원(금일백만일천일십원)"),
        (12_0000_0000_0000, "금12,000,000,000,000원(금일십이조원)"),
        (10**16, "금10,000,000,000,000,000원(금일경원)"),
    ],
)
def test_an_amount_is_written_in_figures_and_words(amount, printed):
    assert amount_line(amount) == printed


def test_no_words_beyond_the_last_unit():
    with pytest.raises(ValueError, match="no words"):
        in_words(10**20)


@given(integers(min_value=0, max_value=10**13))
@settings(max_examples=50, deadline=None)
def test_words_can_be_read_back(amount):
    figures = {word: n for n, word in enumerate("영일이삼사오육칠팔구")}
    units, myriads = {"십": 10, "백": 100, "천": 1000}, {"만": 10**4, "억": 10**8, "조": 10**12}
    total = group = figure = 0
    for letter in in_words(amount):
        if letter in figures:
            figure = figures[letter]
        elif letter in units:
            group, figure = group + figure * units[letter], 0
        else:
            total, group, figure = total + (group + figure) * myriads[letter], 0, 0
    assert total + group + figure == amount


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("1,234,000", 1_234_000),
        ("1234000원", 1_234_000),
        (" 1 234 000 ", 1_234_000),
        ("１，２３４，０００원", 1_234_000),
        ("금1,234,000원", 1_234_000),
        ("₩1,234,000", 1_234_000),
        ("0", 0),
        ("007", 7),
        ("△36,000", -36_000),
        ("-36,000", -36_000),
        ("−36000원", -36_000),
        ("10,000,000,000,000", LIMIT),
    ],
)
def test_amounts_are_read_as_people_type_them(typed, amount):
    assert parse_won(typed, "금액", negative=True) == amount


@pytest.mark.parametrize(
    ("typed", "fact"),
    [
        ("1,2345", "쉼표"),
        ("12,34", "쉼표"),
        ("1000.5", "읽을 수 없습니다"),
        ("삼만원", "읽을 수 없습니다"),
        ("3만", "읽을 수 없습니다"),
        ("", "읽을 수 없습니다"),
        ("-", "읽을 수 없습니다"),
        ("--5", "읽을 수 없습니다"),
        ("(1,000)", "읽을 수 없습니다"),
        ("①", "읽을 수 없습니다"),
        ("10000000000001", "너무 큽니다"),
        ("9" * 1_000_000, "너무 큽니다"),
    ],
)
def test_nothing_is_guessed(typed, fact):
    with pytest.raises(Refusal, match=rf"‘단가’.*{fact}"):
        parse_won(typed, "단가", negative=True)


def test_less_than_nothing_only_where_it_makes_sense():
    with pytest.raises(Refusal, match="0보다 작은"):
        parse_won("-1", "합계")


@pytest.mark.parametrize(
    ("typed", "count"), [("0", 0), ("12", 12), (" 1,200 ", 1_200), ("１２", 12), ("+3", 3)]
)
def test_a_count_is_read_as_people_type_it(typed, count):
    assert parse_count(typed, "수량") == count


@pytest.mark.parametrize("typed", ["2.5", "-1", "△1", "두 개", "3개", "1,2345", "①", ""])
def test_a_count_that_is_none_is_not_told_of_money(typed):
    with pytest.raises(Refusal, match="‘수량’ 칸에는 0부터 시작하는 정수만") as said:
        parse_count(typed, "수량")
    assert "금액" not in str(said.value)
    assert "원" not in str(said.value)


def test_a_count_has_an_end():
    with pytest.raises(Refusal, match="‘수량’ 칸의 수가 너무 큽니다"):
        parse_count("9" * 1_000_000, "수량")


@given(integers(min_value=-LIMIT, max_value=LIMIT))
@settings(max_examples=50, deadline=None)
def test_what_is_printed_can_be_typed(amount):
    assert parse_won(grouped(amount), "금액", negative=True) == amount


@pytest.mark.parametrize(
    ("supply", "vat"), [(1_300_000, 130_000), (934_995, 93_499), (9, 0), (-15_005, -1_500)]
)
def test_vat_is_a_tenth_without_fractions_of_a_won(supply, vat):
    assert vat_on(supply) == vat


def test_vat_within_a_total():
    assert vat_within(5_500_000) == 500_000  # APR-23: 5,500,000원 with VAT is 5,000,000원 without
    assert 5_500_001 - vat_within(5_500_001) > 5_000_000
    assert vat_within(-11) == -1
