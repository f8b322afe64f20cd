"""The threats that a witness meets, each done below the programs, each refused offline as well."""

import asyncio
import json
import random
import shutil
import socket
from contextlib import ExitStack
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import requests

from danji_verify.checkpoint import Checkpoint, sign_checkpoint
from danji_verify.errors import NoteError, ProofError, VerifyError, Wrong
from danji_verify.merkle import leaf_hash, node_hash, verify_consistency
from danji_verify.note import Note, Signature, format_note, parse_note
from danji_verify.policy import Policy
from danji_verify.proof import Proof
from danji_verify.tiles import audit, inclusion_proof
from danji_witness.errors import Refused, Trouble
from danji_witness.folder import Folder, make, open_folder
from danji_witness.logs import log_id
from danji_witness.mirror import Mirror
from danji_witness.pull import Sources, Visitor
from danji_witness.web import application
from danji_witness.witness import MAX_BODY, Witness, request_body
from made_log import NOON, MadeLog, event, events, flipped, lines_of, served
from witness_program import pushed, running


@pytest.fixture
def parties(tmp_path, made, clock):
    """The witness of the complex, and that of the city; both watch `made`."""
    witnesses = {}
    for name in ("complex", "city"):
        place = Folder(tmp_path / name)
        make(place, f"{name}.test")
        place.logs.write_text(lines_of([(made.key, "")]), "utf-8")
        witnesses[name] = Witness(place, clock=clock)
    yield witnesses
    for witness in witnesses.values():
        witness.close()


@pytest.fixture
def policy(parties, made):
    """Both must have cosigned."""
    keys = {name: witness.identity.key for name, witness in parties.items()}
    lines = [f"log {made.key}", *(f"witness {name} {key}" for name, key in keys.items())]
    return Policy.parse("\n".join([*lines, "group both all complex city", "quorum both"]).encode())


def ask(parties, log, old, size=None):
    """The head with every cosignature that was given, and the answers by party."""
    answers = {name: each.add_checkpoint(log.request(old, size)) for name, each in parties.items()}
    note = log.head(size)
    given = b"".join(answer.body for answer in answers.values() if answer.status == 200)
    return note + given, {name: answer.status for name, answer in answers.items()}


def proof_of(log, index, note, size):
    path = inclusion_proof(index, size, log.files.__getitem__)
    return Proof(index, tuple(path), note)


def test_t11_a_rewritten_history_is_refused_by_both_witnesses_and_offline(parties, policy, made):
    good, _ = ask(parties, made.grow_by(300), 0)
    assert proof_of(made, 7, good, 300).verify(made.entries[7], policy).confirmed

    forged = MadeLog(made.origin, made.private)
    forged.add(*made.entries[:7], b"changed", *made.entries[8:], b"new")
    note, statuses = ask(parties, forged, 300)
    assert statuses == {"complex": 422, "city": 422}
    # The same tree at the size that was cosigned is evidence by itself.
    _, statuses = ask(parties, forged, 300, 300)

    assert statuses == {"complex": 422, "city": 422}
    for witness in parties.values():
        kept = witness.folder.evidence / log_id(made.origin)
        assert len(list(kept.iterdir())) == 1
    judgement = proof_of(forged, 7, note, 301).verify(b"changed", policy)
    assert not judgement.confirmed
    # The cosignatures of the true head do not hold under the forged one.
    stolen = [line for line in parse_note(good).signatures if line.name != made.origin]
    head = parse_note(forged.head())
    with pytest.raises(NoteError):
        policy.judge(format_note(head.text, [*head.signatures, *stolen]))
    true, false = made.tree().root, forged.tree().root
    with pytest.raises(ProofError):
        verify_consistency(300, 301, forged.proof(300), true, false)


@pytest.fixture
def watching(opened, made, folder):
    """The city's witness with its copy, that went to the log when it had 40 entries; what a head
    was kept as; and the site.
    """
    with served(made.grow_by(40)) as site:
        witness = opened(made, url=site.url, mirror=True)
        visitor = Visitor(witness, Sources(30), every=60, mirror=witness.keeper)
        [watched] = witness.logs.current().values()
        visitor.visit(watched)
        place = folder.evidence / log_id(made.origin)

        def kept(of):
            text = parse_note(of).text
            notes = {path: parse_note(path.read_bytes()) for path in place.rglob("*.txt")}
            return [
                "evidence" if path.parent == place else path.parent.name
                for path, note in notes.items()
                if note.text == text
            ]

        yield SimpleNamespace(
            witness=witness, site=site, kept=kept, visit=lambda: visitor.visit(watched)
        )


