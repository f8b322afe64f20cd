import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from danji.base.jobs import hold_lock
from danji.transparency.notary import LOCK, run


class Command(BaseCommand):
    """Have the heads of the logs cosigned, for as long as it runs."""

    help = "봉인 장부의 머리를 확인 기관에 보여 주고 확인 서명을 받습니다. 한 번에 하나만 일합니다."
    requires_system_checks = ()  # they are for development, and cost time

    def handle(self, **_options: Any) -> None:
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        with hold_lock(LOCK) as held:
            if not held:
                raise CommandError("다른 확인 처리기가 이미 일하고 있습니다.")
            run(stop)
