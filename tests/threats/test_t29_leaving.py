"""T29: a complex leaves its operator, who would like to keep it, or to drop what was."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import psycopg
import pytest
from django.core.management import call_command

from danji.base.postgres import SUPERUSER
from danji.config import continuing
from danji.config.continuing import continue_complex
from danji.config.moving import export_complex
from danji.rules.refusal import Refusal
from danji.transparency.models import Event, Opening
from danji.transparency.queries import log_of, published_head
from danji.transparency.sequencer import Sequencer
from danji_verify.canonical import b64decode
from danji_verify.check import check_pdf
from danji_verify.heads import check_heads
from danji_verify.policy import Policy
from danji_verify.record import read_proof_file
from danji_verify.report import Verdict
from logbook import NOTICE, filed
from watching import agreed, happen


@pytest.fixture
def exported(complex_, clerk, manager, sign, at, tmp_path):
    """What a complex took along: its log is closed where it was."""
    filed(clerk, manager, sign, at)
    folder = tmp_path / "taken"
    call_command("export", str(folder), "--code", complex_.code, "--close", "업체를 바꿉니다.")
    return folder


AFTERWARDS = """
import json, sys
from danji.base import tenancy
from danji.complexes.models import Complex
from danji.transparency.models import Event, Leaf, Opening
from danji.transparency.queries import opening_of, policy, prove, published_head
from danji.transparency.sequencer import Sequencer
from danji_verify.canonical import b64encode, canonical

assert Sequencer().tick() == 1
complex_ = Complex.objects.get()
with tenancy.within(complex_.id):
    opening = opening_of(complex_.id, 2)
    extra = canonical({"entry": b64encode(opening.entry), "openings": opening.openings})
    print("SAID", json.dumps({
        "id": str(complex_.id),
        "proof": prove(complex_, opening, extra=extra).decode(),
        "policy": policy(complex_).format().decode(),
        "events": Event.objects.count(),
        "leaves": Leaf.objects.filter(log_number=1).count(),
        "openings": Opening.objects.count(),
    }))
"""


@pytest.fixture
def elsewhere(cluster, tmp_path):
    """Another operator's server: its own database, folder and domain. Runs commands there."""
    with psycopg.connect(cluster.url(SUPERUSER, "postgres"), autocommit=True) as server:
        server.execute("CREATE DATABASE danji_elsewhere OWNER danji_owner")
    home = tmp_path / "elsewhere"
    (home / "run").mkdir(parents=True)
    env = os.environ | {
        "DANJI_HOME": str(home),
        "DANJI_DOMAIN": "elsewhere.example",
        "DATABASE_URL": cluster.url("danji_app", "danji_elsewhere"),
        "DATABASE_OWNER_URL": cluster.url("danji_owner", "danji_elsewhere"),
    }

    def manage(*words):
        command = [sys.executable, "-W", "ignore", "-m", "danji.config.manage", *words]
        return subprocess.run(command, env=env, check=False, capture_output=True, text=True)

    prepared = manage("prepare", "-v", "0")
    assert prepared.returncode == 0, prepared.stderr
    yield home, manage
    with psycopg.connect(cluster.url(SUPERUSER, "postgres"), autocommit=True) as server:
        server.execute("DROP DATABASE danji_elsewhere WITH (FORCE)")


def test_t29_everything_is_taken_along_and_can_be_checked(exported, complex_):
    trusted = Policy.parse((exported / "policy.txt").read_bytes())
    (document,) = (exported / "documents").iterdir()
    report = check_pdf(
        (document / "document.pdf").read_bytes(),
        (document / "document.pdf.tlog-proof").read_bytes(),
        trusted,
    )
    assert report.verdict is Verdict.ACCEPTED
    rows = (exported / "rows" / "records_record.jsonl").read_text("utf-8").splitlines()
    assert json.loads(rows[0])["title"] == NOTICE["title"]
    assert any((exported / "files").rglob("*"))
    assert "박정호" in (exported / "rows" / "people.jsonl").read_text("utf-8")
    assert not (exported / "keys").exists()
    with pytest.raises(Refusal, match="이미 무엇이 들어"):
        export_complex(complex_, exported, with_keys=False)


def test_t29_the_former_operator_goes_on_no_more(exported, complex_, at):
    sequencer = Sequencer()
    sequencer.start()
    assert "닫은 장부입니다" in sequencer.frozen[complex_.id]


