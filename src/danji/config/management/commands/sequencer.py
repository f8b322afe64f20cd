import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from danji.transparency.collecting import keep_collecting
from danji.transparency.sequencer import Sequencer, only_one

TICK = 0.2  # seconds between looks at what waits


class Command(BaseCommand):
    """Seal what happens, for as long as it runs."""

    help = "결재한 일을 봉인 기록에 차례로 넣습니다. 한 번에 하나만 일합니다."
    requires_system_checks = ()  # they are for development, and cost time

    def handle(self, **_options: Any) -> None:
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        with only_one() as held:
            if not held:
                raise CommandError("다른 봉인 처리기가 이미 일하고 있습니다.")
            sequencer = Sequencer()
            sequencer.start()
            with ThreadPoolExecutor(1) as threads:
                collecting = threads.submit(keep_collecting, stop)
                try:
                    while not stop.is_set() and not collecting.done():
                        if not sequencer.tick():
                            stop.wait(TICK)
                finally:
                    stop.set()
            collecting.result()  # one that fails ends both, and the process is started again
