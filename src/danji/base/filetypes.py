"""What a file is, told by its bytes."""

from dataclasses import dataclass
from pathlib import PurePath

from danji.rules.refusal import Refusal


@dataclass(frozen=True)
class FileType:
    """A kind of file we take: how it begins, what a whole one has near its end, how it is named."""

    media_type: str
    label: str
    head: bytes
    tail: bytes
    endings: tuple[str, ...]


TAKEN = (
    FileType("application/pdf", "PDF", b"%PDF-", b"%%EOF", (".pdf",)),
    FileType("image/png", "PNG 그림", b"\x89PNG\r\n\x1a\n", b"IEND", (".png",)),
    FileType("image/jpeg", "JPG 그림", b"\xff\xd8\xff", b"\xff\xd9", (".jpg", ".jpeg")),
)
TAIL = 2048  # bytes in which the end of a whole file is looked for


def recognise(name: str, data: bytes) -> str:
    """The media type of a file we take.

    Raises: Refusal when it is empty, of another kind, cut off, or named as something it is not.
    """
    if not data:
        raise Refusal(
            f"‘{name}’ 파일이 비어 있습니다.", next_step="내용이 있는 파일을 다시 골라 주세요."
        )
    kind = next((kind for kind in TAKEN if data.startswith(kind.head)), None)
    if kind is None:
        raise Refusal(
            f"‘{name}’ 파일은 붙일 수 있는 종류가 아닙니다.",
            next_step="PDF, PNG, JPG 가운데 하나로 바꾸어 다시 붙여 주세요.",
        )
    if PurePath(name).suffix.lower() not in kind.endings:
        raise Refusal(
            f"‘{name}’ 파일은 이름과 달리 {kind.label} 파일입니다.",
            next_step=f"파일 이름 끝을 {kind.endings[0]}로 고치거나 맞는 파일을 골라 주세요.",
        )
    if kind.tail not in data[-TAIL:]:
        raise Refusal(
            f"‘{name}’ 파일이 끝까지 들어 있지 않습니다. 전송하다 끊겼거나 파일이 상했습니다.",
            next_step="파일이 열리는지 확인한 뒤 다시 붙여 주세요.",
        )
    return kind.media_type
