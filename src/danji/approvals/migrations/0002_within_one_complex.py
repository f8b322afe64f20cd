from django.db import migrations

from danji.base.migration import append_only, one_complex_only, scoped_foreign_key


class Migration(migrations.Migration):
    """Freeze what was submitted; of a step only its decision can be filled in."""

    dependencies = [
        ("approvals", "0001_initial"),
        ("accounts", "0001_initial"),
        ("formbook", "0001_initial"),
    ]

    operations = [
        scoped_foreign_key("approvals_draft", "drafter", "accounts_officeholder"),
        scoped_foreign_key("approvals_document", "drafter", "accounts_officeholder"),
        scoped_foreign_key("approvals_step", "document", "approvals_document"),
        scoped_foreign_key("approvals_step", "approver", "accounts_officeholder"),
        scoped_foreign_key("approvals_withdrawal", "document", "approvals_document"),
        one_complex_only(
            "approvals_draft", "approvals_document", "approvals_step", "approvals_withdrawal"
        ),
        append_only("approvals_document", "approvals_withdrawal"),
        append_only(
            "approvals_step", may_update=["decision", "decided_at", "opinion", "leaf_hash"]
        ),
    ]
