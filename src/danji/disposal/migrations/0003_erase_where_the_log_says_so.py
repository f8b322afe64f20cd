from django.db import migrations

from danji.base.migration import APP_ROLE

# Everything that says what a document said. What is left: that it was submitted, decided and filed,
# by whom and when, its number, and the event that says it was erased.
ERASE = """
CREATE FUNCTION danji_erase_document(of_complex uuid, of_doc uuid, gone_at timestamptz)
RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    tombstone CONSTANT text := '(파기한 기록)';
    as_hex CONSTANT text := replace(of_doc::text, '-', '');
    -- The end of the token in a message's link: 15 of the document's 16 bytes, in web-safe base64.
    in_link CONSTANT text :=
        translate(encode(substring(uuid_send(of_doc) FROM 2), 'base64'), '+/', '-_');
    was approvals_document%ROWTYPE;
    chains uuid[];
    named text[];
    -- Whether no other document is called the same: only then does a title say which is meant.
    alone boolean;
    signed text[];
    told uuid[];
    held text[];
    lone text[];
BEGIN
    IF of_complex IS DISTINCT FROM NULLIF(current_setting('app.complex', true), '')::uuid THEN
        RAISE EXCEPTION 'this transaction belongs to another complex';
    END IF;
    SELECT * INTO STRICT was FROM approvals_document
    WHERE complex_id = of_complex AND id = of_doc;

    -- The document's own chain, and those of what was approved afterwards (후결).
    chains := of_doc || ARRAY(
        SELECT id FROM approvals_circulation
        WHERE complex_id = of_complex AND document_id = of_doc AND leaf_hash IS NOT NULL
    );
    IF EXISTS (
        SELECT FROM unnest(chains) AS chain WHERE NOT EXISTS (
            SELECT FROM transparency_event
            WHERE complex_id = of_complex AND doc = chain AND name = 'doc.erased'
        )
    ) THEN
        RAISE EXCEPTION 'the log does not say that document % was erased', of_doc;
    END IF;

    -- Those that go with it do not count.
    alone := was.title <> tombstone AND NOT EXISTS (
        SELECT FROM approvals_document AS other
        WHERE complex_id = of_complex AND id <> of_doc AND title = was.title
            AND erased_at IS NULL AND NOT EXISTS (
                SELECT FROM disposal_disposalitem AS item JOIN disposal_disposaloutcome AS outcome
                    ON (outcome.complex_id, outcome.disposal_id)
                        = (item.complex_id, item.disposal_id)
                WHERE item.complex_id = of_complex AND item.doc = other.id
                    AND outcome.answer = 'confirmed'
            )
    );

    -- What a code was sent for, and what an app was asked to sign.
    signed := ARRAY(
        SELECT encode(sha256(
            'apt.stmt.v1\\000'::bytea || decode(fields -> 'stmt' ->> 'value', 'base64')
        ), 'hex')
        FROM (
            SELECT fields FROM transparency_opening AS opening
            JOIN transparency_event AS event
                ON (event.complex_id, event.id) = (opening.complex_id, opening.event_id)
            WHERE event.complex_id = of_complex AND event.doc = ANY(chains)
            UNION ALL
            SELECT fields FROM transparency_setaside
            WHERE complex_id = of_complex AND doc = ANY(chains)
        ) AS opened
        WHERE fields ? 'stmt'
    );
    UPDATE signing_coderequest SET digests = '[]'
    WHERE complex_id = of_complex AND sent_at >= was.submitted_at AND expires_at < gone_at
        AND (
            digests ?| signed
            -- Sent and never used: what for is written nowhere but here.
            OR used_at IS NULL AND officeholder_id IN (
                SELECT approver_id FROM approvals_step
                WHERE complex_id = of_complex AND document_id = of_doc
                UNION SELECT decided_by_id FROM approvals_step
                WHERE complex_id = of_complex AND document_id = of_doc
                UNION SELECT recipient_id FROM approvals_circulation
                WHERE complex_id = of_complex AND document_id = of_doc
            )
        );
    UPDATE signing_relayresponse SET body = ''
    WHERE complex_id = of_complex AND request_id IN (
        SELECT id FROM signing_relayrequest WHERE complex_id = of_complex
            AND position(convert_to('"doc":"' || as_hex || '"', 'UTF8') IN statement) > 0
    );
    UPDATE signing_relayrequest SET statement = ''
    WHERE complex_id = of_complex
        AND position(convert_to('"doc":"' || as_hex || '"', 'UTF8') IN statement) > 0;

    -- Messages: by their link; without one, by the title that ends their subject, cut off or not.
    told := ARRAY(
        SELECT id FROM outbox_message
        WHERE complex_id = of_complex AND written_at >= was.submitted_at
            AND (position(of_doc::text IN link) > 0 OR position(in_link || '.' IN link) > 0)
    );
    DELETE FROM outbox_pendingdelivery
    WHERE complex_id = of_complex AND (
        message_id = ANY(told) OR alone AND secret <> '' AND position(was.title IN secret) > 0
    );
    told := told || ARRAY(
        SELECT id FROM (
            SELECT id, subject, substr(subject, position(': ' IN subject) + 2) AS ends
            FROM outbox_message
            WHERE complex_id = of_complex AND written_at >= was.submitted_at AND link = ''
        ) AS message
        WHERE alone AND position(': ' IN subject) > 0 AND (
            ends = was.title
            OR length(subject) = 200 AND right(ends, 1) = '…' AND ends <> '…'
                AND starts_with(was.title, left(ends, -1))
        )
    );
    UPDATE outbox_message SET subject = '파기한 문서에 관한 알림', body = '', link = ''
    WHERE complex_id = of_complex AND id = ANY(told);
    -- What tells of several documents loses the line about this one.
    UPDATE outbox_message SET body = (
        SELECT string_agg(
            CASE WHEN position(' · ' || was.title || ' · ' IN line || ' · ') > 0
                THEN '(파기한 문서)' ELSE line END,
            chr(10) ORDER BY place
        )
        FROM string_to_table(body, chr(10)) WITH ORDINALITY AS lines (line, place)
    )
    WHERE complex_id = of_complex AND written_at >= was.submitted_at
        AND position(' · ' || was.title IN body) > 0
        -- In what is about another document it is the title of that one.
        AND (link = '' OR link NOT LIKE '%/documents/%' AND link NOT LIKE '%/sign/%');

    -- What audits said of it.
    named := ARRAY(
        SELECT name FROM unnest(ARRAY[
            as_hex, of_doc::text,
            (SELECT number FROM records_record WHERE complex_id = of_complex AND doc = of_doc),
            CASE WHEN alone THEN '‘' || was.title || '’' END
        ]) AS name WHERE name <> ''
    );
    UPDATE audit_auditrun SET
        findings = findings || jsonb_build_object('findings', (
            SELECT COALESCE(jsonb_agg(
                CASE WHEN EXISTS (
                    SELECT FROM unnest(named) AS name WHERE position(name IN finding::text) > 0
                )
                THEN finding || jsonb_build_object(
                    'sentence', '파기한 문서에 관한 것입니다.', 'detail', '', 'title', ''
                ) ELSE finding END
                ORDER BY place
            ), '[]')
            FROM jsonb_array_elements(findings -> 'findings') WITH ORDINALITY
                AS found (finding, place)
        )),
        report = (
            SELECT string_agg(
                CASE WHEN EXISTS (
                    SELECT FROM unnest(named) AS name WHERE position(name IN line) > 0
                )
                THEN '(파기한 문서에 관한 것)' ELSE line END,
                chr(10) ORDER BY place
            )
            FROM string_to_table(report, chr(10)) WITH ORDINALITY AS lines (line, place)
        )
    WHERE complex_id = of_complex AND finished_at >= was.submitted_at
        AND EXISTS (
            SELECT FROM unnest(named) AS name
            WHERE position(name IN report) > 0 OR position(name IN findings::text) > 0
        );

    -- What programs were answered; asked again, they hear that it is gone.
    UPDATE integration_idempotentanswer SET status = 410,
        body = '{"fact": "파기한 문서입니다.", "next_step": "내용이 남아 있지 않습니다."}'
    WHERE complex_id = of_complex
        AND (position(of_doc::text IN body) > 0 OR position(as_hex IN body) > 0);

    -- Files: what it held, and what was made of it.
    held := ARRAY(
        SELECT sha256 FROM approvals_enclosure
        WHERE complex_id = of_complex AND document_id = of_doc
        UNION
        SELECT file ->> 'sha256' FROM approvals_draft, jsonb_array_elements(attachments) AS file
        WHERE complex_id = of_complex AND follows = of_doc
    );
    DELETE FROM approvals_enclosure WHERE complex_id = of_complex AND document_id = of_doc;
    DELETE FROM approvals_draft WHERE complex_id = of_complex AND follows = of_doc;
    lone := ARRAY(
        SELECT file FROM unnest(held) AS file
        WHERE NOT EXISTS (
            SELECT FROM approvals_enclosure WHERE complex_id = of_complex AND sha256 = file
        ) AND NOT EXISTS (
            SELECT FROM approvals_draft WHERE complex_id = of_complex
                AND attachments @> jsonb_build_array(jsonb_build_object('sha256', file))
        )
    );
    RETURN QUERY
        WITH gone AS (
            DELETE FROM attachments_preview AS preview USING attachments_attached AS attached
            WHERE attached.complex_id = of_complex AND attached.sha256 = ANY(lone)
                AND (preview.complex_id, preview.attached_id) = (attached.complex_id, attached.id)
            RETURNING pictures, sections
        )
        SELECT jsonb_array_elements_text(pictures) FROM gone
        UNION SELECT sections::text FROM gone WHERE sections <> '';
    DELETE FROM attachments_attached WHERE complex_id = of_complex AND sha256 = ANY(lone);
    RETURN QUERY
        WITH gone AS (
            DELETE FROM renditions_rendition WHERE complex_id = of_complex AND record_id IN (
                SELECT id FROM records_record WHERE complex_id = of_complex AND doc = of_doc
            ) RETURNING file
        )
        SELECT file::text FROM gone UNION SELECT unnest(held);

    -- The document, its decisions, and the record.
    UPDATE approvals_hold SET reason = '' WHERE complex_id = of_complex AND step_id IN (
        SELECT id FROM approvals_step WHERE complex_id = of_complex AND document_id = of_doc
    );
    UPDATE approvals_step SET opinion = '' WHERE complex_id = of_complex AND document_id = of_doc;
    UPDATE approvals_document
    SET title = tombstone, amount = NULL, net = NULL, payee = '', account = '', content = '',
        digest = '', erased_at = COALESCE(erased_at, gone_at)
    WHERE complex_id = of_complex AND id = of_doc;
    DELETE FROM disclosure_obstacle WHERE complex_id = of_complex AND record_id IN (
        SELECT id FROM records_record WHERE complex_id = of_complex AND doc = of_doc
    );
    UPDATE records_record
    SET title = tombstone, payload = '', erased_at = COALESCE(erased_at, gone_at)
    WHERE complex_id = of_complex AND doc = of_doc;

    -- And what opens the log's commitments, but for the erasure itself.
    UPDATE transparency_setaside SET fields = '{}'
    WHERE complex_id = of_complex AND doc = ANY(chains) AND name <> 'doc.erased';
    DELETE FROM transparency_opening WHERE complex_id = of_complex AND event_id IN (
        SELECT id FROM transparency_event
        WHERE complex_id = of_complex AND doc = ANY(chains) AND name <> 'doc.erased'
    );
END
$$
"""
# Files are kept by what they hold, so documents of other complexes may hold the same.
IN_USE = """
CREATE FUNCTION danji_files_in_use(digests text[]) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT sha256::text FROM approvals_enclosure WHERE sha256 = ANY(digests)
    UNION SELECT file ->> 'sha256' FROM approvals_draft, jsonb_array_elements(attachments) AS file
        WHERE file ->> 'sha256' = ANY(digests)
    UNION SELECT file::text FROM renditions_rendition WHERE file = ANY(digests)
    UNION SELECT picture FROM attachments_preview, jsonb_array_elements_text(pictures) AS picture
        WHERE picture = ANY(digests)
    UNION SELECT sections::text FROM attachments_preview WHERE sections = ANY(digests)
    UNION SELECT sha256::text FROM formbook_form WHERE sha256 = ANY(digests)
$$
"""


