from django.db import migrations

from danji.base.migration import append_only, one_complex_only, scoped_foreign_key


class Migration(migrations.Migration):
    """Let offices be seen in their own complex, and by the person who holds them."""

    dependencies = [
        ("accounts", "0001_initial"),
        ("complexes", "0001_initial"),
    ]

    operations = [
        append_only("accounts_officeholder", may_update=["until"]),
        scoped_foreign_key("accounts_residency", "unit", "complexes_unit"),
        one_complex_only("accounts_officeholder", "accounts_residency", or_own="person_id"),
    ]
