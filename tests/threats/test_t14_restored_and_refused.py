"""T14: an old database is put back. With what is published still there the sequencer refuses; with
everything put back, those who watch remember more than the log does.
"""

import pytest

from danji.transparency.models import (
    ConfirmedHead,
    Leaf,
    Log,
    PendingEvent,
    Trouble,
    TroubleKind,
)
from danji.transparency.queries import policy, published_head
from danji.transparency.sequencer import Sequencer
from danji_verify.heads import check_heads
from danji_verify.report import Verdict
from watching import Past, SmallWitness, happen, look_and_ask, registered, served


@pytest.fixture
def city(complex_, at):
    with served(SmallWitness("city.example/1", lambda: at)) as witness:
        registered(witness, "city", None, at)
        yield witness


@pytest.fixture
def ours(complex_, at):
    with served(SmallWitness("auditor.example/1", lambda: at)) as witness:
        registered(witness, "complex", complex_, at)
        yield witness


@pytest.fixture
def yesterday(complex_, city, ours, alter, at, tmp_path):
    """The log as it was before two more things happened, all of it cosigned."""
    happen(complex_, at)
    past = Past.of(complex_, alter, tmp_path / "past")
    happen(complex_, at)
    happen(complex_, at)
    look_and_ask(complex_, at)
    return past


def open_troubles():
    return {(one.kind, one.subject) for one in Trouble.objects.filter(until=None)}


def test_t14_an_old_database_under_a_newer_log_is_not_signed(complex_, yesterday, at):
    published = published_head(complex_).note
    yesterday.restore(files=False)
    sequencer = Sequencer()
    sequencer.start()
    assert "옛 백업" in sequencer.frozen[complex_.id]
    assert sequencer.tick() == 0
    assert published_head(complex_).note == published
    assert (TroubleKind.FROZEN, "") in open_troubles()


def test_t14_what_was_published_as_certain_is_not_taken_back(complex_, yesterday, city, at):
    path = yesterday.folder / "confirmed"
    there = path.read_bytes()
    yesterday.restore(files=False)
    look_and_ask(complex_, at)
    assert path.read_bytes() == there
    assert (TroubleKind.DISAGREES, "confirmed") in open_troubles()


@pytest.mark.parametrize("asks", ["once more", "further"])
def test_t14_with_everything_put_back_the_witnesses_remember(complex_, yesterday, city, at, asks):
    certain = bytes(ConfirmedHead.objects.get().note)
    yesterday.restore(files=True)
    Sequencer().start()
    if asks == "further":  # as many as before, and others
        for said in (b"another", b"yet another"):
            happen(complex_, at, said=said)
    size = Log.objects.get().size
    look_and_ask(complex_, at)
    assert (TroubleKind.DISAGREES, city.name) in open_troubles()
    assert not ConfirmedHead.objects.exists()
    if asks == "further":
        assert published_head(complex_).checkpoint.size == size
        report = check_heads(certain, published_head(complex_).note, policy(complex_))
        assert report.verdict is Verdict.REFUSED


def test_t14_nothing_is_placed_while_the_log_is_frozen(complex_, yesterday, at):
    leaves = Leaf.objects.count()
    yesterday.restore(files=False)
    with pytest.raises(AssertionError):
        happen(complex_, at)
    assert PendingEvent.objects.count() == 1
    assert Leaf.objects.count() < leaves
