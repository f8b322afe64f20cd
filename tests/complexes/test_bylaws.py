"""What the bylaws set, by date."""

from datetime import date

from danji.complexes.models import BylawSetting
from danji.complexes.queries import bylaw_setting
from danji.rules.retention import Layer


def put(complex_, value, day):
    BylawSetting.objects.create(
        complex=complex_,
        key="minutes-posting-days",
        value=value,
        layer=Layer.BYLAW,
        article="관리규약 제43조",
        effective_from=day,
    )


def test_the_value_in_force_on_the_day_counts(complex_):
    put(complex_, 14, date(2026, 1, 1))
    put(complex_, 20, date(2026, 7, 1))
    in_force = {
        day: bylaw_setting(complex_.id, "minutes-posting-days", on=day)
        for day in (date(2026, 6, 30), date(2026, 7, 1))
    }
    assert list(in_force.values()) == [14, 20]


def test_before_the_bylaws_speak_the_default_holds(complex_):
    put(complex_, 14, date(2026, 1, 1))
    day = date(2025, 12, 31)
    assert bylaw_setting(complex_.id, "minutes-posting-days", on=day, default=7) == 7
