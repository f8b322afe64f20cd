"""What the same machine does at best, measured in the same run."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import load
from installation import free_port, running

if TYPE_CHECKING:
    from installation import Installation

BENCH = Path(__file__).parent
SCALE = 10  # a million accounts, as pgbench counts them


def transactions(place: Installation, seconds: float) -> tuple[float, str]:
    """Small writing transactions in a second on the same server by 8 clients, and by which tool.

    Each is what `pgbench -N` does: change a row of a million, read it, add a row, commit.
    """
    import psycopg

    with psycopg.connect(place.cluster.url("postgres", "postgres"), autocommit=True) as server:
        server.execute("CREATE DATABASE the_limit")
    url = place.cluster.url("postgres", "the_limit")
    tool = _pgbench()
    if tool is None:
        return _own_transactions(url, seconds), "psycopg"
    subprocess.run([tool, "-i", "-q", "-s", str(SCALE), url], check=True, capture_output=True)
    answer = subprocess.run(
        [tool, "-n", "-N", "-c", "8", "-T", str(int(seconds)), url],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = re.search(r"tps = ([\d.]+)", answer)
    if found is None:
        raise RuntimeError(answer)
    return float(found[1]), "pgbench -N"


def _pgbench() -> str | None:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), reverse=True)
    return next(map(str, debian), None) or shutil.which("pgbench")


def _own_transactions(url: str, seconds: float) -> float:
    import psycopg

    with psycopg.connect(url) as database:
        database.execute(
            "CREATE TABLE accounts AS SELECT aid, 0 AS abalance, repeat(' ', 84) AS filler "
            "FROM generate_series(1, 1000000) AS aid"
        )
        database.execute("ALTER TABLE accounts ADD PRIMARY KEY (aid)")
        database.execute("CREATE TABLE history (aid int, delta int, mtime timestamp)")
    context = multiprocessing.get_context("spawn")
    with context.Pool(load.CLIENTS) as pool:
        return sum(pool.starmap(_write, [(url, seconds)] * load.CLIENTS))


def _write(url: str, seconds: float) -> float:
    import random

    import psycopg

    done = 0
    with psycopg.connect(url) as database:
        begun = time.perf_counter()
        while (spent := time.perf_counter() - begun) < seconds:
            given = {"aid": random.randint(1, 1_000_000), "delta": random.randint(-5000, 5000)}
            change = "UPDATE accounts SET abalance = abalance + %(delta)s WHERE aid = %(aid)s"
            database.execute(change, given)
            database.execute("SELECT abalance FROM accounts WHERE aid = %(aid)s", given)
            database.execute("INSERT INTO history VALUES (%(aid)s, %(delta)s, now())", given)
            database.commit()
            done += 1
    return done / spent


def files_kept(home: Path, size: int, seconds: float) -> float:
    """Files in a second that 8 writers make durable: written, synced, named, the folder synced."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(load.CLIENTS) as pool:
        return sum(pool.starmap(_keep, [(home, size, seconds)] * load.CLIENTS))


def _keep(home: Path, size: int, seconds: float) -> float:
    folder = Path(tempfile.mkdtemp(dir=home))
    data = os.urandom(size)
    done = 0
    begun = time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        half, whole = folder / "half", folder / str(done)
        with half.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        half.rename(whole)
        handle = os.open(folder, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
        done += 1
    return done / spent


def bare_page(place: Installation, seconds: float) -> load.Measured:
    """A Django page that reads one row by its key and does nothing else, on the same server."""
    port = free_port()
    with running("bare_page", str(port), home=place.home, port=port, folder=BENCH):
        return load.drive(port, _bare, seconds=seconds)


def _bare(_client: int) -> Iterator[load.Work]:
    request = load.get("/")
    while True:
        yield _once(request)


def _once(request: bytes) -> load.Work:
    load.expect((yield request), 200)


def compared(figure: float, limits: dict[str, float]) -> str:
    """One line for each limit, with the share of it that was reached."""
    return "\n".join(
        f"  {name:<32}{limit:8.0f} /s   reached: {figure / limit:.1%}"
        for name, limit in limits.items()
    )
