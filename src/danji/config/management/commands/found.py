from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from danji.config.entering import enter_complex, enter_continued


class Command(BaseCommand):
    """Take in a real complex."""

    help = "실제 단지를 등록합니다."
    requires_system_checks = ()  # they are for development, and cost time

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--code", default="", help="K-apt 단지코드. 예: A10012345")
        parser.add_argument("--name", default="", help="단지 이름")
        parser.add_argument("--address", default="", help="주소")
        parser.add_argument("--phone", default="", help="관리사무소 전화번호")

        parser.add_argument(
            "--continuing",
            type=Path,
            metavar="폴더",
            help="다른 운영자가 export로 내보낸 폴더. 단지와 장부를 그대로 이어받습니다",
        )

    def handle(
        self,
        *,
        code: str,
        name: str,
        address: str,
        phone: str,
        continuing: Path | None,
        **_options: Any,
    ) -> None:
        if continuing is not None:
            self.stdout.write(enter_continued(continuing, at=timezone.now()))
            return
        self.stdout.write(
            enter_complex(code=code, name=name, address=address, phone=phone, at=timezone.now())
        )
