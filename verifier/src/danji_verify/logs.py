"""The logs behind one document: how each was opened, and how one goes on where another ended.

A complex has one log at a time. When log n is closed, or cannot go on, log n + 1 begins with
`log.continued`, which names the last good head of log n: what log n grew afterwards counts nothing.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import pairwise

from danji_verify.canonical import b64decode
from danji_verify.chain import Link, log_number, log_series
from danji_verify.entry import Event
from danji_verify.errors import VerifyError, Wrong
from danji_verify.policy import Fork, Head, Policy
from danji_verify.report import Report
from danji_verify.shapes import Fields

_BEGINNINGS = frozenset({Event.LOG_OPENED, Event.LOG_CONTINUED})


def demand_logs(opened: Sequence[Link], links: Sequence[Link], policy: Policy) -> list[Head]:
    """Every event is in a log whose opening is there, and the logs continue each other.

    Args: `opened` are the openings, of the newest log first.
    Returns: the last heads of all logs but the newest, of the newest of them first.
    Raises: Wrong.
    """
    beginnings = {link.origin: link for link in opened}
    if len(beginnings) != len(opened) or {link.origin for link in links} - beginnings.keys():
        raise Wrong("사건이 서로 다른 장부에 적혀 있습니다.")
    for link in (*opened, *links):
        if link.entry.complex != opened[0].entry.complex or log_series(link.origin) != log_series(
            opened[0].origin
        ):
            raise Wrong("다른 단지의 사건이 섞여 있습니다.")
    for link in opened:
        if link.entry.event not in _BEGINNINGS or link.index != 0:
            raise Wrong("장부를 연 사건이 장부의 첫 자리에 있지 않습니다.")
    demand_one_face([*opened, *links])
    return [
        _demand_continued(newer, older, [*opened, *links], policy)
        for newer, older in pairwise(opened)
    ]


def tell_ends(ends: Iterable[Head], report: Report) -> None:
    """Say once where each log ended that another goes on from."""
    for end in ends:
        if end.note in {known.note for known in report.ends}:
            continue
        report.ends.append(end)
        number, size = log_number(end.checkpoint.origin), end.checkpoint.size
        if report.quorum and not end.judgement.confirmed:
            report.unchecked(
                f"{number}번째 장부가 {size:,}건에서 끝났다는 머리에는 다른 기관의 확인 서명이 "
                "정책대로 갖추어져 있지 않습니다. 그 뒤의 사건이 빠졌는지는 확인 기관에 물어봐 "
                "주세요."
            )
        else:
            report.ok(f"{number}번째 장부는 {size:,}건에서 끝났고 다음 장부가 거기에 이어집니다.")


def demand_one_face(links: Iterable[Link]) -> None:
    """No log shows two heads of the same size. Raises: Fork."""
    known: dict[tuple[str, int], Head] = {}
    for link in links:
        head = link.head.checkpoint
        first = known.setdefault((head.origin, head.size), link.head)
        if first.checkpoint.root != head.root:
            raise Fork(first, link.head)


def newest_seal(opened: Link, basis: Iterable[Link]) -> tuple[bytes, Link | None]:
    """SHA-256 of the certificate that seals, and the event that named it after the opening.

    Args: `opened` is the opening of the newest log.
    Raises: Wrong when the event is not what it should be.
    """
    rotated = [
        link
        for link in basis
        if link.entry.event is Event.KEY_ROTATED
        and link.place > opened.place
        and Fields.parse(link.value("key")).text("use") == "seal"
    ]
    if not rotated:
        return opened.digest("seal"), None
    newest = max(rotated, key=lambda link: link.place)
    if newest.entry.document != opened.entry.document:
        raise Wrong("봉인 인증서를 바꾼 사건이 이 장부를 연 단지의 것이 아닙니다.")
    certificate = b64decode(Fields.parse(newest.value("key")).text("new"))
    return sha256(certificate).digest(), newest


def last_head_before(continued: Link, policy: Policy) -> Head:
    """The head of the log before, with which this one goes on. Raises: Wrong."""
    note = continued.value("previous")
    try:
        return Head(note, policy.judge(note))
    except VerifyError as problem:
        raise Wrong("앞 장부의 마지막 머리를 확인할 수 없습니다.") from problem


def _demand_continued(newer: Link, older: Link, links: Sequence[Link], policy: Policy) -> Head:
    if newer.entry.event is not Event.LOG_CONTINUED:
        raise Wrong("앞 장부에 이어 연 장부가 아닙니다.")
    end = last_head_before(newer, policy)
    last = end.checkpoint
    if last.origin != older.origin or log_number(newer.origin) != log_number(older.origin) + 1:
        raise Wrong("장부가 앞 장부에 이어지지 않습니다.")
    for link in links:
        if link.origin != older.origin:
            continue
        if link.index >= last.size:
            raise Wrong(f"{link.name}이 앞 장부가 끝난 뒤에 덧붙은 것입니다.")
        head = link.head.checkpoint
        if head.size == last.size and head.root != last.root:
            raise Fork(link.head, end)
    return end
