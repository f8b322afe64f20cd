"""A whole document made by hand: parts, log, proofs and, when asked, a sealed PDF.

It follows the published formats and shares no code with the server, so that the verifier is
tested against what is written down.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from io import BytesIO
from typing import Any

import typst
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.embed import EmbeddedFileObject, FileSpec, embed_file
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PdfFileWriter, copy_into_new_writer
from pyhanko.sign import signers
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko_certvalidator.registry import SimpleCertificateStore

from danji_verify import merkle
from danji_verify.canonical import b64encode, canonical
from danji_verify.checkpoint import Checkpoint, cosign, log_key, sign_checkpoint, witness_key
from danji_verify.commitment import Opening, commit
from danji_verify.entry import Entry, Event, build_entry, format_time
from danji_verify.note import format_note, parse_note
from danji_verify.pdf import seal_digests
from danji_verify.policy import Group, Party, Policy
from danji_verify.proof import Proof
from danji_verify.tiles import Edge, grow

CODE = "A10000001"
COMPLEX_ID = "0" * 31 + "1"
DOC = "0123456789abcdef0123456789abcdef"
ORIGIN = f"danji.example/apt/{CODE}/1"
ORIGIN_2 = f"danji.example/apt/{CODE}/2"
START = datetime(2026, 11, 22, 0, 0, 0, tzinfo=UTC)

LOG_KEY = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
LOG_KEY_2 = Ed25519PrivateKey.from_private_bytes(bytes([4]) * 32)
WITNESS_KEYS = {
    "complex": Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32),
    "city": Ed25519PrivateKey.from_private_bytes(bytes([3]) * 32),
}

COSIGNED_AT = 1795305600  # 2026-11-22T00:00:00Z

QUOTATION = b"%PDF-1.4 quotation\n"

Alter = Callable[[dict[str, Any]], None]


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def policy(*, witnesses: bool = False, logs: int = 1) -> Policy:
    """A policy for the first log of the complex, or the first two."""
    keys = ((ORIGIN, LOG_KEY), (ORIGIN_2, LOG_KEY_2))[:logs]
    log = tuple(Party(log_key(*pair)) for pair in keys)
    if not witnesses:
        return Policy(log, {}, {}, None)
    parties = {
        name: Party(witness_key(f"{name}.example", key)) for name, key in WITNESS_KEYS.items()
    }
    return Policy(log, parties, {"needed": Group(2, tuple(parties))}, "needed")


@dataclass
class Log:
    """A log in memory; `cosigners` sign every head."""

    cosigners: tuple[str, ...] = ()
    entries: list[bytes] = field(default_factory=list)
    origin: str = ORIGIN
    key: Ed25519PrivateKey = LOG_KEY

    def append(self, entry: bytes) -> int:
        self.entries.append(entry)
        return len(self.entries) - 1

    def note(
        self, size: int | None = None, *, cosigned_at: int = COSIGNED_AT, **cosigned: int
    ) -> bytes:
        """The signed head of that size, or of all there is.

        Args: `cosigned` names when some of the cosigners signed, the others `cosigned_at`.
        """
        leaves = [merkle.leaf_hash(entry) for entry in self.entries[:size]]
        head = Checkpoint(self.origin, len(leaves), merkle.root(leaves))
        note = parse_note(sign_checkpoint(head, self.key))
        lines = [
            cosign(head, name=f"{name}.example", private_key=WITNESS_KEYS[name], at=at)
            for name, at in (dict.fromkeys(self.cosigners, cosigned_at) | cosigned).items()
        ]
        return format_note(note.text, (*note.signatures, *lines))

    def proof(self, index: int, extra: bytes | None = None, size: int | None = None) -> bytes:
        leaves = [merkle.leaf_hash(entry) for entry in self.entries[:size]]
        path = tuple(merkle.inclusion_path(leaves, index))
        return Proof(index, path, self.note(size), extra).format()

    def files(self) -> dict[str, bytes]:
        """The published files: tiles, entries, and the newest head."""
        return grow(Edge(), self.entries).files | {"checkpoint": self.note()}


@dataclass
class Document:
    """What an operator would hand out; tests damage it."""

    log: Log
    parts: dict[str, bytes]
    leaves: list[bytes]  # leaf hashes of the document's events
    named: dict[str, tuple[Log, int]] = field(default_factory=dict)  # where each event stands
    openings: dict[str, Any] = field(default_factory=dict)
    pdf: bytes = b""
    proof: bytes = b""


def nothing(*_unchanged: Any) -> None:
    pass


@dataclass
class Changes:
    """What a dishonest operator, who holds the keys, writes instead."""

    content: Alter = nothing
    form: Alter = nothing
    statement: Alter = nothing
    actor: Alter = nothing
    auth: Alter = nothing
    record: Alter = nothing
    origin: Alter = nothing
    entry: Callable[[int, dict[str, Any]], None] = nothing
    certificate: bytes | None = None
    pdf: Alter = nothing
    previous: Callable[[bytes], bytes] = bytes  # the last head of the log before
    hidden: bool = False  # what decisions rest on stands only in a fork that nobody cosigned


@dataclass(frozen=True)
class Act:
    """One decision on the document: at which position, and what is unusual about it."""

    position: int
    decision: str = "approve"
    to: int | None = None
    acting: dict[str, str] | None = None
    round: int = 1
    opinion: str = ""


EVENTS = {"send_back": Event.SENT_BACK, "skip": Event.SKIPPED}
LINE = (
    {"position": 1, "stage": 1, "act": "draft", "office": "경리", "name": "김하나"},
    {"position": 2, "stage": 2, "act": "review", "office": "과장", "name": "이두리"},
    {"position": 3, "stage": 3, "act": "approve", "office": "관리사무소장", "name": "박세찬"},
)


def make(
    changes: Changes | None = None,
    *,
    cosigners: tuple[str, ...] = (),
    sealed: bool = False,
    returned: bool = False,
    line: tuple[dict[str, Any], ...] = LINE,
    acts: tuple[Act, ...] = (Act(2), Act(3)),
    sign: Callable[[bytes], dict[str, Any]] | None = None,
    basis: tuple[tuple[Event, dict[str, Any]], ...] = (),
    seal_number: int = 1,
    move_before: int | None = None,
    early: bool = False,
    ended: tuple[Event, dict[str, Any]] | None = None,
) -> Document:
    """A 지출결의서 with one attachment, drafted, reviewed and approved.

    When `returned`, an earlier draft of it was returned by the reviewer first. `acts` are the
    decisions in their order; `sign` gives the `auth` of a statement; `basis` are events before it;
    `seal_number` says which key seals it; `move_before` the event that begins a second log; when
    `early`, its parts are proven under heads that nobody had cosigned yet; `ended` is how what the
    first of `basis` began had ended before the document, which its parts do not say.
    """
    changes = changes or Changes()
    writer = _Writer(Log(cosigners), changes, move_before)
    form = {
        "key": "expense",
        "version": 1,
        "title": "지출결의서",
        "amount": "total",
        "payee": "payee",
        "fields": [{"name": "total", "label": "합계", "type": "money", "required": True}],
    }
    changes.form(form)
    form_bytes = canonical(form)
    content = {
        "v": 2,
        "complex": {"code": CODE, "name": "들꽃마을아파트"},
        "doc": DOC,
        "form": {"key": "expense", "version": 1, "sha256": sha256(form_bytes).hexdigest()},
        "title": "승강기 부품 구입",
        "values": {"total": 113560, "payee": "(주)승강상사"},
        "attachments": [
            {
                "name": "견적서.pdf",
                "media_type": "application/pdf",
                "size": len(QUOTATION),
                "sha256": sha256(QUOTATION).hexdigest(),
            }
        ],
        "cites": [],
        "line": [{"basis": "", "skipped": ""} | step for step in line],
        "follows": None,
        "readers": [],
        "notes": [],
        "folder": "회계/지출",
        "retention": {"class": "accounts-5y", "basis": "공동주택관리법 제27조"},
        "disclosure": {"scope": "public", "basis": "공동주택관리법 제23조"},
        "submitted_at": format_time(at(0)),
    }
    changes.content(content)
    body, body_form = Opening.of(b"", canonical(content)), Opening.of(b"", form_bytes)

    complex_ = {"code": CODE, "name": "들꽃마을아파트", "origin": ORIGIN}
    changes.origin(complex_)
    certificate = changes.certificate or seal_key(1)[1]
    writer.open(complex_, certificate)
    for number, event in enumerate(basis, start=1):
        writer.rest_on(number, *event)
    if ended:
        writer.end(*ended)
    line = content["line"]
    if returned:
        old = sha256(b"an earlier draft").digest()
        drafter, reviewer = writer.actor(line[0]), writer.actor(line[1])
        writer.add(Event.SUBMITTED, -3, body=old, form=body_form.digest, actor=drafter)
        writer.add(
            Event.RETURNED,
            -2,
            stmt=b"{}",
            body=old,
            form=body_form.digest,
            actor=reviewer,
            auth=b"{}",
        )
    writer.add(
        Event.SUBMITTED, 0, body=body.digest, form=body_form.digest, actor=writer.actor(line[0])
    )
    made = _decided(writer, content, (body, body_form), acts, sign)
    last = {one["position"]: one for one in made}
    decisions = [last[position] for position in sorted(last)]
    end = len(acts)
    record = {
        "v": 2,
        "number": {"text": "지출-2026-0001", "series": "지출", "year": 2026, "serial": 1},
        "content": content,
        "decisions": decisions,
        "history": [one for one in made if one not in decisions],
        "retention": {**content["retention"], "from": "2026-11-22", "until": "2031-12-31"},
        "filed_at": format_time(at(end)),
    }
    changes.record(record)
    record_bytes = canonical(record)
    record_digest = sha256(record_bytes).digest()
    writer.add(Event.FILED, end, record=record_digest, body=body.digest)
    parts = {
        "record.json": record_bytes,
        "form.json": form_bytes,
        "policy.txt": policy(witnesses=bool(cosigners)).format(),
        "openings.json": canonical(writer.openings),
        "붙임1-견적서.pdf": QUOTATION,
    }
    for name, (log, index) in writer.named.items():
        parts[f"leaf-{name}.json"] = log.entries[index]
        parts[f"leaf-{name}.tlog-proof"] = (replace(log, cosigners=()) if early else log).proof(
            index
        )
    document = Document(writer.log, parts, writer.leaves, writer.named, writer.openings)
    if sealed:
        document.pdf = seal(embed(page(), parts), number=seal_number)
        digests = seal_digests(document.pdf)
        stated = {"signed": digests.signed, "signature": digests.signature}
        changes.pdf(stated)
        index = writer.add(Event.FINALIZED, end + 1, pdf=canonical(stated), record=record_digest)
        leaf = b64encode(writer.leaves[-1])
        extra = {"entry": b64encode(writer.log.entries[index]), "openings": writer.openings[leaf]}
        document.proof = writer.log.proof(index, canonical(extra))
    return document


def _decided(
    writer: "_Writer",
    content: dict[str, Any],
    digests: tuple[Opening, Opening],
    acts: tuple[Act, ...],
    sign: Callable[[bytes], dict[str, Any]] | None,
) -> list[dict[str, Any]]:
    """Log the acts; returns them as a record has them."""
    (body, body_form), line, changes = digests, content["line"], writer.changes
    made: list[dict[str, Any]] = []
    places = {step["position"]: step for step in line}
    for minutes, act in enumerate(acts, start=1):
        step = places[act.position]
        acting = act.acting
        if acting and "delegation" in acting:
            named = acting["delegation"]
            acting = acting | {"delegation": writer.basis.get(named, named)}
        statement = {
            "v": 3 if act.decision == "skip" and acting else 2,
            "complex": CODE,
            "doc": DOC,
            "seq": writer.seq + 1,
            "prev": b64encode(writer.leaves[-1]),
            "step": step["position"],
            "round": act.round,
            "act": step["act"],
            "decision": act.decision,
            "to": act.to,
            "body": body.digest.hex(),
            "form": body_form.digest.hex(),
            "title": content["title"],
            "amount": content["values"]["total"],
            "payee": content["values"]["payee"],
            "office": step["office"],
            "name": step["name"],
            "acting": acting,
            "at": format_time(at(minutes)),
            "opinion": act.opinion,
        }
        changes.statement(statement)
        signed = canonical(statement)
        auth = (
            sign(signed)
            if sign
            else {
                "level": "simple",
                "method": "mail-code",
                "signed_in_at": format_time(at(minutes - 1)),
                "agreement": None,
            }
        )
        changes.auth(auth)
        actor = act.acting or (line[0] if act.decision == "skip" else step)
        writer.add(
            EVENTS.get(act.decision, Event.DECIDED),
            minutes,
            stmt=signed,
            body=body.digest,
            form=body_form.digest,
            actor=writer.actor(actor),
            auth=canonical(auth),
        )
        by = None if actor is step else {key: actor[key] for key in ("office", "name")}
        made.append(
            {
                "position": step["position"],
                "act": step["act"],
                "office": step["office"],
                "name": step["name"],
                "by": by,
                "decision": act.decision,
                "at": format_time(at(minutes)),
                "opinion": act.opinion,
                "leaf": b64encode(writer.leaves[-1]),
            }
        )
    return made


def parse_openings(document: Document) -> dict[str, Any]:
    openings: dict[str, Any] = json.loads(document.parts["openings.json"])
    return openings


def _basis_chain(number: int) -> str:
    return sha256(f"basis {number}".encode()).hexdigest()[:32]


class _Writer:
    """Writes the events of one document."""

    def __init__(self, log: Log, changes: Changes, move_before: int | None = None) -> None:
        self.log = log
        self.changes = changes
        self.move_before = move_before
        self.chains: dict[str, list[bytes]] = {}  # leaf hashes by document
        self.named: dict[str, tuple[Log, int]] = {}
        self.basis: dict[str, str] = {}  # leaf hashes by name
        self.openings: dict[str, dict[str, dict[str, str]]] = {}

    @property
    def leaves(self) -> list[bytes]:
        return self.chains.setdefault(DOC, [])

    @property
    def seq(self) -> int:
        return len(self.leaves)

    def open(self, complex_: dict[str, str], certificate: bytes) -> None:
        self.opened = complex_, certificate
        fields = {"complex": canonical(complex_), "seal": certificate}
        self.add(Event.LOG_OPENED, -10, doc=COMPLEX_ID, name="opened", **fields)

    def move(self, minutes: int) -> None:
        """Go on in a second log."""
        complex_, certificate = self.opened
        before = self.log
        self.named["opened-1"] = self.named.pop("opened")
        self.log = Log(before.cosigners, origin=ORIGIN_2, key=LOG_KEY_2)
        fields = {"complex": canonical(complex_ | {"origin": ORIGIN_2}), "seal": certificate}
        self.add(
            Event.LOG_CONTINUED,
            minutes,
            doc=COMPLEX_ID,
            name="opened",
            previous=self.changes.previous(before.note()),
            **fields,
        )

    def actor(self, step: dict[str, Any]) -> bytes:
        actor = {
            "officeholder": sha256(step["name"].encode()).hexdigest()[:32],
            "office": step["office"],
            "name": step["name"],
            "from": "2026-01-01",
            "until": "2027-12-31",
        }
        self.changes.actor(actor)
        return canonical(actor)

    def rest_on(self, number: int, event: Event, values: dict[str, Any]) -> None:
        """Log what a decision or the seal rests on."""
        chain = _basis_chain(number)
        if event is Event.KEY_ROTATED:
            chain = COMPLEX_ID
        fields = {name: canonical(value) for name, value in values.items()}
        public = self.log
        if self.changes.hidden:
            self.log = replace(public, cosigners=(), entries=list(public.entries))
        index = self.add(event, -5, doc=chain, name=f"basis-{number}", **fields)
        self.basis[f"basis-{number}"] = b64encode(merkle.leaf_hash(self.log.entries[index]))
        self.log = public

    def end(self, event: Event, values: dict[str, Any]) -> None:
        fields = {name: canonical(value) for name, value in values.items()}
        self.add(event, -4, doc=_basis_chain(1), name="ended", **fields)
        log, index = self.named.pop("ended")
        del self.openings[b64encode(merkle.leaf_hash(log.entries[index]))]

    def add(
        self, event: Event, minutes: int, doc: str = DOC, name: str = "", **values: bytes
    ) -> int:
        """A value of 32 bytes stands for the digest of a file at hand."""
        if doc == DOC and self.seq + 1 == self.move_before:
            self.move_before = None
            self.move(minutes)
        opened: dict[str, Opening] = {}
        for field_, value in values.items():
            salt = sha256(f"{event}{minutes}{field_}".encode()).digest()
            is_digest = len(value) == 32
            opened[field_] = Opening(salt, value) if is_digest else Opening.of(salt, value)
        chain = self.chains.setdefault(doc, [])
        fields = {
            "event": event,
            "complex": CODE,
            "document": doc,
            "seq": len(chain) + 1,
            "prev": chain[-1] if chain else None,
            "at": at(minutes),
            "commitments": {
                key: commit(key, item.salt, item.digest) for key, item in opened.items()
            },
        }
        self.changes.entry(self.seq + (doc == DOC), fields)
        entry = build_entry(Entry(**fields))
        leaf = merkle.leaf_hash(entry)
        chain.append(leaf)
        self.openings[b64encode(leaf)] = {key: item.as_json() for key, item in opened.items()}
        index = self.log.append(entry)
        self.named[name or str(len(chain))] = (self.log, index)
        return index


@cache
def page() -> bytes:
    return typst.compile(b"= \xec\xa7\x80\xec\xb6\x9c\xea\xb2\xb0\xec\x9d\x98\xec\x84\x9c")


def embed(pdf: bytes, parts: dict[str, bytes]) -> bytes:
    def put(writer: PdfFileWriter) -> None:
        for name, data in parts.items():
            stream = EmbeddedFileObject.from_file_data(writer, data)
            embed_file(writer, FileSpec(name, file_name=name, embedded_data=stream))

    return altered(pdf, put)


def altered(pdf: bytes, change: Callable[[PdfFileWriter], None]) -> bytes:
    """A PDF that is made otherwise, in one piece, as ours are before they are sealed."""
    writer = copy_into_new_writer(PdfFileReader(BytesIO(pdf)), {"stream_xrefs": False})
    change(writer)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


@cache
def seal_key(number: int) -> tuple[bytes, bytes]:
    """A private key (PKCS8) and its certificate, both DER."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"들꽃마을아파트 {number}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(number)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2046, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private, certificate.public_bytes(serialization.Encoding.DER)


def seal(
    pdf: bytes,
    *,
    number: int = 1,
    certify: bool = True,
    field_name: str = "Seal",
    change: Callable[[IncrementalPdfFileWriter], None] = nothing,
) -> bytes:
    """Args: `change` is what whoever seals does to the file in the same step."""
    private, certificate = seal_key(number)
    signer = signers.SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(certificate),
        signing_key=asn1_keys.PrivateKeyInfo.load(private),
        cert_registry=SimpleCertificateStore(),
    )
    metadata = signers.PdfSignatureMetadata(
        field_name=field_name,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=certify,
        docmdp_permissions=MDPPerm.NO_CHANGES,
    )
    out = BytesIO()
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    change(writer)
    # pyHanko runs an event loop of its own, which a browser test's thread already has.
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(signers.PdfSigner(metadata, signer).sign_pdf, writer, output=out).result()
    return out.getvalue()
