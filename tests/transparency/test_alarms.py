"""Alarms about witnesses: they last until they are over, nobody can put them out or multiply them,
and what is wrong with one log or one witness keeps no other waiting.
"""

import threading
from datetime import timedelta
from hashlib import sha256
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from danji.base import tenancy
from danji.outbox.models import Message
from danji.transparency import notary as module
from danji.transparency import witnessing
from danji.transparency.actions import append_event
from danji.transparency.models import (
    Collection,
    ConfirmedHead,
    Cosignature,
    Log,
    Trouble,
    TroubleKind,
)
from danji.transparency.notary import AwayError, Notary
from danji.transparency.publishing import publish_confirmed, watch_silence
from danji.transparency.queries import confirmed_docs, confirmed_head, policy, published_head
from danji.transparency.sequencer import NO_FILES, Sequencer
from danji.transparency.tree import log_folder
from danji.transparency.troubles import (
    open_trouble,
    open_troubles,
    tell_common_troubles,
    tell_troubles,
)
from danji.transparency.witnesses import end_witness
from danji.transparency.witnessing import NotTaken, hand_in, watched_log
from danji_verify.checkpoint import Checkpoint, sign_checkpoint
from danji_verify.entry import Event
from danji_verify.note import parse_note
from watching import SmallWitness, happen, look_and_ask, registered, served

HEADS = "danji.localhost/heads/1"


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
def origin(complex_):
    return policy(complex_).logs[0].key.name


def published(complex_):
    with tenancy.within(complex_.id):
        return published_head(complex_).note


def forked(complex_, settings):
    """A head that the log's true key signed, and that is not of the log."""
    pem = (settings.KEYS / complex_.code / "log-1.pem").read_bytes()
    head = Checkpoint.parse(parse_note(published(complex_)).text)
    other = Checkpoint(head.origin, head.size, sha256(b"fork").digest())
    return sign_checkpoint(other, load_pem_private_key(pem, password=None))


def troubles():
    return list(Trouble.objects.filter(until=None).values_list("kind", "subject"))


@pytest.fixture
def heard(monkeypatch):
    """What was said on the channel of the sequencer."""
    said = []
    monkeypatch.setattr(witnessing, "_notify", lambda what, _: said.append(what))
    return said


# --- What ends an alarm, and what does not ---


def test_a_witness_that_does_not_agree_is_not_appeased_by_what_it_signed_before(
    complex_, at, city, ours
):
    happen(complex_, at)
    look_and_ask(complex_, at)
    happen(complex_, at)
    city.answer = (422, b"not consistent\n")
    for minutes in (30, 60, 90):  # it goes on showing the earlier head
        look_and_ask(complex_, at + timedelta(minutes=minutes))
    assert troubles() == [("disagrees", city.name)]
    assert Trouble.objects.count() == 1
    city.answer = None
    look_and_ask(complex_, at + timedelta(minutes=120))
    assert not troubles()


def test_an_earlier_head_signed_anew_ends_no_disagreement(complex_, at, city, ours):
    happen(complex_, at)
    earlier = published(complex_)
    happen(complex_, at)
    city.answer = (422, b"not consistent\n")
    look_and_ask(complex_, at, only=city)
    hand_in(city.signed_note(earlier, at), at=at)
    assert troubles() == [("disagrees", city.name)]


def test_what_is_published_comes_back_and_ends_no_alarm(complex_, at, city, ours, origin, heard):
    happen(complex_, at)
    look_and_ask(complex_, at)
    certain = (log_folder(complex_.code, 1) / "confirmed").read_bytes()
    heard.clear()
    for kind in (TroubleKind.SILENT, TroubleKind.DISAGREES):
        open_trouble(origin, kind, city.name, "…", at)
    with CaptureQueriesContext(connection) as asked:
        taken = hand_in(certain, at=at + timedelta(days=2))
    assert {row.witness.name for row in taken} == {city.name, ours.name}
    assert len(troubles()) == 2
    assert not heard
    assert len(asked) <= 2


