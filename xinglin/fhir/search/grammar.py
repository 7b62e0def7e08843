"""Reads a query string into a `Search`, and writes it again for links.

Source: FHIR R4 search. Raises only errors of the house: `Unknown` for what the server does not have (when strict; else it is
collected in `Search.ignored`), `Malformed` for a value of the wrong form, `TooLarge` at a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Any
from urllib.parse import urlencode

from xinglin.base.errors import Malformed, TooLarge, Unknown
from xinglin.fhir.definitions import compartment, search_params
from xinglin.fhir.search.filter import read_filter
from xinglin.fhir.search.measures import CHINA
from xinglin.fhir.search.model import All, Clause, Include, LinkAsked, Order, Search, SearchParam, Some, SpanAsked, Term, TokenAsked
from xinglin.fhir.search.operands import Budget, Limits, Reading, known_type, operand
from xinglin.fhir.search.terms import param_of, term

Pairs = Iterable[tuple[str, str]]
LIMITS = Limits()
INCLUDES_MAX = 50


def read_search(
    type: str,
    pairs: Pairs,
    *,
    strict: bool = False,
    zone: tzinfo = CHINA,
    now_us: int | None = None,
    base: str = "",
    limits: Limits = LIMITS,
    params_of: Callable[[str], Mapping[str, SearchParam]] = search_params,
) -> Search:
    """The search that unescaped `name=value` pairs ask for on one type. See the module for errors and `Reading` for the rest."""
    if not known_type(type):
        raise Unknown("There is no resource type {type}.", type=type[:80])
    asked = list(pairs)
    if len(asked) > limits.parameters:
        raise TooLarge("A search may have {limit} parameters at most.", limit=limits.parameters)
    if sum(len(name) + len(value) for name, value in asked) > limits.characters:
        raise TooLarge("A search may be {limit} characters long at most.", limit=limits.characters)
    draft = _Draft(type, Reading(zone, now_us, base.rstrip("/"), limits, params_of, Budget(limits.terms)))
    for name, value in asked:
        try:
            draft.take(name, value)
        except Unknown:
            if strict:
                raise
            draft.ignored.append(name)
    return draft.search()


def in_compartment(search: Search, name: str, id: str, params_of: Callable[[str], Mapping[str, SearchParam]] = search_params) -> Search:
    """The same search within a compartment (`Patient`, its id). Raises `Unknown` when the type cannot be in it."""
    members = compartment(name).get(search.type)
    if members is None and search.type != name:
        raise Unknown("{type} is not in the compartment of {name}.", type=search.type, name=name[:80])
    params = params_of(search.type)
    found: list[Term] = [Clause(params[member], None, (LinkAsked(name, id),)) for member in members or () if member in params]
    if search.type == name:
        found.append(Clause(params["_id"], None, (TokenAsked(None, id, id),)))
    return replace(search, where=All((*search.where.terms, Some(tuple(found)))))


def write_search(search: Search, **instead: str) -> str:
    """The query string of what was understood, for links; `instead` replaces parameters (`_cursor="…"`)."""
    kept = [(name, value) for name, value in search.asked if name not in instead]
    return urlencode([*kept, *instead.items()], errors="replace")


# --- the parameters one by one ---


@dataclass(slots=True)
class _Draft:
    """A search while it is being read."""

    type: str
    reading: Reading
    where: list[Term] = field(default_factory=list[Term])
    order: list[Order] = field(default_factory=list[Order])
    includes: list[Include] = field(default_factory=list[Include])
    ignored: list[str] = field(default_factory=list[str])
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    single: dict[str, Any] = field(default_factory=dict[str, Any])

    def take(self, name: str, value: str) -> None:
        """One pair; raises `Unknown` before anything is changed."""
        take = _TAKERS.get(name.partition(":")[0])
        if take:
            take(self, name, value)
        elif not value.strip():
            raise Unknown("The parameter {name} has no value.", name=name[:80])
        else:
            self.where.append(term(self.reading, self.type, name, value))
        if name != "_cursor":
            self.asked.append((name, value))

    def once(self, name: str, key: str, value: object) -> None:
        """A parameter that has one value. Raises `Malformed` when it is given twice with different values."""
        if self.single.setdefault(key, value) != value:
            raise Malformed("The parameter {name} is given twice.", name=name)

    def search(self) -> Search:
        """The search read so far."""
        made = Search(self.type, All(tuple(self.where)), tuple(self.order), includes=tuple(dict.fromkeys(self.includes)))
        return replace(made, ignored=tuple(dict.fromkeys(self.ignored)), asked=tuple(self.asked), **self.single)


def _count(draft: _Draft, name: str, value: str) -> None:
    if not (value.isascii() and value.isdecimal() and len(value) < 10):
        raise Malformed("The parameter {name} wants a number of rows, not {value}.", name=name, value=value[:60])
    draft.once(name, "count", min(int(value), draft.reading.limits.count))


def _one_of(key: str, *known: str) -> Callable[[_Draft, str, str], None]:
    def take(draft: _Draft, name: str, value: str) -> None:
        if value not in known:
            raise Malformed("The parameter {name} wants one of {known}, not {value}.", name=name, known=", ".join(known), value=value[:60])
        draft.once(name, key, value)

    return take


def _cursor(draft: _Draft, name: str, value: str) -> None:
    draft.once(name, "cursor", value)


def _elements(draft: _Draft, name: str, value: str) -> None:
    names = [part.strip() for part in value.split(",")]
    if not all(part.replace("_", "").replace(".", "").isalnum() for part in names):
        raise Malformed("The parameter {name} wants names of elements, not {value}.", name=name, value=value[:60])
    wanted: tuple[str, ...] = draft.single.get("elements", ())
    draft.single["elements"] = tuple(dict.fromkeys((*wanted, *(part.removeprefix(draft.type + ".") for part in names))))


def _sort(draft: _Draft, _name: str, value: str) -> None:
    keys: list[Order] = []
    for part in value.split(","):
        key = part.strip()
        param = param_of(draft.reading, draft.type, key.removeprefix("-"))
        if param.kind in ("composite", "special") or not param.expression:
            raise Unknown("{type} cannot be sorted by {name}.", type=draft.type, name=param.name)
        keys.append(Order(param, key.startswith("-")))
    draft.order += [key for key in keys if key.param not in [known.param for known in draft.order]]


def _include(draft: _Draft, name: str, value: str) -> None:
    head, _, modifier = name.partition(":")
    if modifier not in ("", "iterate", "recurse"):
        raise Unknown("The parameter {name} has no modifier {modifier}.", name=head, modifier=modifier[:80])
    if len(draft.includes) >= INCLUDES_MAX:
        raise TooLarge("A search may have {limit} includes at most.", limit=INCLUDES_MAX)
    reverse, iterate = head == "_revinclude", bool(modifier)
    if value == "*":
        draft.includes.append(Include("*" if reverse or iterate else draft.type, None, None, reverse, iterate))
        return
    source, *rest = value.split(":")
    if len(rest) not in (1, 2) or not all(rest):
        raise Malformed("The parameter {name} wants Type:parameter or Type:parameter:Target, not {value}.", name=name, value=value[:80])
    for kind in (source, *rest[1:]):
        if not known_type(kind):
            raise Unknown("There is no resource type {type}.", type=kind[:80])
    target = rest[1] if len(rest) == 2 else None
    draft.includes.append(Include(source, _included(draft.reading, source, rest[0]), target, reverse, iterate))


def _included(reading: Reading, source: str, name: str) -> SearchParam | None:
    if name == "*":
        return None
    param = param_of(reading, source, name)
    if param.kind != "reference":
        raise Unknown("The search parameter {name} of {type} is no reference: it cannot be included.", name=name, type=source)
    return param


def _filter(draft: _Draft, _name: str, value: str) -> None:
    draft.where.append(read_filter(draft.reading, draft.type, value))


def _since(draft: _Draft, name: str, value: str) -> None:
    param = param_of(draft.reading, draft.type, "_lastUpdated")
    span = operand(draft.reading, param, None, value)
    if not isinstance(span, SpanAsked) or span.prefix != "eq":
        raise Malformed("The parameter {name} wants a date without prefix, not {value}.", name=name, value=value[:60])
    draft.where.append(Clause(param, None, (SpanAsked("ge", span.lo, span.hi),)))


def _type(draft: _Draft, _name: str, value: str) -> None:
    """A search over one type: it stays as it is when that type is among those named, else nothing is found."""
    types = [part.strip() for part in value.split(",")]
    for kind in types:
        if not known_type(kind):
            raise Unknown("There is no resource type {type}.", type=kind[:80])
    if draft.type not in types:
        draft.where.append(Some(()))


def _contained(_draft: _Draft, _name: str, value: str) -> None:
    if value != "false":
        raise Unknown("Contained resources cannot be searched for.")


def _nothing(draft: _Draft, name: str, value: str) -> None:
    """For the door, not for the search."""


_TAKERS: dict[str, Callable[[_Draft, str, str], None]] = {
    "_count": _count,
    "_cursor": _cursor,
    "_total": _one_of("total", "none", "estimate", "accurate"),
    "_summary": _one_of("summary", "true", "text", "data", "count", "false"),
    "_elements": _elements,
    "_sort": _sort,
    "_include": _include,
    "_revinclude": _include,
    "_filter": _filter,
    "_since": _since,
    "_type": _type,
    "_contained": _contained,
    "_format": _nothing,
    "_pretty": _nothing,
}
