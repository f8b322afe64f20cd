"""Recovering logs (봉인 복구) by command: what was found first, then the doing, when told to."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from danji.base import tenancy
from danji.complexes.models import Complex
from danji.config.entering import complex_of
from danji.formbook.definition import load
from danji.formbook.models import Form
from danji.records.actions import skip_numbers
from danji.records.queries import last_numbers
from danji.rules.numbering import parse_record_number, record_number
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.rules.text import clean_line
from danji.transparency.mending import examine_files
from danji.transparency.recovery import examine_collection, examine_database
from danji.transparency.repair import Repair, copy_reader, instead_of_the_sequencer
from danji.transparency.retiring import demand_loss_named, describe_end, examine_end, retire
from danji.transparency.troubles import tell_in_charge
from danji_verify.tiles import Reader

_HOW = "그대로 하려면 같은 명령 끝에 --do를 붙여 다시 실행해 주세요."


def recover_database(code: str, *, source: str, do: bool, at: datetime) -> str:
    """Bring the database up to the published log. Returns: what to show.

    Raises: Refusal when that cannot be.
    """
    complex_ = complex_of(code)
    said = _carried_out(lambda: examine_database(complex_, at=at, source=_reader(source)), do=do)
    if do:
        said += _skip_published_numbers(complex_, at)
    return "\n".join(said)


def recover_files(code: str, *, number: int | None, source: str, do: bool, at: datetime) -> str:
    """Make damaged files of a log anew. Returns: what to show.

    Raises: Refusal when no whole copy is at hand.
    """
    complex_ = complex_of(code)
    return "\n".join(
        _carried_out(
            lambda: examine_files(complex_, at=at, number=number, source=_reader(source)), do=do
        )
    )


def recover_collection(*, source: str, do: bool) -> str:
    """Bring the database up to the published log of logs. Returns: what to show.

    Raises: Refusal when that cannot be.
    """
    return "\n".join(_carried_out(lambda: examine_collection(_reader(source)), do=do))


def recover_numbers(code: str, *, used: Sequence[str], do: bool, at: datetime) -> str:
    """Move registers on, so that no number up to those that are on paper is given out again.

    Args: `used` are numbers as they are printed. Returns: what to show.
    Raises: Refusal when one is no number of the complex.
    """
    complex_ = complex_of(code)
    with tenancy.within(complex_.id):
        last = last_numbers(complex_.id)
        highest: dict[tuple[str, int], int] = {}
        for series, year, serial in _numbers(used, {series for series, _ in last}, at):
            highest[series, year] = max(serial, highest.get((series, year), 0))
        ahead = {key: serial for key, serial in highest.items() if serial > last.get(key, 0)}
        said = [_compared(key, last.get(key, 0), serial) for key, serial in sorted(highest.items())]
        if not ahead:
            return "\n".join(said)
        if not do:
            return "\n".join([*said, "", _HOW])
        skipped = skip_numbers(complex_, [(*key, serial) for key, serial in ahead.items()], at=at)
        numbers = ", ".join(map(str, skipped))
        tell_in_charge(
            complex_.id,
            "문서번호를 건너뛰었습니다",
            f"운영자가 {complex_.name}의 등록대장을 {numbers}까지 건너뛰게 했습니다. 종이로 이미 "
            "나간 번호가 다시 나가지 않게 하는 일이며, 봉인 장부에 적힙니다.\n"
            "모르는 일이면 운영자에게 바로 물어봐 주세요.",
            at=at,
        )
    return "\n".join(
        [
            *said,
            "",
            f"{numbers}까지 건너뛰었습니다. 다음 번호부터 매깁니다.",
            "건너뛴 번호는 봉인 장부에 적혀, 점검에서 빠진 번호로 보이지 않습니다.",
        ]
    )


def _numbers(
    used: Sequence[str], known: Collection[str], at: datetime
) -> Iterator[tuple[str, int, int]]:
    """Read numbers from paper. Args: `known` are series that have a register. Raises: Refusal."""
    definitions = Form.objects.values_list("definition", flat=True)
    series_here = {*known, *(load(bytes(definition)).series for definition in definitions)}
    if not used:
        raise Refusal(
            "건너뛸 번호가 없습니다.",
            next_step="종이 등록대장의 마지막 번호를 --used 지출-2026-0412처럼 적어 주세요.",
        )
    for text in used:
        try:
            series, year, serial = parse_record_number(clean_line(text, "문서번호"))
        except ValueError as problem:
            raise Refusal(
                f"문서번호가 아닙니다: {text}. 아무것도 바꾸지 않았습니다.",
                next_step="지출-2026-0412처럼 종이에 적힌 그대로 적어 주세요.",
            ) from problem
        if series not in series_here:
            raise Refusal(
                f"그런 등록대장이 없습니다: {series}. 아무것도 바꾸지 않았습니다.",
                next_step=f"다음 가운데 하나인지 봐 주세요: {', '.join(sorted(series_here))}.",
            )
        if year > day_in_seoul(at).year:
            raise Refusal(
                f"아직 오지 않은 해의 번호입니다: {text}. 아무것도 바꾸지 않았습니다.",
                next_step="해를 확인해 주세요.",
            )
        yield series, year, serial


def _compared(register: tuple[str, int], last: int, serial: int) -> str:
    """What a number from paper means for a register that has come to `last`."""
    to = record_number(*register, serial)
    if serial <= last:
        return f"{to}: 이미 {record_number(*register, last)}까지 매겨서 건너뛸 것이 없습니다."
    known = f"{record_number(*register, last)}까지 압니다" if last else "아무 번호도 모릅니다"
    return f"{to}: 등록대장은 {known}. 번호 {serial - last:,}개를 건너뜁니다. 되돌릴 수 없습니다."


def retire_log(code: str, *, reason: str, do: bool, at: datetime, lose: int = 0) -> str:
    """Close the log of a complex and open the next. Returns: what to show.

    Args: `lose` is how many confirmed entries may be lost by it. Raises: Refusal.
    """
    complex_ = complex_of(code)
    reason = clean_line(reason, "까닭", limit=200)

    def examine() -> Repair:
        end = examine_end(complex_)
        demand_loss_named(end, lose)
        return Repair(
            describe_end(complex_, end),
            lambda: retire(complex_, reason=reason, at=at, lose=lose),
        )

    return "\n".join(_carried_out(examine, do=do))


def _carried_out(examine: Callable[[], Repair], *, do: bool) -> list[str]:
    held: AbstractContextManager[None] = instead_of_the_sequencer() if do else nullcontext()
    with held:
        repair = examine()
        if repair.do is None:
            return repair.found
        return [*repair.found, "", *(repair.do() if do else [_HOW])]


def _reader(source: str) -> Reader | None:
    return copy_reader(source) if source else None


def _skip_published_numbers(complex_: Complex, at: datetime) -> list[str]:
    """Let no number be given out again that a published document has, and say which numbers are
    known now: nobody but a paper register knows those of documents that were never public.
    """
    taken = [record["number"] for record in _published(complex_.code)]
    with tenancy.within(complex_.id):
        skipped = skip_numbers(
            complex_, [(one["series"], one["year"], one["serial"]) for one in taken], at=at
        )
        last = last_numbers(complex_.id)
    known = [f"- {record_number(*key, serial)}" for key, serial in last.items()]
    return [
        *(f"{one}까지는 이미 나간 번호이므로 다음 번호부터 매깁니다." for one in skipped),
        "",
        "등록대장마다 지금 아는 마지막 번호입니다. 종이 등록대장과 견주어 주세요.",
        *(known or ["- 아직 매긴 번호가 없습니다."]),
        "종이 등록대장이 더 나아가 있거나 여기에 없는 대장이 있으면, 그 마지막 번호를 적어 같은 "
        "번호가 다시 나가지 않게 해 주세요. 번호가 여럿이면 --used를 되풀이합니다.",
        f"  recover numbers --code {complex_.code} --used 지출-2026-0412",
    ]


def _published(code: str) -> Iterable[dict[str, Any]]:
    for path in sorted((Path(settings.PUBLIC) / code).glob("*/record.json")):
        try:
            yield json.loads(path.read_bytes())
        except ValueError:  # a damaged page says nothing; it is found when pages are checked
            continue
