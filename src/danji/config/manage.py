"""Django's commands for Danji: python -m danji.config.manage COMMAND."""

import os
import sys

from danji.rules.refusal import Refusal


def main() -> None:
    """Run one command; a refusal is said plainly, with exit code 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "danji.config.settings")
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except Refusal as refusal:
        sys.exit(f"{refusal.fact}\n{refusal.next_step}")


if __name__ == "__main__":
    main()
