"""What surrounds one evaluation: the resources it is about, the world it may ask, and what it may still spend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from xinglin.fhir.codec import Resource
from xinglin.fhir.fhirpath.limits import NODES_MAX, PathError
from xinglin.fhir.fhirpath.values import Items

_NO_VARIABLES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class World:
    """What an expression may ask for beyond its resource; each is optional.

    `resolve(url)`: the resource a reference leads to, or None. `member_of(value, value_set_url)`: whether a code, Coding or
    CodeableConcept (JSON) is in a value set, None unknown. `conforms(element, profile_url)`: None unknown profile.
    `trace(name, values)`: takes what is traced. `variables`: `%name`; `now` is the time, a datetime or its text.
    """

    resolve: Callable[[str], Resource | None] | None = None
    member_of: Callable[[Any, str], bool | None] | None = None
    conforms: Callable[[Any, str], bool | None] | None = None
    trace: Callable[[str, list[Any]], None] | None = None
    variables: Mapping[str, Any] = field(default_factory=lambda: _NO_VARIABLES)


NO_WORLD = World()


class Env:
    """One evaluation. `index` and `total` are `$index` and `$total`; `left` is what may still be spent."""

    __slots__ = ("context", "index", "left", "resource", "root", "total", "walked", "world")

    def __init__(self, context: Items, resource: Items, root: Items, world: World) -> None:
        self.context = context
        self.resource = resource
        self.root = root
        self.world = world
        self.left = NODES_MAX
        self.index = 0
        self.total: Items = []
        self.walked: tuple[Any, Items] | None = None

    def spend(self, nodes: int) -> None:
        """Raises `PathError` when the evaluation has looked at more elements than it may."""
        self.left -= nodes
        if self.left < 0:
            raise PathError("The FHIRPath expression looks at more than {most} elements.", most=NODES_MAX)
