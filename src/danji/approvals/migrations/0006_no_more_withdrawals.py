from django.db import migrations, models


class Migration(migrations.Migration):
    """A withdrawal is an outcome now, and every decision names who made it."""

    dependencies = [
        ("approvals", "0005_turns_and_outcomes"),
    ]

    operations = [
        migrations.DeleteModel(name="Withdrawal"),
        migrations.AddConstraint(
            model_name="step",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decision", ""), ("decided_by_id__isnull", False), _connector="XOR"
                ),
                name="step_decided_by_somebody",
            ),
        ),
    ]
