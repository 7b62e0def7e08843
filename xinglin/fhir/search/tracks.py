"""From a search expression to tracks: lists of JSON keys and guards, each with the FHIR type it ends at.

A choice such as `value` becomes one track for each of its types (`valueQuantity`, `valueString` …), so that no type has to be
found out while walking a resource.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from xinglin.fhir.codec import Resource
from xinglin.fhir.definitions import ABSTRACT_TYPES, choice_key, element_of, is_a, type_table
from xinglin.fhir.search.paths import At, Both, Branch, Cast, Equals, Exists, Extension, Go, Leads, Root, Step, Test, Where, read_path
from xinglin.fhir.search.shape import ARRAY, OBJECT

Guard = Callable[[Any], bool]
Collect = Callable[[Any, Any], list[Any]]


@dataclass(frozen=True, slots=True)
class Track:
    """A way down: `Go` (a JSON key), `At`, `Where`, `Leads` and `Root` steps. `type` None: the definitions do not tell."""

    steps: tuple[Step, ...]
    type: str | None


@cache
def tracks(expression: str, type: str) -> tuple[Track, ...]:
    """The tracks of a union expression from an element of `type`; a boolean expression has none. Raises `Malformed`."""
    reading = read_path(expression)
    return tracks_of(reading, type) if isinstance(reading, tuple) else ()


def tracks_of(branches: tuple[Branch, ...], type: str | None) -> tuple[Track, ...]:
    """The tracks of branches from an element of `type`."""
    found: dict[Track, None] = {}
    for branch in branches:
        ways = [Track((), type)]
        for place, step in enumerate(_without_head(branch, type)):
            ways = [onward for way in ways for onward in _onward(way, step, type, place == 0)]
        found |= dict.fromkeys(ways)
    return tuple(found)


def _without_head(branch: Branch, type: str | None) -> Branch:
    """Cuts the leading type name (`Patient.`, `Resource.`); a branch that starts from another type is kept and leads nowhere."""
    heads = (type, "Resource", "DomainResource")
    while branch and isinstance(branch[0], Go) and branch[0].name in heads:
        branch = branch[1:]
    return branch


def _onward(way: Track, step: Step, root: str | None, first: bool) -> list[Track]:
    if isinstance(step, Go):
        if first and step.name[0].isupper():
            return []
        return [Track((*_stepped(way, step.name), Go(key)), kind) for key, kind in children(way.type, step.name)]
    if isinstance(step, Cast):
        return [Track(way.steps, way.type or step.type)] if _casts(way.type, step.type) else []
    if isinstance(step, Extension):
        inside = Where(Equals(((Go("url"),),), step.url))
        return [Track((*_stepped(way, "extension"), Go("extension"), inside), "Extension")]
    if isinstance(step, Root):
        return [Track((step,), root)]
    return [Track((*way.steps, step), way.type)]


def children(type: str | None, name: str) -> tuple[tuple[str, str | None], ...]:
    """JSON key and type of a child element: several for a choice, none when the type has no such element."""
    table = type_table(type) if type else None
    if table is None:
        return ((name, None),)
    for element in table.elements:
        if element.name == name and element.choice:
            return tuple((choice_key(name, kind), kind) for kind in element.types)
        if element.name == name:
            return ((name, element.types[0] if element.types else element.content),)
    found = element_of(table.name, name)
    if found:
        return ((name, found[1]),)
    return ((name, None),) if table.name in ABSTRACT_TYPES else ()


def _casts(type: str | None, wanted: str) -> bool:
    if type is None or type.lower() == wanted.lower():
        return True
    return is_a(type, wanted) or type in ABSTRACT_TYPES


def _stepped(way: Track, name: str) -> tuple[Step, ...]:
    """The extensions of a primitive stand under the same key with `_` before it."""
    last = way.steps[-1] if way.steps else None
    if name in ("extension", "id") and isinstance(last, Go) and way.type and way.type[0].islower():
        return (*way.steps[:-1], Go("_" + last.name))
    return way.steps


# --- walking ---


@cache
def collector(steps: tuple[Step, ...]) -> Collect:
    """Elements at the end of a track's steps: `collect(element, resource)`."""
    if len(steps) == 1 and isinstance(steps[0], Go):
        return _one_key(steps[0].name)
    moves = [_move(step) for step in steps]

    def collect(element: Any, resource: Any) -> list[Any]:
        found: list[Any] = [element]
        for move in moves:
            found = move(found, resource)
            if not found:
                break
        return found

    return collect


