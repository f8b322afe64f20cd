"""Who opened what is not for everybody without a part in it (열람): noted, logged, never prevented.

Every reading is a row; once the day is over, what each reader read is committed to in the log, so
that rows cannot vanish unseen; and whoever read much is named to an auditor.
Source: 개인정보의 안전성 확보조치 기준 제8조(접속기록의 보관 및 점검).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from django.db import connection
from django.db.models import Count, Exists, OuterRef
from django.utils import timezone

from danji.accounts.models import Office, Officeholder
from danji.accounts.queries import actor_value, others_in
from danji.base import tenancy
from danji.base.ids import uuid7
from danji.base.jobs import each
from danji.complexes.models import Complex
from danji.disposal.links import readings_link
from danji.disposal.models import Reading, ReadingReport
from danji.outbox.actions import tell
from danji.rules.periods import day_in_seoul, format_date
from danji.transparency.actions import append_event
from danji.transparency.models import Opening
from danji_verify.canonical import b64decode, canonical, parse_object
from danji_verify.entry import Event, format_time

LATE = timedelta(hours=1)  # after midnight: what was opened before it may be noted after it
MANY = 50  # documents of one person in one day, in whichever office: from there an auditor is told
SHOWN_TO = frozenset({Office.AUDITOR, Office.CHAIR, Office.MANAGER})
# One statement, for a page waits for it. The reader has a part in what they, in whichever term,
# drafted, decided on or were shown; a program has none.
NOTE = """
INSERT INTO disposal_reading (complex_id, id, doc, reader_id, day, at, by_program)
SELECT %(complex)s, %(id)s, %(doc)s, %(reader)s, %(day)s, %(at)s, %(by_program)s
WHERE %(by_program)s OR NOT EXISTS (
    SELECT FROM accounts_officeholder AS own
    WHERE own.complex_id = %(complex)s AND own.person_id = %(person)s AND (
        EXISTS (
            SELECT FROM approvals_step WHERE complex_id = %(complex)s AND document_id = %(doc)s
                AND (approver_id = own.id OR decided_by_id = own.id)
        ) OR EXISTS (
            SELECT FROM approvals_circulation WHERE complex_id = %(complex)s
                AND document_id = %(doc)s AND recipient_id = own.id AND sent_at IS NOT NULL
        )
    )
)
ON CONFLICT (complex_id, day, reader_id, doc, by_program) DO NOTHING
"""


@dataclass(frozen=True)
class DayOfReader:
    """How many documents an officer opened on a day without a part in them.

    `is_many` counts all that the person opened, in whichever office; `logged` is false while the
    day is not over.
    """

    day: date
    who: str
    documents: int
    by_program: int
    is_many: bool
    logged: bool


def note_reading(
    doc: UUID, *, reader: Officeholder, at: datetime, by_program: bool = False
) -> None:
    """Note that a document that is not for everybody was opened, unless the reader has a part in
    it; a second time on the same day is the same.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            NOTE,
            {
                "complex": reader.complex_id,
                "id": uuid7(),
                "doc": doc,
                "reader": reader.id,
                "person": reader.person_id,
                "day": day_in_seoul(at),
                "at": at,
                "by_program": by_program,
            },
        )


def readings_by_day(complex_id: UUID, *, since: date) -> list[DayOfReader]:
    """Who opened how much on which day, the newest day first, and who opened most first."""
    logged = set(
        ReadingReport.objects.within(complex_id)
        .filter(day__gte=since)
        .values_list("day", "reader_id")
    )
    counted = (
        Reading.objects.within(complex_id)
        .filter(day__gte=since)
        .order_by()
        .values("day", "reader_id")
        .annotate(documents=Count("doc", distinct=True))
        .values_list("day", "reader_id", "documents")
    )
    programs = {
        (day, reader): count
        for day, reader, count in Reading.objects.within(complex_id)
        .filter(day__gte=since, by_program=True)
        .order_by()
        .values_list("day", "reader_id")
        .annotate(Count("doc", distinct=True))
    }
    of_persons = {
        (day, person): count
        for day, person, count in Reading.objects.within(complex_id)
        .filter(day__gte=since)
        .order_by()
        .values_list("day", "reader__person_id")
        .annotate(Count("doc", distinct=True))
    }
    readers = _readers(complex_id, {reader for _, reader, _ in counted})
    rows = [
        DayOfReader(
            day=day,
            who=str(readers[reader]),
            documents=documents,
            by_program=programs.get((day, reader), 0),
            is_many=of_persons[day, readers[reader].person_id] >= MANY,
            logged=(day, reader) in logged,
        )
        for day, reader, documents in counted
    ]
    return sorted(rows, key=lambda row: (-row.day.toordinal(), -row.documents, row.who))


