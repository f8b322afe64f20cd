"""The apartment complex (단지), its buildings and units, and what its bylaws set, by date."""

from django.db import models
from django.db.models import Q

from danji.base.ids import uuid7
from danji.base.models import ComplexScoped, ScopedForeignKey
from danji.rules.retention import Layer


class Complex(models.Model):
    """An apartment complex (단지), known everywhere by its K-apt code."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    code = models.CharField(max_length=9, unique=True)  # K-apt: a letter and eight digits
    name = models.CharField(max_length=100)
    address = models.CharField(max_length=200)
    phone = models.CharField(max_length=20, blank=True)
    demonstration = models.BooleanField(default=False)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=Q(code__regex=r"^[A-Z][0-9]{8}$"), name="complex_has_a_kapt_code"
            ),
        )

    def __str__(self) -> str:
        return self.name


class Building(ComplexScoped):
    """A building (동) of the complex."""

    name = models.CharField(max_length=20)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=["complex", "name"], name="building_named_once"),
        )


class Unit(ComplexScoped):
    """A unit (호) of a building."""

    building = ScopedForeignKey(Building, models.PROTECT, related_name="units")
    number = models.CharField(max_length=10)
    area_type = models.CharField(max_length=30, blank=True)  # 평형

    class Meta:
        ordering = ("number",)
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "building_id", "number"], name="unit_numbered_once"
            ),
        )


class Household(ComplexScoped):
    """The household (세대) that lives in a unit, from one day to another."""

    unit = ScopedForeignKey(Unit, models.PROTECT, related_name="households")
    moved_in = models.DateField()
    moved_out = models.DateField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "unit_id"],
                condition=Q(moved_out__isnull=True),
                name="household_one_in_a_unit",
            ),
            models.CheckConstraint(
                condition=Q(moved_out__isnull=True) | Q(moved_out__gte=models.F("moved_in")),
                name="household_leaves_after_it_came",
            ),
        )


class BylawSetting(ComplexScoped):
    """One value that the bylaws (관리규약) set, from a day on, with the article that says so."""

    key = models.CharField(max_length=60)
    value = models.JSONField()
    layer = models.CharField(max_length=10, choices=[(layer.value, layer.label) for layer in Layer])
    article = models.CharField(max_length=100)
    effective_from = models.DateField()

    class Meta:
        ordering = ("key", "effective_from")
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "key", "effective_from"], name="bylaw_setting_once_a_day"
            ),
        )
