from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """Indexes for the boxes: what somebody decided, in whosever place, and what is unread."""

    dependencies = [("approvals", "0006_no_more_withdrawals")]

    operations = [
        migrations.RemoveIndex(model_name="step", name="step_returned_by_date"),
        migrations.RemoveIndex(model_name="step", name="step_decided_of_approver"),
        migrations.AddIndex(
            model_name="step",
            index=models.Index(
                fields=["complex", "decided_by_id", "-decided_at"],
                condition=~Q(decision=""),
                name="step_decided_by_officer",
            ),
        ),
        migrations.AddIndex(
            model_name="circulation",
            index=models.Index(
                fields=["complex", "recipient_id", "kind"],
                condition=Q(read_at__isnull=True) | Q(kind="afterwards", confirmed_at__isnull=True),
                name="circulation_unread",
            ),
        ),
    ]
