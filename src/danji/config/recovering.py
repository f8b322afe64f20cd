"""Recovering logs (봉인 복구) by command: what was found first, then the doing, when told to."""

import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from danji.base import tenancy
from danji.complexes.models import Complex
from danji.config.entering import complex_of
from danji.records.actions import skip_numbers
from danji.rules.text import clean_line
from danji.transparency.mending import examine_files
from danji.transparency.recovery import examine_collection, examine_database
from danji.transparency.repair import Repair, copy_reader, instead_of_the_sequencer
from danji.transparency.retiring import describe_end, examine_end, retire
from danji_verify.tiles import Reader

_HOW = "그대로 하려면 같은 명령 끝에 --do를 붙여 다시 실행해 주세요."


def recover_database(code: str, *, source: str, do: bool, at: datetime) -> str:
    """Bring the database up to the published log. Returns: what to show.

    Raises: Refusal when that cannot be.
    """
    complex_ = complex_of(code)
    said = _carried_out(lambda: examine_database(complex_, at=at, source=_reader(source)), do=do)
    if do:
        said += _skip_published_numbers(complex_)
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


def retire_log(code: str, *, reason: str, do: bool, at: datetime) -> str:
    """Close the log of a complex and open the next. Returns: what to show.

    Raises: Refusal.
    """
    complex_ = complex_of(code)
    reason = clean_line(reason, "까닭", limit=200)

    def examine() -> Repair:
        found = describe_end(complex_, examine_end(complex_))
        return Repair(found, lambda: retire(complex_, reason=reason, at=at))

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


def _skip_published_numbers(complex_: Complex) -> list[str]:
    """Let no number be given out again that a published document has."""
    taken = [record["number"] for record in _published(complex_.code)]
    with tenancy.within(complex_.id):
        skipped = skip_numbers(
            complex_, [(one["series"], one["year"], one["serial"]) for one in taken]
        )
    return [f"{number}까지는 이미 나간 번호이므로 다음 번호부터 매깁니다." for number in skipped]


def _published(code: str) -> Iterable[dict[str, Any]]:
    for path in sorted((Path(settings.PUBLIC) / code).glob("*/record.json")):
        try:
            yield json.loads(path.read_bytes())
        except ValueError:  # a damaged page says nothing; it is found when pages are checked
            continue
