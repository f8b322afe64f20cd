"""What an officer does again and again: lines kept by name, forms at hand, recurring documents."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from danji.accounts.models import Officeholder
from danji.approvals.guard import check_in_office
from danji.approvals.lines import Changes, given_back
from danji.approvals.models import (
    Document,
    Draft,
    FavouriteForm,
    LineTemplate,
    Recurring,
    RecurringMade,
)
from danji.approvals.queries import document_for, published_form
from danji.base import tenancy
from danji.base.jobs import each
from danji.formbook import inputs as typed
from danji.formbook import values
from danji.formbook.definition import FieldType, FormDefinition, load
from danji.formbook.models import Form
from danji.rules.periods import day_in_seoul, format_date
from danji.rules.recurring import Every, check_recurrence, due_day
from danji.rules.refusal import Refusal
from danji.rules.text import clean_line

MOST = 30  # templates, or recurring documents, of one officer
NAME, TITLE = 50, 80  # characters; a title is followed by the day


# --- Lines and forms at hand -------------------------------------------------------------------


def line_templates(owner: Officeholder) -> list[LineTemplate]:
    """The officer's own lines (나의 결재선), by name."""
    return list(LineTemplate.objects.within(owner.complex_id).filter(owner_id=owner.id))


@transaction.atomic
def save_line_template(
    name: str, line: Mapping[str, Any], *, actor: Officeholder, at: datetime
) -> LineTemplate:
    """Keep what was changed of a line under a name (나의 결재선); an earlier one gives way.

    Raises: Refusal without a name or a change, or when there are too many.
    """
    check_in_office(actor, at)
    name = clean_line(name, "결재선 이름", limit=NAME)
    changes = Changes.parse(line)
    if not name:
        raise Refusal(
            "결재선의 이름이 적혀 있지 않습니다.", next_step="알아보기 쉬운 이름을 적어 주세요."
        )
    if changes == Changes():
        raise Refusal(
            "저장할 것이 없습니다. 결재선에 더 넣거나 뺀 분이 없습니다.",
            next_step="먼저 결재선에 사람을 넣은 뒤 저장해 주세요.",
        )
    mine = LineTemplate.objects.within(actor.complex_id).filter(owner_id=actor.id)
    if mine.exclude(name=name).count() >= MOST:
        raise Refusal(
            f"결재선은 {MOST}개까지 저장할 수 있습니다.",
            next_step="쓰지 않는 것을 지운 뒤 다시 저장해 주세요.",
        )
    template, _ = LineTemplate.objects.update_or_create(
        complex=actor.complex, owner=actor, name=name, defaults={"line": changes.as_json()}
    )
    return template


@transaction.atomic
def delete_line_template(template_id: UUID, *, actor: Officeholder, at: datetime) -> None:
    """Throw one of the own lines away. Documents that used it keep theirs."""
    check_in_office(actor, at)
    LineTemplate.objects.within(actor.complex_id).filter(owner_id=actor.id, id=template_id).delete()


def favourites_of(officer: Officeholder) -> set[str]:
    """The keys of the forms that an officer keeps at hand."""
    mine = FavouriteForm.objects.within(officer.complex_id).filter(officer_id=officer.id)
    return set(mine.values_list("form_key", flat=True))


def recent_forms(officer: Officeholder, *, most: int) -> list[str]:
    """The keys of the forms of the officer's last documents, the newest first, each once."""
    rows = (
        Document.objects.within(officer.complex_id)
        .filter(drafter_id=officer.id)
        .order_by("-submitted_at")
        .values_list("form__key", flat=True)[: 10 * most]
    )
    return list(dict.fromkeys(rows))[:most]


@transaction.atomic
def favourite_form(form_key: str, *, chosen: bool, actor: Officeholder, at: datetime) -> None:
    """Keep a form at hand (즐겨찾기), or no longer.

    Raises: Refusal when there is no such form.
    """
    check_in_office(actor, at)
    published_form(form_key)
    if chosen:
        FavouriteForm.objects.get_or_create(complex=actor.complex, officer=actor, form_key=form_key)
    else:
        FavouriteForm.objects.within(actor.complex_id).filter(
            officer_id=actor.id, form_key=form_key
        ).delete()


# --- Recurring documents -----------------------------------------------------------------------


def recurring_of(drafter: Officeholder, *, on: date) -> list[Recurring]:
    """The recurring documents (반복 문서) of an officer that go on."""
    mine = Recurring.objects.within(drafter.complex_id).filter(drafter_id=drafter.id)
    return [one for one in mine if one.until is None or one.until >= on]


