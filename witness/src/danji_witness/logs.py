"""Which logs are watched: `logs.txt`, one line a key, made to be edited by hand.

    log <vkey> [<address of the log>] [<address of the site that takes cosignatures>]

The same as in a tlog-policy, so a line of a log's `policy.txt` can be copied. Two lines of one
origin are two keys of one log, the newest first, as in `policy.txt`: during a rotation a log
signs with both. What the older one signs alone is not cosigned: it may have been stolen.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from danji_verify.errors import NoteError
from danji_verify.note import ED25519, VerifierKey
from danji_witness.errors import Refused

MAX_URL = 2000  # characters

TEMPLATE = """\
# 지켜볼 장부를 한 줄에 하나씩 적습니다.
#   log <장부의 열쇠> <장부의 주소>
# 단지의 장부 화면이나 policy.txt에 있는 줄을 그대로 옮겨 적으시면 됩니다.
# 열쇠가 바뀐 장부는 새 열쇠의 줄을 위에 둡니다. 맨 위의 열쇠로 서명한 머리에만 확인 서명합니다.
"""


@dataclass(frozen=True)
class WatchedLog:
    """A log, the keys that sign for it, the newest first, and where it is read; an address may be
    missing.

    `url` is the prefix of the log's files, `site` where cosignatures are handed in; neither ends
    in a slash. Without them the log comes to the witness by itself.
    """

    origin: str
    keys: tuple[VerifierKey, ...]
    url: str = ""
    site: str = ""

    @property
    def id(self) -> str:
        return log_id(self.origin)


def log_id(origin: str) -> str:
    """What addresses and folders call a log: the SHA-256 of its origin in 64 hex digits."""
    return sha256(origin.encode()).hexdigest()


def parse_logs(text: str) -> dict[str, WatchedLog]:
    """The logs of a list, by origin. Raises: Refused, naming the line that cannot be read."""
    logs: dict[str, WatchedLog] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.split()
        if words and not words[0].startswith("#"):
            try:
                log = _parse_line(words)
                logs[log.origin] = _joined(logs.get(log.origin), log)
            except ValueError as problem:
                raise Refused(
                    f"logs.txt의 {number}번째 줄을 읽을 수 없습니다({problem}). "
                    "‘log <장부의 열쇠> <장부의 주소>’의 꼴로 고쳐 주세요."
                ) from problem
    return logs


def log_line(vkey: str, url: str, site: str = "") -> str:
    """A line of the list. Raises: Refused when it could not be read back."""
    line = " ".join(word for word in ("log", vkey, url, site) if word)
    try:
        _parse_line(line.split())
    except ValueError as problem:
        raise Refused(f"장부를 더하지 않았습니다: {problem}.") from problem
    return f"{line}\n"


def with_line(text: str, line: str) -> str:
    """The list with one more line, above those of the same log: the key added last is the newest.

    Raises: Refused when the list could not be read then.
    """
    origin = _parse_line(line.split()).origin
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    places = [number for number, each in enumerate(lines) if _is_of(each, origin)]
    lines.insert(places[0] if places else len(lines), line)
    after = "".join(lines)
    parse_logs(after)
    return after


class LogList:
    """The list in a file, read again whenever the file has changed."""

    def __init__(self, path: Path) -> None:
        """Raises: Refused when the list cannot be read."""
        self._path = path
        self._lock = threading.Lock()
        self._seen = self._version()
        self._logs = self._read()
        self.problem = ""  # why the newest list is not used, as a sentence

    def current(self) -> Mapping[str, WatchedLog]:
        """The logs by origin. A list that cannot be read leaves the one before in use."""
        with self._lock:
            version = self._version()
            if version != self._seen:
                self._seen = version
                try:
                    self._logs, self.problem = self._read(), ""
                except Refused as problem:
                    self.problem = str(problem)
            return self._logs

    def _read(self) -> dict[str, WatchedLog]:
        try:
            return parse_logs(self._path.read_text("utf-8-sig"))
        except (OSError, UnicodeDecodeError) as problem:
            raise Refused(f"{self._path.name} 파일을 읽을 수 없습니다.") from problem

    def _version(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except OSError:
            return (0, 0)
        return (status.st_mtime_ns, status.st_size)


def _is_of(line: str, origin: str) -> bool:
    """Whether a line of the list names a key of this log."""
    words = line.split()
    return len(words) > 1 and words[0] == "log" and words[1].partition("+")[0] == origin


def _parse_line(words: list[str]) -> WatchedLog:
    if words[0] != "log" or not 2 <= len(words) <= 4:
        raise ValueError("뜻을 알 수 없는 줄입니다")
    try:
        key = VerifierKey.parse(words[1])
    except NoteError as problem:
        raise ValueError("열쇠가 온전하지 않습니다") from problem
    if key.type != ED25519:
        raise ValueError("장부의 열쇠가 아닙니다")
    url = _address(words[2]) if len(words) > 2 else ""
    site = _address(words[3]) if len(words) > 3 else _site_of(url)
    return WatchedLog(key.name, (key,), url, site)


def _joined(known: WatchedLog | None, log: WatchedLog) -> WatchedLog:
    if known is None:
        return log
    if log.keys[0] in known.keys:
        raise ValueError("같은 열쇠가 두 번 적혀 있습니다")
    keys = (*known.keys, *log.keys)
    return WatchedLog(log.origin, keys, known.url or log.url, known.site or log.site)


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or len(text) > MAX_URL:
        raise ValueError("주소는 https://로 시작합니다")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("주소에 물음표 뒤나 이름이 붙어 있습니다")
    return text.rstrip("/")


def _site_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if url else ""
