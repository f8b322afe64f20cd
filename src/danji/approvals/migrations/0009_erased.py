from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """Let a document be erased: that it was submitted stays, and nothing of what it said."""

    dependencies = [
        ("accounts", "0004_cancelled_terms"),
        ("approvals", "0008_note_earlier_attachments"),
        ("complexes", "0002_within_one_complex"),
        ("formbook", "0002_never_changed"),
    ]

    operations = [
        migrations.AddField(
            model_name="document",
            name="erased_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddConstraint(
            model_name="document",
            constraint=models.CheckConstraint(
                condition=Q(("content", b""), ("erased_at__isnull", True), _connector="XOR"),
                name="document_emptied_when_erased",
            ),
        ),
    ]
