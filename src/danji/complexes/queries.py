"""What is asked of a complex."""

from datetime import date
from typing import Any
from uuid import UUID

from danji.complexes.models import BylawSetting, Unit


def bylaw_setting(complex_id: UUID, key: str, *, on: date, default: Any = None) -> Any:
    """The value in force on a day, or `default` when the bylaws say nothing."""
    setting = (
        BylawSetting.objects.within(complex_id)
        .filter(key=key, effective_from__lte=on)
        .order_by("-effective_from")
        .first()
    )
    return default if setting is None else setting.value


def count_units(complex_id: UUID) -> int:
    """How many units (세대) the complex has."""
    return Unit.objects.within(complex_id).count()
