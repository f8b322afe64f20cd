import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.management.base import BaseCommand

from danji.config.schedule import Worker, keep_auditing, start

PATIENCE = 5.0  # seconds until the worker notices that it is to stop, where nothing is to be done


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
                worker = Worker()
                while not stop.is_set() and not auditing.done():
                    worker.tick(PATIENCE)
            finally:
                stop.set()
        auditing.result()
