"""A witness of 1,000 logs, beside what the machine could commit, write and sign.

Run: `python bench/witness.py [seconds]`. Prints figures and asserts nothing.
"""

from __future__ import annotations

import functools
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import limits
import load
from danji_verify.checkpoint import Checkpoint, log_key, sign_checkpoint
from danji_verify.merkle import consistency_path, leaf_hash, root
from danji_verify.note import parse_note
from danji_witness.folder import Folder, make
from danji_witness.witness import request_body
from installation import free_port, machine, running

LOGS = 1000
BEGUN = 1000  # leaves of each log before it is measured
NOTE = 300  # bytes of a cosigned head


def origin(number: int) -> str:
    return f"danji.bench/apt/A{10_000_000 + number}/1"


@functools.cache
def key(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha256(b"%d" % number).digest())


@functools.cache
def leaf(number: int) -> bytes:
    return leaf_hash(b"%d" % number)


@functools.cache
def tree(size: int, old: int) -> tuple[bytes, list[bytes]]:
    """The root, and the proof that it continues `old`; the logs differ in their names alone."""
    leaves = [leaf(number) for number in range(size)]
    return root(leaves), consistency_path(leaves, old) if old else []


def request(number: int, old: int, size: int) -> bytes:
    top, proof = tree(size, old)
    head = parse_note(sign_checkpoint(Checkpoint(origin(number), size, top), key(number)))
    return load.post_bytes("/add-checkpoint", request_body(old, proof, head))


def works(client: int) -> Iterator[load.Work]:
    """Each client has its share of the logs and lets one after the other grow by one."""
    old, size = 0, BEGUN
    while True:
        for number in range(client, LOGS, load.CLIENTS):
            yield cosigned(request(number, old, size))
        old, size = size, size + 1


def cosigned(data: bytes) -> load.Work:
    load.expect((yield data), 200)


def rate(work: Callable[[], object], seconds: float) -> float:
    done, begun = 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        work()
        done += 1
    return done / spent


def commits(home: Path, seconds: float) -> float:
    """Rows of that size that SQLite changes in a second, each durable before the next."""
    database = sqlite3.connect(home / "limit.db", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE head (log TEXT PRIMARY KEY, note BLOB)")
    note = os.urandom(NOTE)
    try:
        return rate(
            lambda: database.execute("REPLACE INTO head VALUES ('log', ?)", [note]), seconds
        )
    finally:
        database.close()


def signatures(seconds: float) -> float:
    """Heads in a second that one core verifies and cosigns."""
    private, text = key(0), os.urandom(NOTE)
    public, signature = private.public_key(), private.sign(text)

    def both() -> None:
        public.verify(signature, text)
        private.sign(text)

    return rate(both, seconds)


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="danji-bench-") as place:
        home = Path(place)
        folder, port = Folder(home / "witness"), free_port()
        make(folder, "bench.witness")
        lines = (f"log {log_key(origin(number), key(number))}\n" for number in range(LOGS))
        folder.logs.write_text("".join(lines), "utf-8")
        arguments = ["run", str(folder.path), "--listen", f"127.0.0.1:{port}", "--pull", "0"]
        with running("danji_witness", *arguments, home=home, port=port):
            measured = load.drive(port, works, seconds=seconds)
        print(f"add-checkpoint, {LOGS:,} logs, {load.CLIENTS} clients ({machine()})")
        print(f"  {measured}   p99 {measured.within(0.99):.1f} ms   (wanted: 300 /s, 50 ms)")
        beside = {
            "SQLite commits, durable": commits(home, 2),
            "files of that size, durable": limits.files_kept(home, NOTE, 2),
            "Ed25519 verify and sign, 1 core": signatures(2),
        }
        print(limits.compared(measured.rate, beside))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 8)
