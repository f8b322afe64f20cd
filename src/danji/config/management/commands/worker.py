import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.management.base import BaseCommand

from danji.config.schedule import keep_auditing, run_jobs, start, wait_for_seal

PAUSE = 5.0  # seconds without a seal after which the worker looks by itself


class Command(BaseCommand):
    """Render and publish, and audit each night, for as long as it runs."""

    help = "봉인된 문서의 PDF를 만들고 공개합니다."
    requires_system_checks = ()  # they are for development, and cost time

    def handle(self, **_options: Any) -> None:
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        start()
        with ThreadPoolExecutor(1) as threads:
            auditing = threads.submit(keep_auditing, stop)
            try:
                while not stop.is_set() and not auditing.done():
                    if not run_jobs():
                        wait_for_seal(PAUSE)
            finally:
                stop.set()
        auditing.result()
