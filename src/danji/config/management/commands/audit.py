import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import Error
from django.utils import timezone

from danji.audit.actions import audit_and_note
from danji.audit.blobs import orphans
from danji.audit.collected import check_shared
from danji.audit.queries import kept_elsewhere
from danji.audit.report import as_json, as_text, verdict
from danji.audit.run import Audited
from danji.complexes.models import Complex
from danji.rules.refusal import Refusal
from danji.transparency.collection import Mismatch

CLEAN, FOUND, COULD_NOT = 0, 1, 2
BAR = 30  # characters


class Command(BaseCommand):
    """Read everything again, and hold it against what was sealed.

    Ends with 0 when nothing was found, 1 when something was, and 2 when it could not be done.
    """

    help = "저장된 자료를 봉인 장부와 모두 견주어 봅니다."
    requires_system_checks = ()  # they are for development, and cost time

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--code", action="append", default=[], help="단지코드. 없으면 모두")
        parser.add_argument("--json", default="", help="프로그램이 읽을 보고서의 파일. 화면은 -")
        parser.add_argument("--report", default="", help="사람이 읽을 보고서의 파일")

    def handle(self, *, code: list[str], report: str, **options: Any) -> None:
        try:
            mismatches = check_shared()
            tried = [self._audit(complex_, mismatches) for complex_ in _chosen(code)]
            audits = [audited for audited in tried if audited is not None]
            text = "\n\n".join(map(as_text, audits))
            if not code and len(audits) == len(tried):
                text += _orphans(audits)
        except (Refusal, OSError, Error) as problem:
            self.stderr.write(f"점검하지 못했습니다. {problem}")
            sys.exit(COULD_NOT)
        if report:
            Path(report).write_text(text, encoding="utf-8")
        data = json.dumps([as_json(audited) for audited in audits], ensure_ascii=False, indent=1)
        if options["json"] == "-":
            self.stdout.write(data)
        else:
            self.stdout.write(text)
        if options["json"] not in {"", "-"}:
            Path(options["json"]).write_text(f"{data}\n", encoding="utf-8")
        if len(audits) < len(tried):
            sys.exit(COULD_NOT)
        sys.exit(CLEAN if all(audited.clean for audited in audits) else FOUND)

    def _audit(self, complex_: Complex, mismatches: Sequence[Mismatch]) -> Audited | None:
        def progress(done: int, of: int) -> None:
            if self.stderr.isatty():
                bar = "#" * (BAR * done // of)
                self.stderr.write(f"\r{complex_.name} [{bar:<{BAR}}] {done}/{of}", ending="")

        audited = audit_and_note(
            complex_, at=timezone.now(), mismatches=mismatches, progress=progress
        )
        if self.stderr.isatty():
            self.stderr.write("")
        if audited is None:
            said = f"{complex_.name}: 점검을 끝까지 하지 못했습니다. 까닭은 기록(log)에 있습니다."
            self.stderr.write(said, self.style.ERROR)
            return None
        said = f"{complex_.name}: {audited.rows:,}건을 보았습니다. {verdict(audited)}."
        self.stderr.write(said, self.style.NOTICE)
        return audited


def _chosen(codes: Sequence[str]) -> list[Complex]:
    """The complexes to audit. Raises: Refusal when one is not known."""
    known = {complex_.code: complex_ for complex_ in Complex.objects.order_by("code")}
    for code in codes:
        if code not in known:
            raise Refusal(
                f"단지코드 {code}인 단지가 없습니다.", next_step="단지코드를 확인해 주세요."
            )
    return [known[code] for code in codes] if codes else list(known.values())


def _orphans(audits: Sequence[Audited]) -> str:
    """What is kept and nothing names; only to be known when every complex was looked at."""
    named = kept_elsewhere([audited.complex.id for audited in audits])
    count = orphans(named.union(*(audited.named for audited in audits)))
    return f"\n이름 없이 남은 파일: {count:,}개(버린 임시 문서의 붙임 따위이고, 잘못이 아닙니다)\n"
