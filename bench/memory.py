"""What everything together keeps in memory once it is up and has been used.

Run: `python bench/memory.py`. Prints figures and asserts nothing. Shared memory is counted once,
divided among those who share it (PSS), for every process below the one that was started.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import load
from installation import answers, machine, temporary_home

QUIET = 5.0  # seconds before anything is counted
PAGES = 25  # times each page is looked at beforehand, by each of 8 clients


def works(_client: int) -> Iterator[load.Work]:
    for _ in range(PAGES):
        for path in ("/", "/accounts/login/", "/public/A10023456/"):
            yield look(load.get(path))


def look(request: bytes) -> load.Work:
    yield request


def processes_below(root: int) -> dict[int, str]:
    """The processes started by one, itself among them: their ids, and what they are."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            found = re.search(r"^PPid:\s+(\d+)", status.read_text(), re.MULTILINE)
        except OSError:  # gone meanwhile
            continue
        if found:
            parents[int(status.parent.name)] = int(found[1])
    below = {root}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return {pid: name(pid) for pid in below}


def name(pid: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    if "postgres" in command.split(" ")[0]:
        return "database"
    for program in ("serve", "sequencer", "worker"):
        if re.search(rf"\b{program}\b", command):
            return program
    return "supervisor"


def pss(pid: int) -> float:
    """Megabytes."""
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    return int(found[1]) / 1024 if found else 0.0


def bare() -> float:
    """Megabytes of a Python that has loaded Django and does nothing."""
    code = "import django.core.handlers.wsgi, psycopg, sys; print(flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    if process.stdout:
        process.stdout.readline()
    taken = pss(process.pid)
    process.kill()
    process.wait()
    return taken


def total_memory() -> float:
    found = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def main() -> None:
    with temporary_home() as (home, port), (home / "bench.log").open("w") as log:
        up = subprocess.Popen([sys.executable, "-m", "danji.config.up"], stdout=log, stderr=log)
        try:
            while not answers(port):
                if up.poll() is not None:
                    raise RuntimeError((home / "bench.log").read_text())
                time.sleep(0.2)
            load.drive(port, works, seconds=20)
            time.sleep(QUIET)
            taken: dict[str, list[float]] = {}
            for pid, what in processes_below(up.pid).items():
                taken.setdefault(what, []).append(pss(pid))
        finally:
            up.send_signal(signal.SIGINT)
            up.wait()
    everything = sum(sum(each) for each in taken.values())
    django, whole = bare(), total_memory()

    print(f"memory at rest, after the demonstration and some use ({machine()})")
    for what, each in sorted(taken.items(), key=lambda item: -sum(item[1])):
        print(f"  {what:<24}{sum(each):8.0f} MB in {len(each)}")
    print(f"  all together            {everything:8.0f} MB   (wanted: 500)")
    print("beside it")
    print(f"  a bare Django process   {django:8.0f} MB   ours: {everything / django:.1f} times")
    print(f"  the machine's memory    {whole:8.0f} MB   ours: {everything / whole:.1%}")


if __name__ == "__main__":
    main()
