"""The log of logs: every complex's head pinned once, in order, and never twice differently."""

import threading
from uuid import uuid4

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import OperationalError

from danji.base import tenancy
from danji.complexes.models import Complex
from danji.rules.refusal import Refusal
from danji.transparency import collecting
from danji.transparency.actions import append_event
from danji.transparency.collecting import Collector, collect
from danji.transparency.collection import (
    check_collection,
    collection_folder,
    collection_key,
    collection_policy,
    newest_head,
    prove_collected,
)
from danji.transparency.models import (
    CollectedHead,
    Collection,
    Party,
    Trouble,
    TroubleKind,
    Witness,
)
from danji.transparency.queries import published_head
from danji.transparency.sequencer import LogError, Sequencer, staging_folder
from danji.transparency.tree import file_reader, log_folder
from danji_verify.checkpoint import Checkpoint, cosign, witness_key
from danji_verify.entry import Event
from danji_verify.note import format_note, parse_note
from danji_verify.policy import Policy
from danji_verify.proof import Proof
from danji_verify.tiles import audit, read_entry

CITY = Ed25519PrivateKey.from_private_bytes(b"c" * 32)


def happen(complex_, at):
    with tenancy.within(complex_.id):
        append_event(complex_, uuid4(), Event.DISCLOSED, {"publication": b"1"}, at=at)
    Sequencer().tick()


def confirm(complex_, at):
    """Publish the newest head with a witness's signature under it, as the notary does."""
    head = published_head(complex_)
    signed = parse_note(head.note)
    line = cosign(head.checkpoint, name="city.example", private_key=CITY, at=int(at.timestamp()))
    note = format_note(signed.text, [*signed.signatures, line])
    (log_folder(complex_.code, 1) / "confirmed").write_bytes(note)
    return note


def leaves():
    size = Collection.objects.get().size
    return [read_entry(index, size, file_reader(collection_folder())) for index in range(size)]


def watch(name, party, seed):
    key = witness_key(name, Ed25519PrivateKey.from_private_bytes(seed * 32))
    return {"name": name, "label": name, "party": party, "vkey": str(key)}


@pytest.fixture
def sealed(complex_):
    Sequencer().tick()
    return complex_


def test_each_log_gives_one_leaf_the_exact_bytes_of_its_newest_head(sealed, neighbour):
    Sequencer().tick()
    assert collect() == 2
    assert leaves() == [
        (log_folder(code, 1) / "checkpoint").read_bytes() for code in ("A10000001", "B20000002")
    ]
    assert collect() == 0  # nothing happened since


def test_a_head_is_collected_again_when_it_grew(sealed, at):
    collect()
    happen(sealed, at)
    assert collect() == 1
    assert list(CollectedHead.objects.order_by("index").values_list("index", "size")) == [
        (0, 1),
        (1, 2),
    ]


def test_the_confirmed_head_is_preferred_and_its_new_cosignatures_are_kept(sealed, at):
    collect()
    note = confirm(sealed, at)
    assert collect() == 1
    assert leaves()[-1] == note
    assert collect() == 0


def test_while_witnesses_are_away_what_only_the_log_signed_is_pinned(sealed, at):
    note = confirm(sealed, at)
    collect()
    happen(sealed, at)
    assert collect() == 1
    assert collect() == 0  # the confirmed head lies behind by now: no head goes backwards
    assert leaves() == [note, published_head(sealed).note]


def test_the_published_files_lead_to_the_signed_root(sealed, at):
    for _ in range(3):
        collect()
        happen(sealed, at)
    collection = Collection.objects.get()
    assert audit(collection.size, file_reader(collection_folder())) == bytes(collection.root)
    policy = Policy.parse((collection_folder() / "policy.txt").read_bytes())
    judged = policy.judge((collection_folder() / "checkpoint").read_bytes())
    assert (judged.checkpoint.size, judged.confirmed) == (3, False)
    assert judged.checkpoint.origin == "danji.localhost/heads/1"


def test_a_damaged_head_of_one_log_keeps_no_other_from_being_collected(sealed, neighbour, caplog):
    Sequencer().tick()
    (log_folder(sealed.code, 1) / "checkpoint").write_bytes(b"nothing")
    assert collect() == 1
    assert "상했습니다" in caplog.text


def test_a_head_that_cannot_be_read_keeps_no_other_from_being_collected(
    sealed, neighbour, caplog, at
):
    Sequencer().tick()
    (log_folder(sealed.code, 1) / "confirmed").mkdir()
    assert Collector().tick(at) == 1
    assert "confirmed" in caplog.text


def test_a_complex_without_a_log_keeps_no_other_from_being_collected(sealed, caplog, at):
    Complex.objects.create(code="A00000001", name="아직 없는 단지")
    assert Collector().tick(at) == 1
    assert "Log matching query does not exist" in caplog.text


