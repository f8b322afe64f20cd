"""kill -9 at every step of the main path: nothing acknowledged is lost, doubled or skipped.

Each step dies twice: with its work not persisted, and with it persisted but nobody told.
"""

import pytest

from danji.transparency.tree import file_reader
from danji_verify.canonical import parse_object
from danji_verify.tiles import audit, read_entry

COMMIT = "django.db.backends.postgresql.base.DatabaseWrapper._commit"
SEQUENCER = "danji.transparency.sequencer"
SITE = "danji.disclosure.site"


@pytest.fixture(scope="module", autouse=True)
def complex_(installation):
    installation.die("found", at=f"{COMMIT}:before")  # its keys are made, and nothing else
    installation.take("found")


def check_log(installation):
    """The published log is whole, and every event stands in it exactly once and in order."""
    folder = installation.home / "public" / "A10000001" / "log" / "1"
    ((size, root),) = installation.ask("SELECT size, root FROM transparency_log")
    read = file_reader(folder)
    assert audit(size, read) == bytes(root)
    entries = [parse_object(read_entry(index, size, read)) for index in range(size)]
    chains: dict[str, list[int]] = {}
    for entry in entries:
        chains.setdefault(entry["doc"], []).append(entry["seq"])
    for chain in chains.values():
        assert chain == list(range(1, len(chain) + 1))
    assert installation.ask("SELECT count(*) FROM transparency_event") == [(size,)]
    assert installation.ask("SELECT count(*) FROM transparency_pendingevent") == [(0,)]


def state(installation, document):
    """How often each fact about a document exists."""
    counts = {
        "records": "SELECT count(*) FROM records_record WHERE doc = %s",
        "renditions": "SELECT count(*) FROM renditions_rendition n JOIN records_record r"
        " ON r.id = n.record_id WHERE r.doc = %s",
        "publications": "SELECT count(*) FROM disclosure_publication p JOIN records_record r"
        " ON r.id = p.record_id WHERE r.doc = %s",
    }
    return {name: installation.ask(sql, document)[0][0] for name, sql in counts.items()}


DONE = {"records": 1, "renditions": 1, "publications": 1}


def go_on(installation, document):
    """Start again, and find everything done once."""
    installation.take("finish")
    assert state(installation, document) == DONE
    check_log(installation)


@pytest.mark.parametrize(("at", "kept"), [(f"{COMMIT}:before", 0), (f"{COMMIT}:after", 1)])
def test_submitting(installation, at, kept):
    count = "SELECT count(*) FROM approvals_document"
    ((before,),) = installation.ask(count)
    installation.die("submit", at=at)
    assert installation.ask(count) == [(before + kept,)]
    installation.take("finish")
    check_log(installation)


@pytest.mark.parametrize(
    ("at", "again"),
    [(f"{COMMIT}:before", "decided"), (f"{COMMIT}:after", "이미 결재")],
)
def test_deciding(installation, at, again):
    (document,) = installation.die("submit", "decide", at=at)
    (answer,) = installation.take("decide", document=document)
    assert answer.startswith(again)
    go_on(installation, document)


@pytest.mark.parametrize(
    "at",
    [
        f"{SEQUENCER}.stage:before",
        f"{SEQUENCER}.stage:after",
        f"{SEQUENCER}.check_staged:after",
        f"{SEQUENCER}.commit:before",
        f"{COMMIT}:before:3",  # the database is about to move the head
        f"{SEQUENCER}.commit:after",
        f"{SEQUENCER}.write_durably:before:2",  # the first file after the head moved
        f"{SEQUENCER}.write_durably:after:3",
        f"{SEQUENCER}.apply:after",
    ],
)
def test_sealing(installation, at):
    document, _ = installation.die("submit", "decide", "seal", at=at)
    go_on(installation, document)


@pytest.mark.parametrize(
    "at",
    [
        "danji.base.files.put:before",
        "danji.base.files.put:after",
        "danji.renditions.jobs._render:after",  # nothing committed yet
        "danji.disclosure.jobs._waiting:before",  # committed, and nobody told
    ],
)
def test_rendering(installation, at):
    document, *_ = installation.die("submit", "decide", "seal", "jobs", at=at)
    go_on(installation, document)


@pytest.mark.parametrize(
    "at",
    [
        f"{SITE}.write_document:before",
        f"{SITE}.write_durably:after:2",
        f"{SITE}.write_document:after",
        f"{SITE}.write_lists:before",
        f"{SITE}.write_lists:after",
    ],
)
def test_publishing(installation, at):
    document, *_ = installation.die("submit", "decide", "seal", "jobs", "seal", "jobs", at=at)
    go_on(installation, document)
    public = installation.home / "public" / "A10000001"
    name = document.replace("-", "")
    assert (public / name / "document.pdf").exists()
    assert name in (public / "index.html").read_text(encoding="utf-8")
