"""T26: whoever holds the seal puts something else inside, and seals and logs that."""

from dataclasses import replace

import pytest
from django.utils import timezone

from audited import approved, audit, faults, settle
from danji.approvals.drafting import attach_file, submit_draft
from danji.audit.actions import audit_and_note
from danji.renditions import jobs
from papers import decide, drafted

RECEIPT = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


@pytest.fixture
def sealed(bookkeeper, chief, manager, sign, at, monkeypatch):
    """A document with an attachment, sealed after its parts were changed."""

    def seal(change):
        draft = drafted(bookkeeper, at, form="expense")
        attach_file(draft.id, "견적서.pdf", RECEIPT, actor=bookkeeper, at=at)
        document = submit_draft(draft.id, actor=bookkeeper, at=at)
        decide(document, chief, sign, at)
        decide(document, manager, sign, at)
        render = jobs.render

        def false(document, *, attachments):
            return render(document, attachments=[change(one) for one in attachments])

        with monkeypatch.context() as operator:
            operator.setattr(jobs, "render", false)
            settle()

    return seal


def another_attachment(part):
    if not part.name.startswith("붙임1"):
        return part
    return replace(part, data=part.data + b"% 99,000,000\n")


def another_record(part):
    if part.name != "record.json":
        return part
    return replace(part, data=part.data.replace(b"132000", b"932000"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (another_attachment, "붙임1이 상신할 때와 다릅니다"),
        (another_record, "봉인한 PDF에 든 기록이 등록한 기록과 다릅니다"),
    ],
)
def test_t26_what_was_false_before_it_was_sealed_is_told(complex_, sealed, change, said, at):
    sealed(change)
    assert said in faults(audit(complex_, at))


def test_t26_a_sealed_pdf_is_opened_until_an_audit_finds_no_fault(
    complex_, bookkeeper, chief, manager, sign, at, alter
):
    def opened(anew=False):
        found = audit_and_note(complex_, at=timezone.now(), anew=anew)
        return found.found.rows["opened"]

    approved(bookkeeper, chief, manager, sign, at)
    settle()
    alter("UPDATE approvals_document SET payee = payee || 'x'")
    assert [opened(), opened()] == [1, 1]
    alter("UPDATE approvals_document SET payee = rtrim(payee, 'x')")
    assert [opened(), opened(), opened(anew=True)] == [1, 0, 1]
    approved(bookkeeper, chief, manager, sign, at)
    settle()
    assert opened() == 1
