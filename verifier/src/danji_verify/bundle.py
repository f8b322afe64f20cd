"""The proof bundle (증명 묶음): a ZIP with a sealed PDF and all that proves it, for many years.

Besides `document.pdf` and `document.pdf.tlog-proof` it holds each event of the document with a
proof under the confirmed head (`leaf-<seq>.*`), what each decision was signed with
(`auth-<seq>.json`), and where there is one a time stamp of a head of the log of logs under which
that confirmed head stands (`stamp.tsr`, `stamp.note`, `stamp.tlog-proof`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509

from danji_verify.archive import Archive, Limits
from danji_verify.chain import Link
from danji_verify.check import check_pdf
from danji_verify.checkpoint import Checkpoint
from danji_verify.entry import Event
from danji_verify.errors import Unreadable, VerifyError, Wrong
from danji_verify.heads import CLOCK_SKEW
from danji_verify.logs import demand_logs, demand_one_face, tell_ends
from danji_verify.merkle import leaf_hash, verify_inclusion
from danji_verify.note import Note, parse_note
from danji_verify.page import NAME as PAGE
from danji_verify.page import page
from danji_verify.pdf import MAX_PDF, open_sealed
from danji_verify.policy import Policy
from danji_verify.proof import Proof
from danji_verify.record import (
    LEAF_PART,
    MAX_EVENTS,
    Events,
    demand_order,
    read_events,
    read_proof_file,
)
from danji_verify.report import Report, korean_time
from danji_verify.stamp import check_stamp

LIMITS = Limits(files=4 * MAX_EVENTS, one=MAX_PDF, total=2 * MAX_PDF)
PDF = "document.pdf"
PROOF = "document.pdf.tlog-proof"

_STAMP = ("stamp.tsr", "stamp.note", "stamp.tlog-proof")
_OTHERS = frozenset(
    {PDF, PROOF, PAGE, "record.json", "form.json", "openings.json", "policy.txt", "읽어주세요.txt"}
) | frozenset(_STAMP)
_AUTH = re.compile(r"auth-([1-9][0-9]{0,3})\.json")
_TIMED = (8 + 64, 8 + 2420)  # bytes of a cosignature: a time, then Ed25519 or ML-DSA-44


@dataclass(frozen=True)
class Trust:
    """What comes from outside the bundle: the policy, time-stamping authorities, the clock."""

    policy: Policy | None = None
    authorities: Sequence[x509.Certificate] = ()
    now: datetime | None = None


def check_bundle(data: bytes, trust: Trust) -> Report:
    """Check a proof bundle.

    Args: without a policy the verdict stays open; without authorities the time of the stamp is
    told and not vouched for; given `now`, a stamp of later is refused.
    """
    try:
        parts = _parts(data)
    except Unreadable as problem:
        report = Report(trusted=trust.policy is not None)
        report.question(str(problem))
        return report
    except Wrong as problem:
        report = Report(trusted=trust.policy is not None)
        report.failed(str(problem))
        return report
    report = check_pdf(parts[PDF], parts[PROOF], trust.policy)
    if trust.policy is None or report.has_failed():
        return report
    try:
        events = read_events(parts, trust.policy, Event.FINALIZED)
        inside = open_sealed(parts[PDF]).files
    except VerifyError as problem:
        report.refuse(problem, "묶음에 든 증명을 읽을 수 없습니다.")
        return report
    report.rests_on(events.all)
    _check_events(parts, events, trust.policy, report)
    _check_same(parts, inside, events, report)
    if not report.has_failed():
        report.settle()
    _check_evidence(parts, events.links, report)
    _check_stamp(parts, events.links[-1], trust, report)
    _check_page(parts, report)
    return report


def _parts(data: bytes) -> Mapping[str, bytes]:
    """Raises: Wrong, Unreadable."""
    archive = Archive(data, LIMITS)
    for name in sorted(archive.names):
        if name not in _OTHERS and not any(shape.fullmatch(name) for shape in (LEAF_PART, _AUTH)):
            raise Wrong(f"증명 묶음의 것이 아닌 파일이 들어 있습니다: {name}")
    for name in (PDF, PROOF, "openings.json"):
        if name not in archive.names:
            raise Wrong(f"증명 묶음에서 파일이 빠졌습니다: {name}")
    return {name: archive.read(name) for name in archive.names}


def _check_events(
    parts: Mapping[str, bytes], events: Events, policy: Policy, report: Report
) -> None:
    """Every event up to the sealing is proven under one and the same head of its log."""
    with report.checking(
        f"상신부터 봉인까지 사건 {len(events.links)}건이 모두 같은 머리 아래에 있습니다.",
        "묶음에 든 증명이 맞지 않습니다.",
    ):
        tell_ends(demand_logs(events.opened, [*events.links, *events.basis], policy), report)
        demand_order(events.links, Event.FINALIZED)
        finalized = read_proof_file(parts[PROOF], policy)
        if finalized.leaf != events.links[-1].leaf:
            raise Wrong("PDF의 증명과 묶음에 든 증명이 서로 다른 사건의 것입니다.")
        demand_one_face([*events.all, finalized])
        sizes = {finalized.origin: finalized.head.checkpoint.size}
        for link in events.all:
            head = link.head
            if sizes.setdefault(link.origin, head.checkpoint.size) != head.checkpoint.size:
                raise Wrong(f"{link.name}이 다른 머리 아래에 증명되어 있습니다.")
            if report.confirmed and not head.judgement.confirmed:
                raise Wrong(f"{link.name}이 확정되지 않은 머리 아래에 증명되어 있습니다.")


def _check_same(
    parts: Mapping[str, bytes], inside: Mapping[str, bytes], events: Events, report: Report
) -> None:
    """What lies beside the PDF is what the PDF holds, and proves all that the PDF rests on: the PDF
    may have been made before there was a confirmed head.
    """
    with report.checking(
        "묶음에 따로 든 기록과 서식이 PDF 안의 것과 같습니다.",
        "묶음의 기록을 확인할 수 없습니다.",
    ):
        names = [f"leaf-{link.entry.seq}.json" for link in events.links[:-1]]
        for name in ("record.json", "form.json", *names):
            if parts.get(name) != inside.get(name):
                raise Wrong(f"묶음에 든 {name}이 PDF 안의 것과 다릅니다.")
        proven = {link.leaf for link in events.all}
        for name in sorted(inside):
            is_leaf = LEAF_PART.fullmatch(name) and name.endswith(".json")
            if is_leaf and leaf_hash(inside[name]) not in proven:
                raise Wrong(f"PDF 안에 든 {name}의 증명이 묶음에 없습니다.")


def _check_evidence(parts: Mapping[str, bytes], links: Sequence[Link], report: Report) -> None:
    """`auth-<seq>.json` is what the event of that number committed to."""
    signed = {link.entry.seq: link for link in links if "auth" in link.entry.commitments}
    held = {int(found[1]) for name in parts if (found := _AUTH.fullmatch(name))}
    with report.checking(
        f"결재 {len(signed)}건의 서명 자료가 장부에 적힌 것과 같습니다.",
        "서명 자료를 확인할 수 없습니다.",
    ):
        if held - signed.keys():
            raise Wrong("결재한 사건이 아닌 것의 서명 자료가 들어 있습니다.")
        for seq, link in signed.items():
            if seq not in held:
                raise Wrong(f"{link.name}의 서명 자료(auth-{seq}.json)가 빠졌습니다.")
            if parts[f"auth-{seq}.json"] != link.value("auth"):
                raise Wrong(f"{link.name}의 서명 자료가 장부에 적힌 것과 다릅니다.")


def _check_stamp(parts: Mapping[str, bytes], finalized: Link, trust: Trust, report: Report) -> None:
    held = [name for name in _STAMP if name in parts]
    if not held:
        report.unchecked("시각 도장이 들어 있지 않은 묶음입니다.")
        return
    with report.checking("", "시각 도장이 맞지 않습니다."):
        if len(held) < len(_STAMP):
            raise Wrong("시각 도장의 파일이 빠졌습니다.")
        stamp = check_stamp(parts["stamp.tsr"], parts["stamp.note"], trust.authorities)
        cosigned = _demand_covered(parts, finalized, trust)
        if stamp.at + CLOCK_SKEW < max(cosigned):
            raise Wrong("시각 도장의 시각이 도장 찍은 머리의 확인 서명보다 이릅니다.")
        if trust.now is not None and stamp.at > trust.now + CLOCK_SKEW:
            raise Wrong("시각 도장의 시각이 아직 오지 않은 때입니다.")
        told = f"이 문서가 {korean_time(stamp.at)} 전에 장부에 있었다"
        if stamp.pinned:
            report.ok(f"{told}고 믿는 시각 기관이 도장을 찍었습니다.")
        else:
            report.unchecked(
                f"{told}는 시각 도장이 있습니다. 시각 기관의 인증서(--tsa)가 없어 누가 찍었는지는 "
                "확인하지 않았습니다."
            )


def _demand_covered(parts: Mapping[str, bytes], finalized: Link, trust: Trust) -> list[datetime]:
    """The stamped head of the log of logs holds the head under which the document is proven.

    Returns: the times that must lie before the stamp. Raises: Wrong and other VerifyErrors.
    """
    note = parse_note(parts["stamp.note"])
    stamped = Checkpoint.parse(note.text)
    proof = Proof.parse(parts["stamp.tlog-proof"])
    if parse_note(proof.checkpoint).text != note.text:
        raise Wrong("시각 도장을 찍은 머리와 증명의 머리가 다릅니다.")
    leaf = finalized.head.note if proof.extra is None else proof.extra
    verify_inclusion(proof.index, stamped.size, leaf_hash(leaf), proof.path, stamped.root)
    if trust.policy is None:
        raise Wrong("정책 파일이 없어 시각 도장이 찍힌 머리를 확인할 수 없습니다.")
    if Checkpoint.parse(parse_note(leaf).text) != finalized.head.checkpoint:
        raise Wrong("시각 도장이 이 문서를 증명하는 머리의 것이 아닙니다.")
    collected = trust.policy.judge(leaf)
    return [finalized.entry.at, *collected.cosigned.values(), *_cosigned(note)]


def _cosigned(note: Note) -> list[datetime]:
    """When the stamped head says it was cosigned; the stamp covers these lines too."""
    stated = [
        int.from_bytes(line.signature[:8], "big")
        for line in note.signatures
        if len(line.signature) in _TIMED
    ]
    try:
        return [datetime.fromtimestamp(seconds, UTC) for seconds in stated]
    except (OverflowError, OSError, ValueError) as problem:
        raise Wrong("도장 찍은 머리의 확인 서명에 있을 수 없는 시각이 적혀 있습니다.") from problem


def _check_page(parts: Mapping[str, bytes], report: Report) -> None:
    if PAGE in parts and parts[PAGE] != page():
        report.unchecked(
            "함께 든 확인 화면(verify.html)이 이 프로그램의 것과 다릅니다. 다른 판일 수 있으니 "
            "확인 기관에서 받은 것을 써 주세요."
        )
