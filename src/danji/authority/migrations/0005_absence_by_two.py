import django.db.models.deletion
from django.db import migrations, models

import danji.base.models
from danji.base.migration import scoped_foreign_key


class Migration(migrations.Migration):
    """Let two officers say that the manager is away, who cannot say so."""

    dependencies = [
        ("accounts", "0004_cancelled_terms"),
        ("authority", "0004_contacts_and_bylaws"),
    ]

    operations = [
        migrations.AddField(
            model_name="proposal",
            name="deputy",
            field=danji.base.models.ScopedForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.officeholder",
            ),
        ),
        migrations.AddField(
            model_name="proposal",
            name="deputy_id",
            field=models.UUIDField(null=True),
        ),
        scoped_foreign_key("authority_proposal", "deputy", "accounts_officeholder"),
        migrations.AlterField(
            model_name="proposal",
            name="change",
            field=models.CharField(
                choices=[
                    ("take", "취임"),
                    ("leave", "퇴임"),
                    ("contact", "연락처 변경"),
                    ("absence", "부재"),
                    ("setting", "관리규약 설정"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("change", "absence"), ("deputy_id__isnull", True), _connector="XOR"
                ),
                name="proposal_of_an_absence_names_the_deputy",
            ),
        ),
    ]
