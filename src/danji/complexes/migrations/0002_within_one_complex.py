from django.db import migrations

from danji.base.migration import append_only, one_complex_only, scoped_foreign_key


class Migration(migrations.Migration):
    """Let buildings, units and settings be seen in their own complex only."""

    dependencies = [
        ("complexes", "0001_initial"),
    ]

    operations = [
        append_only("complexes_complex", may_update=["name", "address", "phone"]),
        scoped_foreign_key("complexes_unit", "building", "complexes_building"),
        scoped_foreign_key("complexes_household", "unit", "complexes_unit"),
        one_complex_only(
            "complexes_building",
            "complexes_unit",
            "complexes_household",
            "complexes_bylawsetting",
        ),
    ]
