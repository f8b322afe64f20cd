"""Registers (등록대장): numbers run without a gap, but for those that the log says were skipped; a
record that is gone leaves a hole.
"""

from collections.abc import Mapping, Sequence

from danji.audit.findings import Area, Findings
from danji.audit.snapshot import Snapshot
from danji.rules.numbering import record_number

# What a register gave out, and what is there of it.
REGISTERS = """
SELECT register.series, register.year, register.last, count(record.id), max(record.serial)
FROM records_register AS register LEFT JOIN records_record AS record
    ON (record.complex_id, record.series, record.year)
        = (register.complex_id, register.series, register.year)
WHERE register.complex_id = %s GROUP BY register.series, register.year, register.last
"""
UNREGISTERED = """
SELECT DISTINCT record.series, record.year FROM records_record AS record
WHERE record.complex_id = %s AND NOT EXISTS (
    SELECT FROM records_register AS register
    WHERE (register.complex_id, register.series, register.year)
        = (record.complex_id, record.series, record.year))
"""
GAPS = """
SELECT serial FROM generate_series(1, %s) AS serial WHERE NOT EXISTS (
    SELECT FROM records_record AS record WHERE record.complex_id = %s AND record.series = %s
        AND record.year = %s AND record.serial = serial.serial)
AND NOT EXISTS (
    SELECT FROM unnest(%s::int[], %s::int[]) AS skipped (first, last)
    WHERE serial.serial BETWEEN skipped.first AND skipped.last)
ORDER BY serial LIMIT 20
"""

Skips = Mapping[tuple[str, int], Sequence[tuple[int, int]]]


def check_registers(snapshot: Snapshot, skips: Skips, found: Findings) -> None:
    """Every number that was given out belongs to a record, and none was given out beside it.

    Args: `skips` are the numbers that the log says were skipped, from one to another, both
    included, by series and year.
    """
    kept = set()
    for series, year, last, count, highest in snapshot.rows(REGISTERS):
        kept.add((series, year))
        found.rows["registers"] += 1
        skipped = skips.get((series, year), ())
        end = max([highest or 0, *(to for _, to in skipped)])
        if end == last == count:
            continue
        gaps = _gaps(snapshot, (series, year), max(last, end), skipped)
        if gaps or end > last:
            found.fault(
                Area.RECORDS,
                f"등록대장 ‘{series}’ {year}년에 빠진 번호가 있습니다: {gaps or '끝번호가 다름'}. "
                "기록이 지워졌습니다.",
                f"register says {last}, {count} records up to {highest}, skipped {list(skipped)}",
            )
    _tell_skipped(skips, found)
    unregistered = {(series, year) for series, year in snapshot.rows(UNREGISTERED)}
    for series, year in sorted(unregistered | (skips.keys() - kept)):
        found.fault(Area.RECORDS, f"등록대장 ‘{series}’ {year}년이 지워졌습니다.")


def _gaps(
    snapshot: Snapshot, register: tuple[str, int], last: int, skipped: Sequence[tuple[int, int]]
) -> str:
    """The first numbers that are neither on record nor skipped, in words."""
    begins, ends = [begin for begin, _ in skipped], [end for _, end in skipped]
    values = [last, snapshot.complex.id, *register, begins, ends]
    with snapshot.database.cursor(binary=True) as cursor:
        gaps = cursor.execute(GAPS, values).fetchall()
    return ", ".join(f"{serial}번" for (serial,) in gaps)


def _tell_skipped(skips: Skips, found: Findings) -> None:
    """Told on every audit: whoever looks for such a number has to know why there is none."""
    for register, ranges in sorted(skips.items()):
        numbers = ", ".join(
            f"{record_number(*register, begin)}부터 {record_number(*register, end)}까지"
            for begin, end in ranges
        )
        found.note(
            Area.RECORDS,
            f"건너뛴 번호입니다: {numbers}. 데이터베이스를 되살린 뒤 같은 번호가 다시 나가지 않게 "
            "했습니다. 그 번호의 문서는 종이 등록대장에서 찾아 주세요.",
        )
