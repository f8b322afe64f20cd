"""Keys of a complex, each in a file that only the server's account reads."""

from pathlib import Path

from django.conf import settings

from danji.base.files import write_durably
from danji.rules.refusal import Refusal


def key_path(code: str, name: str) -> Path:
    """Where the key `name` of the complex with this K-apt code is kept."""
    return Path(settings.KEYS) / code / name


def has_key(code: str, name: str) -> bool:
    """Whether the complex has this key already, perhaps from a founding that was interrupted."""
    return key_path(code, name).exists()


def read_key(code: str, name: str) -> bytes:
    """The bytes of a key file.

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
    """Keep a new key."""
    path = key_path(code, name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_durably(path, data, mode=0o600)