def log_readings(complex_id: UUID) -> int:
    """Commit in the log to what each reader opened on every day that is over, and tell an auditor
    of whoever opened much. Safe to run twice, and after a crash.

    Returns: how many readers' days were logged.
    """
    complex_ = Complex.objects.get(id=complex_id)
    now = timezone.now()

    def log(one: tuple[date, UUID]) -> None:
        _log_day(complex_, *one, now)

    with tenancy.within(complex_id):
        done = ReadingReport.objects.filter(
            complex_id=complex_id, day=OuterRef("day"), reader_id=OuterRef("reader_id")
        )
        waiting = list(
            Reading.objects.within(complex_id)
            .filter(~Exists(done), day__lt=day_in_seoul(now - LATE))
            .order_by("day", "reader_id")
            .values_list("day", "reader_id")
            .distinct()
        )
    return each(complex_id, waiting, log)


def chain_of_day(complex_id: UUID, day: date) -> UUID:
    """The chain in which the readings of a day are logged: the same for everybody who asks."""
    return uuid5(complex_id, day.isoformat())


def altered_readings(complex_id: UUID) -> list[str]:
    """Where rows say something else than what was logged when their day was over.

    Returns: a sentence for each reader's day of which a row was lost, added or changed.
    """
    reports = {
        bytes(report.leaf_hash): report for report in ReadingReport.objects.within(complex_id)
    }
    logged = Opening.objects.within(complex_id).filter(event__name=Event.READ)
    found = []
    for leaf_hash, fields in logged.order_by("event_id").values_list("event__leaf_hash", "fields"):
        said = parse_object(b64decode(fields["readings"]["value"]))
        day, reader_id = date.fromisoformat(str(said["day"])), UUID(str(said["reader"]))
        report = reports.pop(bytes(leaf_hash), None)
        rows = _said(day, reader_id, _rows(complex_id, day, reader_id))
        if report is None or (report.day, report.reader_id) != (day, reader_id) or rows != said:
            found.append(f"{format_date(day)} 열람 기록이 봉인 장부에 적은 것과 다릅니다.")
    for report in reports.values():
        found.append(f"{format_date(report.day)} 열람 기록이 봉인 장부에 없습니다.")
    return found


def _log_day(complex_: Complex, day: date, reader_id: UUID, at: datetime) -> None:
    rows = _rows(complex_.id, day, reader_id)
    reader = Officeholder.objects.within(complex_.id).select_related("person").get(id=reader_id)
    leaf_hash = append_event(
        complex_,
        chain_of_day(complex_.id, day),
        Event.READ,
        {
            "readings": canonical(_said(day, reader_id, rows)),
            "actor": actor_value(reader),
        },
        at=at,
    )
    documents = len({row.doc for row in rows})
    ReadingReport.objects.create(
        complex=complex_,
        day=day,
        reader=reader,
        documents=documents,
        leaf_hash=leaf_hash,
        logged_at=at,
    )
    _tell_of_many(complex_, reader, day, at)


def _rows(complex_id: UUID, day: date, reader_id: UUID) -> Sequence[Reading]:
    return list(
        Reading.objects.within(complex_id).filter(day=day, reader_id=reader_id).order_by("at", "id")
    )


def _said(day: date, reader_id: UUID, rows: Sequence[Reading]) -> dict[str, Any]:
    """What the log commits to, laid out in `docs/spec/log.md`."""
    return {
        "v": 1,
        "day": day.isoformat(),
        "reader": reader_id.hex,
        "read": [
            {
                "doc": row.doc.hex,
                "at": format_time(row.at.astimezone(UTC).replace(microsecond=0)),
                "program": row.by_program,
            }
            for row in rows
        ],
    }


def _tell_of_many(complex_: Complex, reader: Officeholder, day: date, at: datetime) -> None:
    """Tell the auditors; of an auditor's own reading, or without another auditor, the chair. Of
    whoever read in several offices, once: with the last of them.
    """
    read = dict[UUID, set[UUID]]()
    own = Reading.objects.within(complex_.id).filter(day=day, reader__person_id=reader.person_id)
    for office, doc in own.values_list("reader_id", "doc"):
        read.setdefault(office, set()).add(doc)
    documents = len(set().union(*read.values()))
    if documents < MANY or reader.id != max(read):
        return
    today = day_in_seoul(at)
    told: list[Officeholder] = []
    for office in (Office.AUDITOR, Office.CHAIR):
        told = told or others_in(complex_.id, {office}, besides=reader.person_id, on=today)
    for officer in told:
        tell(
            officer,
            f"열람 확인: {reader} 님이 하루에 {documents}건",
            f"{reader} 님이 {format_date(day)}에 본인의 결재선에 없는 문서 {documents}건을 "
            "열었습니다. 업무에 필요한 일이었는지 확인해 주세요.",
            link=readings_link(),
            at=at,
        )


def _readers(complex_id: UUID, ids: set[UUID]) -> dict[UUID, Officeholder]:
    found = Officeholder.objects.within(complex_id).filter(id__in=ids).select_related("person")
    return {holder.id: holder for holder in found}
