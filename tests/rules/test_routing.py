from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists, none, one_of, sampled_from

from danji.rules.approval import Act
from danji.rules.money import vat_on, vat_within
from danji.rules.refusal import Refusal
from danji.rules.retention import Layer
from danji.rules.routing import (
    DEFAULTS,
    LAW,
    SMALL_CONTRACT,
    SPLIT_WITHIN,
    Case,
    Condition,
    Place,
    Purchase,
    Row,
    amount_notes,
    check_rows,
    choose,
    contract_notes,
    demand,
    has_too_much_tax,
    limits,
    probable_split,
    without_tax,
)

ON = date(2026, 11, 22)
LIMIT = 5_000_000
OFFICES = {
    "manager": "관리사무소장",
    "chief": "과장",
    "bookkeeper": "경리",
    "clerk": "담당",
    "chair": "회장",
    "auditor": "감사",
    "director": "이사",
    "representative": "동별 대표자",
}
MANAGER_DECIDES = (Place(Act.REVIEW, "chief", 2), Place(Act.APPROVE, "manager", 3))


def row(**changes):
    return replace(
        Row(
            form="expense",
            places=MANAGER_DECIDES,
            layer=Layer.POLICY,
            basis="관행",
            effective_from=date(2026, 1, 1),
        ),
        **changes,
    )


def by_clause(**changes):
    return row(layer=Layer.BYLAW, basis="관리규약 제45조제2항", **changes)


def expense(net=None, fund="", **choices):
    return Case("expense", fund, net, choices)


# --- Which row ---------------------------------------------------------------------------------


def test_an_amount_at_the_limit_stays_below_it():
    below, above = row(up_to=LIMIT), row(over=LIMIT)
    rows = (below, above)
    assert choose(rows, expense(LIMIT), ON) is below
    assert choose(rows, expense(LIMIT + 1), ON) is above


def test_a_document_without_an_amount_is_for_rows_without_bounds():
    anything = row()
    assert choose((row(over=0), row(up_to=LIMIT), anything), expense(), ON) is anything


def test_the_row_that_says_more_decides_in_the_order_form_fund_conditions_amount():
    rows = (
        any_form := row(form=""),
        form := row(),
        amount := row(over=LIMIT),
        asked := row(conditions=(Condition("payment", ("cash",)),)),
        fund := row(fund="reserve"),
    )
    assert choose(rows, Case("memo", net=1), ON) is any_form
    assert choose(rows, expense(1), ON) is form
    assert choose(rows, expense(LIMIT + 1), ON) is amount
    assert choose(rows, expense(LIMIT + 1, payment="cash"), ON) is asked
    assert choose(rows, expense(LIMIT + 1, "reserve", payment="cash"), ON) is fund


def test_a_row_holds_from_its_first_day_to_its_last():
    short = row(effective_from=date(2026, 3, 1), effective_until=date(2026, 3, 31))
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 31), date(2026, 4, 1)]
    assert [choose((short,), expense(), day) for day in days] == [None, short, short, None]


def test_a_blank_choice_can_be_asked_for():
    bought = row(conditions=(Condition("spending", ("", "purchase")),))
    assert choose((bought,), expense(), ON) is bought
    assert choose((bought,), expense(spending="purchase"), ON) is bought
    assert choose((bought,), expense(spending="regular"), ON) is None


# --- What needs a resolution of the council ----------------------------------------------------


@pytest.mark.parametrize(
    ("total", "needs_one"),
    [
        (5_500_000, False),  # APR-23: 5,500,000 with tax is 5,000,000 without
        (5_500_001, True),  # APR-23: one won over
        (4_900_000, False),
    ],
)
def test_a_purchase_above_the_small_contract_needs_a_resolution(total, needs_one):
    assert bool(demand(LAW, expense(total - vat_within(total)), ON)) is needs_one


def test_the_bills_of_every_month_need_none():
    assert demand(LAW, expense(20_000_000, spending="regular"), ON) == ""


def test_the_long_term_repair_fund_needs_one_whatever_the_amount():
    clause = demand(LAW, expense(1, "long-term-repair", spending="regular"), ON)  # APR-12
    assert clause == "공동주택관리법 시행령 제31조제5항, 제14조제2항제10호"


def test_the_reserve_needs_one():
    assert demand((*DEFAULTS, *LAW), expense(1, "reserve"), ON)  # APR-13


