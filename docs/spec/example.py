"""Write the worked example of record.md and log.md anew, after a change of the format.

Run: `python docs/spec/example.py`. Salts and the log's key are fixed, so that a page changes only
where the format did; `tests/house/test_spec.py` computes every value again.
"""

import json
import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from danji.formbook.definition import builtin_forms
from danji_verify.canonical import b64decode, b64encode, canonical
from danji_verify.checkpoint import Checkpoint, sign_checkpoint
from danji_verify.commitment import commit
from danji_verify.entry import Entry, Event, build_entry, parse_time
from danji_verify.merkle import leaf_hash
from danji_verify.proof import Proof
from danji_verify.tiles import Edge, grow, inclusion_proof

FOLDER = Path(__file__).parent
CODE = "A10000001"
ORIGIN = f"danji.localhost/apt/{CODE}/1"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


class Pages:
    """Both pages, and the blocks of code in them by name."""

    def __init__(self) -> None:
        self.texts = {name: (FOLDER / name).read_text("utf-8") for name in ("record.md", "log.md")}

    def block(self, name: str) -> str:
        for text in self.texts.values():
            if found := re.search(rf"^```(?:json|text) {name}\n(.*?)^```$", text, re.S | re.M):
                return found[1]
        raise KeyError(name)

    def put(self, name: str, new: str) -> None:
        old = self.block(name)
        self.replace(f" {name}\n{old}```", f" {name}\n{new}```")

    def replace(self, old: str, new: str) -> None:
        self.texts = {name: text.replace(old, new) for name, text in self.texts.items()}

    def write(self) -> None:
        for name, text in self.texts.items():
            (FOLDER / name).write_text(text, "utf-8")


