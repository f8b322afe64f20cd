"""The decisions on a document: whether each was made in turn, by whom, and what they signed.

Places of the line are decided in the order of their stages, those of one stage in any order. What
was sent back is decided anew from there on: the last decision of each place counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from danji_verify.canonical import b64encode, canonical
from danji_verify.chain import Document, Link
from danji_verify.entry import Event, format_time, parse_time
from danji_verify.errors import FormatError, Wrong
from danji_verify.report import KST, Claim, Report
from danji_verify.shapes import Fields
from danji_verify.signature import check_auth

_STATEMENT = {
    "complex": "단지",
    "doc": "문서",
    "seq": "순번",
    "prev": "앞 사건",
    "step": "결재 순서",
    "round": "되돌린 횟수",
    "act": "결재 종류",
    "body": "본문",
    "form": "서식",
    "title": "제목",
    "amount": "금액",
    "payee": "받는 곳",
    "office": "직위",
    "name": "이름",
    "at": "시각",
}
_DECISIONS = {
    Event.DECIDED: frozenset({"approve", "dissent"}),
    Event.SENT_BACK: frozenset({"send_back"}),
    Event.SKIPPED: frozenset({"skip"}),
}
_FINAL = frozenset({"approve", "delegated"})
_SEEING = frozenset({"confirm", "audit"})
_LEFT_OUT = frozenset({"review", "concur"}) | _SEEING
_MANAGER = "관리사무소장"


@dataclass(frozen=True)
class _Decision:
    """One event of the line, its statement, and the place it belongs to."""

    place: Fields
    link: Link
    statement: Fields

    @property
    def who(self) -> str:
        return f"{self.place.text('office')} {self.place.text('name')}의 결재"

    @property
    def by(self) -> Fields | None:
        """Who decided, where that was another than the one whose place it is; or left it out."""
        acting = self.statement.data.get("acting")
        return None if acting is None else self.statement.fields("acting")


@dataclass
class _Walk:
    """The line, as far as its events were followed."""

    document: Document
    places: Mapping[int, Fields]
    counting: dict[int, _Decision] = field(default_factory=dict)
    history: list[_Decision] = field(default_factory=list)
    rounds: dict[int, int] = field(default_factory=dict)
    sent_back: int = 0

    def take(self, link: Link) -> None:
        """Follow one event. Raises: Wrong when it is out of turn, or not what it should be."""
        statement = Fields.parse(link.value("stmt"))
        position = statement.integer("step")
        place = self.places.get(position)
        if place is None or place.text("skipped"):
            raise Wrong(f"{link.name}이 결재선에 없는 자리의 것입니다.")
        decision = _Decision(place, link, statement)
        stage = place.integer("stage")
        if position in self.counting:
            raise Wrong(f"{decision.who}가 두 번 적혀 있습니다.")
        if any(
            other.integer("stage") < stage
            and number not in self.counting
            and not other.text("skipped")
            for number, other in self.places.items()
        ):
            raise Wrong(f"{decision.who}가 앞사람보다 먼저 적혀 있습니다.")
        _demand_statement(self.document, decision, self.rounds.get(position, 1))
        if link.entry.event is Event.SENT_BACK:
            self._open_again(decision)
        else:
            self.counting[position] = decision

    def _open_again(self, decision: _Decision) -> None:
        target = self.counting.get(decision.statement.integer("to"))
        stage = decision.place.integer("stage")
        if target is None or target.place.integer("stage") >= stage:
            raise Wrong(f"{decision.who}로 되돌린 자리가 앞자리가 아닙니다.")
        opened = [
            number
            for number, other in self.counting.items()
            if other.place.integer("stage") >= target.place.integer("stage")
        ]
        self.history += [self.counting.pop(number) for number in opened] + [decision]
        self.sent_back += 1
        for number in (*opened, decision.place.integer("position")):
            self.rounds[number] = self.sent_back + 1


def check_decisions(document: Document, report: Report) -> None:
    """Check that the line was followed to its end, and that the record says what was signed."""
    places = document.line[1:]
    counted: list[_Decision] = []
    with report.checking(
        f"결재 {sum(place.data.get('skipped') == '' for place in places)}건이 모두 결재선대로 "
        "이루어졌고, 결재한 글과 기록이 같습니다.",
        "결재를 확인할 수 없습니다.",
    ):
        walk = _Walk(document, _places(places))
        for link in document.decided:
            walk.take(link)
        _demand_whole(walk)
        recorded = document.record.items("decisions")
        version = document.record.version(1, 2)
        if recorded and recorded[0].text("act") == "draft":
            _demand_drafted(document, recorded.pop(0))
        last = [walk.counting[number] for number in sorted(walk.counting)]
        _demand_recorded(document, last, recorded)
        before = sorted(walk.history, key=lambda one: b64encode(one.link.leaf))
        listed = document.record.items("history") if version > 1 else []
        listed.sort(key=lambda one: one.text("leaf"))
        _demand_recorded(document, before, listed)
        counted = [*last, *before]
    for decision in counted:
        _check_signature(document, decision, report)
        if decision.by is not None and decision.link.entry.event is not Event.SKIPPED:
            _check_delegation(document, decision, decision.by, report)


def demand_officeholder(link: Link, person: Fields) -> None:
    """Whoever acted was in that office on that day. Raises: Wrong."""
    actor = Fields.parse(link.value("actor"))
    who = f"{person.text('office')} {person.text('name')}"
    if (actor.text("office"), actor.text("name")) != (person.text("office"), person.text("name")):
        raise Wrong(f"{link.name}을 {who} 아닌 사람이 한 것으로 장부에 적혀 있습니다.")
    if not _in_term(actor, link):
        raise Wrong(f"{who}의 임기가 아닌 날에 {link.name}이 있었습니다.")


def _places(line: Sequence[Fields]) -> dict[int, Fields]:
    """The places after the drafter's by position. Raises: Wrong when they are not in order."""
    stages = [place.integer("stage") for place in line]
    if (
        [place.integer("position") for place in line] != list(range(2, len(line) + 2))
        or stages != sorted(stages)
        or any(place.text("act") == "draft" for place in line)
    ):
        raise Wrong("결재선의 순서가 맞지 않습니다.")
    final = [place for place in line if place.text("act") in _FINAL]
    if len(final) != 1 or final[0].text("skipped"):
        raise Wrong("결재선에 결재할 사람이 한 명이 아닙니다.")
    return {place.integer("position"): place for place in line}


