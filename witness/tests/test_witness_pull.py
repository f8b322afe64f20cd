"""Going to the logs, over real HTTP."""

import sqlite3
import threading

import pytest

from danji_verify.checkpoint import Checkpoint, cosign
from danji_verify.note import format_note, open_note, parse_note
from danji_witness import pull
from danji_witness.errors import Halted, Trouble
from danji_witness.logs import log_id
from danji_witness.mirror import Mirror
from danji_witness.pull import REFRESH, Due, Sources, Visitor, run_in_thread
from danji_witness.witness import UNPROVEN
from made_log import NOON, MadeLog, lines_of, served


@pytest.fixture
def site(made):
    with served(made) as place:
        yield place


@pytest.fixture
def visitor(opened, made, site):
    return Visitor(opened(made, url=site.url), Sources(30), every=60)


def visit(visitor, made):
    return visitor.visit(visitor._witness.logs.current()[made.origin])


def handed(visitor, made, note):
    """The checkpoint and the time in what was handed in."""
    opened = open_note(note, [made.key, visitor._witness.identity.key])
    [time] = [each.time for each in opened.verified if each.time is not None]
    return Checkpoint.parse(opened.text), time


def test_the_head_is_fetched_cosigned_and_handed_in(visitor, made, site):
    visit(visitor, made.grow_by(3))

    assert handed(visitor, made, site.handed_in[0]) == (made.tree(), NOON)


@pytest.mark.parametrize(("old", "new"), [(1, 2), (3, 256), (255, 257), (256, 512), (300, 70_000)])
def test_that_it_continues_is_computed_from_the_tiles(visitor, made, site, old, new):
    visit(visitor, made.grow_by(old))
    visit(visitor, made.grow_by(new - old))

    assert handed(visitor, made, site.handed_in[-1])[0].size == new


def test_an_unchanged_head_is_left_alone_for_some_hours(visitor, made, site, clock):
    visit(visitor, made.grow_by(3))
    clock.now += REFRESH - 1
    visit(visitor, made)
    assert len(site.handed_in) == 1

    clock.now += 1
    visit(visitor, made)
    assert handed(visitor, made, site.handed_in[1])[1] == NOON + REFRESH


def test_what_the_site_did_not_take_is_handed_in_again(visitor, made, site):
    site.answer = lambda _note: (409, "지금은 받지 않습니다.")
    with pytest.raises(Trouble, match="지금은 받지 않습니다"):
        visit(visitor, made.grow_by(3))

    site.answer = lambda _note: (200, "")
    visit(visitor, made)
    visit(visitor, made)

    assert len(site.handed_in) == 2
    assert site.handed_in[0] == site.handed_in[1]


def test_another_history_is_not_cosigned_and_kept_as_evidence(visitor, made, site, folder):
    visit(visitor, made.grow_by(3))
    forged = made.fork(2).grow_by(0).add(b"something else").grow_by(4)
    site.files = forged.files

    with pytest.raises(Trouble, match="이어지지 않습니다"):
        visit(visitor, made)

    assert len(site.handed_in) == 1
    # Damaged tiles would look the same: it is kept, and said to prove nothing by itself.
    [kept] = (folder.evidence / log_id(made.origin)).iterdir()
    assert kept.name == UNPROVEN
    assert [each.read_bytes() for each in kept.iterdir()] == [forged.head()]


def test_another_head_of_the_same_size_is_not_cosigned(visitor, made, site, folder):
    visit(visitor, made.grow_by(3))
    forged = made.fork(2).add(b"something else")
    site.files = forged.files

    with pytest.raises(Trouble, match="이어지지 않습니다"):
        visit(visitor, made)
    [kept] = (folder.evidence / log_id(made.origin)).iterdir()
    assert kept.read_bytes() == forged.head()


def test_a_smaller_head_is_told(visitor, made, site):
    visit(visitor, made.grow_by(3))
    site.files = made.fork(2).files

    with pytest.raises(Trouble, match="작은 머리"):
        visit(visitor, made)


@pytest.mark.parametrize("damage", ["missing", "cut", "flipped"])
def test_a_damaged_tile_is_told(visitor, made, site, damage):
    visit(visitor, made.grow_by(3))
    made.grow_by(4)
    tile = site.files.pop("tile/0/000.p/7")
    if damage != "missing":
        site.files["tile/0/000.p/7"] = tile[:-1] if damage == "cut" else b"x" + tile[1:]

    with pytest.raises(Trouble, match=r"상했거나|이어지지"):
        visit(visitor, made)
    assert len(site.handed_in) == 1


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"checkpoint": b"hello"},
        {"checkpoint": MadeLog("danji.test/apt/A10000009/1").grow_by(1).head()},
        {"checkpoint": b"x" * 1_000_000},
    ],
    ids=["missing", "no note", "another log", "too large"],
)
def test_a_head_that_is_none_is_told(visitor, made, site, files):
    site.files = files

    with pytest.raises(Trouble):
        visit(visitor, made)


