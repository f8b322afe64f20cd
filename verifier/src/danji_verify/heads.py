"""Heads of logs: one alone, two against each other, and how old one may be."""

from datetime import datetime, timedelta

from danji_verify.checkpoint import Checkpoint
from danji_verify.errors import Unreadable, VerifyError
from danji_verify.logcopy import NOT_WHOLE, LogCopy, demand_one_history
from danji_verify.note import parse_note
from danji_verify.policy import Fork, Head, Policy
from danji_verify.report import Report, korean_time
from danji_verify.tiles import roots

MAX_AGE = timedelta(hours=24)  # witnesses cosign at least daily
CLOCK_SKEW = timedelta(minutes=5)  # how far honest clocks may be apart

_NO_POLICY = "정책 파일(장부의 열쇠)을 다른 곳에서 받아 함께 넣어 주세요(--policy)."


def check_head(note: bytes, policy: Policy | None, now: datetime | None = None) -> Report:
    """Check a signed head alone: who signed and cosigned it and, given `now`, how old it is."""
    report = Report(trusted=policy is not None)
    if policy is None:
        report.question(_NO_POLICY)
        return report
    head = accept_head(note, policy, report)
    if head is not None and now is not None:
        tell_age(head, policy, now, report)
    return report


def check_heads(
    one: bytes, other: bytes, policy: Policy | None, log_copy: LogCopy | None = None
) -> Report:
    """Check that two signed heads are of one log that only grew from one to the other.

    Args: `log_copy` is a copy of that log, at least as large as both; without it only heads of
    the same size can be compared.
    """
    report = Report(trusted=policy is not None)
    if policy is None:
        report.question(_NO_POLICY)
        return report
    heads = [accept_head(note, policy, report) for note in (one, other)]
    if heads[0] is not None and heads[1] is not None:
        compare_heads(heads[0], heads[1], policy, log_copy, report)
    return report


def read_head(note: bytes, policy: Policy, report: Report) -> Head | None:
    """A head that a log of the policy signed with a key that counts; None, and the reason in
    `report`, when none did.
    """
    try:
        head = Head(note, policy.judge(note))
        head.judgement.demand_current()
    except VerifyError as problem:
        report.refuse(problem, "장부의 머리에 믿는 장부의 서명이 없거나 맞지 않습니다.")
        return None
    report.saw([head])
    return head


def accept_head(note: bytes, policy: Policy, report: Report) -> Head | None:
    """Like `read_head`, and say who signed it."""
    head = read_head(note, policy, report)
    if head is None:
        return None
    judgement, checkpoint = head.judgement, head.checkpoint
    report.quorum = policy.quorum is not None
    # `proven` says that a head was accepted before: of two, both must be confirmed.
    report.confirmed = judgement.confirmed and (report.confirmed or not report.proven)
    report.proven = True
    report.ok(f"장부({checkpoint.origin})의 머리에 장부의 서명이 있습니다: {checkpoint.size:,}건")
    for name, at in judgement.cosigned.items():
        report.ok(f"{name}의 확인 서명이 맞습니다: {korean_time(at)}")
    if not judgement.confirmed:
        report.unchecked("다른 기관의 확인 서명이 정책대로 갖추어지지 않아 잠정입니다.")
    return head


def compare_heads(
    one: Head, other: Head, policy: Policy, log_copy: LogCopy | None, report: Report
) -> None:
    """Say whether both can be heads of one log."""
    smaller, larger = sorted((one, other), key=lambda head: head.checkpoint.size)
    if smaller.checkpoint.origin != larger.checkpoint.origin:
        report.question("두 머리가 서로 다른 장부의 것이라 견줄 수 없습니다.")
    elif smaller.checkpoint.size == larger.checkpoint.size:
        if smaller.checkpoint.root != larger.checkpoint.root:
            report.forked(Fork(smaller, larger))
        else:
            report.ok("두 머리가 같습니다.")
    elif log_copy is None:
        report.question(
            "두 머리의 건수가 달라, 장부가 이어서 자란 것인지는 장부 전체가 있어야 알 수 있습니다. "
            "장부 사본(log.zip)을 받아 함께 넣어 주세요(--log)."
        )
    else:
        compare_with_copy([smaller, larger], log_copy, policy, report, asked=True)


