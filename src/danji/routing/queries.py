"""Which line a document takes, and what the rules of a complex say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from danji.accounts.models import Office, Officeholder
from danji.base.prepared import Prepared
from danji.formbook.definition import Field, FieldType, FormDefinition, builtin_forms, routed_forms
from danji.routing.models import RoutingRevision, Verdict
from danji.routing.rows import load
from danji.rules.adjusting import Adjustment
from danji.rules.approval import Act
from danji.rules.money import grouped, vat_on
from danji.rules.offices import COUNCIL
from danji.rules.retention import Layer
from danji.rules.routing import (
    DEFAULTS,
    LAW,
    Case,
    Condition,
    Place,
    Row,
    amount_notes,
    choose,
    contract_notes,
    demand,
    limits,
    without_tax,
)
from danji.rules.spending import paper_notes

# Who may confirm what another proposed: those who answer for the complex's money.
CONFIRMING = frozenset({Office.MANAGER, Office.CHAIR, Office.AUDITOR, Office.DIRECTOR})
OFFICES = {office.value: str(office.label) for office in Office}

_in_force: Prepared[RoutingRevision] = Prepared(
    lambda complex_id, on: (
        RoutingRevision.objects.within(complex_id)
        .filter(outcomes__verdict=Verdict.CONFIRMED.value, effective_from__lte=on)
        .order_by("-outcomes__number")[:1]
    ),
    UUID,
    date,
)


@dataclass(frozen=True)
class Proposal:
    """The line the rules ask for, by offices.

    `places` follow the drafter's, which is stage 1 and not among them. `resolution` is the article
    or clause that asks for a resolution of the council, or "". `notes` are sentences for the
    screen. `limits` are the amounts that the document's own is compared with. `rule` is the
    revision that says so; None for what Danji brings.
    """

    places: tuple[Place, ...]
    resolution: str
    notes: tuple[str, ...]
    limits: tuple[int, ...]
    rule: UUID | None


@dataclass(frozen=True)
class Table:
    """The rules of a complex: `number` counts its own revisions, 0 is what Danji brings."""

    rows: tuple[Row, ...]
    number: int
    revision: RoutingRevision | None


@dataclass(frozen=True)
class Preview:
    """What documents of one amount would take. `net` None stands for any amount.

    `was` is what they take under the rules that would be changed, where that is something else.
    """

    net: int | None
    total: int | None  # with value-added tax
    line: str
    resolution: str
    was: "Preview | None" = None


@dataclass(frozen=True)
class PreviewGroup:
    """Documents of one kind, `about` in words: "지출결의서, 장기수선충당금"."""

    about: str
    lines: tuple[Preview, ...]


# --- The line of one document ------------------------------------------------------------------


def propose(
    complex_id: UUID,
    definition: FormDefinition,
    values: Mapping[str, Any],
    *,
    adjusts: Adjustment | None = None,
    attached: int = 0,
    on: date,
) -> Proposal:
    """The line for a document with these values on a day; where no row stands, the form's own.

    Args: `values` as far as they could be read: what is missing counts as blank. `adjusts` is what
    the document changes of an expense, whose line it takes; `attached` counts its files.
    """
    revision = next(iter(_in_force(complex_id, on)), None)
    rows = load(bytes(revision.rows)) if revision else DEFAULTS
    case = adjusts.case if adjusts else case_of(definition, values)
    row = choose(rows, case, on)
    is_asked = adjusts is None or adjusts.is_increase
    resolution = demand((*rows, *LAW), case, on) if is_asked else ""
    compared = limits((*rows, *LAW), case, on)
    if adjusts:
        notes = [note] if (note := adjusts.note(on)) else []
    else:
        total = values.get(definition.amount) if definition.amount else None
        told = values.get(definition.net) if definition.net else None
        notes = amount_notes(total, case, compared, told=told)
        notes += [] if resolution else contract_notes(case)
        notes += paper_notes(case, total, attached)
    return Proposal(
        places=_with_basis(row) if row else form_row(definition).places,
        resolution=resolution,
        notes=tuple(notes),
        limits=tuple(compared),
        rule=revision.id if revision and row else None,
    )


def net_of(definition: FormDefinition, values: Mapping[str, Any]) -> int | None:
    """A document's amount in won without value-added tax.

    Where the form tells only a total, or more tax than there can be, the tax within it is taken
    out.
    """
    told = values.get(definition.net) if definition.net else None
    total = values.get(definition.amount) if definition.amount else None
    if total is None or (definition.net and told is None):
        return told
    return without_tax(total, told)


def form_row(definition: FormDefinition) -> Row:
    """The form's own line as a row: what holds while no rule says anything else."""
    following = [route for route in definition.routing if route.act is not Act.DRAFT]
    return Row(
        form=definition.key,
        places=tuple(
            Place(route.act, route.office, stage) for stage, route in enumerate(following, 2)
        ),
        layer=Layer.POLICY,
        basis="서식에 정한 결재선",
        effective_from=date(2016, 8, 12),
    )


