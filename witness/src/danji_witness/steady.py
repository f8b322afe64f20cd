"""A clock that is not believed when it goes back, or leaps ahead of the time that has passed."""

import threading
import time
from collections.abc import Callable
from datetime import datetime

from danji_witness.errors import ClockAhead, ClockBehind

LEAP = 86400  # seconds by which a clock may be put forward at once


def passed() -> float:
    """Seconds of a clock that nobody sets; where the system has one, it counts while asleep."""
    which = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if which is None else time.clock_gettime(which)


class SteadyClock:
    """Times for cosignatures. One far in the future would end all signing until then."""

    def __init__(self, clock: Callable[[], float], passed: Callable[[], float] = passed) -> None:
        """Args: `clock` gives POSIX seconds, `passed` those since whenever."""
        self._clock = clock
        self._passed = passed
        self._ahead: float | None = None  # of the one before the other, when last believed
        self._lock = threading.Lock()

    def now(self, known: int) -> int:
        """POSIX seconds, not before `known`, the time signed last.

        Raises: ClockBehind, ClockAhead.
        """
        with self._lock:
            now = self._clock()
            if int(now) < known:
                raise ClockBehind(
                    f"컴퓨터의 시계가 뒤로 갔습니다. {moment(known)}에 서명했는데 "
                    f"지금은 {moment(int(now))}입니다. 시계를 맞춰 주세요."
                )
            ahead = now - self._passed()
            if self._ahead is not None and ahead - self._ahead > LEAP:
                raise ClockAhead(
                    f"컴퓨터의 시계가 갑자기 {moment(int(now))}(으)로 갔습니다. 서명하지 "
                    "않았습니다. 시계를 맞춰 주세요. 이 시각이 맞으면 프로그램을 다시 켜 주세요."
                )
            self._ahead = ahead
            return int(now)


def moment(at: int) -> str:
    """POSIX seconds as people here write a time."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y. %m. %d. %H:%M:%S")
