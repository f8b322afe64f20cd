"""Several people press at the same moment."""

from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.fixture(scope="module", autouse=True)
def complex_(installation):
    installation.take("found")


def at_once(*calls):
    with ThreadPoolExecutor(len(calls)) as pool:
        return [
            found for future in [pool.submit(call) for call in calls] for found in future.result()
        ]


def test_one_decision_however_often_it_is_pressed(installation):
    (document,) = installation.take("submit")
    answers = at_once(*[lambda: installation.take("decide", document=document)] * 4)
    assert answers.count("decided") == 1
    assert all(answer.startswith("이미 결재") for answer in answers if answer != "decided")
    decided = "SELECT count(*) FROM transparency_event WHERE name = 'approval.decided'"
    assert installation.ask(decided) == [(1,)]


def test_numbers_have_no_gap_and_no_double(installation):
    documents = installation.take("submit", "submit", "submit", "submit")
    ((before,),) = installation.ask("SELECT coalesce(max(serial), 0) FROM records_record")
    at_once(*(lambda one=one: installation.take("decide", document=one) for one in documents))
    serials = installation.ask(
        "SELECT serial FROM records_record WHERE serial > %s ORDER BY serial", before
    )
    assert [serial for (serial,) in serials] == list(range(before + 1, before + 5))


def test_two_sequencers_do_not_fork_the_log(installation):
    installation.take("submit", "submit", "submit")
    at_once(*[installation.race] * 3)
    installation.take("finish")
    ((size,),) = installation.ask("SELECT size FROM transparency_log")
    assert installation.ask("SELECT count(*), max(index) + 1 FROM transparency_leaf") == [
        (size, size)
    ]