def test_a_stranger_beside_known_lines_changes_nothing(complex_, at, city, ours, heard):
    happen(complex_, at)
    look_and_ask(complex_, at)
    stranger = SmallWitness("stranger.example/1", lambda: at)
    certain = (log_folder(complex_.code, 1) / "confirmed").read_bytes()
    heard.clear()
    hand_in(stranger.signed_note(certain), at=at)
    assert not heard


def test_a_new_line_beside_known_ones_counts(complex_, at, city, ours):
    happen(complex_, at)
    look_and_ask(complex_, at, only=city)
    lines = city.signed_note(published(complex_))
    hand_in(lines, at=at)
    assert confirmed_head(policy(complex_).logs[0].key.name) is None
    hand_in(ours.signed_note(lines), at=at)
    assert confirmed_head(policy(complex_).logs[0].key.name) is not None


def test_silence_that_is_broken_by_a_replay_is_told_once(complex_, manager, at, city, ours):
    happen(complex_, at)
    look_and_ask(complex_, at)
    certain = (log_folder(complex_.code, 1) / "confirmed").read_bytes()
    for hours in (25, 26, 27):
        later = at + timedelta(hours=hours)
        watch_silence(watched_log(complex_), later)
        tell_troubles(complex_.id)
        hand_in(certain, at=later)
    told = Message.objects.filter(subject=TroubleKind.SILENT.label, recipient=manager.person)
    assert told.count() == 2  # one for each witness


# --- Evidence ---


def test_one_fork_is_one_alarm_and_one_file_whatever_is_put_beside_it(complex_, at, ours, settings):
    happen(complex_, at)
    fork = ours.signed_note(forked(complex_, settings))
    for number in range(5):
        stranger = SmallWitness(f"stranger.example/{number}", lambda: at)
        with pytest.raises(NotTaken):
            hand_in(stranger.signed_note(fork), at=at)
    (kept,) = settings.EVIDENCE.rglob("*.note")
    assert kept.read_bytes() == fork
    assert len(troubles()) == 1
    assert kept.name in Trouble.objects.get().sentence


def test_a_fork_is_told_although_it_cannot_be_kept(complex_, at, ours, settings, monkeypatch):
    happen(complex_, at)
    look_and_ask(complex_, at)
    fork = forked(complex_, settings)

    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(witnessing, "write_durably", refuse)
    ours.shown[parse_note(fork).text.partition("\n")[0]] = ours.signed_note(fork)
    look_and_ask(complex_, at)
    assert "다른 장부" in Trouble.objects.get(until=None).sentence


# --- Clocks ---


def test_a_clock_that_is_behind_what_it_signs_is_told_and_not_believed(complex_, at, city):
    happen(complex_, at)
    city.clock = lambda: at - timedelta(minutes=11)
    look_and_ask(complex_, at)
    assert "늦어 있습니다" in Trouble.objects.get().sentence
    assert not Cosignature.objects.exists()
    city.clock = lambda: at - timedelta(minutes=9)
    look_and_ask(complex_, at)
    assert Cosignature.objects.count() == 1
    assert not troubles()


def test_our_own_clock_that_was_ahead_is_not_blamed_on_the_witness(complex_, at, ours):
    happen(complex_, at + timedelta(hours=1))
    hand_in(ours.signed_note(published(complex_), at), at=at)
    assert Cosignature.objects.count() == 1


def test_an_old_cosignature_of_an_old_head_is_not_behind(complex_, at, ours):
    happen(complex_, at)
    earlier = published(complex_)
    later = at + timedelta(days=1)
    happen(complex_, later)
    hand_in(ours.signed_note(earlier, at), at=later)
    assert Cosignature.objects.count() == 1


# --- What is certain is so by its signatures ---


def made_up(log, data, at):
    return ConfirmedHead.objects.create(
        origin=log.origin, size=log.size, root=bytes(log.root), note=data, confirmed_at=at
    )


