from django.db import migrations, models


class Migration(migrations.Migration):
    """Keep what the drafter changed of the line, so that whoever begins anew has it again."""

    dependencies = [("approvals", "0012_begin_receipts")]

    operations = [
        migrations.AddField(
            model_name="document",
            name="line",
            field=models.JSONField(default=dict),
        ),
        migrations.AlterField(
            model_name="recurring",
            name="every",
            field=models.CharField(
                choices=[
                    ("day", "평일마다"),
                    ("each", "날마다"),
                    ("week", "주마다"),
                    ("month", "달마다"),
                ],
                max_length=5,
            ),
        ),
    ]
