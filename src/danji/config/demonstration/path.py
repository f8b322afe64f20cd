"""The main path, taken by the demonstration's documents from draft to independent proof."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from danji.accounts.models import Office, Officeholder
from danji.approvals import deciding, drafting
from danji.approvals.lines import Added, Changes
from danji.approvals.models import Document, Step
from danji.base import tenancy
from danji.config.demonstration import documents
from danji.config.demonstration.complex import Cast, find_demonstration, make_demonstration
from danji.config.demonstration.relay import make_practice_relay
from danji.config.demonstration.witnesses import let_witnesses_agree
from danji.config.schedule import run_jobs, send_messages, wait_for_seal
from danji.disclosure.queries import disclosed, pdf_of, proof_of
from danji.formbook import values
from danji.formbook.definition import load
from danji.records.models import Record, Relation
from danji.rules.approval import Act, Choice, Decision
from danji.signing.evidence import session_signer
from danji.transparency.queries import policy
from danji.transparency.sequencer import Sequencer, only_one

_FORGET = ("--memory", "none")  # another demonstration has another log of this name
PATIENCE = 60  # looks at what the sequencer of a running server has done


@dataclass(frozen=True)
class Checked:
    """A document that went all the way, where its PDF lies, and what the verifier said."""

    title: str
    number: str
    pdf: Path
    page: str  # address
    verdict: str
    verified: bool


def run_main_path() -> Iterator[str | Checked]:
    """Fill an empty database and take the documents along the path.

    Yields: sentences on what is being done, and at last one result for each document.
    """
    yield "연습용 단지를 준비합니다."
    cast = find_demonstration() or make_demonstration(timezone.now())
    make_practice_relay(settings.PRACTICE)
    yield "관리비 부과내역 공고, 입찰공고, 의결, 지출결의서를 기안하고 결재합니다."
    _approve_documents(cast)
    yield "결재한 일을 봉인하고, PDF를 만들어 공개합니다."
    _seal_and_publish(cast)
    yield "단지와 구청을 맡은 연습용 확인 기관 둘이 장부를 확인합니다."
    let_witnesses_agree(cast.complex)
    _seal_and_publish(cast)
    yield "만든 PDF를 독립 확인 프로그램으로 확인합니다."
    yield from _check(cast)


def _approve_documents(cast: Cast) -> None:
    """Take every document as far as it goes; what was done before an interruption stays done."""
    _take(cast, Office.BOOKKEEPER, "fee-notice", documents.FEE_NOTICE)
    first = _take(cast, Office.CLERK, "bid-notice", documents.BID_NOTICE)
    quotation = _file("견적서.pdf", "quotation.pdf")
    _take(cast, Office.BOOKKEEPER, "expense", documents.EXPENSE, attachment=quotation)
    minutes = _file("회의록.pdf", "minutes.pdf")
    resolution = _take(cast, Office.CLERK, "resolution", documents.RESOLUTION, attachment=minutes)
    # A record cites only what is sealed, so these come after what they cite.
    _seal_and_publish(cast)
    changed = (first, Relation.SUPERSEDES)
    _take(cast, Office.CLERK, "bid-notice", documents.CHANGED_BID_NOTICE, cites=changed)
    _take(
        cast,
        Office.BOOKKEEPER,
        "expense",
        documents.RESOLVED_EXPENSE,
        attachment=_file("사용계획서.pdf", "plan.pdf"),
        cites=(resolution, Relation.REFERS),
    )
    # Something to decide for whoever looks in.
    _take(cast, Office.BOOKKEEPER, "expense", documents.WAITING_FOR_MANAGER, until=Office.MANAGER)
    _take(
        cast,
        Office.BOOKKEEPER,
        "expense",
        documents.WAITING_FOR_CHAIR,
        until=Office.CHAIR,
        confirming=cast.officers[Office.CHAIR],
    )
    _take(cast, Office.CLERK, "memo", documents.WAITING_FOR_CHIEF, until=Office.CHIEF)


def _file(name: str, kept_as: str) -> tuple[str, bytes]:
    return name, (resources.files(__package__) / kept_as).read_bytes()


def _take(
    cast: Cast,
    office: Office,
    form: str,
    content: Mapping[str, Any],
    *,
    until: Office | None = None,
    **more: Any,
) -> UUID:
    """Submit a document and let everybody in its line approve, up to the office `until`."""
    complex_id = cast.complex.id
    with tenancy.within(complex_id):
        document = Document.objects.within(complex_id).filter(title=content["title"]).first()
        if document is None:
            document = _submit(cast.officers[office], form, content, **more)
        line = Step.objects.within(complex_id).filter(document_id=document.id, decision="")
        undecided = [
            Office(step.approver.office)
            for step in line.select_related("approver").order_by("position")
        ]
    for waiting in undecided:
        if waiting is until:
            break
        now = timezone.now()
        with tenancy.within(complex_id):
            deciding.decide_step(
                document.id,
                actor=cast.officers[waiting],
                choice=Choice(Decision.APPROVE),
                sign=session_signer("demo", now),
                at=now,
            )
    return document.id


def _submit(
    drafter: Officeholder,
    form: str,
    content: Mapping[str, Any],
    *,
    attachment: tuple[str, bytes] | None = None,
    cites: tuple[UUID, Relation] | None = None,
    confirming: Officeholder | None = None,
) -> Document:
    now = timezone.now()
    draft = drafting.start_draft(form, actor=drafter, at=now)
    typed = values.to_inputs(load(bytes(draft.form.definition)), content)
    drafting.save_draft(draft.id, typed, revision=draft.revision, actor=drafter, at=now)
    if attachment is not None:
        drafting.attach_file(draft.id, *attachment, actor=drafter, at=now)
    if cites is not None:
        drafting.cite_record(draft.id, *cites, actor=drafter, at=now)
    if confirming is not None:
        changes = Changes(added=(Added(Act.CONFIRM, confirming.id),))
        drafting.save_line(draft.id, changes.as_json(), actor=drafter, at=now)
    return drafting.submit_draft(draft.id, actor=drafter, at=now)


def _seal_and_publish(cast: Cast) -> None:
    """Do what sequencer, worker and messenger do; where they run already, wait for them instead."""
    with only_one() as held:
        if held:
            sequencer = Sequencer()
            while sequencer.tick() + run_jobs() + send_messages():
                pass
            return
    for _ in range(PATIENCE):
        if _is_published(cast):
            return
        wait_for_seal(1.0)


def _is_published(cast: Cast) -> bool:
    with tenancy.within(cast.complex.id):
        records = Record.objects.within(cast.complex.id)
        return records.filter(publications=None).count() == 0


def _check(cast: Cast) -> Iterator[Checked]:
    folder = settings.HOME / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    trusted = folder / "policy.txt"
    with tenancy.within(cast.complex.id):
        trusted.write_bytes(policy(cast.complex).format())
        records = list(Record.objects.within(cast.complex.id).order_by("filed_at", "id"))
    for record in records:
        with tenancy.within(cast.complex.id):
            shown = disclosed(record)
            pdf = folder / f"{record.number}.pdf"
            pdf.write_bytes(pdf_of(shown))
            Path(f"{pdf}.tlog-proof").write_bytes(proof_of(shown, cast.complex))
        answer = subprocess.run(
            [sys.executable, "-m", "danji_verify", str(pdf), "--policy", str(trusted), *_FORGET],
            capture_output=True,
            text=True,
            check=False,
        )
        yield Checked(
            title=record.title,
            number=record.number,
            pdf=pdf,
            page=f"{settings.SITE_URL}{settings.PUBLIC_URL}{cast.complex.code}/{record.doc.hex}/",
            verdict=answer.stdout + answer.stderr,
            verified=answer.returncode == 0,
        )
