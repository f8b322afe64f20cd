"""What the tables of a complex need beyond Django: composite references, row security, grants.

Grants and policies, not triggers: they also hold on a sharded cluster, and the proof is the log.
"""

from collections.abc import Sequence

from django.db import migrations
from django.db.migrations.operations.base import Operation

APP_ROLE = "danji_app"


def scoped_foreign_key(table: str, name: str, to: str) -> Operation:
    """Let column `<name>_id` of `table` point only at rows of `to` in the same complex."""
    constraint = f"{table}_{name}_same_complex"
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {constraint} "
        f"FOREIGN KEY (complex_id, {name}_id) REFERENCES {to} (complex_id, id)",
        f"ALTER TABLE {table} DROP CONSTRAINT {constraint}",
    )


def one_complex_only(*tables: str, or_own: str = "") -> Operation:
    """Show and accept only rows of the complex that the transaction has entered.

    `or_own` names a column that holds a person: the rows of that person are shown too.
    """
    mine = "complex_id = NULLIF(current_setting('app.complex', true), '')::uuid"
    own = f" OR {or_own} = NULLIF(current_setting('app.person', true), '')::uuid" if or_own else ""
    return migrations.RunSQL(
        [
            statement
            for table in tables
            for statement in (
                f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
                f"CREATE POLICY one_complex ON {table} USING ({mine}{own}) WITH CHECK ({mine})",
            )
        ],
        [
            statement
            for table in tables
            for statement in (
                f"DROP POLICY one_complex ON {table}",
                f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
            )
        ],
    )


def append_only(
    *tables: str, may_update: Sequence[str] = (), may_delete: bool = False
) -> Operation:
    """Let the application add and read rows; of what is there, change only the named columns."""
    update = f"GRANT UPDATE ({', '.join(may_update)})" if may_update else ""
    revoked = "UPDATE, TRUNCATE" if may_delete else "UPDATE, DELETE, TRUNCATE"
    return migrations.RunSQL(
        [
            statement
            for table in tables
            for statement in (
                f"REVOKE {revoked} ON {table} FROM {APP_ROLE}",
                *([f"{update} ON {table} TO {APP_ROLE}"] if update else []),
            )
        ],
        [f"GRANT UPDATE, DELETE ON {table} TO {APP_ROLE}" for table in tables],
    )
