"""The month's head of every log, as a page to print: made once, when the month is over."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from danji.base import tenancy
from danji.base.files import write_durably
from danji.base.ids import first_at, made_at
from danji.complexes.models import Complex
from danji.renditions.sheet import Sheet, Watched, render_sheet
from danji.rules.periods import SEOUL, day_in_seoul, months_after
from danji.rules.refusal import Refusal
from danji.transparency.collection import (
    FOLDER,
    NUMBER,
    collection_folder,
    collection_origin,
)
from danji.transparency.models import CollectedHead, ConfirmedHead, Log, Party, Stamp, Witness
from danji.transparency.tree import file_reader, log_folder
from danji_verify import note
from danji_verify.checkpoint import Checkpoint
from danji_verify.note import VerifierKey
from danji_verify.tiles import tree_root


@dataclass(frozen=True)
class Last:
    """The last head of a log in a month; `note` is signed, and empty where only its root is known.

    `at` is when it was confirmed, or else when it was collected or stamped.
    """

    checkpoint: Checkpoint
    note: bytes
    at: datetime
    confirmed: bool = False


def write_monthly_sheet(complex_id: UUID) -> int:
    """Print last month's head of each log of the complex where that is not done yet.

    A log that had no head by the end of that month gives none. Returns: how many.
    """
    complex_ = Complex.objects.get(id=complex_id)
    month = last_month(timezone.now())
    waiting = [
        log
        for log in _logs_in(complex_, month)
        if not sheet_path(log_folder(complex_.code, log.number), month).exists()
    ]
    return len(_print_logs(complex_, waiting, month))


def write_monthly_collection_sheet() -> int:
    """The same for the log of logs."""
    month = last_month(timezone.now())
    if sheet_path(collection_folder(), month).exists():
        return 0
    return int(print_collection(month) is not None)


def print_complex(complex_: Complex, month: date) -> list[Path]:
    """Print the sheets of a month, given by its first day, of the log of a complex, and of one that
    was retired in it. Returns: the files; none when there was no head yet.
    """
    return _print_logs(complex_, _logs_in(complex_, month), month)


def print_collection(month: date) -> Path | None:
    """The same for the log of logs. Returns: the file; None when there was no head yet."""
    last = last_of_collection(month)
    if last is None:
        return None
    sheet = _sheet(month, last, "이곳을 쓰는 모든 단지", f"{FOLDER}/{NUMBER}/")
    return _print(collection_folder(), replace(sheet, of_all=True))


def last_head(origin: str, month: date) -> Last | None:
    """The last head of a log in a month: the confirmed one; where none was confirmed in that month,
    the one that was collected last in the log of logs, if it leads further than one confirmed
    before.
    """
    confirmed = _last_confirmed(origin, month)
    if confirmed is not None and confirmed.at >= _begin(month):
        return confirmed
    heads = CollectedHead.objects.filter(origin=origin, id__lt=first_at(_end(month)))
    found = heads.order_by("-index").first()
    if found is None or (confirmed is not None and confirmed.checkpoint.size >= found.size):
        return confirmed
    return _read(bytes(found.note), made_at(found.id))


def last_of_collection(month: date) -> Last | None:
    """The last head of the log of logs in a month: confirmed, stamped, or only collected."""
    confirmed = _last_confirmed(collection_origin(), month)
    if confirmed is not None and confirmed.at >= _begin(month):
        return confirmed
    stamps = Stamp.objects.filter(stamped_at__gte=_begin(month), stamped_at__lt=_end(month))
    stamp = stamps.order_by("-day").first()
    if stamp is not None:
        return _read(bytes(stamp.note), stamp.stamped_at)
    found = CollectedHead.objects.filter(id__lt=first_at(_end(month))).order_by("-index").first()
    size = 0 if found is None else found.index + 1
    if found is None or (confirmed is not None and confirmed.checkpoint.size >= size):
        return confirmed
    root = tree_root(size, file_reader(collection_folder()))
    return Last(Checkpoint(collection_origin(), size, root), b"", made_at(found.id))


def sheet_path(folder: Path, month: date) -> Path:
    """Where the sheet of a month is published, below the folder of its log."""
    return folder / "sheets" / f"{month:%Y-%m}.pdf"


def published_sheets(folder: Path) -> list[dict[str, str]]:
    """The sheets below the folder of a log, the newest first: `month` in words, and `name`."""
    paths = sorted((folder / "sheets").glob("????-??.pdf"), reverse=True)
    return [
        {"month": f"{int(path.stem[:4])}년 {int(path.stem[5:])}월", "name": f"sheets/{path.name}"}
        for path in paths
    ]


def last_month(at: datetime) -> date:
    """The first day of the month that ended last in Korea."""
    return months_after(day_in_seoul(at).replace(day=1), -1)


def demand_over(month: date, at: datetime) -> None:
    """See that a month is over. Raises: Refusal."""
    if month > last_month(at):
        raise Refusal(
            f"{month.year}년 {month.month}월은 아직 끝나지 않았습니다.",
            next_step="그달이 지난 뒤에 다시 해 주세요.",
        )


def _last_confirmed(origin: str, month: date) -> Last | None:
    heads = ConfirmedHead.objects.filter(origin=origin, confirmed_at__lt=_end(month))
    found = heads.order_by("-size", "-confirmed_at").first()
    if found is None:
        return None
    return replace(_read(bytes(found.note), found.confirmed_at), confirmed=True)


def _read(data: bytes, at: datetime) -> Last:
    return Last(Checkpoint.parse(note.parse_note(data).text), data, at)


def _sheet(month: date, last: Last, about: str, page: str) -> Sheet:
    return Sheet(
        month=month,
        about=about,
        head=last.checkpoint,
        watched=_watched(last.note),
        confirmed=last.confirmed,
        address=f"{settings.SITE_URL}{settings.PUBLIC_URL}{page}",
        taken_at=last.at,
    )


def _print(folder: Path, sheet: Sheet) -> Path:
    path = sheet_path(folder, sheet.month)
    write_durably(path, render_sheet(sheet))
    return path


def _watched(data: bytes) -> list[Watched]:
    """Whoever cosigned a note, among those who ever were witnesses here."""
    if not data:
        return []
    signed = note.parse_note(data)
    names = {signature.name for signature in signed.signatures}
    found = Witness.objects.filter(name__in=names)
    witnesses = {VerifierKey.parse(witness.vkey): witness for witness in found}
    return [
        Watched(
            witnesses[line.key].label,
            Party(witnesses[line.key].party).label,
            datetime.fromtimestamp(line.time, SEOUL),
        )
        for line in note.verify_signatures(signed, witnesses)
        if line.time is not None
    ]


def _begin(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=SEOUL)


def _end(month: date) -> datetime:
    """The first moment after a month."""
    return _begin(months_after(month, 1))


def _logs_in(complex_: Complex, month: date) -> list[Log]:
    """The log of the complex that goes on, and those that did at the beginning of a month."""
    with tenancy.within(complex_.id):
        logs = list(Log.objects.within(complex_.id).order_by("number"))
    return [
        log
        for log, following in zip(logs, [*logs[1:], None], strict=True)
        if following is None or made_at(following.id) >= _begin(month)
    ]


def _print_logs(complex_: Complex, logs: Sequence[Log], month: date) -> list[Path]:
    printed = []
    for log in logs:
        if (last := last_head(log.origin, month)) is not None:
            page = f"{complex_.code}/log/{log.number}/"
            folder = log_folder(complex_.code, log.number)
            printed.append(_print(folder, _sheet(month, last, complex_.name, page)))
    return printed
