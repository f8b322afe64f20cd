from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from danji.config.entering import complex_of
from danji.config.rotating import keys_now, rotate_log, rotate_seal

LOG, SEAL, LIST = "log", "seal", "list"


class Command(BaseCommand):
    """Change the key of a complex's log or seal for a new one."""

    help = "단지의 봉인 장부나 문서 봉인의 열쇠를 바꿉니다."
    requires_system_checks = ()  # they are for development, and cost time

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--code", required=True, help="K-apt 단지코드")
        parser.add_argument(
            "key",
            choices=[LOG, SEAL, LIST],
            help="log: 봉인 장부의 열쇠. seal: 문서(PDF)를 봉인하는 열쇠. list: 지금 열쇠를 봅니다",
        )

    def handle(self, *, code: str, key: str, **_options: Any) -> None:
        complex_, now = complex_of(code), timezone.now()
        do = {LOG: rotate_log, SEAL: rotate_seal, LIST: keys_now}[key]
        self.stdout.write(do(complex_, at=now))
