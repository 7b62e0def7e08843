"""Where in a resource a FHIRPath leads to: the object that holds the element, the key, and the place in the list.

Names and indexes are followed here; what comes before them with functions in it (`name.where(use = 'official')`) is left to the FHIRPath
engine, whose elements are then found again by identity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xinglin.base.errors import Invalid, Malformed
from xinglin.fhir.codec import Resource
from xinglin.fhir.fhirpath import evaluate
from xinglin.fhir.narrowing import is_list, is_object
from xinglin.fhir.xml.shape import Slot, slots

PATH_LENGTH_MAX = 2000
_STEP = re.compile(r"`?([A-Za-z_][A-Za-z0-9_]*)`?\Z")
_INDEX = re.compile(r"\s*(\d{1,9})\s*\Z")


@dataclass(frozen=True, slots=True)
class Node:
    """One element. `holder[key]` is it, or the list that has it at `index`. `type`: its own; `owner`: the type it is an element of."""

    holder: Resource
    key: str
    index: int | None
    type: str
    owner: str = ""
    primitive: bool = False

    @property
    def value(self) -> Any:
        """The element as it is in JSON; None for a primitive that has extensions only."""
        value = self.holder.get(self.key)
        return value if self.index is None or value is None else value[self.index]


def locate(resource: Resource, path: str) -> list[Node]:
    """The elements a path leads to, in order. Raises `Malformed` for what is no path, `Invalid` for what cannot be located."""
    steps = split_path(path)
    last_call = max((place for place, step in enumerate(steps) if "(" in step), default=-1)
    nodes, rest = _root(resource), steps[last_call + 1 :]
    if last_call >= 0:
        nodes = _evaluated(resource, steps[: last_call + 1])
    elif rest and rest[0] == resource.get("resourceType"):
        rest = rest[1:]
    for step in rest:
        nodes = nodes[int(step) : int(step) + 1] if step.isdigit() else [inner for node in nodes for inner in children(node, step)]
    return nodes


def place_of_list(resource: Resource, path: str) -> tuple[Node, str]:
    """The one element that holds the list a path names, and the list's name. Raises `Invalid` when it is not just one."""
    steps = split_path(path)
    if len(steps) < 2 and steps == [resource.get("resourceType")]:
        raise Invalid("{path} is the resource, not a list.", path=path)
    if not _STEP.match(steps[-1]):
        raise Malformed("{path} must end in the name of a list.", path=path)
    return only(locate(resource, _joined(steps[:-1]) or str(resource.get("resourceType"))), path), steps[-1]


def only(nodes: list[Node], path: str) -> Node:
    """The one element found. Raises `Invalid` otherwise."""
    if len(nodes) != 1:
        raise Invalid("{path} leads to {count} elements; a patch needs just one.", path=path, count=len(nodes))
    return nodes[0]


def children(node: Node, name: str) -> Iterator[Node]:
    """The elements of that name within an element; of a choice whichever is there; of a primitive its id and extensions."""
    value = beside(node) if node.primitive else node.value
    if not is_object(value):
        return
    owner = type_of(node)
    for key, slot in slots_named(owner, name):
        found, extra = value.get(key), value.get("_" + key)
        primitive = slot.form in ("primitive", "attribute", "xhtml")
        if slot.many:
            count = max(len(found or ()), len(extra or ()) if primitive else 0)
            yield from (Node(value, key, index, slot.type, owner, primitive) for index in range(count))
        elif found is not None or (primitive and extra is not None):
            yield Node(value, key, None, slot.type, owner, primitive)


def type_of(node: Node) -> str:
    """The type whose elements an element has: of a resource within a resource its own type, of a primitive `Element`."""
    if node.primitive:
        return "Element"
    value = node.value
    return str(value.get("resourceType")) if node.type == "Resource" and is_object(value) else node.type


def slots_named(type: str, name: str) -> list[tuple[str, Slot]]:
    """The JSON keys an element name may have in a type: one, or one for each choice."""
    known = slots(type) or {}
    return [(key, slot) for key, slot in known.items() if name in (slot.name, key)]


def beside(node: Node) -> Any:
    """What stands beside a primitive: the object under `_key` with its id and extensions, or None."""
    value = node.holder.get("_" + node.key)
    if node.index is None or value is None:
        return value
    return value[node.index] if node.index < len(value) else None


def _root(resource: Resource) -> list[Node]:
    return [Node({"": resource}, "", None, "Resource")]


def _evaluated(resource: Resource, steps: list[str]) -> list[Node]:
    """The places of the elements the engine finds. It gives the very objects of the resource, so identity tells their place."""
    path = _joined(steps)
    places = {id(node.value): node for node in _everywhere(resource)}
    found = [places.get(id(value)) for value in evaluate(resource, path)]
    if None in found:
        raise Invalid("{path} does not lead to elements that can be changed; name them by index.", path=path)
    return [node for node in found if node is not None]


def _everywhere(resource: Resource) -> Iterator[Node]:
    """Every element that is an object."""
    waiting = _root(resource)
    while waiting:
        node = waiting.pop()
        yield node
        value, owner = node.value, type_of(node)
        known = slots(owner) or {}
        for key, inner in value.items():
            slot = known.get(key.removeprefix("_"))
            if slot is None:
                continue
            type = "Element" if key.startswith("_") else slot.type
            if is_object(inner):
                waiting.append(Node(value, key, None, type, owner))
            elif is_list(inner):
                waiting.extend(Node(value, key, index, type, owner) for index, one in enumerate(inner) if is_object(one))


# --- a path as text ---


def split_path(path: str) -> list[str]:
    """`Patient.name[0].where(use = 'a.b').given` -> names, indexes and calls. Raises `Malformed`."""
    if not path.strip() or len(path) > PATH_LENGTH_MAX:
        raise Malformed("The patch has an operation without a path, or with one too long.")
    steps: list[str] = []
    for piece in _pieces(path):
        name, bracket, index = piece.partition("[") if "(" not in piece else (piece, "", "")
        if bracket and not name.strip() and steps:
            name = ""
        elif "(" in piece:
            steps.append(piece.strip())
            continue
        elif not (match := _STEP.match(name.strip())):
            raise Malformed("{path} is not a path to an element.", path=path)
        else:
            steps.append(match[1])
        for inner in index.split("[") if bracket else ():
            if not inner.rstrip().endswith("]") or not (number := _INDEX.match(inner.rstrip()[:-1])):
                raise Malformed("{path} is not a path to an element.", path=path)
            steps.append(number[1])
    return steps


def _pieces(path: str) -> list[str]:
    """Cut at dots, and before an index that follows a call, outside quotes and parentheses."""
    pieces, depth, quote, start = [""], 0, "", 0
    for place, sign in enumerate(path):
        if quote:
            quote = "" if sign == quote and path[place - 1] != "\\" else quote
        elif sign in "'`":
            quote = sign
        elif sign in "()":
            depth += 1 if sign == "(" else -1
        elif depth == 0 and (sign == "." or (sign == "[" and path[start:place].rstrip().endswith(")"))):
            pieces.append("")
            start = place + (sign == ".")
            if sign == ".":
                continue
        pieces[-1] += sign
    if depth or quote:
        raise Malformed("{path} is not a path to an element.", path=path)
    return pieces[1:] if not pieces[0] else pieces


def _joined(steps: list[str]) -> str:
    text = ""
    for step in steps:
        text += f"[{step}]" if step.isdigit() else ("." if text else "") + step
    return text
