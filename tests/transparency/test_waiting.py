"""Rows of somebody's own in the queue, and damaged rows: they stop one log, and no other."""

from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction

from danji.base import tenancy
from danji.complexes.models import Complex
from danji.config.recovering import retire_log
from danji.transparency import recovery
from danji.transparency.actions import append_event
from danji.transparency.models import Event as EventRow
from danji.transparency.models import (
    Leaf,
    PendingEvent,
    SetAside,
    Trouble,
    TroubleKind,
)
from danji.transparency.notary import all_watched
from danji.transparency.queries import log_of, policy
from danji.transparency.sequencer import Sequencer
from danji.transparency.tree import log_folder
from danji_verify.entry import FIELDS, Entry, Event, build_entry
from danji_verify.logcheck import check_log
from danji_verify.logcopy import copy_in, folder_reader
from danji_verify.merkle import leaf_hash
from danji_verify.report import Verdict

DOC = uuid4()


def happen(complex_, at, doc=None, name=Event.DISCLOSED):
    with tenancy.within(complex_.id):
        append_event(complex_, doc or uuid4(), name, dict.fromkeys(FIELDS[name], b""), at=at)


def entry(at, complex_="A10000001", event=Event.DISCLOSED, seq=1, prev=None):
    commitments = dict.fromkeys(FIELDS[event], bytes(32))
    return build_entry(Entry(event, complex_, DOC.hex, seq, prev, at, commitments))


def queue(complex_, data, *, seq=1, name=Event.DISCLOSED):
    """What the web server's own role of the database may do."""
    tenancy._enter("app.complex", complex_.id)
    row = EventRow.objects.create(
        complex=complex_, doc=DOC, seq=seq, name=name, entry=data, leaf_hash=leaf_hash(data)
    )
    PendingEvent.objects.create(complex=complex_, event=row)


def followed(at):
    """Of an event that happens at that moment, the leaf hash."""
    return leaf_hash(entry(at))


MADE_UP = {
    "too long": lambda _: [(b"x" * 70_000, {})],
    "nothing": lambda _: [(b"not an event", {})],
    "of another complex": lambda at: [(entry(at, "A10000009"), {})],
    "of another number": lambda at: [(entry(at, seq=2, prev=bytes(32)), {})],
    "of another name": lambda at: [(entry(at), {"name": Event.READ})],
    "a second beginning": lambda at: [
        (entry(at, event=Event.LOG_OPENED), {"name": Event.LOG_OPENED})
    ],
    "behind nothing": lambda at: [(entry(at, seq=2, prev=bytes(32)), {"seq": 2})],
    "behind another": lambda at: [
        (entry(at), {}),
        (entry(at, seq=2, prev=bytes(32)), {"seq": 2}),
    ],
    "before its time": lambda at: [
        (entry(at), {}),
        (entry(at - timedelta(1), seq=2, prev=followed(at)), {"seq": 2}),
    ],
}


@pytest.fixture
def with_owners_rights(_above_the_law, monkeypatch):
    """The owner sees what the test did, in the transaction of the test."""

    @contextmanager
    def as_owner():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE danji_owner")
            yield cursor
            cursor.execute("RESET ROLE")

    monkeypatch.setattr(recovery, "as_owner", as_owner)


@pytest.mark.usefixtures("with_owners_rights")
@pytest.mark.parametrize("made_up", MADE_UP.values(), ids=MADE_UP)
def test_a_made_up_event_is_not_placed_stops_no_other_and_is_set_aside(
    complex_, neighbour, at, made_up
):
    sequencer = Sequencer()
    sequencer.tick()
    for data, row in made_up(at):
        queue(complex_, data, **row)
    happen(neighbour.complex, at)
    assert sequencer.tick() == 1
    assert list(sequencer.frozen) == [complex_.id]
    told = Trouble.objects.get()
    assert (told.kind, told.sentence) == (TroubleKind.FROZEN, sequencer.frozen[complex_.id])
    tenancy._enter("app.complex", complex_.id)
    assert log_of(complex_.id).size == 1
    retire_log(complex_.code, reason="지어낸 사건이 있습니다.", do=True, at=at)
    happen(complex_, at)
    Sequencer().tick()
    tenancy._enter("app.complex", complex_.id)
    assert SetAside.objects.get(seq=made_up(at)[-1][1].get("seq", 1)).doc == DOC
    assert not PendingEvent.objects.exists()
    copy = copy_in(folder_reader(log_folder(complex_.code, 2)))
    assert check_log(copy, policy(complex_)).verdict is not Verdict.REFUSED


