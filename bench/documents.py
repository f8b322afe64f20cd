"""Thousands of documents in seconds: some taken along by the application itself, the rest copied.

A copy is true in shape and size and has rows of its own in every table, and its content is its
own; its events open to its own content, and are else, like its record, still those of the document
it was copied from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    import psycopg

    from installation import Installation

TOTAL = 10_000

# Ids of version 7 on every PostgreSQL, an hour apart from one document to the next.
COPY = """
CREATE OR REPLACE FUNCTION pg_temp.id_of(age interval) RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM now() - age) * 1000)::bigint), 12, '0')
        || '7' || substr(made, 1, 3) || '8' || substr(made, 4, 15))::uuid
    FROM replace(gen_random_uuid()::text, '-', '') AS made
$$;
CREATE TEMP TABLE copy ON COMMIT DROP AS
    SELECT n, age, pg_temp.id_of(age) AS doc
    FROM generate_series(1, %(count)s) AS n, make_interval(mins => 60 * 20000 - n * 20) AS age;
CREATE TEMP TABLE copied_event ON COMMIT DROP AS
    SELECT event.id AS old, pg_temp.id_of(age) AS id, copy.doc, n, seq
    FROM copy, transparency_event AS event WHERE event.doc = %(model)s;

INSERT INTO approvals_document SELECT made.* FROM approvals_document AS model, copy,
    convert_to(replace(convert_from(content, 'UTF8'), replace(model.id::text, '-', ''),
        replace(doc::text, '-', '')), 'UTF8') AS own,
    jsonb_populate_record(model, jsonb_build_object('id', doc, 'content', own,
        'digest', encode(sha256(own), 'hex'), 'submitted_at', submitted_at - age)) AS made
    WHERE model.id = %(model)s;
CREATE TEMP TABLE copied_step ON COMMIT DROP AS
    SELECT step.id AS old, pg_temp.id_of(age) AS id, copy.doc, age
    FROM copy, approvals_step AS step WHERE step.document_id = %(model)s;
INSERT INTO approvals_step SELECT made.* FROM approvals_step AS model
    JOIN copied_step ON old = model.id,
    jsonb_populate_record(model, jsonb_build_object('id', copied_step.id,
        'document_id', copied_step.doc, 'decided_at', decided_at - age)) AS made;
INSERT INTO approvals_turn SELECT made.* FROM approvals_turn AS model
    JOIN copied_step ON old = model.step_id,
    jsonb_populate_record(model, jsonb_build_object('id', pg_temp.id_of(age),
        'step_id', copied_step.id, 'document_id', copied_step.doc, 'since', since - age)) AS made;
INSERT INTO approvals_outcome SELECT made.* FROM approvals_outcome AS model, copy,
    jsonb_populate_record(model, jsonb_build_object('id', pg_temp.id_of(age),
        'document_id', doc, 'ended_at', ended_at - age)) AS made
    WHERE model.document_id = %(model)s;
INSERT INTO approvals_circulation SELECT made.* FROM approvals_circulation AS model, copy,
    jsonb_populate_record(model, jsonb_build_object('id', pg_temp.id_of(age), 'document_id', doc,
        'sent_at', sent_at - age, 'read_at', sent_at - age + interval '1 hour')) AS made
    WHERE model.document_id = %(model)s;
INSERT INTO transparency_event SELECT made.* FROM transparency_event AS model
    JOIN copied_event ON old = model.id,
    jsonb_populate_record(model, jsonb_build_object(
        'id', copied_event.id, 'doc', copied_event.doc)) AS made;
INSERT INTO transparency_opening SELECT made.* FROM transparency_opening AS model
    JOIN copied_event ON old = model.event_id
    JOIN approvals_document AS first ON first.id = %(model)s
    JOIN approvals_document AS own ON own.id = copied_event.doc,
    jsonb_populate_record(model, jsonb_build_object(
        'id', pg_temp.id_of('0'), 'event_id', copied_event.id,
        'fields', replace(model.fields::text, first.digest, own.digest)::jsonb)) AS made;
INSERT INTO transparency_leaf (complex_id, id, event_id, log_number, index)
    SELECT %(complex)s, pg_temp.id_of('0'), id, 1,
        (SELECT coalesce(max(index), 1000000) FROM transparency_leaf)
            + row_number() OVER (ORDER BY n, seq)
    FROM copied_event;
INSERT INTO records_record SELECT made.* FROM records_record AS model, copy,
    jsonb_populate_record(model, jsonb_build_object(
        'id', pg_temp.id_of(age), 'doc', copy.doc, 'filed_at', filed_at - age,
        'serial', serial + n, 'number', format('%%s-%%s-%%s', series, year, serial + n))) AS made
    WHERE model.doc = %(model)s;
