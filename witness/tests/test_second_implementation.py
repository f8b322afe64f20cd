"""What others wrote from the same specifications agrees with us, in both directions."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import aics_tlog
import pytest
from aics_witness.config import LogConfig
from aics_witness.feeder import WitnessAhead, WitnessClient, WitnessRejected
from aics_witness.service import Witness as TheirWitness
from aics_witness.service import WitnessHTTPServer, make_server
from aics_witness.store import WitnessStore
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from danji_verify.checkpoint import cosign, witness_key
from danji_verify.merkle import leaf_hash, verify_consistency, verify_inclusion
from danji_verify.note import Signature, VerifierKey, format_note, open_note, parse_note
from danji_verify.policy import Policy
from danji_verify.tiles import audit
from danji_witness.logs import log_id
from made_log import MadeLog, served
from witness_program import running

SIZES = [1, 2, 255, 256, 257, 700]


class TheirLog:
    """A log that writes its tiles, signs its heads and asks its witnesses with their code."""

    def __init__(self, place: Path) -> None:
        self.origin = "their.test/log"
        self.private = Ed25519PrivateKey.generate()
        self.store = aics_tlog.DirectoryTileStore(place, fsync=False)
        self.writer = aics_tlog.IncrementalTileWriter(self.store, prune_partials=False)

    @property
    def vkey(self) -> str:
        key = aics_tlog.vkey_from_ed25519(self.origin, self.private.public_key())
        return str(aics_tlog.format_vkey(key))

    def grow_by(self, count: int) -> bytes:
        """Returns: the new signed head."""
        self.writer.append(f"theirs {self.writer.size + each}".encode() for each in range(count))
        head = aics_tlog.Checkpoint(self.origin, self.writer.size, self.writer.root())
        return bytes(aics_tlog.sign_checkpoint(head, self.private, self.origin).to_bytes())

    def proof(self, old: int, new: int) -> list[bytes]:
        return list(aics_tlog.consistency_proof_from_tiles(self.store, old, new))


@pytest.fixture
def theirs(tmp_path: Path) -> TheirLog:
    return TheirLog(tmp_path / "their log")


@pytest.mark.parametrize("size", SIZES)
def test_our_log_is_accepted_tile_by_tile(size):
    made = MadeLog().grow_by(size)
    reader = aics_tlog.MemoryTileReader(made.files)

    report = aics_tlog.audit_tiles(reader, size, made.tree().root)

    assert report.size == size
    assert aics_tlog.tree_root_from_tiles(reader, size) == made.tree().root
    assert aics_tlog.read_entry(reader, size - 1, size) == made.entries[-1]


@pytest.mark.parametrize("size", SIZES)
def test_their_log_is_accepted_tile_by_tile(theirs, size):
    theirs.grow_by(size)

    def read(path: str) -> bytes:
        data = theirs.store.read(path)
        if data is None:
            raise FileNotFoundError(path)
        return bytes(data)

    assert audit(size, read) == theirs.writer.root()


@pytest.mark.parametrize(("old", "size"), [(1, 2), (3, 7), (255, 700), (256, 700), (700, 700)])
def test_each_proves_to_the_other(old, size):
    made = MadeLog().grow_by(size)
    reader = aics_tlog.MemoryTileReader(made.files)
    first, second = made.tree(old), made.tree()

    theirs = aics_tlog.consistency_proof_from_tiles(reader, old, size)
    verify_consistency(old, size, theirs, first.root, second.root)
    assert aics_tlog.verify_consistency(old, size, first.root, second.root, made.proof(old))

    path = aics_tlog.inclusion_proof_from_tiles(reader, old - 1, size)
    verify_inclusion(old - 1, size, leaf_hash(made.entries[old - 1]), path, second.root)


def test_our_head_and_cosignature_are_accepted():
    made = MadeLog().grow_by(5)
    city = Ed25519PrivateKey.generate()
    line = cosign(made.tree(), name="city.test", private_key=city, at=1_700_000_000)
    head = parse_note(made.head())
    note = aics_tlog.parse_note(format_note(head.text, [*head.signatures, line]))

    verified = aics_tlog.verify_checkpoint(
        note,
        aics_tlog.parse_vkey(str(made.key)),
        [aics_tlog.parse_vkey(str(witness_key("city.test", city)))],
        quorum=1,
    )

    assert (verified.ok, verified.size, verified.root) == (True, 5, made.tree().root)
    assert verified.timestamps == {"city.test": 1_700_000_000}


def test_our_witness_cosigns_their_log_before_and_after_a_restart(folder, theirs, tmp_path):
    folder.logs.write_text(f"log {theirs.vkey}\n", "utf-8")
    state = tmp_path / "what their log remembers.json"
    old = 0
    for sizes in ([1, 3, 256, 300], [700, 701]):
        with running(folder.path) as ours:
            vkey = _vkey_of(ours.port)
            client = WitnessClient(ours.url, vkey, state_path=state)
            with client:
                for size in sizes:
                    head = theirs.grow_by(size - old)
                    old = size
                    line = client.submit(head, theirs.proof)  # verifies the cosignature
                    assert vkey.split("+")[0] in line
                assert client.submit(head, theirs.proof)  # the same once more


def test_our_witness_refuses_their_log_another_history(folder, theirs, tmp_path):
    folder.logs.write_text(f"log {theirs.vkey}\n", "utf-8")
    forged = TheirLog(tmp_path / "forged")
    forged.private = theirs.private
    forged.writer.append([b"another beginning"])
    with running(folder.path) as ours, WitnessClient(ours.url, _vkey_of(ours.port)) as client:
        client.submit(theirs.grow_by(3), theirs.proof)

        with pytest.raises(WitnessRejected, match="422") as rejected:
            client.submit(forged.grow_by(4), forged.proof)
        assert rejected.value.status == 422
        with pytest.raises(WitnessAhead):
            client.submit(TheirLog.grow_by(_rewound(theirs, tmp_path), 2), theirs.proof)


@contextmanager
def their_witness(place: Path, made: MadeLog) -> Iterator[tuple[WitnessHTTPServer, VerifierKey]]:
    """Their witness over HTTP; its key and state are those of the place, again after a restart."""
    key = place / "key"
    fresh = not key.exists()
    if fresh:
        place.mkdir()
        key.write_bytes(Ed25519PrivateKey.generate().private_bytes_raw())
    private = Ed25519PrivateKey.from_private_bytes(key.read_bytes())
    with WitnessStore(place / "witness.db", create=fresh) as store:
        logs = [LogConfig.from_strings(made.origin, [str(made.key)])]
        witness = TheirWitness("their.test/witness", private, store, logs)
        server = make_server(witness)
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        try:
            yield server, VerifierKey.parse(witness.vkey_text)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def test_their_witness_cosigns_our_log_before_and_after_a_restart(tmp_path, made):
    place, old = tmp_path / "their witness", 0
    for sizes in ([1, 3, 256], [300, 700, 700]):
        with their_witness(place, made) as (server, key):
            policy = Policy.parse(f"log {made.key}\nwitness their {key}\nquorum their\n".encode())
            for size in sizes:
                made.grow_by(size - old)
                status, body = _post(server.server_address[1], made.request(old))
                assert status == 200
                line = Signature.parse(body.decode().removesuffix("\n"))
                head = parse_note(made.head())
                assert policy.judge(format_note(head.text, [*head.signatures, line])).confirmed
                old = size
            forged = made.fork(size - 1).grow_by(0).add(b"something else", b"and more")
            assert _post(server.server_address[1], forged.request(size))[0] == 422


def test_our_witness_publishes_what_their_code_reads(opened, folder, made):
    with served(made.grow_by(3)) as site:
        witness = opened(made, url=site.url)
        witness.add_checkpoint(made.request(0))
    shown = folder.published(log_id(made.origin)).read_bytes()

    verified = aics_tlog.verify_checkpoint(
        aics_tlog.parse_note(shown),
        aics_tlog.parse_vkey(str(made.key)),
        [aics_tlog.parse_vkey(str(witness.identity.key))],
        quorum=1,
    )

    assert (verified.ok, verified.witnesses) == (True, [witness.identity.name])
    assert len(open_note(shown, [made.key, witness.identity.key]).verified) == 2


def _vkey_of(port: int) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode().strip()
    finally:
        connection.close()


def _post(port: int, body: bytes) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/add-checkpoint", body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _rewound(log: TheirLog, place: Path) -> TheirLog:
    """Their log as it was when it was empty."""
    again = TheirLog(place / "again")
    again.private = log.private
    return again
