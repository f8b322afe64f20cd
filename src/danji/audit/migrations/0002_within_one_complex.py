from django.db import migrations

from danji.base.migration import append_only, one_complex_only


class Migration(migrations.Migration):
    """Let what was found stay as it was found."""

    dependencies = [("audit", "0001_initial")]

    operations = [
        one_complex_only("audit_auditrun"),
        append_only("audit_auditrun"),
    ]