def _one_key(key: str) -> Collect:
    def collect(element: Any, _resource: Any) -> list[Any]:
        if type(element) is not OBJECT:
            return []
        found: Resource = element
        value: Any = found.get(key)
        if type(value) is ARRAY:
            listed: list[Any] = value
            return listed
        return [] if value is None else [value]

    return collect


def _move(step: Step) -> Callable[[list[Any], Any], list[Any]]:
    if isinstance(step, Go):
        into = _one_key(step.name)
        return lambda found, resource: [value for element in found for value in into(element, resource)]
    if isinstance(step, At):
        index = step.index
        return lambda found, _: found[index : index + 1]
    if isinstance(step, Root):
        return lambda _, resource: [resource]
    keeps = guard(step)
    return lambda found, _: [element for element in found if keeps(element)]


@cache
def guard(step: Step) -> Guard:
    """The test a `Where` or `Leads` step makes of an element."""
    if isinstance(step, Leads):
        return _leads_to(step.type)
    if not isinstance(step, Where):
        raise TypeError(f"{step} is no guard")
    return fact(step.test, None)


def _leads_to(kind: str) -> Guard:
    head, inside = kind + "/", f"/{kind}/"

    def leads(element: Any) -> bool:
        if type(element) is not OBJECT:
            return False
        found: Resource = element
        target = found.get("reference")
        if type(target) is str and target[:1] != "#":
            if target.startswith(head):
                return True
            if ":" in target:
                return inside in target or found.get("type") == kind
            return False
        return found.get("type") == kind

    return leads


def fact(test: Test, type: str | None) -> Guard:
    """Whether a test is true of an element of `type` (None: its keys are taken as written); empty counts as false."""
    return lambda element: truth(test, type)(element) is True


@cache
def truth(test: Test, type: str | None) -> Callable[[Any], bool | None]:
    """FHIRPath's three values: true, false, empty (None)."""
    if isinstance(test, Leads):
        return _leads_to(test.type)
    if isinstance(test, Exists):
        found = _gather(test.branches, type)
        return lambda element: bool(found(element))
    if isinstance(test, Equals):
        plain = type is None and len(test.branches) == 1 and len(test.branches[0]) == 1
        step = test.branches[0][0] if plain else None
        return _equals_key(step.name, test) if isinstance(step, Go) else _equals(test, _gather(test.branches, type))
    parts = [truth(part, type) for part in test.tests]
    return _both(parts) if isinstance(test, Both) else _either(parts)


def _gather(branches: tuple[Branch, ...], type: str | None) -> Callable[[Any], list[Any]]:
    ways = [collector(way.steps) for way in tracks_of(branches, type)]
    return lambda element: [value for way in ways for value in way(element, element)]


def _equals(test: Equals, found: Callable[[Any], list[Any]]) -> Callable[[Any], bool | None]:
    literal, wanted = test.literal, test.wanted

    def equals(element: Any) -> bool | None:
        values = found(element)
        if not values:
            return None
        same = any(value == literal and type(value) is type(literal) for value in values)
        return same is wanted

    return equals


def _equals_key(key: str, test: Equals) -> Callable[[Any], bool | None]:
    """The common case, `where(system='phone')`."""
    literal, wanted, kind = test.literal, test.wanted, type(test.literal)

    def equals(element: Any) -> bool | None:
        if type(element) is not OBJECT:
            return None
        found: Resource = element
        value: Any = found.get(key)
        if value is None:
            return None
        if type(value) is kind:
            return (value == literal) is wanted
        values: list[Any] = value if type(value) is ARRAY else [value]
        return any(type(one) is kind and one == literal for one in values) is wanted

    return equals


def _both(parts: list[Callable[[Any], bool | None]]) -> Callable[[Any], bool | None]:
    def both(element: Any) -> bool | None:
        answers = [part(element) for part in parts]
        return False if False in answers else None if None in answers else True

    return both


def _either(parts: list[Callable[[Any], bool | None]]) -> Callable[[Any], bool | None]:
    def either(element: Any) -> bool | None:
        answers = [part(element) for part in parts]
        return True if True in answers else None if None in answers else False

    return either
