"""Erasing what two officers agreed on: what the rows said, and then the files."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import cycle
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef
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
from danji_verify.canonical import canonical
from danji_verify.entry import Event as EventName

BATCH = 50  # documents in one run, so that other complexes get their turn
ERASE = "SELECT danji_erase_document(%s, %s, %s)"
IN_USE = "SELECT danji_files_in_use(%s)"
BUSY = timedelta(hours=1)  # after a file was kept anew: its transaction may still be open
LEFT = timedelta(days=1)  # after which a file that no row names was left by a crash, or taken out
_shelves = cycle(f"{number:02x}" for number in range(256))


def erase_confirmed(complex_id: UUID) -> int:
    """Erase every document whose disposal was confirmed: its event, and all that its rows said, in
    one transaction. Safe to run twice, and after a crash.

    Returns: how many were erased.
    """
    complex_ = Complex.objects.get(id=complex_id)

    def erase(item: DisposalItem) -> None:
        _erase(item, complex_, timezone.now())

    with tenancy.within(complex_id):
        agreed = DisposalOutcome.objects.filter(
            complex_id=complex_id,
            disposal_id=OuterRef("disposal_id"),
            answer=Answer.CONFIRMED.value,
        )
        done = Erasure.objects.filter(complex_id=complex_id, doc=OuterRef("doc"))
        # Of a document that stands in two disposals, one item is enough.
        waiting = {
            item.doc: item
            for item in DisposalItem.objects.within(complex_id)
            .filter(Exists(agreed), ~Exists(done))
            .select_related("disposal__proposed_by__person")
            .order_by("id")
        }
    return each(complex_id, waiting.values(), erase, at_most=BATCH)


def erase_restored(complex_id: UUID) -> int:
    """Erase again what the log says was erased, and a restored backup has brought back.

    Returns: how many documents.
    """

    def erase(doc: UUID) -> None:
        _destroy(complex_id, doc, timezone.now())

    with tenancy.within(complex_id):
        erased = Event.objects.within(complex_id).filter(name=EventName.ERASED)
        restored = list(
            Document.objects.within(complex_id)
            .filter(erased_at=None, id__in=erased.values("doc"))
            .values_list("id", flat=True)
        )
    return each(complex_id, restored, erase)


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
    # The log first: the owner's function erases nothing of which it does not say so.
    leaf_hash = _log(item, complex_, at)
    _destroy(complex_.id, item.doc, at)
    Erasure.objects.create(
        complex=complex_, item=item, doc=item.doc, erased_at=at, leaf_hash=leaf_hash
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


def _log(item: DisposalItem, complex_: Complex, at: datetime) -> bytes:
    """Say it in the document's chain, and in those of what was approved afterwards (후결), once:
    the log may know of an erasure that a restored database does not.
    """
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
    # Locked, so that nobody approves afterwards while it is erased.
    afterwards = [
        circulation.id
        for circulation in Circulation.objects.within(complex_.id)
        .select_for_update()
        .filter(document_id=item.doc)
        if circulation.leaf_hash is not None
    ]
    said = dict(
        Event.objects.within(complex_.id)
        .filter(name=EventName.ERASED, doc__in=[item.doc, *afterwards])
        .values_list("doc", "leaf_hash")
    )
    for chain in (*afterwards, item.doc):
        if chain not in said:
            said[chain] = append_event(complex_, chain, EventName.ERASED, values, at=at)
    return bytes(said[item.doc])


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
