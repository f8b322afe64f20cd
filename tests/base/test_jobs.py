"""One thing after another: what fails is tried again, and keeps nothing else waiting."""

import pytest

from danji.base.jobs import each
from danji.rules.refusal import Refusal


@pytest.fixture
def tried():
    return []


@pytest.fixture
def do(tried):
    """Write down what it is asked to do, and fail with what is negative."""

    def work(thing):
        tried.append(thing)
        if thing < 0:
            raise Refusal("not yet", next_step="")

    return work


def test_what_fails_keeps_no_other_waiting(complex_, do, tried):
    assert each(complex_.id, [1, -1, 2], do) == 2
    assert tried == [1, -1, 2]


def test_of_more_than_fits_what_failed_comes_last(complex_, do, tried):
    waiting = [-1, -2, 1, 2]
    assert each(complex_.id, waiting, do, at_most=2) == 0
    assert each(complex_.id, waiting, do, at_most=2) == 2
    assert tried == [-1, -2, 1, 2]


def test_of_what_failed_that_comes_first_whose_failing_is_longest_ago(complex_, do, tried):
    for _ in range(4):
        each(complex_.id, [-1, -2, -3], do, at_most=1)
    assert tried == [-1, -2, -3, -1]
