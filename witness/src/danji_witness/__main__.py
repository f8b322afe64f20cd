"""`python -m danji_witness`: watch logs and cosign their heads.

Exit code: 0 when all went well, 1 when something was refused or needs attention.
"""

import argparse
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from danji_witness.errors import Refused
from danji_witness.files import write_whole
from danji_witness.folder import Folder, make, open_folder
from danji_witness.logs import LogList, log_id, log_line, parse_logs, with_line
from danji_witness.mirror import Flag, Mirror, read_flags
from danji_witness.pull import BUDGET, Sources, Visitor, run_in_thread
from danji_witness.state import Head, State
from danji_witness.steady import LEAP
from danji_witness.web import load_witness, serve, start_logging
from danji_witness.witness import UNPROVEN, Witness

EVERY = 60  # seconds between visits, unless said otherwise
SHOWN_FLAGS = 5


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        del message  # argparse says it in English
        self.print_usage(sys.stderr)
        self.exit(2, "무엇을 할지 알 수 없습니다. 사용법은 -h로 볼 수 있습니다.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns: the exit code."""
    options = _parser().parse_args(arguments)
    act: Callable[[argparse.Namespace], int] = options.act
    try:
        return act(options)
    except Refused as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    except OSError as problem:
        sys.stderr.write(f"파일을 읽거나 쓸 수 없습니다: {problem}\n")
        return 1
    except KeyboardInterrupt:
        return 0


def _parser() -> _Parser:
    parser = _Parser(
        prog="python -m danji_witness",
        description="장부를 지켜보고, 앞의 것과 이어질 때만 새 머리에 확인 서명을 합니다.",
    )
    commands = parser.add_subparsers(required=True, metavar="할 일")

    new = commands.add_parser("init", help="새 확인 기관을 만듭니다")
    new.add_argument("--name", required=True, help="이름. 빈칸과 + 없이, 예: gaon.example/감사")
    new.set_defaults(act=_init)

    watch = commands.add_parser("watch", help="지켜볼 장부를 더합니다")
    watch.set_defaults(act=_watch)

    run = commands.add_parser("run", help="지켜보기를 시작합니다")
    run.add_argument("--listen", type=_listen, metavar="주소:포트", help="장부가 찾아오게 합니다")
    run.add_argument(
        "--pull", type=float, default=EVERY, metavar="초", help="찾아가는 간격(0이면 찾아가지 않음)"
    )
    run.add_argument("--mirror", action="store_true", help="장부를 통째로 보관하고 살핍니다")
    run.set_defaults(act=_run)

    status = commands.add_parser("status", help="지금 어떤지 봅니다")
    status.set_defaults(act=_status)

    for command in (new, watch, run, status):
        command.add_argument("folder", type=_folder, metavar="폴더")
    watch.add_argument("vkey", metavar="열쇠", help="policy.txt의 log 다음 글자")
    watch.add_argument("url", metavar="주소", help="장부의 주소")
    watch.add_argument("site", metavar="낼 곳", nargs="?", default="", help="다를 때만 적습니다")
    return parser


def _init(options: argparse.Namespace) -> int:
    identity = make(options.folder, options.name)
    _say(
        "확인 기관을 만들었습니다. 아래 한 줄을 운영자와 관리사무소에 알려 주세요.\n\n"
        f"  {identity.key}\n\n"
        f"이 폴더({options.folder.path})의 key.pem은 아무에게도 주지 마세요. "
        "이 폴더를 예전 것으로 되돌리지도 마세요."
    )
    return 0


def _watch(options: argparse.Namespace) -> int:
    folder: Folder = options.folder
    identity, state = open_folder(folder)
    state.close()
    line = log_line(options.vkey, options.url, options.site)
    if options.vkey == str(identity.key):
        raise Refused("그것은 이 확인 기관의 열쇠입니다. 장부의 열쇠를 적어 주세요.")
    after = with_line(folder.logs.read_text("utf-8-sig"), line)
    write_whole(folder.logs, after.encode())
    origin = options.vkey.partition("+")[0]
    if len(parse_logs(after)[origin].keys) > 1:
        _say("이 장부의 새 열쇠로 더했습니다. 이제 이 열쇠로 서명한 머리에만 확인 서명합니다.")
    else:
        _say("장부를 더했습니다. 실행 중이면 곧 지켜보기 시작합니다.")
    return 0


def _run(options: argparse.Namespace) -> int:
    folder: Folder = options.folder
    if options.listen is None and options.pull <= 0:
        raise Refused("찾아가지도, 찾아오게 하지도 않으면 할 일이 없습니다.")
    if options.mirror and options.pull <= 0:
        raise Refused("사본은 찾아가며 살펴야 합니다. --pull을 0으로 두지 마세요.")
    with folder.taken():
        start_logging()
        sources = Sources(BUDGET)
        visits = options.pull > 0
        witness = load_witness(folder, sources if options.mirror else None, visits=visits)
        _greet(witness, options)
        begin, end = _visiting(witness, sources, options)
        try:
            if options.listen is None:
                # By name: whoever started us in the background may have left SIGINT ignored.
                for ending in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(ending, signal.default_int_handler)
                begin()
                threading.Event().wait()
            else:
                serve(folder, options.listen, begin, mirrored=options.mirror, visits=visits)
        finally:
            sources.stop()
            end()
            witness.close()
    return 0


def _visiting(
    witness: Witness, sources: Sources, options: argparse.Namespace
) -> tuple[Callable[[], None], Callable[[], None]]:
    """What begins visiting the logs, and what ends it."""
    ends: list[Callable[[], None]] = []
    mirror = witness.keeper if isinstance(witness.keeper, Mirror) else None

    def begin() -> None:
        if options.pull > 0:
            visitor = Visitor(witness, sources, every=options.pull, mirror=mirror)
            ends.append(run_in_thread(visitor))

    def end() -> None:
        for each in ends:
            each()

    return begin, end


def _greet(witness: Witness, options: argparse.Namespace) -> None:
    ways = []
    if options.pull > 0:
        ways.append(f"{options.pull:g}초마다 찾아갑니다")
    if options.listen is not None:
        address, port = options.listen
        ways.append(f"{address}:{port}에서 기다립니다")
    _say(
        f"{witness.identity.name}: 장부 {len(witness.logs.current())}개를 지켜봅니다. "
        + ". ".join(ways)
        + ". 멈추려면 Ctrl+C를 누릅니다."
    )
    newest = max((head.time for head in witness.state.heads()), default=None)
    if newest is not None and time.time() - newest > LEAP:
        _say(
            f"마지막으로 서명한 때는 {_moment(newest)}이고, 컴퓨터의 시계는 지금 "
            f"{_moment(int(time.time()))}입니다. 시계가 앞서 있으면 먼저 맞춰 주세요."
        )


def _status(options: argparse.Namespace) -> int:
    folder: Folder = options.folder
    identity, state = open_folder(folder)
    try:
        heads = {head.log: head for head in state.heads()}
        logs = LogList(folder.logs).current()
        origins = {log_id(origin): origin for origin in logs}
        origins |= {head.log: head.origin for head in heads.values()}
        _say(f"이름: {identity.name}\n열쇠: {identity.key}")
        well = [
            _log_status(folder, state, log, origin, heads.get(log))
            for log, origin in sorted(origins.items(), key=lambda item: item[1])
        ]
    finally:
        state.close()
    return 0 if all([*well, _flag_status(folder)]) else 1


def _log_status(folder: Folder, state: State, log: str, origin: str, head: Head | None) -> bool:
    """Say how one log is doing. Returns: whether all is well."""
    lines = [f"\n장부: {origin}"]
    if head is None:
        lines.append("  아직 서명하지 않았습니다.")
    else:
        handed = "" if head.delivered else " (아직 내지 못했습니다)"
        lines.append(f"  {head.size:,}번까지 서명했습니다. {_moment(head.time)}{handed}")
    evidence = len(list((folder.evidence / log).glob("*.txt")))
    problems = [text for text in (state.halted(log), state.trouble(log)) if text]
    if evidence:
        problems.append(f"장부가 서명한 잘못된 머리 {evidence}개를 evidence 폴더에 남겼습니다.")
    if unproven := len(list((folder.evidence / log / UNPROVEN).glob("*.txt"))):
        lines.append(f"  이어지는지 볼 수 없던 머리 {unproven}개가 evidence 폴더에 따로 있습니다.")
    _say("\n".join([*lines, *(f"  ! {problem}" for problem in problems)]))
    return not problems


def _flag_status(folder: Folder) -> bool:
    """Say what was odd in the logs. Returns: whether nothing was."""
    count, last = 0, deque[Flag](maxlen=SHOWN_FLAGS)
    for flag in read_flags(folder):
        count += 1
        last.append(flag)
    if not count:
        return True
    _say(f"\n살펴볼 것이 {count:,}가지 있습니다(flags.jsonl). 마지막 것부터:")
    for flag in reversed(last):
        where = "" if flag.index is None else f" {flag.index}번 항목:"
        _say(f"  ! {flag.origin}{where} {flag.sentence}")
    return False


def _folder(text: str) -> Folder:
    return Folder(Path(text))


def _listen(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    if not address or not port.isdecimal() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError("address:port")
    return address.strip("[]"), int(port)


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y. %m. %d. %H:%M")


def _say(text: str) -> None:
    sys.stdout.buffer.write(f"{text}\n".encode())
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
