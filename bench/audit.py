"""The audit of a complex with many documents, beside what the same machine does at best.

Run: `python bench/audit.py [documents]`. Prints figures and asserts nothing.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from documents import owner

from installation import installed, machine

if TYPE_CHECKING:
    from installation import Installation

DOCUMENTS = 10_000
DECIDERS = ("chief", "manager")
# What one document holds, and what an audit of it reads.
TABLES = {
    "approvals_document": "id",
    "approvals_step": "document_id",
    "approvals_outcome": "document_id",
    "records_record": "doc",
    "transparency_event": "doc",
}
OPENINGS = """
SELECT event.seq, opening.fields FROM transparency_event AS event JOIN transparency_opening
    AS opening ON (opening.complex_id, opening.event_id) = (event.complex_id, event.id)
WHERE event.doc = %s ORDER BY event.seq
"""


@dataclass
class Model:
    """The rows of one document that went its way in the application, by table."""

    rows: dict[str, list[dict[str, Any]]]
    openings: dict[int, dict[str, Any]]


def make_model(place: Installation, devices: dict[str, Any]) -> UUID:
    """An expense, signed by two officers with passkeys; returns its id."""
    from django.utils import timezone

    from audited import signs
    from danji.base import tenancy
    from papers import decide, submit

    officers = place.cast.officers
    with tenancy.within(place.complex_id):
        document = submit(officers["bookkeeper"], timezone.now(), form="expense")
        for office in DECIDERS:
            officer = officers[office]
            decide(document, officer, signs(officer, devices[office]), timezone.now())
    return UUID(str(document.id))


def read_model(place: Installation, doc: UUID) -> Model:
    from psycopg.rows import dict_row

    with owner(place) as database:
        cursor = database.cursor(row_factory=dict_row)
        rows = {
            table: cursor.execute(f"SELECT * FROM {table} WHERE {key} = %s", [doc]).fetchall()
            for table, key in TABLES.items()
        }
        openings = {row["seq"]: row["fields"] for row in cursor.execute(OPENINGS, [doc])}
    return Model(rows, openings)


def copies(model: Model, count: int, devices: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows of `count` documents by table, each sealed and signed as if it had gone its own way."""
    from danji.base.ids import uuid7

    for number in range(1, count + 1):
        yield copy_of(model, uuid7(), number, devices)


def copy_of(model: Model, doc: UUID, number: int, devices: dict[str, Any]) -> dict[str, Any]:
    from danji.base.ids import uuid7
    from danji.rules.numbering import record_number
    from danji_verify.canonical import b64encode, canonical

    (first,) = model.rows["approvals_document"]
    (record,) = model.rows["records_record"]
    content = bytes(first["content"]).replace(first["id"].hex.encode(), doc.hex.encode())
    digest = sha256(content).hexdigest()
    made: dict[str, Any] = {table: [] for table in TABLES}
    chain = Chain(doc, made, {"body": digest, "form": ""})
    leaves = {}
    for event in sorted(model.rows["transparency_event"], key=lambda row: row["seq"]):
        if event["name"] == "record.filed":
            break
        leaf = chain.add(event, dict(model.openings[event["seq"]]), devices)
        leaves[bytes(event["leaf_hash"])] = leaf
    payload = json.loads(bytes(record["payload"]))
    serial = record["serial"] + number
    text = record_number(record["series"], record["year"], serial)
    payload["number"] |= {"serial": serial, "text": text}
    payload["content"] = json.loads(content)
    names = {b64encode(old): b64encode(new) for old, new in leaves.items()}
    for decision in payload["decisions"]:
        decision["leaf"] = names[decision["leaf"]]
    data = canonical(payload)
    filing = model.rows["transparency_event"][-1]
    chain.digests["record"] = sha256(data).hexdigest()
    chain.add(filing, dict(model.openings[filing["seq"]]), devices)
    made["approvals_document"].append(first | {"id": doc, "content": content, "digest": digest})
    for step in model.rows["approvals_step"]:
        own = {"id": uuid7(), "document_id": doc, "leaf_hash": leaves[bytes(step["leaf_hash"])]}
        made["approvals_step"].append(step | own)
    for outcome in model.rows["approvals_outcome"]:
        made["approvals_outcome"].append(outcome | {"id": uuid7(), "document_id": doc})
    own = {"id": uuid7(), "doc": doc, "serial": serial, "number": text, "payload": data}
    made["records_record"].append(record | own | {"digest": sha256(data).hexdigest()})
    return made


