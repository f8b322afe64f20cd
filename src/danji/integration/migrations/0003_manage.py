from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """The token of a system does not manage either: that is for people, two at a time."""

    dependencies = [("integration", "0002_within_one_complex")]

    operations = [
        migrations.RemoveConstraint("apitoken", "token_of_system_never_decides"),
        migrations.AddConstraint(
            "apitoken",
            models.CheckConstraint(
                condition=Q(kind="officeholder")
                | ~Q(scopes__contains="decide") & ~Q(scopes__contains="manage"),
                name="token_of_system_only_drafts",
            ),
        ),
    ]
