"""FHIRPath compiled to closures over plain JSON resources (N1 normative, the functions of 2.0, and FHIR R4's own).

    evaluate(patient, "name.where(use = 'official').given.first()")
    compile_path("Observation.value.ofType(Quantity)").found(observation)

An expression that is wrong, or costs more than `limits` allows, raises `PathError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from xinglin.fhir.codec import Resource
from xinglin.fhir.fhirpath.checking import check
from xinglin.fhir.fhirpath.compiling import Closure, compile_node
from xinglin.fhir.fhirpath.env import NO_WORLD, Env, World
from xinglin.fhir.fhirpath.functions import system_type
from xinglin.fhir.fhirpath.limits import PathError
from xinglin.fhir.fhirpath.quantity import Quantity
from xinglin.fhir.fhirpath.syntax import parse
from xinglin.fhir.fhirpath.temporal import Temporal
from xinglin.fhir.fhirpath.types import Type, fhir_type
from xinglin.fhir.fhirpath.values import Element, Item, Items, plain, resource_item, truth

__all__ = ["NO_WORLD", "Found", "Path", "PathError", "Quantity", "Temporal", "World", "compile_path", "evaluate", "holds"]


@dataclass(frozen=True, slots=True)
class Found:
    """One result: its JSON (or system) value, its FHIR type (`System.Integer` for a system value), and the `_` sibling of a primitive.

    `value` is None for a primitive that has only extensions.
    """

    value: Any
    type: str
    beside: Any = None


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled expression; call it with a resource for plain values."""

    expression: str
    run: Closure

    def __call__(self, resource: Resource, *, type: str | None = None, world: World = NO_WORLD) -> list[Any]:
        """The values as JSON (dates as text) or system values; primitives that have only extensions are left out."""
        return [value for item in self._items(resource, type, world) if (value := plain(item)) is not None]

    def found(self, resource: Resource, *, type: str | None = None, world: World = NO_WORLD) -> list[Found]:
        """The results with their types."""
        return [_found(item) for item in self._items(resource, type, world)]

    def _items(self, resource: Resource, type: str | None, world: World) -> Items:
        here: Items = [_start(resource, type)]
        try:
            return self.run(here, Env(here, here, here, world))
        except RecursionError as deep:
            raise _too_deep() from deep


@lru_cache(maxsize=2048)
def compile_path(expression: str, *, type: str | None = None, strict: bool = False) -> Path:
    """Reads an expression once. `strict`: names that `type` does not have, and `as` on several items, are errors, as in N1.

    Without `strict`, a name that is not there is empty, as R4's own invariants and search parameters need.
    """
    try:
        tree = parse(expression)
        if strict:
            check(tree, type)
        return Path(expression, compile_node(tree, strict))
    except RecursionError as deep:
        raise PathError("The FHIRPath expression is nested too deep.") from deep


def evaluate(
    resource: Resource,
    expression: str,
    *,
    type: str | None = None,
    resolve: Callable[[str], Resource | None] | None = None,
    variables: Mapping[str, Any] | None = None,
    world: World | None = None,
) -> list[Any]:
    """The values of an expression on a resource, or on an element of the FHIR `type`. `variables["now"]`: the time (datetime or text)."""
    around = world or (World(resolve=resolve, variables=variables or {}) if resolve or variables else NO_WORLD)
    return compile_path(expression)(resource, type=type, world=around)


def holds(
    element: Any,
    expression: str,
    *,
    type: str | None = None,
    resource: Resource | None = None,
    root: Resource | None = None,
    beside: Any = None,
    world: World = NO_WORLD,
) -> bool:
    """Whether an invariant holds on an element of a FHIR type or backbone path. Empty is true; a single item that is no boolean is true.

    `resource` (default: the element, when it is one): `%resource`, the nearest resource around it. `root` (default: `resource`):
    `%rootResource`. `beside`: the `_` sibling of a primitive.
    """
    here: Items = [_start(element, type) if beside is None else (element, _known(type), beside)]
    around: Items = here if resource is None or resource is element else [_start(resource, None)]
    top: Items = around if root is None or root is resource else [_start(root, None)]
    try:
        return truth(compile_path(expression).run(here, Env(here, around, top, world))) is not False
    except RecursionError as deep:
        raise _too_deep() from deep


def _too_deep() -> PathError:
    return PathError("The FHIRPath expression goes too deep into the resource.")


def _start(value: Any, type: str | None) -> Element:
    if type is None:
        item = resource_item(value)
        if item is None:
            raise PathError("FHIRPath needs a resource, or an element and its type.")
        return item
    return (value, _known(type), None)


def _known(type: str | None) -> Type:
    kind = fhir_type(type or "")
    if kind is None:
        raise PathError("FHIR R4 has no type {name}.", name=str(type))
    return kind


def _found(item: Item) -> Found:
    if isinstance(item, tuple):
        return Found(item[0], item[1].name, item[2])
    return Found(item, "System." + system_type(item))
