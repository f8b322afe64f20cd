"""The public page of the log of logs (모음 장부), beside its files."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone

from danji.base.files import write_durably
from danji.renditions.monthly import published_sheets
from danji.rules.periods import format_date
from danji.transparency.collection import FOLDER, collection_folder
from danji.transparency.models import Collection, Stamp
from danji.transparency.queries import confirmed_head
from danji.transparency.standing import watches_of
from danji_verify.canonical import b64encode

NEWEST = 31  # stamps on the page; the older ones stay where they are


def write_collection_page() -> int:
    """Write the page of the log of logs where it does not say what is so. Returns: how many."""
    collection = Collection.objects.first()
    if collection is None or not collection.size:
        return 0
    confirmed = confirmed_head(collection.origin)
    days = Stamp.objects.order_by("-day").values_list("day", flat=True)
    shown: dict[str, Any] = {
        "origin": collection.origin,
        "size": collection.size,
        "root": b64encode(bytes(collection.root)),
        "confirmed": confirmed.checkpoint.size if confirmed else 0,
        "watches": watches_of(None, collection.origin),
        "stamps": [{"date": format_date(day), "name": f"stamps/{day}"} for day in days[:NEWEST]],
        "sheets": published_sheets(collection_folder()),
    }
    state = repr((shown, version("danji"))).encode()
    page, seen = collection_folder() / "index.html", Path(settings.STAGING) / FOLDER / "page"
    if page.exists() and seen.exists() and seen.read_bytes() == state:
        return 0
    html = render_to_string("public/heads.html", {**shown, "written_at": timezone.now()})
    write_durably(page, html.encode())
    write_durably(seen, state)
    return 1
