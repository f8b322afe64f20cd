"""Files on their way out: saved by the browser, never opened as a page of ours."""

import re

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from danji.disclosure.bundles import bundle_of
from danji.disclosure.queries import DisclosedRecord, pdf_of, proof_of
from danji.rules.refusal import Refusal
from danji.web.headers import POLICY_OF_FILES
from danji_verify.errors import ProofError


def download(data: bytes, name: str, media_type: str) -> HttpResponse:
    """A file for the reader to keep, under its own name."""
    response = HttpResponse(data, content_type=media_type)
    disposition = content_disposition_header(as_attachment=True, filename=_safe(name))
    if disposition:
        response["Content-Disposition"] = disposition
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = POLICY_OF_FILES
    return response


def download_pdf(shown: DisclosedRecord) -> HttpResponse:
    """The sealed PDF of a record. Raises: Rendition.DoesNotExist before it was made."""
    return download(pdf_of(shown), f"{shown.record}.pdf", "application/pdf")


def download_proof(shown: DisclosedRecord) -> HttpResponse:
    """The proof that belongs beside the PDF.

    Raises: Refusal while the newest published head does not reach so far.
    """
    try:
        proof = proof_of(shown, shown.record.complex)
    except (ProofError, FileNotFoundError):
        raise Refusal(
            "증명 파일을 만드는 중입니다.", next_step="잠시 뒤 다시 눌러 주세요."
        ) from None
    return download(proof, f"{shown.record}.pdf.tlog-proof", "application/octet-stream")


def download_bundle(shown: DisclosedRecord) -> HttpResponse:
    """The proof bundle of a record. Raises: Refusal while it is provisional (잠정)."""
    data = bundle_of(shown, shown.record.complex)
    return download(data, f"증명-{shown.record.number}.zip", "application/zip")


def _safe(name: str) -> str:
    """A name that no file system refuses."""
    return re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", name)
