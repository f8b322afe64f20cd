"""The programs that `up` keeps running beside the database."""

import sys
from dataclasses import dataclass


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
    Program("worker", "작업 처리기", ("danji.config.manage", "worker")),
    Program("messenger", "알림 처리기", ("danji.config.manage", "messenger")),
)
