"""Who may act: absences with who stands in, and what two officers decide about together."""

from datetime import date, timedelta
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from danji.accounts.models import Office, Officeholder
from danji.base.models import ComplexScoped, ScopedForeignKey
from danji.rules.absence import Reason
from danji.rules.appointment import Answer, Change


class Absence(ComplexScoped):
    """The days on which an officer is away (부재) and another stands in (대결). Both days count."""

    absent = ScopedForeignKey(Officeholder, models.PROTECT, related_name="absences")
    absent_id: UUID
    deputy = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    since = models.DateField()
    until = models.DateField()
    reason = models.CharField(
        max_length=10, choices=[(reason.value, reason.label) for reason in Reason]
    )
    set_by = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    set_at = models.DateTimeField()
    leaf_hash = models.BinaryField()  # of the event `delegation.set`
    back_on: date | None  # joined in by `queries.absences_from`

    class Meta:
        ordering = ("since", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(until__gte=F("since")), name="absence_ends_after_it_began"
            ),
            models.CheckConstraint(
                condition=~Q(absent_id=F("deputy_id")), name="absence_has_another_stand_in"
            ),
        )
        indexes = (
            models.Index(fields=["complex", "deputy_id", "until"], name="absence_by_deputy"),
            models.Index(fields=["complex", "absent_id", "until"], name="absence_by_absent"),
        )


class AbsenceEnd(ComplexScoped):
    """The end of an absence before its last day: from `back_on` on nobody stands in any more."""

    absence = ScopedForeignKey(Absence, models.PROTECT, related_name="ends")
    back_on = models.DateField()
    ended_by = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    ended_at = models.DateTimeField()
    leaf_hash = models.BinaryField()  # of the event `delegation.ended`

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "absence_id"], name="absence_ended_once"),
        )


class Proposal(ComplexScoped):
    """What one officer proposes and a second confirms: somebody takes an office, or leaves one, is
    reached elsewhere, is away and cannot say so, or the bylaws set something.

    Taking an office it names the person; leaving one, the officeholder, the last day as `until`,
    and the reason. Whoever leaves before the first day is over leaves on the day before it. To be
    reached elsewhere it names the officeholder, and where from then on. Of an absence `since` and
    `until` are the days, `deputy` stands in, and `reason` is one of `rules.absence.Reason`. A
    setting has the day from which it holds as `since`; `office`, `name` and `email` are empty.
    """

    change = models.CharField(
        max_length=10, choices=[(change.value, change.label) for change in Change]
    )
    office = models.CharField(max_length=20, choices=Office, blank=True)
    name = models.CharField(max_length=50, blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=20, blank=True)
    since = models.DateField()
    until = models.DateField(null=True)
    officeholder = ScopedForeignKey(
        Officeholder, models.PROTECT, related_name="proposals", null=True
    )
    officeholder_id: UUID | None
    deputy = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+", null=True)
    deputy_id: UUID | None
    reason = models.CharField(max_length=200, blank=True)
    setting = models.CharField(max_length=60, blank=True)  # a key of `rules.bylaws.SETTINGS`
    value = models.PositiveSmallIntegerField(null=True)  # working days
    article = models.CharField(max_length=100, blank=True)
    proposed_by = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    proposed_by_id: UUID
    proposed_at = models.DateTimeField()

    class Meta:
        ordering = ("proposed_at", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(change__in=[Change.TAKE.value, Change.SETTING.value])
                ^ Q(officeholder_id__isnull=False),
                name="proposal_about_an_officer_names_who",
            ),
            models.CheckConstraint(
                condition=Q(change=Change.ABSENCE.value) ^ Q(deputy_id__isnull=True),
                name="proposal_of_an_absence_names_the_deputy",
            ),
            models.CheckConstraint(
                condition=~Q(change=Change.LEAVE.value) | Q(until__isnull=False),
                name="proposal_to_leave_names_the_day",
            ),
            models.CheckConstraint(
                condition=Q(change=Change.SETTING.value, value__isnull=False)
                & ~Q(setting="")
                & ~Q(article="")
                | ~Q(change=Change.SETTING.value) & Q(setting="", article="", value__isnull=True),
                name="proposal_of_a_setting_says_what",
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True)
                | Q(until__gte=F("since"))
                | Q(change=Change.LEAVE.value, until__gte=F("since") - timedelta(days=1)),
                name="proposal_term_ends_after_it_began",
            ),
        )


class ProposalOutcome(ComplexScoped):
    """What became of a proposal. Once, and never rewritten.

    `officeholder` is whom a confirmed proposal put into office, or was about; `leaf_hash` is of
    the event that tells of it, and empty where nothing came of it.
    """

    proposal = ScopedForeignKey(Proposal, models.PROTECT, related_name="outcomes")
    proposal_id: UUID
    answer = models.CharField(
        max_length=10, choices=[(answer.value, answer.label) for answer in Answer]
    )
    officeholder = ScopedForeignKey(
        Officeholder, models.PROTECT, related_name="appointed_by", null=True
    )
    answered_by = ScopedForeignKey(Officeholder, models.PROTECT, related_name="+")
    answered_by_id: UUID
    answered_at = models.DateTimeField()
    leaf_hash = models.BinaryField(default=b"")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "proposal_id"], name="proposal_closed_once"),
        )
