"""The search values of a resource, by functions compiled once per type from the search parameters' expressions.

All parameters of a type share one walk: a tree of JSON keys with converters at its leaves, driven by the keys a resource really
has. Nothing here raises on a resource, however wrong its shape: what is not as FHIR says has no search values.
Source: FHIR R4, Search, and SearchParameter.expression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import lru_cache
from typing import Any

from xinglin.fhir.codec import Resource
from xinglin.fhir.definitions import search_params
from xinglin.fhir.search.measures import CHINA
from xinglin.fhir.search.model import Kind, SearchParam, Tuple, Value
from xinglin.fhir.search.own import own_values
from xinglin.fhir.search.paths import At, Fact, Go, Leads, Step, Where, read_path
from xinglin.fhir.search.shape import ARRAY, OBJECT
from xinglin.fhir.search.tracks import Collect, Guard, Track, collector, fact, guard, tracks
from xinglin.fhir.search.values import Convert, boolean, converter

Values = dict[str, tuple[Value, ...]]
Visit = Callable[[Any, Values], None]

LEFT_OUT = frozenset({"_id", "_lastUpdated", "_text", "_content"})
"""Parameters that the store keeps by itself."""

LONG = 64
"""Elements above which a list is gathered in a list."""

TUPLES_MAX = 1_000
"""Values of one composite parameter that are kept of one resource."""


def extract(resource: Resource, zone: tzinfo = CHINA) -> Values:
    """Search values by parameter name, only of parameters that have some; the parameters of `LEFT_OUT` are not among them."""
    kind = resource.get("resourceType")
    return _extractor(kind, zone)(resource) if type(kind) is str else {}


def extract_param(resource: Resource, param: SearchParam, zone: tzinfo = CHINA) -> tuple[Value, ...]:
    """The values of one parameter, `_id` and `_lastUpdated` too."""
    return _param_extractor(param, zone)(resource).get(param.name, ())


def compile_params(params: Iterable[SearchParam], zone: tzinfo = CHINA) -> Callable[[Resource], Values]:
    """An extractor for parameters of one type. Raises `Malformed` for an expression outside what search can index (see `paths`)."""
    tree, extras = _Node(), list[Visit]()
    for param in params:
        if param.kind == "composite":
            continue
        if (own := own_values(param)) is not None:
            extras.append(_own(own, param.name))
            continue
        reading = read_path(param.expression) if param.expression else ()
        if isinstance(reading, Fact):
            extras.append(_fact(fact(reading.test, param.type), param.name))
            continue
        for track in tracks(param.expression, param.type) if reading else ():
            if convert := converter(param.kind, track.type, zone):
                _plant(tree, track.steps, convert, param.name)
    extras += _composites([param for param in params if param.kind == "composite"], zone)
    walk = _visit(tree)

    def run(resource: Resource) -> Values:
        out: Values = {}
        walk(resource, out)
        for extra in extras:
            extra(resource, out)
        return out

    return run


def _own(take: Callable[[Resource], tuple[Value, ...]], name: str) -> Visit:
    def visit(resource: Any, out: Values) -> None:
        if found := take(resource):
            out[name] = found

    return visit


def elements(resource: Resource, param: SearchParam) -> list[Any]:
    """The elements a parameter's expression selects, as they stand in the resource; of a boolean expression, its truth."""
    reading = read_path(param.expression)
    if isinstance(reading, Fact):
        return [fact(reading.test, param.type)(resource)]
    ways = tracks(param.expression, param.type)
    return [found for way in ways for found in collector(way.steps)(resource, resource)]


@lru_cache(maxsize=512)
def _extractor(kind: str, zone: tzinfo) -> Callable[[Resource], Values]:
    return compile_params([param for name, param in search_params(kind).items() if name not in LEFT_OUT], zone)


@lru_cache(maxsize=4096)
def _param_extractor(param: SearchParam, zone: tzinfo) -> Callable[[Resource], Values]:
    return compile_params([param], zone)


# --- the tree ---


@dataclass(slots=True)
class _Node:
    """While compiling only: where the tracks of all parameters branch."""

    keys: dict[tuple[str, int | None], _Node] = field(default_factory=dict[tuple[str, int | None], "_Node"])
    guarded: dict[Step, _Node] = field(default_factory=dict[Step, "_Node"])
    outlets: dict[Convert, list[tuple[Guard | None, str]]] = field(default_factory=dict[Convert, list[tuple[Guard | None, str]]])


def _plant(node: _Node, steps: tuple[Step, ...], convert: Convert, name: str) -> None:
    last = _guard_at_end(steps)
    for place, step in enumerate(steps[:-1] if last else steps):
        if isinstance(step, Go):
            after = steps[place + 1] if place + 1 < len(steps) else None
            node = node.keys.setdefault((step.name, after.index if isinstance(after, At) else None), _Node())
        elif isinstance(step, Where | Leads):
            node = node.guarded.setdefault(step, _Node())
    node.outlets.setdefault(convert, []).append((last, name))


def _guard_at_end(steps: tuple[Step, ...]) -> Guard | None:
    """A guard just before the leaf is tested after conversion, so that `subject` and `patient` are converted once."""
    return guard(steps[-1]) if steps and isinstance(steps[-1], Where | Leads) else None


