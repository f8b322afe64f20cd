"""Publishing: what is due to be shown is checked, written out as static files, and logged."""

import logging
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils import timezone

from danji.base import tenancy
from danji.base.jobs import each
from danji.complexes.models import Complex
from danji.disclosure import site
from danji.disclosure.actions import note_obstacle, publish_record
from danji.disclosure.inspection import UNPROVEN, Place, find_obstacles
from danji.disclosure.models import Clearance, Obstacle, Publication
from danji.disclosure.queries import (
    disclosed,
    pdf_of,
    proof_of,
    publicly_replaced,
    published_records,
)
from danji.records.models import Record
from danji.renditions.models import Rendition
from danji.rules.disclosure import Scope
from danji.transparency.models import Leaf
from danji.transparency.queries import policy
from danji_verify.check import check_pdf
from danji_verify.entry import Event
from danji_verify.report import Verdict

logger = logging.getLogger(__name__)

BATCH = 20  # records in one run, so that other complexes get their turn


def publish_rendered_records(complex_id: UUID) -> int:
    """Disclose every record whose PDF has its place in the log. Safe to run twice.

    The files are written first and the fact noted after: it says what can be read already.
    Returns: how many records were disclosed, or found to hold what must not be shown.
    """
    complex_ = Complex.objects.get(id=complex_id)

    def publish(record: Record) -> None:
        _publish(record, complex_, timezone.now())

    with tenancy.within(complex_id):
        waiting = _waiting(complex_id)
    done = each(complex_id, waiting, publish)
    with tenancy.within(complex_id):
        if not site.is_current(complex_):
            site.write_lists(complex_)
    return done


def write_missing_pages(complex_id: UUID) -> int:
    """Write again what was published and is not there any more. For the start of the worker.

    Returns: how many documents were written.
    """
    complex_ = Complex.objects.get(id=complex_id)

    def write(publication: Publication) -> None:
        shown = disclosed(publication.record)
        site.write_document(
            shown,
            complex_,
            pdf=pdf_of(shown),
            proof=proof_of(shown, complex_),
            at=publication.published_at,
        )

    with tenancy.within(complex_id):
        missing = [
            publication
            for publication in published_records(complex_id)
            if not site.is_written(complex_, publication.record)
        ]
    return each(complex_id, missing, write)


def _unproven(pdf: bytes, proof: bytes, complex_: Complex) -> list[Place]:
    """What a stranger's check would find wrong: nothing is shown that does not pass it."""
    report = check_pdf(pdf, proof, policy(complex_))
    if report.verdict is Verdict.ACCEPTED:
        return []
    logger.critical("%s: a document does not pass its own check\n%s", complex_, report.as_text())
    return [Place("문서 전체", UNPROVEN)]


def _waiting(complex_id: UUID) -> list[Record]:
    of_record = {"complex_id": complex_id, "record_id": OuterRef("id")}
    logged = Leaf.objects.filter(
        complex_id=complex_id, event__doc=OuterRef("doc"), event__name=Event.FINALIZED
    )
    blocked = Exists(Obstacle.objects.filter(**of_record)) & ~Exists(
        Clearance.objects.filter(**of_record)
    )
    return list(
        Record.objects.within(complex_id)
        .exclude(scope=Scope.WITHHELD)
        .filter(Exists(Rendition.objects.filter(**of_record)), Exists(logged))
        .filter(~Exists(Publication.objects.filter(**of_record)))
        .exclude(blocked)
        .order_by("filed_at", "id")[:BATCH]
    )


def _publish(record: Record, complex_: Complex, now: datetime) -> None:
    shown = disclosed(record)
    pdf, proof = pdf_of(shown), proof_of(shown, complex_)
    if shown.obstacle is None:
        places = _unproven(pdf, proof, complex_) or find_obstacles(shown.payload, pdf)
        if places:
            note_obstacle(shown, places, at=now)
            return
    if shown.payload["content"]["disclosure"]["scope"] == Scope.PUBLIC:
        site.write_document(shown, complex_, pdf=pdf, proof=proof, at=now)
    publication = publish_record(shown, complex_, at=now)
    if publication.scope == Scope.PUBLIC:
        for replaced in publicly_replaced(record):
            site.write_page(disclosed(replaced.record), complex_, at=replaced.published_at)
