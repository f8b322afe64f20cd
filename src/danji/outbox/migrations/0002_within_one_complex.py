from django.db import migrations

from danji.base.migration import append_only, one_complex_only, scoped_foreign_key


class Migration(migrations.Migration):
    """Let messages be written once and stay in their complex."""

    dependencies = [
        ("outbox", "0001_initial"),
        ("accounts", "0001_initial"),
    ]

    operations = [
        scoped_foreign_key("outbox_delivery", "message", "outbox_message"),
        one_complex_only("outbox_message", "outbox_delivery"),
        append_only("outbox_message", "outbox_delivery"),
    ]
