"""What holds for every table of a complex, whoever writes the next one."""

import pytest
from django.apps import apps
from django.db import connection, models

from danji.base.models import ComplexScoped, ScopedForeignKey

TENANT_MODELS = [model for model in apps.get_models() if issubclass(model, ComplexScoped)]
# Shared by all complexes, or the framework's own.
SHARED = {"Complex", "Person", "Form"} | {
    # Public facts about logs, which name no person.
    "Witness",
    "Cosignature",
    "ConfirmedHead",
    "Collection",
    "CollectedHead",
    "Stamp",
    "Trouble",
}
FLOORS = [
    "config",
    "web",
    "audit",
    "confirming",
    "disposal",
    "integration",
    "disclosure",
    "renditions",
    "approvals",
    "routing",
    "formbook",
    "records",
    "authority",
    "signing",
    "transparency",
    "outbox",
    "accounts",
    "attachments",
    "complexes",
    "base",
    "rules",
]


def own_models():
    return [model for model in apps.get_models() if model.__module__.startswith("danji.")]


def test_every_model_belongs_to_one_complex_or_is_shared_on_purpose():
    strays = {model.__name__ for model in own_models() if model not in TENANT_MODELS}
    assert strays == SHARED


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model.__name__)
def test_every_key_begins_with_the_complex(model):
    assert [field.attname for field in model._meta.pk_fields] == ["complex_id", "id"]
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            assert constraint.fields[0] == "complex", constraint.name
    for index in model._meta.indexes:
        assert index.fields[0] == "complex", index.name


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model.__name__)
def test_references_inside_a_complex_carry_the_complex(model):
    for field in model._meta.get_fields():
        to_tenant = isinstance(field, models.ForeignKey) and issubclass(
            field.related_model, ComplexScoped
        )
        assert not to_tenant, f"{field} needs a ScopedForeignKey"


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model.__name__)
def test_history_hangs_on_protect(model):
    for field in model._meta.get_fields():
        if isinstance(field, ScopedForeignKey | models.ForeignKey) and not field.auto_created:
            assert field.remote_field.on_delete is models.PROTECT, field


def floor(model):
    return FLOORS.index(model.__module__.split(".")[1])


@pytest.mark.parametrize("model", own_models(), ids=lambda model: model.__name__)
def test_no_reference_points_up(model):
    for field in model._meta.get_fields():
        if isinstance(field, ScopedForeignKey | models.ForeignKey) and not field.auto_created:
            assert floor(model) <= floor(field.related_model), field


def rows(sql, *arguments):
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        return cursor.fetchall()


@pytest.mark.django_db
def test_row_security_guards_every_tenant_table():
    guarded = {name for (name,) in rows("SELECT relname FROM pg_class WHERE relrowsecurity")}
    assert {model._meta.db_table for model in TENANT_MODELS} <= guarded


@pytest.mark.django_db
def test_every_scoped_reference_is_a_composite_constraint():
    found = {
        (table, tuple(columns))
        for table, columns in rows(
            """
            SELECT c.conrelid::regclass::text,
                   array_agg(a.attname::text ORDER BY k.place)
            FROM pg_constraint c
            CROSS JOIN unnest(c.conkey) WITH ORDINALITY AS k(number, place)
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number
            WHERE c.contype = 'f' GROUP BY c.oid, c.conrelid
            """
        )
    }
    for model in TENANT_MODELS:
        for field in model._meta.get_fields():
            if isinstance(field, ScopedForeignKey):
                assert (model._meta.db_table, ("complex_id", f"{field.name}_id")) in found


@pytest.mark.django_db
def test_no_trigger_stands_on_a_tenant_table():
    tables = {model._meta.db_table for model in TENANT_MODELS}
    triggered = rows("SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal")
    assert not tables & {table for (table,) in triggered}


APPEND_ONLY = [
    "approvals_document",
    "approvals_enclosure",
    "approvals_outcome",
    "approvals_reminder",
    "confirming_confirmationreminder",
    "approvals_receipt",
    "approvals_recurringmade",
    "records_record",
    "records_citation",
    "records_recordfolder",
    "formbook_form",
    "complexes_bylawsetting",
    "authority_proposal",
    "authority_proposaloutcome",
    "routing_routingrevision",
    "routing_routingoutcome",
    "signing_agreement",
    "signing_signingkey",
    "signing_keyconfirmation",
    "signing_revocationrequest",
    "signing_keyrevocation",
    "signing_relayrequest",
    "integration_tokenconfirmation",
    "integration_tokenrevocation",
    "integration_webhook",
    "integration_webhookend",
    "integration_webhookattempt",
    "integration_webhookdelivery",
    "transparency_event",
    "transparency_leaf",
    "transparency_setaside",
    "transparency_opening",
    "transparency_witnessproposal",
    "transparency_witnessanswer",
    "transparency_cosignature",
    "transparency_confirmedhead",
    "transparency_collectedhead",
    "transparency_stamp",
    "renditions_rendition",
    "disclosure_publication",
    "disclosure_obstacle",
    "disclosure_clearance",
    "disclosure_confirmation",
    "disclosure_withdrawal",
    "disposal_disposal",
    "disposal_disposalitem",
    "disposal_disposaloutcome",
    "disposal_erasure",
    "disposal_reading",
    "disposal_readingreport",
    "audit_auditrun",
    "attachments_attached",
    "attachments_preview",
    "outbox_message",
    "outbox_delivery",
]


@pytest.mark.django_db
@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("right", ["UPDATE", "DELETE", "TRUNCATE"])
def test_the_application_cannot_rewrite_history(table, right):
    sql = "SELECT has_table_privilege('danji_app', %s, %s)"
    assert rows(sql, table, right) == [(False,)]
    if right == "UPDATE":
        assert rows("SELECT has_any_column_privilege('danji_app', %s, 'UPDATE')", table) == [
            (False,)
        ]


@pytest.mark.django_db
def test_without_a_complex_nothing_is_seen(complex_, manager):
    from danji.accounts.models import Officeholder

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL app.complex = ''")
    assert not Officeholder.objects.exists()


@pytest.mark.django_db
def test_another_complex_is_not_seen(manager, neighbour):
    from danji.accounts.models import Officeholder
    from danji.base import tenancy

    with tenancy.within(neighbour.complex_id):
        assert list(Officeholder.objects.all()) == [neighbour]


@pytest.mark.django_db
def test_nothing_is_written_into_another_complex(complex_, neighbour):
    from django.db import ProgrammingError

    from danji.complexes.models import Building

    with pytest.raises(ProgrammingError, match="row-level security"):
        Building.objects.create(complex_id=neighbour.complex_id, name="101")