def test_t29_the_next_operator_continues_the_log_and_nothing_before_can_be_dropped(
    exported, elsewhere, complex_
):
    home, manage = elsewhere
    events, openings = Event.objects.count(), Opening.objects.count()
    done = manage("found", "--continuing", str(exported))
    assert "2번 장부를 엽니다" in done.stdout, done.stderr
    done = manage("shell", "-v", "0", "-c", AFTERWARDS)
    said = json.loads(done.stdout.partition("SAID ")[2])
    assert said["id"] == str(complex_.id)
    assert (said["events"], said["leaves"]) == (events + 1, events)
    assert said["openings"] == openings + 1

    # What a stranger does, with the verifier alone.
    trusted = Policy.parse(said["policy"].encode())
    opening = read_proof_file(said["proof"].encode(), trusted)
    assert opening.origin == f"elsewhere.example/apt/{complex_.code}/2"
    assert (opening.index, opening.entry.event) == (0, "log.continued")
    former = exported / "log" / "1"
    same = check_heads(opening.value("previous"), (former / "checkpoint").read_bytes(), trusted)
    assert same.verdict is not Verdict.REFUSED, same.as_text()
    assert (home / "public" / complex_.code / "log/1/checkpoint").read_bytes() == (
        former / "checkpoint"
    ).read_bytes()
    (document,) = (exported / "documents").iterdir()
    report = check_pdf(
        (document / "document.pdf").read_bytes(),
        (document / "document.pdf.tlog-proof").read_bytes(),
        trusted,
    )
    assert report.verdict is Verdict.ACCEPTED

    again = manage("found", "--continuing", str(exported))
    assert "이미 등록되어 있습니다" in again.stderr


def test_t29_a_log_from_which_something_was_dropped_is_not_continued(exported):
    for path in (exported / "log/1/tile/entries").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Refusal, match="서명된 머리와 맞지 않습니다"):
        continue_complex(exported, at=datetime(2026, 12, 1, tzinfo=UTC))
    with pytest.raises(Refusal, match="읽을 수 없습니다"):
        continue_complex(exported / "log", at=datetime(2026, 12, 1, tzinfo=UTC))


def test_t29_what_the_witnesses_have_not_seen_yet_is_taken_along(complex_, at, tmp_path):
    Sequencer().tick()
    confirmed = agreed(complex_, at, published_head(complex_).note)
    happen(complex_, at)
    folder = tmp_path / "taken"
    call_command("export", str(folder), "--code", complex_.code, "--close", "업체를 바꿉니다.")
    _, (log,) = continuing._read(folder)
    entries = [entry.event for _, entry in continuing._entries(log)]
    assert (len(entries), entries[-1]) == (log_of(complex_.id).size, "log.closed")
    (about,) = json.loads((folder / "complex.json").read_text("utf-8"))["logs"]
    assert b64decode(about["confirmed"]) == confirmed
    assert folder.stat().st_mode & 0o777 == 0o700


def test_t29_only_what_the_log_proves_is_published_of_a_folder_that_was_brought(
    exported, settings, tmp_path, complex_, at
):
    secret = tmp_path / "secret"
    secret.write_text("a key of the server")
    (exported / "log/1/readme.txt").symlink_to(secret)
    (exported / "log/1/evil.html").write_text("<script></script>")
    _, (log,) = continuing._read(exported)
    continuing._publish(log, tmp_path / "published")
    names = {path.name for path in (tmp_path / "published").rglob("*") if path.is_file()}
    assert "checkpoint" in names
    assert not names & {"readme.txt", "evil.html"}
    tile = next(path for path in (exported / "log/1/tile/entries").rglob("*") if path.is_file())
    tile.rename(tmp_path / "moved")
    tile.symlink_to(tmp_path / "moved")
    with pytest.raises(Refusal, match="서명된 머리와 맞지 않습니다"):
        continue_complex(exported, at=at)


def test_t29_a_log_of_another_complex_is_not_continued(exported, at):
    about = json.loads((exported / "complex.json").read_text("utf-8"))
    about["code"] = "A10000009"
    (exported / "complex.json").write_text(json.dumps(about), "utf-8")
    with pytest.raises(Refusal, match="단지 A10000009의 것이 아닙니다"):
        continue_complex(exported, at=at)


def test_t29_a_text_that_looks_like_bytes_is_taken_along(
    complex_, clerk, manager, sign, at, tmp_path
):
    filed(clerk, manager, sign, at, title="\\xyz 입찰공고")
    export_complex(complex_, tmp_path / "taken", with_keys=False)
    rows = (tmp_path / "taken/rows/records_record.jsonl").read_text("utf-8")
    assert json.loads(rows.splitlines()[0])["title"] == "\\xyz 입찰공고"
