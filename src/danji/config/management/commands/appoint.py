from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from danji.accounts.models import Office
from danji.config.entering import enter_officeholder


class Command(BaseCommand):
    """Put a person into an office of a complex."""

    help = "단지에서 직책을 맡은 분을 등록합니다."
    requires_system_checks = ()  # they are for development, and cost time

    def add_arguments(self, parser: CommandParser) -> None:
        offices = ", ".join(office.label for office in Office)
        parser.add_argument("--code", required=True, help="K-apt 단지코드")
        parser.add_argument("--office", required=True, help=f"직책: {offices}")
        parser.add_argument("--name", required=True, help="이름")
        parser.add_argument("--email", required=True, help="로그인 번호를 받을 메일 주소")
        parser.add_argument("--since", default="", help="임기 첫날(2026-01-31). 없으면 오늘")
        parser.add_argument("--until", default="", help="임기 마지막 날. 없으면 계속")

    def handle(
        self,
        *,
        code: str,
        office: str,
        name: str,
        email: str,
        since: str,
        until: str,
        **_options: Any,
    ) -> None:
        self.stdout.write(
            enter_officeholder(
                code=code,
                office=office,
                name=name,
                email=email,
                since=since,
                until=until,
                at=timezone.now(),
            )
        )
