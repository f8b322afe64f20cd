"""Documents under way and finished: what the rows say has to be what the events say."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from danji.audit.basis import Basis
from danji.audit.chains import Chain, Logged, as_subject
from danji.audit.findings import Area, Findings, Subject
from danji.audit.replay import Content, Way, replay
from danji.audit.snapshot import Snapshot, Span
from danji.routing.queries import net_of
from danji.rules import approval
from danji.rules.approval import Act, Decision
from danji.signing.evidence import SIGNED_WITHIN
from danji_verify.entry import Event, format_time

# A decision is recorded within ten minutes of the moment that is signed.
RECORDED = SIGNED_WITHIN + timedelta(seconds=1)

DOCUMENTS = """
SELECT id, drafter_id, form_id, title, amount, net, payee, account, content, digest,
    line <> '{}', follows, submitted_at, erased_at
FROM approvals_document WHERE complex_id = %s AND id BETWEEN %s AND %s
"""
STEPS = """
SELECT document_id, position, stage, round, act, approver_id, decision, decided_by_id, decided_at,
    opinion, leaf_hash
FROM approvals_step WHERE complex_id = %s AND document_id BETWEEN %s AND %s
ORDER BY document_id, position, round
"""
TURNS = """
SELECT turn.document_id, step.position FROM approvals_turn AS turn
JOIN approvals_step AS step ON (step.complex_id, step.id) = (turn.complex_id, turn.step_id)
WHERE turn.complex_id = %s AND turn.document_id BETWEEN %s AND %s
"""
OUTCOMES = """
SELECT document_id, ending, ended_at FROM approvals_outcome
WHERE complex_id = %s AND document_id BETWEEN %s AND %s
"""
ENCLOSURES = """
SELECT enclosure.document_id, enclosure.sha256 FROM approvals_enclosure AS enclosure
WHERE enclosure.complex_id = %s AND enclosure.document_id BETWEEN %s AND %s
"""


@dataclass(frozen=True, slots=True)
class DocumentRow:
    id: UUID
    drafter: UUID
    form: UUID
    title: str
    amount: int | None
    net: int | None
    payee: str
    account: str
    content: bytes
    digest: str
    has_line: bool  # whether the drafter's changes of the line are kept
    follows: UUID | None
    submitted_at: datetime
    erased_at: datetime | None


@dataclass(frozen=True, slots=True)
class StepRow:
    position: int
    stage: int
    round: int
    act: str
    approver: UUID
    decision: str
    decided_by: UUID | None
    decided_at: datetime | None
    opinion: str
    leaf: bytes | None


@dataclass
class Papers:
    """The rows of the documents of a span."""

    documents: dict[UUID, DocumentRow] = field(default_factory=dict)
    steps: dict[UUID, list[StepRow]] = field(default_factory=lambda: defaultdict(list))
    turns: dict[UUID, set[int]] = field(default_factory=lambda: defaultdict(set))
    outcomes: dict[UUID, tuple[str, datetime]] = field(default_factory=dict)
    enclosures: dict[UUID, set[str]] = field(default_factory=lambda: defaultdict(set))


def read_papers(snapshot: Snapshot, span: Span, found: Findings) -> Papers:
    """The rows of a span that the office works on."""
    papers = Papers()
    for row in snapshot.within(span, DOCUMENTS):
        papers.documents[row[0]] = DocumentRow(*row)
        found.rows["documents"] += 1
    for doc, *step in snapshot.within(span, STEPS):
        papers.steps[doc].append(StepRow(*step))
        found.rows["steps"] += 1
    for doc, position in snapshot.within(span, TURNS):
        papers.turns[doc].add(position)
        found.rows["turns"] += 1
    for doc, ending, ended_at in snapshot.within(span, OUTCOMES):
        papers.outcomes[doc] = (ending, ended_at)
        found.rows["outcomes"] += 1
    for doc, digest in snapshot.within(span, ENCLOSURES):
        papers.enclosures[doc].add(digest)
        found.rows["enclosures"] += 1
    return papers


def moment(at: datetime) -> str:
    """A moment as statements and records write it."""
    return format_time(at.astimezone(UTC).replace(microsecond=0))


@dataclass
class DocumentCheck:
    """Holds the rows of one document after another against its events."""

    basis: Basis
    found: Findings

    def check(
        self, row: DocumentRow | None, chain: Chain | None, papers: Papers, about: Subject
    ) -> tuple[Content, Way] | None:
        """Returns: what was submitted, and how far its events say it came."""
        submitted = chain.last(Event.SUBMITTED) if chain else None
        if row is None:
            if submitted is not None:
                self._fault(
                    about, "봉인 장부에 상신한 사건이 있는데 문서가 지워졌습니다.", submitted
                )
            return None
        if chain is None or submitted is None:
            self._fault(about, "봉인 장부에 상신한 사건이 없는 문서입니다. 누가 만들어 넣었습니다.")
            return None
        content = self._content(row, submitted, about)
        if content is None:
            return None
        self._check_columns(row, content, submitted, about)
        if row.erased_at is not None:
            self._fault(about, "파기하지 않은 문서가 파기한 것으로 되어 있습니다.", submitted)
        way = replay(chain, content)
        if way is None:
            return None
        for event, why in way.wrong:
            self._fault(about, f"{event.title}: {why}", event)
        self._check_steps(row, papers.steps.get(row.id, []), content, way, about)
        self._check_state(row, papers, way, about)
        attached = {file["sha256"] for file in content.parsed["attachments"]}
        # Documents of earlier versions have no enclosures noted.
        if extra := papers.enclosures.get(row.id, set()) - attached:
            self._fault(about, "본문에 없는 붙임이 적혀 있습니다.", detail=", ".join(sorted(extra)))
        return content, way

    def _content(self, row: DocumentRow, submitted: Logged, about: Subject) -> Content | None:
        digest = sha256(row.content).hexdigest()
        logged = submitted.digest("body")
        if digest != logged:
            if logged:
                self._fault(
                    about,
                    "본문이 상신한 뒤에 바뀌었습니다.",
                    submitted,
                    f"content {digest}, logged {logged}",
                )
            return None
        if row.digest != digest:
            self._fault(about, "본문의 지문(요약값)이 본문과 다릅니다.", submitted, row.digest)
        form = self.basis.forms.get(row.form)
        parsed = json.loads(row.content)
        if form is None or form.sha256 != submitted.digest("form"):
            self._fault(about, "서식이 상신할 때의 것과 다릅니다.", submitted)
            return None
        values = parsed["values"]
        definition = form.definition
        return Content(
            parsed,
            digest,
            form.sha256,
            values.get(definition.amount) if definition.amount else None,
            _text(definition.payee, values),
        )

    def _check_columns(
        self, row: DocumentRow, content: Content, submitted: Logged, about: Subject
    ) -> None:
        definition = self.basis.forms[row.form].definition
        parsed = content.parsed
        follows = parsed.get("follows")
        expected: Mapping[str, tuple[object, object]] = {
            "제목": (row.title, parsed["title"]),
            "금액": (row.amount, content.amount),
            "부가세를 뺀 금액": (row.net, net_of(definition, parsed["values"])),
            "받는 곳": (row.payee, content.payee),
            "계정과목": (row.account, _text(definition.account, parsed["values"])),
            "문서": (row.id.hex, parsed["doc"]),
            "서식": (content.form, parsed["form"]["sha256"]),
            "앞 문서": (row.follows.hex if row.follows else None, follows),
            "상신한 때": (moment(row.submitted_at), parsed["submitted_at"]),
            "기안한 분": (row.drafter.hex, submitted.json("actor").get("officeholder")),
        }
        for what, (said, logged) in expected.items():
            if said != logged:
                self._fault(
                    about,
                    f"{as_subject(what)} 상신한 본문과 다릅니다. 지금 {shown(said)}, "
                    f"상신할 때 {shown(logged)}.",
                    submitted,
                    f"{said!r} != {logged!r}",
                )

    def _check_steps(
        self,
        row: DocumentRow,
        steps: Iterable[StepRow],
        content: Content,
        way: Way,
        about: Subject,
    ) -> None:
        places = {place["position"]: place for place in content.parsed["line"]}
        decided: set[tuple[int, int]] = set()
        waiting: set[tuple[int, int]] = set()
        for step in steps:
            place = places.get(step.position)
            key = (step.position, step.round)
            if place is None or not self._stands_so(step, place):
                self._fault(
                    about,
                    f"결재선의 {step.position}번째 자리가 상신할 때와 다릅니다.",
                    way.submitted,
                )
            if not step.decision:
                waiting.add(key)
            elif step.act == Act.DRAFT:
                self._check_draft(row, step, way, about)
            else:
                decided.add(key)
                self._check_decided(step, way.decided.get(key), about)
        for key, event in way.decided.items():
            if key not in decided:
                self._fault(
                    about,
                    f"봉인 장부에 있는 {event.title}의 결재가 결재선에서 지워졌습니다.",
                    event,
                )
        if waiting - way.decided.keys() != way.open:
            self._fault(
                about,
                "결재를 기다리는 자리가 봉인 장부의 결재와 맞지 않습니다.",
                way.submitted,
                f"rows {sorted(waiting)}, events {sorted(way.open)}",
            )

    def _stands_so(self, step: StepRow, place: Mapping[str, Any]) -> bool:
        holder = self.basis.holders.get(step.approver)
        return (
            not place.get("skipped")
            and (step.act, step.stage) == (place["act"], place.get("stage", step.position))
            and holder is not None
            and (holder.office, holder.name) == (place["office"], place["name"])
        )

    def _check_draft(self, row: DocumentRow, step: StepRow, way: Way, about: Subject) -> None:
        entry = way.submitted.entry
        if (
            step.leaf != way.submitted.leaf
            or step.decision != Decision.APPROVE
            or step.decided_by != row.drafter
            or step.opinion
            or entry is None
            or step.decided_at is None
            or moment(step.decided_at) != format_time(entry.at)
        ):
            self._fault(about, "기안한 자리가 상신한 사건과 다릅니다.", way.submitted)

    def _check_decided(self, step: StepRow, event: Logged | None, about: Subject) -> None:
        holder = self.basis.holders.get(step.approver)
        who = f"{holder.office} {holder.name} 님" if holder else f"{step.position}번째 자리"
        if event is None:
            self._fault(
                about,
                f"{who}의 결재가 봉인 장부에 없습니다. 누가 만들어 넣은 결재입니다.",
                detail=f"step {step.position}, round {step.round}: {step.decision}",
            )
            return
        statement = event.json("stmt")
        by = event.json("actor").get("officeholder")
        expected = {
            "결정": (_decision(step.decision), _decision(statement.get("decision", ""))),
            "의견": (step.opinion, statement.get("opinion")),
            "결재한 분": (step.decided_by.hex if step.decided_by else None, by),
            "사건": (step.leaf, event.leaf),
        }
        for what, (said, logged) in expected.items():
            if said != logged:
                self._fault(
                    about,
                    f"{who}의 결재에서 {as_subject(what)} 봉인된 것과 다릅니다. "
                    f"지금 {shown(said)}, 봉인할 때 {shown(logged)}.",
                    event,
                )
        if step.decided_at is None or moment(step.decided_at) != statement.get("at"):
            self._fault(about, f"{who}의 결재한 때가 봉인된 것과 다릅니다.", event)

    def _check_state(self, row: DocumentRow, papers: Papers, way: Way, about: Subject) -> None:
        """The outcome and whose turn it is follow from the events, and from nothing else."""
        ending, ended_at = papers.outcomes.get(row.id, ("", None))
        logged = way.ending.value if way.ending else ""
        if ending != logged:
            self._fault(
                about,
                f"문서의 상태가 봉인 장부와 다릅니다. 지금 {_ending(ending)}, 봉인 장부에는 "
                f"{_ending(logged)}.",
                way.submitted,
            )
        elif ended_at and way.ended_at and abs(ended_at - way.ended_at) > RECORDED:
            self._fault(about, "결재가 끝난 때가 봉인 장부와 다릅니다.", way.submitted)
        turns = {step.position for step in approval.turns(way.line)}
        if papers.turns.get(row.id, set()) != turns:
            self._fault(
                about,
                "지금 차례인 자리가 봉인 장부의 결재와 맞지 않습니다.",
                way.submitted,
                f"rows {sorted(papers.turns.get(row.id, set()))}, events {sorted(turns)}",
            )
        if way.ending is approval.Ending.FINISHED and way.filed is None:
            self._fault(about, "결재가 끝났는데 등록한 사건이 없습니다.", way.submitted)

    def _fault(
        self, about: Subject, sentence: str, event: Logged | None = None, detail: str = ""
    ) -> None:
        self.found.fault(
            Area.DOCUMENTS, sentence, detail, about=about, index=event.index if event else None
        )


def _text(name: str | None, values: Mapping[str, Any]) -> str:
    return (values.get(name) or "") if name else ""


def _decision(value: str) -> str:
    return Decision(value).label if value in Decision.__members__.values() else value


def _ending(value: str) -> str:
    return approval.Ending(value).label if value else "진행 중"


def shown(value: object) -> str:
    """A value as a sentence shows it."""
    match value:
        case None | "":
            return "없음"
        case int():
            return f"{value:,}"
        case bytes():
            return value.hex()[:16]
        case _:
            return f"‘{value}’"
