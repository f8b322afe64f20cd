"""Keys of a complex: in files that only the server's account reads, or in a token.

Where a token is set, new keys are made in it; a key that is in a file is used from there until it
is changed for another.
"""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings

from danji.base.files import write_durably
from danji.base.tokens import (
    has_token,
    make_token_ed25519,
    make_token_rsa,
    token_ed25519,
    token_has,
    token_rsa,
)
from danji.rules.refusal import Refusal
from danji_verify.note import SigningKey


def key_path(code: str, name: str) -> Path:
    """Where the file `name` of the complex with this K-apt code is kept."""
    return Path(settings.KEYS) / code / name


def read_key(code: str, name: str) -> bytes:
    """The bytes of a key file, or of a certificate.

    Raises: Refusal when it is not there; the office cannot mend that, the operator can.
    """
    try:
        return key_path(code, name).read_bytes()
    except (FileNotFoundError, PermissionError):
        raise Refusal(
            f"단지 {code}의 열쇠 파일({name})을 읽을 수 없습니다. 결재한 내용은 그대로 있습니다.",
            next_step="운영자에게 알려, 보관해 둔 열쇠 파일을 제자리에 돌려놓게 해 주세요.",
        ) from None


def keep_key(code: str, name: str, data: bytes) -> None:
    """Keep a new key or certificate in a file."""
    path = key_path(code, name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_durably(path, data, mode=0o600)


def has_key(code: str, name: str) -> bool:
    """Whether the complex has this key already, perhaps from a founding that was interrupted.

    Args: `name` as everywhere below is the key's own, such as `log-1`.
    Raises: Refusal when the token is away.
    """
    return _file_of(code, name).exists() or (has_token() and token_has(code, name))


def make_log_key(code: str, name: str) -> None:
    """Make an Ed25519 key. Raises: Refusal when the token is away."""
    if has_token():
        make_token_ed25519(code, name)
    else:
        _keep(code, name, Ed25519PrivateKey.generate())


def make_seal_key(code: str, name: str) -> None:
    """Make an RSA-3072 key. Raises: Refusal when the token is away."""
    if has_token():
        make_token_rsa(code, name)
    else:
        _keep(code, name, rsa.generate_private_key(public_exponent=65537, key_size=3072))


def log_signer(code: str, name: str) -> SigningKey:
    """An Ed25519 key to sign heads with. Raises: Refusal when it cannot be had."""
    if has_token() and not _file_of(code, name).exists():
        return token_ed25519(code, name)
    key = _load(code, name)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("a log is signed with Ed25519")
    return key


def seal_signer(code: str, name: str) -> rsa.RSAPrivateKey:
    """An RSA key to seal PDFs with. Raises: Refusal when it cannot be had."""
    if has_token() and not _file_of(code, name).exists():
        return token_rsa(code, name)
    key = _load(code, name)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("PDFs are sealed with RSA")
    return key


def _file_of(code: str, name: str) -> Path:
    return key_path(code, f"{name}.pem")


def _keep(code: str, name: str, key: Ed25519PrivateKey | rsa.RSAPrivateKey) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    keep_key(code, f"{name}.pem", pem)


def _load(code: str, name: str) -> object:
    pem = read_key(code, f"{name}.pem")
    try:
        return load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as problem:
        raise Refusal(
            f"단지 {code}의 열쇠 파일({name}.pem)이 상했습니다. 결재한 내용은 그대로 있습니다.",
            next_step="보관해 둔 열쇠 파일을 되돌려 놓은 뒤 다시 시작해 주세요.",
        ) from problem
