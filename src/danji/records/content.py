"""What a document says, whichever version of the layout it was written in."""

from collections.abc import Mapping
from typing import Any


def content_now(content: Mapping[str, Any]) -> dict[str, Any]:
    """A content as version 2 lays it out: what version 1 did not have stands for nothing.

    Args: `content` as `docs/spec/record.md` has it, of either version.
    """
    line = [
        {"stage": place["position"], "basis": "", "skipped": ""} | place
        for place in content["line"]
    ]
    return {"follows": None, "readers": [], "notes": []} | dict(content) | {"line": line}
