"""kill -9 of the sequencer and the notary at random moments, while events are written and two
witnesses are asked; at the end nothing may be lost, doubled or forked.

Run: `python bench/kills.py [--runs N] [--seed N]`. Prints figures; exit code 1 when something does
not hold. Processes, database, files and witnesses are real; only the pauses of the notary are left
out, so that every head is put to the witnesses. Each program is a copy of one that has loaded.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from installation import free_port, installed, machine, running

if TYPE_CHECKING:
    from installation import Installation

PROGRAMS = ("sequencer", "notary")
LONGEST = 0.8  # seconds until a kill
PATIENCE = 60  # seconds until all is sealed and certain, in the end
EVENTS = 40  # written in a second, about


@dataclass
class Kept:
    """What anybody could have kept on the way: every head that was published."""

    checkpoints: list[bytes] = field(default_factory=list)
    confirmed: list[bytes] = field(default_factory=list)

    def look(self, folder: Path) -> None:
        for name, found in (("checkpoint", self.checkpoints), ("confirmed", self.confirmed)):
            with suppress(FileNotFoundError):
                data = (folder / name).read_bytes()
                if not found or found[-1] != data:
                    found.append(data)


def fork(act: Callable[[], None], log: Path) -> int:
    """Run something in a copy of this process, which ends with it. Returns: its number."""
    parent = os.getpid()
    if child := os.fork():
        return child
    code = 1
    try:
        from danji.base.tether import end_with_parent

        end_with_parent(parent, signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        words = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(words, 1)
        os.dup2(words, 2)
        act()
        code = 0
    finally:
        if code:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def program(name: str) -> Callable[[], None]:
    """One of the programs, as the supervisor keeps it: started again while another still ends."""

    def run() -> None:
        from django.core.management import CommandError, call_command

        from danji.transparency import notary

        notary.PAUSE = notary.AT_ONCE = timedelta()
        while True:
            try:
                call_command(name)
            except CommandError:  # the database has not noticed yet that the one before is gone
                time.sleep(0.01)
            else:
                return

    return run


def writer(place: Installation) -> Callable[[], None]:
    """Writes events for ever, one in a transaction; says of each that it was committed."""

    def run() -> None:
        from django.utils import timezone

        from danji.base import tenancy
        from danji.transparency.actions import append_event
        from danji_verify.entry import Event

        chance, complex_ = random.Random(1), place.cast.complex
        with (place.home / "written").open("w") as written:
            while True:
                doc, at = uuid4(), timezone.now()
                with tenancy.within(place.complex_id):
                    append_event(complex_, doc, Event.DISCLOSED, {"publication": b""}, at=at)
                    append_event(complex_, doc, Event.FINALIZED, {"pdf": b"", "record": b""}, at=at)
                written.write(f"{doc.hex}\n")
                written.flush()
                time.sleep(chance.expovariate(EVENTS / 2))

    return run


def witnesses(place: Installation, stack: ExitStack) -> Iterator[Path]:
    """Two witnesses that follow the log, one of the complex and one of the city: their folders."""
    from django.utils import timezone

    from danji.transparency.models import Party
    from danji.transparency.witnesses import register_witness
    from danji.transparency.witnessing import watched_log
    from danji_witness.folder import Folder, make
    from danji_witness.logs import log_line

    log = watched_log(place.cast.complex)
    for party in (Party.COMPLEX, Party.CITY):
        folder, port = Folder(place.home / f"witness-{party}"), free_port()
        identity = make(folder, f"{party}.bench/1")
        folder.logs.write_text(log_line(str(log.keys[0]), ""))
        listen = ("run", str(folder.path), "--listen", f"127.0.0.1:{port}", "--pull", "0")
        stack.enter_context(running("danji_witness", *listen, home=place.home, port=port))
        register_witness(
            label=party.label,
            party=party,
            vkey=str(identity.key),
            url=f"http://127.0.0.1:{port}",
            complex_=place.cast.complex if party is Party.COMPLEX else None,
            at=timezone.now(),
        )
        yield folder.path


def kill_at_random(place: Installation, folder: Path, runs: int, chance: random.Random) -> Kept:
    """Let the programs work and kill one or both of them, so many times."""
    kept, alive, log = Kept(), dict[str, int](), place.home / "programs.log"
    try:
        for _ in range(runs):
            for name in PROGRAMS:
                if name not in alive:
                    alive[name] = fork(program(name), log)
            time.sleep(chance.uniform(0, LONGEST))
            for name in chance.choice([PROGRAMS, PROGRAMS, ("sequencer",), ("notary",)]):
                os.kill(alive[name], signal.SIGKILL)
                _, status = os.waitpid(alive.pop(name), 0)
                if not os.WIFSIGNALED(status):
                    raise RuntimeError(f"{name} ended by itself:\n{log.read_text()[-4000:]}")
            kept.look(folder)
    finally:
        for child in alive.values():
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return kept


def finish(place: Installation, folder: Path, kept: Kept) -> None:
    """Let the programs run until everything is sealed and certain."""
    from django.db import connection

    from danji.base import tenancy
    from danji.transparency.models import Event, PendingEvent
    from danji_verify.checkpoint import Checkpoint
    from danji_verify.note import parse_note

    children = [fork(program(name), place.home / "programs.log") for name in PROGRAMS]
    try:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            time.sleep(0.1)
            with tenancy.within(place.complex_id):
                waiting = PendingEvent.objects.within(place.complex_id).count()
                size = Event.objects.within(place.complex_id).count()
            kept.look(folder)
            sizes = [Checkpoint.parse(parse_note(data).text).size for data in kept.confirmed[-1:]]
            if not waiting and sizes == [size]:
                return
        raise RuntimeError("it was not all sealed and certain in the end")
    finally:
        connection.close()
        for child in children:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)


def lost_or_doubled(place: Installation, folder: Path) -> Iterator[str]:
    """What does not hold of events and their places, in sentences; nothing when all does."""
    from danji.base import tenancy
    from danji.transparency.models import Event, Leaf, Log, PendingEvent
    from danji.transparency.tree import file_reader
    from danji_verify.merkle import leaf_hash
    from danji_verify.tiles import audit, changed_bundles, read_bundle

    reader = file_reader(folder)
    with tenancy.within(place.complex_id):
        log = Log.objects.within(place.complex_id).get()
        events = dict(Event.objects.within(place.complex_id).values_list("id", "leaf_hash"))
        docs = {doc.hex for doc in Event.objects.values_list("doc", flat=True)}
        leaves = list(Leaf.objects.order_by("index").values_list("index", "event_id"))
        if PendingEvent.objects.exists():
            yield "an event has no place"
    if audit(log.size, reader) != bytes(log.root):
        yield "the files do not lead to the root"
    entries = [
        leaf_hash(entry)
        for index, width in changed_bundles(0, log.size)
        for entry in read_bundle(index, width, reader)
    ]
    if [index for index, _ in leaves] != list(range(log.size)):
        yield "the places have a gap, or one is taken twice"
    if sorted(event for _, event in leaves) != sorted(events):
        yield "an event was lost or doubled"
    if [bytes(events[event]) for _, event in leaves] != entries:
        yield "the published entries are others than the events"
    written = (place.home / "written").read_text().split("\n")[:-1]
    if not set(written) <= docs:
        yield "an event that was committed is gone"


def forked(place: Installation, folder: Path, kept: Kept, watching: list[Path]) -> Iterator[str]:
    """What does not hold of the heads that anybody keeps, in sentences."""
    from danji.base import tenancy
    from danji.transparency.models import ConfirmedHead, Cosignature, Log, Trouble
    from danji.transparency.queries import policy
    from danji.transparency.tree import file_reader
    from danji_verify.checkpoint import Checkpoint
    from danji_verify.note import parse_note
    from danji_verify.tiles import Prover

    with tenancy.within(place.complex_id):
        log, agreed = Log.objects.within(place.complex_id).get(), policy(place.cast.complex)
    shown = [
        witness / "public" / sha256(log.origin.encode()).hexdigest() / "checkpoint"
        for witness in watching
    ]
    published, certain, cosigned = (
        [Checkpoint.parse(parse_note(data).text) for data in found]
        for found in (kept.checkpoints, kept.confirmed, [path.read_bytes() for path in shown])
    )
    for found in (published, certain):
        sizes = [head.size for head in found]
        if sizes != sorted(sizes):
            yield "a published head went backwards"
    if not all(agreed.judge(data).confirmed for data in kept.confirmed):
        yield "a head was called certain and is not"
    prover = Prover(file_reader(folder))
    for head in {
        *((row.size, bytes(row.root)) for row in Cosignature.objects.all()),
        *((row.size, bytes(row.root)) for row in ConfirmedHead.objects.all()),
        *((head.size, head.root) for head in (*published, *certain, *cosigned)),
    }:
        if prover.root_at(head[0], log.size) != head[1]:
            yield f"a head of {head[0]} that somebody keeps is no beginning of the log"
    for witness in watching:
        if list((witness / "evidence").rglob("*.txt")):
            yield f"{witness.name} was shown another log"
    for trouble in Trouble.objects.all():
        yield f"a trouble was told: {trouble.sentence}"


def main(runs: int, seed: int) -> int:
    from_start = time.monotonic()
    with installed() as place, ExitStack() as stack:
        from django.db import connections

        from danji.transparency.models import ConfirmedHead, Event
        from danji.transparency.tree import log_folder

        folder, kept = log_folder(place.cast.complex.code, 1), Kept()
        watching = list(witnesses(place, stack))
        connections.close_all()  # each copy opens its own
        begun = time.monotonic()
        child = fork(writer(place), place.home / "writer.log")
        try:
            kept = kill_at_random(place, folder, runs, random.Random(seed))
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        spent = time.monotonic() - begun
        finish(place, folder, kept)
        wrong = [*lost_or_doubled(place, folder), *forked(place, folder, kept, watching)]
        events, certain = _count(place, Event), ConfirmedHead.objects.count()
        connections.close_all()
    print(f"kill -9 at random moments ({machine()})")
    print(f"  runs                            {runs:8d}   ({spent / runs:.2f} s each, seed {seed})")
    print(f"  events sealed                   {events:8d}")
    print(f"  published heads that were kept  {len(kept.checkpoints):8d}")
    print(f"  heads that became certain       {certain:8d}")
    print(f"  all together                    {time.monotonic() - from_start:8.0f} s")
    print(f"  lost, doubled, forked           {len(wrong):8d}   (wanted: 0)")
    for sentence in wrong:
        print(f"  ! {sentence}")
    return 1 if wrong else 0


def _count(place: Installation, model: type) -> int:
    from danji.base import tenancy

    with tenancy.within(place.complex_id):
        count: int = model.objects.within(place.complex_id).count()  # type: ignore[attr-defined]
        return count


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    sys.exit(main(asked.runs, asked.seed))