def test_a_row_that_nobody_cosigned_makes_nothing_certain(complex_, at, city, ours):
    doc = happen(complex_, at, Event.FINALIZED)
    log = Log.objects.get()
    for data in (bytes(log.checkpoint), city.signed_note(bytes(log.checkpoint))):
        made_up(log, data, at)
        at += timedelta(seconds=1)
        assert confirmed_head(log.origin) is None
    assert not confirmed_docs(complex_.id, [doc])
    assert not publish_confirmed(watched_log(complex_), at)
    assert not (log_folder(complex_.code, 1) / "confirmed").exists()


def test_a_made_up_row_keeps_no_true_head_from_becoming_certain(complex_, at, city, ours):
    doc = happen(complex_, at, Event.FINALIZED)
    log = Log.objects.get()
    made_up(log, bytes(log.checkpoint), at + timedelta(days=1))
    ConfirmedHead.objects.create(
        origin=log.origin, size=999, root=b"", note=b"nothing", confirmed_at=at
    )
    look_and_ask(complex_, at)
    assert confirmed_docs(complex_.id, [doc]) == {doc}
    head = confirmed_head(log.origin)
    assert (log_folder(complex_.code, 1) / "confirmed").read_bytes() == head.note


def test_a_size_that_the_signatures_do_not_say_is_not_believed(complex_, at, city, ours, alter):
    happen(complex_, at)
    look_and_ask(complex_, at)
    alter("UPDATE transparency_confirmedhead SET size = size + 1")
    assert confirmed_head(Log.objects.get().origin) is None


def test_the_witness_of_a_neighbour_does_not_speak_for_us(complex_, neighbour, at, city):
    theirs = SmallWitness("neighbour.example/1", lambda: at)
    registered(theirs, "complex", neighbour.complex, at)
    happen(complex_, at)
    log = Log.objects.get()
    made_up(log, theirs.signed_note(city.signed_note(bytes(log.checkpoint))), at)
    assert confirmed_head(log.origin) is None


def test_what_is_certain_stays_so_when_a_witness_goes(complex_, at, city, ours, origin):
    happen(complex_, at)
    look_and_ask(complex_, at)
    end_witness(ours.name, at=at)
    assert confirmed_head(origin) is not None


def test_a_certain_head_is_judged_once(complex_, at, city, ours, origin):
    happen(complex_, at)
    look_and_ask(complex_, at)
    confirmed_head(origin)
    with CaptureQueriesContext(connection) as asked:
        confirmed_head(origin)
    assert len(asked) == 1


# --- One keeps no other waiting ---


def test_one_log_that_a_witness_cannot_take_keeps_no_other_from_it(
    complex_, neighbour, at, city, monkeypatch
):
    happen(complex_, at)
    happen(neighbour.complex, at)
    real = city.add_checkpoint

    def choking(body):
        return (500, b"") if complex_.code.encode() in body else real(body)

    monkeypatch.setattr(city, "add_checkpoint", choking)
    notary, failed = Notary(), 0
    for seconds in range(3):
        try:
            look_and_ask(complex_, at + timedelta(seconds=seconds), notary)
        except AwayError:
            failed += 1
    assert [known.split("/")[2] for known in city.known] == [neighbour.complex.code]
    assert failed in {1, 2}
    monkeypatch.setattr(city, "add_checkpoint", real)
    look_and_ask(complex_, at + timedelta(minutes=2), notary)
    assert len(city.known) == 2


