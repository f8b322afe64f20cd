from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from danji.config.entering import end_trouble, listed_troubles


class Command(BaseCommand):
    """List what is wrong with the logs, and end what was looked into."""

    help = "봉인 장부의 지금 문제를 보여 주고, 알아본 것을 끝난 일로 적습니다."
    requires_system_checks = ()  # they are for development, and cost time

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--end", default="", metavar="ID", help="끝난 일로 적을 문제의 번호")

    def handle(self, *, end: str, **_options: Any) -> None:
        if end:
            self.stdout.write(end_trouble(trouble=end, at=timezone.now()))
            return
        for line in listed_troubles():
            self.stdout.write(line)
