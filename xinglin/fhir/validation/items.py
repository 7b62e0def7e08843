"""The values of an element within a JSON object, each with its type and its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from xinglin.fhir.definitions import Element, choice_key, element_of, plain_type, type_table
from xinglin.fhir.narrowing import is_object

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One value: its FHIR type, its place below the object it was taken from, and the `_x` sibling of a primitive."""

    value: Any
    kind: str
    place: str
    sibling: Any = None

    @property
    def object(self) -> Object:
        """Where its own elements are: itself, or what stands beside a primitive."""
        return self.value if is_object(self.value) else self.sibling if is_object(self.sibling) else {}

    @property
    def type(self) -> str:
        """The type whose elements `object` has."""
        if not is_object(self.value):
            return "Element"
        return str(self.value.get("resourceType", "")) if self.kind == "Resource" else self.kind


def items_of(of: Object, type: str, name: str) -> list[Item]:
    """The values of an element (`identifier`, `value`) or of one JSON key of a choice (`valueQuantity`)."""
    table = type_table(type)
    element = next((e for e in table.elements if e.name == name), None) if table else None
    if element is None:
        found = element_of(type, name)
        return list(_under(of, name, found[1], _place(found[0], found[1]), found[0].many)) if found else []
    kinds = element.types or (element.content,)
    keys = [(choice_key(name, kind) if element.choice else name, kind) for kind in kinds]
    return [item for key, kind in keys for item in _under(of, key, kind, _place(element, kind), element.many)]


def _place(element: Element, kind: str) -> str:
    return f".{element.name}.ofType({plain_type(kind)})" if element.choice else f".{element.name}"


def _under(of: Object, key: str, kind: str, place: str, many: bool) -> Iterator[Item]:
    value, sibling = of.get(key), of.get(f"_{key}")
    kind = plain_type(kind)
    if value is None and sibling is None:
        return
    if not many:
        yield Item(value, kind, place, sibling)
        return
    values: list[Any] = value or []
    siblings: list[Any] = sibling or []
    for index, (one, beside) in enumerate(zip_longest(values, siblings)):
        yield Item(one, kind, f"{place}[{index}]", beside)
