from django.db import migrations, models

from danji.base.migration import APP_ROLE


class Migration(migrations.Migration):
    """Note when somebody was reminded of what waits to be approved afterwards (후결)."""

    dependencies = [("approvals", "0013_keep_the_line")]

    operations = [
        migrations.AddField(
            model_name="circulation",
            name="reminded_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(
            f"GRANT UPDATE (reminded_at) ON approvals_circulation TO {APP_ROLE}",
            f"REVOKE UPDATE (reminded_at) ON approvals_circulation FROM {APP_ROLE}",
        ),
    ]
