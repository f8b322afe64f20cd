from django.db import migrations

from danji.base.migration import append_only, one_complex_only, scoped_foreign_key


class Migration(migrations.Migration):
    """Let the application add events to the log and read them, and nothing else."""

    dependencies = [
        ("transparency", "0001_initial"),
    ]

    operations = [
        scoped_foreign_key("transparency_pendingevent", "event", "transparency_event"),
        scoped_foreign_key("transparency_leaf", "event", "transparency_event"),
        scoped_foreign_key("transparency_opening", "event", "transparency_event"),
        one_complex_only(
            "transparency_log",
            "transparency_event",
            "transparency_pendingevent",
            "transparency_leaf",
            "transparency_opening",
        ),
        append_only("transparency_event", "transparency_leaf"),
        append_only("transparency_log", may_update=["size", "root", "checkpoint"]),
        # Openings may be erased, since erasure destroys what they say; never rewritten.
        append_only("transparency_opening", "transparency_pendingevent", may_delete=True),
        migrations.RunSQL(
            """
            CREATE FUNCTION danji_waiting_complexes() RETURNS SETOF uuid
            LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
            AS $$ SELECT DISTINCT complex_id FROM transparency_pendingevent $$
            """,
            "DROP FUNCTION danji_waiting_complexes()",
        ),
    ]
