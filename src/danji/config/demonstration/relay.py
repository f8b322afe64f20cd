"""A relay to practise 간편인증 with: python -m danji.config.demonstration.relay.

It stands for the provider, for the authority that issues certificates, and for everybody's app: on
its page one does what the person would do there. As the real ones do, it hands a signature over
once, and within the provider's window. Its authority's key lies on this machine, so what it signs
is believed in demonstration complexes only.
"""

import base64
import hmac
import html
import json
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from danji.base.secrets import kept_secret
from danji.config import settings

WINDOW = timedelta(minutes=10)  # of Kakao and Naver; PASS keeps until the day ends
SEOUL = timedelta(hours=9)  # ahead of UTC
LARGEST = 256 * 1024  # bytes of a question
ISSUED = timedelta(days=3650)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """An authority that issues certificates (인증기관), in any name that is asked for."""

    def __init__(self, since: datetime, *, key: bytes | None = None) -> None:
        """Args: `key` is PEM, of an authority that was made before."""
        self.key = (
            cast("ec.EllipticCurvePrivateKey", serialization.load_pem_private_key(key, None))
            if key
            else ec.generate_private_key(ec.SECP256R1())
        )
        self.since, self.name = since, _name("연습용 인증기관")
        self.certificate = self._issue(self.name, self.key.public_key(), ISSUED, authority=True)

    @property
    def pem(self) -> bytes:
        """The certificate, for those who are to believe it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def private_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def identity(self, name: str, *, lasts: timedelta = ISSUED) -> "Identity":
        """A certificate in somebody's name, with its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        return Identity(key, self._issue(_name(name), key.public_key(), lasts, authority=False))

    def _issue(
        self,
        subject: x509.Name,
        public_key: CertificatePublicKeyTypes,
        lasts: timedelta,
        *,
        authority: bool,
    ) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.since)
            .not_valid_after(self.since + lasts)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )


