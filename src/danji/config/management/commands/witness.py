from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from danji.config.entering import end_witness, enter_witness, listed_witnesses
from danji.rules.refusal import Refusal
from danji.transparency.models import Party


class Command(BaseCommand):
    """Enter, list and end those who watch the logs."""

    help = "봉인 장부를 함께 지켜보는 확인 기관을 등록하고, 보고, 끝냅니다."
    requires_system_checks = ()  # they are for development, and cost time

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--list", action="store_true", help="확인 기관을 모두 보기")
        parser.add_argument("--end", default="", metavar="NAME", help="이 이름의 확인을 끝내기")
        parser.add_argument("--code", default="", help="K-apt 단지코드. 없으면 이곳의 모든 장부")
        parties = ", ".join(f"{party.label}({party.value})" for party in Party)
        parser.add_argument("--party", default="", help=f"누구 쪽인지: {parties}")
        parser.add_argument("--label", default="", help="사람들이 부르는 이름. 예: 들꽃마을 감사")
        parser.add_argument("--key", default="", help="확인 기관에서 받은 열쇠(vkey)")
        parser.add_argument("--url", default="", help="확인 서명을 청할 주소. 없으면 스스로 보냄")

    def handle(
        self,
        *,
        end: str,
        code: str,
        party: str,
        label: str,
        key: str,
        url: str,
        **options: Any,
    ) -> None:
        at = timezone.now()
        if options["list"]:
            for line in listed_witnesses():
                self.stdout.write(line)
        elif end:
            self.stdout.write(end_witness(name=end, at=at))
        elif not key:
            raise Refusal(
                "확인 기관의 열쇠가 없습니다.",
                next_step="--key, --party, --label을 적거나, --list나 --end를 적어 주세요.",
            )
        else:
            said = enter_witness(code=code, party=party, label=label, key=key, url=url, at=at)
            self.stdout.write(said)
