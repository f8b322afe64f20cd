"""Telling programs has a thread of its own, and is done by one process at a time."""

import threading

import psycopg
import pytest

from danji.config import schedule
from danji.integration.jobs import LOCK, deliver_webhooks


@pytest.fixture
def told(monkeypatch):
    """Let a stop be set after the first look; holds the jobs that were run."""
    stop, run = threading.Event(), []

    def look(jobs):
        run.extend(jobs)
        stop.set()
        return 0

    monkeypatch.setattr(schedule, "_run", look)
    return stop, run


def keep_telling(stop):
    """In a thread, as the messenger does it: the connection is closed with it."""
    thread = threading.Thread(target=schedule.keep_telling, args=[stop])
    thread.start()
    return thread


@pytest.mark.django_db
def test_programs_are_told_by_the_messenger_and_not_by_the_worker(told):
    stop, run = told
    keep_telling(stop).join()
    assert run == [deliver_webhooks]
    assert deliver_webhooks not in schedule.JOBS


@pytest.mark.django_db
def test_a_second_messenger_stands_by(told, cluster, monkeypatch):
    stop, run = told
    monkeypatch.setattr(schedule, "TICK", 0.01)
    with psycopg.connect(cluster.url()) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        thread = keep_telling(stop)
        thread.join(0.1)
        assert run == []
    thread.join()
    assert run == [deliver_webhooks]
