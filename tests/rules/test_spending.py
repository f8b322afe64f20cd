"""What is missing beside an expense."""

import pytest

from danji.rules.routing import Case
from danji.rules.spending import paper_notes


def expense(net=1_000_000, fund="", **choices):
    return Case("expense", fund, net, choices)


@pytest.mark.parametrize(
    ("case", "total", "attached", "said"),
    [
        (expense(evidence="receipt"), 35_000, 0, "간이영수증"),  # APR-10
        (expense(5_000_000, spending="purchase"), None, 1, "견적서를 2곳 이상"),  # APR-23
        (expense(fund="long-term-repair"), None, 0, "사용계획서"),  # APR-12
        (expense(fund="defect-deposit"), None, 2, "회장의 인감을 함께"),  # APR-03
    ],
)
def test_what_is_missing_is_said(case, total, attached, said):
    (note,) = paper_notes(case, total, attached)
    assert said in note


@pytest.mark.parametrize(
    ("case", "total", "attached"),
    [
        (expense(evidence="receipt"), 30_000, 0),
        (expense(evidence="tax-invoice"), 35_000, 0),
        (expense(evidence="receipt", spending="regular"), 35_000, 0),
        (expense(5_000_000, spending="purchase"), None, 2),
        (expense(5_000_001, spending="purchase"), None, 0),
        (expense(), None, 0),
        (expense(fund="long-term-repair"), None, 1),
        (Case("memo", choices={"evidence": "receipt"}), 35_000, 0),
    ],
)
def test_nothing_is_said_where_nothing_is_missing(case, total, attached):
    assert paper_notes(case, total, attached) == []