@pytest.mark.parametrize("way", ["shown", "pushed"])
def test_t12_a_smaller_head_of_another_tree_is_evidence(watching, made, way):
    fork = forked(made, 10)
    if way == "shown":
        watching.site.files = fork.files
        with pytest.raises(Trouble, match="갈라졌습니다"):
            watching.visit()
    else:
        assert watching.witness.add_checkpoint(fork.request(0)).status == 409
    assert watching.kept(fork.head()) == ["evidence"]


def test_t12_a_head_whose_files_are_withheld_is_kept_until_it_can_be_judged(watching, made):
    fork = forked(made, 80)
    watching.site.files = {"checkpoint": fork.head()}
    with pytest.raises(Trouble, match="상했거나 없어"):
        watching.visit()
    assert watching.kept(fork.head()) == ["unproven"]

    watching.site.files = made.grow_by(100).files
    watching.visit()
    assert watching.kept(fork.head()) == ["evidence"]


def test_t12_a_fork_that_is_pushed_is_kept_and_a_stranger_fills_nothing(watching, made):
    fork, old = forked(made, 80), made.size
    assert watching.witness.add_checkpoint(request_of(fork, old)).status == 422
    made.grow_by(5)
    wrong = request_body(old, fork.proof(old)[:-1], parse_note(made.head()))
    assert watching.witness.add_checkpoint(wrong).status == 422  # a true head, a made-up proof
    assert watching.kept(fork.head()) == watching.kept(made.head()) == ["unproven"]

    true = made.head()
    watching.site.files = made.grow_by(100).files
    watching.visit()
    assert watching.kept(fork.head()) == ["evidence"]
    assert watching.kept(true) == []


def forked(log, more):
    """Another history, from the tenth entry on."""
    return log.fork(10).add(*(b"other %d" % number for number in range(more)))


def request_of(log, old):
    return request_body(old, log.proof(old), parse_note(log.head()))


def test_t15_a_witness_whose_state_was_restored_does_not_start(parties, policy, made, tmp_path):
    city = parties["city"].folder
    ask(parties, made.grow_by(3), 0)
    shutil.copytree(city.path, tmp_path / "backup")
    good, _ = ask(parties, made.grow_by(4), 3)
    parties["city"].close()
    for path in city.path.glob("state.db*"):
        path.unlink()
    for path in (tmp_path / "backup").glob("state.db*"):
        shutil.copy(path, city.path)

    with pytest.raises(Refused, match="7번까지 서명했는데 기록에는 3번까지만"):
        open_folder(city)

    # The fork that it would have cosigned meets the other witness, and is not confirmed.
    fork = made.fork(3).grow_by(0).add(*(b"another %d" % each for each in range(4)))
    assert parties["complex"].add_checkpoint(fork.request(3)).status == 409
    assert policy.judge(good).confirmed
    assert not policy.judge(fork.head()).confirmed


def test_t15_a_folder_restored_whole_is_noticed_by_the_logs_own_notes(
    parties, policy, made, tmp_path, clock
):
    city = parties["city"].folder
    ask(parties, made.grow_by(3), 0)
    parties["city"].close()
    shutil.copytree(city.path, tmp_path / "backup")
    parties["city"] = Witness(city, clock=clock)
    good, _ = ask(parties, made.grow_by(4), 3)
    parties["city"].close()
    shutil.rmtree(city.path)
    shutil.copytree(tmp_path / "backup", city.path)

    fork = made.fork(3).add(*(b"another %d" % each for each in range(4)))
    with served(fork) as site:
        city.logs.write_text(lines_of([(made.key, site.url)]), "utf-8")
        parties["city"] = Witness(city, clock=clock)  # the folder alone cannot tell
        site.files["confirmed"] = good
        visitor = Visitor(parties["city"], Sources(30), every=60)
        with pytest.raises(Exception, match="되돌려졌거나"):
            visitor.visit(parties["city"].logs.current()[made.origin])

        assert site.handed_in == []
    assert parties["city"].add_checkpoint(fork.request(3)).status == 503
    assert not policy.judge(fork.head()).confirmed


@pytest.mark.parametrize("seed", range(6))
def test_t16_a_damaged_file_of_the_log_is_noticed_and_a_good_copy_served(folder, made, seed):
    made.add(*events(350, 2))
    chance = random.Random(seed)
    with served(made) as site:
        folder.logs.write_text(lines_of([(made.key, site.url)]), "utf-8")
        site.files = damaged = dict(made.files)
        with running(folder.path, "--mirror", "--pull", "3600") as city:
            site.wait_for(1)
            path = chance.choice(sorted(set(made.files) - {"checkpoint"}))
            if chance.random() < 0.5:
                del damaged[path]
            else:
                damaged[path] = flipped(damaged[path], chance.randrange(1 << 20))

            def mirrored(path: str) -> bytes:
                address = f"{city.url}/mirror/{log_id(made.origin)}/{path}"
                answer = requests.get(address, timeout=10)
                if answer.status_code == 404:
                    raise FileNotFoundError(path)
                return answer.content

            assert audit(made.size, mirrored) == made.tree().root
            assert mirrored("checkpoint").startswith(made.tree().text().encode())
        witness = Witness(folder, keeper=None)
        found = Mirror(folder, Sources(30)).check(witness.logs.current()[made.origin])
        witness.close()

    assert (found.repaired, found.damaged_there) == ([], [path])
    assert path in folder.flags.read_text("utf-8")
    with pytest.raises((VerifyError, KeyError)):
        audit(made.size, damaged.__getitem__)


