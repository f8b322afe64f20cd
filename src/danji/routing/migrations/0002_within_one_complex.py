from django.db import migrations

from danji.base.migration import append_only, one_complex_only, scoped_foreign_key


class Migration(migrations.Migration):
    """Keep every revision as it was proposed, and what became of it."""

    dependencies = [
        ("routing", "0001_initial"),
        ("accounts", "0001_initial"),
    ]

    operations = [
        scoped_foreign_key("routing_routingrevision", "proposer", "accounts_officeholder"),
        scoped_foreign_key("routing_routingoutcome", "revision", "routing_routingrevision"),
        scoped_foreign_key("routing_routingoutcome", "officer", "accounts_officeholder"),
        one_complex_only("routing_routingrevision", "routing_routingoutcome"),
        append_only("routing_routingrevision", "routing_routingoutcome"),
    ]
