import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from danji.config.drilling import practise, run_drill


class Command(BaseCommand):
    """Practise recovering a log, on a copy."""

    help = "봉인 복구를 사본으로 연습합니다. 쓰고 있는 자료는 건드리지 않습니다."
    requires_system_checks = ()  # they are for development, and cost time

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--code", default="", help="K-apt 단지코드. 없으면 지어낸 단지")
        parser.add_argument("--here", action="store_true", help="사본 안에서 스스로 부릅니다")

    def handle(self, *, code: str, here: bool, **_options: Any) -> None:
        if not here:
            said, went_well = run_drill(code)
            self.stdout.write(said)
            sys.exit(0 if went_well else 1)
        failed = False
        for name, problem in practise(code, at=timezone.now()):
            failed |= bool(problem)
            self.stdout.write(f"{name}: {problem or '되었습니다.'}")
        self.stdout.write("고칠 것이 있습니다." if failed else "네 가지를 모두 해냈습니다.")
        sys.exit(int(failed))
