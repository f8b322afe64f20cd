from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from danji.config.entering import complex_of
from danji.config.moving import export_complex
from danji.rules.text import clean_line
from danji.transparency.repair import instead_of_the_sequencer
from danji.transparency.retiring import close as close_log


class Command(BaseCommand):
    """Write everything of a complex into a folder, for it to take along."""

    help = "단지의 자료를 모두 한 폴더에 담습니다."
    requires_system_checks = ()  # they are for development, and cost time

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--code", required=True, help="K-apt 단지코드")
        parser.add_argument("folder", type=Path, help="비어 있는 새 폴더")
        parser.add_argument(
            "--close",
            default="",
            metavar="까닭",
            help="먼저 봉인 장부를 닫습니다. 다른 운영자에게 옮길 때만 적고, 되돌릴 수 없습니다",
        )
        parser.add_argument("--with-keys", action="store_true", help="서명 열쇠도 담습니다")

    def handle(
        self, *, code: str, folder: Path, close: str, with_keys: bool, **_options: Any
    ) -> None:
        complex_ = complex_of(code)
        if reason := clean_line(close, "까닭", limit=200):
            with instead_of_the_sequencer():
                self.stdout.write(close_log(complex_, reason=reason, at=timezone.now()))
        self.stdout.write(export_complex(complex_, folder, with_keys=with_keys))
