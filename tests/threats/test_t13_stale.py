"""T13: an operator shows a reader the log of some days ago, as if nothing had come since."""

from datetime import UTC, datetime, timedelta

import pytest

import made_document as made
from danji_verify.check import check_pdf
from danji_verify.heads import check_head
from danji_verify.logcheck import check_log
from danji_verify.logcopy import copy_in
from danji_verify.memory import Memory
from danji_verify.report import State, Verdict

POLICY = made.policy(witnesses=True)
COSIGNED = datetime.fromtimestamp(made.COSIGNED_AT, UTC)
LATER = COSIGNED + timedelta(hours=25)


def test_t13_a_head_of_yesterday_is_told_as_old():
    document = made.make(cosigners=("complex", "city"))
    note = document.log.note()
    assert check_head(note, POLICY, now=COSIGNED).verdict is Verdict.ACCEPTED
    report = check_head(note, POLICY, now=LATER)
    assert report.verdict is Verdict.UNKNOWN
    assert "낡은 머리입니다" in report.conclusion


def test_t13_a_whole_log_of_yesterday_is_told_as_old():
    document = made.make(cosigners=("complex", "city"))
    files = document.log.files() | {"confirmed": document.log.note()}
    copy = copy_in(files.__getitem__)
    assert check_log(copy, POLICY, now=COSIGNED).verdict is Verdict.ACCEPTED
    assert "낡은 머리입니다" in check_log(copy, POLICY, now=LATER).conclusion


@pytest.mark.parametrize("friend", ["complex", "city"])
def test_t13_one_witness_alone_makes_no_head_new(friend):
    """A friend of the operator cosigns the old head again; the other of the two does not."""
    document = made.make(cosigners=("complex", "city"))
    note = document.log.note(**{friend: int(LATER.timestamp())})
    assert "낡은 머리입니다" in check_head(note, POLICY, now=LATER).conclusion
    files = document.log.files() | {"confirmed": note}
    report = check_log(copy_in(files.__getitem__), POLICY, now=LATER)
    assert "낡은 머리입니다" in report.conclusion


def test_t13_the_operators_own_signature_does_not_make_a_head_new():
    """It can sign every minute; the witnesses' times stay what they are."""
    document = made.make()
    report = check_head(document.log.note(), made.policy(), now=LATER)
    told = " ".join(found.sentence for found in report.of(State.UNCHECKED))
    assert "얼마나 오래된 머리인지 알 수 없습니다" in told


def test_t13_a_smaller_log_than_was_seen_before_is_told(tmp_path):
    document = made.make(cosigners=("complex", "city"))
    memory = Memory(tmp_path / "heads.json")
    for size in (None, 2):
        report = check_head(document.log.note(size), POLICY)
        memory.weigh(report, POLICY)
    assert "전에 본 장부는 5건, 지금 것은 2건" in report.as_text()
    assert report.verdict is Verdict.ACCEPTED  # old documents have old heads; age tells stale ones
    assert check_head(document.log.note(2), POLICY, now=LATER).verdict is Verdict.UNKNOWN


def test_t13_a_smaller_log_that_nobody_agreed_on_is_not_accepted(tmp_path):
    document = made.make()
    memory, policy = Memory(tmp_path / "heads.json"), made.policy()
    for size in (None, 2):
        report = check_head(document.log.note(size), policy)
        memory.weigh(report, policy)
    assert report.verdict is Verdict.UNKNOWN
    assert "전에 본 장부는 5건, 지금 것은 2건" in report.conclusion


def test_t13_the_proof_of_a_document_is_good_for_ever():
    document = made.make(sealed=True, cosigners=("complex", "city"))
    assert check_pdf(document.pdf, document.proof, POLICY).verdict is Verdict.ACCEPTED
