import django.db.models.deletion
from django.db import migrations, models

import danji.base.ids
import danji.base.models
from danji.base.migration import append_only, one_complex_only, scoped_foreign_key


class Migration(migrations.Migration):
    """Let a disclosure be taken back, once and for good, with the reason beside it."""

    dependencies = [
        ("accounts", "0004_cancelled_terms"),
        ("complexes", "0002_within_one_complex"),
        ("disclosure", "0003_confirmation"),
        ("records", "0003_erased"),
    ]

    operations = [
        migrations.CreateModel(
            name="Withdrawal",
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
                ("reason", models.CharField(max_length=200)),
                ("withdrawn_at", models.DateTimeField()),
                ("leaf_hash", models.BinaryField()),
                ("record_id", models.UUIDField()),
                ("withdrawn_by_id", models.UUIDField()),
                (
                    "complex",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="complexes.complex",
                    ),
                ),
                (
                    "record",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="withdrawals",
                        to="records.record",
                    ),
                ),
                (
                    "withdrawn_by",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.officeholder",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("complex", "record_id"), name="withdrawal_once")
                ],
            },
        ),
        scoped_foreign_key("disclosure_withdrawal", "record", "records_record"),
        scoped_foreign_key("disclosure_withdrawal", "withdrawn_by", "accounts_officeholder"),
        one_complex_only("disclosure_withdrawal"),
        append_only("disclosure_withdrawal"),
    ]
