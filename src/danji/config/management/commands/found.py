from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from danji.config.entering import enter_complex


class Command(BaseCommand):
    """Take in a real complex."""

    help = "실제 단지를 등록합니다."
    requires_system_checks = ()  # they are for development, and cost time

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--code", required=True, help="K-apt 단지코드. 예: A10012345")
        parser.add_argument("--name", required=True, help="단지 이름")
        parser.add_argument("--address", required=True, help="주소")
        parser.add_argument("--phone", default="", help="관리사무소 전화번호")

    def handle(self, *, code: str, name: str, address: str, phone: str, **_options: Any) -> None:
        self.stdout.write(
            enter_complex(code=code, name=name, address=address, phone=phone, at=timezone.now())
        )
