import signal
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

from django.core.management.base import BaseCommand

from danji.config.schedule import keep_sending, keep_stamping, keep_telling
from danji.outbox.models import Channel


class Command(BaseCommand):
    """Tell people and programs what they are to be told, for as long as it runs."""

    help = "알림을 메일과 기기 알림, 알림톡·문자로, 결재가 끝난 것을 다른 프로그램에 보냅니다."
    requires_system_checks = ()  # they are for development, and cost time

    def handle(self, **_options: Any) -> None:
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        with ThreadPoolExecutor(len(Channel) + 2) as threads:
            ways = [threads.submit(keep_sending, channel, stop) for channel in Channel]
            ways.append(threads.submit(keep_telling, stop))
            ways.append(threads.submit(keep_stamping, stop))
            # One that fails ends them all, and the process is started again.
            wait(ways, return_when=FIRST_COMPLETED)
            stop.set()
        for way in ways:
            way.result()
