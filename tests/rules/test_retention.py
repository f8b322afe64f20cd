from datetime import date

import pytest

from danji.rules.retention import CLASSES, Layer, class_of, retain_until

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("code", "day", "last"),
    [
        ("accounts-5y", date(2026, 3, 10), date(2031, 12, 31)),  # RET-01
        ("selection-5y", date(2026, 3, 15), date(2031, 3, 15)),  # RET-02
        ("defects-10y", date(2026, 7, 1), date(2036, 7, 1)),  # RET-03
        ("office-5y", date(2026, 1, 1), date(2031, 12, 31)),
        ("permanent", date(2026, 1, 1), None),
    ],
)
def test_each_class_has_its_last_day(code, day, last):
    assert retain_until(class_of(code, TODAY), day) == last


def test_a_class_applies_from_the_day_its_law_did():
    with pytest.raises(ValueError, match="selection-5y"):
        class_of("selection-5y", date(2022, 12, 10))


def test_an_unknown_class_is_our_own_mistake():
    with pytest.raises(ValueError, match="forever"):
        class_of("forever", TODAY)


@pytest.mark.parametrize("row", CLASSES, ids=lambda row: row.code)
def test_only_law_names_an_article(row):
    assert row.basis.startswith("공동주택관리법") == (row.layer is Layer.STATUTE)
