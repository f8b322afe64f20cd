"""A witness that keeps a full copy cosigns what it holds, and finds what is damaged or odd."""

import json
import random
from datetime import UTC, datetime

import pytest

from danji_verify.entry import Event
from danji_verify.errors import ProofError
from danji_verify.merkle import leaf_hash
from danji_verify.tiles import audit, consistency_proof
from danji_witness import mirror
from danji_witness.book import Book
from danji_witness.errors import Trouble
from danji_witness.logs import log_id
from danji_witness.mirror import Copy
from danji_witness.pull import Sources, Visitor
from danji_witness.state import State
from made_log import NOON, MadeLog, event, events, flipped, lines_of, served


@pytest.fixture
def site(made):
    with served(made) as place:
        yield place


@pytest.fixture
def city(opened, made, site):
    """Keeps a full copy of `made`, which it can also fetch."""
    return opened(made, url=site.url, mirror=True)


@pytest.fixture
def watched(city, made):
    return city.logs.current()[made.origin]


@pytest.fixture
def copy(folder, made):
    return folder.mirror / log_id(made.origin)


def push(city, made, old):
    return city.add_checkpoint(made.request(old)).status


def flags(folder):
    if not folder.flags.exists():
        return []
    return [json.loads(line) for line in folder.flags.read_text("utf-8").splitlines()]


