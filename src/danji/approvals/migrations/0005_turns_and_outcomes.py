from django.db import migrations

from danji.base.migration import append_only, one_complex_only, scoped_foreign_key

FILL = """
UPDATE approvals_step SET stage = position,
    decided_by_id = CASE WHEN decision <> '' THEN approver_id END
"""
WITHDRAWN = """
INSERT INTO approvals_outcome (complex_id, id, document_id, ending, ended_at)
SELECT complex_id, id, document_id, 'withdrawn', withdrawn_at FROM approvals_withdrawal
"""
RETURNED = """
INSERT INTO approvals_outcome (complex_id, id, document_id, ending, ended_at)
SELECT complex_id, id, document_id, 'returned', decided_at FROM approvals_step
WHERE decision = 'return'
"""
FINISHED = """
INSERT INTO approvals_outcome (complex_id, id, document_id, ending, ended_at)
SELECT complex_id, id, doc, 'finished', filed_at FROM records_record AS record
WHERE EXISTS (SELECT FROM approvals_document AS document
    WHERE (document.complex_id, document.id) = (record.complex_id, record.doc))
"""
WAITING = """
INSERT INTO approvals_turn (complex_id, id, document_id, step_id, approver_id, since)
SELECT DISTINCT ON (step.complex_id, step.document_id)
    step.complex_id, step.id, step.document_id, step.id, step.approver_id, COALESCE(
        (SELECT max(decided_at) FROM approvals_step AS earlier
         WHERE (earlier.complex_id, earlier.document_id) = (step.complex_id, step.document_id)),
        document.submitted_at)
FROM approvals_step AS step
JOIN approvals_document AS document
    ON (document.complex_id, document.id) = (step.complex_id, step.document_id)
WHERE step.decision = '' AND NOT EXISTS (SELECT FROM approvals_outcome AS outcome
    WHERE (outcome.complex_id, outcome.document_id) = (step.complex_id, step.document_id))
ORDER BY step.complex_id, step.document_id, step.position
"""


class Migration(migrations.Migration):
    """Carry over what was under way, and freeze what becomes history."""

    dependencies = [
        ("approvals", "0004_complete_desk"),
        ("accounts", "0001_initial"),
        ("records", "0001_initial"),
    ]

    operations = [
        *[
            migrations.RunSQL(sql, migrations.RunSQL.noop)
            for sql in (FILL, WITHDRAWN, RETURNED, FINISHED, WAITING)
        ],
        # What refers to a complex is checked at the end; until then its table cannot be altered.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        scoped_foreign_key("approvals_step", "decided_by", "accounts_officeholder"),
        scoped_foreign_key("approvals_enclosure", "document", "approvals_document"),
        scoped_foreign_key("approvals_turn", "document", "approvals_document"),
        scoped_foreign_key("approvals_turn", "step", "approvals_step"),
        scoped_foreign_key("approvals_turn", "approver", "accounts_officeholder"),
        scoped_foreign_key("approvals_outcome", "document", "approvals_document"),
        scoped_foreign_key("approvals_hold", "step", "approvals_step"),
        scoped_foreign_key("approvals_circulation", "document", "approvals_document"),
        scoped_foreign_key("approvals_circulation", "recipient", "accounts_officeholder"),
        scoped_foreign_key("approvals_reminder", "step", "approvals_step"),
        scoped_foreign_key("approvals_linetemplate", "owner", "accounts_officeholder"),
        scoped_foreign_key("approvals_favouriteform", "officer", "accounts_officeholder"),
        scoped_foreign_key("approvals_recurring", "drafter", "accounts_officeholder"),
        scoped_foreign_key("approvals_recurringmade", "recurring", "approvals_recurring"),
        one_complex_only(
            "approvals_enclosure",
            "approvals_turn",
            "approvals_outcome",
            "approvals_hold",
            "approvals_circulation",
            "approvals_reminder",
            "approvals_linetemplate",
            "approvals_favouriteform",
            "approvals_recurring",
            "approvals_recurringmade",
        ),
        append_only("approvals_turn", may_delete=True),
        append_only(
            "approvals_enclosure",
            "approvals_outcome",
            "approvals_reminder",
            "approvals_recurringmade",
        ),
        append_only("approvals_hold", may_update=["lifted_at"]),
        append_only(
            "approvals_circulation",
            may_update=["sent_at", "read_at", "confirmed_at", "leaf_hash"],
        ),
        migrations.RunSQL(
            "GRANT UPDATE (decided_by_id) ON approvals_step TO danji_app",
            "REVOKE UPDATE (decided_by_id) ON approvals_step FROM danji_app",
        ),
    ]
