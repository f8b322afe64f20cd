"""Set Danji up, show that it works, and keep it running: python -m danji.config.up."""

import argparse
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from danji.base import tether
from danji.base.postgres import said_plainly
from danji.rules.refusal import Refusal


def main() -> int:
    """Do what the command line asks; say plainly what stands in the way.

    Returns: 0 when all went well, 1 when something stood in the way, 130 when interrupted.
    """
    options = argparse.ArgumentParser(prog="bin/up", description=__doc__)
    options.add_argument("--then-end", action="store_true", help="demonstrate, then end")
    then_end: bool = options.parse_args().then_end
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if ending is not signal.SIGHUP or signal.getsignal(ending) is not signal.SIG_IGN:
            signal.signal(ending, signal.default_int_handler)
    try:
        with ExitStack() as running:
            code, last_words = _up(running, then_end=then_end)
    except Refusal as refusal:
        return _stopped(refusal)
    except OSError as error:
        return _stopped(said_plainly(error, Path(error.filename or ".")))
    except KeyboardInterrupt:
        print("\n멈추었습니다. 다시 실행하면 이어서 합니다.", flush=True)
        return 130
    except Exception:  # noqa: BLE001 - our own mistake: kept for us, and nobody is shown a trace
        with tempfile.NamedTemporaryFile("w", prefix="danji-", suffix=".log", delete=False) as log:
            traceback.print_exc(file=log)
        return _stopped(
            Refusal(
                "예상하지 못한 문제로 멈추었습니다.",
                next_step=f"{log.name} 파일을 관리자에게 보여 주세요.",
            )
        )
    print(last_words, flush=True)
    return code


def _stopped(refusal: Refusal) -> int:
    print(f"\n{refusal.fact}\n→ {refusal.next_step}", file=sys.stderr, flush=True)
    return 1


def _up(running: ExitStack, *, then_end: bool) -> tuple[int, str]:
    """Everything from an empty folder to a served site; what was started ends with `running`.

    Returns: the exit code, and what is left to say when all has ended.
    """
    try:
        from danji.config import settings, steps
        from danji.config.supervisor import LOGS, Supervisor, trim_logs
    except ValueError as error:
        raise Refusal(
            f"설정값 하나가 잘못되었습니다: {error}",
            next_step="환경 변수나 .env의 값을 .env.example과 견주어 고쳐 주세요.",
        ) from None

    begun = time.monotonic()
    folder = settings.HOME / "run"
    folder.mkdir(parents=True, exist_ok=True)
    LOGS.mkdir(exist_ok=True)
    lock = (folder / "up.lock").open("a+")
    running.callback(lock.close)
    if not tether.locked(lock.fileno()):
        lock.seek(0)
        return int(then_end), (
            f"이미 실행 중입니다: {lock.read().strip()}/\n"
            "끝내려면 먼저 실행한 창에서 Ctrl-C를 눌러 주세요."
        )
    lock.truncate(0)
    lock.write(settings.SITE_URL)
    lock.flush()

    with _step("자리를 확인합니다"):
        trim_logs()
        held = running.enter_context(tether.alone(folder / "programs.held"))
        if not then_end:
            steps.require_site_address()
            steps.require_port()
    with _step("데이터베이스를 켭니다"):
        cluster = steps.start_database(running)
    digest = steps.program_digest()
    with _step("표와 서식을 맞춥니다"):
        steps.prepare_database(digest, held)
    earlier = steps.REPORT.read_text() if steps.REPORT.exists() else ""
    if then_end or steps.wants_demonstration():
        earlier = ""
        with _step("시연 단지에서 기안부터 검증까지 해 봅니다"):
            print()
            for line in steps.demonstrate(held, served=not then_end):
                print(line, flush=True)
            print("  ", end=" ")
    if then_end:
        return 0, "시연을 마쳤고, 독립 검증에 성공했습니다."
    with _step("화면에 쓰이는 파일을 모읍니다"):
        steps.collect_static(digest, held)
    supervisor = Supervisor(cluster, held)
    running.callback(supervisor.stop)
    with _step("프로그램을 켭니다"):
        supervisor.start()
        supervisor.await_web()
    print(f"\n{earlier}")
    print(f"준비되었습니다 ({time.monotonic() - begun:.1f}초): {settings.SITE_URL}/")
    print("끝내려면 Ctrl-C를 눌러 주세요.", flush=True)
    with suppress(KeyboardInterrupt):
        supervisor.keep()
    print("\n끝내는 중입니다.", flush=True)
    return 0, "모두 끝냈습니다."


_steps = iter("①②③④⑤⑥⑦⑧⑨")


@contextmanager
def _step(title: str) -> Iterator[None]:
    """Say what is being done, and how many seconds it took."""
    print(f"{next(_steps)} {title} …", end=" ", flush=True)
    begun = time.monotonic()
    yield
    print(f"{time.monotonic() - begun:.1f}초", flush=True)


if __name__ == "__main__":
    sys.exit(main())