def test_t20_a_fork_signed_with_the_stolen_key_is_not_cosigned(parties, policy, made):
    good, _ = ask(parties, made.grow_by(300), 0)
    stolen = MadeLog(made.origin, made.private).add(*made.entries[:200], b"forged")
    stolen.grow_by(200)

    for old in (0, 200, 300, 401):
        note, statuses = ask(parties, stolen, old)
        assert 200 not in statuses.values()
    assert policy.judge(good).confirmed
    assert not policy.judge(note).confirmed
    _, statuses = ask(parties, stolen, 300, 300)
    assert 200 not in statuses.values()
    for witness in parties.values():
        assert len(list((witness.folder.evidence / log_id(made.origin)).iterdir())) == 1


def test_t20_what_the_thief_of_a_key_that_was_changed_appends_is_not_cosigned(parties, made):
    ask(parties, made.grow_by(5), 0)
    honest, thief = made.rotated(), made.fork(5).add(b"forged")
    for witness in parties.values():
        witness.folder.logs.write_text(lines_of([(honest.key, ""), (made.key, "")]), "utf-8")

    stolen, statuses = ask(parties, thief, 5)
    assert statuses == {"complex": 403, "city": 403}
    note, statuses = ask(parties, honest.grow_by(1), 5)
    assert statuses == {"complex": 200, "city": 200}

    keys = {name: witness.identity.key for name, witness in parties.items()}
    lines = [f"log {honest.key}", f"log {made.key}"]
    lines += [f"witness {name} {key}" for name, key in keys.items()]
    lines += ["group both all complex city", "quorum both"]
    changed = Policy.parse("\n".join([*lines, ""]).encode())
    assert changed.judge(note).confirmed
    with pytest.raises(Wrong, match="옛 열쇠"):
        changed.judge(stolen).demand_current()


def test_t20_once_the_stolen_key_is_struck_off_the_list_visits_go_on(opened, made, folder):
    with served(made.grow_by(4)) as site:
        witness = opened(made, url=site.url)
        visitor = Visitor(witness, Sources(30), every=60)
        before = visitor.visit(witness.logs.current()[made.origin])
        honest = made.rotated().grow_by(1)
        # What was agreed on last is of before the change.
        site.files = honest.files | {"confirmed": before.note}
        folder.logs.write_text(lines_of([(honest.key, site.url)]), "utf-8")

        visitor.visit(witness.logs.current()[made.origin])

        assert len(site.handed_in) == 2


def test_t30_a_time_before_the_last_cosignature_is_refused(parties, policy, made, clock, caplog):
    ask(parties, made.grow_by(3), 0)
    clock.now -= 1

    note, statuses = ask(parties, made.grow_by(1), 3)

    assert statuses == {"complex": 503, "city": 503}
    assert "시계가 뒤로 갔습니다" in caplog.text
    assert "시계가 뒤로" in parties["city"].state.trouble(log_id(made.origin))
    assert not policy.judge(note).confirmed
    clock.now += 2
    later, statuses = ask(parties, made, 3)
    assert statuses == {"complex": 200, "city": 200}
    assert policy.judge(later).confirmed
    assert parties["city"].state.trouble(log_id(made.origin)) == ""


def test_t30_a_clock_that_leaps_ahead_signs_nothing(parties, policy, made, clock):
    ask(parties, made.grow_by(3), 0)
    clock.now += 10 * 365 * 86400

    note, statuses = ask(parties, made.grow_by(1), 3)

    assert statuses == {"complex": 503, "city": 503}
    assert "시계가 갑자기" in parties["city"].state.trouble(log_id(made.origin))
    assert not policy.judge(note).confirmed
    clock.now = NOON + 60
    later, _ = ask(parties, made, 3)
    assert policy.judge(later).confirmed


