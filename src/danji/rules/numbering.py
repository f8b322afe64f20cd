"""Record numbers (문서번호): a series, the year, and a serial without gaps."""

import re

_NUMBER = re.compile(r"([^-\s]+)-([1-9][0-9]{3})-([0-9]{4,6})", re.ASCII)


def record_number(series: str, year: int, serial: int) -> str:
    """The number as it is printed: `지출-2026-0001`; beyond 9999 it grows by a figure.

    Article 11 gives a document its number the moment it is approved, and not before.

    Args: `series` is the form's kind of document (지출, 공고, …); `serial` counts from 1 in each
    complex, series and year.
    Raises: ValueError for what could be no number.
    Source: 행정업무의 운영 및 혁신에 관한 규정 제11조제1항(관행으로 따름).
    """
    if not series or "-" in series or serial < 1 or not 1000 <= year <= 9999:
        raise ValueError(f"no record number: {series!r}, {year}, {serial}")
    return f"{series}-{year}-{serial:04d}"


def parse_record_number(text: str) -> tuple[str, int, int]:
    """Series, year and serial of a number as it is printed.

    Raises: ValueError for any other text, and for a serial of more than six figures.
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ValueError(f"no record number: {text!r}")
    series, year, serial = found[1], int(found[2]), int(found[3])
    if record_number(series, year, serial) != text:
        raise ValueError(f"no record number: {text!r}")
    return series, year, serial
