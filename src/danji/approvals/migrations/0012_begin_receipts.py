from datetime import timedelta
from typing import Any

from django.db import migrations
from django.utils import timezone

from danji.rules.periods import day_in_seoul


def begin(apps: Any, schema: Any) -> None:
    """Begin where the logs end: whatever was decided years ago is no news to anybody."""
    owner = schema.connection.alias
    receipts = apps.get_model("approvals", "Receipt").objects.using(owner)
    leaves = apps.get_model("transparency", "Leaf").objects.using(owner)
    newest = leaves.order_by("complex_id", "-log_number", "-index").distinct("complex_id")
    now = timezone.now()
    for complex_id, number, index in newest.values_list("complex_id", "log_number", "index"):
        receipts.create(
            complex_id=complex_id,
            day=day_in_seoul(now) - timedelta(days=1),
            log_number=number,
            size=index + 1,
            told=0,
            sent_at=now,
        )


class Migration(migrations.Migration):
    """Receipts go by the places in the log, and what was there before them is not told."""

    dependencies = [
        ("approvals", "0011_receipts"),
        ("transparency", "0004_keys_and_further_logs"),
    ]

    operations = [migrations.RunPython(begin, migrations.RunPython.noop)]
