from django.db import migrations


class Migration(migrations.Migration):
    """Whoever serves may make temporary tables: a function with other rights looks there last."""

    dependencies = [("outbox", "0004_within_one_complex")]

    operations = [
        migrations.RunSQL(
            "ALTER FUNCTION danji_telling_complexes(text, timestamptz) "
            "SET search_path = public, pg_temp",
            "ALTER FUNCTION danji_telling_complexes(text, timestamptz) SET search_path = public",
        ),
    ]