@pytest.mark.parametrize(
    ("parties", "quorum", "needed"),
    [
        ([], None, set()),
        ([Party.OUTSIDER], None, set()),
        ([Party.CITY], "needed", {"w0"}),
        ([Party.CITY, Party.CITY], "needed", {"w0", "w1"}),
        ([Party.CITY, Party.OUTSIDER], "needed", {"w0", "w1"}),
    ],
    ids=["nobody", "outsider", "city", "two-of-the-city", "city-and-outsider"],
)
def test_the_policy_needs_the_city_and_an_outsider_where_there_is_one(
    sealed, at, parties, quorum, needed
):
    collect()
    for number, party in enumerate(parties):
        Witness.objects.create(since=at, **watch(f"w{number}", party, b"%d" % number))
    Witness.objects.create(since=at, complex=sealed, **watch("own", Party.COMPLEX, b"o"))
    Witness.objects.create(since=at, until=at, **watch("gone", Party.CITY, b"g"))
    policy = collection_policy()
    assert policy.quorum == quorum
    assert policy.needed() == needed
    assert Policy.parse(policy.format()) == policy
    assert [log.key for log in policy.logs] == [collection_key()]


def test_one_city_witness_is_enough_but_not_without_the_outsider(sealed, at):
    collect()
    keys = {}
    for name, party in (("c1", Party.CITY), ("c2", Party.CITY), ("o1", Party.OUTSIDER)):
        seed = name[0].encode() if name != "c2" else b"d"
        Witness.objects.create(since=at, **watch(name, party, seed))
        keys[name] = Ed25519PrivateKey.from_private_bytes(seed * 32)
    signed = parse_note((collection_folder() / "checkpoint").read_bytes())
    head = Checkpoint.parse(signed.text)

    def confirmed(*names):
        lines = [cosign(head, name=name, private_key=keys[name], at=1) for name in names]
        note = format_note(signed.text, [*signed.signatures, *lines])
        return collection_policy().judge(note).confirmed

    assert confirmed("c1", "o1")
    assert confirmed("c2", "o1")
    assert not confirmed("c1", "c2")
    assert not confirmed("o1")


def test_before_anything_is_published_there_is_no_log_of_logs(complex_, settings):
    assert collect() == 0
    assert not Collection.objects.exists()
    assert not (settings.KEYS / "heads").exists()


# --- What must not happen to it ------------------------------------------------------------------


def test_a_restored_database_is_not_signed(sealed, at, alter):
    collect()
    before = Collection.objects.values("size", "root", "checkpoint").get()
    happen(sealed, at)
    collect()
    alter("DELETE FROM transparency_collectedhead WHERE index = 1")
    Collection.objects.update(**before)
    collector = Collector()
    assert collector.tick(at) == 0
    assert "옛 백업" in collector.frozen
    trouble = Trouble.objects.get(until=None)
    assert (trouble.kind, trouble.origin) == (TroubleKind.FROZEN, "danji.localhost/heads/1")


def test_another_root_of_the_same_size_is_not_signed(sealed):
    collect()
    Collection.objects.update(root=b"\1" * 32)
    with pytest.raises(LogError, match="장부 확인값이 다릅니다"):
        collect()


@pytest.mark.parametrize("path", ["tile/0/000.p/1", "tile/entries/000.p/1", "checkpoint"])
def test_a_flipped_bit_is_noticed_before_signing(sealed, at, path):
    collect()
    file = collection_folder() / path
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    happen(sealed, at)
    collector = Collector()
    assert collector.tick(at) == 0
    assert collector.frozen
    assert Collection.objects.get().size == 1


def test_the_key_is_made_once_and_never_again(sealed, settings, at):
    collect()
    key = settings.KEYS / "heads" / "log-1.pem"
    kept = key.read_bytes()
    key.unlink()
    happen(sealed, at)
    with pytest.raises(Refusal, match="모음 장부의 열쇠"):
        collect()
    assert not key.exists()
    key.write_bytes(kept)
    assert collect() == 1


def test_a_full_disk_stops_before_anything_is_promised(sealed, settings, caplog, at):
    settings.FREE_SPACE_FLOOR = 2**62
    collector = Collector()
    assert collector.tick(at) == collector.tick(at) == 0
    assert len(caplog.records) == 1  # said once, though it was tried twice
    assert Trouble.objects.get().kind == TroubleKind.WAITING
    settings.FREE_SPACE_FLOOR = 0
    assert collector.tick(at) == 1
    assert Trouble.objects.get().until == at


def test_whatever_else_goes_wrong_is_told_and_tried_again(sealed, at, monkeypatch, caplog):
    def fail(*_):
        raise OSError("no space left")

    collector = Collector()
    with monkeypatch.context() as broken:
        broken.setattr(collecting, "stage", fail)
        assert collector.tick(at) == 0
    assert "no space left" in caplog.text
    trouble = Trouble.objects.get(until=None)
    assert (trouble.kind, trouble.sentence) == (TroubleKind.WAITING, collecting.FAILED)
    assert collector.tick(at) == 1
    assert not Trouble.objects.filter(until=None).exists()


