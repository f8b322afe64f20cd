"""The specifications' worked example, computed again from the pages; and the tests pages name."""

import json
import re
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import pytest

from danji.formbook.definition import builtin_forms
from danji.formbook.present import present
from danji_verify.canonical import b64encode, canonical
from danji_verify.merkle import leaf_hash
from danji_verify.policy import Policy
from danji_verify.proof import Proof
from danji_verify.record import check_document
from danji_verify.report import Report, State
from danji_verify.tiles import Edge, grow, inclusion_proof

ROOT = Path(__file__).parents[2]
PAGES = {name: (ROOT / "docs/spec" / name).read_text("utf-8") for name in ("record.md", "log.md")}
PARTS = dict(
    re.findall(r"^```(?:json|text) (\w+)\n(.*?)^```$", "".join(PAGES.values()), re.S | re.M)
)
CONTENT = json.loads(PARTS["content"])
RECORD = canonical(json.loads(PARTS["record"]) | {"content": CONTENT})
OPENINGS = json.loads(PARTS["openings"])
ENTRIES = [line.encode() for line in PARTS["entries"].splitlines()]
FORM = next(form for form in builtin_forms() if form.key == CONTENT["form"]["key"])


@pytest.fixture
def files():
    """The parts of the example as they would lie in a PDF."""
    named = Proof.parse(PARTS["proof"].encode())
    growth = grow(Edge(), ENTRIES)
    parts = {
        "record.json": RECORD,
        "form.json": FORM.canonical,
        "openings.json": canonical(OPENINGS),
        "policy.txt": PARTS["policy"].encode(),
    }
    for index, name in enumerate(("opened", "1", "2", "3", "4")):
        path = inclusion_proof(index, growth.size, growth.files.__getitem__)
        proof = Proof(index=index, path=tuple(path), checkpoint=named.checkpoint)
        parts |= {f"leaf-{name}.json": ENTRIES[index], f"leaf-{name}.tlog-proof": proof.format()}
    return parts


def test_the_digests_are_those_of_the_code():
    values = {
        "form": FORM.canonical,
        "body": canonical(CONTENT),
        "stmt": canonical(json.loads(PARTS["stmt"])),
        "record": RECORD,
    }
    for name, data in values.items():
        assert f"| {name} | `{sha256(data).hexdigest()}` |" in PAGES["record.md"]
    assert f"has {len(values['body'])} bytes" in PAGES["record.md"]
    assert f"; {len(RECORD)} bytes in canonical form" in PAGES["record.md"]


def test_what_is_shown_follows_from_the_values():
    assert CONTENT["blocks"] == [asdict(block) for block in present(FORM, CONTENT["values"])]


def test_the_statement_is_what_the_first_decision_opens_to():
    opening = list(OPENINGS.values())[2]["stmt"]
    assert opening["value"] == b64encode(canonical(json.loads(PARTS["stmt"])))


def test_the_leaves_and_the_proof_are_those_of_the_entries(files):
    assert [b64encode(leaf_hash(entry)) for entry in ENTRIES] == PARTS["leaves"].split()
    assert files["leaf-1.tlog-proof"].decode() == PARTS["proof"]


def test_the_verifier_accepts_the_example(files):
    report = Report()
    assert check_document(files, Policy.parse(files["policy.txt"]), report)
    assert report.of(State.FAILED) == []


def test_every_test_a_document_names_exists():
    said = {
        name
        for page in (ROOT / "docs").rglob("*.md")
        for name in re.findall(r"`(test_\w+)`", page.read_text("utf-8"))
    }
    written = {
        name
        for folder in ("tests", "verifier/tests", "witness/tests")
        for path in (ROOT / folder).rglob("test_*.py")
        for name in [path.stem, *re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.M)]
    }
    assert said - written == set()


def test_every_link_between_documents_leads_somewhere():
    broken = [
        f"{page.name}: {target}"
        for page in [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
