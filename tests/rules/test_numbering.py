import pytest

from danji.rules.numbering import parse_record_number, record_number


@pytest.mark.parametrize(
    ("serial", "number"),
    [(1, "지출-2026-0001"), (9999, "지출-2026-9999"), (10_000, "지출-2026-10000")],
)
def test_a_number_is_series_year_and_serial(serial, number):
    assert record_number("지출", 2026, serial) == number
    assert parse_record_number(number) == ("지출", 2026, serial)


@pytest.mark.parametrize(
    "parts", [("", 2026, 1), ("지-출", 2026, 1), ("지출", 26, 1), ("지출", 2026, 0)]
)
def test_what_could_be_no_number_is_our_own_mistake(parts):
    with pytest.raises(ValueError, match="no record number"):
        record_number(*parts)


@pytest.mark.parametrize(
    "text",
    ["지출-2026-412", "지출-2026-00412", "지출-2026-0000", "지출 2026-0412", "지출-0026-0412",
     "지-출-2026-0412", "지출-2026-0412\n", "지출-2026-1000000", "지출-2026-٠٤١٢", ""],
)  # fmt: skip
def test_a_number_is_read_only_as_it_is_printed(text):
    with pytest.raises(ValueError, match="no record number"):
        parse_record_number(text)