class Example:
    """The events of the example, one after the other."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.leaves: list[bytes] = []
        self.openings: dict[str, dict[str, dict[str, str]]] = {}
        self._salt = 0

    def add(
        self, event: Event, doc: str, seq: int, at: str, values: dict[str, bytes | str]
    ) -> bytes:
        """A value that is text is the digest of something kept elsewhere."""
        commitments, openings = {}, {}
        for field, value in values.items():
            self._salt += 1
            salt = bytes([self._salt]) * 32
            kept = isinstance(value, str)
            digest = bytes.fromhex(value) if isinstance(value, str) else sha256(value).digest()
            commitments[field] = commit(field, salt, digest)
            told = {"sha256": value} if kept else {"value": b64encode(bytes(value))}  # type: ignore[arg-type]
            openings[field] = {"salt": b64encode(salt)} | told  # type: ignore[operator]
        prev = self.leaves[-1] if seq > 1 else None
        entry = build_entry(Entry(event, CODE, doc, seq, prev, parse_time(at), commitments))
        self.entries.append(entry)
        self.leaves.append(leaf_hash(entry))
        self.openings[b64encode(self.leaves[-1])] = openings
        return self.leaves[-1]


def main() -> None:
    pages = Pages()
    content: dict[str, Any] = json.loads(pages.block("content"))
    record: dict[str, Any] = json.loads(pages.block("record"))
    before = list(json.loads(pages.block("openings")).values())
    form = next(form for form in builtin_forms() if form.key == content["form"]["key"])
    content |= {"v": 2}
    content["form"] |= {"version": form.version, "sha256": form.sha256}
    body, doc = sha256(canonical(content)).hexdigest(), content["doc"]

    made = Example()
    opened = json.loads(pages.block("entries").splitlines()[0])["doc"]
    made.add(
        Event.LOG_OPENED,
        opened,
        1,
        "2026-11-01T00:00:00Z",
        {
            "complex": b64decode(before[0]["complex"]["value"]),
            "seal": before[0]["seal"]["sha256"],
        },
    )
    actors = [b64decode(openings["actor"]["value"]) for openings in before[1:4]]
    digests: dict[str, bytes | str] = {"body": body, "form": form.sha256}
    made.add(Event.SUBMITTED, doc, 1, content["submitted_at"], digests | {"actor": actors[0]})
    decisions = [_decision(content["line"][0], content["submitted_at"], made.leaves[-1])]
    statements = []
    for seq, (place, actor) in enumerate(zip(content["line"][1:], actors[1:], strict=True), 2):
        at = f"2026-11-22T0{seq - 1}:00:00Z"
        statement = {
            "v": 2,
            "complex": CODE,
            "doc": doc,
            "seq": seq,
            "prev": b64encode(made.leaves[-1]),
            "step": place["position"],
            "round": 1,
            "act": place["act"],
            "decision": "approve",
            "to": None,
            "body": body,
            "form": form.sha256,
            "title": content["title"],
            "amount": content["values"]["budget"],
            "payee": "",
            "office": place["office"],
            "name": place["name"],
            "acting": None,
            "at": at,
            "opinion": "",
        }
        auth = {
            "level": "simple",
            "method": "mail-code",
            "sent_at": at,
            "confirmed_at": at.replace(":00:00Z", ":00:40Z"),
            "request": f"{seq - 1:032x}",
            "agreement": f"{seq + 15:032x}",
        }
        statements.append(statement)
        signed = {"stmt": canonical(statement)} | digests
        made.add(Event.DECIDED, doc, seq, at, signed | {"actor": actor, "auth": canonical(auth)})
        decisions.append(_decision(place, at, made.leaves[-1]))
    record = {"v": 2, "number": record["number"], "decisions": decisions, "history": []} | {
        key: record[key] for key in ("retention", "filed_at")
    }
    filed = canonical(record | {"content": content})
    record_digest = sha256(filed).hexdigest()
    made.add(Event.FILED, doc, 4, record["filed_at"], {"record": record_digest, "body": body})

    growth = grow(Edge(), made.entries)
    head = sign_checkpoint(Checkpoint(ORIGIN, growth.size, growth.root), KEY)
    path = inclusion_proof(1, growth.size, growth.files.__getitem__)
    pages.put("content", _laid_out(content))
    pages.put("stmt", _laid_out(statements[0]))
    pages.put("record", _laid_out(record))
    pages.put("entries", _lines(entry.decode() for entry in made.entries))
    pages.put("leaves", _lines(b64encode(leaf) for leaf in made.leaves))
    pages.put("openings", _openings(made.openings))
    pages.put("proof", Proof(index=1, path=tuple(path), checkpoint=head).format().decode())
    for name, digest in (
        ("form", form.sha256),
        ("body", body),
        ("stmt", sha256(canonical(statements[0])).hexdigest()),
        ("record", record_digest),
    ):
        pattern = re.search(rf"\| {name} \| `[0-9a-f]{{64}}` \|", pages.texts["record.md"])
        pages.replace(pattern[0] if pattern else "", f"| {name} | `{digest}` |")
    page = pages.texts["record.md"]
    page = re.sub(r"has \d+ bytes", f"has {len(canonical(content))} bytes", page)
    page = re.sub(r"; \d+ bytes in canonical", f"; {len(filed)} bytes in canonical", page)
    pages.texts["record.md"] = page
    pages.write()


def _decision(place: dict[str, Any], at: str, leaf: bytes) -> dict[str, Any]:
    return {key: place[key] for key in ("position", "act", "office", "name")} | {
        "by": None,
        "decision": "approve",
        "at": at,
        "opinion": "",
        "leaf": b64encode(leaf),
    }


def _laid_out(value: dict[str, Any]) -> str:
    rows = ",\n".join(
        f" {json.dumps(key)}: {json.dumps(inner, ensure_ascii=False)}"
        for key, inner in value.items()
    )
    return f"{{\n{rows}\n}}\n"


def _openings(openings: dict[str, dict[str, dict[str, str]]]) -> str:
    rows = []
    for leaf, fields in openings.items():
        inner = ",\n".join(f"  {json.dumps(f)}: {json.dumps(o)}" for f, o in fields.items())
        rows.append(f" {json.dumps(leaf)}: {{\n{inner}\n }}")
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    main()
