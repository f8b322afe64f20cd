"""Scripts, styles and fonts, with how long a browser may keep them.

What is public is served by the web server itself, for it must never be stale. These files change
only with the program, and a phone should fetch a font once.
"""

import mimetypes
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from wsgiref.util import FileWrapper

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# A name that carries the digest of its content is never used for another content.
DIGESTED = re.compile(r"\.[0-9a-f]{12}\.[a-z0-9]+$")


def with_assets(
    application: "WSGIApplication", *, prefix: str, folder: Path
) -> Callable[["WSGIEnvironment", "StartResponse"], Iterable[bytes]]:
    """Serve the files of `folder` under `prefix` ("/static/"), and all else by `application`."""
    folder = folder.resolve()

    def serve(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        if not path.startswith(prefix) or environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return application(environ, start_response)
        try:
            file = (folder / path.removeprefix(prefix)).resolve()
            opened = file.open("rb") if file.is_relative_to(folder) else None
        except (OSError, ValueError):
            opened = None
        if opened is None:
            return application(environ, start_response)
        facts = file.stat()
        tag = f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
        fresh = "public, max-age=31536000, immutable" if DIGESTED.search(file.name) else "no-cache"
        headers = [("Cache-Control", fresh), ("ETag", tag), ("X-Content-Type-Options", "nosniff")]
        if environ.get("HTTP_IF_NONE_MATCH") == tag:
            opened.close()
            start_response("304 Not Modified", headers)
            return []
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        if kind.startswith("text/"):
            kind += "; charset=utf-8"
        headers += [("Content-Type", kind), ("Content-Length", str(facts.st_size))]
        start_response("200 OK", headers)
        if environ["REQUEST_METHOD"] == "HEAD":
            opened.close()
            return []
        return FileWrapper(opened, 64 * 1024)

    return serve
