"""Publishing: what is due to be shown is checked, written out as static files, and logged."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from danji.base import tenancy
from danji.base.jobs import each
from danji.complexes.models import Complex
from danji.disclosure import site
from danji.disclosure.actions import note_obstacle, publish_record
from danji.disclosure.bundles import bundle_of, stamped_leaves
from danji.disclosure.endings import proof_of_end, tombstone_of
from danji.disclosure.inspection import UNPROVEN, Place, find_obstacles
from danji.disclosure.models import Clearance, Confirmation, Obstacle, Publication
from danji.disclosure.queries import (
    Agreement,
    DisclosedRecord,
    agreement_on,
    closed_records,
    disclosed,
    open_records,
    pdf_of,
    proof_of,
    publicly_replaced,
)
from danji.records.models import Record
from danji.renditions.models import Rendition
from danji.rules.disclosure import Scope
from danji.transparency.keys import log_keys
from danji.transparency.models import Stamp
from danji.transparency.queries import (
    confirmed_leaves,
    has_head,
    log_of,
    policy,
    published_head,
    standing_leaves,
)
from danji_verify.check import check_pdf
from danji_verify.entry import Event
from danji_verify.policy import Policy
from danji_verify.report import Verdict

logger = logging.getLogger(__name__)

ERASED_AT = "record__erased_at"
BATCH = 20  # records in one run, so that other complexes get their turn

# What this process found done, and looks at no more: tombstones by publication and when it was
# erased, and publications whose proof is as good as it can be under a key.
_buried: set[tuple[UUID, datetime | None]] = set()
_renewed: set[tuple[UUID, str]] = set()


def publish_rendered_records(complex_id: UUID) -> int:
    """Disclose every record whose PDF has its place in the log. Safe to run twice.

    The files are written first and the fact noted after: it says what can be read already.
    Returns: how many records were disclosed, or found to hold what must not be shown.
    """
    complex_ = Complex.objects.get(id=complex_id)

    def publish(record_id: UUID) -> None:
        record = Record.objects.within(complex_id).get(id=record_id)
        _publish(record, complex_, timezone.now())

    with tenancy.within(complex_id):
        waiting = _waiting(complex_)
    done = each(complex_id, waiting, publish, at_most=BATCH)
    with tenancy.within(complex_id):
        if not site.is_current(complex_):
            site.write_lists(complex_, at=timezone.now())
    return done


def write_missing_pages(complex_id: UUID) -> int:
    """Write again what was published and is not there any more. For the start of the worker.

    Returns: how many documents were written.
    """
    complex_ = Complex.objects.get(id=complex_id)

    def write(publication: Publication) -> None:
        _write(disclosed(publication.record), complex_, at=publication.published_at)

    with tenancy.within(complex_id):
        missing = [
            publication
            for publication in open_records(complex_id)
            if not site.is_written(complex_, publication.record)
        ]
    return each(complex_id, missing, write)


def confirm_published_records(complex_id: UUID) -> int:
    """Say on the page of every published record that the witnesses have agreed on it, and offer its
    proof bundle there; write that once more when it can hold a time stamp. Safe to run twice.

    Returns: how many became confirmed (확정), or stamped.
    """
    complex_ = Complex.objects.get(id=complex_id)
    with tenancy.within(complex_id):
        agreed = [(stamped, _agreed(complex_, stamped=stamped)) for stamped in (False, True)]
    return sum(_confirm(complex_, waiting, stamped=stamped) for stamped, waiting in agreed)


def _confirm(complex_: Complex, waiting: Sequence[UUID], *, stamped: bool) -> int:
    def confirm(publication_id: UUID) -> None:
        publication = open_records(complex_.id).get(id=publication_id)
        shown = disclosed(publication.record)
        agreement = _write(shown, complex_, at=publication.published_at)
        if agreement is not None:
            Confirmation.objects.create(
                complex=complex_,
                record=shown.record,
                size=agreement.size,
                stamped=stamped,
                written_at=timezone.now(),
            )

    return each(complex_.id, waiting, confirm, at_most=BATCH)


def _agreed(complex_: Complex, *, stamped: bool) -> list[UUID]:
    """The publications agreed on, or stamped, whose pages do not say so yet."""
    if stamped and not Stamp.objects.exists():
        return []
    written = Confirmation.objects.filter(
        complex_id=complex_.id, record_id=OuterRef("record_id"), stamped=stamped
    )
    lacking = open_records(complex_.id).filter(~Exists(written))
    if not lacking.exists():
        return []
    covered = stamped_leaves(complex_) if stamped else confirmed_leaves(complex_.id)
    agreed = covered.filter(event__doc=OuterRef("record__doc"), event__name=Event.FINALIZED)
    waiting = lacking.filter(Exists(agreed)).order_by("published_at", "id")
    return list(waiting.values_list("id", flat=True))


def renew_proofs(complex_id: UUID) -> int:
    """Write the proofs of what is published again under the log's new key, once that signs: under
    the old one alone a proof is believed only where the witnesses had agreed.

    Returns: how many documents were written.
    """
    complex_ = Complex.objects.get(id=complex_id)

    def write(publication_id: UUID) -> None:
        publication = open_records(complex_id).get(id=publication_id)
        _write(disclosed(publication.record), complex_, at=publication.published_at)
        _renewed.add((publication_id, key))

    with tenancy.within(complex_id):
        key = str(log_keys(complex_, log_of(complex_id))[0])
        before = site.proofs_signed_by(complex_)
        if before == key or not has_head(complex_):
            return 0
        agreed = policy(complex_)
        if agreed.judge(published_head(complex_).note).retired:
            return 0
        stale = _with_old_proofs(complex_, agreed, key) if before else []
    if not stale:
        site.note_proofs_signed_by(complex_, key)
    return each(complex_id, stale, write, at_most=BATCH)


def _with_old_proofs(complex_: Complex, agreed: Policy, key: str) -> list[UUID]:
    """The publications whose proofs nobody believes any more, since another key than that signed
    them and no witness agreed.
    """
    old = []
    for publication_id, doc in open_records(complex_.id).values_list("id", "record__doc"):
        if (publication_id, key) in _renewed:
            continue
        if site.is_proof_believed(complex_, doc, agreed):
            _renewed.add((publication_id, key))
        else:
            old.append(publication_id)
    return old


def write_tombstones(complex_id: UUID) -> int:
    """Put a page that says so in the place of every public record that was erased or is disclosed
    no more, and take its files away. Safe to run twice.

    Returns: how many were written whole; one without its proof is written again until it has it.
    """
    complex_ = Complex.objects.get(id=complex_id)
    proven = 0

    def bury(publication_id: UUID) -> None:
        nonlocal proven
        publication = closed_records(complex_id).get(id=publication_id)
        tombstone = tombstone_of(publication.record)
        proof = proof_of_end(tombstone, complex_)
        site.write_tombstone(tombstone, complex_, published_at=publication.published_at)
        for replaced in publicly_replaced(publication.record):
            site.write_page(disclosed(replaced.record), complex_, at=replaced.published_at)
        if proof is not None:
            site.write_proof_of_end(tombstone, complex_, proof)
            proven += 1

    with tenancy.within(complex_id):
        ended = list(closed_records(complex_id).values_list("id", "record__doc", ERASED_AT))
    lying = []
    for publication_id, doc, erased_at in ended:
        if (publication_id, erased_at) in _buried:
            continue
        if site.is_buried(complex_, doc, is_erased=erased_at is not None):
            _buried.add((publication_id, erased_at))
        else:
            lying.append(publication_id)
    each(complex_id, lying, bury)
    return proven


def look_for_tombstones(complex_id: UUID) -> int:
    """See whether every tombstone still stands; one that somebody took away is written again.

    Returns: how many were gone.
    """
    complex_ = Complex.objects.get(id=complex_id)
    gone = 0
    with tenancy.within(complex_id):
        ended = list(closed_records(complex_id).values_list("id", "record__doc", ERASED_AT))
    for publication_id, doc, erased_at in ended:
        known = (publication_id, erased_at)
        if known in _buried and not site.is_buried(complex_, doc, is_erased=erased_at is not None):
            _buried.discard(known)
            gone += 1
    return gone


def write_logs(complex_id: UUID) -> int:
    """Show where the log of the complex stands, and offer the whole of it, when it has grown.

    Returns: 0, since nothing hangs on it that another job would do.
    """
    complex_ = Complex.objects.get(id=complex_id)
    with tenancy.within(complex_id):
        site.write_log(complex_, at=timezone.now())
    return 0


def _write(shown: DisclosedRecord, complex_: Complex, *, at: datetime) -> Agreement | None:
    """Write a document's files. Returns: who has agreed on it; None while it is provisional."""
    agreement = agreement_on(shown, complex_)
    site.write_document(
        shown,
        complex_,
        pdf=pdf_of(shown),
        proof=proof_of(shown, complex_),
        bundle=bundle_of(shown, complex_) if agreement else None,
        at=at,
    )
    return agreement


