"""Erasing what two officers agreed on: what the rows said, and then the files."""

from datetime import datetime
from uuid import UUID

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
from danji.transparency.models import Event
from danji_verify.canonical import canonical
from danji_verify.entry import Event as EventName

BATCH = 50  # documents in one run, so that other complexes get their turn
ERASE = "SELECT danji_erase_document(%s, %s, %s)"
IN_USE = "SELECT danji_files_in_use(%s)"


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
            .order_by("id")[:BATCH]
        }
    return each(complex_id, waiting.values(), erase)


def erase_restored(complex_id: UUID) -> int:
    """Erase again what the log says was erased, and a restored backup has brought back. For the
    start of the worker. Returns: how many documents.
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
    """Delete the files that erased documents held, unless another document holds the same.

    A file that is attached anew in this very moment is lost to it, which is noticed when it is
    submitted or filed (`files.require`), and attaching it again brings it back.
    Returns: how many were looked at.
    """
    with tenancy.within(complex_id):
        pending = list(
            PendingFile.objects.within(complex_id).values_list("sha256", flat=True)[:BATCH]
        )
        if not pending:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(IN_USE, [pending])
            in_use = {digest for (digest,) in cursor.fetchall()}
        for digest in pending:
            if digest not in in_use:
                files.remove(digest)
        PendingFile.objects.within(complex_id).filter(sha256__in=pending).delete()
    return len(pending)


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
    with connection.cursor() as cursor:
        cursor.execute(ERASE, [complex_id, doc, at])
        digests = {digest for (digest,) in cursor.fetchall()}
    PendingFile.objects.bulk_create(
        [PendingFile(complex_id=complex_id, sha256=digest) for digest in sorted(digests)],
        ignore_conflicts=True,
    )


def _log(item: DisposalItem, complex_: Complex, at: datetime) -> bytes:
    """Say it in the document's chain, and in those of what was approved afterwards (후결)."""
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
    afterwards = Circulation.objects.within(complex_.id).filter(
        document_id=item.doc, leaf_hash__isnull=False
    )
    for chain in afterwards.values_list("id", flat=True):
        append_event(complex_, chain, EventName.ERASED, values, at=at)
    return append_event(complex_, item.doc, EventName.ERASED, values, at=at)


def _forget_uploads(complex_id: UUID, doc: UUID) -> None:
    """Files that programs sent ahead are kept for a week, beside what was attached."""
    held = Enclosure.objects.within(complex_id).filter(document_id=doc).values("sha256")
    for upload in Upload.objects.within(complex_id).filter(sha256__in=held):
        ahead.remove(upload)
        upload.delete()
