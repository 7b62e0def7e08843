"""The R4 4.0.1 definitions: types and their elements, search parameters, compartments, code systems and value sets.

Read on first use from the tables in `r4/` (made by `r4/generate.py`); each type is decoded only when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

import msgspec

from xinglin.fhir.search.model import Kind, SearchParam
from xinglin.fhir.search.own import own_params


class Invariant(msgspec.Struct, frozen=True, array_like=True):
    """A rule on an element. `severity`: "error" or "warning". `expression`: FHIRPath, true where the rule holds."""

    key: str
    severity: str
    expression: str
    human: str


class Element(msgspec.Struct, frozen=True, array_like=True):
    """One element of a type, in the order of XML.

    `name` is without `[x]`; `choice` tells. `types`: FHIR types ("Quantity", "code", "xhtml"; "Resource" for any resource;
    "SimpleQuantity" and "MoneyQuantity" are Quantity with a rule); a backbone's type is its path ("Observation.component"), and
    so is `content`, the backbone an element without types borrows. `targets`: what a Reference or canonical may lead to, () = anything.
    `strength` and `value_set` (url without version): the binding, "" when there is none. `rules`: places in `invariants()`, see there.
    """

    name: str
    types: tuple[str, ...]
    min: int = 0
    many: bool = False
    choice: bool = False
    summary: bool = False
    modifier: bool = False
    content: str = ""
    strength: str = ""
    value_set: str = ""
    targets: tuple[str, ...] = ()
    rules: tuple[int, ...] = ()

    @property
    def invariants(self) -> tuple[Invariant, ...]:
        """The rules on this element, beyond those of its type."""
        return tuple(_invariants()[place] for place in self.rules)


class _Row(msgspec.Struct, frozen=True, array_like=True):
    kind: Literal["resource", "complex", "primitive", "backbone"]
    base: str
    rules: tuple[int, ...]
    elements: tuple[Element, ...]


class TypeTable(msgspec.Struct, frozen=True):
    """A resource, data type, primitive or backbone with its own and inherited elements and invariants, bases' first."""

    name: str
    kind: Literal["resource", "complex", "primitive", "backbone"]
    base: str
    elements: tuple[Element, ...]
    rules: tuple[int, ...]

    @property
    def invariants(self) -> tuple[Invariant, ...]:
        """The type's own and inherited invariants (those of every element, ele-1 and ext-1, are not listed)."""
        return tuple(_invariants()[place] for place in self.rules)


class Concept(msgspec.Struct, frozen=True):
    """A code of a code system; `parent`: the code above it, "" at the top."""

    code: str
    display: str
    parent: str = ""


ABSTRACT_TYPES = ("DomainResource", "Resource")


# --- types ---


def type_table(name: str) -> TypeTable | None:
    """The table of a resource type, data type, primitive or backbone path; None when R4 has no such type."""
    return _type_table(name) if name in _rows() else None


def type_tables() -> Mapping[str, TypeTable]:
    """Every table, abstract types and backbones included, by name."""
    return MappingProxyType({name: _type_table(name) for name in _rows()})


def element_of(type: str, key: str) -> tuple[Element, str] | None:
    """The element a JSON key (`valueQuantity`, `status`) stands for in a type or backbone, and its type there; None when there is none."""
    return _keys(type).get(key) if type in _rows() else None


def invariants() -> tuple[Invariant, ...]:
    """Every invariant of R4."""
    return _invariants()


def is_a(type: str, ancestor: str) -> bool:
    """Whether a type is the other or specialises it ("Age" is a "Quantity", "Patient" a "DomainResource")."""
    rows = _rows()
    while type and type != ancestor:
        type = _row(type).base if type in rows else ""
    return type == ancestor


def choice_key(name: str, type: str) -> str:
    """The JSON key of a choice element for one type: ("value", "dateTime") -> "valueDateTime"."""
    plain = plain_type(type)
    return name + plain[0].upper() + plain[1:]


def plain_type(type: str) -> str:
    """A type as JSON and FHIRPath name it: Quantity for its profiles SimpleQuantity and MoneyQuantity."""
    return "Quantity" if type in ("SimpleQuantity", "MoneyQuantity") else type


@cache
def _rows() -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(_read("types"), type=dict[str, msgspec.Raw])


_ROW = msgspec.json.Decoder(_Row)


@cache
def _row(name: str) -> _Row:
    return _ROW.decode(_rows()[name])


@cache
def _type_table(name: str) -> TypeTable:
    row = _row(name)
    above = _type_table(row.base) if row.base else None
    elements = (*(above.elements if above else ()), *row.elements)
    return TypeTable(name, row.kind, row.base, elements, (*(above.rules if above else ()), *row.rules))


@cache
def _keys(type: str) -> dict[str, tuple[Element, str]]:
    keys: dict[str, tuple[Element, str]] = {}
    for element in _type_table(type).elements:
        for kind in element.types or (element.content,):
            keys[choice_key(element.name, kind) if element.choice else element.name] = (element, kind)
    return keys


