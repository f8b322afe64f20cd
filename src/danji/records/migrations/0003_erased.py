from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """Let a record be erased: it keeps its place in the register, and nothing of what it said."""

    dependencies = [
        ("complexes", "0002_within_one_complex"),
        ("records", "0002_within_one_complex"),
    ]

    operations = [
        migrations.AddField(
            model_name="record",
            name="erased_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddConstraint(
            model_name="record",
            constraint=models.CheckConstraint(
                condition=Q(("payload", b""), ("erased_at__isnull", True), _connector="XOR"),
                name="record_emptied_when_erased",
            ),
        ),
    ]
