"""What was found, for the page of those in charge."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from danji.accounts.models import Officeholder
from danji.attachments.models import Attached, Preview
from danji.audit.models import AuditRun
from danji.base import tenancy
from danji.rules.refusal import Refusal
from danji.transparency.troubles import IN_CHARGE


def runs_for(reader: Officeholder) -> QuerySet[AuditRun]:
    """The audits of the reader's complex, the newest first.

    Raises: Refusal for whoever is not in charge.
    """
    if reader.office not in IN_CHARGE:
        raise Refusal(
            "점검 결과는 관리사무소장, 회장, 감사가 봅니다.",
            next_step="봐야 하는 일이 있으면 그분들께 부탁해 주세요.",
        )
    found: QuerySet[AuditRun] = AuditRun.objects.within(reader.complex_id)
    return found


def kept_elsewhere(complex_ids: Iterable[UUID]) -> set[bytes]:
    """The digests of files that belong to no submitted document: of drafts, and previews."""
    named: set[bytes] = set()
    for complex_id in complex_ids:
        with tenancy.within(complex_id):
            digests = set(Attached.objects.within(complex_id).values_list("sha256", flat=True))
            for preview in Preview.objects.within(complex_id):
                digests |= {*preview.pictures, preview.sections}
        named |= {bytes.fromhex(digest) for digest in digests if digest}
    return named