@cache
def _invariants() -> tuple[Invariant, ...]:
    return msgspec.json.decode(_read("invariants"), type=tuple[Invariant, ...])


# --- search parameters and compartments ---


class _SearchRow(msgspec.Struct, frozen=True, array_like=True):
    name: str
    kind: Kind
    expression: str
    targets: tuple[str, ...]
    id: str
    components: tuple[tuple[str, str], ...] = ()


def search_params(type: str) -> Mapping[str, SearchParam]:
    """The search parameters of a resource type by name, those of every type and our own included; empty when R4 has no such type.

    Not included: `_list`, `_has`, `_filter`, `_query`, which are not values of the resource. `_text` and `_content` have no expression.
    """
    return _search_params(type) if type in _KNOWN else MappingProxyType({})


@cache
def _search_params(type: str) -> Mapping[str, SearchParam]:
    bases = ["Resource", "DomainResource"] if is_a(type, "DomainResource") else ["Resource"]
    rows = [row for base in [*bases, type] for row in _search_rows(base)]
    plain = {row.name: _param(type, row, ()) for row in rows if not row.components}
    composite = {row.name: _param(type, row, tuple((plain[name], at) for name, at in row.components)) for row in rows if row.components}
    return MappingProxyType(dict(sorted({**plain, **composite, **own_params(type)}.items())))


def _param(type: str, row: _SearchRow, components: tuple[tuple[SearchParam, str], ...]) -> SearchParam:
    expression = type + row.expression.removeprefix("Resource") if row.expression.startswith("Resource.") else row.expression
    targets = RESOURCE_TYPES if row.targets == ("*",) else row.targets
    return SearchParam(type, row.name, row.kind, expression, targets, components, "http://hl7.org/fhir/SearchParameter/" + row.id)


@cache
def _search_table() -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(_read("search"), type=dict[str, msgspec.Raw])


def _search_rows(base: str) -> tuple[_SearchRow, ...]:
    raw = _search_table().get(base)
    return msgspec.json.decode(raw, type=tuple[_SearchRow, ...]) if raw else ()


def compartment(name: str) -> Mapping[str, tuple[str, ...]]:
    """The members of the compartment of a resource type ("Patient"): type -> reference parameters that place a resource in it.

    The focal resource itself is always in its compartment: where R4 names it by `{def}`, its type has (). Empty for other types.
    """
    return MappingProxyType(_compartments().get(name, {}))


def compartment_names() -> tuple[str, ...]:
    """The resource types that have a compartment."""
    return tuple(_compartments())


@cache
def _compartments() -> dict[str, dict[str, tuple[str, ...]]]:
    return msgspec.json.decode(_read("compartments"), type=dict[str, dict[str, tuple[str, ...]]])


# --- codes ---


def code_system_urls() -> tuple[str, ...]:
    """The code systems whose whole content is at hand."""
    return tuple(_systems())


def code_system(url: str) -> tuple[str, Mapping[str, Concept]] | None:
    """Title and concepts by code, parents first; None when the system is not at hand."""
    return _code_system(url) if url in _systems() else None


@cache
def _code_system(url: str) -> tuple[str, Mapping[str, Concept]]:
    title, rows = msgspec.json.decode(_systems()[url], type=tuple[str, list[list[str]]])
    concepts = (Concept(row[0], (row[1:2] or [""])[0] or row[0], (row[2:] or [""])[0]) for row in rows)
    return title, MappingProxyType({concept.code: concept for concept in concepts})


def value_set_urls() -> tuple[str, ...]:
    """The value sets of R4 that can be enumerated from the code systems at hand."""
    return tuple(_sets())


def value_set(url: str) -> tuple[tuple[str, frozenset[str]], ...] | None:
    """(system, codes) for each part of a value set (url without version); None when it cannot be enumerated."""
    return _value_set(url) if url in _sets() else None


@cache
def _value_set(url: str) -> tuple[tuple[str, frozenset[str]], ...]:
    rows = msgspec.json.decode(_sets()[url], type=list[tuple[str, list[str]]])
    return tuple((system, frozenset(codes or _codes(system))) for system, codes in rows)


def _codes(system: str) -> tuple[str, ...]:
    found = code_system(system)
    return tuple(found[1]) if found else ()


@cache
def _systems() -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(_read("systems"), type=dict[str, msgspec.Raw])


@cache
def _sets() -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(_read("valuesets"), type=dict[str, msgspec.Raw])


def _read(table: str) -> bytes:
    return files("xinglin.fhir.r4").joinpath(f"{table}.json").read_bytes()


RESOURCE_TYPES: tuple[str, ...] = tuple(
    sorted(name for name, raw in _rows().items() if bytes(raw).startswith(b'["resource"') and name not in ABSTRACT_TYPES)
)
"""The 146 concrete resource types of R4, sorted."""

_KNOWN = frozenset(RESOURCE_TYPES)