@dataclass
class Chain:
    """The events of one copy, each following the one before."""

    doc: UUID
    made: dict[str, Any]
    digests: dict[str, str]
    prev: bytes | None = None

    def add(self, event: dict[str, Any], fields: dict[str, Any], devices: dict[str, Any]) -> bytes:
        """Add the like of an event of the model. Returns: its leaf hash."""
        from danji.base.ids import uuid7
        from danji_verify import entry, merkle
        from danji_verify.canonical import b64decode, b64encode, canonical
        from danji_verify.commitment import Opening

        said = entry.parse_entry(bytes(event["entry"]))
        values = {}
        if "stmt" in fields:
            statement = json.loads(b64decode(fields["stmt"]["value"]))
            statement |= {"doc": self.doc.hex, "body": self.digests["body"]}
            statement["prev"] = b64encode(self.prev or b"")
            values["stmt"] = canonical(statement)
            auth = json.loads(b64decode(fields["auth"]["value"]))
            values["auth"] = canonical(auth | signed(values["stmt"], statement, devices))
        opened = {}
        for name, kept in fields.items():
            salt = os.urandom(32)
            if name in values:
                opened[name] = Opening.of(salt, values[name])
            elif self.digests.get(name):
                opened[name] = Opening(salt, bytes.fromhex(self.digests[name]))
            else:
                opened[name] = Opening.parse(kept | {"salt": b64encode(salt)})
        data = entry.build_entry(
            entry.Entry(
                said.event,
                said.complex,
                self.doc.hex,
                said.seq,
                self.prev,
                said.at,
                {
                    name: sha256(
                        b"apt.commit.v1\0" + name.encode() + b"\0" + one.salt + one.digest
                    ).digest()
                    for name, one in opened.items()
                },
            )
        )
        self.prev = merkle.leaf_hash(data)
        row = {"id": uuid7(), "doc": self.doc, "entry": data, "leaf_hash": self.prev}
        self.made["transparency_event"].append(
            event | row | {"fields": {name: one.as_json() for name, one in opened.items()}}
        )
        return self.prev


def signed(statement: bytes, said: dict[str, Any], devices: dict[str, Any]) -> dict[str, str]:
    """What a passkey leaves of signing a statement."""
    from danji.signing import passkeys
    from danji_verify.canonical import b64encode

    device = devices["chief" if said["act"] == "review" else "manager"]
    made = device.assertion(passkeys.challenge([statement]))
    return {
        name: b64encode(passkeys.unwebsafe(made[name]))
        for name in ("client_data", "authenticator_data", "signature")
    }


def fill(place: Installation, count: int, devices: dict[str, Any]) -> None:
    """Put the copies into the tables, and have the sequencer seal them."""
    from psycopg.types.json import Jsonb

    from danji.base.ids import uuid7
    from danji.transparency.sequencer import Sequencer

    while Sequencer().tick():
        pass
    model = read_model(place, make_model(place, devices))
    with owner(place) as database:
        made: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
        for copied in copies(model, count, devices):
            for table, rows in copied.items():
                made[table] += rows
            if len(made["approvals_document"]) == 1000:
                store(database, made, Jsonb, uuid7)
                made = {table: [] for table in TABLES}
        store(database, made, Jsonb, uuid7)
        database.execute("UPDATE records_register SET last = last + %s", [count])
        database.execute("VACUUM ANALYZE")
    while Sequencer().tick():
        pass