def _demand_whole(walk: _Walk) -> None:
    for number, place in walk.places.items():
        if number not in walk.counting and not place.text("skipped"):
            raise Wrong(f"{place.text('office')} {place.text('name')}의 결재가 장부에 없습니다.")


def _demand_drafted(document: Document, decision: Fields) -> None:
    """A record may begin its decisions with the drafter's own act, the submission."""
    drafter, submitted = document.line[0], document.submitted
    expected = {
        **{key: drafter.data.get(key) for key in ("position", "act", "office", "name")},
        "by": None,
        "decision": "approve",
        "at": format_time(submitted.entry.at),
        "opinion": "",
        "leaf": b64encode(submitted.leaf),
    }
    for key, value in expected.items():
        if canonical(decision.data.get(key)) != canonical(value):
            raise Wrong("기안이 기록에 다르게 적혀 있습니다.")


def _demand_statement(document: Document, decision: _Decision, number: int) -> None:
    """What was signed is about this document, this place and this moment."""
    link, place, statement = decision.link, decision.place, decision.statement
    if statement.text("decision") not in _DECISIONS.get(link.entry.event, frozenset()):
        raise Wrong(f"{decision.who}가 있어야 할 자리에 다른 사건이 있습니다.")
    if link.entry.event is Event.SKIPPED and place.text("act") not in _LEFT_OUT:
        raise Wrong("결재할 사람을 건너뛴 것으로 적혀 있습니다.")
    form, values = document.form, document.content.fields("values").data
    amount, payee = form.maybe_text("amount"), form.maybe_text("payee")
    prev = link.entry.prev
    version = statement.version(1, 2, 3)
    expected: dict[str, object] = {
        "complex": link.entry.complex,
        "doc": link.entry.document,
        "seq": link.entry.seq,
        "prev": None if prev is None else b64encode(prev),
        "step": place.integer("position"),
        "act": place.text("act"),
        "body": document.body.hex(),
        "form": document.form_digest.hex(),
        "title": document.content.text("title"),
        "amount": None if amount is None else values.get(amount),
        "office": place.text("office"),
        "name": place.text("name"),
        "at": format_time(link.entry.at),
    }
    if version > 1:
        expected |= {
            "round": number,
            "payee": "" if payee is None else values.get(payee) or "",
        }
    for key, value in expected.items():
        if canonical(statement.data.get(key)) != canonical(value):
            raise Wrong(f"{decision.who}에 적힌 것이 이 문서와 다릅니다: {_STATEMENT[key]}")
    if (link.digest("body"), link.digest("form")) != (document.body, document.form_digest):
        raise Wrong(f"{decision.who}가 다른 본문이나 서식에 한 것입니다.")
    if link.entry.event is Event.SKIPPED:
        _demand_leaver(document, decision)
    demand_officeholder(link, _actor(document, decision))


