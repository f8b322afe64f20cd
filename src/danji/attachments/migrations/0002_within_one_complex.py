from django.db import migrations

from danji.base.migration import append_only, one_complex_only, scoped_foreign_key


class Migration(migrations.Migration):
    """What was attached stays attached, and a preview is made once."""

    dependencies = [("attachments", "0001_initial")]

    operations = [
        scoped_foreign_key("attachments_preview", "attached", "attachments_attached"),
        one_complex_only("attachments_attached", "attachments_preview"),
        append_only("attachments_attached", "attachments_preview"),
    ]
