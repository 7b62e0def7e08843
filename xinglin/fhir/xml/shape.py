"""How each key of a type looks in XML: its place, its kind, whether it repeats, whether it is an attribute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from xinglin.fhir.definitions import choice_key, type_table

FHIR = "http://hl7.org/fhir"
XHTML = "http://www.w3.org/1999/xhtml"
DEPTH_MAX = 200
"""Elements within elements; the deepest official example has 25."""

_PROFILED = {"SimpleQuantity": "Quantity", "MoneyQuantity": "Quantity"}
WHOLE = frozenset(("integer", "positiveInt", "unsignedInt"))


@dataclass(frozen=True, slots=True)
class Slot:
    """One JSON key of a type. `name`: of the element, without its choice; `type`: FHIR type of the values; `order`: place in the type."""

    order: int
    name: str
    type: str
    form: Literal["primitive", "complex", "resource", "xhtml", "attribute"]
    many: bool


@cache
def slots(type: str) -> Mapping[str, Slot] | None:
    """JSON key -> slot, for a resource, data type or backbone; None when R4 has no such type."""
    table = type_table(type)
    if table is None or table.kind == "primitive":
        return None
    found: dict[str, Slot] = {}
    for element in table.elements:
        for kind in element.types or (element.content,):
            key = choice_key(element.name, _PROFILED.get(kind, kind)) if element.choice else element.name
            attribute = table.kind != "resource" and (key == "id" or (type == "Extension" and key == "url"))
            found[key] = Slot(len(found), element.name, kind, "attribute" if attribute else _form(kind), element.many)
    return found


def _form(kind: str) -> Literal["primitive", "complex", "resource", "xhtml"]:
    if kind == "xhtml":
        return "xhtml"
    if kind == "Resource":
        return "resource"
    table = type_table(kind)
    return "primitive" if table is None or table.kind == "primitive" else "complex"


@cache
def is_resource(type: str) -> bool:
    """Whether a name is that of a concrete resource type."""
    table = type_table(type)
    return table is not None and table.kind == "resource" and type not in ("Resource", "DomainResource")
