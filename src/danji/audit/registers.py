"""Registers (등록대장): numbers run without a gap; a record that is gone leaves a hole."""

from danji.audit.findings import Area, Findings
from danji.audit.snapshot import Snapshot

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
ORDER BY serial LIMIT 20
"""


def check_registers(snapshot: Snapshot, found: Findings) -> None:
    """Every number that was given out belongs to a record, and none was given out beside it."""
    for series, year, last, count, highest in snapshot.rows(REGISTERS):
        found.rows["registers"] += 1
        if (highest or 0) != last or count != last:
            found.fault(
                Area.RECORDS,
                f"등록대장 ‘{series}’ {year}년에 빠진 번호가 있습니다: "
                f"{_missing(snapshot, series, year, max(last, highest or 0)) or '끝번호가 다름'}. "
                "기록이 지워졌습니다.",
                f"register says {last}, {count} records up to {highest}",
            )
    for series, year in snapshot.rows(UNREGISTERED):
        found.fault(Area.RECORDS, f"등록대장 ‘{series}’ {year}년이 지워졌습니다.")


def _missing(snapshot: Snapshot, series: str, year: int, last: int) -> str:
    with snapshot.database.cursor(binary=True) as cursor:
        gaps = cursor.execute(GAPS, [last, snapshot.complex.id, series, year]).fetchall()
    return ", ".join(f"{serial}번" for (serial,) in gaps)
