from django.db import migrations

from danji.base.migration import append_only, one_complex_only, scoped_foreign_key


class Migration(migrations.Migration):
    """Keep who destroyed what, and who read what, as history of one complex."""

    dependencies = [
        ("disposal", "0001_initial"),
        ("accounts", "0004_cancelled_terms"),
    ]

    operations = [
        scoped_foreign_key("disposal_disposal", "proposed_by", "accounts_officeholder"),
        scoped_foreign_key("disposal_disposalitem", "disposal", "disposal_disposal"),
        scoped_foreign_key("disposal_disposaloutcome", "disposal", "disposal_disposal"),
        scoped_foreign_key("disposal_disposaloutcome", "answered_by", "accounts_officeholder"),
        scoped_foreign_key("disposal_erasure", "item", "disposal_disposalitem"),
        scoped_foreign_key("disposal_reading", "reader", "accounts_officeholder"),
        scoped_foreign_key("disposal_readingreport", "reader", "accounts_officeholder"),
        one_complex_only(
            "disposal_disposal",
            "disposal_disposalitem",
            "disposal_disposaloutcome",
            "disposal_erasure",
            "disposal_pendingfile",
            "disposal_reading",
            "disposal_readingreport",
        ),
        append_only(
            "disposal_disposal",
            "disposal_disposalitem",
            "disposal_disposaloutcome",
            "disposal_erasure",
            "disposal_reading",
            "disposal_readingreport",
        ),
        append_only("disposal_pendingfile", may_delete=True),
    ]
