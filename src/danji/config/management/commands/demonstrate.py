import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from danji.config.demonstration.path import Checked, run_main_path


class Command(BaseCommand):
    """Run the main path on real documents, and say where to look."""

    help = "연습용 단지에서 기안부터 독립 확인까지 해 봅니다."
    requires_system_checks = ()  # they are for development, and cost time

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--served", action="store_true", help="곧 화면을 열 때")

    def handle(self, **options: Any) -> None:
        results = []
        for step in run_main_path():
            if isinstance(step, str):
                self.stdout.write(f"   · {step}")
            else:
                results.append(step)
        for result in results:
            mark = "확인됨" if result.verified else "확인하지 못함"
            self.stdout.write(f"     {result.number}  {mark}  {result.title}")
            if not result.verified:
                self.stdout.write(result.verdict)
        if not results or not all(result.verified for result in results):
            sys.exit(1)
        self._say_where_to_look(results[-1], served=options["served"])

    def _say_where_to_look(self, last: Checked, *, served: bool) -> None:
        folder = last.pdf.parent
        self.stdout.write("")
        if served:
            login = f"{settings.SITE_URL}/accounts/login/"
            self.stdout.write(f"     로그인     {login} 에서 사람을 고릅니다")
            self.stdout.write(f"     공개 문서  {last.page}")
        self.stdout.write(
            f"""\
     만든 PDF   {folder}
     직접 확인  {_short(Path(sys.executable))} -m danji_verify '{_short(last.pdf)}' \\
                    --policy '{_short(folder / "policy.txt")}'"""
        )


def _short(path: Path) -> str:
    """The path as one types it where the program was started."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
