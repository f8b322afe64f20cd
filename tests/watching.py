"""A small witness of the tests' own, on the loopback, which can also be made to misbehave."""

import shutil
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from danji.base import tenancy
from danji.base.outside import outside_session
from danji.transparency.actions import append_event
from danji.transparency.models import ConfirmedHead, Log, Party, Witness
from danji.transparency.notary import Notary
from danji.transparency.publishing import publish_confirmed
from danji.transparency.sequencer import Sequencer
from danji.transparency.tree import log_folder
from danji.transparency.witnesses import register_witness
from danji.transparency.witnessing import watched_log
from danji_verify import note
from danji_verify.canonical import b64decode
from danji_verify.checkpoint import Checkpoint, cosign, witness_key
from danji_verify.entry import FIELDS, Event
from danji_verify.errors import ProofError
from danji_verify.merkle import EMPTY_ROOT, verify_consistency


@dataclass
class SmallWitness:
    """Keeps to c2sp.org/tlog-witness, by the size and root it cosigned last of each log.

    `answer`, where it is set, takes the place of what it would say; `shown` is what its monitoring
    address shows, by the log's name.
    """

    name: str
    clock: Callable[[], datetime]
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    known: dict[str, Checkpoint] = field(default_factory=dict)
    shown: dict[str, bytes] = field(default_factory=dict)
    answer: tuple[int, bytes] | None = None
    asked: list[bytes] = field(default_factory=list)
    url: str = ""

    @property
    def vkey(self) -> str:
        return str(witness_key(self.name, self.key))

    def sign(self, head: Checkpoint, at: datetime | None = None) -> note.Signature:
        time = int((at or self.clock()).timestamp())
        return cosign(head, name=self.name, private_key=self.key, at=time)

    def signed_note(self, data: bytes, at: datetime | None = None) -> bytes:
        """A head as the log signed it, with the cosignature of this witness under it."""
        signed = note.parse_note(data)
        line = self.sign(Checkpoint.parse(signed.text), at)
        return note.format_note(signed.text, [*signed.signatures, line])

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        self.asked.append(body)
        if self.answer is not None:
            return self.answer
        asked, _, signed = body.partition(b"\n\n")
        first, *proof = asked.decode().split("\n")
        old = int(first.removeprefix("old "))
        head = Checkpoint.parse(note.parse_note(signed).text)
        known = self.known.get(head.origin, Checkpoint(head.origin, 0, EMPTY_ROOT))
        if old != known.size:
            return 409, b"%d\n" % known.size
        try:
            hashes = [b64decode(line) for line in proof]
            verify_consistency(old, head.size, hashes, known.root, head.root)
        except ProofError:
            return 422, b"not consistent\n"
        self.known[head.origin] = head
        self.shown[head.origin] = self.signed_note(signed)
        return 200, f"{self.sign(head)}\n".encode()

    def checkpoint(self, log_id: str) -> tuple[int, bytes]:
        for origin, data in self.shown.items():
            if sha256(origin.encode()).hexdigest() == log_id:
                return 200, data
        return 404, b"unknown\n"


@contextmanager
def served(witness: SmallWitness):
    """The witness, answering at its `url`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.say(*witness.add_checkpoint(body))

        def do_GET(self):
            self.say(*witness.checkpoint(self.path.split("/")[1]))

        def say(self, status, body):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        witness.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield witness
        finally:
            server.shutdown()
            thread.join()


def registered(witness, party, complex_, at):
    """The witness, following the log of the complex from that moment on, as the log says."""
    entered = register_witness(
        label=f"{Party(party).label} 확인",
        party=Party(party),
        vkey=witness.vkey,
        url=witness.url,
        complex_=complex_,
        at=at,
    )
    Sequencer().tick()
    if complex_ is not None:
        tenancy._enter("app.complex", complex_.id)
    return entered


def agreed(complex_, at, head):
    """A head on which a witness of the complex and one of the city agreed, as it is kept."""
    for party in (Party.COMPLEX, Party.CITY):
        witness = SmallWitness(f"{party}.example", lambda: at)
        Witness.objects.create(
            name=witness.name, label=party.label, party=party, vkey=witness.vkey, since=at
        )
        head = witness.signed_note(head)
    read = Checkpoint.parse(note.parse_note(head).text)
    ConfirmedHead.objects.create(
        origin=read.origin, size=read.size, root=read.root, note=head, confirmed_at=at
    )
    return head


def happen(complex_, at, name=Event.DISCLOSED, said=b""):
    """One more event in the published log; returns its document."""
    doc = uuid4()
    with tenancy.within(complex_.id):
        append_event(complex_, doc, name, dict.fromkeys(FIELDS[name], said), at=at)
    assert Sequencer().tick()
    tenancy._enter("app.complex", complex_.id)
    return doc


def look_and_ask(complex_, at, notary=None, *, only=None):
    """One round of the notary: look, ask every witness or `only` one, publish.

    Returns: how often it asked.
    """
    notary = notary or Notary()
    notary.look(at)
    with outside_session(may_lead_inside=True) as session:
        asked = sum(
            notary.ask(one, session, at)
            for one in notary.witnesses().values()
            if only is None or one.name == only.name
        )
    publish_confirmed(watched_log(complex_), at)
    tenancy._enter("app.complex", complex_.id)
    return asked


@dataclass
class Past:
    """A log as it was at a moment, rows and files, to be put back by whoever has all rights."""

    complex_: object
    alter: Callable[..., None]
    folder: Path
    kept: Path
    head: dict

    @classmethod
    def of(cls, complex_, alter, kept):
        with tenancy.within(complex_.id):
            head = Log.objects.within(complex_.id).values("size", "root", "checkpoint").get()
        folder = log_folder(complex_.code, 1)
        shutil.copytree(folder, kept)
        return cls(complex_, alter, folder, kept, head)

    def restore(self, *, files):
        """Put back the database, and with `files` what was published, too."""
        size = self.head["size"]
        self.alter(
            "DELETE FROM transparency_opening WHERE event_id IN "
            "(SELECT event_id FROM transparency_leaf WHERE index >= %s)",
            size,
        )
        self.alter("DELETE FROM transparency_leaf WHERE index >= %s", size)
        self.alter("DELETE FROM transparency_cosignature WHERE size > %s", size)
        self.alter("DELETE FROM transparency_confirmedhead WHERE size > %s", size)
        self.alter(
            "DELETE FROM transparency_event WHERE id NOT IN "
            "(SELECT event_id FROM transparency_leaf UNION "
            "SELECT event_id FROM transparency_pendingevent)"
        )
        with tenancy.within(self.complex_.id):
            Log.objects.within(self.complex_.id).update(**self.head)
        if files:
            shutil.rmtree(self.folder)
            shutil.copytree(self.kept, self.folder)