def files_of(place):
    return {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("sizes", [(1,), (3, 5), (256, 512), (255, 257, 1000), (20_000,)])
def test_the_copy_is_whole_at_every_head(city, made, copy, sizes):
    old = 0
    for size in sizes:
        made.grow_by(size - old)
        assert push(city, made, old) == 200
        assert audit(size, city.keeper.reader(city.logs.current()[made.origin])) == made.tree().root
        old = size

    held = files_of(copy)
    assert held.pop("checkpoint").startswith(made.tree().text().encode())
    assert held.items() <= made.files.items()


def test_of_a_full_tile_no_partial_one_is_kept(city, made, copy, watched):
    for size in range(250, 258):
        push(city, made.grow_by(size - made.size), size - 1 if size > 250 else 0)

    partial = {path for path in files_of(copy) if ".p/" in path}
    assert partial == {"tile/0/001.p/1", "tile/entries/001.p/1", "tile/1/000.p/1"}
    assert city.keeper.check(watched).repaired == []


def test_a_copy_that_grows_too_much_at_once_is_not_held(city, made, site, monkeypatch):
    monkeypatch.setattr(mirror, "MAX_FRESH", 1000)
    site.files = {}

    made.add(*(bytes(300) for _ in range(4)))
    assert push(city, made, 0) == 503
    site.files = made.files
    assert push(city, made, 0) == 503
    assert "너무 많이" in city.state.trouble(log_id(made.origin))
    monkeypatch.undo()
    assert push(city, made, 0) == 200


def test_a_copy_grows_in_steps(city, made, monkeypatch, watched):
    monkeypatch.setattr(mirror, "STEP", 20_000)

    assert push(city, made.grow_by(2000), 0) == 200
    assert push(city, made.grow_by(2000), 2000) == 200
    assert audit(4000, city.keeper.reader(watched)) == made.tree().root


def test_what_is_pulled_is_held_as_well(opened, made, site, copy, folder):
    city = opened(made.add(*events(3)), url=site.url, mirror=True)
    visitor = Visitor(city, Sources(30), every=60, mirror=city.keeper)

    visitor.visit(city.logs.current()[made.origin])

    assert (copy / "tile/entries/000.p/6").read_bytes() == made.files["tile/entries/000.p/6"]
    assert len(site.handed_in) == 1
    assert flags(folder) == []


@pytest.mark.parametrize("what", ["tile/entries/000.p/3", "checkpoint"])
def test_only_what_is_held_is_cosigned(city, made, site, what):
    made.grow_by(3)
    request = made.request(0)
    site.files = dict(made.files)
    entries = site.files.pop("tile/entries/000.p/3")
    assert city.add_checkpoint(request).status == 503

    site.files["tile/entries/000.p/3"] = entries[:-1] + b"?"
    assert city.add_checkpoint(request).status == 503

    site.files["tile/entries/000.p/3"] = entries
    assert city.add_checkpoint(request).status == 200


def test_a_log_without_an_address_cannot_be_held(opened, made):
    city = opened(made.grow_by(1), mirror=True)

    answer = city.add_checkpoint(made.request(0))

    assert answer.status == 503
    assert "주소가 없어" in answer.body.decode()


def test_the_copy_serves_proofs_for_sizes_it_never_held(city, made, watched):
    push(city, made.grow_by(3), 0)
    push(city, made.grow_by(400), 3)
    reader = city.keeper.reader(watched)

    assert consistency_proof(200, 300, reader) == made.proof(200, 300)
    assert consistency_proof(390, 400, reader) == made.proof(390, 400)


@pytest.mark.parametrize("seed", range(12))
def test_a_flipped_bit_or_a_lost_file_of_the_copy_is_put_right(city, made, copy, watched, seed):
    push(city, made.grow_by(700), 0)
    chance = random.Random(seed)
    held = {path: data for path, data in files_of(copy).items() if path != "checkpoint"}
    path = chance.choice(sorted(held))
    if chance.random() < 0.3:
        (copy / path).unlink()
    else:
        (copy / path).write_bytes(flipped(held[path], chance.randrange(1 << 20)))

    found = city.keeper.check(watched)

    assert (found.repaired, found.damaged_there) == ([path], [])
    assert files_of(copy).items() >= held.items()
    assert path in flags(city.folder)[-1]["sentence"]


def test_a_copy_damaged_beyond_its_entries_is_put_right_before_it_grows(city, made, copy, folder):
    push(city, made.grow_by(300), 0)
    (copy / "tile/entries/001.p/44").write_bytes(b"")

    assert push(city, made.grow_by(300), 300) == 200
    assert any("고쳤습니다" in flag["sentence"] for flag in flags(folder))


def test_a_damaged_file_of_the_log_is_told_once(city, made, site, watched):
    push(city, made.add(*events(150)), 0)
    site.files = {**made.files, "tile/0/000": bytes(8192)}

    for _ in range(2):
        assert city.keeper.check(watched).damaged_there == ["tile/0/000"]

    assert [flag["sentence"] for flag in flags(city.folder)] == [
        "장부의 tile/0/000 파일이 상했거나 없습니다."
    ]


def test_a_copy_that_cannot_be_put_right_is_told(city, made, site, copy, watched):
    push(city, made.grow_by(300), 0)
    (copy / "tile/entries/000").unlink()
    site.files = dict(made.files)
    site.files["tile/entries/000"] = b"gone"

    with pytest.raises(Trouble, match="고칠 수 없습니다"):
        city.keeper.check(watched)


def test_the_same_head_again_needs_no_file_of_the_log(city, made, site):
    push(city, made.grow_by(3), 0)
    site.files = {}

    assert push(city, made, 3) == 200


def test_events_in_order_are_not_odd(city, made, folder, clock):
    push(city, made.add(*events(5, 3, at=NOON - 60)), 0)
    clock.now += 3600
    push(city, made.add(event("f" * 32, 1, None, at=NOON + 1800)), 15)

    assert flags(folder) == []


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([b"hello"], "정해진 양식이 아닙니다"),
        ([event("a" * 32, 2, bytes(32))], "이어지지 않습니다"),
        ([event("a" * 32, 1, None), event("a" * 32, 1, None)], "이어지지 않습니다"),
        ([event("a" * 32, 1, None), event("a" * 32, 3, bytes(32))], "이어지지 않습니다"),
        ([event("a" * 32, 1, None, at=NOON + 601)], "지금"),
    ],
    ids=["no entry", "begins in the middle", "begins twice", "a gap", "the future"],
)
def test_what_is_odd_is_flagged_and_cosigned_all_the_same(city, made, folder, entries, told):
    assert push(city, made.add(*entries), 0) == 200

    assert told in flags(folder)[-1]["sentence"]
    assert flags(folder)[-1]["index"] == len(entries) - 1


def test_an_event_before_the_one_it_follows_is_flagged(city, made, folder):
    first = event("a" * 32, 1, None)
    push(city, made.add(first, event("a" * 32, 2, leaf_hash(first), at=NOON - 1)), 0)

    assert "이른 시각" in flags(folder)[0]["sentence"]


def test_chains_go_on_over_heads(city, made, folder):
    first = event("a" * 32, 1, None)
    push(city, made.add(first), 0)
    push(city, made.add(event("a" * 32, 2, leaf_hash(first))), 1)
    push(city, made.add(event("a" * 32, 4, leaf_hash(first))), 2)

    assert [flag["index"] for flag in flags(folder)] == [2]


