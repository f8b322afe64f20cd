"""The proof bundle (증명 묶음): one ZIP with which a stranger checks a record, offline."""

from django.db.models import Q, QuerySet
from django.template.loader import render_to_string

from danji.complexes.models import Complex
from danji.disclosure.queries import DisclosedRecord, pdf_of, proof_of
from danji.renditions.models import Rendition
from danji.renditions.parts import proofs_of
from danji.rules.refusal import Refusal
from danji.transparency.models import Leaf, Log
from danji.transparency.queries import (
    LoggedEvent,
    PublishedHead,
    confirmed_docs,
    events_of,
    log_of,
    policy,
    standing_leaves,
)
from danji.transparency.stamping import Stamped, stamped_head
from danji.transparency.standing import agreed
from danji.transparency.tree import pack
from danji_verify.canonical import b64decode
from danji_verify.checkpoint import Checkpoint
from danji_verify.note import parse_note
from danji_verify.page import page
from danji_verify.proof import Proof

README = "읽어주세요.txt"


def bundle_of(shown: DisclosedRecord, complex_: Complex) -> bytes:
    """The proof bundle of a record, against the newest confirmed head of its log that was stamped,
    or the newest of all before there is one.

    Returns: the bytes of a ZIP, laid out in `docs/spec/record.md`.
    Raises: Refusal while the record is provisional (잠정); Rendition.DoesNotExist before its PDF.
    """
    event = shown.finalized
    if shown.rendition is None or event is None:
        raise Rendition.DoesNotExist
    if not confirmed_docs(complex_.id, [shown.record.doc]):
        raise Refusal(
            "아직 다른 기관의 확인을 받지 않은 잠정 봉인이라 증명 묶음을 만들 수 없습니다.",
            next_step="PDF와 증명 파일을 받으시고, 묶음은 확인을 받은 뒤에 다시 눌러 주세요.",
        )
    logged = [step for step in events_of(complex_.id, shown.record.doc) if step.seq <= event.seq]
    stamped = _stamped(complex_, event)
    under = PublishedHead.read(stamped.head) if stamped else None
    proof = proof_of(shown, complex_, under=under)
    files = {"document.pdf": pdf_of(shown), "document.pdf.tlog-proof": proof}
    for part in proofs_of(shown.record, shown.payload, complex_, logged, under=under):
        files[part.name] = part.data
    for step in logged:
        if "auth" in step.openings:
            files[f"auth-{step.seq}.json"] = b64decode(step.openings["auth"]["value"])
    if stamped:
        files["stamp.note"] = stamped.note
        files["stamp.tsr"] = stamped.token
        files["stamp.tlog-proof"] = stamped.proof
    files["verify.html"] = page()
    files[README] = _readme(shown, complex_, proof).encode()
    return pack(files)


def stamped_leaves(complex_: Complex) -> QuerySet[Leaf]:
    """The leaves of the complex below a stamped head that the witnesses agreed on."""
    covered, trusted = Q(id__in=[]), policy(complex_)
    for log in Log.objects.within(complex_.id):
        stamped = stamped_head(log.origin, 1, trusted)
        if stamped is not None:
            size = PublishedHead.read(stamped.head).checkpoint.size
            covered |= Q(log_number=log.number, index__lt=size)
    return standing_leaves(complex_.id).filter(covered)


def _stamped(complex_: Complex, event: LoggedEvent) -> Stamped | None:
    """The newest stamp over a head that has the event and that the witnesses agreed on."""
    origin = log_of(complex_.id, event.log_number).origin
    return stamped_head(origin, event.index + 1, policy(complex_))


def _readme(shown: DisclosedRecord, complex_: Complex, proof: bytes) -> str:
    """What the files are and how to check them, for somebody who never heard of any of it."""
    head = Checkpoint.parse(parse_note(Proof.parse(proof).checkpoint).text)
    return render_to_string(
        "public/bundle.txt",
        {
            "complex": complex_,
            "record": shown.record,
            "attachments": shown.payload["content"]["attachments"],
            "head": head,
            "watches": agreed(head.origin, head.size),
        },
    )