def compare_with_copy(
    heads: list[Head], log_copy: LogCopy, policy: Policy, report: Report, *, asked: bool = False
) -> None:
    """Say whether heads of one log are all heads of the log in the copy.

    Args: `asked` where this is what the reader wants to know. Otherwise, beyond the copy, a
    confirmed head that no other exceeds is believed as it would be without one.
    """
    try:
        size = demand_one_history(heads, log_copy, policy).checkpoint.size
    except Fork as problem:
        report.forked(problem)
        return
    except Unreadable as problem:
        report.question(str(problem))
        return
    sizes = sorted({head.checkpoint.size for head in heads if head.checkpoint.size <= size})
    if sizes:
        told = ", ".join(f"{size:,}건" for size in sizes)
        report.ok(f"장부 사본으로 다시 계산해 보니 한 장부가 이어서 자란 것입니다: {told}")
    beyond = [head for head in heads if head.checkpoint.size > size]
    if not beyond:
        return
    last = max(beyond, key=lambda head: (head.checkpoint.size, head.judgement.confirmed))
    if last.judgement.confirmed and not asked:
        report.unchecked(
            f"장부 사본이 {size:,}건뿐이라 견줄 머리보다 짧습니다. 그 뒤가 이어지는지는 확인 "
            "기관의 서명을 믿었고 직접 계산하지는 않았습니다."
        )
    else:
        report.question("장부 사본이 견줄 머리보다 짧습니다. 더 새 사본을 받아 주세요.")


def check_printed(printed: Checkpoint, log_copy: LogCopy, report: Report) -> None:
    """Say whether a head that somebody has on paper is one of the log in the copy.

    The paper needs no signature: whoever holds it knows where it hung. Who signed the copy is for
    others to say; only its entries are believed.
    """
    try:
        own = Checkpoint.parse(parse_note(log_copy.checkpoint).text)
        within = own.origin == printed.origin and printed.size <= own.size
        wanted = {own.size, printed.size} if within else {own.size}
        found = roots(wanted, own.size, log_copy.reader)
    except (KeyError, FileNotFoundError, VerifyError):
        report.question(NOT_WHOLE)
        return
    count = f"{printed.size:,}건"
    if found[own.size] != own.root:
        report.question(NOT_WHOLE)
    elif printed.origin != own.origin:
        report.question(
            f"종이에 적힌 머리는 다른 장부({printed.origin})의 것입니다. 그 장부의 사본을 받아 "
            "주세요."
        )
    elif printed.size > own.size:
        report.question(
            f"종이에는 {count}까지 적혀 있는데 장부 사본은 {own.size:,}건뿐입니다. 더 새 사본을 "
            "받아 주세요. 새로 받아도 그대로면 장부가 되돌려진 것이니 확인 기관에 알려 주세요."
        )
    elif found[printed.size] != printed.root:
        report.failed(
            f"종이에 적힌 머리({count})가 이 장부의 것이 아닙니다. 장부가 고쳐 쓰였거나 사람마다 "
            "다른 장부를 보여 주고 있습니다. 종이와 장부 사본을 보관하고 확인 기관에 알려 주세요."
        )
    else:
        report.ok(f"종이에 적힌 머리({count})에서 이 장부가 이어서 자랐습니다.")


def tell_age(head: Head, policy: Policy, now: datetime, report: Report) -> None:
    """Say how long ago all whose agreement counts last saw this head as the newest."""
    needed, cosigned = policy.needed(), head.judgement.cosigned
    agreed = policy.agreed_at(cosigned)
    if agreed is None:
        report.unchecked("정책이 요구하는 확인 서명이 없어 얼마나 오래된 머리인지 알 수 없습니다.")
    elif (newest := max(cosigned[name] for name in needed & cosigned.keys())) > now + CLOCK_SKEW:
        report.question(
            f"확인 서명의 시각({korean_time(newest)})이 아직 오지 않은 때입니다. "
            "이 기기의 시계를 살펴 주세요."
        )
    elif now - agreed > MAX_AGE:
        report.question(
            f"낡은 머리입니다. 마지막 확인 서명이 {korean_time(agreed)}로 24시간이 넘었습니다. "
            "지금의 머리를 다시 받아 주세요."
        )
    else:
        report.ok(f"머리가 24시간 안에 확인되었습니다: {korean_time(agreed)}")
