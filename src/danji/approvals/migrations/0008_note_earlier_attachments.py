import json
from typing import Any

from django.db import migrations


def note_earlier(apps: Any, schema: Any) -> None:
    """Note what was attached before previews were made, so that one is made of it."""
    owner = schema.connection.alias
    attached = apps.get_model("attachments", "Attached").objects.using(owner)
    drafts = apps.get_model("approvals", "Draft").objects.using(owner)
    documents = apps.get_model("approvals", "Document").objects.using(owner)
    for complex_id, files, at in drafts.values_list("complex_id", "attachments", "saved_at"):
        _note(attached, complex_id, files, at)
    rows = documents.values_list("complex_id", "content", "submitted_at")
    for complex_id, content, at in rows.iterator(chunk_size=500):
        try:
            _note(attached, complex_id, json.loads(bytes(content))["attachments"], at)
        except (ValueError, LookupError, TypeError):  # what was altered must not stop an upgrade
            continue


def _note(attached: Any, complex_id: Any, files: list[dict[str, Any]], at: Any) -> None:
    attached.bulk_create(
        [
            attached.model(
                complex_id=complex_id,
                sha256=file["sha256"],
                media_type=file["media_type"],
                attached_at=at,
            )
            for file in files
        ],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    """Files attached before previews were made get theirs too."""

    dependencies = [
        ("approvals", "0007_boxes_of_the_desk"),
        ("attachments", "0002_within_one_complex"),
    ]

    operations = [migrations.RunPython(note_earlier, migrations.RunPython.noop)]
