from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connections

from danji.base.migration import APP_ROLE
from danji.disclosure.site import write_verifier
from danji.formbook.actions import publish_builtin_forms

GRANTS = f"""
GRANT USAGE ON SCHEMA public TO {APP_ROLE};
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APP_ROLE};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {APP_ROLE};
"""


class Command(BaseCommand):
    """Bring the database to this version: tables, rights, forms. Safe to run again."""

    help = "데이터베이스를 이 판에 맞춥니다. 여러 번 해도 괜찮습니다."
    requires_system_checks = ()  # they are for development, and cost time

    def handle(self, **options: Any) -> None:
        # Before the tables: what is made from here on may be used by the serving role, and the
        # migrations take back from it what it must not do.
        with connections["owner"].cursor() as cursor:
            cursor.execute(GRANTS)
        call_command("migrate", database="owner", verbosity=options["verbosity"], interactive=False)
        publish_builtin_forms()
        write_verifier()
