from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from danji.config.entering import enter_phone


class Command(BaseCommand):
    """Enter, change or take away a person's mobile number."""

    help = "알림톡·문자를 받을 휴대전화 번호를 등록하거나 바꾸거나 지웁니다."
    requires_system_checks = ()  # they are for development, and cost time

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True, help="로그인하는 메일 주소")
        parser.add_argument("--phone", required=True, help="휴대전화 번호. 지우려면 빈 글")

    def handle(self, *, email: str, phone: str, **_options: Any) -> None:
        self.stdout.write(enter_phone(email=email, phone=phone, at=timezone.now()))
