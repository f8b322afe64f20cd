"""A whole document, checked offline from its parts.

The parts are files by name: record.json, form.json, openings.json, `leaf-<seq>.json` and
`leaf-<seq>.tlog-proof` for each event up to the filing, `leaf-opened.*` for the opening of the
log, `leaf-opened-<n>.*` for that of each log before it that is needed, `leaf-basis-<n>.*` for what
decisions and seal rest on, and the attachments as `붙임<n>-<name>`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from unicodedata import category, normalize

from danji_verify.canonical import b64decode, b64encode
from danji_verify.chain import EVENTS, Chain, Document, Link, log_number, log_series
from danji_verify.commitment import Opening
from danji_verify.decisions import check_decisions, demand_officeholder
from danji_verify.entry import Event, parse_entry, parse_time
from danji_verify.errors import VerifyError, Wrong
from danji_verify.logs import demand_logs, demand_one_face, newest_seal, tell_ends
from danji_verify.merkle import leaf_hash
from danji_verify.pdf import SealDigests
from danji_verify.policy import Head, Judgement, Policy
from danji_verify.proof import Proof
from danji_verify.report import Report, korean_time
from danji_verify.shapes import Fields

_CONTINUED = (
    "이 PDF는 이어 연 다음 장부에 적혀 있습니다. 앞 장부에 이어지는지는 증명 묶음(ZIP)으로 "
    "확인할 수 있습니다."
)
_INSIDE = "PDF 안에 든 증명 가운데 아직 잠정인 것이 있습니다. 증명 묶음(ZIP)을 받아 확인해 주세요."

MAX_EVENTS = 1000
MAX_BASIS = 100
MAX_LOGS = 20

_PARTS = frozenset({"record.json", "form.json", "openings.json", "policy.txt"})
LEAF_PART = re.compile(r"leaf-(?:opened|(?:opened-|basis-)?[1-9][0-9]{0,3})\.(?:json|tlog-proof)")
_OPENED_BEFORE = re.compile(r"leaf-opened-([1-9][0-9]{0,3})\.json")
_ATTACHMENT = re.compile(r"붙임([1-9][0-9]{0,3})-.+", re.DOTALL)
_NO_NAME = frozenset('/\\:*?"<>|')
_LONGEST_NAME = 200  # bytes of UTF-8
_LONGEST_ENDING = 8

_ACTS = {
    "review": "검토",
    "concur": "협조",
    "confirm": "확인",
    "audit": "감사",
    "approve": "결재",
    "delegated": "전결",
}


_UNTIL_FILED = frozenset(
    {
        Event.SUBMITTED,
        Event.DECIDED,
        Event.RETURNED,
        Event.SENT_BACK,
        Event.SKIPPED,
        Event.WITHDRAWN,
    }
)


@dataclass(frozen=True)
class Events:
    """The events of a document that were handed in, each proven to be in its log.

    `opened` is the opening of each log, the newest first; `links` the events of the document in
    order; `basis` the events it rests on.
    """

    opened: Sequence[Link]
    links: Sequence[Link]
    basis: Sequence[Link]

    @property
    def all(self) -> list[Link]:
        return [*self.opened, *self.links, *self.basis]


def check_document(parts: Mapping[str, bytes], policy: Policy, report: Report) -> Chain | None:
    """Check all parts of one document, and say in `report` what was found.

    Returns: what a later event of the document must follow; None when something is wrong.
    """
    before = len(report.findings)
    try:
        _describe(parts, report)
        events = read_events(parts, policy)
        document = _read_document(parts, events)
    except VerifyError as problem:
        report.refuse(problem, "문서를 이루는 파일을 읽을 수 없습니다.")
        return None
    report.rests_on(events.all)
    _check_events(events, policy, report)
    _check_opening(events.opened, document, report)
    _check_content(document, report)
    check_decisions(document, report)
    _check_filing(document, report)
    _check_attachments(document, report)
    _tell_what_was_not_checked(document, events.links, report)
    sealed = _seal(events, report)
    if sealed is None or report.has_failed(since=before):
        return None
    record = sha256(parts["record.json"]).digest()
    return Chain(document.filed, record, *sealed, events.all)


def check_finalized(
    proof: bytes, chain: Chain | None, digests: SealDigests, policy: Policy, report: Report
) -> None:
    """Check the proof that this very PDF is in the log, after the filing of its record.

    Left to the bundle: where it stands in a later log, whose opening the PDF cannot hold, and what
    the PDF proves under heads that nobody had confirmed when it was made.
    """
    with report.checking(
        "이 PDF가 장부에 적힌 바로 그 파일입니다.", "PDF의 증명 파일이 맞지 않습니다."
    ):
        link = read_proof_file(proof, policy)
        _demand_finalized(link, digests)
        if chain is not None:
            _demand_following(link, chain)
            if link.origin not in {known.origin for known in chain.links}:
                report.until_bundle(_CONTINUED)
        report.rests_on([link])
        report.proven = chain is not None
        report.confirmed = link.head.judgement.confirmed
        held = chain.links if chain is not None and report.confirmed else []
        if not all(known.head.judgement.confirmed for known in held):
            report.until_bundle(_INSIDE)
        _tell_cosigners(link.head.judgement, report)


def check_event(proof: bytes, policy: Policy, report: Report) -> None:
    """Check a proof file alone: that the event it carries is in the log."""
    try:
        link = read_proof_file(proof, policy)
    except VerifyError as problem:
        report.refuse(problem, "증명이 맞지 않습니다.")
        return
    entry = link.entry
    report.complex = entry.complex
    report.rests_on([link])
    report.proven = True
    report.confirmed = link.head.judgement.confirmed
    report.ok(
        f"문서 {entry.document}의 {link.name}이 "
        f"장부({link.origin})의 {link.index}번 자리에 있습니다: "
        f"{korean_time(entry.at)}"
    )
    for field in sorted(entry.commitments.keys() & link.openings.keys()):
        report.ok(f"사건에 적힌 값을 열어 보니 맞습니다: {field}")
    for field in sorted(entry.commitments.keys() - link.openings.keys()):
        report.unchecked(f"사건에 적힌 값이 들어 있지 않습니다: {field}")
    report.unchecked("이 증명이 가리키는 문서 자체는 확인하지 않았습니다.")
    _tell_cosigners(link.head.judgement, report)


def read_proof_file(data: bytes, policy: Policy) -> Link:
    """A proof whose `extra` carries its own event. Raises: Wrong and other VerifyErrors."""
    proof = Proof.parse(data)
    if proof.extra is None:
        raise Wrong("증명 파일에 사건의 내용이 들어 있지 않습니다.")
    extra = Fields.parse(proof.extra)
    entry = b64decode(extra.text("entry"))
    link = _link(entry, proof, extra.fields("openings").data, policy)
    link.head.judgement.demand_current()
    return link


def read_events(parts: Mapping[str, bytes], policy: Policy, last: Event = Event.FILED) -> Events:
    """Every event that was handed in, from its leaf, its proof and its openings.

    Args: `last` is the event the document's own must end with.
    Raises: Wrong and other VerifyErrors.
    """
    openings = Fields.parse(_part(parts, "openings.json"))
    opened = [_read_link(parts, "leaf-opened", openings, policy)]
    before = sorted(int(found[1]) for name in parts if (found := _OPENED_BEFORE.fullmatch(name)))
    for number in before[::-1][:MAX_LOGS]:
        opened.append(_read_link(parts, f"leaf-opened-{number}", openings, policy))
        if log_number(opened[-1].origin) != number:
            raise Wrong(f"leaf-opened-{number}.json이 그 장부의 것이 아닙니다.")
    links = _read_numbered(parts, "leaf-", MAX_EVENTS, openings, policy)
    if not links:
        raise Wrong("문서의 사건이 하나도 들어 있지 않습니다.")
    basis = _read_numbered(parts, "leaf-basis-", MAX_BASIS, openings, policy)
    known = {b64encode(link.leaf) for link in (*opened, *links, *basis)}
    if openings.data.keys() - known:
        raise Wrong("들어 있지 않은 사건의 값이 섞여 있습니다.")
    if links[-1].entry.event is not last:
        raise Wrong(
            f"{EVENTS[last]}한 사건(leaf-{len(links) + 1}.json)이 들어 있지 않습니다. "
            "파일을 다시 받아 주세요."
        )
    return Events(opened, links, basis)


def demand_order(links: Sequence[Link], last: Event = Event.FILED) -> None:
    """The events of one document follow each other without a gap. Raises: Wrong."""
    for place, link in enumerate(links):
        before = links[place - 1] if place else None
        if link.entry.seq != place + 1 or link.entry.prev != (before.leaf if before else None):
            raise Wrong(f"{link.name}이 앞 사건에 이어지지 않습니다.")
        if link.entry.document != links[0].entry.document:
            raise Wrong("다른 문서의 사건이 섞여 있습니다.")
        if before and (link.place <= before.place or link.entry.at < before.entry.at):
            raise Wrong(f"{link.name}이 앞 사건보다 먼저 적혀 있습니다.")
    events = [link.entry.event for link in links]
    ending = [last] if last is Event.FILED else [Event.FILED, last]
    if events[-len(ending) :] != ending or not set(events[: -len(ending)]) <= _UNTIL_FILED:
        raise Wrong("상신부터 등록까지의 사건이 아닌 것이 섞여 있습니다.")


def _seal(events: Events, report: Report) -> tuple[bytes, Link | None] | None:
    try:
        return newest_seal(events.opened[0], events.basis)
    except Wrong as problem:
        report.failed(str(problem))
    except VerifyError as problem:
        report.failed("봉인 인증서를 바꾼 사건이 맞지 않습니다.", str(problem))
    return None


def _check_events(events: Events, policy: Policy, report: Report) -> None:
    origins = ", ".join(sorted({link.origin for link in events.links}))
    with report.checking(
        f"이 문서의 사건 {len(events.links)}건이 모두 봉인 장부({origins})에 있습니다.",
        "사건의 순서가 맞지 않습니다.",
    ):
        tell_ends(demand_logs(events.opened, [*events.links, *events.basis], policy), report)
    with report.checking(
        "사건이 상신부터 등록까지 빠짐없이 순서대로 이어집니다.", "사건의 순서가 맞지 않습니다."
    ):
        demand_order(events.links)


def _read_numbered(
    parts: Mapping[str, bytes], prefix: str, most: int, openings: Fields, policy: Policy
) -> list[Link]:
    """The events `<prefix>1`, `<prefix>2` and so on, as far as there are any."""
    links: list[Link] = []
    while f"{prefix}{len(links) + 1}.json" in parts and len(links) < most:
        links.append(_read_link(parts, f"{prefix}{len(links) + 1}", openings, policy))
    return links


def _read_link(parts: Mapping[str, bytes], name: str, openings: Fields, policy: Policy) -> Link:
    data = _part(parts, f"{name}.json")
    try:
        proof = Proof.parse(_part(parts, f"{name}.tlog-proof"))
        leaf = b64encode(leaf_hash(data))
        own = openings.fields(leaf).data if leaf in openings.data else {}
        return _link(data, proof, own, policy)
    except Wrong:
        raise
    except VerifyError as problem:
        raise Wrong(f"{name}.json이 장부에 있다는 증명이 맞지 않습니다.") from problem


def _link(data: bytes, proof: Proof, openings: Mapping[str, object], policy: Policy) -> Link:
    entry = parse_entry(data)
    head = Head(proof.checkpoint, proof.verify(data, policy))
    opened = {field: Opening.parse(opening) for field, opening in openings.items()}
    link = Link(entry, leaf_hash(data), proof.index, head, opened)
    if opened.keys() - entry.commitments.keys():
        raise Wrong(f"{link.name}에 없는 값이 섞여 있습니다.")
    for field, opening in opened.items():
        if not opening.opens(field, entry.commitments[field]):
            raise Wrong(f"{link.name}에 적힌 값({field})이 장부와 다릅니다.")
    return link


def _read_document(parts: Mapping[str, bytes], events: Events) -> Document:
    links = events.links
    for name in parts:
        if name not in _PARTS and not any(
            shape.fullmatch(name) for shape in (LEAF_PART, _ATTACHMENT)
        ):
            raise Wrong(f"이 문서의 것이 아닌 파일이 들어 있습니다: {name}")
    record = Fields.parse(parts["record.json"])
    record.version(1, 2)
    content = record.fields("content")
    version = content.version(1, 2)
    form = Fields.parse(_part(parts, "form.json"))
    start = max(
        (place for place, link in enumerate(links) if link.entry.event is Event.SUBMITTED),
        default=None,
    )
    if start is None:
        raise Wrong("상신한 사건이 들어 있지 않습니다. 파일을 다시 받아 주세요.")
    line = content.items("line")
    if not line:
        raise Wrong("본문에 결재선이 없습니다.")
    if version == 1:
        line = [_alone(place) for place in line]
    submitted, *decided, filed = links[start:]
    return Document(
        parts=parts,
        record=record,
        content=content,
        form=form,
        line=line,
        submitted=submitted,
        decided=decided,
        filed=filed,
        basis={b64encode(link.leaf): link for link in events.basis},
    )


def _alone(place: Fields) -> Fields:
    """A place as version 1 had it: one after the other, and nobody left out."""
    return Fields(dict(place.data) | {"stage": place.integer("position"), "skipped": ""})


def _check_opening(opened: Sequence[Link], document: Document, report: Report) -> None:
    with report.checking(
        "장부를 연 단지와 봉인 인증서가 장부의 첫 자리에 적혀 있습니다.",
        "장부를 연 사건이 맞지 않습니다.",
    ):
        code = document.content.fields("complex").text("code")
        for link in opened:
            complex_ = Fields.parse(link.value("complex"))
            if (complex_.text("code"), complex_.text("origin")) != (code, link.origin):
                raise Wrong("이 장부는 이 단지의 것이 아닙니다.")
            link.digest("seal")


def _check_content(document: Document, report: Report) -> None:
    with report.checking("본문이 상신할 때와 같습니다.", "본문을 확인할 수 없습니다."):
        content, submitted = document.content, document.submitted
        for link in (submitted, *document.decided, document.filed):
            if link.digest("body") != document.body:
                raise Wrong(f"본문이 {link.name} 때와 다릅니다.")
        if (
            content.text("doc") != submitted.entry.document
            or content.fields("complex").text("code") != submitted.entry.complex
        ):
            raise Wrong("본문이 다른 문서의 것입니다.")
        if parse_time(content.text("submitted_at")) != submitted.entry.at:
            raise Wrong("상신한 시각이 장부와 다릅니다.")
    with report.checking("서식이 상신할 때와 같습니다.", "서식을 확인할 수 없습니다."):
        stated, form = document.content.fields("form"), document.form
        for link in (document.submitted, *document.decided):
            if link.digest("form") != document.form_digest:
                raise Wrong(f"서식이 {link.name} 때와 다릅니다.")
        if (
            stated.text("sha256") != document.form_digest.hex()
            or stated.text("key") != form.text("key")
            or stated.integer("version") != form.integer("version")
        ):
            raise Wrong("서식이 본문에 적힌 것과 다릅니다.")
    with report.checking(
        "기안자가 기안한 날 그 직위에 있었던 것으로 적혀 있습니다.", "기안자를 확인할 수 없습니다."
    ):
        drafter = document.line[0]
        if drafter.integer("position") != 1 or drafter.text("act") != "draft":
            raise Wrong("결재선이 기안자로 시작하지 않습니다.")
        demand_officeholder(document.submitted, drafter)


def _check_filing(document: Document, report: Report) -> None:
    with report.checking(
        "등록한 기록이 장부에 적힌 것과 같습니다.", "등록한 기록을 확인할 수 없습니다."
    ):
        if document.filed.digest("record") != sha256(document.parts["record.json"]).digest():
            raise Wrong("기록(record.json)이 장부에 적힌 것과 다릅니다.")
        if parse_time(document.record.text("filed_at")) != document.filed.entry.at:
            raise Wrong("등록한 시각이 장부와 다릅니다.")


def _check_attachments(document: Document, report: Report) -> None:
    held: dict[int, list[str]] = {}
    for name in document.parts:
        if match := _ATTACHMENT.fullmatch(name):
            held.setdefault(int(match[1]), []).append(name)
    with report.checking(
        f"붙임 {len(held)}건이 상신할 때와 같습니다." if held else "붙임이 없는 문서입니다.",
        "붙임을 확인할 수 없습니다.",
    ):
        attachments = document.content.items("attachments")
        if held.keys() - set(range(1, len(attachments) + 1)):
            raise Wrong("본문에 적히지 않은 붙임이 들어 있습니다.")
        for number, attachment in enumerate(attachments, start=1):
            names = held.get(number, [])
            if len(names) != 1:
                raise Wrong(f"붙임{number}이 빠졌거나 둘 이상 들어 있습니다.")
            data = document.parts[names[0]]
            stated = attachment.integer("size"), attachment.text("sha256")
            if (len(data), sha256(data).hexdigest()) != stated:
                raise Wrong(f"붙임{number}이 상신할 때와 다릅니다: {attachment.text('name')}")
            if not is_called(names[0], f"붙임{number}-{attachment.text('name')}"):
                raise Wrong(f"붙임{number}의 파일 이름이 다릅니다: {attachment.text('name')}")


def is_called(given: str, name: str) -> bool:
    """Whether a file has the name that it gets inside a PDF: flat, visible, cut before its ending.

    What was no letter yet when it was made stands there as `_` too.
    """
    name = normalize("NFC", name)
    hidden = (letter in _NO_NAME or category(letter)[0] == "C" for letter in name)
    flat = "".join("_" if hide else letter for hide, letter in zip(hidden, name, strict=True))
    flat = " ".join(flat.split()).strip(". ")
    stem, dot, ending = flat.rpartition(".")
    if not dot or len(ending) > _LONGEST_ENDING:
        stem, dot, ending = flat, "", ""
    room = _LONGEST_NAME - len((dot + ending).encode())
    stem = stem.encode()[:room].decode(errors="ignore").rstrip()
    called = (stem or "file") + dot + ending
    return len(given) == len(called) and all(
        letter in ("_", due) for letter, due in zip(given, called, strict=True)
    )


def _tell_what_was_not_checked(document: Document, links: Sequence[Link], report: Report) -> None:
    if document.content.data.get("cites"):
        report.unchecked("인용한 문서는 이 파일에 들어 있지 않아 확인하지 않았습니다.")
    rounds = sum(link.entry.event is Event.SUBMITTED for link in links)
    if rounds > 1:
        report.unchecked(f"지난 상신 {rounds - 1}번의 본문은 들어 있지 않습니다.")


def _describe(parts: Mapping[str, bytes], report: Report) -> None:
    record = Fields.parse(_part(parts, "record.json"))
    content = record.fields("content")
    report.number = record.fields("number").text("text")
    report.title = content.text("title")
    report.complex = content.fields("complex").text("name")
    report.decisions += [
        f"기안 {line.text('office')} {line.text('name')}, "
        f"{korean_time(parse_time(content.text('submitted_at')))}"
        for line in content.items("line")[:1]
    ]
    report.decisions += [
        f"{_mark(decision)} {decision.text('office')} {decision.text('name')}, "
        f"{korean_time(parse_time(decision.text('at')))}"
        for decision in record.items("decisions")
        if decision.text("act") != "draft"
    ]


def _mark(decision: Fields) -> str:
    """What a decision is called: `결재`, `검토(의견 있음)`, `결재(대결 과장 이민호)`."""
    act, made = _ACTS.get(decision.text("act"), ""), decision.text("decision")
    if made == "skip":
        return f"{act}(생략)"
    if decision.data.get("by") is not None:
        by = decision.fields("by")
        act = f"{act}(대결 {by.text('office')} {by.text('name')})"
    return f"{act}(의견 있음)" if made == "dissent" else act


def _demand_finalized(link: Link, digests: SealDigests) -> None:
    if link.entry.event is not Event.FINALIZED:
        raise Wrong("증명 파일이 PDF를 봉인한 사건의 것이 아닙니다.")
    stated = Fields.parse(link.value("pdf"))
    if (stated.text("signed"), stated.text("signature")) != (digests.signed, digests.signature):
        raise Wrong("이 PDF는 장부에 적힌 파일이 아닙니다.")


def _demand_following(link: Link, chain: Chain) -> None:
    filed = chain.filed
    if (
        link.entry.document != filed.entry.document
        or link.entry.complex != filed.entry.complex
        or link.entry.seq != filed.entry.seq + 1
        or link.entry.prev != filed.leaf
        or link.entry.at < filed.entry.at
        or link.place <= filed.place
        or log_series(link.origin) != log_series(filed.origin)
    ):
        raise Wrong("증명 파일의 사건이 이 문서의 등록에 이어지지 않습니다.")
    if link.digest("record") != chain.record:
        raise Wrong("증명 파일이 다른 기록의 것입니다.")
    demand_one_face([*chain.links, link])


def _tell_cosigners(judgement: Judgement, report: Report) -> None:
    for name, at in judgement.cosigned.items():
        report.ok(f"{name}의 확인 서명이 맞습니다: {korean_time(at)}")
    if not judgement.confirmed:
        report.unchecked(
            "장부를 맡은 곳 말고 다른 기관의 확인 서명이 정책대로 갖추어지지 않아 잠정입니다."
        )


def _part(parts: Mapping[str, bytes], name: str) -> bytes:
    if name not in parts:
        raise Wrong(f"문서를 이루는 파일이 빠졌습니다: {name}")
    return parts[name]
