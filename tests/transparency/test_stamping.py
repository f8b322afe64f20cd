"""The daily time stamp of the log of logs: kept once it is believed, and missed by nobody."""

from datetime import date, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from danji.base import tenancy
from danji.transparency import stamping
from danji.transparency.actions import append_event
from danji.transparency.collecting import collect
from danji.transparency.collection import collection_folder, collection_policy
from danji.transparency.models import Party, Stamp
from danji.transparency.publishing import publish_confirmed
from danji.transparency.queries import policy, published_head
from danji.transparency.sequencer import Sequencer
from danji.transparency.stamping import Stamper, stamp_files, stamped_head
from danji.transparency.tree import log_folder
from danji.transparency.witnessing import hand_in, watched_log
from danji_verify.entry import Event
from danji_verify.proof import Proof
from danji_verify.stamp import check_stamp, load_roots
from stamper import TimeAuthority
from watching import SmallWitness, registered

DAY = date(2026, 11, 22)


@pytest.fixture
def authority(at, settings, tmp_path):
    running = TimeAuthority(at)
    settings.TSA_URL = running.url
    settings.TSA_CERTS = str(tmp_path / "tsa.pem")
    (tmp_path / "tsa.pem").write_bytes(running.pem)
    yield running
    running.close()


@pytest.fixture
def collected(complex_):
    Sequencer().tick()
    collect()
    return complex_


def append(complex_, at):
    append_event(complex_, uuid4(), Event.DISCLOSED, {"publication": b"1"}, at=at)
    Sequencer().tick()
    tenancy._enter("app.complex", complex_.id)


def grow(complex_, at):
    append(complex_, at)
    collect()
    tenancy._enter("app.complex", complex_.id)


def test_the_newest_head_is_stamped_once_a_day(authority, collected, at):
    stamper = Stamper()
    assert stamper.tick(at)
    stamp = Stamp.objects.get()
    assert (stamp.day, stamp.size, stamp.origin) == (DAY, 1, "danji.localhost/heads/1")
    assert bytes(stamp.note) == (collection_folder() / "checkpoint").read_bytes()
    assert stamp.stamped_at == at
    assert not stamper.tick(at + timedelta(hours=1))
    assert authority.asked == 1


def test_a_day_is_a_day_in_korea(authority, collected):
    for moment, kept in (
        ("2026-11-22T14:59:00+00:00", 1),
        ("2026-11-22T15:01:00+00:00", 2),  # one minute past midnight there
    ):
        authority.now = datetime.fromisoformat(moment)
        Stamper().tick(authority.now)
        assert Stamp.objects.count() == kept
    assert list(Stamp.objects.order_by("day").values_list("day", flat=True)) == [
        DAY,
        DAY + timedelta(1),
    ]


def test_what_is_published_convinces_a_stranger(authority, collected, at):
    Stamper().tick(at)
    note, token = (file.read_bytes() for file in stamp_files(DAY))
    told = check_stamp(token, note, load_roots(authority.pem))
    assert (told.at, told.pinned) == (at, True)


def test_a_stamp_that_was_not_published_is_written_again(authority, collected, at):
    Stamper().tick(at)
    for file in stamp_files(DAY):
        file.unlink()
    Stamper().tick(at)
    assert all(file.exists() for file in stamp_files(DAY))
    assert authority.asked == 1


def test_without_an_address_nobody_is_asked(collected, at, caplog):
    assert not Stamper().tick(at)
    assert not caplog.records


def test_before_the_first_head_nobody_is_asked(authority, complex_, at):
    assert not Stamper().tick(at)
    assert authority.asked == 0


def test_without_roots_nobody_is_asked(authority, collected, at, settings, caplog):
    settings.TSA_CERTS = ""
    assert not Stamper().tick(at)
    assert authority.asked == 0
    assert "DANJI_TSA_CERTS" in caplog.text


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((503, b""), "503"),
        ((200, b""), "읽을 수 없습니다"),
        ((200, b"0" * 70_000), "답하지 않습니다"),
    ],
    ids=["refused", "empty", "endless"],
)
def test_while_it_is_away_it_is_tried_every_ten_minutes_and_said_once(
    authority, collected, at, caplog, answer, said
):
    stamper = Stamper()
    authority.answer = answer
    for minutes in (0, 5, 10, 15, 20):
        assert not stamper.tick(at + timedelta(minutes=minutes))
    assert authority.asked == 3
    assert len(caplog.records) == 1
    assert said in caplog.text
    authority.answer, authority.now = None, at + timedelta(minutes=30)
    assert stamper.tick(authority.now)


def test_nobody_at_the_address_stops_nothing(authority, collected, at, caplog):
    authority.close()
    assert not Stamper().tick(at)
    assert "답하지 않습니다" in caplog.text
    authority._server.server_close()


@pytest.fixture
def agree(collected, at):
    """Let the witnesses of complex and city cosign the newest head, and collect that."""
    witnesses = [SmallWitness(name, lambda: at) for name in ("auditor.example", "city.example")]
    for witness, party in zip(witnesses, (Party.COMPLEX, Party.CITY), strict=True):
        registered(witness, party, collected, at)

    def cosigned():
        head = published_head(collected).note
        for witness in witnesses:
            hand_in(witness.signed_note(head), at=at)
        publish_confirmed(watched_log(collected), at)
        collect()
        tenancy._enter("app.complex", collected.id)

    return cosigned


def test_a_head_of_a_complex_is_led_to_the_day_it_was_stamped(authority, collected, agree, at):
    origin, trusted = published_head(collected).checkpoint.origin, policy(collected)
    assert stamped_head(origin, 1, trusted) is None
    append(collected, at)
    agree()
    size = published_head(collected).checkpoint.size
    Stamper().tick(at)
    append(collected, at)
    agree()  # collected after the stamp
    found = stamped_head(origin, 1, trusted)
    assert found.day == DAY
    proof = Proof.parse(found.proof)
    assert proof.extra == found.head
    assert proof.checkpoint == found.note
    assert proof.verify(found.head, collection_policy()).checkpoint.size == 2
    check_stamp(found.token, found.note, load_roots(authority.pem))
    assert stamped_head(origin, size + 1, trusted) is None


def test_while_witnesses_are_away_a_stamp_leads_to_the_head_they_agreed_on_last(
    authority, collected, agree, at
):
    origin, trusted = published_head(collected).checkpoint.origin, policy(collected)
    agree()
    size = published_head(collected).checkpoint.size
    agreed = (log_folder(collected.code, 1) / "confirmed").read_bytes()
    grow(collected, at)
    grow(collected, at)
    Stamper().tick(at)
    assert stamped_head(origin, 1, trusted).head == agreed
    assert stamped_head(origin, size + 1, trusted) is None  # on that nobody has agreed
    append(collected, at)
    agree()  # back again, and not stamped yet
    assert stamped_head(origin, 1, trusted).head == agreed


def test_the_leaves_of_another_log_of_logs_are_under_no_stamp_of_this_one(
    authority, collected, agree, at, alter
):
    agree()
    Stamper().tick(at)
    alter("UPDATE transparency_stamp SET origin = 'danji.example/heads/2'")
    origin = published_head(collected).checkpoint.origin
    assert stamped_head(origin, 1, policy(collected)) is None


def test_only_one_process_asks(authority, collected, at, cluster):
    with psycopg.connect(cluster.url()) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [stamping.LOCK])
        assert not Stamper().tick(at)
    assert authority.asked == 0
