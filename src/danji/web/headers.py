"""What a browser is told about every page: load nothing from elsewhere, run nothing inline."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# Scripts are files of our own. The data that the passkey pages carry in `application/json` blocks
# is not run, so no exception is needed for it.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
# A file that a stranger made is never run with the rights of our pages.
POLICY_OF_FILES = "default-src 'none'; sandbox"


class ContentPolicyMiddleware:
    """Adds the policy to every answer that has none, and keeps pages out of shared caches."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        # Not kept: on a shared computer "back" would show what the last person saw.
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response