def test_a_bylaw_takes_nothing_from_the_law_and_may_add_to_it():
    own = by_clause(resolution="관리규약 제50조")
    assert demand((own, *LAW), expense(LIMIT + 1), ON) == SMALL_CONTRACT.resolution
    assert demand((own, *LAW), expense(LIMIT), ON) == "관리규약 제50조"
    assert demand((row(fund="long-term-repair"), *LAW), expense(1, "long-term-repair"), ON)


def test_the_manager_decides_in_every_row_that_comes_with_the_product():
    for shipped in DEFAULTS:
        deciding = [p for p in shipped.places if p.act in {Act.APPROVE, Act.DELEGATED}]
        assert [(p.act, p.office) for p in deciding] == [(Act.APPROVE, "manager")]
        council = [p.act for p in shipped.places if p.office in {"chair", "auditor"}]
        assert set(council) <= {Act.CONFIRM}
    check_rows(DEFAULTS, OFFICES)


# --- Value-added tax ---------------------------------------------------------------------------


def test_the_limits_are_those_of_rows_that_could_apply():
    rows = (row(over=3_000_000), row(form="memo", over=1_000_000), row(fund="reserve", over=7))
    assert limits((*rows, *LAW), expense(1), ON) == [3_000_000, 5_000_000]


def test_tax_that_was_taken_out_is_said():
    total = 5_500_000
    (first, second) = amount_notes(total, expense(total - vat_within(total)), [LIMIT], told=None)
    assert first == "부가세가 든 금액이라 부가세 500,000원을 뺀 5,000,000원으로 비교했습니다."
    assert "5,500,000원은 5,000,000원을 넘지만, 부가세를 빼면 5,000,000원이라" in second


def test_a_total_above_a_limit_with_an_amount_below_it_is_explained():
    (note,) = amount_notes(5_390_000, expense(4_900_000), [LIMIT], told=4_900_000)
    assert "부가세를 빼면 4,900,000원" in note


@pytest.mark.parametrize("total", [4_000_000, 6_600_000])
def test_nothing_is_said_where_the_tax_makes_no_difference(total):
    net = total - vat_within(total)
    assert amount_notes(total, expense(net), [LIMIT], told=net) == []


def test_without_a_limit_nothing_is_said_about_tax():
    assert amount_notes(110, expense(100), [], told=None) == []


