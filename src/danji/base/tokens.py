"""Keys inside a token (열쇠 장치) that is reached by PKCS#11; a private key never leaves it.

A key pair is found by the label `<code>/<name>`. Every use opens a session of its own and logs in:
a token that was pulled out and put back is simply there again.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn

import pkcs11
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding as paddings
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass

from danji.rules.refusal import Refusal

_ED25519 = bytes.fromhex("06032b6570")  # DER of the object identifier of the curve
_RSA_BITS = 3072
_IN_USE = Lock()  # logging in counts for the whole process: one at a time
_pid = os.getpid()


def has_token() -> bool:
    """Whether new keys are made in a token."""
    return bool(settings.PKCS11_MODULE)


def token_has(code: str, name: str) -> bool:
    """Raises: Refusal when the token is away."""
    with _session() as session:
        return _exists(session, _label(code, name))


class TokenEd25519:
    """An Ed25519 key in the token; what signs a note (`danji_verify.note.SigningKey`)."""

    def __init__(self, label: str, public: bytes) -> None:
        self._label = label
        self._public = Ed25519PublicKey.from_public_bytes(public)

    def public_key(self) -> Ed25519PublicKey:
        return self._public

    def sign(self, data: bytes, /) -> bytes:
        """Raises: Refusal when the token is away."""
        return _sign(self._label, data, Mechanism.EDDSA)


class TokenRSA(rsa.RSAPrivateKey):
    """An RSA key in the token. It signs, PKCS #1 v1.5 with SHA-256, and does nothing else."""

    def __init__(self, label: str, public: rsa.RSAPublicKey) -> None:
        self._label = label
        self._public = public

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        return self._public

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:
        """Raises: Refusal when the token is away."""
        if not isinstance(padding, paddings.PKCS1v15) or not isinstance(algorithm, hashes.SHA256):
            raise TypeError("seals are made with PKCS #1 v1.5 and SHA-256")
        return _sign(self._label, bytes(data), Mechanism.SHA256_RSA_PKCS)

    def decrypt(self, *_arguments: Any) -> NoReturn:
        self._stays()

    def private_numbers(self) -> NoReturn:
        self._stays()

    def private_bytes(self, *_arguments: Any) -> NoReturn:
        self._stays()

    def __copy__(self) -> "TokenRSA":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "TokenRSA":
        return self

    def _stays(self) -> NoReturn:
        raise TypeError("a key in a token signs and does nothing else")


def token_ed25519(code: str, name: str) -> TokenEd25519:
    """Raises: Refusal when the token is away or has no such key."""
    label = _label(code, name)
    with _session() as session:
        key = _public(session, label, KeyType.EC_EDWARDS)
        # Some wrap the point into a DER octet string, as the standard has it, and some do not.
        public = bytes(key[Attribute.EC_POINT])[-32:]
    return TokenEd25519(label, public)


def token_rsa(code: str, name: str) -> TokenRSA:
    """Raises: Refusal when the token is away or has no such key."""
    label = _label(code, name)
    with _session() as session:
        key = _public(session, label, KeyType.RSA)
        numbers = rsa.RSAPublicNumbers(
            int.from_bytes(key[Attribute.PUBLIC_EXPONENT], "big"),
            int.from_bytes(key[Attribute.MODULUS], "big"),
        )
    return TokenRSA(label, numbers.public_key())


def make_token_ed25519(code: str, name: str) -> None:
    """Make a key pair that stays in the token.

    Raises: Refusal when the token is away or has that key already.
    """
    with _session(write=True) as session:
        label = _free(session, code, name)
        curve = session.create_domain_parameters(
            KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: _ED25519}, local=True
        )
        curve.generate_keypair(
            mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
            label=label,
            store=True,
            private_template=_STAYS,
        )


def make_token_rsa(code: str, name: str) -> None:
    """Make an RSA-3072 key pair that stays in the token.

    Raises: Refusal when the token is away or has that key already.
    """
    with _session(write=True) as session:
        label = _free(session, code, name)
        session.generate_keypair(
            KeyType.RSA, _RSA_BITS, label=label, store=True, private_template=_STAYS
        )


_STAYS = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}


def _label(code: str, name: str) -> str:
    return f"{code}/{name}"


def _exists(session: pkcs11.Session, label: str) -> bool:
    wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: label}
    return any(True for _ in session.get_objects(wanted))


def _free(session: pkcs11.Session, code: str, name: str) -> str:
    label = _label(code, name)
    if _exists(session, label):
        raise Refusal(
            f"열쇠 장치에 같은 이름의 열쇠({label})가 이미 있습니다.",
            next_step="그 열쇠가 무엇인지 확인해 주세요. 쓰고 있는 열쇠이면 지우지 마세요.",
        )
    return label


def _public(session: pkcs11.Session, label: str, kind: KeyType) -> pkcs11.Key:
    try:
        return session.get_key(ObjectClass.PUBLIC_KEY, kind, label)
    except pkcs11.NoSuchKey:
        raise Refusal(
            f"열쇠 장치에 열쇠({label})가 없습니다. 결재한 내용은 그대로 있습니다.",
            next_step="운영자에게 알려, 이 단지의 열쇠가 든 장치를 이어 주세요.",
        ) from None


def _sign(label: str, data: bytes, mechanism: Mechanism) -> bytes:
    with _session() as session:
        try:
            key = session.get_key(ObjectClass.PRIVATE_KEY, label=label)
        except pkcs11.NoSuchKey:
            raise Refusal(
                f"열쇠 장치에서 열쇠({label})가 사라졌습니다. 결재한 내용은 그대로 있습니다.",
                next_step="운영자에게 알려, 이 단지의 열쇠가 든 장치를 이어 주세요.",
            ) from None
        if not isinstance(key, pkcs11.SignMixin):
            raise TypeError("a key that signs was asked for")
        return bytes(key.sign(data, mechanism=mechanism))


@contextmanager
def _session(*, write: bool = False) -> Iterator[pkcs11.Session]:
    """The token, logged in. Raises: Refusal when that cannot be."""
    global _pid  # noqa: PLW0603
    with _IN_USE:
        try:
            library = pkcs11.lib(settings.PKCS11_MODULE)
            if _pid != os.getpid():  # a library may not be used on by a child
                library.reinitialize()
                _pid = os.getpid()
            token = library.get_token(token_label=settings.PKCS11_TOKEN)
            with token.open(rw=write, user_pin=_pin()) as session:
                yield session
        except (pkcs11.PKCS11Error, OSError) as problem:
            with suppress(pkcs11.PKCS11Error, KeyError):
                pkcs11.unload(settings.PKCS11_MODULE)  # what comes back is looked at anew
            raise Refusal(
                "열쇠 장치(HSM)를 쓸 수 없습니다. 결재한 내용은 그대로 있고, 봉인만 기다립니다. "
                f"({type(problem).__name__})",
                next_step="운영자에게 알려, 장치와 그 비밀번호를 확인하게 해 주세요.",
            ) from problem


def _pin() -> str:
    if settings.PKCS11_PIN_FILE:
        return Path(settings.PKCS11_PIN_FILE).read_text(encoding="utf-8").strip()
    return str(settings.PKCS11_PIN)
