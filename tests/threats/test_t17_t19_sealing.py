"""T17, T18, T19: a fault between writing and signing, an end at any moment, two sequencers at once.

Kills of real processes at each numbered step of the order are in journeys/test_kill.py, at random
moments in journeys/test_random_kills.py.
"""

import errno
import os
import random
from uuid import uuid4

import psycopg
import pytest

from danji.base import files
from danji.transparency import sequencer as module
from danji.transparency.actions import append_event
from danji.transparency.models import Leaf, Log, PendingEvent, Trouble, TroubleKind
from danji.transparency.queries import policy, published_head
from danji.transparency.sequencer import Sequencer, only_one
from danji.transparency.tree import file_reader, log_folder
from danji_verify.entry import Event
from danji_verify.logcheck import check_log
from danji_verify.logcopy import open_copy
from danji_verify.report import Verdict
from danji_verify.tiles import audit
from watching import happen


@pytest.fixture
def waiting(complex_, at):
    """Something sealed, and something that waits."""
    happen(complex_, at)
    return waits(complex_, at)


def waits(complex_, at):
    return append_event(complex_, uuid4(), Event.DISCLOSED, {"publication": b"x"}, at=at)


def check_whole(complex_):
    """The published log is one, whole and what the database has; every event has one place."""
    log = Log.objects.get()
    folder = log_folder(complex_.code, 1)
    assert audit(log.size, file_reader(folder)) == bytes(log.root)
    assert published_head(complex_).checkpoint.size == log.size
    indexes = sorted(Leaf.objects.values_list("index", flat=True))
    assert indexes == list(range(log.size))
    assert not PendingEvent.objects.exists()


@pytest.mark.parametrize("seed", range(12))
def test_t17_any_bit_that_flips_between_writing_and_signing_stops_the_seal(
    complex_, waiting, monkeypatch, seed
):
    """The fault lies in the storage: what is read back is not what was written."""
    chance, real = random.Random(seed), module.write_durably
    before = published_head(complex_).note

    def flipping(path, data, **options):
        if path.suffix == ".zip":
            place = chance.randrange(len(data))
            data = (
                data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]
            )
        real(path, data, **options)

    with monkeypatch.context() as faulty:
        faulty.setattr(module, "write_durably", flipping)
        sequencer = Sequencer()
        placed = sequencer.tick()
    if placed:  # a bit of the archive's own that no reader looks at
        check_whole(complex_)
        return
    assert list(sequencer.frozen) == [complex_.id]
    assert Trouble.objects.get(until=None).kind == TroubleKind.FROZEN
    assert published_head(complex_).note == before
    restarted = Sequencer()
    restarted.start()
    restarted.tick()
    check_whole(complex_)
    assert not Trouble.objects.filter(until=None).exists()


def test_t17_a_tile_changed_after_it_was_sealed_is_refused_by_us_and_by_a_stranger(
    complex_, waiting
):
    folder = log_folder(complex_.code, 1)
    (tile,) = folder.glob("tile/0/000.p/*")
    data = tile.read_bytes()
    tile.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    sequencer = Sequencer()
    sequencer.start()
    assert sequencer.frozen
    assert check_log(open_copy(folder), policy(complex_)).verdict is Verdict.REFUSED


STEPS = ["stage", "check_staged", "commit", "apply"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_t18_an_end_at_any_step_loses_and_doubles_nothing(
    complex_, waiting, monkeypatch, step, when
):
    real = getattr(module, step)

    def dying(*arguments):
        if when == "after":
            real(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(module, step, dying)
        with pytest.raises(KeyboardInterrupt):
            Sequencer().tick()
    again = Sequencer()
    again.start()
    again.tick()
    check_whole(complex_)


@pytest.mark.parametrize("writes", range(1, 5))
def test_t18_a_disk_that_fills_up_at_any_write_loses_nothing(
    complex_, waiting, monkeypatch, writes
):
    left, real = writes, os.fsync

    def full(handle):
        nonlocal left
        left -= 1
        if left <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    with monkeypatch.context() as filled:
        filled.setattr(files.os, "fsync", full)
        sequencer = Sequencer()
        sequencer.tick()
        assert complex_.id in sequencer.waiting
    sequencer.tick()  # room was made
    assert complex_.id not in sequencer.waiting
    check_whole(complex_)


@pytest.mark.django_db
def test_t19_a_second_sequencer_does_not_start(cluster):
    with psycopg.connect(cluster.url()) as other, only_one() as held:
        assert held
        (taken,) = other.execute("SELECT pg_try_advisory_lock(%s)", [module.LOCK]).fetchone()
        assert not taken


def test_t19_a_second_one_that_got_past_the_lock_forks_nothing(complex_, waiting, at):
    first, second = Sequencer(), Sequencer()
    first.start()
    second.start()  # both know the same head
    assert first.tick() == 1
    waits(complex_, at)
    assert second.tick() == 0
    assert "먼저 늘렸습니다" in second.frozen[complex_.id]
    assert first.tick() == 1
    check_whole(complex_)
