"""T20: somebody stole the key of the log, and signs heads with it that the log never had."""

import pytest

from danji.base.keys import log_signer
from danji.config.rotating import rotate_log
from danji.disclosure.queries import disclosed, pdf_of, proof_of
from danji.transparency.queries import policy, published_head
from danji_verify.canonical import b64encode, canonical
from danji_verify.check import check_pdf
from danji_verify.checkpoint import Checkpoint, sign_checkpoint
from danji_verify.heads import check_head, check_heads
from danji_verify.merkle import leaf_hash
from danji_verify.proof import Proof
from danji_verify.report import Verdict
from danji_verify.tiles import Edge, grow
from logbook import failures, filed, settle


@pytest.fixture
def stolen(complex_):
    """The thief has a copy of the key that signs today."""
    return log_signer(complex_.code, "log-1")


def forged(stolen, origin, entry):
    """A log of the thief's own with that entry, under a head that the true key signed."""
    growth = grow(Edge(), [b"made up", entry])
    return sign_checkpoint(Checkpoint(origin, growth.size, growth.root), stolen)


def test_t20_after_the_change_a_head_of_the_old_key_alone_is_refused(complex_, stolen, at):
    settle()
    honest = published_head(complex_)
    assert check_head(honest.note, policy(complex_)).verdict is not Verdict.REFUSED
    rotate_log(complex_, at=at)
    settle()
    head = forged(stolen, honest.checkpoint.origin, b"entry")
    report = check_head(head, policy(complex_))
    assert report.verdict is Verdict.REFUSED
    assert "옛 열쇠로만 서명한" in failures(report)
    pair = check_heads(head, published_head(complex_).note, policy(complex_))
    assert "옛 열쇠로만 서명한" in failures(pair)
    assert not pair.evidence  # nobody is accused by what the thief signed
    assert check_head(published_head(complex_).note, policy(complex_)).verdict is not (
        Verdict.REFUSED
    )


def test_t20_a_document_proven_by_the_thiefs_head_is_refused(
    complex_, clerk, manager, sign, stolen, at
):
    record = filed(clerk, manager, sign, at)
    shown = disclosed(record)
    rotate_log(complex_, at=at)
    settle()
    event = shown.finalized
    head = forged(stolen, published_head(complex_).checkpoint.origin, event.entry)
    extra = canonical({"entry": b64encode(event.entry), "openings": event.openings})
    proof = Proof(index=1, path=(leaf_hash(b"made up"),), checkpoint=head, extra=extra).format()
    report = check_pdf(pdf_of(shown), proof, policy(complex_))
    assert report.verdict is Verdict.REFUSED
    assert "옛 열쇠로만 서명한" in failures(report)
    again = check_pdf(pdf_of(shown), proof_of(shown, complex_), policy(complex_))
    assert again.verdict is Verdict.ACCEPTED


def test_t20_before_the_change_two_heads_of_one_size_show_the_theft(complex_, stolen, at):
    settle()
    honest = published_head(complex_)
    growth = grow(Edge(), [b"made up"] * honest.checkpoint.size)
    head = sign_checkpoint(Checkpoint(honest.checkpoint.origin, growth.size, growth.root), stolen)
    report = check_heads(honest.note, head, policy(complex_))
    assert report.verdict is Verdict.REFUSED
    assert "갈라져" in failures(report)
