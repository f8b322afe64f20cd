from django.db import migrations, models


class Migration(migrations.Migration):
    """Find what is under way or was returned lately without reading every step there ever was."""

    dependencies = [
        ("approvals", "0002_within_one_complex"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="step",
            index=models.Index(
                condition=models.Q(("decision", "")),
                fields=["complex", "-document_id"],
                name="step_undecided_of_document",
            ),
        ),
        migrations.AddIndex(
            model_name="step",
            index=models.Index(
                condition=models.Q(("decision", "return")),
                fields=["complex", "-decided_at"],
                name="step_returned_by_date",
            ),
        ),
    ]
