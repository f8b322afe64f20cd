from django.db import migrations

from danji.base.migration import append_only, one_complex_only, scoped_foreign_key


class Migration(migrations.Migration):
    """Let what was disclosed, and what stood in the way, stay as it was noted."""

    dependencies = [
        ("disclosure", "0001_initial"),
        ("records", "0001_initial"),
        ("accounts", "0001_initial"),
    ]

    operations = [
        scoped_foreign_key("disclosure_publication", "record", "records_record"),
        scoped_foreign_key("disclosure_obstacle", "record", "records_record"),
        scoped_foreign_key("disclosure_clearance", "record", "records_record"),
        scoped_foreign_key("disclosure_clearance", "officeholder", "accounts_officeholder"),
        one_complex_only("disclosure_publication", "disclosure_obstacle", "disclosure_clearance"),
        append_only("disclosure_publication", "disclosure_obstacle", "disclosure_clearance"),
    ]
