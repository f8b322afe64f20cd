"""Which line a document takes: by the complex's own rows, the product's, or the form."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from danji.base import tenancy
from danji.formbook.definition import builtin_forms
from danji.routing import actions
from danji.routing.queries import (
    about_words,
    form_row,
    line_words,
    net_of,
    newest_table,
    preview,
    previews,
    propose,
)
from danji.rules.approval import Act
from danji.rules.periods import day_in_seoul
from danji.rules.retention import Layer
from danji.rules.routing import DEFAULTS, Condition, Place, Row

FORMS = {form.key: form for form in builtin_forms()}
EXPENSE, MEMO = FORMS["expense"], FORMS["memo"]


@pytest.fixture
def today(at):
    return day_in_seoul(at)


@pytest.fixture
def ask(complex_, today):
    """What the rules propose today for an expense of `net` won, or for another form."""

    def of(net=None, *, form=EXPENSE, total=None, on=today, **values):
        values |= {"supply": net, "total": total if total is not None else net}
        return propose(complex_.id, form, values, on=on)

    return of


@pytest.fixture
def in_force(manager, chair, at, today):
    """Let a table of rules hold from today on."""

    def put(*rows, effective_from=today):
        table = newest_table(manager.complex_id)
        proposed = actions.propose_revision(
            rows,
            follows=table.number,
            reason="관리규약 개정",
            effective_from=effective_from,
            actor=manager,
            at=at,
        )
        actions.confirm_revision(proposed.id, actor=chair, at=at)
        return proposed

    return put


def row(*places, **changes):
    return Row(
        form="expense",
        places=tuple(Place(act, office, n) for n, (act, office) in enumerate(places, 2)),
        layer=changes.pop("layer", Layer.BYLAW),
        basis="관리규약 제45조제2항",
        effective_from=date.min,
        **changes,
    )


def test_a_form_brings_its_own_line(ask):
    asked = ask(form=MEMO)
    assert line_words(asked.places) == "기안 → 과장 검토 → 관리사무소장 결재"
    assert (asked.resolution, asked.notes, asked.rule) == ("", (), None)
    assert asked.places[0].stage == 2  # 1 is the drafter's


def test_an_ordinary_expense_takes_the_line_of_its_form(ask):
    assert line_words(ask(4_900_000).places) == "기안 → 과장 검토 → 관리사무소장 결재"
    assert ask(4_900_000).resolution == ""


def test_above_the_small_contract_the_chair_sees_it_and_the_council_has_resolved(ask):
    asked = ask(5_000_001, total=5_500_001)
    assert line_words(asked.places) == "기안 → 과장 검토 → 관리사무소장 결재 → 회장 확인"
    assert "선정지침" in asked.resolution
    assert asked.places[-1].basis == "법령에 정한 결재선 없음(관행)"
    assert {place.basis for place in asked.places[:-1]} == {""}


def test_the_long_term_repair_fund_is_seen_by_auditor_and_chair(ask):
    asked = ask(1, fund="long-term-repair")
    assert line_words(asked.places).endswith("관리사무소장 결재 → 감사 확인 → 회장 확인")
    assert "제31조제5항" in asked.resolution


def test_what_could_not_be_read_counts_as_blank(complex_, today):
    asked = propose(complex_.id, EXPENSE, {}, on=today)
    assert line_words(asked.places) == "기안 → 과장 검토 → 관리사무소장 결재"


def test_an_amount_with_tax_is_explained(ask):
    (note,) = ask(4_900_000, total=5_390_000).notes
    assert "부가세를 빼면 4,900,000원" in note


def test_more_tax_than_there_can_be_does_not_get_an_amount_below_the_limit(ask):
    asked = ask(5_000_000, total=10_000_000)
    assert "선정지침" in asked.resolution
    assert line_words(asked.places).endswith("회장 확인")
    assert asked.notes[0].startswith("부가세가 공급가액의 10%보다 많습니다.")
    assert net_of(EXPENSE, {"supply": 5_000_000, "total": 10_000_000}) == 9_090_910


@pytest.mark.parametrize("total", [5_500_000, 5_000_000])
def test_right_tax_and_none_leave_the_amount_that_is_told(total):
    assert net_of(EXPENSE, {"supply": 5_000_000, "total": total}) == 5_000_000


def test_an_amount_that_is_not_there_yet_is_none():
    assert net_of(EXPENSE, {"supply": None, "total": 1}) is None
    assert net_of(EXPENSE, {"supply": 1, "total": None}) == 1


def test_a_question_is_put_only_where_no_resolution_is_asked_for(ask):
    assert "수의계약이면" in ask(1_000_000, spending="contract").notes[0]
    assert ask(1_000_000, spending="contract", fund="reserve").notes == ()
    assert "매달 나가는 지출이라고" in ask(6_000_000, spending="regular").notes[0]


def test_from_a_form_that_tells_only_a_total_the_tax_is_taken_out(in_force, ask):
    assert net_of(MEMO, {"budget": 1_100_000}) == 1_000_000
    assert net_of(MEMO, {"budget": None}) is None
    seen = row((Act.APPROVE, "manager"), (Act.CONFIRM, "chair"), over=1_000_000)
    in_force(replace(seen, form="memo"))
    asked = ask(form=MEMO, budget=1_100_000)
    assert line_words(asked.places) == "기안 → 과장 검토 → 관리사무소장 결재"
    assert "부가세 100,000원을 뺀 1,000,000원으로" in asked.notes[0]
    assert line_words(ask(form=MEMO, budget=1_100_001).places).endswith("회장 확인")


def test_the_complex_has_its_own_rules_from_their_day_on(in_force, ask, today):
    later = today + timedelta(days=10)
    proposed = in_force(row((Act.REVIEW, "manager"), (Act.APPROVE, "chair")), effective_from=later)
    assert ask(1).rule is None
    asked = ask(1, on=later)
    assert asked.rule == proposed.id
    assert line_words(asked.places) == "기안 → 관리사무소장 검토 → 회장 결재"
    assert asked.places[-1].basis == "관리규약 제45조제2항"


def test_the_law_stays_whatever_the_complex_sets(in_force, ask):
    in_force(row((Act.APPROVE, "manager")))
    assert "제31조제5항" in ask(1, fund="long-term-repair").resolution
    assert "선정지침" in ask(5_000_001).resolution


def test_a_form_without_a_row_keeps_its_line(in_force, ask):
    in_force(row((Act.DELEGATED, "chief"), up_to=300_000))
    assert line_words(ask(300_000).places) == "기안 → 과장 전결"
    assert ask(300_000).places[0].basis == "관리규약 제45조제2항"
    assert line_words(ask(300_001).places) == "기안 → 과장 검토 → 관리사무소장 결재"
    assert ask(300_001).rule is None


def test_another_complex_has_other_rules(in_force, neighbour, today):
    in_force(row((Act.DELEGATED, "chief")))
    with tenancy.within(neighbour.complex_id):
        theirs = propose(neighbour.complex_id, EXPENSE, {"supply": 1, "total": 1}, on=today)
    assert theirs.rule is None


def test_the_rules_are_asked_for_in_one_query(in_force, ask, django_assert_num_queries):
    in_force(row((Act.APPROVE, "manager")))
    ask(1)
    with django_assert_num_queries(1):
        ask(1)


def test_side_by_side_reads_so():
    places = (
        Place(Act.REVIEW, "chief", 2),
        Place(Act.CONCUR, "bookkeeper", 2),
        Place(Act.APPROVE, "manager", 3),
    )
    assert line_words(places) == "기안 → 과장 검토 · 경리 협조 → 관리사무소장 결재"


def test_a_preview_shows_both_sides_of_a_limit(today):
    below, above = preview(DEFAULTS, EXPENSE, [5_000_000, 5_000_001], on=today)
    assert (below.total, above.total) == (5_500_000, 5_500_001)
    assert below.line == "기안 → 과장 검토 → 관리사무소장 결재"
    assert above.line == "기안 → 과장 검토 → 관리사무소장 결재 → 회장 확인"
    assert above.resolution
    assert not below.resolution


def test_the_preview_of_a_table_shows_what_differs(today):
    groups = {group.about: group.lines for group in previews(DEFAULTS, DEFAULTS, on=today)}
    assert [one.net for one in groups["지출결의서"]] == [5_000_000, 5_000_001]
    assert [one.net for one in groups["지출결의서, 장기수선충당금"]] == [None]
    assert "지출결의서, 관리비" not in groups
    assert "지출결의서, 지출 구분 물품·공사·용역 구입" not in groups
    regular = groups["지출결의서, 지출 구분 공과금·인건비 등 매달 나가는 지출"]
    assert [one.resolution for one in regular] == [""]
    assert [one.net for one in groups["기안서"]] == [None]
    assert not [one for lines in groups.values() for one in lines if one.was]


def test_the_preview_shows_what_is_now(today):
    own = row((Act.DELEGATED, "chief"), up_to=300_000)
    groups = {group.about: group.lines for group in previews([own], DEFAULTS, on=today)}
    small, larger, *_ = groups["지출결의서"]
    assert (small.net, larger.net) == (300_000, 300_001)
    assert small.line == "기안 → 과장 전결"
    assert small.was.line == "기안 → 과장 검토 → 관리사무소장 결재"
    assert larger.was is None
    assert groups["기안서"][0].was is None


def test_conditions_are_said_the_shorter_way():
    words = [about_words(shipped) for shipped in DEFAULTS]
    assert "지출결의서, 지출 구분 공과금·인건비 등 매달 나가는 지출 아님, 5,000,000원 초과" in words
    cards = row(conditions=(Condition("payment", ("card",)),), fund="reserve", up_to=300_000)
    assert about_words(cards) == "지출결의서, 예비비, 지급 방법 카드, 300,000원 이하"
    assert about_words(replace(cards, form="", conditions=(), over=1)).startswith(
        "모든 서식, 예비비"
    )


def test_the_forms_own_lines_stand_in_the_table(complex_):
    table = newest_table(complex_.id)
    assert table.number == 0
    # One has a row, and one takes the line of the expense that it changes.
    own = [form for form in builtin_forms() if form.key not in {"resolution", "expense-change"}]
    assert {form_row(form) for form in own} <= set(table.rows)
    assert "expense-change" not in {row.form for row in table.rows}
