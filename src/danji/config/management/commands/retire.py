from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from danji.config.recovering import retire_log


class Command(BaseCommand):
    """Close a complex's log and open the next; looks only, without --do."""

    help = "단지의 봉인 장부를 닫고 다음 장부를 엽니다. --do가 없으면 무엇을 할지만 말합니다."
    requires_system_checks = ()  # they are for development, and cost time

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--code", required=True, help="K-apt 단지코드")
        parser.add_argument("--reason", required=True, help="닫는 까닭. 누구나 볼 수 있게 적힙니다")
        parser.add_argument(
            "--lose",
            type=int,
            default=0,
            help="어디에도 사본이 없어 잃는 확정 사건의 수. 물어볼 때만 적습니다",
        )
        parser.add_argument("--do", action="store_true", help="말한 대로 합니다")

    def handle(self, *, code: str, reason: str, lose: int, do: bool, **_options: Any) -> None:
        self.stdout.write(retire_log(code, reason=reason, lose=lose, do=do, at=timezone.now()))