class Migration(migrations.Migration):
    """Let content go only where the log says so, and only all of it.

    The serving role can neither change nor delete what is history; it asks the owner's function.
    """

    dependencies = [
        ("disposal", "0002_within_one_complex"),
        ("approvals", "0010_note_earlier_enclosures"),
        ("attachments", "0002_within_one_complex"),
        ("audit", "0002_within_one_complex"),
        ("disclosure", "0004_withdrawal"),
        ("formbook", "0002_never_changed"),
        ("integration", "0002_within_one_complex"),
        ("outbox", "0004_within_one_complex"),
        ("records", "0003_erased"),
        ("renditions", "0002_within_one_complex"),
        ("signing", "0002_within_one_complex"),
        ("transparency", "0004_keys_and_further_logs"),
    ]

    operations = [
        migrations.RunSQL(ERASE, "DROP FUNCTION danji_erase_document(uuid, uuid, timestamptz)"),
        migrations.RunSQL(IN_USE, "DROP FUNCTION danji_files_in_use(text[])"),
        # What was erased is asked for in every round of the worker.
        migrations.RunSQL(
            "CREATE INDEX event_of_erasure ON transparency_event (complex_id, doc) "
            "WHERE name = 'doc.erased'",
            "DROP INDEX event_of_erasure",
        ),
        migrations.RunSQL(
            [
                "REVOKE ALL ON FUNCTION danji_erase_document(uuid, uuid, timestamptz) FROM PUBLIC",
                "REVOKE ALL ON FUNCTION danji_files_in_use(text[]) FROM PUBLIC",
                "GRANT EXECUTE ON FUNCTION danji_erase_document(uuid, uuid, timestamptz) "
                f"TO {APP_ROLE}",
                f"GRANT EXECUTE ON FUNCTION danji_files_in_use(text[]) TO {APP_ROLE}",
                f"REVOKE DELETE ON transparency_opening FROM {APP_ROLE}",
            ],
            f"GRANT DELETE ON transparency_opening TO {APP_ROLE}",
        ),
    ]
