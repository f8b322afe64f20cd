from importlib import import_module

from django.db import migrations

ERASE = import_module("danji.disposal.migrations.0003_erase_where_the_log_says_so").ERASE.replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1
)
# Why somebody was left out of the line is what a document said, too.
ERASE_LINE = ERASE.replace("account = '', content", "account = '', line = '{}', content", 1)


class Migration(migrations.Migration):
    """Let the changes of its line go with a document."""

    dependencies = [
        ("disposal", "0003_erase_where_the_log_says_so"),
        ("approvals", "0013_keep_the_line"),
    ]

    operations = [migrations.RunSQL(ERASE_LINE, ERASE)]