@pytest.mark.usefixtures("with_owners_rights")
def test_what_follows_an_event_that_is_in_no_queue_is_set_aside_with_it(complex_, at):
    Sequencer().tick()
    happen(complex_, at, DOC)
    PendingEvent.objects.all().delete()
    happen(complex_, at, DOC)
    sequencer = Sequencer()
    assert sequencer.tick() == 0
    assert "이어지지 않습니다" in sequencer.frozen[complex_.id]
    tenancy._enter("app.complex", complex_.id)
    retire_log(complex_.code, reason="빠진 사건이 있습니다.", do=True, at=at)
    assert sorted(SetAside.objects.values_list("seq", flat=True)) == [1, 2]
    happen(complex_, at, DOC)
    assert Sequencer().tick() == 1


def test_what_has_its_place_gets_no_other(complex_, at):
    happen(complex_, at, DOC)
    sequencer = Sequencer()
    assert sequencer.tick() == 2
    PendingEvent.objects.create(complex=complex_, event=EventRow.objects.get(doc=DOC))
    happen(complex_, at)
    assert sequencer.tick() == 1
    assert not PendingEvent.objects.exists()
    assert not sequencer.frozen


def test_a_place_that_somebody_took_stops_one_log_only(complex_, neighbour, at):
    sequencer = Sequencer()
    sequencer.tick()
    tenancy._enter("app.complex", complex_.id)
    queue(complex_, entry(at))
    Leaf.objects.create(complex=complex_, event=EventRow.objects.get(doc=DOC), index=1)
    happen(neighbour.complex, at)
    assert sequencer.tick() == 1
    assert "이미 다른 것이 적혀" in sequencer.frozen[complex_.id]


def test_nothing_stands_behind_the_end_of_a_log(complex_, at):
    sequencer = Sequencer()
    happen(complex_, at, DOC)
    happen(complex_, at, DOC)
    happen(complex_, at, complex_.id, Event.LOG_CLOSED)
    happen(complex_, at, DOC)  # by its number it would stand behind
    assert sequencer.tick() == 5
    assert Leaf.objects.latest("index").event.name == Event.LOG_CLOSED
    happen(complex_, at)
    assert sequencer.tick() == 0
    assert "닫은 장부입니다" in sequencer.frozen[complex_.id]


def test_a_damaged_key_row_keeps_no_other_complex_waiting(complex_, neighbour, at, alter):
    Sequencer().tick()
    alter("UPDATE transparency_logkey SET vkey = 'x' WHERE complex_id = %s", str(complex_.id))
    happen(complex_, at)
    happen(neighbour.complex, at)
    sequencer = Sequencer()
    sequencer.start()
    assert sequencer.tick() == 1
    assert "열쇠(log-1)가 적힌 행이 상했습니다" in sequencer.waiting[complex_.id]
    assert Trouble.objects.get().kind == TroubleKind.WAITING
    assert [log.complex_id for log in all_watched()] == [neighbour.complex_id]


def test_a_complex_without_a_log_keeps_no_other_waiting(complex_, at):
    Complex.objects.create(code="A10000009", name="빈 단지", address="")
    sequencer = Sequencer()
    sequencer.start()
    assert sequencer.tick() == 1
    assert [log.complex_id for log in all_watched()] == [complex_.id]
