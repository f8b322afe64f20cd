"""Reading a log over HTTP, and handing in a cosignature, with limits on time and size."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from danji_verify.note import MAX_NOTE
from danji_verify.tiles import MAX_ENTRY, WIDTH
from danji_witness.errors import TooSlow, Trouble

TIMEOUT = (10.0, 20.0)  # seconds to connect, and of silence while reading
MAX_FILE = WIDTH * (MAX_ENTRY + 2)  # bytes; a full bundle of the longest entries
MAX_WORDS = 500  # characters of a refusal that are repeated
CHUNK = 64 * 1024  # bytes

USER_AGENT = "danji-witness"


class Source:
    """The files below a log's prefix: a `danji_verify.tiles.Reader`.

    Raises: FileNotFoundError where there is no such file, Trouble when it cannot be read now.
    """

    def __init__(
        self, session: requests.Session, url: str, seconds: float, stop: threading.Event
    ) -> None:
        """Args: `seconds` is how long all that is read through this may take together; nothing
        more is read once `stop` is set.
        """
        self._session = session
        self._url = url
        self._stop = stop
        self._until = time.monotonic() + seconds

    def __call__(self, path: str) -> bytes:
        return self.read(path, MAX_FILE)

    def read(self, path: str, limit: int = MAX_NOTE) -> bytes:
        """A file of at most `limit` bytes."""
        address = f"{self._url}/{path}"
        self._demand_time()
        with (
            _told(self._url),
            self._session.get(
                address, stream=True, timeout=TIMEOUT, allow_redirects=False
            ) as answer,
        ):
            if answer.status_code in (404, 410):
                raise FileNotFoundError(path)
            if answer.status_code != 200:
                raise Trouble(f"{address}: {answer.status_code} 답을 받았습니다.")
            return self._body(answer, address, limit)

    def _body(self, answer: requests.Response, address: str, limit: int) -> bytes:
        data = bytearray()
        # One piece as it comes: whoever sends a byte now and then does not hold us up.
        while chunk := answer.raw.read1(CHUNK, decode_content=True):
            data += chunk
            if len(data) > limit:
                raise Trouble(f"{address}: 파일이 너무 큽니다.")
            self._demand_time()
        return bytes(data)

    def _demand_time(self) -> None:
        if self._stop.is_set():
            raise Trouble("멈추는 중입니다.")
        if time.monotonic() > self._until:
            raise TooSlow(f"{self._url}: 너무 오래 걸려 그만두었습니다.")


def hand_in(session: requests.Session, site: str, note: bytes) -> None:
    """Give a cosigned head to the site of its log. Raises: Trouble when it was not taken."""
    address = f"{site}/witness/cosignature"
    with (
        _told(site),
        session.post(
            address,
            data=note,
            headers={"Content-Type": "text/plain; charset=utf-8"},
            stream=True,
            timeout=TIMEOUT,
            allow_redirects=False,
        ) as answer,
    ):
        words = answer.raw.read1(MAX_WORDS * 4, decode_content=True).decode("utf-8", "replace")
        if answer.status_code != 200:
            words = " ".join(words.split())[:MAX_WORDS]
            raise Trouble(f"확인 서명을 내지 못했습니다({answer.status_code}). {words}")


def new_session() -> requests.Session:
    """A session that keeps its connections; for one thread."""
    session = requests.Session()
    session.trust_env = False  # no credentials of this computer's user are sent anywhere
    session.headers["User-Agent"] = USER_AGENT
    session.mount("http://", HTTPAdapter(pool_connections=4, pool_maxsize=1))
    session.mount("https://", HTTPAdapter(pool_connections=4, pool_maxsize=1))
    return session


@contextmanager
def _told(address: str) -> Iterator[None]:
    try:
        yield
    except (requests.RequestException, HTTPError) as problem:
        raise Trouble(f"{address}에 닿지 않습니다.") from problem
