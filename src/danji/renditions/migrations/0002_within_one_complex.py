from django.db import migrations

from danji.base.migration import append_only, one_complex_only, scoped_foreign_key


class Migration(migrations.Migration):
    """Let a record be rendered once."""

    dependencies = [
        ("renditions", "0001_initial"),
        ("records", "0001_initial"),
    ]

    operations = [
        scoped_foreign_key("renditions_rendition", "record", "records_record"),
        one_complex_only("renditions_rendition"),
        append_only("renditions_rendition"),
    ]