def test_many_oddities_are_counted(city, made, folder):
    push(city, made.grow_by(250), 0)

    assert len(flags(folder)) == 101
    assert flags(folder)[-1]["sentence"] == "그 밖에 150가지가 더 있습니다."


def test_flags_of_one_log_do_not_fill_the_disk(city, made, folder, monkeypatch):
    monkeypatch.setattr(mirror, "MAX_FLAGS", 5)
    for old in range(8):
        assert push(city, made.grow_by(1), old) == 200

    assert len(flags(folder)) == 5
    assert "더 적지 않습니다" in flags(folder)[-1]["sentence"]
    folder.flags.unlink()
    push(city, made.grow_by(1), 8)
    assert [flag["index"] for flag in flags(folder)] == [8]


def test_a_flag_cut_off_by_a_crash_is_left_out(city, made, folder, opened):
    push(city, made.grow_by(1), 0)
    with folder.flags.open("ab") as file:
        file.write(b'{"at": "2026')

    assert [flag.index for flag in mirror.read_flags(folder)] == [0]
    opened(mirror=True)


def test_what_is_of_another_complex_or_after_the_end_is_flagged(city, made, folder):
    other = MadeLog("danji.test/apt/A10000002/1")
    closing = event("a" * 32, 1, None, kind=Event.LOG_CLOSED)
    entries = [event("b" * 32, 1, None), closing, event("c" * 32, 1, None)]
    with served(other.add(entries[0])) as site:
        lines = lines_of([(made.key, city.logs.current()[made.origin].url), (other.key, site.url)])
        folder.logs.write_text(lines, "utf-8")
        assert push(city, other, 0) == 200
    assert push(city, made.add(*entries[:2]), 0) == 200
    assert push(city, made.add(entries[2]), 2) == 200

    told = [(flag["origin"], flag["index"], flag["sentence"]) for flag in flags(folder)]
    assert told == [
        (other.origin, 0, "다른 단지(A10000001)의 사건입니다."),
        (made.origin, 2, "장부를 닫은 뒤의 사건입니다."),
    ]


def test_whatever_lies_below_heads_is_no_log_of_logs(opened, folder):
    sly = MadeLog("danji.test/heads/apt/A10000001/1")
    with served(sly.add(MadeLog().grow_by(1).head())) as site:
        push(opened(sly, url=site.url, mirror=True), sly, 0)

    assert [flag["sentence"] for flag in flags(folder)] == ["정해진 양식이 아닙니다."]


def test_two_faces_in_the_log_of_logs_are_flagged(opened, folder):
    heads = MadeLog("danji.test/heads/1")
    one = MadeLog().grow_by(3)
    other = one.fork(2).add(b"something else")
    with served(heads.add(one.head(2), one.head(), other.head())) as site:
        city = opened(heads, url=site.url, mirror=True)
        assert push(city, heads, 0) == 200
        assert push(city, heads.add(one.head(1), b"hello"), 3) == 200

    told = [(flag["index"], flag["sentence"]) for flag in flags(folder)]
    assert [index for index, _ in told] == [2, 3, 4]
    assert "둘로 갈라져" in told[0][1]
    assert "작아졌습니다" in told[1][1]


def test_a_flag_tells_when_and_where(city, made, folder, clock):
    push(city, made.add(b"hello"), 0)

    [flag] = flags(folder)
    assert flag["origin"] == made.origin
    assert datetime.fromisoformat(flag["at"]) == datetime.fromtimestamp(clock.now, UTC)


def test_an_audit_of_a_damaged_copy_fails(city, made, copy, watched):
    push(city, made.grow_by(300), 0)
    (copy / "tile/0/000").write_bytes(flipped(made.files["tile/0/000"], 9))

    with pytest.raises(ProofError):
        audit(300, city.keeper.reader(watched))


@pytest.mark.parametrize("last", ["take_in", "reach", "keep"])
def test_a_copy_cut_short_anywhere_is_brought_up_again(city, made, watched, monkeypatch, last):
    push(city, made.add(*events(200)), 0)
    owner = {"take_in": Copy, "reach": Book, "keep": State}[last]

    def killed(*_words):
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(owner, last, killed)
        with pytest.raises(SystemExit):
            push(city, made.add(event("f" * 32, 1, None)), 400)

    assert push(city, made, 400) == 200
    assert audit(401, city.keeper.reader(watched)) == made.tree().root
    assert flags(city.folder) == []
