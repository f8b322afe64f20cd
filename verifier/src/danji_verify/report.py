"""What was found, in sentences for a reader who knows nothing of hashes."""

import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import IntEnum, StrEnum

from danji_verify.chain import Link
from danji_verify.entry import Event
from danji_verify.errors import Unlisted, VerifyError, Wrong
from danji_verify.policy import Fork, Head

KST = timezone(timedelta(hours=9))


class State(StrEnum):
    OK = "ok"
    FAILED = "failed"
    UNCHECKED = "unchecked"


class Verdict(IntEnum):
    """The last word; its number is the exit code."""

    ACCEPTED = 0
    REFUSED = 1
    UNKNOWN = 2


@dataclass(frozen=True)
class Finding:
    """One thing checked, or not. `detail` is for an engineer, in English.

    `settled` is what may be said instead once a bundle showed what a PDF alone leaves open; empty
    where there is nothing left to say.
    """

    state: State
    sentence: str
    detail: str | None = None
    settled: str | None = None


@dataclass(frozen=True)
class Claim:
    """Something that a decision rests on, and that only the whole log shows had not ended yet."""

    begun: Link
    used: Link  # the decision
    ends: Event
    open: str  # what is said until the log was read; empty where nothing is
    holds: str
    broken: str


@dataclass
class Report:
    """All findings about one file, in the order they were made."""

    findings: list[Finding] = field(default_factory=list)
    number: str | None = None  # 문서번호
    title: str | None = None
    complex: str | None = None
    decisions: list[str] = field(default_factory=list)  # who decided what, and when
    proven: bool = False  # the proof that this very file is in the log was there, and holds
    trusted: bool = False  # the policy came from outside the file
    quorum: bool = False  # the policy names witnesses whose cosignatures are needed
    confirmed: bool = False  # 확정: enough witnesses cosigned; otherwise 잠정
    heads: list[Head] = field(default_factory=list)  # every head it was proven under
    links: list[Link] = field(default_factory=list)  # every event it rests on
    claims: list[Claim] = field(default_factory=list)
    ends: list[Head] = field(default_factory=list)  # where logs ended that others continued
    questions: list[str] = field(default_factory=list)  # what keeps the verdict open
    evidence: list[str] = field(default_factory=list)  # signed notes that contradict each other
    # Why it is not proven, for as long as it is not.
    unproven: str = "이 파일이 장부에 적혀 있다는 증명이 확인되지 않았습니다."

    def ok(self, sentence: str) -> None:
        self.findings.append(Finding(State.OK, sentence))

    def failed(self, sentence: str, detail: str | None = None) -> None:
        self.findings.append(Finding(State.FAILED, sentence, detail))

    def unchecked(self, sentence: str, detail: str | None = None) -> None:
        self.findings.append(Finding(State.UNCHECKED, sentence, detail))

    def without_proof(self) -> None:
        """Nobody handed in the proof that this very file is in the log."""
        self.unproven = (
            "증명 파일(.tlog-proof)이 없습니다. 문서를 받은 화면에서 ‘증명 묶음’이나 ‘증명 파일’을 "
            "받아 함께 넣어 주세요."
        )
        self.unchecked(self.unproven)

    def question(self, sentence: str) -> None:
        """Something that must be answered before there can be a verdict."""
        if sentence not in self.questions:
            self.unchecked(sentence)
            self.questions.append(sentence)

    def until_bundle(self, sentence: str, settled: str = "") -> None:
        """Something that only a bundle can show; `settled` is what it then shows."""
        self.findings.append(Finding(State.UNCHECKED, sentence, settled=settled))

    def proven_under(self, head: Head, sentence: str) -> None:
        """Something that is so if the log has an event: told as open until the head counts."""
        if self.quorum and not head.judgement.confirmed:
            self.until_bundle(f"아직 잠정인 증명입니다: {sentence}", sentence)
        else:
            self.ok(sentence)

    def claim(self, claim: Claim) -> None:
        """Something that the whole log settles, where there is a copy of it."""
        if claim.open:
            self.unchecked(claim.open)
        self.claims.append(claim)

    def settle_claim(self, claim: Claim) -> None:
        """The whole log showed it."""
        said = [at for at, found in enumerate(self.findings) if found.sentence == claim.open]
        for at in said[:1]:
            del self.findings[at]
        self.ok(claim.holds)

    def settle(self) -> None:
        """A bundle showed what the PDF alone left open, under the heads of this report."""
        self.findings = [
            Finding(State.OK, found.settled) if found.settled and self.confirmed else found
            for found in self.findings
            if found.settled != ""
        ]

    def forked(self, problem: Fork) -> None:
        """Two heads that contradict each other are evidence against whoever keeps the log."""
        self.failed(f"{problem} 아래 증거를 보관하고 확인 기관에 알려 주세요.")
        self.evidence += [note.decode() for note in problem.notes]

    def refuse(self, problem: VerifyError, fails: str) -> None:
        """Say what was raised: in its own words where it is meant for the reader, or `fails`."""
        match problem:
            case Unlisted():
                self.question(str(problem))
            case Fork():
                self.forked(problem)
            case Wrong():
                self.failed(str(problem))
            case _:
                self.failed(fails, str(problem))

    def saw(self, heads: Iterable[Head]) -> None:
        known = {head.note for head in self.heads}
        self.heads += {head.note: head for head in heads if head.note not in known}.values()

    def rests_on(self, links: Iterable[Link]) -> None:
        """Events that were proven, and so the heads under which they were."""
        links = list(links)
        self.links += links
        self.saw(link.head for link in links)

    @contextmanager
    def checking(self, holds: str, fails: str) -> Iterator[None]:
        """Run one check: say `holds` when it passes, and when not, `fails` or what was raised.

        Without `holds` the check says itself what it found.
        """
        try:
            yield
        except VerifyError as problem:
            self.refuse(problem, fails)
        else:
            if holds:
                self.ok(holds)

    def of(self, state: State) -> list[Finding]:
        return [finding for finding in self.findings if finding.state is state]

    def has_failed(self, since: int = 0) -> bool:
        return any(finding.state is State.FAILED for finding in self.findings[since:])

    @property
    def verdict(self) -> Verdict:
        if self.of(State.FAILED):
            return Verdict.REFUSED
        provisional = self.quorum and not self.confirmed
        if not self.proven or not self.trusted or provisional or self.questions:
            return Verdict.UNKNOWN
        return Verdict.ACCEPTED

    @property
    def conclusion(self) -> str:
        """The last line."""
        if self.verdict is Verdict.ACCEPTED:
            holds = "결론: 확인할 수 있는 것은 모두 맞습니다"
            return f"{holds}({'확정' if self.confirmed else _ALONE})."
        if self.verdict is Verdict.REFUSED:
            return (
                "결론: 맞지 않는 것이 있습니다. 이 파일을 믿지 마세요. 다시 받아 확인해 보시고, "
                "그래도 같으면 확인 기관(시·군·구)에 알려 주세요."
            )
        return f"결론: {self._open}"

    @property
    def _open(self) -> str:
        """Why there is no verdict."""
        if self.questions:
            return f"판단할 수 없습니다. {self.questions[0]}"
        if not self.proven:
            return f"판단할 수 없습니다. {self.unproven}"
        if not self.trusted:
            return "판단할 수 없습니다. 정책 파일을 다른 곳에서 받아 다시 확인해 주세요."
        return "아직 판단할 수 없습니다(잠정). 정책이 요구하는 확인 서명이 모자랍니다."

    def as_json(self) -> dict[str, object]:
        return {
            "verdict": self.verdict.name.lower(),
            "exit": int(self.verdict),
            "conclusion": self.conclusion,
            "number": self.number,
            "title": self.title,
            "complex": self.complex,
            "decisions": list(self.decisions),
            "confirmed": self.confirmed,
            "policy_from_outside": self.trusted,
            "findings": [
                {"state": str(found.state), "sentence": found.sentence, "detail": found.detail}
                for found in self.findings
            ],
            "evidence": list(self.evidence),
        }

    def as_text(self) -> str:
        lines = [
            f"{label}: {plain(value)}"
            for label, value in (
                ("단지", self.complex),
                ("문서번호", self.number),
                ("제목", self.title),
            )
            if value is not None
        ]
        groups = (
            ("결재", self.decisions),
            ("확인한 것", [found.sentence for found in self.of(State.OK)]),
            ("확인하지 못한 것", [found.sentence for found in self.of(State.UNCHECKED)]),
            ("맞지 않는 것", [found.sentence for found in self.of(State.FAILED)]),
        )
        for heading, sentences in groups:
            if sentences:
                lines += ["", heading, *(f"  - {plain(sentence)}" for sentence in sentences)]
        for number, note in enumerate(self.evidence, start=1):
            lines += ["", f"증거 {number}", *(f"    {plain(line)}" for line in note.splitlines())]
        return "\n".join([*lines, "", plain(self.conclusion)]).lstrip("\n")


def plain(text: str) -> str:
    """Text that cannot move the cursor, change direction or begin a line of its own."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(letter) in _UNPRINTABLE else letter
        for letter in text
    )


def korean_time(at: datetime) -> str:
    return f"{at.astimezone(KST):%Y-%m-%d %H:%M}"


_ALONE = "잠정: 다른 기관의 확인 서명은 없습니다"
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
