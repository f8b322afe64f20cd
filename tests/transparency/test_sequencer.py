"""The sequencer: places without gaps, heads that only grow, and refusals instead of forks."""

from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from danji.base import tenancy
from danji.base.ids import uuid7
from danji.transparency import actions
from danji.transparency import sequencer as module
from danji.transparency.actions import append_event
from danji.transparency.models import Event as EventRow
from danji.transparency.models import Leaf, Log, PendingEvent
from danji.transparency.queries import events_of, policy, prove, published_head
from danji.transparency.sequencer import LogError, Sequencer, only_one, recover
from danji.transparency.tree import file_reader, log_folder
from danji_verify.entry import Event, parse_entry
from danji_verify.proof import Proof
from danji_verify.tiles import Growth, audit


def happen(complex_, at, count=1):
    """Add events of one document; returns its id."""
    doc = uuid4()
    for seq in range(count):
        append_event(
            complex_, doc, Event.DISCLOSED, {"publication": b"%d" % seq}, at=at + timedelta(0, seq)
        )
    return doc


@pytest.fixture
def folder(complex_):
    return log_folder(complex_.code, 1)


def test_every_event_gets_one_place_in_order(complex_, at):
    doc = happen(complex_, at, 3)
    assert Sequencer().tick() == 4  # with the one that opened the log
    assert [event.seq for event in events_of(complex_.id, doc)] == [1, 2, 3]
    assert sorted(Leaf.objects.values_list("index", flat=True)) == [0, 1, 2, 3]
    assert not PendingEvent.objects.exists()


def test_the_published_files_lead_to_the_signed_root(complex_, at, folder):
    sequencer = Sequencer()
    for count in (1, 255, 1, 300):  # over the edge of a tile, to it, and beyond
        happen(complex_, at, count)
        sequencer.tick()
    log = Log.objects.get()
    assert audit(log.size, file_reader(folder)) == bytes(log.root)
    assert published_head(complex_).checkpoint.size == log.size


def test_a_proof_convinces_a_stranger(complex_, at):
    doc = happen(complex_, at)
    Sequencer().tick()
    (event,) = events_of(complex_.id, doc)
    proof = Proof.parse(prove(complex_, event))
    judgement = proof.verify(event.entry, policy(complex_))
    assert judgement.checkpoint.size == 2


def test_an_event_says_nothing_about_its_values(complex_, at):
    doc = uuid4()
    append_event(complex_, doc, Event.DISCLOSED, {"publication": "김수진".encode()}, at=at)
    entry = bytes(EventRow.objects.get(doc=doc).entry)
    assert "김수진".encode() not in entry
    assert parse_entry(entry).document == doc.hex


def test_the_chain_of_a_document_is_linked(complex_, at):
    doc = happen(complex_, at, 2)
    first, second = EventRow.objects.filter(doc=doc).order_by("seq")
    assert parse_entry(bytes(second.entry)).prev == bytes(first.leaf_hash)


def test_a_restored_database_is_not_signed(complex_, at):
    sequencer = Sequencer()
    sequencer.tick()
    before = Log.objects.values("size", "root", "checkpoint").get()
    happen(complex_, at)
    sequencer.tick()
    Log.objects.update(**before)
    with pytest.raises(LogError, match="옛 백업"):
        recover(complex_)


def test_another_root_of_the_same_size_is_not_signed(complex_, at):
    Sequencer().tick()
    Log.objects.update(root=b"\1" * 32)
    with pytest.raises(LogError, match="장부 확인값이 다릅니다"):
        recover(complex_)


@pytest.mark.parametrize("path", ["tile/0/000.p/3", "tile/entries/000.p/3", "checkpoint"])
def test_a_flipped_bit_is_noticed_before_signing(complex_, at, folder, path):
    happen(complex_, at, 2)
    Sequencer().tick()
    data = bytearray((folder / path).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / path).write_bytes(data)
    with pytest.raises(LogError):
        recover(complex_)


@pytest.mark.parametrize("path", ["tile/0/000", "tile/entries/000", "tile/1/000.p/1"])
def test_a_bit_that_flips_while_staging_stops_the_seal(complex_, at, monkeypatch, path):
    real = module.stage

    def flipping(code, growth):
        data = growth.files[path]
        damaged = growth.files | {path: data[:-1] + bytes([data[-1] ^ 1])}
        return real(code, Growth(growth.edge, damaged))

    happen(complex_, at, 300)
    monkeypatch.setattr(module, "stage", flipping)
    sequencer = Sequencer()
    assert sequencer.tick() == 0
    assert list(sequencer.frozen) == [complex_.id]
    assert Log.objects.get().size == 0


def test_a_head_that_another_moved_is_left_alone(complex_, at):
    sequencer = Sequencer()
    sequencer.tick()
    happen(complex_, at)
    Log.objects.update(size=7)
    assert sequencer.tick() == 0
    assert Log.objects.get().size == 7


def test_an_event_that_was_changed_is_not_sealed(complex_, at, alter):
    happen(complex_, at)
    alter("UPDATE transparency_event SET entry = entry || ' '")
    sequencer = Sequencer()
    assert sequencer.tick() == 0
    assert "바뀌었습니다" in sequencer.frozen[complex_.id]


def test_whatever_the_clock_said_an_event_stands_behind_the_one_it_follows(
    complex_, at, monkeypatch
):
    late = iter(sorted((uuid7() for _ in range(60)), reverse=True))
    monkeypatch.setattr(actions, "uuid7", lambda: next(late))
    doc = happen(complex_, at, 5)
    Sequencer().tick()
    indexes = [event.index for event in events_of(complex_.id, doc)]
    assert indexes == sorted(indexes)


def test_a_missing_key_keeps_no_other_complex_waiting(complex_, neighbour, at, settings, caplog):
    (settings.KEYS / complex_.code / "log-1.pem").unlink()
    sequencer = Sequencer()
    sequencer.start()
    assert sequencer.tick() == 1
    assert len(caplog.records) == 1  # said once, though it was tried twice
    with tenancy.within(complex_.id):
        assert PendingEvent.objects.count() == 1


def test_a_full_disk_stops_before_anything_is_promised(complex_, at, settings, caplog):
    settings.FREE_SPACE_FLOOR = 2**62
    assert Sequencer().tick() == 0
    assert "저장 공간" in caplog.text
    assert Log.objects.get().size == 0


@pytest.mark.django_db
def test_a_second_sequencer_is_kept_out(cluster):
    with psycopg.connect(cluster.url()) as other, only_one() as held:
        assert held
        (taken,) = other.execute("SELECT pg_try_advisory_lock(%s)", [module.LOCK]).fetchone()
        assert not taken


def test_a_damaged_staged_file_freezes_its_log_only(complex_, at, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(module, "apply", die)
        with pytest.raises(KeyboardInterrupt):
            Sequencer().tick()
    (staged,) = module.staging_folder(complex_.code).glob("*.zip")
    staged.write_bytes(b"no archive any more")
    sequencer = Sequencer()
    sequencer.start()
    assert "상했습니다" in sequencer.frozen[complex_.id]


def test_what_another_is_about_to_publish_is_left_alone(complex_):
    """A second sequencer that starts between the first one's commit and its publishing."""
    Sequencer().tick()
    folder = module.staging_folder(complex_.code)
    for name in ("1-aa.zip", "999-bb.zip"):
        (folder / name).write_bytes(b"")
    module.recover(complex_)
    assert [left.name for left in folder.glob("*.zip")] == ["999-bb.zip"]