def test_a_log_that_does_not_answer_is_told(opened, made):
    visitor = Visitor(opened(made, url="http://127.0.0.1:9/log"), Sources(5), every=60)

    with pytest.raises(Trouble, match="닿지 않습니다"):
        visit(visitor, made)


def test_a_slow_log_is_given_up(opened, made, site):
    visitor = Visitor(opened(made.grow_by(1), url=site.url), Sources(0.3), every=60)
    site.drip = 0.1

    with pytest.raises(Trouble, match="너무 오래"):
        visit(visitor, made)


def test_nothing_is_read_once_it_stops(opened, made, site):
    sources = Sources(30)
    visitor = Visitor(opened(made.grow_by(1), url=site.url), sources, every=60)
    sources.stop()

    with pytest.raises(Trouble, match="멈추는 중"):
        visit(visitor, made)


def test_our_own_later_cosignature_at_the_log_stops_it_for_good(visitor, made, site):
    visit(visitor, made.grow_by(3))
    ours = visitor._witness.identity
    made.grow_by(2)
    later = cosign(made.tree(), name=ours.name, private_key=ours.private, at=NOON)
    head = parse_note(made.head())
    site.files["confirmed"] = format_note(head.text, [*head.signatures, later])

    with pytest.raises(Halted, match="되돌려졌거나"):
        visit(visitor, made)
    del site.files["confirmed"]
    with pytest.raises(Halted):
        visit(visitor, made)
    assert len(site.handed_in) == 1


def test_a_note_at_the_log_that_is_none_stops_nothing(visitor, made, site):
    site.files["confirmed"] = b"hello"

    assert visit(visitor, made.grow_by(3)).size == 3


def test_a_head_that_a_stranger_pushed_is_handed_in(visitor, made, site):
    visitor._witness.add_checkpoint(made.grow_by(3).request(0))

    visit(visitor, made)

    assert handed(visitor, made, site.handed_in[0])[0].size == 3


def test_one_dead_log_keeps_no_other_waiting(opened, made, site, folder):
    witness = opened()
    dead = MadeLog("danji.test/apt/A10000009/1")
    lines = lines_of([(dead.key, "http://127.0.0.1:9/log"), (made.key, site.url)])
    folder.logs.write_text(lines, "utf-8")
    made.grow_by(1)
    end = run_in_thread(Visitor(witness, Sources(30), every=0.1))
    try:
        site.wait_for(1)
        made.grow_by(1)
        site.wait_for(2)
    finally:
        end()

    assert "닿지 않습니다" in witness.state.trouble(log_id(dead.origin))
    assert witness.state.trouble(log_id(made.origin)) == ""


def test_a_disk_that_fails_for_a_moment_blinds_nobody(visitor, made, monkeypatch):
    [watched], due = visitor._witness.logs.current().values(), Due(visited=True)
    made.grow_by(3)
    with monkeypatch.context() as failing:
        failing.setattr(visitor._witness.state, "_database", Failing())
        visitor._visit_in_turn(watched, due)
    assert not due.visited
    assert due.failures

    due.visited = True
    visitor._visit_in_turn(watched, due)
    assert visitor._witness.state.head(watched.id).size == 3
    assert not due.failures


class Failing:
    """A database on a disk that cannot be read now."""

    def execute(self, *_of):
        raise sqlite3.OperationalError("disk I/O error")


def test_a_visitor_ends_when_told(opened, made):
    threads = threading.active_count()
    run_in_thread(Visitor(opened(made), Sources(5), every=0.1))()

    assert threading.active_count() == threads


def test_what_takes_long_to_fetch_is_fetched_at_length(opened, made, site, folder, monkeypatch):
    witness = opened()
    folder.logs.write_text(lines_of([(made.add(bytes(60)).key, site.url)]), "utf-8")
    sources = Sources(1)
    witness.keeper = mirror = Mirror(folder, sources)
    monkeypatch.setattr(pull, "FULL_BUDGET", 60)
    site.drip = 0.02  # so that the entry does not come within a second
    site.quick = {"checkpoint", "confirmed"}
    end = run_in_thread(Visitor(witness, sources, every=0.1, mirror=mirror))
    try:
        site.wait_for(1)
    finally:
        sources.stop()
        end()

    assert witness.state.head(log_id(made.origin)).size == 1
    assert witness.state.trouble(log_id(made.origin)) == ""
