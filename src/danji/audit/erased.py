"""Documents that were erased (파기): nothing is left of them but what the log still vouches for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from danji.audit.chains import Chain, Logged, as_subject
from danji.audit.documents import DocumentRow, Papers, StepRow, moment
from danji.audit.filing import Files, RecordRow
from danji.audit.findings import Area, Findings, Subject
from danji.audit.replay import KINDS
from danji.rules.approval import Act, Ending
from danji.rules.numbering import record_number
from danji_verify.entry import Event

NAMED = 20  # erased documents that are told by their number
ENDINGS = {
    Event.FILED: Ending.FINISHED,
    Event.RETURNED: Ending.RETURNED,
    Event.WITHDRAWN: Ending.WITHDRAWN,
}


@dataclass
class ErasedCheck:
    """Checks what is left of one erased document after another; `told` are those, in words."""

    found: Findings
    told: list[str] = field(default_factory=list)

    def is_emptied(self, chain: Chain, erased: Logged, papers: Papers, files: Files) -> bool:
        """Whether everything went that an erasure takes away, and nothing beside it."""
        row, record = papers.documents.get(chain.doc), files.records.get(chain.doc)
        return (
            (row is None) is (chain.last(Event.SUBMITTED) is None)
            and (row is None or not row.content)
            and (record is None) is (chain.last(Event.FILED) is None)
            and (record is None or not record.payload)
            and chain.doc not in files.renditions
            and not any(event.fields for event in chain.events if event.seq < erased.seq)
        )

    def tell_left(self, erased: Logged, about: Subject) -> None:
        """The log says that a document was erased, and it is there."""
        self._fault(about, "파기했다고 봉인 장부에 적힌 문서의 내용이 남아 있습니다.", erased)

    def check(
        self, chain: Chain, erased: Logged, papers: Papers, files: Files, about: Subject
    ) -> None:
        """What an erasure leaves: who was to decide, when and how it ended, and its number."""
        self.told.append(f"{about}(사건 {erased.seq})")
        row, record = papers.documents.get(chain.doc), files.records.get(chain.doc)
        if row is not None:
            self._check_row(row, chain, erased, about)
            self._check_steps(papers.steps.get(chain.doc, []), chain, about)
            self._check_ending(papers, chain, erased, about)
        if record is not None:
            self._check_record(record, chain, erased, about)

    def tell(self) -> None:
        """One note on all of them: there are more of them every year."""
        if self.told:
            more = len(self.told) - NAMED
            named = ", ".join(self.told[:NAMED]) + (f" 밖에 {more:,}건" if more > 0 else "")
            self.found.note(
                Area.DOCUMENTS,
                f"파기한 문서입니다: {named}. 내용과 여는 값은 두 분의 확인으로 지웠고, 봉인 "
                "장부에는 사건만 남아 있습니다.",
            )

    def _check_row(self, row: DocumentRow, chain: Chain, erased: Logged, about: Subject) -> None:
        submitted = chain.last(Event.SUBMITTED)
        self._compare(
            about,
            erased,
            {
                "남은 내용": (row.amount, row.net, row.payee, row.account, row.digest, row.has_line)
                == (None, None, "", "", "", False),
                "상신한 때": submitted is None or _is_at(row.submitted_at, submitted),
                "파기한 때": _is_since(row.erased_at, erased),
            },
        )

    def _check_record(self, row: RecordRow, chain: Chain, erased: Logged, about: Subject) -> None:
        filed, erasure = chain.last(Event.FILED), erased.json("erasure")
        self._compare(
            about,
            erased,
            {
                "기록의 지문(요약값)": not erasure or row.digest == erasure.get("record"),
                "문서번호": row.number == record_number(row.series, row.year, row.serial),
                "등록한 때": filed is None or _is_at(row.filed_at, filed),
                "파기한 때": _is_since(row.erased_at, erased),
            },
        )

    def _check_steps(self, steps: list[StepRow], chain: Chain, about: Subject) -> None:
        """Every decision is one of the log, and every one of the log is there."""
        made = {event.leaf: event for event in chain.all(*KINDS)}
        for step in steps:
            if not step.decision or step.act == Act.DRAFT:
                continue
            event = made.pop(step.leaf or b"", None)
            if (
                event is None
                or step.decision not in KINDS[Event(event.name)]
                or step.opinion
                or step.decided_at is None
                or not _is_at(step.decided_at, event)
            ):
                said = f"파기한 문서의 {step.position}번째 자리의 결재가 봉인 장부와 다릅니다."
                self._fault(about, said, event)
        for event in made.values():
            said = f"봉인 장부에 있는 {as_subject(event.title)} 결재선에서 지워졌습니다."
            self._fault(about, said, event)

    def _check_ending(self, papers: Papers, chain: Chain, erased: Logged, about: Subject) -> None:
        logged = {ENDINGS[Event(event.name)].value for event in chain.all(*ENDINGS)}
        ending, _ = papers.outcomes.get(chain.doc, ("", None))
        if logged and ending not in logged:
            self._fault(about, "파기한 문서의 상태가 봉인 장부와 다릅니다.", erased)

    def _compare(self, about: Subject, erased: Logged, agrees: Mapping[str, bool]) -> None:
        for what, does in agrees.items():
            if not does:
                said = f"파기한 문서의 {as_subject(what)} 봉인 장부와 다릅니다."
                self._fault(about, said, erased)

    def _fault(self, about: Subject, sentence: str, event: Logged | None) -> None:
        index = event.index if event else None
        self.found.fault(Area.DOCUMENTS, sentence, about=about, index=index)


def _is_at(at: datetime, event: Logged) -> bool:
    return event.entry is None or moment(at) == moment(event.entry.at)


def _is_since(at: datetime | None, erased: Logged) -> bool:
    """A backup that was restored is erased again later."""
    return at is not None and (erased.entry is None or moment(at) >= moment(erased.entry.at))