def store(database: Any, made: dict[str, list[dict[str, Any]]], jsonb: Any, uuid7: Any) -> None:
    events = made["transparency_event"]
    for side, extra in (("opening", "fields"), ("pendingevent", "")):
        made[f"transparency_{side}"] = [
            {"complex_id": event["complex_id"], "id": uuid7(), "event_id": event["id"]}
            | ({"fields": event["fields"]} if extra else {})
            for event in events
        ]
    made["transparency_event"] = [
        {name: value for name, value in event.items() if name != "fields"} for event in events
    ]
    order = ["approvals_document", "approvals_step", "approvals_outcome", "transparency_event"]
    order += ["transparency_opening", "transparency_pendingevent", "records_record"]
    for table in order:
        if not made[table]:
            continue
        names = list(made[table][0])
        with database.cursor().copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
            for row in made[table]:
                values = [row[name] for name in names]
                copy.write_row([jsonb(one) if isinstance(one, dict) else one for one in values])


def copied_out(place: Installation) -> tuple[float, int, list[bytes]]:
    """The same rows by COPY alone: seconds, how many, and the bytes of some for the digest."""
    tables = [*TABLES, "transparency_opening", "transparency_leaf"]
    rows, chunks = 0, []
    begun = time.perf_counter()
    with owner(place) as database, database.cursor() as cursor:
        for table in tables:
            with cursor.copy(f"COPY {table} TO STDOUT (FORMAT BINARY)") as copy:
                chunks += [bytes(chunk) for chunk in copy]
            rows += cursor.rowcount
    return time.perf_counter() - begun, rows, chunks


@dataclass(frozen=True)
class Measured:
    """One audit: `seconds` by the clock, `busy` of this process's own processor, MiB it grew by."""

    said: str
    rows: int
    seconds: float
    busy: float
    memory: float


def measure(complex_id: UUID) -> Measured:
    """Audit a complex, in a fresh process."""
    import django

    django.setup()
    from danji.audit.report import verdict
    from danji.audit.run import audit_complex
    from danji.complexes.models import Complex

    complex_ = Complex.objects.get(id=complex_id)
    held = [resident()]
    begun, worked = time.perf_counter(), time.process_time()
    audited = audit_complex(
        complex_,
        at=datetime.now(UTC),
        progress=lambda _done, _of: held.append(resident()),
    )
    apart = ("signatures", "files", "public files")  # looked at too, and no rows
    return Measured(
        verdict(audited),
        audited.rows - sum(audited.found.rows[name] for name in apart),
        time.perf_counter() - begun,
        time.process_time() - worked,
        max(held) - held[0],
    )


def resident() -> float:
    """The memory of this process, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(count: int) -> None:
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    with installed() as place:
        from danji.base import tenancy
        from signing.enrolment import enrol

        officers, at = place.cast.officers, datetime.now(UTC)
        with tenancy.within(place.complex_id):
            devices = {name: enrol(officers[name], officers["auditor"], at) for name in DECIDERS}
        fill(place, count, devices)
        # In a process of its own, so that its memory is the audit's and nothing else's.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            measured = pool.apply(measure, [place.complex_id])
        copied, rows, chunks = copied_out(place)
        begun = time.perf_counter()
        for chunk in chunks:
            sha256(chunk).digest()
        hashed = time.perf_counter() - begun

    print(f"audit of {count:,} documents on record, each signed twice with passkeys ({machine()})")
    looked, took = measured.rows, measured.seconds
    print(f"  {measured.said}, {looked:,} rows in {took:.1f} s")
    print(f"  rows                      {looked / took:8.0f} /s   (wanted: 20,000)")
    print(f"  of processor time         {looked / measured.busy:8.0f} /s")
    print(f"  memory                    {measured.memory:8.0f} MiB more while it ran")
    print("the machine's own limits, same rows")
    print(f"  COPY of {rows:,} rows        {rows / copied:8.0f} /s")
    print(f"  SHA-256 of each row's bytes {rows / hashed:8.0f} /s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTS)