def case_of(definition: FormDefinition, values: Mapping[str, Any]) -> Case:
    """What a document with these values is, as far as the rules ask."""
    chosen = {
        field.name: values[field.name]
        for field in choice_fields(definition)
        if values.get(field.name)
    }
    fund = chosen.get(definition.fund, "") if definition.fund else ""
    return Case(definition.key, fund, net_of(definition, values), chosen)


def choice_fields(definition: FormDefinition) -> list[Field]:
    """The fields a condition may ask about."""
    return [field for field in definition.fields if field.type is FieldType.CHOICE]


def _with_basis(row: Row) -> tuple[Place, ...]:
    """The places, each that needs a reason with the clause of its row."""
    return tuple(
        replace(place, basis=row.basis)
        if place.office in COUNCIL or place.act is Act.DELEGATED
        else place
        for place in row.places
    )


# --- The table ---------------------------------------------------------------------------------


def table_in_force(complex_id: UUID, *, on: date) -> Table:
    """The rules that hold on a day, the forms' own lines among them."""
    return _table(_confirmed(complex_id).filter(effective_from__lte=on))


def newest_table(complex_id: UUID) -> Table:
    """The rules confirmed last, which may begin to hold later: what a new revision changes."""
    return _table(_confirmed(complex_id))


def table_before(revision: RoutingRevision) -> Table:
    """The rules that a revision changes."""
    return _table(_confirmed(revision.complex_id).filter(outcomes__number=revision.follows))


def revision_of(reader: Officeholder, revision_id: UUID) -> RoutingRevision:
    """A revision of the reader's complex, with `outcome` in `outcomes.all()`.

    Raises: RoutingRevision.DoesNotExist.
    """
    revision: RoutingRevision = (
        RoutingRevision.objects.within(reader.complex_id)
        .select_related("proposer__person")
        .prefetch_related("outcomes__officer__person")
        .get(id=revision_id)
    )
    return revision


def revisions(complex_id: UUID) -> list[RoutingRevision]:
    """All revisions ever proposed, the newest first."""
    return list(
        RoutingRevision.objects.within(complex_id)
        .select_related("proposer__person")
        .prefetch_related("outcomes__officer__person")
    )


def waiting_revision(complex_id: UUID) -> RoutingRevision | None:
    """The revision that waits for a second officer, if one does."""
    waiting: RoutingRevision | None = (
        RoutingRevision.objects.within(complex_id).filter(outcomes=None).first()
    )
    return waiting


def _confirmed(complex_id: UUID) -> QuerySet[RoutingRevision]:
    confirmed: QuerySet[RoutingRevision] = (
        RoutingRevision.objects.within(complex_id)
        .filter(outcomes__verdict=Verdict.CONFIRMED)
        .annotate(number=F("outcomes__number"))
        .order_by("-outcomes__number")
    )
    return confirmed


def _table(confirmed: QuerySet[RoutingRevision]) -> Table:
    revision: Any = confirmed.first()
    rows = load(bytes(revision.rows)) if revision else DEFAULTS
    general = {row.form for row in rows if not (row.fund or row.conditions or row.is_bounded)}
    own = (form_row(form) for form in routed_forms() if form.key not in general)
    return Table((*own, *rows), revision.number if revision else 0, revision)


# --- In words ----------------------------------------------------------------------------------


def line_words(places: Sequence[Place]) -> str:
    """`기안 → 과장 검토 → 관리사무소장 결재 → 회장 확인`; side by side: `과장 검토 · 경리 협조`."""
    stages = (
        " · ".join(f"{_short(place.office)} {place.act.label}" for place in stage)
        for _, stage in groupby(places, key=lambda place: place.stage)
    )
    return " → ".join(["기안", *stages])


def about_words(row: Row) -> str:
    """`지출결의서, 장기수선충당금, 5,000,000원 초과`: for which documents a row stands."""
    forms = {form.key: form for form in builtin_forms()}
    words = [forms[row.form].title if row.form in forms else row.form or "모든 서식"]
    if row.fund:
        words.append(dict(funds()).get(row.fund, row.fund))
    if row.form in forms:
        words += [_condition_words(forms[row.form], asked) for asked in row.conditions]
    if row.is_bounded:
        words.append(amount_words(row))
    return ", ".join(words)


