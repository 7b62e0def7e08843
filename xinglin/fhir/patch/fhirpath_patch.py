"""FHIRPath Patch: a Parameters resource of add, insert, delete, replace and move. Source: https://hl7.org/fhir/R4/fhirpatch.html"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from xinglin.base.errors import Invalid, Malformed, TooLarge
from xinglin.fhir.codec import Resource
from xinglin.fhir.narrowing import is_list, is_object
from xinglin.fhir.patch.locate import Node, beside, children, locate, only, place_of_list, slots_named, type_of
from xinglin.fhir.patch.tree import DEPTH_MAX, OPERATIONS_MAX, Budget, finished
from xinglin.fhir.xml.shape import Slot


def apply_fhirpath_patch(resource: Resource, parameters: Any) -> Resource:
    """The resource with the operations done in order, or not at all.

    Raises `Malformed` (not a patch), `Invalid` (a path leads nowhere or to several elements, the id or type would change), `TooLarge`.
    """
    listed = parameters.get("parameter") if is_object(parameters) else None
    if not is_list(listed) or parameters.get("resourceType") != "Parameters":
        raise Malformed("A FHIRPath Patch is a Parameters resource of operations.")
    if len(listed) > OPERATIONS_MAX:
        raise TooLarge("A patch may have {most} operations.", most=OPERATIONS_MAX)
    budget = Budget()
    patched = budget.copy(resource)
    for place, said in enumerate(listed):
        operation = _read(said, place)
        _DEEDS[operation.text("type")](patched, operation, budget)
    return finished(patched, resource)


@dataclass(frozen=True, slots=True)
class _Operation:
    """One operation: its parts by name."""

    parts: Mapping[str, Resource]
    place: int

    def text(self, name: str) -> str:
        """A part that is a text. Raises `Malformed` when it is missing."""
        value = next((v for k, v in self._part(name).items() if k.startswith("value")), None)
        if not isinstance(value, str):
            raise Malformed("The {name} of operation {place} of the patch must be a text.", name=name, place=self.place)
        return value

    def number(self, name: str) -> int:
        """A part that is a whole number."""
        value = next((v for k, v in self._part(name).items() if k.startswith("value")), None)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise Malformed("The {name} of operation {place} of the patch must be a whole number.", name=name, place=self.place)
        return value

    def value(self) -> Resource:
        """The part that is the new value."""
        return self._part("value")

    def _part(self, name: str) -> Resource:
        if name not in self.parts:
            raise Malformed("Operation {place} of the patch needs {name}.", place=self.place, name=name)
        return self.parts[name]


def _read(said: Any, place: int) -> _Operation:
    parts = said.get("part") if is_object(said) else None
    if not is_list(parts) or said.get("name") != "operation" or not all(is_object(part) for part in parts):
        raise Malformed("Parameter {place} of the patch is not an operation with parts.", place=place)
    operation = _Operation({str(part.get("name")): part for part in parts}, place)
    if operation.text("type") not in _DEEDS:
        raise Malformed("Operation {place} of the patch has a type other than add, insert, delete, replace, move.", place=place)
    return operation


# --- the five operations: (resource, operation, budget), changing the copy in place ---


def _add(resource: Resource, operation: _Operation, budget: Budget) -> None:
    path, name = operation.text("path"), operation.text("name")
    node = only(locate(resource, path), path)
    key, slot = _key(type_of(node), name, operation.value())
    value, extra = _made(operation.value(), slot, budget)
    holder = _object(node)
    if slot.many:
        _put(holder, key, _count(holder, key), value, extra)
    elif any(True for _ in children(node, slot.name)):
        raise Invalid("{path} has {name} already; replace it.", path=path, name=slot.name)
    else:
        _set(holder, key, value, extra)


def _insert(resource: Resource, operation: _Operation, budget: Budget) -> None:
    path, index = operation.text("path"), operation.number("index")
    node, name = place_of_list(resource, path)
    key, slot = _key(type_of(node), name, operation.value())
    holder = _object(node)
    if not slot.many or index > _count(holder, key):
        raise Invalid("{path} is no list with a place {index}.", path=path, index=index)
    _put(holder, key, index, *_made(operation.value(), slot, budget))


def _delete(resource: Resource, operation: _Operation, _: Budget) -> None:
    path = operation.text("path")
    nodes = locate(resource, path)
    if nodes:
        node = only(nodes, path)
        if not node.key:
            raise Invalid("A patch cannot remove the whole resource.")
        _take(node)


def _replace(resource: Resource, operation: _Operation, budget: Budget) -> None:
    path = operation.text("path")
    node = only(locate(resource, path), path)
    if not node.key:
        raise Invalid("A patch cannot replace the whole resource.")
    name = next(slot.name for key, slot in slots_named(node.owner, node.key) if key == node.key)
    key, slot = _key(node.owner, name, operation.value())
    value, extra = _made(operation.value(), slot, budget)
    _take(node)
    if node.index is not None:
        _put(node.holder, key, node.index, value, extra)
    else:
        _set(node.holder, key, value, extra)


def _move(resource: Resource, operation: _Operation, _: Budget) -> None:
    path, source, destination = operation.text("path"), operation.number("source"), operation.number("destination")
    node, name = place_of_list(resource, path)
    found = list(children(node, name))
    if max(source, destination) >= len(found) or found[source].index is None:
        raise Invalid("{path} is no list with the places {source} and {destination}.", path=path, source=source, destination=destination)
    moved = found[source]
    value, extra = moved.value, beside(moved) if moved.primitive else None
    _take(moved)
    _put(moved.holder, moved.key, destination, value, extra)


_DEEDS: dict[str, Callable[[Resource, _Operation, Budget], None]] = {
    "add": _add,
    "insert": _insert,
    "delete": _delete,
    "replace": _replace,
    "move": _move,
}


# --- places ---


def _object(node: Node) -> Resource:
    """The object an element's own elements stand in; made for a primitive that has none beside it yet."""
    if not node.primitive:
        return node.value
    found: Resource | None = beside(node)
    if found is None:
        found = {}
        if node.index is None:
            node.holder["_" + node.key] = found
        else:
            extras = node.holder.setdefault("_" + node.key, [])
            extras.extend([None] * (node.index + 1 - len(extras)))
            extras[node.index] = found
    return found


