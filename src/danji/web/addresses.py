"""Addresses that a browser hands us: followed only when they lead to a page of ours."""

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def own_address(request: HttpRequest, wanted: str, *, otherwise: str) -> str:
    """`wanted` when it is an address of this site, as its whole or from its root."""
    try:
        host = request.get_host()
    except DisallowedHost:
        return otherwise
    if url_has_allowed_host_and_scheme(wanted, {host}, require_https=request.is_secure()):
        return wanted
    return otherwise
