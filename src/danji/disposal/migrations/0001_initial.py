import django.db.models.deletion
from django.db import migrations, models

import danji.base.ids
import danji.base.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0004_cancelled_terms"),
        ("complexes", "0002_within_one_complex"),
    ]

    operations = [
        migrations.CreateModel(
            name="Disposal",
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
                (
                    "basis",
                    models.CharField(
                        choices=[
                            ("expired", "보존기간 만료"),
                            ("request", "정보주체의 삭제 요구"),
                            ("order", "법원·감독기관의 명령"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("proposed_at", models.DateTimeField()),
                ("proposed_by_id", models.UUIDField()),
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
                    "proposed_by",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.officeholder",
                    ),
                ),
            ],
            options={
                "ordering": ("-proposed_at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="DisposalItem",
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
                ("doc", models.UUIDField()),
                ("named", models.BooleanField(default=True)),
                ("disposal_id", models.UUIDField()),
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
                    "disposal",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="disposal.disposal",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DisposalOutcome",
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
                (
                    "answer",
                    models.CharField(
                        choices=[
                            ("confirmed", "확인"),
                            ("rejected", "거절"),
                            ("withdrawn", "취소"),
                        ],
                        max_length=10,
                    ),
                ),
                ("answered_at", models.DateTimeField()),
                ("disposal_id", models.UUIDField()),
                ("answered_by_id", models.UUIDField()),
                (
                    "answered_by",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.officeholder",
                    ),
                ),
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
                    "disposal",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="outcomes",
                        to="disposal.disposal",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Erasure",
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
                ("doc", models.UUIDField()),
                ("erased_at", models.DateTimeField()),
                ("leaf_hash", models.BinaryField()),
                ("item_id", models.UUIDField()),
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
                    "item",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="erasures",
                        to="disposal.disposalitem",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PendingFile",
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
                ("sha256", models.CharField(max_length=64)),
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
        ),
        migrations.CreateModel(
            name="Reading",
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
                ("doc", models.UUIDField()),
                ("day", models.DateField()),
                ("at", models.DateTimeField()),
                ("by_program", models.BooleanField()),
                ("reader_id", models.UUIDField()),
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
                    "reader",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.officeholder",
                    ),
                ),
            ],
            options={
                "ordering": ("at", "id"),
            },
        ),
        migrations.CreateModel(
            name="ReadingReport",
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
                ("day", models.DateField()),
                ("documents", models.PositiveIntegerField()),
                ("leaf_hash", models.BinaryField()),
                ("logged_at", models.DateTimeField()),
                ("reader_id", models.UUIDField()),
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
                    "reader",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.officeholder",
                    ),
                ),
            ],
            options={
                "ordering": ("-day", "-documents", "id"),
            },
        ),
        migrations.AddConstraint(
            model_name="disposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("basis", "expired"), models.Q(("reason", ""), _negated=True), _connector="OR"
                ),
                name="disposal_before_its_time_has_a_reason",
            ),
        ),
        migrations.AddIndex(
            model_name="disposalitem",
            index=models.Index(fields=["complex", "doc"], name="disposal_item_of_document"),
        ),
        migrations.AddConstraint(
            model_name="disposalitem",
            constraint=models.UniqueConstraint(
                fields=("complex", "disposal_id", "doc"), name="disposal_item_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="disposaloutcome",
            constraint=models.UniqueConstraint(
                fields=("complex", "disposal_id"), name="disposal_closed_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="erasure",
            constraint=models.UniqueConstraint(fields=("complex", "doc"), name="erasure_once"),
        ),
        migrations.AddConstraint(
            model_name="pendingfile",
            constraint=models.UniqueConstraint(
                fields=("complex", "sha256"), name="pending_file_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="reading",
            constraint=models.UniqueConstraint(
                fields=("complex", "day", "reader_id", "doc", "by_program"),
                name="reading_once_a_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="readingreport",
            constraint=models.UniqueConstraint(
                fields=("complex", "day", "reader_id"), name="reading_report_once"
            ),
        ),
    ]
