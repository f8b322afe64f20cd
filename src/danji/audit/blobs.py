"""Files by their digest: whether each that is named is there, and holds what its name says."""

import hashlib
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

from django.conf import settings

from danji.audit.findings import Area, Finding, Findings, Severity, Subject


class Kept(Enum):
    """What became of a file."""

    WHOLE = auto()
    CHANGED = auto()
    MISSING = auto()


@dataclass
class Blobs:
    """The files that were asked for, each read once. `known` is by the 32 bytes of the digest."""

    found: Findings
    known: dict[bytes, Kept] = field(default_factory=dict)

    def look(self, digest: str) -> Kept:
        """Read a file and see whether it holds what its name says."""
        key = bytes.fromhex(digest)
        if key not in self.known:
            self.known[key] = _read(path_of(digest), digest)
            self.found.rows["files"] += 1
        return self.known[key]

    def demand(self, digest: str, what: str, about: Subject, index: int | None = None) -> bool:
        """Tell when a file is gone or changed. Returns: whether it is whole."""
        kept = self.look(digest)
        if kept is Kept.MISSING:
            sentence = f"{what} 파일이 없어졌습니다."
        elif kept is Kept.CHANGED:
            sentence = f"{what} 파일이 저장한 뒤에 바뀌었습니다."
        else:
            return True
        detail = f"sha256 {digest}, {path_of(digest)}"
        self.found.suspect(Finding(Severity.FAULT, Area.FILES, sentence, detail, about, index))
        return False


def path_of(digest: str) -> Path:
    return Path(settings.FILES) / digest[:2] / digest[2:]


def _read(path: Path, digest: str) -> Kept:
    try:
        with path.open("rb") as file:
            whole = hashlib.file_digest(file, "sha256").hexdigest() == digest
    except OSError:
        return Kept.MISSING
    return Kept.WHOLE if whole else Kept.CHANGED


def orphans(named: set[bytes]) -> int:
    """How many kept files nothing names. They are no fault: a draft thrown away leaves them."""
    count = 0
    for path in Path(settings.FILES).glob("??/*"):
        try:
            count += bytes.fromhex(path.parent.name + path.name) not in named
        except ValueError:
            continue  # a file that was being written
    return count