def _demand_leaver(document: Document, decision: _Decision) -> None:
    """The drafter leaves places out; the manager too, where it only sees what was decided.

    What comes before a place was decided, see `_Walk.take`.
    """
    by, drafter = _actor(document, decision), document.line[0]
    if _person(by) == _person(drafter):
        return
    stage = decision.place.integer("stage")
    decides_after = any(
        place.text("act") in _FINAL and place.integer("stage") >= stage for place in document.line
    )
    if by.text("office") != _MANAGER or decision.place.text("act") not in _SEEING or decides_after:
        raise Wrong(f"{decision.who}를 건너뛸 수 없는 사람이 건너뛴 것으로 적혀 있습니다.")


def _person(officer: Fields) -> tuple[str, str]:
    return officer.text("office"), officer.text("name")


def _actor(document: Document, decision: _Decision) -> Fields:
    """Who should have acted: a deputy acts for who is absent, and a place is left out by whom the
    statement names; by the drafter, before version 3.
    """
    if decision.link.entry.event is Event.SKIPPED and decision.by is None:
        return document.line[0]
    return decision.by or decision.place


def _demand_recorded(
    document: Document, decisions: Sequence[_Decision], recorded: Sequence[Fields]
) -> None:
    if len(decisions) != len(recorded):
        raise Wrong("기록에 적힌 결재와 장부에 있는 결재의 수가 다릅니다.")
    for decision, written in zip(decisions, recorded, strict=True):
        place, statement = decision.place, decision.statement
        actor = _actor(document, decision)
        by = None
        if actor is not place:
            by = {"office": actor.text("office"), "name": actor.text("name")}
        expected = {
            **{key: place.data.get(key) for key in ("position", "act", "office", "name")},
            "by": by,
            "decision": statement.text("decision"),
            "at": statement.text("at"),
            "opinion": statement.text("opinion"),
            "leaf": b64encode(decision.link.leaf),
        }
        if document.record.version(1, 2) == 1:
            del expected["by"]
        for key, value in expected.items():
            if canonical(written.data.get(key)) != canonical(value):
                raise Wrong(f"{decision.who}가 기록에 다르게 적혀 있습니다.")


def _check_signature(document: Document, decision: _Decision, report: Report) -> None:
    """Check what the decision was signed with, and say how much that shows."""
    actor = _actor(document, decision)
    who = f"{actor.text('office')} {actor.text('name')}"
    with report.checking("", f"{who}의 서명을 확인할 수 없습니다."):
        auth = Fields.parse(decision.link.value("auth"))
        signed_in = auth.maybe_text("signed_in_at")
        if signed_in is not None and parse_time(signed_in) > decision.link.entry.at:
            raise Wrong(f"{decision.who}보다 로그인이 늦은 것으로 적혀 있습니다.")
        try:
            said = check_auth(auth, decision.link.value("stmt"))
        except Wrong as problem:
            raise Wrong(f"{who}: {problem}") from problem
        if auth.text("level") == "simple":
            report.unchecked(f"{who}: {said}")
            return
        report.ok(f"{who}: {said}")
        if auth.text("method") == "passkey":
            _check_enrolment(document, decision, auth, who, report)
        else:
            report.unchecked(f"{who}의 인증서를 누가 내주었는지는 확인하지 않았습니다.")


