from typing import Any

from django.core.management.base import BaseCommand, CommandError

from danji.base.jobs import hold_lock
from danji.transparency.collecting import LOCK, collect
from danji.transparency.sequencer import LogError


class Command(BaseCommand):
    """Pin the newest heads in the log of logs now, without waiting for the hour."""

    help = "모든 단지의 새 머리를 모음 장부에 지금 적습니다. 켜 두면 한 시간마다 저절로 합니다."
    requires_system_checks = ()  # they are for development, and cost time

    def handle(self, **_options: Any) -> None:
        with hold_lock(LOCK) as held:
            if not held:
                raise CommandError("봉인 처리기가 지금 모으고 있습니다. 잠시 뒤 다시 해 주세요.")
            try:
                count = collect()
            except LogError as error:
                raise CommandError(str(error)) from error
        self.stdout.write(f"머리 {count}개를 모음 장부에 적었습니다.")