@given(integers(0, 10**10), sampled_from([vat_on, lambda supply: -(-supply // 10), lambda _: 0]))
def test_the_amount_that_is_told_stands_beside_right_tax_and_beside_none(supply, tax):
    """Cut off, as the law has it, or a begun won counted whole, as some invoices do."""
    total = supply + tax(supply)
    assert without_tax(total, supply) == supply
    assert not has_too_much_tax(total, supply)


def test_mixed_goods_keep_their_amount():
    assert without_tax(5_100_000, 5_000_000) == 5_000_000  # only a fifth of them is taxed


def test_tax_that_cannot_be_tax_is_part_of_the_amount():
    total, told = 10_000_000, 5_000_000
    net = without_tax(total, told)
    assert net == 9_090_910
    (note,) = amount_notes(total, expense(net), [LIMIT], told=told)
    assert note.startswith("부가세가 공급가액의 10%보다 많습니다.")
    assert "9,090,910원으로 비교합니다" in note


def test_a_discount_does_not_hide_the_tax():
    assert without_tax(6_000_000, -4_000_000) == 5_454_546


def test_money_back_is_left_as_it_is():
    for total in (-1_000, -1_100):
        assert without_tax(total, -1_000) == -1_000


# --- What was not asked about --------------------------------------------------------------------


def test_of_a_small_payment_by_contract_the_question_is_put():
    (note,) = contract_notes(expense(LIMIT, spending="contract"))
    assert note.startswith("수의계약이면 금액이 적어도 입주자대표회의의 사전 의결이")


def test_a_large_amount_that_is_called_a_monthly_bill_is_asked_about():
    (note,) = contract_notes(expense(LIMIT + 1, spending="regular"))
    assert "의결을 묻지 않습니다" in note


@pytest.mark.parametrize(
    "case",
    [
        expense(LIMIT, spending="regular"),
        expense(LIMIT, spending="purchase"),
        expense(LIMIT),
        expense(spending="contract"),
        expense(-1, spending="contract"),
        Case("memo", net=1, choices={"spending": "contract"}),
    ],
)
def test_nothing_is_asked_where_there_is_no_question(case):
    assert contract_notes(case) == []


# --- Whether the rows can stand ----------------------------------------------------------------


def line(*places):
    return tuple(Place(act, office, stage) for stage, (act, office) in enumerate(places, 2))


REVIEW, CONFIRM, APPROVE = Act.REVIEW, Act.CONFIRM, Act.APPROVE


@pytest.mark.parametrize(
    "good",
    [
        row(),
        row(places=line((APPROVE, "manager"), (CONFIRM, "auditor"), (CONFIRM, "chair"))),
        by_clause(places=line((REVIEW, "manager"), (APPROVE, "chair"))),
        by_clause(places=line((Act.DELEGATED, "chief"))),
        by_clause(places=line((APPROVE, "manager"), (Act.AUDIT, "auditor"))),
        row(over=LIMIT, up_to=2 * LIMIT),
    ],
)
def test_a_good_row_is_accepted(good):
    check_rows([good], OFFICES)


@pytest.mark.parametrize(
    ("bad", "fact"),
    [
        (row(places=()), "마지막으로 결재할 직책"),
        (row(places=line((REVIEW, "chief"))), "마지막으로 결재할 직책"),
        (row(places=line((APPROVE, "manager"), (REVIEW, "chief"))), "마지막으로 결재할 직책"),
        (row(places=line((APPROVE, "manager"), (APPROVE, "chair"))), "마지막으로 결재할 직책"),
        (row(places=line((REVIEW, "manager"), (APPROVE, "chair"))), "회장 자리는 확인만"),
        (row(places=line((REVIEW, "chair"), (APPROVE, "manager"))), "회장 자리는 확인만"),
        (row(places=line((APPROVE, "manager"), (Act.AUDIT, "auditor"))), "감사 자리는 확인만"),
        (row(places=line((APPROVE, "manager"), (Act.AUDIT, "chair"))), "감사를 볼 수 없습니다"),
        (row(places=line((Act.DELEGATED, "chief"))), "전결이 될 수 없습니다"),
        (by_clause(places=line((Act.DELEGATED, "chair"))), "전결이 될 수 없습니다"),
        (by_clause(places=line((APPROVE, "auditor"))), "결재가 될 수 없습니다"),
        (row(places=line((APPROVE, "chief"))), "관리사무소장이 결재합니다"),
        (row(places=line((Act.DRAFT, "clerk"), (APPROVE, "manager"))), "기안이 될 수 없습니다"),
        (row(places=line((REVIEW, "manager"), (APPROVE, "manager"))), "두 번"),
        (
            row(places=(Place(REVIEW, "chief", 2), Place(APPROVE, "manager", 2))),
            "나란히",
        ),
        (row(layer=Layer.BYLAW, basis="관리규약"), "어느 조항"),
        (row(layer=Layer.MODEL, basis=""), "어느 조항"),
        (row(layer=Layer.STATUTE, basis="공동주택관리법 제64조"), "법령이나 고시로"),
        (row(layer=Layer.NOTICE, basis="선정지침 제4조"), "법령이나 고시로"),
        (row(over=LIMIT, up_to=LIMIT), "걸리는 금액이 없습니다"),
        (row(over=-1), "0보다 작습니다"),
        (row(effective_until=date(2025, 1, 1)), "앞섭니다"),
    ],
)
def test_a_row_that_cannot_stand_is_refused(bad, fact):
    with pytest.raises(Refusal, match=fact) as refused:
        check_rows([row(form="memo"), bad], OFFICES)
    assert refused.value.fact.startswith("2번째 줄")
    assert refused.value.next_step.endswith(("세요.", "제8조)", "제2항"))


def test_who_puts_the_decision_beside_another_place_is_told_which_tick_to_take_off():
    beside = row(places=(Place(REVIEW, "chief", 2), Place(APPROVE, "manager", 2)))
    with pytest.raises(Refusal) as refused:
        check_rows([beside], OFFICES)
    assert "‘앞자리와 나란히’ 표시를 지워" in refused.value.next_step


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (row(), row()),
        (row(over=LIMIT), row(over=LIMIT - 1)),
        (row(up_to=LIMIT), row(over=LIMIT - 1, up_to=2 * LIMIT)),
        (
            row(conditions=(Condition("payment", ("cash",)),)),
            row(conditions=(Condition("spending", ("purchase",)),)),
        ),
        (row(effective_until=date(2026, 12, 31)), row(effective_from=date(2026, 12, 31))),
    ],
)
def test_two_rows_for_the_same_document_are_refused(one, other):
    with pytest.raises(Refusal, match="1번째 줄과 2번째 줄이 같은 문서에"):
        check_rows([one, other], OFFICES)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (row(up_to=LIMIT), row(over=LIMIT)),
        (row(fund="reserve"), row(fund="other-income")),
        (row(), row(fund="reserve")),
        (row(form="memo"), row()),
        (
            row(conditions=(Condition("payment", ("cash",)),)),
            row(conditions=(Condition("payment", ("card",)),)),
        ),
        (row(effective_until=date(2026, 12, 30)), row(effective_from=date(2026, 12, 31))),
    ],
)
def test_rows_that_never_meet_stand_together(one, other):
    check_rows([one, other], OFFICES)


