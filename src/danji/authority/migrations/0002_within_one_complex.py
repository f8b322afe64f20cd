from django.db import migrations

from danji.base.migration import append_only, one_complex_only, scoped_foreign_key

HISTORY = (
    "authority_absence",
    "authority_absenceend",
    "authority_proposal",
    "authority_proposaloutcome",
)


class Migration(migrations.Migration):
    """Keep who stood in for whom, and who put whom into office, as it was said."""

    dependencies = [
        ("authority", "0001_initial"),
        ("accounts", "0001_initial"),
    ]

    operations = [
        scoped_foreign_key("authority_absence", "absent", "accounts_officeholder"),
        scoped_foreign_key("authority_absence", "deputy", "accounts_officeholder"),
        scoped_foreign_key("authority_absence", "set_by", "accounts_officeholder"),
        scoped_foreign_key("authority_absenceend", "absence", "authority_absence"),
        scoped_foreign_key("authority_absenceend", "ended_by", "accounts_officeholder"),
        scoped_foreign_key("authority_proposal", "officeholder", "accounts_officeholder"),
        scoped_foreign_key("authority_proposal", "proposed_by", "accounts_officeholder"),
        scoped_foreign_key("authority_proposaloutcome", "proposal", "authority_proposal"),
        scoped_foreign_key("authority_proposaloutcome", "officeholder", "accounts_officeholder"),
        scoped_foreign_key("authority_proposaloutcome", "answered_by", "accounts_officeholder"),
        one_complex_only(*HISTORY),
        append_only(*HISTORY),
    ]
