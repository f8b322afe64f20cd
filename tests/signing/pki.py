"""An authority that issues certificates to people, and a relay through which their apps sign."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


class Authority:
    """A certificate authority (인증기관) and the people it knows."""

    def __init__(self, name: str = "시험 인증기관") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._issue(self.name, self.key.public_key(), authority=True)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def identity(self, common_name: str, days: int = 3650) -> "Identity":
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        return Identity(key, self._issue(name, key.public_key(), authority=False, days=days))

    def _issue(self, name, public_key, *, authority: bool, days: int = 3650):
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(SINCE)
            .not_valid_after(SINCE + timedelta(days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )


class Identity:
    """Somebody's certificate and the key that never leaves their device."""

    def __init__(self, key, certificate) -> None:
        self.key, self.certificate = key, certificate

    def sign(self, data: bytes, *options: pkcs7.PKCS7Options) -> bytes:
        """CMS SignedData over `data`, in DER."""
        if pkcs7.PKCS7Options.NoAttributes not in options:
            options = (*options, pkcs7.PKCS7Options.NoCapabilities)
        return (
            pkcs7.PKCS7SignatureBuilder()
            .set_data(data)
            .add_signer(self.certificate, self.key, hashes.SHA256())
            .sign(serialization.Encoding.DER, [*options, pkcs7.PKCS7Options.Binary])
        )


def in_ber(der: bytes) -> bytes:
    """The same object with indefinite lengths outside, as some providers write it."""
    oid = bytes.fromhex("06092a864886f70d010702")
    inner = der[der.index(oid) + len(oid) :]
    header = 2 + (inner[1] & 0x7F if inner[1] & 0x80 else 0)
    return b"\x30\x80" + oid + b"\xa0\x80" + inner[header:] + b"\0\0\0\0"


class Relay:
    """A relay on this machine: what it was asked, and what people did in their apps.

    It hands a signature over once, and within the window of the provider. `now` is its clock.
    """

    WINDOW = timedelta(minutes=10)

    def __init__(self, key: str, now: datetime) -> None:
        self.key, self.now = key, now
        self.asked: dict[str, dict] = {}
        self.signed: dict[str, tuple[bytes, str, datetime]] = {}
        self.states: dict[str, str] = {}
        self.fetched: set[str] = set()
        self.broken: bytes | None = None  # sent instead of every answer
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def sign_in_app(self, receipt: str, identity: Identity, *, name=None, text=None) -> None:
        """The person opens the app and signs what it shows."""
        asked = self.asked[receipt]
        signed = in_ber(identity.sign((text or asked["text"]).encode()))
        self.signed[receipt] = signed, name or asked["name"], self.now
        self.states[receipt] = "signed"

    def _open(self, receipt: str) -> bool:
        since = self.signed[receipt][2]
        if self.asked[receipt]["provider"] == "pass":
            day = (since + timedelta(hours=9)).date()
            return (self.now + timedelta(hours=9)).date() == day
        return self.now < since + self.WINDOW

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        if (method, path) == ("POST", "/v1/signatures"):
            receipt = f"R{len(self.asked) + 1}"
            self.asked[receipt] = json.loads(body)
            self.states[receipt] = "waiting"
            return 201, {"receipt": receipt}
        receipt = path.split("/")[3]
        if method == "GET":
            return 200, {"state": self.states[receipt]}
        if receipt in self.fetched or not self._open(receipt):
            return 410, {"error": "gone"}
        self.fetched.add(receipt)
        signed, name, _ = self.signed[receipt]
        signer = {"name": name, "phone": "01012345678", "birthday": "19700131", "ci": "CI+secret=="}
        return 200, {"signed_data": base64.b64encode(signed).decode(), "signer": signer}

    def is_known(self, method: str, path: str, body: bytes, authorization: str) -> bool:
        scheme, moment, mac = authorization.split(" ")
        said = f"{method}\n{path}\n{moment}\n{sha256(body).hexdigest()}".encode()
        expected = hmac.new(self.key.encode(), said, "sha256").digest()
        return scheme == "Danji" and hmac.compare_digest(base64.b64decode(mac), expected)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, said = 401, {"error": "unknown"}
                if relay.is_known(self.command, self.path, body, self.headers["Authorization"]):
                    status, said = relay.answer(self.command, self.path, body)
                data = json.dumps(said).encode()
                if relay.broken is not None:
                    data = relay.broken
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = _serve  # noqa: N815 - as http.server calls them

            def log_message(self, *_: object) -> None:
                pass

        return Handler
