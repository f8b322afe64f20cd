"""The programs that `up` keeps running beside the database."""

import sys
from dataclasses import dataclass

from danji.config import settings


@dataclass(frozen=True)
class Program:
    """One program to keep running; `title` is what the operator calls it."""

    name: str
    title: str
    module: tuple[str, ...]

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", *self.module]


WEB = Program("web", "웹 서버", ("danji.config.serve",))
PROGRAMS = (
    WEB,
    Program("sequencer", "봉인 처리기", ("danji.config.manage", "sequencer")),
    Program("notary", "확인 처리기", ("danji.config.manage", "notary")),
    Program("worker", "작업 처리기", ("danji.config.manage", "worker")),
    Program("messenger", "알림 처리기", ("danji.config.manage", "messenger")),
)
PRACTICE_RELAY = Program("practice-relay", "연습용 중계기", ("danji.config.demonstration.relay",))


def programs() -> tuple[Program, ...]:
    """What is kept running here: in a demonstration its witnesses and its relay too, once made."""
    if not settings.DEMO:
        return PROGRAMS
    relay = (PRACTICE_RELAY,) if (settings.PRACTICE / "port").exists() else ()
    played = tuple(
        Program(
            folder.name, "연습용 확인 기관", ("danji_witness", "run", str(folder), "--pull", "2")
        )
        for folder in sorted((settings.HOME / "demo").glob("witness-*"))
    )
    return PROGRAMS + relay + played
