from django.db import migrations

from danji.base.migration import append_only, one_complex_only, scoped_foreign_key


class Migration(migrations.Migration):
    """Let queue and devices stay in their complex, and what waits be found without entering it."""

    dependencies = [
        ("outbox", "0003_channels"),
    ]

    operations = [
        scoped_foreign_key("outbox_message", "resends", "outbox_message"),
        scoped_foreign_key("outbox_delivery", "device", "outbox_pushsubscription"),
        scoped_foreign_key("outbox_pendingdelivery", "message", "outbox_message"),
        scoped_foreign_key("outbox_pendingdelivery", "device", "outbox_pushsubscription"),
        one_complex_only("outbox_pendingdelivery", "outbox_pushsubscription"),
        append_only("outbox_pushsubscription", may_update=["ended_at"]),
        append_only(
            "outbox_pendingdelivery", may_update=["tries", "next_try", "trouble"], may_delete=True
        ),
        # What was written and not sent before there was a queue.
        migrations.RunSQL(
            """
            INSERT INTO outbox_pendingdelivery
                (complex_id, id, message_id, channel, secret, tries, trouble)
            SELECT complex_id, id, id, 'mail', '', 0, '' FROM outbox_message AS message
            WHERE NOT EXISTS (
                SELECT FROM outbox_delivery
                WHERE complex_id = message.complex_id AND message_id = message.id
            )
            """,
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(
            """
            CREATE FUNCTION danji_telling_complexes(way text, at timestamptz)
            RETURNS SETOF uuid
            LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
            AS $$
                SELECT DISTINCT complex_id FROM outbox_pendingdelivery
                WHERE channel = way AND (next_try IS NULL OR next_try <= at)
            $$
            """,
            "DROP FUNCTION danji_telling_complexes(text, timestamptz)",
        ),
    ]