INSERT INTO disclosure_publication SELECT made.* FROM disclosure_publication AS model
    JOIN records_record AS first ON first.id = model.record_id
    JOIN records_record AS record ON record.digest = first.digest AND record.id <> first.id,
    jsonb_populate_record(model, jsonb_build_object(
        'id', pg_temp.id_of('0'), 'record_id', record.id, 'published_at', record.filed_at)) AS made
    WHERE first.doc = %(model)s;
UPDATE records_register SET last = last + %(count)s WHERE EXISTS (
    SELECT FROM records_record AS model WHERE model.doc = %(model)s
        AND (model.series, model.year) = (records_register.series, records_register.year));
"""


def fill(
    place: Installation,
    *,
    total: int = TOTAL,
    reviewing: int = 100,
    approving: int = 200,
    returned: int = 0,
) -> None:
    """Fill the complex with expense documents (지출결의서).

    Args: of the `total`, `reviewing` wait for the chief's review and `approving` for the manager's
    approval, and the manager `returned` so many; all others are on record.
    """
    finished = total - reviewing - approving - returned
    with owner(place) as database:
        for decided, count in ((2, finished), (1, approving), (0, reviewing)):
            if count:
                _copy(database, place, make_document(place, decided), count - 1)
        if returned:
            _copy(database, place, make_document(place, 2, "return"), returned - 1)
        database.execute("VACUUM ANALYZE")


def owner(place: Installation) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection that row-level security lets through, for it owns the tables."""
    import psycopg

    url = place.cluster.url("danji_owner")
    return psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor)


def _copy(
    database: psycopg.Connection[tuple[Any, ...]], place: Installation, model: UUID, count: int
) -> None:
    with database.transaction():
        database.execute(COPY, {"model": model, "count": count, "complex": place.complex_id})


def make_document(place: Installation, decided: int, last: str = "approve") -> UUID:
    """Take one document along its line by the application's own actions.

    Args: `decided` is how many of its two deciders have decided, and `last` what the manager did;
    the chair is shown the document (참조).
    """
    from django.utils import timezone

    from danji.accounts.models import Office
    from danji.approvals import deciding, drafting
    from danji.base import tenancy
    from danji.config.demonstration.documents import EXPENSE
    from danji.formbook import values
    from danji.formbook.definition import load
    from danji.rules.approval import Choice, Decision
    from danji.signing.evidence import session_signer

    officers, at = place.cast.officers, timezone.now()
    bookkeeper = officers[Office.BOOKKEEPER]
    with tenancy.within(place.complex_id):
        draft = drafting.start_draft("expense", actor=bookkeeper, at=at)
        inputs = values.to_inputs(load(bytes(draft.form.definition)), EXPENSE)
        drafting.save_draft(draft.id, inputs, revision=1, actor=bookkeeper, at=at)
        shown = {"kind": "reference", "officeholder": officers[Office.CHAIR].id.hex}
        drafting.save_line(draft.id, {"readers": [shown]}, actor=bookkeeper, at=at)
        document = drafting.submit_draft(draft.id, actor=bookkeeper, at=at)
        choices = (Choice(Decision.APPROVE), Choice(Decision(last), "다시 봐 주세요."))
        for office, choice in list(zip((Office.CHIEF, Office.MANAGER), choices, strict=True))[
            :decided
        ]:
            deciding.decide_step(
                document.id,
                actor=officers[office],
                choice=choice,
                sign=session_signer("demo", at),
                at=at,
            )
    return document.id


def publish(place: Installation) -> dict[str, str]:
    """Write the public pages of a complex with 10,000 documents open to everybody.

    Returns: what the page is, and its path.
    """
    from django.utils import timezone

    from danji.base import tenancy
    from danji.config.demonstration.path import run_main_path
    from danji.disclosure import site
    from danji.disclosure.queries import published_records

    for _ in run_main_path():
        pass
    with tenancy.within(place.complex_id):
        doc = published_records(place.complex_id)[0].record.doc
    with owner(place) as database:
        _copy(database, place, doc, TOTAL)
    with tenancy.within(place.complex_id):
        site.write_lists(place.cast.complex, at=timezone.now())
    home = f"/public/{place.cast.complex.code}/"
    return {"first page": home, "list of 10,000": f"{home}list/", "document": f"{home}{doc.hex}/"}


def waiting(place: Installation, office: str) -> list[tuple[UUID, str]]:
    """(id, digest) of the documents that wait for an officer now."""
    from django.utils import timezone

    from danji.approvals.queries import waiting_for
    from danji.base import tenancy
    from danji.rules.periods import day_in_seoul

    with tenancy.within(place.complex_id):
        turns = waiting_for(place.cast.officers[office], on=day_in_seoul(timezone.now()))
        return [(turn.document.id, turn.document.digest) for turn in turns]
