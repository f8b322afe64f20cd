"""Whose turn it is with the worker, and what an idle complex costs it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from danji.config import schedule
from danji.config.schedule import JOBS, Worker
from danji.transparency.sequencer import CHANNEL, Sequencer
from danji.transparency.witnessing import CONFIRMED, COSIGNED
from logbook import filed, settle

IDLE = 90  # queries for one complex in which nothing happens, begin and end included


@pytest.fixture
def work(monkeypatch, complex_, neighbours):
    """What was done, in order: a name of a job and a complex."""
    done = []

    def remember(name):
        def job(complex_id=None):
            done.append((name, complex_id))
            return 0

        job.__name__ = name
        return job

    monkeypatch.setattr(schedule, "JOBS", (remember("often"),))
    monkeypatch.setattr(schedule, "RARE_JOBS", (remember("rarely"),))
    monkeypatch.setattr(schedule, "COMMON_JOBS", (remember("common"),))
    monkeypatch.setattr(schedule, "wait_for_seal", lambda _seconds: [])
    return done


@pytest.fixture
def neighbours(found):
    return found("A10000002", "이웃마을아파트")


@pytest.fixture
def clock(monkeypatch):
    """The monotonic clock, which stands still."""
    now = [1_000_000.0]
    monkeypatch.setattr(schedule, "monotonic", lambda: now[0])
    return now


def test_a_round_comes_to_every_complex_once(work, clock, complex_, neighbours):
    worker = Worker()
    for _ in range(5):
        worker.tick(0)
    assert [done for done in work if done[0] == "common"] == [("common", None)]
    often = [complex_id for name, complex_id in work if name == "often"]
    assert often == [complex_.id, neighbours.id]
    clock[0] += 6
    for _ in range(5):
        worker.tick(0)
    assert len([done for done in work if done[0] == "often"]) == 4


def test_what_happens_once_a_day_is_looked_for_once_an_hour(work, clock, complex_):
    worker = Worker()
    for _ in range(10):
        worker.tick(0)
        clock[0] += 60
    rarely = [complex_id for name, complex_id in work if name == "rarely"]
    assert rarely.count(complex_.id) == 1
    clock[0] += 60 * 60
    for _ in range(3):
        worker.tick(0)
    rarely = [complex_id for name, complex_id in work if name == "rarely"]
    assert rarely.count(complex_.id) == 2


def test_a_complex_whose_log_grew_does_not_wait_for_the_round(
    work, clock, complex_, neighbours, monkeypatch
):
    worker = Worker()
    for _ in range(3):
        worker.tick(0)
    work.clear()
    monkeypatch.setattr(schedule, "wait_for_seal", lambda _seconds: [neighbours.id])
    worker.tick(0)
    assert work == [("often", neighbours.id)]
    work.clear()
    clock[0] += 6  # a round begins, and its first complex waits for the one that was sealed
    worker.tick(0)
    assert [done for done in work if done[0] == "often"] == [
        ("often", neighbours.id),
        ("often", complex_.id),
    ]


def test_where_more_is_to_be_done_it_goes_on_at_once(work, clock, complex_, monkeypatch):
    left = iter([20, 20, 1])
    asked = []
    monkeypatch.setattr(schedule, "JOBS", (lambda _: next(left, 0),))
    monkeypatch.setattr(schedule, "RARE_JOBS", ())
    worker = Worker()
    monkeypatch.setattr(schedule, "wait_for_seal", lambda seconds: asked.append(seconds) or [])
    for _ in range(6):
        worker.tick(5)
    assert next(left, None) is None
    assert asked[:3] == [0, 0, 0]
    assert asked[3] > 0


def test_a_long_round_is_followed_by_a_long_pause(work, clock, complex_, monkeypatch):
    def slow(_complex_id):
        clock[0] += 100
        return 0

    monkeypatch.setattr(schedule, "JOBS", (slow,))
    asked = []
    monkeypatch.setattr(schedule, "wait_for_seal", lambda seconds: asked.append(seconds) or [])
    worker = Worker()
    for _ in range(3):
        worker.tick(600)
    assert asked[-1] == 60


def test_what_the_sequencer_says_names_the_complex(complex_, at):
    with CaptureQueriesContext(connection) as asked:
        assert Sequencer().tick()
    (said,) = [query["sql"] for query in asked if CHANNEL in query["sql"]]
    news = said.split("'")[3]
    assert schedule._concerned(news) == complex_.id


@pytest.mark.parametrize(
    ("news", "is_meant"),
    [
        (f"{CONFIRMED} danji.example/apt/A10000001/1", True),
        (f"{CONFIRMED} danji.example/heads/1", False),
        (f"{COSIGNED} danji.example/apt/A10000001/1", False),
        ("", False),
    ],
    ids=["confirmed", "heads", "cosigned", "nothing"],
)
def test_only_what_asks_for_work_wakes_the_worker(complex_, news, is_meant):
    assert schedule._concerned(news) == (complex_.id if is_meant else None)


def test_an_idle_complex_costs_few_queries(clerk, manager, sign, at, complex_):
    filed(clerk, manager, sign, at)
    settle()
    with CaptureQueriesContext(connection) as asked:
        assert sum(job(complex_.id) for job in JOBS) == 0
    assert len(asked) <= IDLE
