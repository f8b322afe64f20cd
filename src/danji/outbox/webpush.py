"""Web Push: encrypting for one browser, and saying who sends it.

The libraries that do this come without a built distribution, or bring a second HTTP client; what
is needed of them are these few lines on `cryptography`, checked against the RFC's own example.
Source: RFC 8291 (encryption), RFC 8188 (aes128gcm), RFC 8292 (VAPID).
"""

import base64
import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from danji.base.secrets import kept_secret

RECORD = 4096  # bytes of one encrypted record; a push service takes no more than that
POINT, AUTH, SALT = 65, 16, 16  # bytes
LAST = b"\x02"  # ends the only record
TOKEN_LIFE = timedelta(hours=12)  # RFC 8292 allows a day

CURVE = ec.SECP256R1()


def encrypt(
    payload: bytes,
    *,
    public_key: bytes,
    auth: bytes,
    salt: bytes | None = None,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """A payload that only the browser with these keys can read, as the body of a request.

    Args: `public_key` is an uncompressed P-256 point of 65 bytes, `auth` 16 bytes; `salt` (16
    bytes) and `key` are made anew for each message.
    Raises: ValueError when the point is none.
    """
    salt = salt or os.urandom(SALT)
    key = key or ec.generate_private_key(CURVE)
    point = _point(key.public_key())
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, public_key)
    info = b"WebPush: info\x00" + public_key + point
    secret = _derive(key.exchange(ec.ECDH(), theirs), auth, info, 32)
    content_key = _derive(secret, salt, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _derive(secret, salt, b"Content-Encoding: nonce\x00", 12)
    header = salt + RECORD.to_bytes(4, "big") + len(point).to_bytes(1, "big") + point
    return header + AESGCM(content_key).encrypt(nonce, payload + LAST, None)


def authorization(
    endpoint: str, key: ec.EllipticCurvePrivateKey, *, contact: str, at: datetime
) -> str:
    """The header by which the push service knows that we are who the browser subscribed to.

    Args: `contact` is an address at which whoever runs the service can reach us.
    """
    service = urlsplit(endpoint)
    claims = {
        "aud": f"{service.scheme}://{service.netloc}",
        "exp": int((at + TOKEN_LIFE).timestamp()),
        "sub": contact,
    }
    signed = _encoded_json({"typ": "JWT", "alg": "ES256"}) + b"." + _encoded_json(claims)
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    signature = encoded(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return f"vapid t={signed.decode()}.{signature}, k={encoded(_point(key.public_key()))}"


@cache
def server_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The key that all subscriptions name; made once. Who loses it has to ask everybody again."""
    pem = kept_secret(path, make=_new_key)
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} holds another kind of key")
    return key


def public_key(path: Path) -> str:
    """The public half, as a browser takes it: the point in base64url."""
    return encoded(_point(server_key(path).public_key()))


def encoded(data: bytes) -> str:
    """Unpadded base64url."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """The bytes of base64url, padded or not.

    Raises: ValueError when it is none.
    """
    padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    return base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)


def _new_key() -> str:
    return (
        ec.generate_private_key(CURVE)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def _encoded_json(part: Mapping[str, object]) -> bytes:
    return encoded(json.dumps(part, separators=(",", ":")).encode()).encode()
