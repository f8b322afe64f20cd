from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from danji.complexes.models import Complex
from danji.renditions.monthly import (
    demand_over,
    last_month,
    print_collection,
    print_complex,
)


class Command(BaseCommand):
    """Print the month's head of a log for the notice board."""

    help = "게시판에 붙일 이달의 머리표를 만듭니다. 켜 두면 달마다 저절로 만듭니다."
    requires_system_checks = ()  # they are for development, and cost time

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--code", default="", help="K-apt 단지코드. 없으면 모음 장부")
        parser.add_argument("--month", default="", help="달(2026-11). 없으면 지난달")

    def handle(self, *, code: str, month: str, **_options: Any) -> None:
        at = timezone.now()
        day = self._month(month) if month else last_month(at)
        demand_over(day, at)
        if code:
            complex_ = Complex.objects.filter(code=code).first()
            if complex_ is None:
                raise CommandError(f"단지코드 {code}인 단지가 없습니다.")
            paths = print_complex(complex_, day)
        else:
            path = print_collection(day)
            paths = [path] if path else []
        if not paths:
            raise CommandError(f"{day.year}년 {day.month}월에는 장부의 머리가 아직 없었습니다.")
        for path in paths:
            self.stdout.write(f"만들었습니다: {path}")

    def _month(self, text: str) -> date:
        try:
            return date.fromisoformat(f"{text}-01")
        except ValueError:
            raise CommandError(f"{text}은(는) 2026-11처럼 적은 달이 아닙니다.") from None
