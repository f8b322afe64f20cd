"""Taking a file in: what it is follows from its bytes, read by a process without rights."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from danji.attachments import virus
from danji.attachments.confined import BusyError, UnreadError, ask
from danji.attachments.kinds import KINDS, Fault, Kind
from danji.rules.refusal import Refusal

EXAMINER = "danji.attachments.examiner"
SECONDS = 12  # that a person waits for a look at a file

_TAKEN = "PDF, 한글(HWP·HWPX), 워드, 엑셀, 파워포인트, JPG, PNG, ZIP"
_AS_PDF = "그 프로그램에서 PDF로 저장해 붙여 주세요."
# What is so and what to do about it; `{kind}` and `{ending}` are those of what was found.
_SAID: Mapping[Fault, tuple[str, str]] = {
    Fault.UNKNOWN: (
        "붙일 수 있는 종류가 아닙니다.",
        f"{_TAKEN} 가운데 하나로 바꾸어 다시 붙여 주세요.",
    ),
    Fault.HEIC: (
        "아이폰 사진 형식(HEIC)이라 다른 컴퓨터에서 열리지 않을 수 있습니다.",
        "JPG로 바꾸어 다시 붙여 주세요. 카카오톡으로 보내 받은 사진은 JPG입니다.",
    ),
    Fault.MISNAMED: (
        "이름과 달리 {kind} 파일입니다.",
        "파일 이름 끝을 {ending}로 고치거나 맞는 파일을 골라 주세요.",
    ),
    Fault.BROKEN: (
        "끝까지 들어 있지 않습니다. 전송하다 끊겼거나 파일이 상했습니다.",
        "파일이 열리는지 확인한 뒤 다시 붙여 주세요.",
    ),
    Fault.LOCKED: (
        "암호가 걸려 있어 나중에 아무도 열지 못할 수 있습니다.",
        "암호를 풀고 저장한 파일을 붙여 주세요.",
    ),
    Fault.MACROS: (
        "저절로 실행되는 매크로가 들어 있어 받지 않습니다.",
        "매크로 없는 형식(.docx, .xlsx, .pptx)이나 PDF로 저장해 붙여 주세요.",
    ),
    Fault.PROGRAM: (
        "컴퓨터에서 실행되는 프로그램이 들어 있어 받지 않습니다.",
        "프로그램을 빼고 다시 붙여 주세요.",
    ),
    Fault.HIDDEN: (
        "열었을 때 보이지 않는 다른 파일이 숨어 있거나 밖의 파일을 불러와서 받지 않습니다.",
        _AS_PDF,
    ),
    Fault.PAGES: (
        "쪽수가 너무 많습니다. 1,000쪽까지 받을 수 있습니다.",
        "파일을 나누어 붙여 주세요.",
    ),
    Fault.PIXELS: (
        "그림이 너무 큽니다. 1억 2천만 화소까지 받을 수 있습니다.",
        "그림의 크기를 줄여 다시 붙여 주세요.",
    ),
    Fault.BOMB: (
        "풀면 너무 커지거나 정상으로 만들어지지 않은 묶음이라 받지 않습니다.",
        "필요한 파일만 따로 붙여 주세요.",
    ),
    Fault.ENTRIES: (
        "안에 든 파일이 너무 많습니다. 5,000개까지 받을 수 있습니다.",
        "필요한 파일만 묶어 다시 붙여 주세요.",
    ),
    Fault.NESTED: (
        "묶음 안에 묶음이 여러 겹 들어 있어 받지 않습니다.",
        "안의 묶음을 풀어 다시 묶어 주세요.",
    ),
    Fault.PATH: (
        "다른 폴더를 가리키는 이름이 들어 있어 받지 않습니다.",
        "파일을 새로 묶어 다시 붙여 주세요.",
    ),
    Fault.PACKING: (
        "여기서 풀 수 없는 방식으로 압축되어 있습니다.",
        "윈도의 ‘압축(ZIP) 폴더’로 다시 묶어 붙여 주세요.",
    ),
}


@dataclass(frozen=True)
class Examined:
    """What a file was found to be. `pages` is None where its kind has no fixed number."""

    media_type: str
    label: str
    pages: int | None


def examine(name: str, data: bytes) -> Examined:
    """Look at a file before it is kept; its bytes stay as they are.

    Raises: Refusal when it is empty, of a kind not taken, named as something it is not, cut off,
    locked, larger inside than it may be, carries programs or a virus, or cannot be looked at (now).
    """
    if not data:
        raise Refusal(
            f"‘{name}’ 파일이 비어 있습니다.", next_step="내용이 있는 파일을 다시 골라 주세요."
        )
    try:
        found = ask(EXAMINER, "look", PurePath(name).suffix.lower(), data=data, seconds=SECONDS)
    except BusyError:
        raise Refusal(
            f"지금 다른 파일을 많이 살펴보고 있어 ‘{name}’ 파일을 아직 받지 못했습니다.",
            next_step="잠시 뒤 다시 붙여 주세요.",
        ) from None
    except UnreadError:
        raise Refusal(
            f"‘{name}’ 파일을 정해진 시간 안에 살펴보지 못했습니다. 받지 않았습니다.",
            next_step="파일이 열리는지 확인한 뒤 다시 붙이거나, PDF로 저장해 붙여 주세요.",
        ) from None
    if "fault" in found:
        raise _refusal(name, found)
    virus.check(name, data)
    kind = KINDS[found["media_type"]]
    return Examined(kind.media_type, kind.label, found["pages"])


def _refusal(name: str, found: Mapping[str, Any]) -> Refusal:
    what = f"‘{name}’ 파일은"
    if found["inside"]:
        what = f"‘{name}’ 묶음 안의 ‘{found['inside']}’ 파일은"
    fact, advice = _SAID[Fault(found["fault"])]
    if found["fault"] == Fault.UNKNOWN and (claimed := _named_as(found["inside"] or name)):
        fact = f"이름이 {claimed.label}이지만 {claimed.label} 파일로 읽히지 않습니다."
        advice = f"파일을 만든 프로그램에서 {claimed.label} 형식으로 다시 저장해 붙여 주세요."
    kind: Kind | None = KINDS.get(found["media_type"])
    label, ending = (kind.label, kind.endings[0]) if kind else ("", "")
    if found["fault"] == Fault.BROKEN:  # that it ends too early is said of it, not what it is
        what = what.removesuffix("은") + "이"
    return Refusal(f"{what} {fact.format(kind=label)}", next_step=advice.format(ending=ending))


def _named_as(name: str) -> Kind | None:
    """The kind that the end of a name promises."""
    ending = PurePath(name).suffix.lower()
    return next((kind for kind in KINDS.values() if ending in kind.endings), None)
