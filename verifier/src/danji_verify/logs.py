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
from danji_verify.policy import Judgement, Policy
from danji_verify.shapes import Fields

_SPLIT = "장부가 둘로 갈라져 있습니다. 크기가 같은데 내용이 다릅니다."
_BEGINNINGS = frozenset({Event.LOG_OPENED, Event.LOG_CONTINUED})


def demand_logs(opened: Sequence[Link], links: Sequence[Link], policy: Policy) -> None:
    """Every event is in a log whose opening is there, and the logs continue each other.

    Args: `opened` are the openings, of the newest log first.
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
    for newer, older in pairwise(opened):
        _demand_continued(newer, older, [*opened, *links], policy)


def demand_one_face(links: Iterable[Link]) -> None:
    """No log shows two heads of the same size. Raises: Wrong."""
    roots: dict[tuple[str, int], bytes] = {}
    for link in links:
        head = link.head.checkpoint
        if roots.setdefault((head.origin, head.size), head.root) != head.root:
            raise Wrong(_SPLIT)


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


def last_head_before(continued: Link, policy: Policy) -> Judgement:
    """The head of the log before, with which this one goes on. Raises: Wrong."""
    try:
        return policy.judge(continued.value("previous"))
    except Wrong:
        raise
    except VerifyError as problem:
        raise Wrong("앞 장부의 마지막 머리를 확인할 수 없습니다.") from problem


def _demand_continued(newer: Link, older: Link, links: Sequence[Link], policy: Policy) -> None:
    if newer.entry.event is not Event.LOG_CONTINUED:
        raise Wrong("앞 장부에 이어 연 장부가 아닙니다.")
    last = last_head_before(newer, policy).checkpoint
    if last.origin != older.origin or log_number(newer.origin) != log_number(older.origin) + 1:
        raise Wrong("장부가 앞 장부에 이어지지 않습니다.")
    for link in links:
        if link.origin != older.origin:
            continue
        if link.index >= last.size:
            raise Wrong(f"{link.name}이 앞 장부가 끝난 뒤에 덧붙은 것입니다.")
        head = link.head.checkpoint
        if head.size == last.size and head.root != last.root:
            raise Wrong(_SPLIT)
