"""A form (서식) as data: its fields, and what a document written on it starts out with.

A definition is a JSON file. Page, checks, canonical content and PDF all follow from it, so a new
form is a new file. The first field of every form is its `title`.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from danji.rules import retention
from danji.rules.approval import SEEING, Act
from danji.rules.disclosure import Scope
from danji_verify.canonical import canonical

BUILTIN = (
    "memo",
    "expense",
    "fee-notice",
    "bid-notice",
    "work-log",
    "inspection-log",
    "resolution",
    "expense-change",
)
MAX_ROWS = 200
MAX_LABELS = 12

_KEY = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


class FieldType(StrEnum):
    """What kind of thing a field holds; the comment is its value in canonical content."""

    LINE = "line"  # str
    PARAGRAPHS = "paragraphs"  # list of lines, "" between paragraphs
    MONEY = "money"  # int, won
    COUNT = "count"  # int, not negative; in tables
    DATE = "date"  # "YYYY-MM-DD"
    DATETIME = "datetime"  # "YYYY-MM-DDTHH:MM", Korean time
    PERIOD = "period"  # {"from": date, "until": date}
    CHOICE = "choice"  # str, one of the choices' values
    UNIT = "unit"  # {"building": str, "unit": str}
    PERSON = "person"  # {"name": str, "office": str}
    LABELS = "labels"  # list of short lines
    TABLE = "table"  # {"rows": [...], "totals": {...}}


# What a form may name a field for, and of which type that one is.
ROLES = {
    "amount": FieldType.MONEY,
    "net": FieldType.MONEY,
    "fund": FieldType.CHOICE,
    "payee": FieldType.LINE,
    "account": FieldType.LINE,
    "result": FieldType.CHOICE,
}
CARRIED = "carried"  # the value of a `result` that says the council resolved so (가결)


class Kind(StrEnum):
    """Whether a document stays in the office or is addressed to readers outside it."""

    INTERNAL = "internal"
    NOTICE = "notice"


class Totals(StrEnum):
    """Where the sums under a table come from."""

    COMPUTED = "computed"
    PRINTED = "printed"  # typed in, as the accounting program rounded them


class Operation(StrEnum):
    """How a value follows from others; the comment says what `of` names."""

    SUM = "sum"  # a table and its column
    ADD = "add"  # money fields
    VAT = "vat"  # one money field, the supply amount
    PRODUCT = "product"  # columns of the same row


@dataclass(frozen=True)
class Computed:
    """A value that follows from others."""

    operation: Operation
    of: tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    value: str
    label: str


@dataclass(frozen=True)
class Column:
    """One column of a table: line, money or count."""

    name: str
    label: str
    type: FieldType
    negative: bool = False
    required: bool = False  # in every row that has anything in it
    computed: Computed | None = None


@dataclass(frozen=True)
class OpenColumns:
    """Money columns named by the document itself: one for each label in the field `source`."""

    source: str
    before: str  # the column they stand before
    negative: bool = False


@dataclass(frozen=True)
class Field:
    """One field of a form. Attributes that do not belong to its type keep their defaults."""

    name: str
    label: str
    type: FieldType
    required: bool = False
    help: str = ""
    max: int | None = None  # characters; None stands for the type's own limit
    negative: bool = False
    computed: Computed | None = None
    when_blank: Computed | None = None
    choices: tuple[Choice, ...] = ()
    max_count: int = MAX_LABELS
    columns: tuple[Column, ...] = ()
    open_columns: OpenColumns | None = None
    totals: Totals | None = None
    total_columns: tuple[str, ...] = ()
    max_rows: int = MAX_ROWS
    starters: tuple[str, ...] = ()  # what the first column offers in a new document

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True)
class Routing:
    """A proposed place in the approval line: an office, not yet a person."""

    act: Act
    office: str


@dataclass(frozen=True)
class Disclosure:
    """The proposed scope of a document, and on what it rests."""

    scope: Scope
    basis: str


@dataclass(frozen=True)
class FormDefinition:
    """One version of one form (서식). `canonical` is what is hashed and embedded in the PDF.

    From `amount` to `result` stand the names of fields that say what the rules and lists ask of
    every document; None where the form does not ask for it. A form with a `result` registers what
    the council resolved (의결); one that `adjusts` another changes the amounts approved on it.
    """

    key: str
    version: int
    title: str
    kind: Kind
    series: str
    folder: str
    retention: str
    disclosure: Disclosure
    routing: tuple[Routing, ...]
    amount: str | None
    net: str | None  # the amount without value-added tax
    fund: str | None
    payee: str | None
    account: str | None
    result: str | None
    adjusts: str | None  # key of a form
    fields: tuple[Field, ...]
    canonical: bytes

    @property
    def sha256(self) -> str:
        """The digest of the canonical bytes, in lower hex."""
        return hashlib.sha256(self.canonical).hexdigest()

    def field(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)


@lru_cache(maxsize=256)
def load(data: bytes) -> FormDefinition:
    """Read a definition; anything unknown, missing or pointing nowhere is refused.

    What was read is remembered: each decision asks for its form again.

    Raises: ValueError or TypeError saying where.
    """
    source = _Reader(json.loads(data), "form")
    definition = FormDefinition(
        key=source.text("key", _KEY),
        version=source.number("version", at_least=1),
        title=source.text("title"),
        kind=Kind(source.text("kind")),
        series=source.text("series"),
        folder=source.text("folder"),
        retention=source.text("retention"),
        disclosure=_disclosure(source.inner("disclosure")),
        routing=tuple(_routing(reader) for reader in source.inners("routing")),
        amount=source.take("amount", (str, type(None))),
        net=source.take("net", str, None),
        fund=source.take("fund", str, None),
        payee=source.take("payee", str, None),
        account=source.take("account", str, None),
        result=source.take("result", str, None),
        adjusts=source.take("adjusts", str, None),
        fields=tuple(_field(reader) for reader in source.inners("fields")),
        canonical=canonical(source.value),
    )
    source.done()
    _check(definition)
    return definition


@cache
def builtin_forms() -> tuple[FormDefinition, ...]:
    """The forms that come with the product, in the order in which they are offered."""
    folder = resources.files("danji.formbook") / "forms"
    return tuple(load((folder / f"{key}.json").read_bytes()) for key in BUILTIN)


@cache
def routed_forms() -> tuple[FormDefinition, ...]:
    """Those whose documents take a line of their own, and not that of what they adjust."""
    return tuple(form for form in builtin_forms() if not form.adjusts)


class _Reader:
    """Takes each key of a JSON object once, and knows what nobody took."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise TypeError(f"{where}: an object belongs here")
        self.value: Mapping[str, Any] = value
        self.where = where
        self._left = set(value)

    def take(self, key: str, types: type | tuple[type, ...], default: Any = ...) -> Any:
        self._left.discard(key)
        value = self.value.get(key, default)
        if value is ... or (isinstance(value, bool) and types is int):
            raise ValueError(f"{self.where}: {key} is missing or of the wrong type")
        if value is not default and not isinstance(value, types):
            raise ValueError(f"{self.where}: {key} is of the wrong type")
        return value

    def text(self, key: str, pattern: re.Pattern[str] | None = None) -> str:
        value: str = self.take(key, str)
        if not value or (pattern and not pattern.fullmatch(value)):
            raise ValueError(f"{self.where}: {key} cannot be {value!r}")
        return value

    def optional_text(self, key: str) -> str:
        return str(self.take(key, str, ""))

    def flag(self, key: str) -> bool:
        return bool(self.take(key, bool, False))

    def number(self, key: str, *, at_least: int, default: Any = ...) -> int:
        value: int = self.take(key, int, default)
        if value is not default and value < at_least:
            raise ValueError(f"{self.where}: {key} cannot be {value}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.take(key, list, [])
        if not all(isinstance(value, str) for value in values):
            raise ValueError(f"{self.where}: {key} holds texts")
        return tuple(values)

    def inner(self, key: str) -> "_Reader":
        return _Reader(self.take(key, dict), f"{self.where}.{key}")

    def optional_inner(self, key: str) -> "_Reader | None":
        return self.inner(key) if key in self.value else None

    def inners(self, key: str) -> "Iterator[_Reader]":
        values = self.take(key, list)
        return (_Reader(value, f"{self.where}.{key}[{n}]") for n, value in enumerate(values))

    def done(self) -> None:
        if self._left:
            raise ValueError(f"{self.where}: unknown keys {sorted(self._left)}")


def _disclosure(reader: _Reader) -> Disclosure:
    disclosure = Disclosure(Scope(reader.text("scope")), reader.text("basis"))
    reader.done()
    return disclosure


def _routing(reader: _Reader) -> Routing:
    routing = Routing(Act(reader.text("act")), reader.text("office", _KEY))
    reader.done()
    return routing


def _computed(reader: _Reader | None) -> Computed | None:
    if reader is None:
        return None
    (key, *others) = reader.value
    if others:
        raise ValueError(f"{reader.where}: one operation belongs here")
    of = reader.take(key, (str, list))
    reader.done()
    return Computed(Operation(key), (of,) if isinstance(of, str) else tuple(of))


def _choice(reader: _Reader) -> Choice:
    choice = Choice(reader.text("value", _KEY), reader.text("label"))
    reader.done()
    return choice


def _column(reader: _Reader) -> Column:
    column = Column(
        name=reader.text("name", _NAME),
        label=reader.text("label"),
        type=FieldType(reader.text("type")),
        negative=reader.flag("negative"),
        required=reader.flag("required"),
        computed=_computed(reader.optional_inner("computed")),
    )
    reader.done()
    return column


def _open_columns(reader: _Reader | None) -> OpenColumns | None:
    if reader is None:
        return None
    if reader.text("type") != FieldType.MONEY:
        raise ValueError(f"{reader.where}: open columns hold money")
    columns = OpenColumns(reader.text("from"), reader.text("before"), reader.flag("negative"))
    reader.done()
    return columns


def _field(reader: _Reader) -> Field:
    kind = FieldType(reader.text("type"))
    common: dict[str, Any] = {
        "name": reader.text("name", _NAME),
        "label": reader.text("label"),
        "type": kind,
        "required": reader.flag("required"),
        "help": reader.optional_text("help"),
    }
    own: dict[str, Any] = {}
    match kind:
        case FieldType.LINE | FieldType.PARAGRAPHS:
            own["max"] = reader.number("max", at_least=1, default=None)
        case FieldType.LABELS:
            own["max"] = reader.number("max", at_least=1, default=None)
            own["max_count"] = reader.number("max_count", at_least=1, default=MAX_LABELS)
        case FieldType.MONEY:
            own["negative"] = reader.flag("negative")
            own["computed"] = _computed(reader.optional_inner("computed"))
            own["when_blank"] = _computed(reader.optional_inner("when_blank"))
        case FieldType.CHOICE:
            own["choices"] = tuple(_choice(inner) for inner in reader.inners("choices"))
        case FieldType.TABLE:
            own |= _table(reader)
        case FieldType.COUNT:
            raise ValueError(f"{reader.where}: a count belongs in a table")
    reader.done()
    return Field(**common, **own)


def _table(reader: _Reader) -> dict[str, Any]:
    totals = reader.take("totals", str, None)
    return {
        "columns": tuple(_column(inner) for inner in reader.inners("columns")),
        "open_columns": _open_columns(reader.optional_inner("open_columns")),
        "totals": Totals(totals) if totals else None,
        "total_columns": reader.texts("total_columns"),
        "max_rows": reader.number("max_rows", at_least=1, default=MAX_ROWS),
        "starters": reader.texts("starters"),
    }


def _check(definition: FormDefinition) -> None:
    """Names are unique, and everything named exists."""
    known = {row.code for row in retention.CLASSES}
    _need(definition.retention in known, "retention is no known class")
    acts = [step.act for step in definition.routing]
    _need(acts[:1] == [Act.DRAFT] and acts.count(Act.APPROVE) == 1, "routing is no approval line")
    decides = acts.index(Act.APPROVE)
    _need(set(acts[1:decides]) <= {Act.REVIEW}, "routing is no approval line")
    _need(set(acts[decides + 1 :]) <= SEEING, "routing is no approval line")
    _unique("fields", [field.name for field in definition.fields])
    first = definition.fields[0]
    _need((first.name, first.type) == ("title", FieldType.LINE), "the first field is the title")
    earlier: dict[str, Field] = {}
    for field in definition.fields:
        _check_field(field, earlier)
        earlier[field.name] = field
    for role, kind in ROLES.items():
        name: str | None = getattr(definition, role)
        if name is not None:
            _need(name in earlier and earlier[name].type is kind, f"{role} is no {kind} field")
    if definition.result is not None:
        values = {choice.value for choice in earlier[definition.result].choices}
        _need(CARRIED in values, "no result says that it was carried")
    _need(not definition.adjusts or bool(definition.net), "adjusts no amount")


def _check_field(field: Field, earlier: Mapping[str, Field]) -> None:
    where = f"field {field.name}"
    for computed in (field.computed, field.when_blank):
        if computed:
            _need(_can_compute(computed, earlier), f"{where}: computed from nothing known")
    if field.type is FieldType.CHOICE:
        _need(bool(field.choices), f"{where}: no choices")
        _unique(where, [choice.value for choice in field.choices])
    if field.type is FieldType.TABLE:
        _check_table(field, earlier)


def _check_table(table: Field, earlier: Mapping[str, Field]) -> None:
    where = f"table {table.name}"
    numbers = {c.name for c in table.columns if c.type in {FieldType.MONEY, FieldType.COUNT}}
    _unique(where, [column.name for column in table.columns])
    _need(bool(table.columns) and table.max_rows <= MAX_ROWS, f"{where}: its size")
    _need("open" not in {column.name for column in table.columns}, f"{where}: a reserved name")
    for column in table.columns:
        kinds = {FieldType.LINE, FieldType.MONEY, FieldType.COUNT}
        _need(column.type in kinds, f"{where}: column {column.name} has another type")
        if column.computed:
            _need(column.computed.operation is Operation.PRODUCT, f"{where}: only products")
            _need(set(column.computed.of) <= numbers - {column.name}, f"{where}: no such factor")
    _need(set(table.total_columns) <= numbers, f"{where}: totals of what is no number")
    _need(bool(table.totals) == bool(table.total_columns), f"{where}: totals need their columns")
    _need(
        not table.starters or table.columns[0].type is FieldType.LINE,
        f"{where}: starters are texts",
    )
    if columns := table.open_columns:
        source = earlier.get(columns.source)
        _need(source is not None and source.type is FieldType.LABELS, f"{where}: no labels")
        names = {column.name for column in table.columns}
        _need(columns.before in names, f"{where}: open columns stand nowhere")


def _can_compute(computed: Computed, earlier: Mapping[str, Field]) -> bool:
    match computed.operation:
        case Operation.SUM:
            table = earlier.get(computed.of[0])
            return (
                len(computed.of) == 2
                and table is not None
                and any(
                    c.name == computed.of[1] and c.type is FieldType.MONEY for c in table.columns
                )
            )
        case Operation.ADD:
            return all(_is_money(earlier, name) for name in computed.of)
        case Operation.VAT:
            return len(computed.of) == 1 and _is_money(earlier, computed.of[0])
        case Operation.PRODUCT:
            return False


def _is_money(fields: Mapping[str, Field], name: str) -> bool:
    return name in fields and fields[name].type is FieldType.MONEY


def _unique(where: str, names: Sequence[str]) -> None:
    _need(len(set(names)) == len(names), f"{where}: a name twice")


def _need(condition: bool, problem: str) -> None:
    if not condition:
        raise ValueError(problem)