@pytest.mark.django_db
def test_the_database_away_does_not_end_the_collecting(monkeypatch):
    stop, asked = threading.Event(), []

    def tick(*_):
        asked.append(1)
        if len(asked) == 2:
            stop.set()
        raise OperationalError("the database is away")

    monkeypatch.setattr(Collector, "tick", tick)
    monkeypatch.setattr(collecting, "PAUSE", 0)
    ended = []
    thread = threading.Thread(target=lambda: ended.append(collecting.keep_collecting(stop)))
    thread.start()
    thread.join()
    assert (len(asked), ended) == (2, [None])  # it was told to stop, and raised nothing


def test_what_another_moved_meanwhile_is_left_alone(sealed, at, monkeypatch):
    """Two that collect at once without their lock: the second loses, and nothing forks."""
    collect()
    happen(sealed, at)
    real = collecting.check_staged

    def slow(*arguments):
        real(*arguments)
        with monkeypatch.context() as other:
            other.setattr(collecting, "check_staged", real)
            assert collect() == 1

    monkeypatch.setattr(collecting, "check_staged", slow)
    with pytest.raises(LogError, match="먼저 늘렸습니다"):
        collect()
    monkeypatch.undo()
    assert collect() == 0
    assert not check_collection()
    assert CollectedHead.objects.count() == 2


@pytest.mark.parametrize(
    ("step", "after", "kept"),
    [
        ("stage", False, 0),
        ("stage", True, 0),
        ("check_staged", True, 0),
        ("sign_checkpoint", True, 0),
        ("commit", False, 0),
        ("commit", True, 1),
        ("apply", False, 1),
        ("apply", True, 1),
    ],
    ids=str,
)
def test_whatever_step_it_dies_at_nothing_is_lost_or_doubled(
    sealed, at, monkeypatch, step, after, kept
):
    collect()
    happen(sealed, at)
    real = getattr(collecting, step)

    def die(*arguments):
        if after:
            real(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(collecting, step, die)
        with pytest.raises(KeyboardInterrupt):
            collect()
    assert CollectedHead.objects.count() == 1 + kept
    assert collect() == 1 - kept
    assert CollectedHead.objects.count() == 2
    assert not check_collection()
    assert not list(staging_folder("heads").glob("*.zip"))


@pytest.mark.django_db
def test_a_second_collector_waits_for_the_first(cluster, complex_, at):
    Sequencer().tick()
    with psycopg.connect(cluster.url()) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [collecting.LOCK])
        assert Collector().tick(at) == 0
        other.execute("SELECT pg_advisory_unlock(%s)", [collecting.LOCK])
        assert Collector().tick(at) == 1


# --- What it proves ------------------------------------------------------------------------------


def test_a_collected_head_is_proven_to_a_stranger(sealed, at):
    for _ in range(3):
        collect()
        happen(sealed, at)
    found = CollectedHead.objects.get(index=1)
    proof = Proof.parse(prove_collected(found, newest_head()))
    assert proof.extra == bytes(found.note)
    judged = proof.verify(proof.extra, collection_policy())
    assert judged.checkpoint.origin == "danji.localhost/heads/1"


# --- What it tells -------------------------------------------------------------------------------


def sentences():
    return " ".join(found.sentence for found in check_collection())


def test_logs_that_only_grew_agree(sealed, at, neighbour):
    for _ in range(3):
        collect()
        happen(sealed, at)
    assert check_collection() == []


def test_a_row_that_is_not_the_leaf_is_told(sealed, alter):
    collect()
    alter("UPDATE transparency_collectedhead SET note = 'x'")
    assert "데이터베이스의 것과 다릅니다" in sentences()


def test_a_missing_row_is_told(sealed, alter):
    collect()
    alter("DELETE FROM transparency_collectedhead")
    assert "데이터베이스의 것과 다릅니다" in sentences()


def test_a_log_cut_back_behind_what_was_collected_is_told(sealed, at):
    happen(sealed, at)
    collect()
    for file in log_folder(sealed.code, 1).rglob("*.p/2"):
        file.unlink()
    assert "이르지 않거나" in sentences()


def test_damaged_files_of_the_log_of_logs_are_told(sealed):
    collect()
    (collection_folder() / "tile/entries/000.p/1").write_bytes(b"\0\1x")
    (found,) = check_collection()
    assert found.origin == "danji.localhost/heads/1"


def test_a_head_that_moved_and_is_not_published_yet_is_no_finding(sealed, at, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    collect()
    happen(sealed, at)
    with monkeypatch.context() as killed:
        killed.setattr(collecting, "apply", die)
        with pytest.raises(KeyboardInterrupt):
            collect()
    assert check_collection() == []
