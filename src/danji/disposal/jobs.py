"""Erasing what two officers agreed on: what the rows said, and then the files."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import cycle
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from danji.accounts.queries import actor_value
from danji.approvals.models import Circulation, Document, Enclosure
from danji.base import files, tenancy
from danji.base.jobs import each
from danji.complexes.models import Complex
from danji.disposal.models import DisposalItem, DisposalOutcome, Erasure, PendingFile
from danji.integration import ahead
from danji.integration.models import Upload
from danji.records.models import Record
from danji.rules.appointment import Answer
from danji.rules.disposal import Basis
from danji.transparency.actions import append_event
from danji.transparency.models import Event, Trouble, TroubleKind
from danji.transparency.queries import standing_leaves
from danji_verify.canonical import canonical
from danji_verify.entry import Event as EventName

BATCH = 50  # documents in one run, so that other complexes get their turn
ERASE = "SELECT danji_erase_document(%s, %s, %s)"
IN_USE = "SELECT danji_files_in_use(%s)"
BUSY = timedelta(hours=1)  # after a file was kept anew: its transaction may still be open
LEFT = timedelta(days=1)  # after which a file that no row names was left by a crash, or taken out
_shelves = cycle(f"{number:02x}" for number in range(256))


def erase_confirmed(complex_id: UUID) -> int:
    """Erase every document whose disposal was confirmed, in two steps: the log is to say so, and
    once that has its place, all that its rows said goes. Safe to run twice, and after a crash.

    Returns: how many steps were made.
    """
    complex_ = Complex.objects.get(id=complex_id)

    def erase(item: DisposalItem) -> None:
        _erase(item, complex_, timezone.now())

    with tenancy.within(complex_id):
        # Of a document that stands in two disposals, one item is enough.
        confirmed = {
            item.doc: item
            for item in _agreed(complex_id)
            .select_related("disposal__proposed_by__person")
            .order_by("id")
        }
        due = [
            item for doc, item in confirmed.items() if not _awaits_place(_newest(complex_id, doc))
        ]
    return each(complex_id, due, erase, at_most=BATCH)


def erase_restored(complex_id: UUID) -> int:
    """Erase again what the log says was erased, and a restored backup has brought back.

    Returns: how many documents.
    """

    def erase(doc: UUID) -> None:
        _destroy(complex_id, doc, timezone.now())

    with tenancy.within(complex_id):
        placed = standing_leaves(complex_id).filter(event_id=OuterRef("id"))
        erased = Event.objects.within(complex_id).filter(Exists(placed), name=EventName.ERASED)
        restored = list(
            Document.objects.within(complex_id)
            .filter(erased_at=None, id__in=erased.values("doc"))
            .exclude(id__in=_agreed(complex_id).values("doc"))
            .values_list("id", flat=True)
        )
    return each(complex_id, restored, erase)


def _agreed(complex_id: UUID) -> QuerySet[DisposalItem]:
    """What was confirmed and is not erased yet."""
    confirmed = DisposalOutcome.objects.filter(
        complex_id=complex_id,
        disposal_id=OuterRef("disposal_id"),
        answer=Answer.CONFIRMED.value,
    )
    done = Erasure.objects.filter(complex_id=complex_id, doc=OuterRef("doc"))
    found: QuerySet[DisposalItem] = DisposalItem.objects.within(complex_id).filter(
        Exists(confirmed), ~Exists(done)
    )
    return found


def _newest(complex_id: UUID, doc: UUID) -> list[Event]:
    """The newest event of a document's own chain, and of each of those of what was approved
    afterwards (후결).
    """
    afterwards = _afterwards(complex_id, doc).values_list("id", flat=True)
    events = Event.objects.within(complex_id).filter(doc__in=[doc, *afterwards])
    return list(events.order_by("doc", "-seq").distinct("doc"))


def _afterwards(complex_id: UUID, doc: UUID) -> QuerySet[Circulation]:
    found: QuerySet[Circulation] = Circulation.objects.within(complex_id).filter(
        document_id=doc, leaf_hash__isnull=False
    )
    return found


def _awaits_place(newest: Sequence[Event]) -> bool:
    """Whether everything was said, and not all of it has its place in the log yet."""
    if any(event.name != EventName.ERASED for event in newest):
        return False
    ids = {event.id for event in newest}
    placed = standing_leaves(newest[0].complex_id).filter(event_id__in=ids)
    return bool(ids - set(placed.values_list("event_id", flat=True)))


def erase_files(complex_id: UUID) -> int:
    """Delete the files that erased documents held, unless another document holds the same. One that
    was just kept anew is looked at again later.

    Returns: how many were done with.
    """
    now = timezone.now()
    with tenancy.within(complex_id):
        pending = list(PendingFile.objects.within(complex_id).values_list("sha256", flat=True))
        if not pending:
            return 0
        in_use = _in_use(pending)
        done = [
            digest
            for digest in pending
            if digest in in_use or files.remove_untouched(digest, since=now - BUSY)
        ]
        PendingFile.objects.within(complex_id).filter(sha256__in=done).delete()
    return len(done)


def remove_unnamed_files() -> int:
    """Delete the files that no row of any complex names, a 256th part of them at each call: what a
    crash left between a file and its row, and what was taken out of a draft.

    While a log stands still its database may be an old one, which does not know newer files.
    Returns: how many were deleted.
    """
    before = timezone.now() - LEFT
    if Trouble.objects.filter(kind=TroubleKind.FROZEN, until=None).exists():
        return 0
    old = files.untouched(next(_shelves), since=before)
    named = _in_use(old) if old else set()
    return sum(
        files.remove_untouched(digest, since=before) for digest in old if digest not in named
    )


def _in_use(digests: list[str]) -> set[str]:
    """Which of them rows of any complex name."""
    with connection.cursor() as cursor:
        cursor.execute(IN_USE, [digests])
        return {digest for (digest,) in cursor.fetchall()}


def _erase(item: DisposalItem, complex_: Complex, at: datetime) -> None:
    """Say it in the log; or, where that is said already, let everything go.

    What came after it was said, as an approval afterwards, has it said again.
    """
    # Locked, so that nobody approves afterwards while it is erased.
    list(_afterwards(complex_.id, item.doc).select_for_update())
    newest = _newest(complex_.id, item.doc)
    lacking = [event.doc for event in newest if event.name != EventName.ERASED]
    if lacking:
        _say(item, complex_, lacking, at)
        return
    _destroy(complex_.id, item.doc, at)
    (own,) = [event for event in newest if event.doc == item.doc]
    Erasure.objects.create(
        complex=complex_, item=item, doc=item.doc, erased_at=at, leaf_hash=own.leaf_hash
    )


def _destroy(complex_id: UUID, doc: UUID, at: datetime) -> None:
    """Let everything go that a document said, and note its files for `erase_files`."""
    _forget_uploads(complex_id, doc)
    names = _names(complex_id, doc)
    with connection.cursor() as cursor:
        cursor.execute(ERASE, [complex_id, doc, at])
        digests = {digest for (digest,) in cursor.fetchall()}
    PendingFile.objects.bulk_create(
        [PendingFile(complex_id=complex_id, sha256=digest) for digest in sorted(digests)],
        ignore_conflicts=True,
    )
    # Before the transaction ends: after a crash it is all done again.
    _forget_reports(complex_id, names)


def _say(item: DisposalItem, complex_: Complex, chains: Iterable[UUID], at: datetime) -> None:
    """Add to these chains of a document, its own the last, that it was erased."""
    record = Record.objects.within(complex_.id).filter(doc=item.doc).first()
    outcome = (
        DisposalOutcome.objects.within(complex_.id)
        .select_related("answered_by__person")
        .get(disposal_id=item.disposal_id)
    )
    disposal = item.disposal
    values = {
        "erasure": canonical(
            {
                "v": 1,
                "record": record.digest if record else "",
                "basis": Basis(disposal.basis).label,
                "reason": disposal.reason,
            }
        ),
        "proposer": actor_value(disposal.proposed_by),
        "officer": actor_value(outcome.answered_by),
    }
    for chain in sorted(chains, key=lambda one: one == item.doc):
        append_event(complex_, chain, EventName.ERASED, values, at=at)


def _names(complex_id: UUID, doc: UUID) -> list[str]:
    """By what reports of audits name a document."""
    document = Document.objects.within(complex_id).get(id=doc)
    records = Record.objects.within(complex_id).filter(doc=doc)
    return [doc.hex, f"‘{document.title}’", *records.values_list("number", flat=True)]


def _forget_reports(complex_id: UUID, names: Iterable[str]) -> None:
    """Delete the files of reports that name a document; their rows keep what is said of others."""
    spelt = {form for name in names for form in (name, json.dumps(name, ensure_ascii=False)[1:-1])}
    code = Complex.objects.get(id=complex_id).code
    for path in sorted((settings.REPORTS / code).glob("*.*")):
        text = path.read_text(encoding="utf-8")
        if any(form in text for form in spelt):
            path.unlink()


def _forget_uploads(complex_id: UUID, doc: UUID) -> None:
    """Files that programs sent ahead are kept for a week, beside what was attached."""
    held = Enclosure.objects.within(complex_id).filter(document_id=doc).values("sha256")
    for upload in Upload.objects.within(complex_id).filter(sha256__in=held):
        ahead.remove(upload)
        upload.delete()
