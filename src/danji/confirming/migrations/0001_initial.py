import django.db.models.deletion
from django.db import migrations, models

import danji.base.ids
from danji.base.migration import append_only, one_complex_only


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("complexes", "0003_settings_stay"),
    ]

    operations = [
        migrations.CreateModel(
            name="ConfirmationReminder",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "complex_id",
                        "id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("id", models.UUIDField(default=danji.base.ids.uuid7)),
                ("about", models.UUIDField()),
                ("sent_at", models.DateTimeField()),
                (
                    "complex",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="complexes.complex",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("complex", "about"), name="confirmation_reminded_once"
                    )
                ],
            },
        ),
        one_complex_only("confirming_confirmationreminder"),
        append_only("confirming_confirmationreminder"),
    ]
