"""Events into the log: 16 writers while it is sealed, and how fast leaves are taken in at best.

Run: `python bench/sequencing.py [seconds]`. Prints figures and asserts nothing.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import limits
from installation import installed, machine

if TYPE_CHECKING:
    from installation import Installation

WANTED = 2000  # events a second
PROCESSES, THREADS = 2, 8  # 16 writers, in as many processes as the web server has
PATIENCE = 30  # seconds until the last event is published


@dataclass
class Published:
    """When the published log reached which size, on the clock all processes share."""

    checkpoint: Path
    sizes: list[tuple[float, int]] = field(default_factory=list)

    def look(self) -> int:
        """Note the size, if it has grown. Returns: the size."""
        size = int(self.checkpoint.read_bytes().split(b"\n")[1])
        if not self.sizes or size > self.sizes[-1][1]:
            self.sizes.append((time.monotonic(), size))
        return size


def write(complex_id: UUID, until: float, rate: float) -> list[tuple[UUID, float]]:
    """Add events in one process, one in a transaction, as a decision does.

    Args: `rate` is how many a second at most, by all its threads together; `until` when to end, on
    the monotonic clock.
    Returns: the document of each event, and when its transaction had been committed.
    """
    import django

    django.setup()
    from django.utils import timezone

    from danji.base import tenancy
    from danji.complexes.models import Complex
    from danji.transparency.actions import Kept, append_event
    from danji_verify.entry import Event

    complex_ = Complex.objects.get(id=complex_id)
    done: list[tuple[UUID, float]] = []
    kept = Kept(hashlib.sha256(b"body").hexdigest())
    actor = b'{"name":"\xea\xb9\x80\xec\x88\x98\xec\xa7\x84","office":"\xea\xb2\xbd\xeb\xa6\xac"}'
    values: dict[str, bytes | Kept] = {"body": kept, "form": kept, "actor": actor}

    def writer() -> None:
        due = time.monotonic()
        while time.monotonic() < until:
            due += THREADS / rate
            time.sleep(max(due - time.monotonic(), 0))
            doc = uuid4()
            with tenancy.within(complex_id):
                append_event(complex_, doc, Event.SUBMITTED, values, at=timezone.now())
            done.append((doc, time.monotonic()))

    threads = [threading.Thread(target=writer) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


def live(
    place: Installation, seconds: float, rate: float = float("inf")
) -> tuple[float, list[float]]:
    """Events written in a second, and how many seconds each took from commit to publication.

    Args: `rate` is how many are written a second at most.
    """
    import subprocess

    from danji.transparency.tree import log_folder

    published = Published(log_folder(place.cast.complex.code, 1) / "checkpoint")
    log = (place.home / "bench.log").open("a")
    sequencer = subprocess.Popen(
        [sys.executable, "-m", "danji.config.manage", "sequencer"], stdout=log, stderr=log
    )
    try:
        while not published.checkpoint.exists():
            time.sleep(0.05)
        base = published.look()
        with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
            begun = time.monotonic() + 2.0  # until all processes have loaded
            until = begun + seconds
            share_of_it = (place.complex_id, until, rate / PROCESSES)
            results = pool.starmap_async(write, [share_of_it] * PROCESSES)
            while not results.ready():
                published.look()
                time.sleep(0.005)
            written = [one for result in results.get() for one in result]
        places = wait_for(place, published, base + len(written))
    finally:
        sequencer.terminate()
        sequencer.wait()
        log.close()
    counted = [at for _, at in written if begun <= at <= until]
    return len(counted) / seconds, [
        reached(published, places[doc]) - at for doc, at in written if begun <= at <= until
    ]


def wait_for(place: Installation, published: Published, size: int) -> dict[UUID, int]:
    """Wait until so much is published. Returns: the place in the log of each document's event."""
    from danji.base import tenancy
    from danji.transparency.models import Leaf

    until = time.monotonic() + PATIENCE
    while published.look() < size and time.monotonic() < until:
        time.sleep(0.005)
    with tenancy.within(place.complex_id):
        leaves = Leaf.objects.within(place.complex_id).values_list("event__doc", "index")
        return dict(leaves)


def reached(published: Published, index: int) -> float:
    return next(at for at, size in published.sizes if size > index)


def integrate(place: Installation, seconds: float) -> tuple[float, float]:
    """Leaves taken in during a second, a full batch each time, as the sequencer does without its
    database: grown, staged and synced, read back, signed, put in place.

    Returns: these, and how many the processor could hash if there were nothing else.
    """
    from danji.base.keys import log_signer
    from danji.transparency.keys import key_name
    from danji.transparency.sequencer import BATCH, apply, check_staged, stage
    from danji_verify import merkle
    from danji_verify.checkpoint import Checkpoint, sign_checkpoint
    from danji_verify.tiles import Edge, grow

    code = place.cast.complex.code
    key, folder = log_signer(code, key_name(1)), place.home / "log"
    entries = [os.urandom(300).hex().encode() for _ in range(BATCH)]
    hashes = [merkle.leaf_hash(entry) for entry in entries]
    edge, done, begun = Edge(), 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        growth = grow(edge, entries, hashes)
        staged = stage(code, growth)
        check_staged(staged, folder, edge, growth)
        head = Checkpoint(f"danji.localhost/apt/{code}/1", growth.size, growth.root)
        apply(staged, folder, sign_checkpoint(head, key))
        edge, done = growth.edge, done + BATCH
    taken = done / spent

    done, begun = 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds / 4:
        for entry in entries:
            hashlib.sha256(b"\0" + entry).digest()
        for _ in range(BATCH):
            hashlib.sha256(b"\1" + bytes(64)).digest()
        done += BATCH
    return taken, done / spent


def share(times: list[float], part: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * part))] if times else float("nan")


def main(seconds: float) -> None:
    with installed() as place:
        taken, hashed = integrate(place, seconds / 2)
        paced, at_pace = live(place, seconds, rate=WANTED)
        rate, times = live(place, seconds)
        tps, tool = limits.transactions(place, seconds / 2)

    print(f"into the log ({machine()})")
    print(f"  written by 16 writers at a pace {paced:8.0f} /s   (wanted: 2,000)")
    print(
        f"  from commit to publication      {share(at_pace, 0.5):8.2f} s half,"
        f" {share(at_pace, 0.99):.2f} s of 99 %   (wanted: 1.5 s)"
    )
    print(f"  as fast as these writers can    {rate:8.0f} /s")
    print(
        f"  from commit to publication      {share(times, 0.5):8.2f} s half,"
        f" {share(times, 0.99):.2f} s of 99 %"
    )
    print(f"  taken in, 4,096 at a time       {taken:8.0f} /s   (wanted: 20,000)")
    print("the machine's own limits")
    print(limits.compared(rate, {f"{tool}, same database": tps}))
    print(limits.compared(taken, {"SHA-256 alone, one core": hashed}))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10)
