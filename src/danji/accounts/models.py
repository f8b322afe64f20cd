"""People, and the offices they hold in a complex for a term."""

from datetime import date, timedelta
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q

from danji.base.ids import uuid7
from danji.base.models import ComplexScoped, ScopedForeignKey, ScopedQuerySet
from danji.complexes.models import Unit


class PersonManager(BaseUserManager["Person"]):
    def create_user(self, email: str, name: str, **extra: Any) -> "Person":
        """A person who signs in by mailed code or passkey; nobody has a password."""
        person = self.model(email=self.normalize_email(email), name=name, **extra)
        person.set_unusable_password()
        person.save(using=self._db, force_insert=True)
        return person


class Person(AbstractBaseUser):
    """A natural person. What they may do follows from the offices they hold, never from here."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=50)
    phone = models.CharField(max_length=11, blank=True)  # mobile, in digits: 01012345678
    is_active = models.BooleanField(default=True)

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    def __str__(self) -> str:
        return self.name


class Office(models.TextChoices):
    """What a person can be in a complex (직책)."""

    BOOKKEEPER = "bookkeeper", "경리"
    CLERK = "clerk", "담당"
    CHIEF = "chief", "과장"
    MANAGER = "manager", "관리사무소장"
    CHAIR = "chair", "입주자대표회의 회장"
    AUDITOR = "auditor", "감사"
    DIRECTOR = "director", "이사"
    REPRESENTATIVE = "representative", "동별 대표자"


class OfficeholderQuerySet(ScopedQuerySet):
    def in_office(self, on: date) -> Self:
        """Those whose term covers the day. Asked at the moment of every use of the office."""
        return self.filter(Q(until=None) | Q(until__gte=on), since__lte=on)


class Officeholder(ComplexScoped):
    """A person in an office of a complex for a term (직을 맡은 사람). Both days count.

    A term that was ended before its first day was over has no day at all: its last day is the one
    before the first, so that it covers nothing, wherever terms are asked about.
    """

    person = models.ForeignKey(Person, models.PROTECT, related_name="offices")
    office = models.CharField(max_length=20, choices=Office)
    since = models.DateField()
    until = models.DateField(null=True)

    objects: ClassVar[Any] = OfficeholderQuerySet.as_manager()

    class Meta:
        ordering = ("since",)
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "person", "office", "since"],
                condition=Q(until__isnull=True) | Q(until__gte=models.F("since")),
                name="officeholder_term_once",
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True)
                | Q(until__gte=models.F("since") - timedelta(days=1)),
                name="officeholder_term_not_negative",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_office_display()} {self.person.name}"

    def covers(self, on: date) -> bool:
        """Whether the term covers the day."""
        return self.since <= on and (self.until is None or on <= self.until)


class Residency(ComplexScoped):
    """A person who lives in a unit (입주자등), from one day to another."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="residencies")
    unit = ScopedForeignKey(Unit, models.PROTECT, related_name="residencies")
    since = models.DateField()
    until = models.DateField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "person", "unit_id", "since"], name="residency_once"
            ),
        )
