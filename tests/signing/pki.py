"""The relay to practise with, running, and with what a real one may do besides."""

from datetime import UTC, datetime
from threading import Thread

from danji.config.demonstration.relay import Authority, Identity, Relay, served

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def in_ber(der: bytes) -> bytes:
    """The same object with indefinite lengths outside, as some providers write it."""
    oid = bytes.fromhex("06092a864886f70d010702")
    inner = der[der.index(oid) + len(oid) :]
    header = 2 + (inner[1] & 0x7F if inner[1] & 0x80 else 0)
    return b"\x30\x80" + oid + b"\xa0\x80" + inner[header:] + b"\0\0\0\0"


class RunningRelay(Relay):
    """A relay on this machine. `now` is its clock; `broken` it sends instead of every answer."""

    def __init__(self, key: str, now: datetime) -> None:
        super().__init__(key, Authority(SINCE), lambda: self.now)
        self.now = now
        self.broken: bytes | None = None
        self._names: dict[str, str] = {}
        self._server = served(self, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def sign_in_app(self, receipt: str, identity: Identity, *, name=None, text=None) -> None:
        """The person signs with a certificate of their own; or says to be somebody else."""
        asked = self.asked[receipt]
        asked.signed = in_ber(identity.sign((text or asked.text).encode()))
        asked.state = "signed"
        self._names[receipt] = name or asked.name

    def answer(self, method: str, path: str, body: bytes):
        """With what a real one tells of the person."""
        status, said = super().answer(method, path, body)
        if "signer" in said:
            told = {"phone": "01012345678", "birthday": "19700131", "ci": "CI+secret=="}
            said["signer"] = told | {"name": self._names[path.split("/")[3]]}
        return status, said

    def reply(self, method: str, path: str, body: bytes, authorization: str):
        status, data = super().reply(method, path, body, authorization)
        return status, data if self.broken is None else self.broken