def test_there_is_an_end_to_the_rows():
    with pytest.raises(Refusal, match="41줄"):
        check_rows([row(over=n, up_to=n + 1) for n in range(41)], OFFICES)


def test_a_line_is_not_endless():
    eight = [(REVIEW, office) for office in ("clerk", "chief", "bookkeeper")]
    eight += [(APPROVE, "manager")]
    eight += [(CONFIRM, o) for o in ("chair", "auditor", "director", "representative")]
    check_rows([row(places=line(*eight))], OFFICES)
    with pytest.raises(Refusal, match="8자리"):
        check_rows([row(places=line(*eight, (CONFIRM, "chair")))], OFFICES)


def test_stages_never_go_back():
    with pytest.raises(ValueError, match="go back"):
        row(places=(Place(APPROVE, "manager", 3), Place(CONFIRM, "chair", 2)))


bounds = one_of(none(), integers(0, 20))


@given(
    lists(sampled_from(["", "reserve"]), min_size=2, max_size=2),
    lists(bounds, min_size=4, max_size=4),
    integers(0, 21),
    sampled_from(["", "reserve"]),
)
def test_of_accepted_rows_never_two_decide_alike(funds, amounts, net, fund):
    """Whatever passes the check gives one answer, in whichever order the rows stand."""
    rows = [
        row(fund=funds[0], over=amounts[0], up_to=amounts[1]),
        row(fund=funds[1], over=amounts[2], up_to=amounts[3]),
    ]
    try:
        check_rows(rows, OFFICES)
    except Refusal:
        return
    case = expense(net, fund)
    assert choose(rows, case, ON) == choose(rows[::-1], case, ON)


# --- Splitting ---------------------------------------------------------------------------------


def purchase(net, *, payee="가나건설", account="수선비", days_ago=0):
    return Purchase(payee, net, ON - timedelta(days=days_ago), account)


def test_two_purchases_below_the_limit_from_one_payee_are_noticed():
    earlier = [purchase(3_000_000, account="비품비", days_ago=10)]
    warning = probable_split(purchase(3_000_000), earlier, LIMIT)
    assert warning == (
        "같은 지급처 ‘가나건설’에 30일 안에 쓰는 지출 2건을 더하면 6,000,000원으로 "
        "5,000,000원을 넘습니다. 한 번에 살 것을 나눈 것이 아닌지 살펴봐 주세요."
    )


def test_two_payees_on_one_account_are_noticed():
    earlier = [purchase(3_000_000, payee="다라설비", days_ago=10)]
    warning = probable_split(purchase(3_000_000), earlier, LIMIT)
    assert warning is not None
    assert warning.startswith("같은 계정과목 ‘수선비’에 30일 안에")


@pytest.mark.parametrize("payee", ["(주)가나건설", "㈜ 가나건설", "주식회사 가나건설"])
def test_a_company_is_the_same_however_it_is_written(payee):
    earlier = [purchase(3_000_000, payee=payee, account="비품비")]
    assert probable_split(purchase(3_000_000), earlier, LIMIT)


@pytest.mark.parametrize(
    ("current", "earlier"),
    [
        (purchase(2_000_000), [purchase(3_000_000)]),  # together at the limit
        (purchase(3_000_000), [purchase(3_000_000, days_ago=31)]),
        (purchase(3_000_000), [purchase(3_000_000, days_ago=-1)]),
        (purchase(3_000_000), [purchase(3_000_000, payee="다라설비", account="비품비")]),
        (purchase(3_000_000), [purchase(5_000_001)]),  # went the long way itself
        (purchase(5_000_001), [purchase(3_000_000)]),
        (purchase(-3_000_000), [purchase(5_000_000)]),
        (purchase(3_000_000), []),
    ],
)
def test_what_was_not_split_is_left_alone(current, earlier):
    assert probable_split(current, earlier, LIMIT) is None


def test_what_is_not_known_is_like_nothing():
    unknown = [Purchase("", 3_000_000, ON)]
    assert probable_split(Purchase("", 3_000_000, ON), unknown) is None


def test_the_last_day_of_the_window_counts():
    earlier = [purchase(3_000_000, days_ago=SPLIT_WITHIN.days)]
    assert probable_split(purchase(3_000_000), earlier, LIMIT)
