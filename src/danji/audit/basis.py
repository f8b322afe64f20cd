"""On what decisions rest: who held which office, which keys were enrolled, who stood in for whom.

It is little even in a large complex, so it is read whole.
"""

import base64
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from danji.accounts.models import Office
from danji.audit.chains import SOON, Chain, Logged, chains_named
from danji.audit.findings import Area, Findings
from danji.audit.recovered import Recoveries
from danji.audit.snapshot import Snapshot
from danji.formbook.definition import FormDefinition, load
from danji_verify.canonical import b64encode
from danji_verify.entry import Event

PERSONAL = (
    Event.AGREED,
    Event.ENROLLED,
    Event.REVOKED,
    Event.DELEGATION_SET,
    Event.DELEGATION_ENDED,
    Event.OFFICE_TAKEN,
    Event.OFFICE_LEFT,
    Event.RULE_CHANGED,
    Event.BYLAW_CHANGED,
    Event.CONTACT_CHANGED,
)
OF_COMPLEX = (Event.LOG_OPENED, Event.LOG_CONTINUED, Event.KEY_ROTATED)

HOLDERS = """
SELECT holder.id, holder.office, person.name, holder.person_id, holder.since, holder.until
FROM accounts_officeholder AS holder JOIN accounts_person AS person ON person.id = holder.person_id
WHERE holder.complex_id = %s
"""
# What two officers agreed to erase, and was not erased yet.
AGREED = """
SELECT item.doc FROM disposal_disposalitem AS item
JOIN disposal_disposaloutcome AS outcome
    ON (outcome.complex_id, outcome.disposal_id) = (item.complex_id, item.disposal_id)
JOIN approvals_document AS document
    ON (document.complex_id, document.id) = (item.complex_id, item.doc)
WHERE item.complex_id = %s AND outcome.answer = 'confirmed' AND document.erased_at IS NULL
"""
FORMS = "SELECT id, key, version, definition, sha256 FROM formbook_form"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds or held an office, as the row says."""

    id: UUID
    office: str
    name: str
    person: UUID
    since: date
    until: date | None


@dataclass(frozen=True, slots=True)
class Form:
    """A version of a form: its definition, and the digest of the bytes that define it."""

    definition: FormDefinition
    sha256: str


@dataclass(frozen=True)
class Basis:
    """`keys` and `delegations` are events by their leaf hash in base64; `revoked` says since when
    a key, by its id in hex, signs no more; `erased` are the erasures by document, but for those
    that are under way, `erasing`; `seals` the certificates, DER, with which the complex sealed.
    What came back without content when a database was recovered is not among them, but for
    erasures.
    """

    holders: Mapping[UUID, Holder]
    forms: Mapping[UUID, Form]
    personal: Mapping[UUID, Chain]
    keys: Mapping[str, Logged]
    revoked: Mapping[str, datetime]
    delegations: Mapping[str, Logged]
    erased: Mapping[UUID, Logged]
    erasing: frozenset[UUID]
    seals: tuple[bytes, ...]
    recoveries: Recoveries


def as_id(text: object) -> UUID:
    """The id of an officeholder as events name it; nobody's where there is none."""
    try:
        return UUID(str(text))
    except ValueError:
        return UUID(int=0)


def read_basis(snapshot: Snapshot, recoveries: Recoveries, found: Findings) -> Basis:
    """All that decisions rest on."""
    marked = recoveries.mark(chains_named(snapshot, *PERSONAL))
    personal = [known for chain in marked if (known := chain.known).events]
    events = [event for chain in personal for event in chain.events]
    erased = {chain.doc: chain.events[-1] for chain in chains_named(snapshot, Event.ERASED)}
    agreed = {doc for (doc,) in snapshot.rows(AGREED)}
    erasing = frozenset(doc for doc in agreed if doc in erased and _is_new(erased[doc], snapshot))
    return Basis(
        holders=_holders(snapshot),
        forms=_forms(snapshot, found),
        personal={chain.doc: chain for chain in personal},
        keys={b64encode(e.leaf): e for e in events if e.name == Event.ENROLLED},
        revoked={
            event.json("key").get("key", ""): event.entry.at
            for event in events
            if event.name == Event.REVOKED and event.entry
        },
        delegations={b64encode(e.leaf): e for e in events if e.name == Event.DELEGATION_SET},
        erased={doc: event for doc, event in erased.items() if doc not in erasing},
        erasing=erasing,
        seals=tuple(_seals(snapshot)),
        recoveries=recoveries,
    )


def _is_new(event: Logged, snapshot: Snapshot) -> bool:
    """Whether what follows from an event may be a moment away still."""
    return event.pending or (event.entry is not None and event.entry.at > snapshot.at - SOON)


def _holders(snapshot: Snapshot) -> dict[UUID, Holder]:
    labels = dict(Office.choices)
    return {
        id_: Holder(id_, str(labels.get(office, office)), name, person, since, until)
        for id_, office, name, person, since, until in snapshot.rows(HOLDERS)
    }


def _forms(snapshot: Snapshot, found: Findings) -> dict[UUID, Form]:
    """The forms, shared by all complexes; one that was changed is none of them any more."""
    with snapshot.database.cursor(binary=True) as cursor:
        rows: list[tuple[Any, ...]] = cursor.execute(FORMS).fetchall()
    forms = {}
    for id_, key, version, definition, digest in rows:
        if sha256(definition).hexdigest() != digest:
            said = f"서식 {key} {version}판의 정의가 등록한 뒤에 바뀌었습니다."
            found.fault(Area.DOCUMENTS, said, f"form {id_}: not {digest}")
            continue
        with found.guarding(Area.DOCUMENTS, f"서식 {key} {version}판:"):
            forms[id_] = Form(load(definition), digest)
    return forms


def _seals(snapshot: Snapshot) -> list[bytes]:
    """The certificates that the log names: at its opening, and where one took another's place."""
    found = []
    for chain in chains_named(snapshot, *OF_COMPLEX):
        for event in chain.events:
            if event.name == Event.KEY_ROTATED:
                rotated = event.json("key")
                if rotated.get("use") == "seal":
                    with suppress(TypeError, ValueError):  # told as a seal that is none of these
                        found.append(base64.b64decode(rotated.get("new", "")))
            else:
                found.append(event.value("seal"))
    return [certificate for certificate in found if certificate]