@dataclass(frozen=True)
class Identity:
    """Somebody's certificate, and the key that never leaves their device."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

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


@dataclass
class Asked:
    """What somebody is to sign in their app, and what became of it there."""

    provider: str
    name: str
    title: str
    text: str
    at: datetime
    state: str = "waiting"  # "signed", "declined"
    signed: bytes = b""
    is_fetched: bool = False


class Relay:
    """What was asked, and what people did in their apps. `clock` tells the time."""

    def __init__(self, key: str, authority: Authority, clock: Callable[[], datetime]) -> None:
        self.key, self.authority, self.clock = key, authority, clock
        self.asked: dict[str, Asked] = {}

    def sign(self, receipt: str) -> None:
        """The person opens the app, reads the text and signs it."""
        asked = self.asked[receipt]
        asked.signed = self.authority.identity(asked.name).sign(asked.text.encode())
        asked.state = "signed"

    def decline(self, receipt: str) -> None:
        """The person opens the app and refuses."""
        self.asked[receipt].state = "declined"

    def waiting(self) -> dict[str, Asked]:
        """What people see in their apps, the newest first."""
        return {
            receipt: asked
            for receipt, asked in reversed(self.asked.items())
            if self._state(asked) == "waiting"
        }

    def reply(self, method: str, path: str, body: bytes, authorization: str) -> tuple[int, bytes]:
        """What is answered to a server that asks. Returns: status and body."""
        status, said = 401, {"error": "unknown"}
        if self._is_known(method, path, body, authorization):
            status, said = self.answer(method, path, body)
        return status, json.dumps(said).encode()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """What is answered to one we know, see `danji.signing.relay`."""
        if (method, path) == ("POST", "/v1/signatures"):
            said = json.loads(body)
            shown = {name: said[name] for name in ("provider", "name", "title", "text")}
            receipt = secrets.token_urlsafe(12)
            self.asked[receipt] = Asked(**shown, at=self.clock())
            return 201, {"receipt": receipt}
        receipt, _, more = path.removeprefix("/v1/signatures/").partition("/")
        asked = self.asked.get(receipt)
        if asked is None:
            return 404, {"error": "unknown"}
        if (method, more) == ("GET", ""):
            return 200, {"state": self._state(asked)}
        if asked.state != "signed" or asked.is_fetched or not self._is_open(asked):
            return 410, {"error": "gone"}
        asked.is_fetched = True
        signed_data = base64.b64encode(asked.signed).decode()
        return 200, {"signed_data": signed_data, "signer": {"name": asked.name}}

    def _state(self, asked: Asked) -> str:
        return asked.state if self._is_open(asked) else "expired"

    def _is_open(self, asked: Asked) -> bool:
        now = self.clock()
        if asked.provider == "pass":
            return (now + SEOUL).date() == (asked.at + SEOUL).date()
        return now < asked.at + WINDOW

    def _is_known(self, method: str, path: str, body: bytes, authorization: str) -> bool:
        scheme, _, rest = authorization.partition(" ")
        moment, _, mac = rest.partition(" ")
        said = f"{method}\n{path}\n{moment}\n{sha256(body).hexdigest()}".encode()
        expected = base64.b64encode(hmac.new(self.key.encode(), said, "sha256").digest())
        return scheme == "Danji" and hmac.compare_digest(mac.encode(), expected)


def served(relay: Relay, host: str, port: int) -> ThreadingHTTPServer:
    """A server at which the relay answers, not running yet. Port 0 is any that is free."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/":
                self._say(200, "text/html; charset=utf-8", app_page(relay))
            else:
                self._reply(b"")

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(min(length, LARGEST))
            _, _, act = self.path.partition("/app/")
            receipt, _, done = act.partition("/")
            if receipt not in relay.waiting():
                self._reply(body)
                return
            (relay.sign if done == "signature" else relay.decline)(receipt)
            said = "서명했습니다." if done == "signature" else "거절했습니다."
            self._say(200, "text/html; charset=utf-8", app_page(relay, said))

        def _reply(self, body: bytes) -> None:
            authorization = self.headers.get("Authorization", "")
            status, data = relay.reply(self.command, self.path, body, authorization)
            self._say(status, "application/json", data)

        def _say(self, status: int, kind: str, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing: what is asked names people."""

    return ThreadingHTTPServer((host, port), Handler)


_PAGE = """<!doctype html>
<html lang="ko"><head><meta charset="utf-8"><title>연습용 간편인증 앱</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 18px/1.6 sans-serif; margin: 0 auto; padding: 16px; max-width: 40em; }}
pre {{ font: inherit; white-space: pre-wrap; overflow-wrap: anywhere; }}
section {{ border: 1px solid #58616a; border-radius: 8px; padding: 16px; margin: 16px 0; }}
button {{ font: inherit; min-height: 48px; padding: 0 24px; margin-right: 8px; }}
</style></head><body>
<h1>연습용 간편인증 앱</h1>
<p>연습용입니다. 카카오, 네이버, PASS로 아무것도 보내지 않았습니다. 실제로는 본인의 휴대전화에 있는
앱에 이 내용이 나옵니다.</p>
{said}{listed}
</body></html>"""
_REQUEST = """<section><h2>{name} 님, 서명해 주세요</h2><p>{title}</p><pre>{text}</pre>
<form method="post" action="/app/{receipt}/signature"><button>서명</button>
<button formaction="/app/{receipt}/refusal">거절</button></form></section>"""


def app_page(relay: Relay, said: str = "") -> bytes:
    """The page that stands for everybody's app: what waits, and what was just done."""
    done = (
        f"<p><strong>{said} 결재 화면으로 돌아가 이어서 눌러 주세요.</strong></p>" if said else ""
    )
    listed = "".join(
        _REQUEST.format(
            receipt=receipt,
            name=html.escape(asked.name),
            title=html.escape(asked.title),
            text=html.escape(asked.text),
        )
        for receipt, asked in relay.waiting().items()
    )
    return _PAGE.format(said=done, listed=listed or "<p>서명할 것이 없습니다.</p>").encode()


def make_practice_relay(folder: Path) -> None:
    """Choose key, authority and port of the relay to practise with; nothing when that was done."""
    if (folder / "port").exists():
        return
    kept_secret(folder / "key")
    made = Authority(_today()).private_pem.decode()
    authority = kept_secret(folder / "authority.pem", make=lambda: made)
    (folder / "issuers.pem").write_bytes(Authority(_today(), key=authority.encode()).pem)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # Last, for with it the relay is there.
    (folder / "port").write_text(str(port))


def _today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def main() -> None:
    """Answer until told to end."""
    folder = settings.PRACTICE
    authority = Authority(_today(), key=(folder / "authority.pem").read_bytes())
    relay = Relay((folder / "key").read_text(), authority, lambda: datetime.now(UTC))
    is_ours_alone = settings.HOST in {"127.0.0.1", "localhost", "::1"}
    host = "127.0.0.1" if is_ours_alone else "0.0.0.0"  # noqa: S104 - as the site itself
    served(relay, host, int((folder / "port").read_text())).serve_forever()


if __name__ == "__main__":
    main()
