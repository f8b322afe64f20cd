"""One file handed in, one report handed back. Nothing here asks the network."""

from collections.abc import Mapping
from hashlib import sha256

from danji_verify.errors import Unlisted, Unreadable, VerifyError, Wrong
from danji_verify.pdf import SealDigests, open_sealed, seal_digests
from danji_verify.policy import Policy
from danji_verify.record import check_document, check_event, check_finalized, read_proof_file
from danji_verify.report import Report
from danji_verify.shapes import Fields

_NO_POLICY = (
    "정책 파일(장부의 열쇠)을 받지 못했습니다. "
    "열쇠는 이 파일이 아닌 다른 곳에서 받아야 믿을 수 있습니다(--policy)."
)


def check_pdf(pdf: bytes, proof: bytes | None, policy: Policy | None) -> Report:
    """Check a sealed document.

    Args: `proof` is the `.tlog-proof` that stands beside the PDF; `policy` comes from outside
    the PDF, and without it the one inside is used and the verdict stays open.
    """
    report = Report(trusted=policy is not None)
    if policy is None:
        report.unchecked(_NO_POLICY)
    try:
        sealed = open_sealed(pdf)
    except Unreadable as problem:
        _judge_unreadable(pdf, proof, policy, str(problem), report)
        return report
    except Wrong as problem:
        report.failed(str(problem))
        return report
    report.ok("PDF의 봉인이 온전하고, 봉인한 뒤에 바뀌거나 덧붙은 것이 없습니다.")
    report.ok("PDF에 스스로 움직이는 것, 쪽을 덮는 것, 숨은 파일이 없습니다.")
    used = policy or _policy_inside(sealed.files, report)
    if used is None:
        return report
    report.quorum = used.quorum is not None
    chain = check_document(sealed.files, used, report)
    if chain is not None:
        named = "장부를 열 때 적은 것" if chain.rotated is None else "장부에서 새로 바꾼 것"
        with report.checking(f"봉인에 쓴 인증서가 {named}입니다.", ""):
            if sha256(sealed.certificate).digest() != chain.seal:
                raise Wrong(f"봉인에 쓴 인증서가 {named}이 아닙니다.")
    if proof is None:
        report.without_proof()
    else:
        check_finalized(proof, chain, sealed.digests, used, report)
    report.unchecked("쪽에 보이는 글이 기록(record.json)과 같은지는 읽어서 견주어야 합니다.")
    return report


def check_proof(proof: bytes, policy: Policy | None) -> Report:
    """Check a `.tlog-proof` file that carries its own event."""
    report = Report(trusted=policy is not None)
    if policy is None:
        report.unchecked(_NO_POLICY)
        return report
    report.quorum = policy.quorum is not None
    check_event(proof, policy, report)
    return report


def _policy_inside(files: Mapping[str, bytes], report: Report) -> Policy | None:
    try:
        return Policy.parse(files["policy.txt"])
    except (KeyError, VerifyError) as problem:
        report.unchecked(
            "파일 안에도 읽을 수 있는 정책이 없어 장부를 확인하지 못했습니다.", repr(problem)
        )
        return None


def _judge_unreadable(
    pdf: bytes, proof: bytes | None, policy: Policy | None, sentence: str, report: Report
) -> None:
    """A file nobody can open may still be told apart from the one that is in the log."""
    report.unchecked(sentence)
    if proof is None or policy is None:
        return
    try:
        logged = Fields.parse(read_proof_file(proof, policy).value("pdf"))
        stated = SealDigests(logged.text("signed"), logged.text("signature"))
    except Unlisted as problem:
        report.question(str(problem))
        return
    except VerifyError as problem:
        report.failed("PDF의 증명 파일이 맞지 않습니다.", str(problem))
        return
    try:
        differs = seal_digests(pdf) != stated
    except Wrong:
        differs = True
    if differs:
        report.failed("이 파일은 장부에 적힌 PDF가 아닙니다. 손상되었거나 고쳐졌습니다.")