def test_every_witness_has_its_turn_however_many_there_are(monkeypatch):
    """Here one thread asks three; the last of them used to wait for ever."""
    stop, asked = threading.Event(), dict.fromkeys("abc", 0)
    witnesses = {name: SmallWitness(name, timezone.now) for name in asked}

    def ask(_, witness, session, at):
        asked[witness.name] += 1
        if min(asked.values()) > 1:
            stop.set()
        if witness.name == "a":
            raise AwayError("nobody there")
        return 1

    monkeypatch.setattr(module, "MANY", 1)
    monkeypatch.setattr(module, "TICK", 0.001)
    monkeypatch.setattr(module, "wait_for_news", list)
    monkeypatch.setattr(Notary, "look", lambda *_: None)
    monkeypatch.setattr(Notary, "witnesses", lambda _: witnesses)
    monkeypatch.setattr(Notary, "has_work", lambda *_: True)
    monkeypatch.setattr(Notary, "ask", ask)
    watchdog = threading.Timer(20, stop.set)
    watchdog.start()
    module.run(stop)
    watchdog.cancel()
    assert min(asked.values()) > 1


def test_what_a_thread_fails_with_ends_the_notary(monkeypatch):
    def ask(*_):
        raise RuntimeError("the database is away")

    monkeypatch.setattr(module, "wait_for_news", list)
    monkeypatch.setattr(Notary, "look", lambda *_: None)
    monkeypatch.setattr(Notary, "witnesses", lambda _: {"a": "a"})
    monkeypatch.setattr(Notary, "has_work", lambda *_: True)
    monkeypatch.setattr(Notary, "ask", ask)
    with pytest.raises(RuntimeError, match="away"):
        module.run(threading.Event())


def test_a_file_out_of_reach_keeps_no_other_complex_waiting(complex_, neighbour, at):
    happen(complex_, at)
    checkpoint = log_folder(complex_.code, 1) / "checkpoint"
    whole = checkpoint.read_bytes()
    checkpoint.unlink()
    checkpoint.mkdir()
    with tenancy.within(neighbour.complex_id):
        append_event(neighbour.complex, uuid4(), Event.DISCLOSED, {"publication": b""}, at=at)
    sequencer = Sequencer()
    sequencer.start()
    assert sequencer.waiting == {complex_.id: NO_FILES}
    assert sequencer.tick() == 1
    assert Trouble.objects.get().kind == TroubleKind.WAITING
    checkpoint.rmdir()
    checkpoint.write_bytes(whole)
    sequencer.tick()
    assert not sequencer.waiting
    assert not troubles()


def test_a_head_that_could_not_be_published_is_published_without_a_further_event(
    complex_, at, monkeypatch
):
    from danji.transparency import sequencer as sealing

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    sequencer = Sequencer()
    with monkeypatch.context() as locked:
        locked.setattr(sealing, "apply", refuse)
        assert sequencer.tick() == 0
    with tenancy.within(complex_.id):
        assert published_head(complex_).checkpoint.size == 0
    sequencer.tick()
    with tenancy.within(complex_.id):
        assert published_head(complex_).checkpoint.size == Log.objects.get().size == 1
    assert not troubles()


# --- The log of logs ---


@pytest.fixture
def heads():
    return Collection.objects.create(origin=HEADS, root=b"", checkpoint=b"")


def told(holder):
    return Message.objects.filter(recipient=holder.person, subject__contains="장부가 다릅니다")


def test_a_witness_that_disagrees_about_the_log_of_logs_is_told_to_every_complex_once(
    complex_, manager, chair, heads, at
):
    open_trouble(HEADS, TroubleKind.DISAGREES, "city.example/1", "이어지지 않는다고 합니다.", at)
    assert tell_troubles(complex_.id) == 0
    assert [tell_common_troubles(), tell_common_troubles()] == [1, 0]
    assert "모음 장부" in told(manager).get().body
    assert told(chair).count() == 1
    assert [one.origin for one in open_troubles(complex_.id)] == [HEADS]


def test_what_only_the_operator_can_mend_about_the_log_of_logs_disturbs_nobody(
    complex_, manager, heads, at
):
    for kind in (TroubleKind.WAITING, TroubleKind.SILENT):
        open_trouble(HEADS, kind, "", "기다립니다.", at)
    assert tell_common_troubles() == 0
    assert not open_troubles(complex_.id)
