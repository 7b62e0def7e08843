"""What FHIRPath must know of FHIR's types: a type's children by name, its ancestors, and the system type of its values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from xinglin.fhir.definitions import Element, choice_key, is_a, type_table
from xinglin.fhir.fhirpath.quantity import of_element
from xinglin.fhir.fhirpath.temporal import read_moment, read_time

SYSTEM_TYPES = frozenset({"Boolean", "String", "Integer", "Long", "Decimal", "Date", "DateTime", "Time", "Quantity", "Any"})
_WIDE_CHOICE = 8
"""From here on, a choice is found by looking at the keys present rather than for every key possible."""


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A child element. `key`, `under` (the `_key` of a primitive, else None) and `type` (None: whatever resource stands there).

    For a choice: `options`, one Field for each type; `by_key` when there are many.
    """

    name: str
    key: str
    under: str | None
    type: Type | None
    options: tuple[Field, ...] = ()
    by_key: dict[str, Field] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Type:
    """A FHIR type; `fields` by element name. `convert`: from JSON to the system value (None: as it is); `ancestors` include itself."""

    name: str
    base: str
    primitive: bool
    ancestors: frozenset[str]
    convert: Callable[[Any], Any] | None
    system: str | None
    fields: dict[str, Field] = field(default_factory=dict[str, Field])
    keys: dict[str, Field] = field(default_factory=dict[str, Field])
    """By JSON key (`valueQuantity`, `_birthDate`); a choice's options are there one by one."""


def _number(value: Any) -> Any:
    return Decimal(str(value)) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _date(value: Any) -> Any:
    return (read_moment(value, "Date") or value) if isinstance(value, str) else value


def _date_time(value: Any) -> Any:
    return (read_moment(value, "DateTime") or value) if isinstance(value, str) else value


def _time(value: Any) -> Any:
    return (read_time(value) or value) if isinstance(value, str) else value


def _quantity(value: Any) -> Any:
    return of_element(value) if isinstance(value, dict) else value  # pyright: ignore[reportUnknownArgumentType]


_SYSTEM: dict[str, tuple[str, Callable[[Any], Any] | None]] = {
    "boolean": ("Boolean", None),
    "integer": ("Integer", None),
    "decimal": ("Decimal", _number),
    "date": ("Date", _date),
    "dateTime": ("DateTime", _date_time),
    "instant": ("DateTime", _date_time),
    "time": ("Time", _time),
    "Quantity": ("Quantity", _quantity),
}
_KNOWN: dict[str, Type] = {}


def fhir_type(name: str) -> Type | None:
    """The type of this name, or the backbone at this path; None when R4 has none."""
    known = _KNOWN.get(name)
    if known is not None:
        return known
    table = type_table(name)
    if table is None:
        return None
    ancestors = _ancestors(name)
    text = "String" if table.kind == "primitive" else None
    system, convert = next((row for ancestor, row in _SYSTEM.items() if ancestor in ancestors), (text, None))
    made = Type(name, table.base, table.kind == "primitive", ancestors, convert, system)
    _KNOWN[name] = made
    for element in table.elements:
        if not (made.primitive and element.name == "value"):
            made.fields[element.name] = child = _field(element)
            for option in child.options or (child,):
                made.keys[option.key] = option
                if option.under:
                    made.keys[option.under] = option
    return made


def _ancestors(name: str) -> frozenset[str]:
    found: set[str] = set()
    while name:
        found.add(name)
        table = type_table(name)
        name = table.base if table else ""
    return frozenset(found)


def _field(element: Element) -> Field:
    types = element.types or (element.content,)
    if not element.choice:
        return _plain(element.name, element.name, types[0])
    options = tuple(_plain(element.name, choice_key(element.name, name), name) for name in types)
    by_key = {option.key: option for option in options} if len(options) >= _WIDE_CHOICE else None
    return Field(element.name, element.name, None, None, options, by_key)


def _plain(name: str, key: str, type_name: str) -> Field:
    if type_name in ("Resource", "DomainResource"):
        return Field(name, key, None, None)
    kind = fhir_type({"SimpleQuantity": "Quantity", "MoneyQuantity": "Quantity"}.get(type_name, type_name))
    assert kind is not None, f"the definitions name a type they do not have: {type_name}"
    return Field(name, key, "_" + key if kind.primitive else None, kind)


@cache
def is_fhir(name: str) -> bool:
    """Whether R4 has a type of this name."""
    return type_table(name) is not None


@cache
def descends(name: str, ancestor: str) -> bool:
    """Whether a FHIR type is the other or derives from it."""
    return is_a(name, ancestor)
