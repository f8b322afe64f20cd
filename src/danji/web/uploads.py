"""Files on their way in: what is too large is not read to its end."""

from django.conf import settings
from django.core.files.base import File
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest

from danji.rules.refusal import Refusal

# What stands beside the file in the same request: the fields of the form.
FIELDS_LIMIT = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
_STOPPED = "_upload_stopped"


class LimitedUploadHandler(FileUploadHandler):
    """Counts what comes in, and stops reading beyond the limit; the view then says why."""

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self.received = 0

    def receive_data_chunk(self, raw_data: bytes, _start: int) -> bytes:
        self.received += len(raw_data)
        if self.received > settings.UPLOAD_LIMIT:
            setattr(self.request, _STOPPED, True)
            raise StopUpload(connection_reset=True)
        return raw_data

    def file_complete(self, _file_size: int) -> None:
        """Nothing: the next handler keeps the file."""
        return


def is_too_large(request: HttpRequest) -> bool:
    """Whether the request says beforehand that it holds more than we take."""
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return False
    return length > settings.UPLOAD_LIMIT + FIELDS_LIMIT


def uploaded_file(request: HttpRequest) -> "File[bytes] | None":
    """The file that came with the request, if one did.

    Raises: Refusal when it was larger than the limit.
    """
    file = request.FILES.get("file")
    if getattr(request, _STOPPED, False):
        raise too_large()
    return file if isinstance(file, File) else None


def too_large() -> Refusal:
    """What is said about a file beyond the limit."""
    megabytes = settings.UPLOAD_LIMIT // (1024 * 1024)
    return Refusal(
        f"파일이 너무 큽니다. 한 개에 {megabytes}MB까지 붙일 수 있습니다.",
        next_step="파일을 줄이거나 나누어 다시 붙여 주세요.",
    )
