from django.db import migrations

from danji.base.migration import append_only, one_complex_only, scoped_foreign_key


class Migration(migrations.Migration):
    """Let records be filed and read, and never changed."""

    dependencies = [
        ("records", "0001_initial"),
    ]

    operations = [
        scoped_foreign_key("records_record", "folder", "records_recordfolder"),
        scoped_foreign_key("records_citation", "record", "records_record"),
        scoped_foreign_key("records_citation", "cited", "records_record"),
        one_complex_only(
            "records_recordfolder", "records_register", "records_record", "records_citation"
        ),
        append_only("records_record", "records_citation", "records_recordfolder"),
        append_only("records_register", may_update=["last"]),
    ]
