"""Walking one JSON object of a type: known keys, what must be there, one choice only, and the `_x` siblings of primitives.

Source: https://hl7.org/fhir/R4/json.html#primitive and https://hl7.org/fhir/R4/formats.html#choice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from xinglin.fhir.narrowing import is_list
from xinglin.fhir.validation.findings import Check, Found, Scope, below, error, joined, kind_of, refuses, shown

Rule = Callable[[Any, Scope], Found]


@dataclass(frozen=True, slots=True)
class Shape:
    """What an object of one type may hold.

    `fields`: JSON key -> check of its whole value. `segments`: key -> its step in a location. `choices`: key -> element, of choice
    elements. `needs`: (step, keys one of which must be there). `items`: key -> check of one value, of primitives (they may have a
    `_key` sibling); `many`: those of them that are arrays.
    """

    name: str
    resource: bool
    fields: dict[str, Check]
    segments: dict[str, str]
    choices: dict[str, str]
    needs: tuple[tuple[str, frozenset[str]], ...]
    items: dict[str, Check]
    many: frozenset[str]
    rules: tuple[Rule, ...]
    sibling: Check


def object_check(shape: Shape) -> Check:
    """The check of an object; its invariants are asked only where its form is sound."""
    field_of, segments, rules, resource = shape.fields.get, shape.segments, shape.rules, shape.resource
    required = frozenset(key for _, keys in shape.needs if len(keys) == 1 for key in keys)
    either = tuple(keys for _, keys in shape.needs if len(keys) > 1)
    choices = frozenset(shape.choices)

    def check(value: Any, scope: Scope) -> Found:
        if type(value) is not dict:
            return error("structure", f"{shape.name} is a JSON object, not {kind_of(value)}.")
        found: Found = None
        odd = False
        for key, item in value.items():  # pyright: ignore[reportUnknownVariableType]
            field = field_of(key)  # pyright: ignore[reportUnknownArgumentType]
            if field is None:
                odd = True
            elif (bad := field(item, scope)) is not None:
                found = below(found, bad, segments[key])
        if odd:
            found = _odd_keys(shape, value, scope, found)  # pyright: ignore[reportUnknownArgumentType]
        elif len(value) < 2 and not resource and (not value or "id" in value):  # pyright: ignore[reportUnknownArgumentType]
            return joined(found, error("invariant", "ele-1: an element has a value or children; leave an empty one out."))
        if not required <= value.keys() or (either and any(keys.isdisjoint(value) for keys in either)):  # pyright: ignore[reportUnknownArgumentType]
            found = joined(found, _missing(shape, value))  # pyright: ignore[reportUnknownArgumentType]
        if choices and len(choices.intersection(value)) > 1:  # pyright: ignore[reportUnknownArgumentType]
            found = joined(found, _chosen_twice(shape, value))  # pyright: ignore[reportUnknownArgumentType]
        if rules and (found is None or not refuses(found)):
            for rule in rules:
                if (broken := rule(value, scope)) is not None:
                    found = joined(found, broken)
        return found

    return check


def array_check(check: Check) -> Check:
    """The check of an array, by the check of one of its values."""

    def check_array(value: Any, scope: Scope) -> Found:
        if type(value) is not list:
            return error("structure", f"An array is needed here, not {kind_of(value)}.")
        if not value:
            return error("structure", "An array is never empty: leave the element out.")
        found: Found = None
        for place, item in enumerate(value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            if (bad := check(item, scope)) is not None:
                found = below(found, bad, f"[{place}]")
        return found

    return check_array


def _missing(shape: Shape, value: dict[Any, Any]) -> Found:
    found: Found = None
    for segment, keys in shape.needs:
        if keys.isdisjoint(value) and not any(f"_{key}" in value for key in keys):
            found = joined(found, error("required", f"{shape.name}{segment} is required.", segment))
    return found


def _chosen_twice(shape: Shape, value: dict[Any, Any]) -> Found:
    chosen: dict[str, set[str]] = {}
    for key in value:
        bare = key[1:] if isinstance(key, str) and key.startswith("_") else key
        if bare in shape.choices:
            chosen.setdefault(shape.choices[bare], set()).add(bare)
    found: Found = None
    for name, keys in chosen.items():
        if len(keys) > 1:
            found = joined(found, error("structure", f"Only one of {', '.join(sorted(keys))} may be given.", f".{name}"))
    return found


def _odd_keys(shape: Shape, value: dict[Any, Any], scope: Scope, found: Found) -> Found:
    """Keys that are no element: `_x` beside a primitive, or unknown."""
    for key, sibling in value.items():
        if key in shape.fields:
            continue
        bare: Any = key[1:] if isinstance(key, str) and key.startswith("_") else None
        if bare not in shape.items:
            found = below(found, error("structure", f"{shape.name} has no element {shown(key)}."), "")
        elif bare in shape.many:
            found = _sibling_array(shape, bare, value.get(bare), sibling, scope, found)
        elif (bad := shape.sibling(sibling, scope)) is not None:
            found = below(found, bad, shape.segments[bare])
    return joined(found, _chosen_twice(shape, value)) if shape.choices else found


def _sibling_array(shape: Shape, key: str, values: Any, siblings: Any, scope: Scope, found: Found) -> Found:
    """`given: ["A", null]` beside `_given: [null, {…}]`: at each place a value, an extension or both."""
    segment, check = shape.segments[key], shape.items[key]
    kept = [one for one in found or () if one.place != segment and not one.place.startswith(segment + "[")]
    if not is_list(siblings) or not siblings:
        return joined(kept or None, error("structure", f"_{key} is an array, as {key} is.", segment))
    if values is not None and (not is_list(values) or len(values) > len(siblings)):
        return joined(kept or None, error("structure", f"_{key} has a place for each of {key}.", segment))
    found = kept or None
    for place, (item, sibling) in enumerate(zip_longest(values or (), siblings)):
        bad = check(item, scope) if item is not None else None
        if sibling is not None:
            bad = joined(bad, shape.sibling(sibling, scope))
        elif item is None:
            bad = error("structure", "null stands only where a sibling with an underscore says why.")
        if bad is not None:
            found = below(found, bad, f"{segment}[{place}]")
    return found
