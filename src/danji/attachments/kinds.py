"""The kinds of files that can be attached, and why a file is not taken."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Kind:
    """A kind of file we take, and how it may be named."""

    media_type: str
    label: str
    endings: tuple[str, ...]


PDF = Kind("application/pdf", "PDF", (".pdf",))
PNG = Kind("image/png", "PNG 그림", (".png",))
JPEG = Kind("image/jpeg", "JPG 그림", (".jpg", ".jpeg"))
WEBP = Kind("image/webp", "WebP 그림", (".webp",))
HWP = Kind("application/x-hwp", "한글(HWP)", (".hwp",))
HWPX = Kind("application/hwp+zip", "한글(HWPX)", (".hwpx",))
DOC = Kind("application/msword", "워드(DOC)", (".doc",))
XLS = Kind("application/vnd.ms-excel", "엑셀(XLS)", (".xls",))
PPT = Kind("application/vnd.ms-powerpoint", "파워포인트(PPT)", (".ppt",))
_OFFICE = "application/vnd.openxmlformats-officedocument"
DOCX = Kind(f"{_OFFICE}.wordprocessingml.document", "워드(DOCX)", (".docx",))
XLSX = Kind(f"{_OFFICE}.spreadsheetml.sheet", "엑셀(XLSX)", (".xlsx",))
PPTX = Kind(f"{_OFFICE}.presentationml.presentation", "파워포인트(PPTX)", (".pptx",))
ZIP = Kind("application/zip", "ZIP 묶음", (".zip",))
TEXT = Kind("text/plain", "글(TXT)", (".txt",))
CSV = Kind("text/csv", "표(CSV)", (".csv",))

KINDS = {
    kind.media_type: kind
    for kind in (PDF, PNG, JPEG, WEBP, HWP, HWPX, DOC, XLS, PPT, DOCX, XLSX, PPTX, ZIP, TEXT, CSV)
}
PICTURES = (PNG, JPEG, WEBP)


class Fault(StrEnum):
    """Why a file is not taken."""

    UNKNOWN = "unknown"  # of no kind we take
    HEIC = "heic"  # a telephone's photograph that few programs can show
    MISNAMED = "misnamed"
    BROKEN = "broken"  # cut off, or not as its kind is made
    LOCKED = "locked"  # with a password, or by rights management
    MACROS = "macros"
    PROGRAM = "program"
    HIDDEN = "hidden"  # another file inside that its reader would not see
    PAGES = "pages"
    PIXELS = "pixels"
    BOMB = "bomb"  # unpacks to too much
    ENTRIES = "entries"
    NESTED = "nested"  # archives in archives
    PATH = "path"  # an entry that would be unpacked elsewhere
    PACKING = "packing"  # a way of packing that is not ours


class FaultError(Exception):
    """A file is not taken. `kind` is what it is, as far as known; `inside` the entry at fault."""

    def __init__(self, fault: Fault, kind: Kind | None = None, inside: str = "") -> None:
        super().__init__(fault)
        self.fault, self.kind, self.inside = fault, kind, inside
