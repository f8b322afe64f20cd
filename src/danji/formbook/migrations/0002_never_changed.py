from django.db import migrations

from danji.base.migration import append_only


class Migration(migrations.Migration):
    """Let a published version of a form stay as it is."""

    dependencies = [
        ("formbook", "0001_initial"),
    ]

    operations = [
        append_only("formbook_form"),
    ]