def test_t30_a_flood_of_bad_requests_changes_and_keeps_nothing(parties, made):
    city = parties["city"]
    ask(parties, made.grow_by(3), 0)
    before = _everything(city.folder)
    stranger = MadeLog("danji.test/apt/A99999999/1").grow_by(3)
    thief = MadeLog(made.origin).grow_by(3)
    chance = random.Random(30)
    good = made.request(3)
    # Anybody can fetch a newer head, and send it with a proof and a signature of his own making.
    newer = parse_note(MadeLog(made.origin, made.private).add(*made.entries, b"newer").head())
    noise = Signature("someone.test", b"abcd", bytes(72))
    bad = [
        *(request_body(3, [chance.randbytes(32)], each) for each in (newer, _with(newer, noise))),
        stranger.request(0),
        thief.request(3),
        made.request(2),
        b"x" * MAX_BODY,
        *(flipped(good, chance.randrange(len(good) * 8)) for _ in range(300)),
    ]

    statuses = {city.add_checkpoint(body).status for body in bad if body != good}

    assert statuses <= {400, 403, 404, 409, 422}
    assert _everything(city.folder) == before
    assert city.state.trouble(log_id(made.origin)) == ""


def test_t30_whoever_sends_slowly_keeps_nobody_waiting(folder, made):
    folder.logs.write_text(lines_of([(made.key, "")]), "utf-8")
    begun = b"POST /add-checkpoint HTTP/1.1\r\nHost: witness\r\nContent-Length: 1000\r\n\r\nold"
    with running(folder.path) as program, ExitStack() as slow:
        for _ in range(64):
            connection = socket.create_connection(("127.0.0.1", program.port))
            slow.enter_context(connection).sendall(begun)

        status, _, _ = program.add_checkpoint(made.grow_by(3).request(0))

    assert status == 200


def test_t30_a_log_whose_files_come_slowly_keeps_no_other_waiting(opened, folder, made):
    other = MadeLog("danji.test/apt/A10000002/1").grow_by(2)

    async def push_at_once(witness):
        answer = application(witness)
        slow_ones = [asyncio.create_task(pushed(answer, made.request(0))) for _ in range(8)]
        for _, first in zip(range(7), asyncio.as_completed(slow_ones), strict=False):
            await first
        status = await pushed(answer, other.request(0))
        held = [each for each in slow_ones if not each.done()]
        slow.closed.set()
        return status, len(held), [await each for each in slow_ones]

    with served(made.grow_by(200)) as slow, served(other) as quick:
        witness = opened(mirror=True)
        lines = lines_of([(made.key, slow.url), (other.key, quick.url)])
        folder.logs.write_text(lines, "utf-8")
        slow.drip = 0.5
        status, held, told = asyncio.run(push_at_once(witness))

    # One waits for the files, the others were told to come again; nobody else noticed.
    assert (status, held, told) == (200, 1, [503] * 8)


def test_t30_a_head_of_a_huge_tree_is_not_held(opened, made, folder):
    with served(made.grow_by(4)) as site:
        city = opened(made, url=site.url, mirror=True)
        assert city.add_checkpoint(made.request(0)).status == 200
        root, proof = made.tree().root, [bytes(32)] * 48
        for each in proof:
            root = node_hash(root, each)
        head = sign_checkpoint(Checkpoint(made.origin, 2**50, root), made.private)

        answer = city.add_checkpoint(request_body(4, proof, parse_note(head)))

    assert answer.status == 503
    assert "너무 많이" in answer.body.decode()
    assert city.state.head(log_id(made.origin)).size == 4


def test_t03_an_event_dated_back_is_flagged_by_the_city(opened, made, clock, folder):
    with served(made) as site:
        city = opened(made, url=site.url, mirror=True)
        policy = Policy.parse(
            f"log {made.key}\nwitness city {city.identity.key}\nquorum city\n".encode()
        )
        first = made.add(event("a" * 32, 1, None)).head()
        first += city.add_checkpoint(made.request(0)).body
        clock.now += 3600
        two_days_ago = NOON - 2 * 86400
        made.add(event("b" * 32, 1, None, at=two_days_ago), event("c" * 32, 1, None, at=NOON + 60))
        second = made.head() + city.add_checkpoint(made.request(1)).body

    [flag] = [json.loads(line) for line in folder.flags.read_text("utf-8").splitlines()]
    assert flag["index"] == 1
    assert "10분 넘게 앞섭니다" in flag["sentence"]
    # Anybody can say the same: it was not in the tree cosigned first, and is in the second.
    with pytest.raises(ProofError):
        Proof(1, (leaf_hash(made.entries[0]),), first).verify(made.entries[1], policy)
    since = policy.judge(first).cosigned["city"]
    assert proof_of(made, 1, second, 3).verify(made.entries[1], policy).confirmed
    assert datetime.fromtimestamp(two_days_ago, UTC) < since


def _with(note, line):
    return Note(note.text, (*note.signatures, line))


def _everything(folder):
    return {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
