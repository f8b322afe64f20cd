"""What an event in the log opens to."""

import json
from base64 import b64decode

import pytest

from danji.transparency.models import Event, Opening


@pytest.fixture
def logged(complex_):
    """The values of the newest event of a chain, by field, with its `name`."""

    def values(doc):
        event = Event.objects.within(complex_.id).filter(doc=doc).order_by("-seq")[0]
        fields = Opening.objects.within(complex_.id).get(event_id=event.id).fields
        opened = {name: json.loads(b64decode(f["value"])) for name, f in fields.items()}
        return {"name": event.name, "leaf_hash": bytes(event.leaf_hash), **opened}

    return values
