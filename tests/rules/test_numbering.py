import pytest

from danji.rules.numbering import record_number


@pytest.mark.parametrize(
    ("serial", "number"),
    [(1, "지출-2026-0001"), (9999, "지출-2026-9999"), (10_000, "지출-2026-10000")],
)
def test_a_number_is_series_year_and_serial(serial, number):
    assert record_number("지출", 2026, serial) == number


@pytest.mark.parametrize(
    "parts", [("", 2026, 1), ("지-출", 2026, 1), ("지출", 26, 1), ("지출", 2026, 0)]
)
def test_what_could_be_no_number_is_our_own_mistake(parts):
    with pytest.raises(ValueError, match="no record number"):
        record_number(*parts)
