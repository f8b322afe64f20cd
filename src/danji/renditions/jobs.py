"""Rendering: every sealed record gets its PDF, its proofs inside and the seal on it."""

from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from danji.base import files, tenancy
from danji.base.jobs import each
from danji.base.keys import read_key, seal_signer
from danji.complexes.models import Complex
from danji.records.models import Record
from danji.records.queries import sealed_records
from danji.renditions.models import Rendition
from danji.renditions.parts import attachments_of, proofs_of
from danji.renditions.pdf import Labels, OfficialDocument, render
from danji.renditions.seal import Sealed, SealKey, seal
from danji.rules.disclosure import Scope
from danji.rules.retention import class_of
from danji.signing.evidence import method_label
from danji.transparency.actions import Kept, append_event
from danji.transparency.queries import events_of, methods_of, published_head, seal_name
from danji_verify.canonical import b64encode, canonical
from danji_verify.entry import Event

BATCH = 20  # records in one run, so that other complexes get their turn


def render_sealed_records(complex_id: UUID) -> int:
    """Give every sealed record its PDF/A. Safe to run twice, and after a crash.

    Returns: how many were rendered.
    """
    complex_ = Complex.objects.get(id=complex_id)

    def render_record(record_id: UUID) -> None:
        _render(Record.objects.within(complex_id).get(id=record_id), complex_)

    with tenancy.within(complex_id):
        rendered = Rendition.objects.filter(complex_id=complex_id, record_id=OuterRef("id"))
        sealed = sealed_records(complex_id).filter(~Exists(rendered))
        waiting = list(sealed.values_list("id", flat=True))
    return each(complex_id, waiting, render_record, at_most=BATCH)


def _render(record: Record, complex_: Complex) -> None:
    now = timezone.now()
    payload = record.parsed_payload()
    document = official_document(payload, complex_)
    logged = events_of(complex_.id, record.doc)
    inside = proofs_of(record, payload, complex_, logged)
    pdf = render(document, attachments=[*inside, *attachments_of(payload["content"])])
    sealed = seal(pdf, seal_key(complex_.code, seal_name(complex_.id)), now)
    Rendition.objects.create(
        complex=complex_,
        record=record,
        file=files.put(sealed.pdf),
        signed=sealed.signed_sha256,
        signature=sealed.signature_sha256,
        size=len(sealed.pdf),
        rendered_at=now,
    )
    append_event(
        complex_,
        record.doc,
        Event.FINALIZED,
        {"pdf": sealed_digests(sealed), "record": Kept(record.digest)},
        at=now,
    )


def sealed_digests(sealed: Sealed) -> bytes:
    """What the log commits to of a sealed PDF: its signed bytes, and the signature itself."""
    return canonical({"signed": sealed.signed_sha256, "signature": sealed.signature_sha256})


@lru_cache(maxsize=64)
def seal_key(code: str, name: str) -> SealKey:
    """A seal of the complex, loaded once for the process.

    Raises: Refusal when its files are missing, or its token is away.
    """
    return SealKey.load(seal_signer(code, name), read_key(code, f"{name}.crt"))


def official_document(payload: dict[str, Any], complex_: Complex) -> OfficialDocument:
    """What the page shows of a record, and the address at which it can be checked."""
    content = payload["content"]
    notice = content["form"]["kind"] == "notice"
    head = published_head(complex_)
    # Only what is open to everybody has a page; the others are checked with the verifier's.
    page = "verify.html"
    if content["disclosure"]["scope"] == Scope.PUBLIC:
        page = f"{complex_.code}/{content['doc']}/"
    address = f"{settings.SITE_URL}{settings.PUBLIC_URL}{page}"
    methods = methods_of(complex_.id, UUID(content["doc"]))
    return OfficialDocument(
        record=payload,
        blocks=content["blocks"],
        complex_name=complex_.name,
        qr_text=f"{address}#{head.checkpoint.printed}",
        proof_url=address,
        signed={b64encode(leaf): method_label(method) for leaf, method in methods.items()},
        labels=Labels(
            form=content["form"]["title"],
            recipient="입주자등" if notice else "내부결재",
            sender=f"{complex_.name} 관리사무소장" if notice else "",
            address=complex_.address,
            contact=complex_.phone,
            retention=_retention_label(payload),
        ),
    )


def _retention_label(payload: dict[str, Any]) -> str:
    row = class_of(payload["retention"]["class"], date.fromisoformat(payload["retention"]["from"]))
    return row.label
