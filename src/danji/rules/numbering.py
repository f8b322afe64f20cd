"""Record numbers (문서번호): a series, the year, and a serial without gaps."""


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
