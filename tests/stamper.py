"""An authority that tells the time (RFC 3161) on this machine, and whatever it could do wrong."""

from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from asn1crypto import keys, tsp
from asn1crypto import x509 as asn1_x509
from certomancer.services import TimeStamper
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SINCE = datetime(2020, 1, 1, tzinfo=UTC)


class TimeAuthority:
    """Stamps what it is sent by the clock `now`, over HTTP at `url`.

    `shift` is by how much its clock is wrong; `alter` changes a request before it is stamped, and
    `answer` replaces everything it would say. `asked` counts the requests.
    """

    def __init__(
        self,
        now: datetime,
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.TIME_STAMPING,
    ) -> None:
        self.now, self.shift = now, timedelta(0)
        self.answer: tuple[int, bytes] | None = None
        self.alter = lambda request: request
        self.asked = 0
        root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root = _certificate("시험 시각 기관", "시험 시각 기관", root_key.public_key(), root_key)
        own = _certificate("시각 도장", "시험 시각 기관", key.public_key(), root_key, usage)
        self.pem = root.public_bytes(serialization.Encoding.PEM)
        self._certificate, self._root = map(_in_asn1, (own, root))
        self._key = keys.PrivateKeyInfo.load(
            key.private_bytes(
                serialization.Encoding.DER,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/tsa"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def stamp(self, request: bytes) -> bytes:
        """The answer to a request, in DER."""
        stamper = TimeStamper(
            self._certificate,
            self._key,
            certs_to_embed=[self._root],
            fixed_dt=(self.now + self.shift).replace(microsecond=0),
        )
        asked = tsp.TimeStampReq.load(self.alter(request))
        return stamper.request_tsa_response(asked).dump()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                authority.asked += 1
                request = self.rfile.read(int(self.headers["Content-Length"]))
                status, said = authority.answer or (200, authority.stamp(request))
                if self.headers["Content-Type"] != "application/timestamp-query":
                    status, said = 415, b""
                self.send_response(status)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def _certificate(subject, issuer, public_key, signer, usage=None) -> x509.Certificate:
    subject_name, issuer_name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, issuer)
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject_name)
        .issuer_name(issuer_name)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(SINCE)
        .not_valid_after(SINCE + timedelta(36500))
        .add_extension(x509.BasicConstraints(ca=usage is None, path_length=None), critical=True)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    return builder.sign(signer, hashes.SHA256())


def _in_asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
