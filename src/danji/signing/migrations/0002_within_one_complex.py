from django.db import migrations

from danji.base.migration import append_only, one_complex_only, scoped_foreign_key


class Migration(migrations.Migration):
    """Keep agreements and keys as they were; of a code only tries and use can be noted.

    What a relay told of a person may be forgotten.
    """

    dependencies = [
        ("signing", "0001_initial"),
        ("accounts", "0001_initial"),
    ]

    operations = [
        scoped_foreign_key("signing_agreement", "officeholder", "accounts_officeholder"),
        scoped_foreign_key("signing_signingkey", "requested_by", "accounts_officeholder"),
        scoped_foreign_key("signing_keyconfirmation", "key", "signing_signingkey"),
        scoped_foreign_key("signing_keyconfirmation", "officer", "accounts_officeholder"),
        scoped_foreign_key("signing_revocationrequest", "key", "signing_signingkey"),
        scoped_foreign_key("signing_revocationrequest", "officer", "accounts_officeholder"),
        scoped_foreign_key("signing_keyrevocation", "key", "signing_signingkey"),
        scoped_foreign_key("signing_keyrevocation", "requested_by", "accounts_officeholder"),
        scoped_foreign_key("signing_keyrevocation", "officer", "accounts_officeholder"),
        scoped_foreign_key("signing_coderequest", "officeholder", "accounts_officeholder"),
        scoped_foreign_key("signing_relayrequest", "officeholder", "accounts_officeholder"),
        scoped_foreign_key("signing_relayresponse", "request", "signing_relayrequest"),
        one_complex_only(
            "signing_agreement",
            "signing_signingkey",
            "signing_keyconfirmation",
            "signing_revocationrequest",
            "signing_keyrevocation",
            "signing_coderequest",
            "signing_relayrequest",
            "signing_relayresponse",
        ),
        append_only(
            "signing_agreement",
            "signing_signingkey",
            "signing_keyconfirmation",
            "signing_revocationrequest",
            "signing_keyrevocation",
            "signing_relayrequest",
        ),
        append_only("signing_coderequest", may_update=["attempts", "used_at"]),
        append_only("signing_relayresponse", may_delete=True),
    ]
