"""A gateway and a push service that answer on this computer, as the real ones do from afar."""

import hashlib
import hmac
import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.asymmetric import ec

from danji.outbox.jobs import deliver
from danji.outbox.models import Channel
from danji.outbox.sending import Away
from danji.outbox.webpush import CURVE, _point, decoded, encoded

KEY, SECRET = "NCSKEY", "gateway secret"
SKEW = timedelta(minutes=15)


class Service(ThreadingHTTPServer):
    """Answers POSTs on a free port with what `answer(path, headers, body)` gives."""

    daemon_threads = True

    def __init__(self, answer):
        self.answer = answer
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_):
        """A client that did not wait for a slow answer is no fault of ours."""


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.server.answer(self.path, self.headers, body)
        if answer is None:
            self.close_connection = True
            return
        status, headers, content = answer
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Keep quiet."""


@dataclass
class FakeGateway:
    """SOLAPI as its documentation has it: signatures are checked, and taken once."""

    sent: list[dict] = field(default_factory=list)
    signatures: set[str] = field(default_factory=set)
    refused_numbers: set[str] = field(default_factory=set)
    fault: tuple[int, str, str] | None = None  # status, errorCode, errorMessage
    fault_for: str = ""  # the only number it is for, or that of everybody
    delay: float = 0  # seconds it takes to answer
    drops: bool = False  # hangs up after having taken the message
    service: Service = None

    def answer(self, path, headers, body):
        if path != "/messages/v4/send-many/detail":
            return _json(404, {"errorCode": "ResourceNotFound", "errorMessage": path})
        if wrong := self._wrong_signature(headers["Authorization"]):
            return _json(403, {"errorCode": wrong, "errorMessage": wrong})
        (message,) = json.loads(body)["messages"]
        if self.fault and self.fault_for in {"", message["to"]}:
            status, code, words = self.fault
            return _json(status, {"errorCode": code, "errorMessage": words})
        if message["to"] in self.refused_numbers:
            failed = {"to": message["to"], "statusCode": "3058", "statusMessage": "없는 번호"}
            return _json(200, {"failedMessageList": [failed], "groupInfo": {"groupId": "G0"}})
        self.sent.append(message)
        if self.drops:
            return None
        time.sleep(self.delay)
        group = {"groupId": f"G4V{len(self.sent)}"}
        return _json(200, {"failedMessageList": [], "groupInfo": group})

    def _wrong_signature(self, header):
        scheme, _, rest = header.partition(" ")
        parts = dict(part.split("=", 1) for part in rest.split(", "))
        made = hmac.new(
            SECRET.encode(), (parts["date"] + parts["salt"]).encode(), hashlib.sha256
        ).hexdigest()
        if scheme != "HMAC-SHA256" or parts["apiKey"] != KEY:
            return "InvalidAPIKey"
        if not hmac.compare_digest(made, parts["signature"]):
            return "SignatureDoesNotMatch"
        date = datetime.fromisoformat(parts["date"])
        if abs(datetime.now(UTC) - date) > SKEW or not 12 <= len(parts["salt"]) <= 64:
            return "RequestTimeTooSkewed"
        if made in self.signatures:
            return "DuplicatedSignature"
        self.signatures.add(made)
        return ""


def _json(status, content):
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()


@dataclass
class FakePush:
    """A push service and the browser behind it, which alone can read what arrives."""

    received: list[dict] = field(default_factory=list)
    status: int = 201
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(CURVE))
    auth: bytes = b"sixteen letters!"
    service: Service = None

    @property
    def endpoint(self):
        return f"{self.service.url}/wp/device"

    @property
    def keys(self):
        return {"public_key": encoded(_point(self.key.public_key())), "auth": encoded(self.auth)}

    def answer(self, _path, headers, body):
        self.received.append({"headers": dict(headers), "body": body})
        return self.status, {"Location": "/message/1"} if self.status == 201 else {}, b""


def deliver_all(complex_id, *, at):
    """Send what is due every way, as the threads of the messenger do; a closed one stays closed."""
    tried = 0
    for channel in Channel:
        with suppress(Away):
            tried += deliver(complex_id, channel, at=at)
    return tried


def anywhere(_endpoint):
    """For a push service of the tests: any address will do."""


def claims(header):
    """What a VAPID header says, without the signature."""
    token = header.removeprefix("vapid t=").split(",")[0]
    return json.loads(decoded(token.split(".")[1]))
