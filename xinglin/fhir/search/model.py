"""A search as data: what a query string means once it has been read. `grammar` makes it, `store` and `match` carry it out.

Source: FHIR R4, Search (https://hl7.org/fhir/R4/search.html).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

Kind = Literal["token", "string", "reference", "date", "number", "quantity", "uri", "composite", "special"]
Prefix = Literal["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]


@dataclass(frozen=True, slots=True)
class SearchParam:
    """A search parameter of one type. `components`: for composites, (parameter, FHIRPath relative to the composite's own expression)."""

    type: str
    name: str
    kind: Kind
    expression: str
    targets: tuple[str, ...] = ()
    components: tuple[tuple[SearchParam, str], ...] = ()
    url: str = ""


# --- what a resource holds: the values a parameter's expression yields (made by `extract`) ---


@dataclass(frozen=True, slots=True)
class Token:
    """A Coding, Identifier, ContactPoint, code, boolean or id. `system` None: none given. `text`: display or text, for `:text`.

    `bare` is True for code, boolean, id and string elements, which have no system of their own.
    `type_system` and `type_code`: the Identifier's type coding, for `:of-type`.
    """

    system: str | None
    code: str | None
    text: str | None = None
    bare: bool = False
    type_system: str | None = None
    type_code: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """One string to search: each part of a HumanName or Address is one, and so is their `text`."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A reference. Relative: `type` and `id`. Absolute, canonical or urn: `url` (version cut off). Logical: `identifier`."""

    type: str | None
    id: str | None
    url: str | None = None
    identifier: tuple[str | None, str | None] | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, microseconds since 1970 UTC, [lo, hi); an open end is `TIME_MIN` or `TIME_MAX`."""

    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class Amount:
    """A Quantity or Money: `lo`/`hi` differ from each other only for Range and for comparators; None = unbounded."""

    lo: Decimal | None
    hi: Decimal | None
    system: str | None = None
    code: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Uri:
    """A uri, url, canonical (version cut off) or oid."""

    uri: str


@dataclass(frozen=True, slots=True)
class Tuple:
    """One element's values for each component of a composite."""

    parts: tuple[tuple[Value, ...], ...]


Value = Token | Text | Link | Span | Number | Amount | Uri | Tuple

TIME_MIN = -(2**62)
TIME_MAX = 2**62


# --- what a query asks ---


@dataclass(frozen=True, slots=True)
class TokenAsked:
    """`code`, `system|code`, `|code` (system ""), `system|` (code None). `text` is the raw operand, for :text, :in, :above …"""

    system: str | None
    code: str | None
    text: str = ""
    of_type: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class TextAsked:
    """The raw text of a string or uri operand."""

    text: str


@dataclass(frozen=True, slots=True)
class LinkAsked:
    """`Type/id`, `id` (type None), or a url. With `:identifier`, a TokenAsked is used instead."""

    type: str | None
    id: str | None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class SpanAsked:
    """A prefixed date: the span its precision covers, [lo, hi) in microseconds."""

    prefix: Prefix
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class AmountAsked:
    """A prefixed number or quantity; `lo`/`hi` is the range its written precision covers (5.4 -> 5.35, 5.45)."""

    prefix: Prefix
    value: Decimal
    lo: Decimal
    hi: Decimal
    system: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class TupleAsked:
    """One operand for each component of a composite."""

    parts: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class PresenceAsked:
    """`:missing=true|false`."""

    missing: bool


Asked = TokenAsked | TextAsked | LinkAsked | SpanAsked | AmountAsked | TupleAsked | PresenceAsked


@dataclass(frozen=True, slots=True)
class Clause:
    """One parameter, any of its operands. Negating modifiers (`not`, `not-in`) hold when no value matches."""

    param: SearchParam
    modifier: str | None
    asked: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """`param:Type.rest`: the reference leads to a resource of one of `targets` for which that type's term holds."""

    param: SearchParam
    targets: tuple[tuple[str, Term], ...]


@dataclass(frozen=True, slots=True)
class Has:
    """`_has:Type:param:rest`: some `source` resource refers here through `param` and its term holds."""

    type: str
    source: str
    param: SearchParam
    term: Term


@dataclass(frozen=True, slots=True)
class All:
    """Every term holds; empty = true."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one term holds."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The term does not hold."""

    term: Term


Term = Clause | Chain | Has | All | Some | Not


@dataclass(frozen=True, slots=True)
class Order:
    """One key of `_sort`."""

    param: SearchParam
    descending: bool


@dataclass(frozen=True, slots=True)
class Include:
    """`_include`/`_revinclude`: `source` type ("*" with `_revinclude=*`), reference parameter (None = `*`), target type or None."""

    source: str
    param: SearchParam | None
    target: str | None
    reverse: bool
    iterate: bool


@dataclass(frozen=True, slots=True)
class Search:
    """A whole search over one type. `cursor` is the store's opaque page mark. `ignored`: parameters not understood (lenient).

    `through`: whether what an include brings in (as the store has it) may be shown and gone on from; None: whatever it is.
    """

    type: str
    where: All = All(())
    order: tuple[Order, ...] = ()
    count: int | None = None
    cursor: str | None = None
    total: Literal["none", "estimate", "accurate"] | None = None
    summary: Literal["true", "text", "data", "count", "false"] | None = None
    elements: tuple[str, ...] = ()
    includes: tuple[Include, ...] = ()
    ignored: tuple[str, ...] = ()
    asked: tuple[tuple[str, str], ...] = ()
    through: Callable[[Any], bool] | None = field(default=None, compare=False)
