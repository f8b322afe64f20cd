from django.db import migrations

from danji.base.migration import append_only


class Migration(migrations.Migration):
    """Keep what the bylaws set as two officers set it; another value holds from a later day."""

    dependencies = [("complexes", "0002_within_one_complex")]

    operations = [append_only("complexes_bylawsetting")]
