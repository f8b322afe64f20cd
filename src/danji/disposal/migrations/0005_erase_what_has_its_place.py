from importlib import import_module

from django.db import migrations

BEFORE = import_module("danji.disposal.migrations.0004_erase_the_line").ERASE_LINE
SAYS_SO = BEFORE[BEFORE.index("    IF EXISTS (\n") : BEFORE.index("    -- Those that go with it")]
# A row that says `doc.erased` is not enough: it has to have its place in the log, and nothing may
# have come after it. Whoever writes the rows of the log and of the disposal too can still erase:
# that stops the log, and the audit tells it (ADR 0027).
STANDS = """    IF EXISTS (
        SELECT FROM unnest(chains) AS chain WHERE NOT EXISTS (
            SELECT FROM transparency_event AS event
            JOIN transparency_leaf AS leaf
                ON (leaf.complex_id, leaf.event_id) = (event.complex_id, event.id)
            JOIN transparency_log AS log
                ON (log.complex_id, log.number) = (leaf.complex_id, leaf.log_number)
            WHERE event.complex_id = of_complex AND event.doc = chain
                AND event.name = 'doc.erased' AND leaf.index < log.size AND NOT EXISTS (
                    SELECT FROM transparency_event AS later
                    WHERE later.complex_id = of_complex AND later.doc = chain
                        AND later.seq > event.seq
                )
        )
    ) THEN
        RAISE EXCEPTION 'the log does not say that document % was erased', of_doc;
    END IF;
    IF NOT EXISTS (
        SELECT FROM disposal_disposalitem AS item
        JOIN disposal_disposal AS disposal
            ON (disposal.complex_id, disposal.id) = (item.complex_id, item.disposal_id)
        JOIN disposal_disposaloutcome AS outcome
            ON (outcome.complex_id, outcome.disposal_id) = (item.complex_id, item.disposal_id)
        JOIN accounts_officeholder AS proposer
            ON (proposer.complex_id, proposer.id) = (item.complex_id, disposal.proposed_by_id)
        JOIN accounts_officeholder AS officer
            ON (officer.complex_id, officer.id) = (item.complex_id, outcome.answered_by_id)
        WHERE item.complex_id = of_complex AND item.doc = of_doc
            AND outcome.answer = 'confirmed' AND officer.person_id <> proposer.person_id
    -- What they agreed may have gone with a database that was lost, as the log then says.
    ) AND NOT EXISTS (
        SELECT FROM transparency_event AS event
        JOIN transparency_leaf AS leaf
            ON (leaf.complex_id, leaf.event_id) = (event.complex_id, event.id)
        JOIN transparency_event AS told ON told.complex_id = event.complex_id
        JOIN transparency_leaf AS told_at
            ON (told_at.complex_id, told_at.event_id) = (told.complex_id, told.id)
        JOIN transparency_opening AS opening
            ON (opening.complex_id, opening.event_id) = (told.complex_id, told.id)
        CROSS JOIN LATERAL (
            SELECT convert_from(
                decode(opening.fields -> 'recovery' ->> 'value', 'base64'), 'UTF8'
            )::jsonb AS said
        ) AS recovery
        CROSS JOIN LATERAL jsonb_array_elements(said -> 'ranges') AS range
        WHERE event.complex_id = of_complex AND event.doc = of_doc AND event.name = 'doc.erased'
            AND told.doc = of_complex AND told.name = 'log.recovered'
            AND leaf.log_number = (said ->> 'log')::int
            AND leaf.index >= (range ->> 0)::bigint AND leaf.index < (range ->> 1)::bigint
    ) THEN
        RAISE EXCEPTION 'no two officers agreed to erase document %', of_doc;
    END IF;

"""


class Migration(migrations.Migration):
    """Let content go only once the log holds, in its place, what two officers agreed on."""

    dependencies = [
        ("disposal", "0004_erase_the_line"),
        ("accounts", "0004_cancelled_terms"),
        ("transparency", "0004_keys_and_further_logs"),
    ]

    operations = [migrations.RunSQL(BEFORE.replace(SAYS_SO, STANDS, 1), BEFORE)]
