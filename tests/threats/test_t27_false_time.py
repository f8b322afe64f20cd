"""T27: a time stamp tells a false time. The verifier's part; what the server keeps is beside."""

from datetime import timedelta

import pytest

import made_bundle
import made_document as made
from danji_verify.bundle import Trust, check_bundle
from danji_verify.report import State, Verdict
from danji_verify.stamp import load_roots
from made_bundle import STAMPED_AT

POLICY = made.policy(witnesses=True)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def document():
    return made.make(sealed=True, cosigners=("complex", "city"))


def check(files, *, now=STAMPED_AT):
    pinned = load_roots(made_bundle.authority().pem)
    return check_bundle(made_bundle.packed(files), Trust(POLICY, pinned, now))


def refusal(report):
    assert report.verdict is Verdict.REFUSED
    return " ".join(found.sentence for found in report.of(State.FAILED))


def test_t27_a_true_stamp_is_accepted(document):
    assert check(made_bundle.stamped(document)).verdict is Verdict.ACCEPTED


def test_t27_a_stamp_of_before_what_it_covers_is_refused(document):
    """The authority's clock is a day behind: the witnesses had not signed then."""
    files = made_bundle.stamped(document, at=STAMPED_AT - DAY)
    assert "확인 서명보다 이릅니다" in refusal(check(files))


def test_t27_a_stamp_of_before_the_stamped_heads_own_cosignatures_is_refused(document):
    seconds = int((STAMPED_AT + timedelta(hours=1)).timestamp())
    files = made_bundle.stamped(document, cosigned_at=seconds)
    assert "확인 서명보다 이릅니다" in refusal(check(files))


def test_t27_a_stamp_of_tomorrow_is_refused(document):
    files = made_bundle.stamped(document, at=STAMPED_AT + DAY)
    assert "아직 오지 않은 때" in refusal(check(files))


def test_t27_a_stamp_of_an_authority_that_is_not_pinned_is_refused(document):
    """Its certificate says the same name."""
    impostor = made_bundle.authority.__wrapped__()
    files = made_bundle.stamped(document, by=impostor)
    assert "믿는 시각 기관의 것이 아닙니다" in refusal(check(files))


def test_t27_a_stamp_taken_from_another_day_is_refused(document):
    files = made_bundle.stamped(document)
    other = made_bundle.authority().stamp(b"the head of another day")
    assert "이 머리에 찍은 것이 아닙니다" in refusal(check(files | {"stamp.tsr": other}))