def _check_enrolment(
    document: Document, decision: _Decision, auth: Fields, who: str, report: Report
) -> None:
    """The key that signed had been enrolled for this person before two officers."""
    enrolled = document.basis.get(auth.text("enrolled"))
    if enrolled is None:
        report.unchecked(f"{who}의 서명 열쇠를 등록한 사건이 이 파일에 들어 있지 않습니다.")
        return
    key = Fields.parse(enrolled.value("key"))
    owner = Fields.parse(enrolled.value("actor"))
    officer = Fields.parse(enrolled.value("officer"))
    signer = Fields.parse(decision.link.value("actor"))
    if enrolled.entry.event is not Event.ENROLLED or enrolled.place > decision.link.place:
        raise Wrong(f"{who}의 서명 열쇠가 서명한 뒤에 등록되었습니다.")
    for part in ("credential", "public_key", "rp_id", "origin"):
        if key.text(part) != auth.text(part):
            raise Wrong(f"{who}의 서명이 등록한 열쇠로 한 것이 아닙니다.")
    if owner.text("name") != signer.text("name"):
        raise Wrong(f"{who}의 서명 열쇠가 다른 사람의 이름으로 등록되어 있습니다.")
    if officer.text("officeholder") == owner.text("officeholder"):
        raise Wrong(f"{who}의 서명 열쇠를 다른 임직원이 확인하지 않았습니다.")
    if not _in_term(officer, enrolled):
        raise Wrong(f"{who}의 서명 열쇠를 확인한 사람이 그날 임기가 아니었습니다.")
    report.proven_under(
        enrolled.head,
        f"{who}의 서명 열쇠는 {officer.text('office')} {officer.text('name')} 님이 확인하고 "
        "등록한 것입니다.",
    )
    report.claim(
        Claim(
            begun=enrolled,
            used=decision.link,
            ends=Event.REVOKED,
            open=f"{who}의 서명 열쇠가 서명하기 전에 폐지되지 않았는지는 확인하지 않았습니다.",
            holds=f"{who}의 서명 열쇠는 서명하기 전에 폐지된 일이 없습니다.",
            broken=f"{who}의 서명 열쇠가 서명하기 전에 폐지되었습니다.",
        )
    )


def _check_delegation(document: Document, decision: _Decision, by: Fields, report: Report) -> None:
    """Whoever acted for another had been named for it, for that day, and is not the drafter."""
    who = f"{by.text('office')} {by.text('name')}"
    with report.checking("", "대신 결재할 분을 정한 사건을 확인할 수 없습니다."):
        actor = Fields.parse(decision.link.value("actor"))
        drafter = Fields.parse(document.submitted.value("actor"))
        if actor.text("officeholder") == drafter.text("officeholder"):
            raise Wrong(f"{who} 님이 직접 기안한 문서를 대신 결재했습니다.")
        link = document.basis.get(by.text("delegation"))
        if link is None or link.entry.event is not Event.DELEGATION_SET:
            raise Wrong(f"{who} 님을 대신 결재할 분으로 정한 사건이 들어 있지 않습니다.")
        if link.place > decision.link.place:
            raise Wrong(f"{who} 님이 결재한 뒤에 대신 결재할 분으로 정해졌습니다.")
        delegation = Fields.parse(link.value("delegation"))
        absent, deputy = delegation.fields("absent"), delegation.fields("deputy")
        day = decision.link.entry.at.astimezone(KST).date()
        if (
            deputy.text("officeholder") != actor.text("officeholder")
            or (absent.text("office"), absent.text("name"))
            != (decision.place.text("office"), decision.place.text("name"))
            or not _day(delegation.text("since")) <= day <= _day(delegation.text("until"))
        ):
            raise Wrong(f"{who} 님이 대신 결재하도록 정해진 사람이나 날이 아닙니다.")
        report.proven_under(link.head, f"{who} 님이 대신 결재하도록 미리 정해져 있었습니다.")
        report.claim(
            Claim(
                begun=link,
                used=decision.link,
                ends=Event.DELEGATION_ENDED,
                open="",
                holds=f"{who} 님이 대신 결재하는 일은 그때 끝나 있지 않았습니다.",
                broken=f"{who} 님이 대신 결재하는 일이 그 전에 끝났습니다.",
            )
        )


def _in_term(officer: Fields, link: Link) -> bool:
    until = officer.maybe_text("until")
    day = link.entry.at.astimezone(KST).date()
    return _day(officer.text("from")) <= day and (until is None or day <= _day(until))


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as problem:
        raise FormatError("not a day") from problem
    if day.isoformat() != text:
        raise FormatError("not a day")
    return day