def _visit(node: _Node) -> Visit:
    """One closure for a node and all below it."""
    here: list[Visit] = [_leaf(convert, outlets) for convert, outlets in node.outlets.items()]
    here += [_when(guard(step), _visit(below)) for step, below in node.guarded.items()]
    steps: dict[str, Visit] = {}
    for (key, index), below in node.keys.items():
        step = _each(_visit(below)) if index is None else _nth(_visit(below), index)
        steps[key] = _then(steps[key], step) if key in steps else step
    if not steps:
        return here[0] if len(here) == 1 else _all(here)
    walk = _by_asking(list(steps.items())) if len(steps) < 4 else _by_keys(steps)
    return _all([*here, walk]) if here else walk


def _leaf(convert: Convert, outlets: list[tuple[Guard | None, str]]) -> Visit:
    names = [name for test, name in outlets if test is None]
    tested = [(test, name) for test, name in outlets if test is not None]

    def leaf(element: Any, out: Values) -> None:
        values = convert(element)
        if values:
            for name in names:
                out[name] = out[name] + values if name in out else values
            for test, name in tested:
                if test(element):
                    out[name] = out[name] + values if name in out else values

    return leaf


def _when(test: Guard, visit: Visit) -> Visit:
    def when(element: Any, out: Values) -> None:
        if test(element):
            visit(element, out)

    return when


def _each(visit: Visit) -> Visit:
    def each(value: Any, out: Values) -> None:
        if type(value) is not ARRAY:
            visit(value, out)
            return
        listed: list[Any] = value
        if len(listed) > LONG:
            _long(visit, listed, out)
            return
        for element in listed:
            visit(element, out)

    return each


def _long(visit: Visit, listed: list[Any], out: Values) -> None:
    """For a code system of 100,000 codes: joining tuples one by one would take the square of that."""
    gathered: dict[str, list[Value]] = {}
    for element in listed:
        own: Values = {}
        visit(element, own)
        for name, values in own.items():
            gathered.setdefault(name, []).extend(values)
    for name, values in gathered.items():
        out[name] = out.get(name, ()) + tuple(values)


def _nth(visit: Visit, index: int) -> Visit:
    def nth(value: Any, out: Values) -> None:
        listed: list[Any] = value if type(value) is ARRAY else [value]
        if index < len(listed):
            visit(listed[index], out)

    return nth


def _then(one: Visit, other: Visit) -> Visit:
    return _all([one, other])


def _all(visits: list[Visit]) -> Visit:
    def each(element: Any, out: Values) -> None:
        for visit in visits:
            visit(element, out)

    return each


def _by_keys(steps: dict[str, Visit]) -> Visit:
    find = steps.get

    def walk(element: Any, out: Values) -> None:
        if type(element) is OBJECT:
            found: Resource = element
            for key, value in found.items():
                step = find(key)
                if step is not None:
                    step(value, out)

    return walk


def _by_asking(steps: list[tuple[str, Visit]]) -> Visit:
    def walk(element: Any, out: Values) -> None:
        if type(element) is OBJECT:
            found: Resource = element
            for key, step in steps:
                value = found.get(key)
                if value is not None:
                    step(value, out)

    return walk


def _fact(test: Guard, name: str) -> Visit:
    def state(resource: Any, out: Values) -> None:
        out[name] = boolean(test(resource))

    return state


# --- composites ---

Part = tuple[tuple[Collect, Convert], ...]


def _composites(params: list[SearchParam], zone: tzinfo) -> list[Visit]:
    """One visit for each base and set of parts; parameters that share both (code-value-, combo-code-value-) share the visit."""
    shared: dict[tuple[Track, tuple[Part, ...]], list[str]] = {}
    for param in params:
        for base in tracks(param.expression, param.type):
            parts = tuple(_part(component.kind, at, base.type or param.type, param.type, zone) for component, at in param.components)
            if parts and all(parts):
                shared.setdefault((base, parts), []).append(param.name)
    return [_composite(collector(base.steps), parts, names) for (base, parts), names in shared.items()]


def _part(kind: Kind, expression: str, base: str, root: str, zone: tzinfo) -> Part:
    found = tracks(expression, root if expression.startswith("%") else base)
    converts = [(way, converter(kind, way.type, zone)) for way in found]
    return tuple((collector(way.steps), convert) for way, convert in converts if convert)


def _composite(bases: Collect, parts: tuple[Part, ...], names: list[str]) -> Visit:
    backwards = parts[::-1]  # the value is missing more often than the code

    def visit(resource: Any, out: Values) -> None:
        found: list[Value] = []
        for base in bases(resource, resource)[:TUPLES_MAX]:
            held: list[tuple[Value, ...]] = []
            for part in backwards:
                values = _part_values(part, base, resource)
                if not values:
                    break
                held.append(values)
            else:
                found.append(Tuple(tuple(held[::-1])))
        if found:
            for name in names:
                out[name] = out.get(name, ()) + tuple(found)

    return visit


def _part_values(part: Part, base: Any, resource: Any) -> tuple[Value, ...]:
    values: tuple[Value, ...] = ()
    for collect, convert in part:
        for element in collect(base, resource):
            values += convert(element)
    return values
