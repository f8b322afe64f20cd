import json
from typing import Any

from django.db import migrations


def note_earlier(apps: Any, schema: Any) -> None:
    """Note which documents hold which files, also of those submitted before it was noted."""
    owner = schema.connection.alias
    enclosures = apps.get_model("approvals", "Enclosure").objects.using(owner)
    documents = apps.get_model("approvals", "Document").objects.using(owner)
    rows = documents.values_list("complex_id", "id", "content")
    for complex_id, document_id, content in rows.iterator(chunk_size=500):
        try:
            digests = {file["sha256"] for file in json.loads(bytes(content))["attachments"]}
        except (ValueError, LookupError, TypeError):  # what was altered must not stop an upgrade
            continue
        enclosures.bulk_create(
            [
                enclosures.model(complex_id=complex_id, document_id=document_id, sha256=digest)
                for digest in sorted(digests)
            ],
            ignore_conflicts=True,
        )


class Migration(migrations.Migration):
    """A file is deleted once no document holds it, so every document's files must be known."""

    dependencies = [("approvals", "0009_erased")]

    operations = [migrations.RunPython(note_earlier, migrations.RunPython.noop)]