@transaction.atomic
def start_recurring(
    form_key: str,
    title: str,
    every: Every,
    *,
    on_day: int = 1,
    since: date,
    until: date | None = None,
    model: UUID | None = None,
    actor: Officeholder,
    at: datetime,
) -> Recurring:
    """Let a draft of a form be begun by itself again and again.

    Args: `on_day` see `rules.recurring.due_day`; `model` is a document whose content and line each
    draft begins with.
    Raises: Refusal when something is missing or cannot be; Document.DoesNotExist for a model the
    actor may not see.
    """
    check_in_office(actor, at)
    title = clean_line(title, "제목", limit=TITLE)
    if not title:
        raise Refusal("제목이 적혀 있지 않습니다.", next_step="문서의 제목을 적어 주세요.")
    check_recurrence(every, on_day, since, until)
    if len(recurring_of(actor, on=day_in_seoul(at))) >= MOST:
        raise Refusal(
            f"반복 문서는 {MOST}개까지 둘 수 있습니다.",
            next_step="쓰지 않는 것을 멈춘 뒤 다시 해 주세요.",
        )
    form = published_form(form_key)
    begins_with = _taken_from(model, form, actor, at) if model else {}
    recurring: Recurring = Recurring.objects.create(
        complex=actor.complex,
        drafter=actor,
        form_key=form_key,
        title=title,
        every=every,
        on_day=on_day if every in {Every.WEEK, Every.MONTH} else 1,
        since=since,
        until=until,
        **begins_with,
    )
    return recurring


@transaction.atomic
def stop_recurring(recurring_id: UUID, *, actor: Officeholder, at: datetime) -> None:
    """Begin no more drafts of a recurring document; those begun stay.

    Raises: Recurring.DoesNotExist for somebody else's.
    """
    check_in_office(actor, at)
    mine = Recurring.objects.within(actor.complex_id).filter(drafter_id=actor.id)
    found: Recurring = mine.select_for_update(of=("self",)).get(id=recurring_id)
    mine.filter(id=found.id).update(until=min(found.until or date.max, day_in_seoul(at)))


def begin_recurring_drafts(complex_id: UUID) -> int:
    """Begin the drafts of recurring documents that are due. Safe to run twice, and after a crash.

    Returns: how many were begun.
    """
    at = timezone.now()
    with tenancy.within(complex_id):
        due = _due(complex_id, day_in_seoul(at))

    def begin(one: tuple[Recurring, date]) -> None:
        _begin(*one, at)

    return each(complex_id, due, begin)


def _due(complex_id: UUID, today: date) -> list[tuple[Recurring, date]]:
    """The recurring documents of those in office that lack the draft of their day, with that."""
    of_day = []
    known = Recurring.objects.within(complex_id).filter(since__lte=today)
    for recurring in known.select_related("drafter"):
        day = due_day(Every(recurring.every), recurring.on_day, today, settings.HOLIDAYS)
        is_due = day and recurring.since <= day <= (recurring.until or date.max)
        if day and is_due and recurring.drafter.covers(today):
            of_day.append((recurring, day))
    days = {day for _, day in of_day}
    made = set(
        RecurringMade.objects.within(complex_id)
        .filter(day__in=days)
        .values_list("recurring_id", "day")
    )
    return [(recurring, day) for recurring, day in of_day if (recurring.id, day) not in made]


def _begin(recurring: Recurring, day: date, at: datetime) -> None:
    """Begin the draft of one day, unless somebody else has meanwhile."""
    # Locked before it is looked at again: two workers may come at the same moment.
    locked: Recurring = (
        Recurring.objects.within(recurring.complex_id)
        .select_for_update(of=("self",))
        .select_related("drafter")
        .get(id=recurring.id)
    )
    if _is_made(locked, day):
        return
    form = published_form(locked.form_key)
    draft: Draft = Draft.objects.create(
        complex_id=locked.complex_id,
        drafter=locked.drafter,
        form=form,
        inputs=_dated(load(bytes(form.definition)), locked, day),
        line=locked.line,
        saved_at=at,
    )
    RecurringMade.objects.create(
        complex_id=locked.complex_id, recurring=locked, day=day, draft=draft.id
    )


def _is_made(recurring: Recurring, day: date) -> bool:
    made: bool = (
        RecurringMade.objects.within(recurring.complex_id)
        .filter(recurring_id=recurring.id, day=day)
        .exists()
    )
    return made


def _dated(definition: FormDefinition, recurring: Recurring, day: date) -> dict[str, list[str]]:
    """What the draft of one day starts with: its title says the day, and so do its date fields."""
    dates = [field for field in definition.fields if field.type is FieldType.DATE]
    return {
        **typed.starting(definition),
        **recurring.inputs,
        "title": [f"{recurring.title}({format_date(day)})"],
        **{field.name: [day.isoformat()] for field in dates if field.required},
    }


def _taken_from(model: UUID, form: Form, actor: Officeholder, at: datetime) -> dict[str, Any]:
    """The inputs and the line that drafts take from a document. Raises: Refusal."""
    document = document_for(actor, model, on=day_in_seoul(at))
    if document.form.key != form.key:
        raise Refusal(
            "고른 서식과 본뜰 문서의 서식이 다릅니다.",
            next_step="같은 서식의 문서를 고르거나, 본뜨지 않고 시작해 주세요.",
        )
    definition = load(bytes(form.definition))
    return {
        "inputs": dict(values.to_inputs(definition, document.parsed_content()["values"])),
        "line": given_back(document.line, actor),
    }
