"""Two witnesses for the demonstration, each a program with a key of its own, as others run it.

In a real installation they stand in somebody else's house; here they only show what becomes of a
record once they have agreed.
"""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL

from django.conf import settings
from django.utils import timezone

from danji.base import tenancy, tether
from danji.base.jobs import hold_lock
from danji.base.outside import outside_session
from danji.complexes.models import Complex
from danji.config.schedule import wait_for_seal
from danji.config.supervisor import end
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.transparency.models import Party, Witness
from danji.transparency.notary import LOCK, Offer, put
from danji.transparency.proposing import confirming
from danji.transparency.publishing import publish
from danji.transparency.queries import policy, published_head
from danji.transparency.sequencer import Sequencer, only_one
from danji.transparency.witnesses import register_witness
from danji.transparency.witnessing import NotTaken, watched_log

PATIENCE = 60  # looks at what the sequencer of a running server has done
PROGRAM = (sys.executable, "-m", "danji_witness")


@dataclass(frozen=True)
class Played:
    """A witness of the demonstration: on whose behalf, what it is called, and where it is kept."""

    party: Party
    label: str
    name: str

    @property
    def folder(self) -> Path:
        return Path(settings.HOME) / "demo" / f"witness-{self.party.value}"


PLAYED = (
    Played(Party.COMPLEX, "연습용 감사", "auditor.demo.danji"),
    Played(Party.CITY, "연습용 구청", "city.demo.danji"),
)


def let_witnesses_agree(complex_: Complex) -> None:
    """Let both follow the complex's log and cosign its head, and publish that they agreed; where a
    notary runs already, it publishes that.
    """
    with ExitStack() as running, outside_session(may_lead_inside=True) as session:
        for played in PLAYED:
            vkey = _made(played)
            _watch(played, complex_)
            address = running.enter_context(_answering(played))
            _register(played, vkey, complex_, address)
        _let_be_placed(complex_)
        log, now = watched_log(complex_), timezone.now()
        with tenancy.within(complex_.id):
            head = published_head(complex_)
        offer = Offer(head.note, head.checkpoint, now)
        for witness in log.witnesses:
            with suppress(NotTaken):  # when it has seen a newer head by itself
                put(session, witness, log, offer, old=0, at=now)
        with hold_lock(LOCK) as held:
            if held:
                publish(log, now)
    # From now on they look by themselves, as a computer behind somebody's router does.
    Witness.objects.filter(name__in=[played.name for played in PLAYED]).update(url="")


def _let_be_placed(complex_: Complex) -> None:
    """Let the sequencer say in the log who follows it; where one runs already, wait for it."""
    with only_one() as held:
        if held:
            Sequencer().tick()
            return
    for _ in range(PATIENCE):
        if not watched_log(complex_).waits:
            return
        wait_for_seal(1.0)


def _made(played: Played) -> str:
    """Make the witness, unless it is registered already. Returns: its key, as a policy has it."""
    registered = Witness.objects.filter(name=played.name).first()
    if registered is not None:
        return registered.vkey
    shutil.rmtree(played.folder, ignore_errors=True)  # of a demonstration that was interrupted
    said = _run("init", str(played.folder), "--name", played.name)
    return next(line.strip() for line in said.splitlines() if line.strip().startswith(played.name))


def _watch(played: Played, complex_: Complex) -> None:
    with tenancy.within(complex_.id):
        logs = policy(complex_).logs
    known = (played.folder / "logs.txt").read_text(encoding="utf-8")
    for log in reversed(logs):  # of one log the key that is added last is the newest
        if str(log.key) not in known:
            _run("watch", str(played.folder), str(log.key), log.url or "")


def _register(played: Played, vkey: str, complex_: Complex, address: str) -> None:
    if Witness.objects.filter(name=played.name).update(url=address):
        return
    at = timezone.now()
    with tenancy.within(complex_.id):
        officers = confirming(complex_.id, on=day_in_seoul(at))
        register_witness(
            label=played.label,
            party=played.party,
            vkey=vkey,
            url=address,
            complex_=complex_,
            officer=next(iter(officers), None),  # people are played here, and this one confirms it
            at=at,
        )


def _run(*arguments: str) -> str:
    """Run one command of the witness's program. Returns: what it said."""
    done = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@contextmanager
def _answering(played: Played) -> Iterator[str]:
    """The witness, answering at an address of its own, which is yielded."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [*PROGRAM, "run", str(played.folder), "--listen", f"127.0.0.1:{port}", "--pull", "0"]
    process = tether.start(command, output=DEVNULL)
    try:
        _await(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        end([process])


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody answers at the port. Raises: Refusal when the program ended instead."""
    while process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise Refusal(
        "연습용 확인 기관을 켜지 못했습니다.",
        next_step="다시 실행해 주세요. 또 그러면 이 화면을 개발자에게 보여 주세요.",
    )
