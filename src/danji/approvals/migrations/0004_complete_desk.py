import django.db.models.deletion
from django.db import migrations, models

import danji.base.ids
import danji.base.models


class Migration(migrations.Migration):
    """Room for every kind of step, for whose turn it is, and for who else is shown a document."""

    dependencies = [
        ("accounts", "0002_within_one_complex"),
        ("approvals", "0003_under_way_and_returned"),
        ("complexes", "0002_within_one_complex"),
        ("formbook", "0002_never_changed"),
    ]

    operations = [
        migrations.CreateModel(
            name="Circulation",
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
                    "kind",
                    models.CharField(
                        choices=[
                            ("reference", "참조"),
                            ("circulation", "공람"),
                            ("afterwards", "후결"),
                            ("report", "사후보고"),
                        ],
                        max_length=12,
                    ),
                ),
                ("sent_at", models.DateTimeField(null=True)),
                ("read_at", models.DateTimeField(null=True)),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("leaf_hash", models.BinaryField(null=True)),
                ("document_id", models.UUIDField()),
                ("recipient_id", models.UUIDField()),
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
                    "document",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="circulations",
                        to="approvals.document",
                    ),
                ),
                (
                    "recipient",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.officeholder",
                    ),
                ),
            ],
            options={
                "ordering": ("sent_at", "id"),
            },
        ),
        migrations.CreateModel(
            name="Enclosure",
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
                ("document_id", models.UUIDField()),
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
                    "document",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="enclosures",
                        to="approvals.document",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("complex", "sha256", "document_id"), name="enclosure_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FavouriteForm",
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
                ("form_key", models.CharField(max_length=40)),
                ("officer_id", models.UUIDField()),
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
                    "officer",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.officeholder",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Hold",
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
                ("reason", models.CharField(max_length=1000)),
                ("held_at", models.DateTimeField()),
                ("lifted_at", models.DateTimeField(null=True)),
                ("step_id", models.UUIDField()),
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
                    "step",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holds",
                        to="approvals.step",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LineTemplate",
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
                ("name", models.CharField(max_length=50)),
                ("line", models.JSONField()),
                ("owner_id", models.UUIDField()),
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
                    "owner",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.officeholder",
                    ),
                ),
            ],
            options={
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="Outcome",
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
                    "ending",
                    models.CharField(
                        choices=[("finished", "완결"), ("returned", "반려"), ("withdrawn", "회수")],
                        max_length=10,
                    ),
                ),
                ("ended_at", models.DateTimeField()),
                ("document_id", models.UUIDField()),
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
                    "document",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="outcomes",
                        to="approvals.document",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Recurring",
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
                ("form_key", models.CharField(max_length=40)),
                ("title", models.CharField(max_length=100)),
                ("inputs", models.JSONField(default=dict)),
                ("line", models.JSONField(default=dict)),
                (
                    "every",
                    models.CharField(
                        choices=[("day", "평일마다"), ("week", "주마다"), ("month", "달마다")],
                        max_length=5,
                    ),
                ),
                ("on_day", models.PositiveSmallIntegerField(default=1)),
                ("since", models.DateField()),
                ("until", models.DateField(null=True)),
                ("drafter_id", models.UUIDField()),
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
                    "drafter",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.officeholder",
                    ),
                ),
            ],
            options={
                "ordering": ("title", "id"),
            },
        ),
        migrations.CreateModel(
            name="RecurringMade",
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
                ("draft", models.UUIDField()),
                ("recurring_id", models.UUIDField()),
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
                    "recurring",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="made",
                        to="approvals.recurring",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Reminder",
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
                    "kind",
                    models.CharField(
                        choices=[("remind", "다시 알림"), ("escalate", "지연 알림")], max_length=10
                    ),
                ),
                ("sent_at", models.DateTimeField()),
                ("step_id", models.UUIDField()),
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
                    "step",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reminders",
                        to="approvals.step",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Turn",
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
                ("since", models.DateTimeField()),
                ("document_id", models.UUIDField()),
                ("step_id", models.UUIDField()),
                ("approver_id", models.UUIDField()),
                (
                    "approver",
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
                    "document",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="turns",
                        to="approvals.document",
                    ),
                ),
                (
                    "step",
                    danji.base.models.ScopedForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="turns",
                        to="approvals.step",
                    ),
                ),
            ],
            options={
                "ordering": ("since", "id"),
            },
        ),
        migrations.AlterModelOptions(
            name="step",
            options={"ordering": ("position", "round")},
        ),
        migrations.RemoveConstraint(
            model_name="step",
            name="step_position_once",
        ),
        migrations.RemoveIndex(
            model_name="step",
            name="step_undecided_of_approver",
        ),
        migrations.RemoveIndex(
            model_name="step",
            name="step_undecided_of_document",
        ),
        migrations.AddField(
            model_name="document",
            name="follows",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="document",
            name="net",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="document",
            name="account",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="document",
            name="payee",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="draft",
            name="follows",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="draft",
            name="line",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="step",
            name="basis",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="step",
            name="decided_by",
            field=danji.base.models.ScopedForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.officeholder",
            ),
        ),
        migrations.AddField(
            model_name="step",
            name="decided_by_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="step",
            name="round",
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="step",
            name="stage",
            field=models.PositiveSmallIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="step",
            name="act",
            field=models.CharField(
                choices=[
                    ("draft", "기안"),
                    ("review", "검토"),
                    ("concur", "협조"),
                    ("confirm", "확인"),
                    ("audit", "감사"),
                    ("approve", "결재"),
                    ("delegated", "전결"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="step",
            name="decision",
            field=models.CharField(
                blank=True,
                choices=[
                    ("approve", "승인"),
                    ("dissent", "의견 있음"),
                    ("return", "반려"),
                    ("send_back", "되돌림"),
                    ("skip", "생략"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(
                condition=models.Q(("net__isnull", False)),
                fields=["complex", "-submitted_at"],
                name="document_with_money_by_date",
            ),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(
                condition=models.Q(("follows__isnull", False)),
                fields=["complex", "follows"],
                name="document_following",
            ),
        ),
        migrations.AddIndex(
            model_name="step",
            index=models.Index(
                condition=models.Q(("decision", ""), _negated=True),
                fields=["complex", "approver_id", "-decided_at"],
                name="step_decided_of_approver",
            ),
        ),
        migrations.AddConstraint(
            model_name="step",
            constraint=models.UniqueConstraint(
                fields=("complex", "document_id", "position", "round"), name="step_position_once"
            ),
        ),
        migrations.AddIndex(
            model_name="circulation",
            index=models.Index(
                fields=["complex", "recipient_id", "-sent_at"], name="circulation_of_recipient"
            ),
        ),
        migrations.AddConstraint(
            model_name="circulation",
            constraint=models.UniqueConstraint(
                fields=("complex", "document_id", "recipient_id", "kind"), name="circulation_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="circulation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("confirmed_at__isnull", True), ("leaf_hash__isnull", False), _connector="XOR"
                ),
                name="circulation_logged_when_confirmed",
            ),
        ),
        migrations.AddConstraint(
            model_name="favouriteform",
            constraint=models.UniqueConstraint(
                fields=("complex", "officer_id", "form_key"), name="favourite_form_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.UniqueConstraint(
                condition=models.Q(("lifted_at__isnull", True)),
                fields=("complex", "step_id"),
                name="hold_one_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="linetemplate",
            constraint=models.UniqueConstraint(
                fields=("complex", "owner_id", "name"), name="line_template_named_once"
            ),
        ),
        migrations.AddIndex(
            model_name="outcome",
            index=models.Index(fields=["complex", "ending", "-ended_at"], name="outcome_by_date"),
        ),
        migrations.AddConstraint(
            model_name="outcome",
            constraint=models.UniqueConstraint(
                fields=("complex", "document_id"), name="outcome_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="recurring",
            constraint=models.CheckConstraint(
                condition=models.Q(("on_day__gte", 1), ("on_day__lte", 31)),
                name="recurring_on_a_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="recurringmade",
            constraint=models.UniqueConstraint(
                fields=("complex", "recurring_id", "day"), name="recurring_once_a_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="reminder",
            constraint=models.UniqueConstraint(
                fields=("complex", "step_id", "kind"), name="reminder_once"
            ),
        ),
        migrations.AddIndex(
            model_name="turn",
            index=models.Index(
                fields=["complex", "approver_id", "since", "id"], name="turn_of_approver"
            ),
        ),
        migrations.AddIndex(
            model_name="turn",
            index=models.Index(fields=["complex", "document_id"], name="turn_of_document"),
        ),
        migrations.AddConstraint(
            model_name="turn",
            constraint=models.UniqueConstraint(fields=("complex", "step_id"), name="turn_once"),
        ),
    ]
