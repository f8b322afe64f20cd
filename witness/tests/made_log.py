"""A log made for one test: it grows, signs, forks, and is served over real HTTP."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from danji_verify.checkpoint import Checkpoint, log_key, sign_checkpoint
from danji_verify.commitment import COMMITMENT_SIZE
from danji_verify.entry import FIELDS, Entry, Event, build_entry
from danji_verify.merkle import consistency_path, leaf_hash, root
from danji_verify.note import VerifierKey, parse_note
from danji_verify.tiles import Edge, grow
from danji_witness.witness import request_body

ORIGIN = "danji.test/apt/A10000001/1"
NOON = int(datetime(2026, 11, 22, 3, tzinfo=UTC).timestamp())


@dataclass
class MadeLog:
    """`files` are what the log publishes, by path below its prefix."""

    origin: str = ORIGIN
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    entries: list[bytes] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    edge: Edge = field(default_factory=Edge)
    older: tuple[Ed25519PrivateKey, ...] = ()  # keys before `private` that still sign beside it

    def rotated(self) -> "MadeLog":
        """The same log with a new key; the one before still signs beside it."""
        rotated = MadeLog(self.origin, older=(self.private,))
        return rotated.add(*self.entries)

    @property
    def key(self) -> VerifierKey:
        return log_key(self.origin, self.private)

    @property
    def size(self) -> int:
        return len(self.entries)

    def add(self, *entries: bytes) -> "MadeLog":
        """Append entries and publish the new head."""
        growth = grow(self.edge, entries)
        self.edge = growth.edge
        self.files |= growth.files
        self.entries += entries
        self.leaves += map(leaf_hash, entries)
        self.files["checkpoint"] = self.head()
        return self

    def grow_by(self, count: int) -> "MadeLog":
        return self.add(*(f"entry {self.size + number}".encode() for number in range(count)))

    def fork(self, size: int) -> "MadeLog":
        """Another log with the same name and key that begins with the same entries."""
        return MadeLog(self.origin, self.private).add(*self.entries[:size])

    def tree(self, size: int | None = None) -> Checkpoint:
        size = self.size if size is None else size
        return Checkpoint(self.origin, size, root(self.leaves[:size]))

    def head(self, size: int | None = None) -> bytes:
        return sign_checkpoint(self.tree(size), self.private, *self.older)

    def proof(self, old: int, size: int | None = None) -> list[bytes]:
        leaves = self.leaves[: self.size if size is None else size]
        return consistency_path(leaves, old) if 0 < old <= len(leaves) else []

    def request(self, old: int, size: int | None = None) -> bytes:
        """The body of add-checkpoint."""
        return request_body(old, self.proof(old, size), parse_note(self.head(size)))


def events(documents: int, each: int = 2, *, at: int = NOON) -> Iterator[bytes]:
    """Entries of so many documents with so many events each, one document after the other."""
    for document in range(documents):
        previous: bytes | None = None
        for seq in range(1, each + 1):
            entry = event(f"{document:032x}", seq, previous, at=at)
            previous = leaf_hash(entry)
            yield entry


def event(
    document: str,
    seq: int,
    previous: bytes | None,
    *,
    at: int = NOON,
    kind: Event | None = None,
) -> bytes:
    kind = kind or (Event.SUBMITTED if seq == 1 else Event.DECIDED)
    return build_entry(
        Entry(
            event=kind,
            complex="A10000001",
            document=document,
            seq=seq,
            prev=previous,
            at=datetime.fromtimestamp(at, UTC),
            commitments=dict.fromkeys(FIELDS[kind], bytes(COMMITMENT_SIZE)),
        )
    )


@dataclass
class Site:
    """What is served: files by path, and what was handed in. `answers` says what to reply."""

    url: str
    files: dict[str, bytes]
    handed_in: list[bytes] = field(default_factory=list)
    answer: Callable[[bytes], tuple[int, str]] = lambda _note: (200, "받았습니다.")
    changed: threading.Condition = field(default_factory=threading.Condition)
    drip: float = 0  # seconds between one byte and the next
    quick: Collection[str] = ()  # files that come at once all the same
    closed: threading.Event = field(default_factory=threading.Event)

    def wait_for(self, count: int, seconds: float = 20) -> None:
        """Until so many cosignatures were handed in."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.handed_in) >= count, seconds)


@contextmanager
def served(log: MadeLog) -> Iterator[Site]:
    """The log at `<url>/log`, and a site that takes cosignatures beside it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.removeprefix("/log/")
            data = site.files.get(path)
            drip = 0 if path in site.quick else site.drip
            self.reply(200 if data is not None else 404, data or b"", drip)

        def do_POST(self) -> None:
            note = self.rfile.read(int(self.headers["Content-Length"]))
            status, words = site.answer(note)
            with site.changed:
                site.handed_in.append(note)
                site.changed.notify_all()
            self.reply(status, words.encode())

        def handle(self) -> None:
            with suppress(ConnectionError):  # whoever asked has had enough
                super().handle()

        def reply(self, status: int, data: bytes, drip: float = 0) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if not drip:
                self.wfile.write(data)
                return
            for byte in data:
                if site.closed.wait(drip):
                    self.close_connection = True  # so that nobody waits for the rest
                    break
                self.wfile.write(bytes([byte]))

        def log_message(self, *_words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site = Site(f"http://127.0.0.1:{server.server_address[1]}/log", log.files)
    thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.closed.set()
        server.shutdown()
        server.server_close()
        thread.join()


def flipped(data: bytes, bit: int) -> bytes:
    """The bytes with one bit changed."""
    at, place = divmod(bit % (8 * len(data)), 8)
    return data[:at] + bytes([data[at] ^ (1 << place)]) + data[at + 1 :]


def lines_of(logs: Iterable[tuple[VerifierKey, str]]) -> str:
    return "".join(f"log {key} {url}".rstrip() + "\n" for key, url in logs)
