from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from danji.config.recovering import (
    recover_collection,
    recover_database,
    recover_files,
    recover_numbers,
)
from danji.rules.refusal import Refusal
from danji.transparency.collection import FOLDER

DATABASE, FILES, NUMBERS = "database", "files", "numbers"


class Command(BaseCommand):
    """Recover a log whose database or files are not what they were, and the registers after it;
    looks only, without --do.
    """

    help = "봉인 장부를 복구합니다. --do가 없으면 무엇을 찾았고 무엇을 할지만 말합니다."
    requires_system_checks = ()  # they are for development, and cost time

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "what",
            choices=[DATABASE, FILES, NUMBERS],
            help="database: 데이터베이스를 장부에서 되살립니다. files: 상한 파일을 다시 만듭니다. "
            "numbers: 종이로 이미 나간 번호를 건너뜁니다",
        )
        parser.add_argument("--code", required=True, help=f"K-apt 단지코드. 모음 장부는 {FOLDER}")
        parser.add_argument("--from", dest="source", default="", help="온전한 사본의 폴더나 주소")
        parser.add_argument("--number", type=int, help="장부 번호. 없으면 지금 쓰는 장부")
        parser.add_argument(
            "--used",
            action="append",
            default=[],
            help="numbers에서, 종이 등록대장의 마지막 번호. 되풀이할 수 있습니다",
        )
        parser.add_argument("--do", action="store_true", help="말한 대로 합니다")

    def handle(
        self,
        *,
        what: str,
        code: str,
        source: str,
        number: int | None,
        used: list[str],
        do: bool,
        **_options: Any,
    ) -> None:
        now = timezone.now()
        if used and what != NUMBERS:
            raise Refusal(
                "--used는 recover numbers에만 씁니다. 아무것도 바꾸지 않았습니다.",
                next_step="명령을 확인해 주세요.",
            )
        if what == NUMBERS:
            self.stdout.write(recover_numbers(code, used=used, do=do, at=now))
        elif code == FOLDER:
            self.stdout.write(recover_collection(source=source, do=do))
        elif what == DATABASE:
            self.stdout.write(recover_database(code, source=source, do=do, at=now))
        else:
            self.stdout.write(recover_files(code, number=number, source=source, do=do, at=now))
