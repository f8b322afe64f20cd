"""The report of an audit: for a district official to read, and for a program to read."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from danji.audit.findings import KEPT, Finding, Severity
from danji.audit.run import Audited
from danji.rules.periods import format_moment
from danji_verify.entry import format_time

NAMES: Mapping[str, str] = {
    "logs": "봉인 장부",
    "heads": "보관한 머리",
    "events": "사건",
    "leaves": "장부의 자리",
    "openings": "여는 값",
    "documents": "결재 문서",
    "steps": "결재선의 자리",
    "turns": "기다리는 차례",
    "outcomes": "결재의 끝",
    "enclosures": "붙임의 목록",
    "circulations": "후결",
    "records": "등록한 기록",
    "citations": "관련 문서",
    "renditions": "봉인한 PDF",
    "opened": "열어 본 PDF",
    "publications": "공개",
    "confirmations": "확정",
    "clearances": "공개의 확인",
    "withdrawals": "공개 철회",
    "erasures": "파기",
    "signatures": "서명",
    "officeholders": "직책",
    "signing keys": "서명 열쇠",
    "agreements": "전자서명 동의",
    "absences": "부재와 대결",
    "routing rules": "결재선 규칙",
    "registers": "등록대장",
    "forms": "서식",
    "files": "보관한 파일",
    "public files": "공개한 파일",
}
MEANING = {
    Severity.FAULT: "자료가 바뀌었거나 없어졌습니다",
    Severity.DOUBT: "사람이 보고 판단해야 합니다",
    Severity.NOTE: "잘못은 아니지만 알아 두실 것입니다",
}
ADVICE = """\
직접 확인하시려면

- 공개된 문서는 그 화면에서 PDF와 증명 파일을 받아 verify.html에 끌어다 놓으면, 인터넷 없이도 이
  시스템과 상관없이 확인됩니다.
- 봉인 장부 전체는 공개 주소의 log.zip으로 받아 danji_verify로 다시 계산할 수 있습니다.
- 이상이 있으면 무엇도 고치거나 지우지 마시고, 운영자에게 백업을 따로 보관하게 한 뒤 확인 기관이
  가진 장부의 사본과 견주어 주세요.
- 이 점검이 볼 수 없는 것: 이 시스템에 들어온 적이 없는 일, 결재한 분이 적은 글이 참인지."""


def verdict(audited: Audited) -> str:
    """The result in a few words: `이상 2건, 확인 필요 1건`, or `이상이 없습니다`."""
    counts = audited.found.counts
    parts = [
        f"{severity.label} {counts[severity]:,}건"
        for severity in (Severity.FAULT, Severity.DOUBT)
        if counts[severity]
    ]
    return ", ".join(parts) or "이상이 없습니다"


def as_text(audited: Audited) -> str:
    """The report for people, summary first."""
    complex_ = audited.complex
    lines = [
        "점검 보고서",
        "",
        f"단지: {complex_.name} ({complex_.code})",
        f"점검한 때: {format_moment(audited.started_at)} (그때까지의 자료를 모두 보았습니다)",
        *(f"봉인 장부: {origin}, 사건 {size:,}건" for origin, size in audited.sizes.items()),
        f"견준 것: {audited.rows:,}건",
        f"결과: {verdict(audited)}",
        "",
    ]
    for severity in Severity:
        lines += _section(audited, severity)
    lines += ["무엇을 몇 건 보았는지", ""]
    lines += [
        f"- {NAMES.get(name, name)} {count:,}건"
        for name, count in audited.found.rows.items()
        if count
    ]
    return "\n".join([*lines, "", ADVICE, ""])


def _section(audited: Audited, severity: Severity) -> Iterator[str]:
    kept = [finding for finding in audited.found.kept if finding.severity is severity]
    count = audited.found.counts[severity]
    if not count:
        return
    yield f"{severity.label} {count:,}건: {MEANING[severity]}"
    yield ""
    for number, finding in enumerate(kept, 1):
        yield f"{number}. {sentence_of(finding)}"
    if count > len(kept):
        yield f"… 그 밖에 {count - len(kept):,}건({KEPT:,}건까지만 적습니다)"
    yield ""


def sentence_of(finding: Finding) -> str:
    """`[결재 문서] 지출-2026-0001 ‘제설 자재 구입’: 금액이 … (봉인 장부 5번 자리)`."""
    subject = str(finding.subject)
    named = f"{subject}: " if subject else ""
    place = f" (봉인 장부 {finding.index}번 자리)" if finding.index is not None else ""
    return f"[{finding.area.label}] {named}{finding.sentence}{place}"


def as_json(audited: Audited) -> dict[str, Any]:
    """The report for programs, laid out in `docs/spec/audit.md`."""
    found = audited.found
    return {
        "v": 1,
        "complex": {"code": audited.complex.code, "name": audited.complex.name},
        "started_at": _moment(audited.started_at),
        "finished_at": _moment(audited.finished_at),
        "logs": [{"origin": origin, "size": size} for origin, size in audited.sizes.items()],
        "rows": dict(found.rows),
        "counts": {severity.value: found.counts[severity] for severity in Severity},
        "findings": [finding.as_json() for finding in found.kept],
    }


def _moment(at: datetime) -> str:
    return format_time(at.astimezone(UTC).replace(microsecond=0))