def _count(holder: Resource, key: str) -> int:
    return max(len(holder.get(key) or ()), len(holder.get("_" + key) or ()))


def _set(holder: Resource, key: str, value: Any, extra: Any) -> None:
    holder.update({name: said for name, said in ((key, value), ("_" + key, extra)) if said is not None})


def _put(holder: Resource, key: str, index: int, value: Any, extra: Any) -> None:
    """Into a list at an index; the list beside it (`_key`), if there is or must be one, moves along."""
    count = _count(holder, key)
    for name, said in ((key, value), ("_" + key, extra)):
        if said is not None or holder.get(name):
            kept = holder.setdefault(name, [])
            kept.extend([None] * (count - len(kept)))
            kept.insert(index, said)


def _take(node: Node) -> None:
    names = (node.key, "_" + node.key) if node.primitive else (node.key,)
    for name in names:
        if node.index is None:
            node.holder.pop(name, None)
        elif len(kept := node.holder.get(name) or []) > node.index:
            kept.pop(node.index)
            if all(one is None for one in kept):
                node.holder.pop(name)


# --- values ---


def _key(type: str, name: str, given: Resource) -> tuple[str, Slot]:
    """The JSON key for an element name and a value: of a choice that of the value's type. Raises `Invalid` when there is none."""
    options = slots_named(type, name)
    kind = next((key.removeprefix("_").removeprefix("value") for key in given if key.removeprefix("_").startswith("value")), "")
    for key, slot in options:
        if key == name or key == name + kind:
            return key, slot
    raise Invalid("{type} has no element {name} for such a value.", type=type, name=name)


def _made(given: Resource, slot: Slot, budget: Budget, deep: int = 0) -> tuple[Any, Any]:
    """(value, what stands beside it) of a parameter: value[x], a resource, or parts that make an element of its own."""
    if deep > DEPTH_MAX:
        raise TooLarge("The value of a patch is nested too deep.")
    if "resource" in given:
        return budget.copy(given["resource"]), None
    if "part" in given:
        return _from_parts(given["part"], slot, budget, deep), None
    value = next((v for k, v in given.items() if k.startswith("value")), None)
    extra = next((v for k, v in given.items() if k.startswith("_value")), None)
    if value is None and extra is None:
        raise Malformed("The value of an operation of the patch is missing.")
    if is_object(value) != (slot.form in ("complex", "resource")) and value is not None:
        raise Invalid("{name} must be {type}.", name=slot.name, type=slot.type)
    return budget.copy(value), budget.copy(extra)


def _from_parts(parts: Any, slot: Slot, budget: Budget, deep: int) -> Resource:
    made: Resource = {}
    for part in parts if is_list(parts) else [None]:
        if not is_object(part) or not isinstance(part.get("name"), str):
            raise Malformed("A part of the value of the patch has no name.")
        key, inner = _key(slot.type, part["name"], part)
        value, extra = _made(part, inner, budget, deep + 1)
        if inner.many:
            _put(made, key, _count(made, key), value, extra)
        else:
            _set(made, key, value, extra)
    return made