def _unproven(pdf: bytes, proof: bytes, complex_: Complex) -> list[Place]:
    """What a stranger's check would find wrong: nothing is shown that does not pass it.

    The witnesses are not asked for: what they have not cosigned yet is shown as provisional (잠정).
    """
    report = check_pdf(pdf, proof, replace(policy(complex_), quorum=None))
    if report.verdict is Verdict.ACCEPTED:
        return []
    logger.critical("%s: a document does not pass its own check\n%s", complex_, report.as_text())
    return [Place("문서 전체", UNPROVEN)]


def _waiting(complex_: Complex) -> list[UUID]:
    """The records to disclose whose PDF a published head holds: a leaf is there before its head."""
    if not has_head(complex_):
        return []
    complex_id, head = complex_.id, published_head(complex_)
    of_record = {"complex_id": complex_id, "record_id": OuterRef("id")}
    logged = standing_leaves(complex_id).filter(
        ~Q(log_number=log_of(complex_id).number) | Q(index__lt=head.checkpoint.size),
        event__doc=OuterRef("doc"),
        event__name=Event.FINALIZED,
    )
    blocked = Exists(Obstacle.objects.filter(**of_record)) & ~Exists(
        Clearance.objects.filter(**of_record)
    )
    return list(
        Record.objects.within(complex_id)
        .exclude(scope=Scope.WITHHELD)
        .filter(erased_at=None)
        .filter(Exists(Rendition.objects.filter(**of_record)), Exists(logged))
        .filter(~Exists(Publication.objects.filter(**of_record)))
        .exclude(blocked)
        .order_by("filed_at", "id")
        .values_list("id", flat=True)
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
        _write(shown, complex_, at=now)
    publication = publish_record(shown, complex_, at=now)
    if publication.scope == Scope.PUBLIC:
        for replaced in publicly_replaced(record):
            site.write_page(disclosed(replaced.record), complex_, at=replaced.published_at)
