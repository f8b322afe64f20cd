from django.db import migrations

from danji.base.migration import append_only, one_complex_only, scoped_foreign_key


class Migration(migrations.Migration):
    """Keep programs within one complex; what they were given and told is history."""

    dependencies = [
        ("integration", "0001_initial"),
        ("accounts", "0001_initial"),
        ("approvals", "0005_turns_and_outcomes"),
    ]

    operations = [
        scoped_foreign_key("integration_apitoken", "officeholder", "accounts_officeholder"),
        scoped_foreign_key("integration_apitoken", "created_by", "accounts_officeholder"),
        scoped_foreign_key("integration_tokenconfirmation", "token", "integration_apitoken"),
        scoped_foreign_key("integration_tokenconfirmation", "officer", "accounts_officeholder"),
        scoped_foreign_key("integration_tokenrevocation", "token", "integration_apitoken"),
        scoped_foreign_key("integration_tokenrevocation", "officer", "accounts_officeholder"),
        scoped_foreign_key("integration_idempotentanswer", "token", "integration_apitoken"),
        scoped_foreign_key("integration_upload", "officeholder", "accounts_officeholder"),
        scoped_foreign_key("integration_webhook", "registered_by", "accounts_officeholder"),
        scoped_foreign_key("integration_webhookend", "webhook", "integration_webhook"),
        scoped_foreign_key("integration_webhookend", "officer", "accounts_officeholder"),
        scoped_foreign_key("integration_webhookattempt", "webhook", "integration_webhook"),
        scoped_foreign_key("integration_webhookattempt", "outcome", "approvals_outcome"),
        scoped_foreign_key("integration_webhookdelivery", "webhook", "integration_webhook"),
        scoped_foreign_key("integration_webhookdelivery", "outcome", "approvals_outcome"),
        one_complex_only(
            "integration_apitoken",
            "integration_tokenconfirmation",
            "integration_tokenrevocation",
            "integration_idempotentanswer",
            "integration_upload",
            "integration_webhook",
            "integration_webhookend",
            "integration_webhookattempt",
            "integration_webhookdelivery",
        ),
        append_only("integration_apitoken", may_update=["last_used_on"]),
        append_only(
            "integration_tokenconfirmation",
            "integration_tokenrevocation",
            "integration_webhook",
            "integration_webhookend",
            "integration_webhookattempt",
            "integration_webhookdelivery",
        ),
        append_only("integration_idempotentanswer", "integration_upload", may_delete=True),
    ]