def _condition_words(form: FormDefinition, asked: Condition) -> str:
    field = form.field(asked.field)
    labels = {"": "적지 않음"} | {choice.value: choice.label for choice in field.choices}
    others = [value for value in labels if value not in asked.values]
    if len(others) < len(asked.values):
        return f"{field.label} {', '.join(labels[value] for value in others)} 아님"
    return f"{field.label} {' 또는 '.join(labels[value] for value in asked.values)}"


def amount_words(row: Row) -> str:
    """`1,000,000원 초과 5,000,000원 이하`, without value-added tax."""
    over = f"{grouped(row.over)}원 초과" if row.over is not None else ""
    up_to = f"{grouped(row.up_to)}원 이하" if row.up_to is not None else ""
    return " ".join(filter(None, (over, up_to)))


def funds() -> list[tuple[str, str]]:
    """The funds (재원) that the forms offer: value and label, each once."""
    return list(
        {
            choice.value: choice.label
            for form in builtin_forms()
            if form.fund
            for choice in form.field(form.fund).choices
        }.items()
    )


def _short(office: str) -> str:
    return OFFICES[office].removeprefix("입주자대표회의 ")


# --- Preview -----------------------------------------------------------------------------------


def preview(
    rows: Sequence[Row],
    definition: FormDefinition,
    amounts: Sequence[int | None],
    *,
    fund: str = "",
    choices: Mapping[str, str] | None = None,
    on: date,
) -> list[Preview]:
    """The lines that documents of these amounts would take on a day, were these the rules.

    Args: `amounts` in won without value-added tax; None for a document that tells none.
    """
    shown = []
    for net in amounts:
        case = Case(definition.key, fund, net, choices or {})
        row = choose(rows, case, on) or form_row(definition)
        shown.append(
            Preview(
                net=net,
                total=None if net is None else net + vat_on(net),
                line=line_words(row.places),
                resolution=demand((*rows, *LAW), case, on),
            )
        )
    return shown


def previews(rows: Sequence[Row], before: Sequence[Row], *, on: date) -> list[PreviewGroup]:
    """The lines of every form around every limit, were these the rules on a day.

    A fund or a choice gets a group of its own where it leads to something else.

    Args: `before` are the rows that would be changed.
    """
    groups = []
    for definition in routed_forms():
        ordinary: tuple[Preview, ...] | None = None
        for words, fund, choices in _kinds((*rows, *before), definition):
            case = Case(definition.key, fund, None, choices)
            compared = limits((*rows, *before, *LAW), case, on)
            around: list[int | None] = [
                amount for limit in compared for amount in (limit, limit + 1)
            ]
            lines = [
                replace(new, was=old) if new != old else new
                for new, old in zip(
                    preview(rows, definition, around or [None], fund=fund, choices=choices, on=on),
                    preview(
                        before, definition, around or [None], fund=fund, choices=choices, on=on
                    ),
                    strict=True,
                )
            ]
            apart = _apart(lines)
            if apart != ordinary:
                groups.append(PreviewGroup(", ".join([definition.title, *words]), apart))
            ordinary = ordinary or apart
    return groups


def _apart(lines: Sequence[Preview]) -> tuple[Preview, ...]:
    """The amounts at which something changes; a single line where nothing does."""

    def said(one: Preview) -> tuple[str, str, tuple[str, str] | None]:
        return one.line, one.resolution, (one.was.line, one.was.resolution) if one.was else None

    pairs = zip(lines[::2], lines[1::2], strict=False)
    kept = [one for pair in pairs if said(pair[0]) != said(pair[1]) for one in pair]
    return tuple(kept) or (replace(lines[0], net=None, total=None),)


def _kinds(
    rows: Sequence[Row], definition: FormDefinition
) -> Iterator[tuple[list[str], str, dict[str, str]]]:
    """What kinds of document of a form the rules could tell apart: words, fund, choices."""
    yield [], "", {}
    concerned = [row for row in (*rows, *LAW) if row.form in {"", definition.key}]
    funds = {row.fund for row in concerned}
    asked = {condition.field for row in concerned for condition in row.conditions}
    for field in choice_fields(definition):
        for choice in field.choices:
            if field.name == definition.fund and choice.value in funds:
                yield [choice.label], choice.value, {field.name: choice.value}
            elif field.name in asked:
                yield [f"{field.label} {choice.label}"], "", {field.name: choice.value}
