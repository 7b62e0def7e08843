"""Which slice of an element a value belongs to, by the discriminators of the profile.

Source: https://hl7.org/fhir/R4/profiling.html#discriminator. `resolve()` is not followed: a slicing by it is reported as not checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from xinglin.fhir.narrowing import is_list, is_object
from xinglin.fhir.validation.items import Item, items_of
from xinglin.fhir.validation.profile_tree import Node, Slicing

KINDS = ("value", "pattern", "exists", "type", "profile")
BY_URL = Slicing((("value", "url"),), "open", False)
BY_TYPE = Slicing((("type", "$this"),), "open", False)

_STEP = re.compile(r"extension\('([^']*)'\)|ofType\((\w+)\)|(\$this|\w+)")

InSet = Callable[[str, str, Any], bool]
"""Whether (value set, type, value) is a member."""

Conforms = Callable[[Item, str], bool]
"""Whether a value conforms to a profile."""


def slicing_of(name: str, node: Node) -> Slicing | None:
    """The slicing of an element; extensions are told apart by url and choices by type without being told."""
    if not node.slices:
        return None
    if node.slicing and node.slicing.discriminators:
        return node.slicing
    return BY_URL if name in ("extension", "modifierExtension") else BY_TYPE if node.slicing is None else None


def can_tell(slicing: Slicing) -> bool:
    """Whether every discriminator can be followed within the resource."""
    return all("resolve()" not in path and kind in KINDS for kind, path in slicing.discriminators)


def belongs(item: Item, slice: Node, slicing: Slicing, in_set: InSet, conforms: Conforms) -> bool:
    """Whether a value is of a slice: every discriminator says so."""
    return all(_agrees(item, slice, kind, path, in_set, conforms) for kind, path in slicing.discriminators)


def _agrees(item: Item, slice: Node, kind: str, path: str, in_set: InSet, conforms: Conforms) -> bool:
    steps = _steps(path)
    found = _values(item, steps)
    described = _describing(slice, steps)
    last = described[-1][0] if described and not described[-1][1] else None
    if kind == "exists":
        return bool(found) == (last is None or last.max != 0)
    if kind == "type":
        return last is not None and any(one.kind in last.kinds or one.type in last.kinds for one in found)
    if kind == "profile":
        return last is not None and any(conforms(one, url) for one in found for url in last.profiles.get(one.kind, ()))
    return any(_is_told(one, described, steps, slice, in_set) for one in found)


def _is_told(item: Item, described: list[tuple[Node, tuple[str, ...]]], steps: list[str], slice: Node, in_set: InSet) -> bool:
    """Whether the value is the one that the slice fixes, gives a pattern for, or binds; at its path or above."""
    told = False
    for node, rest in described:
        for expected, whole in ((node.fixed, True), (node.pattern, False)):
            at = _within(expected, rest)
            if at is not None:
                told = True
                if not (item.value == at if whole else matches_pattern(item.value, at)):
                    return False
        if not rest and node.strength == "required" and not in_set(node.value_set, item.kind, item.value):
            return False
        told = told or (not rest and node.strength == "required")
    if not told and steps == ["url"] and "Extension" in slice.profiles:  # an extension's profile is known by its url
        return item.value in slice.profiles["Extension"]
    return told or (not described[-1][1] and _is_told_below(item, described[-1][0]) is True)


def _is_told_below(item: Item, node: Node) -> bool | None:
    """Whether the value has what the node's children fix (`code` told by `code.coding.code`); None when they fix nothing."""
    said: bool | None = None
    for name, child in node.children.items():
        values = items_of(item.object, item.type, name)
        if child.fixed is not None or child.pattern is not None:
            said = any(v.value == child.fixed if child.fixed is not None else matches_pattern(v.value, child.pattern) for v in values)
        elif (deeper := [told for v in values if (told := _is_told_below(v, child)) is not None]) or _fixes(child):
            said = any(deeper)
        if said is False:
            return False
    return said


def _fixes(node: Node) -> bool:
    return node.fixed is not None or node.pattern is not None or any(_fixes(child) for child in node.children.values())


def matches_pattern(value: Any, pattern: Any) -> bool:
    """R4 pattern[x]: what the pattern has, the value has too; each pattern item matches some item."""
    if is_object(pattern):
        return is_object(value) and all(k in value and matches_pattern(value[k], p) for k, p in pattern.items())
    if is_list(pattern):
        return is_list(value) and all(any(matches_pattern(v, p) for v in value) for p in pattern)
    return value == pattern and isinstance(value, bool) == isinstance(pattern, bool)


def _steps(path: str) -> list[str]:
    steps = [f"extension={url}" if url else f"ofType={kind}" if kind else name for url, kind, name in _STEP.findall(path)]
    return [step for step in steps if step != "$this"]


def _values(item: Item, steps: list[str]) -> list[Item]:
    found = [item]
    for step in steps:
        if step.startswith("ofType="):
            found = [one for one in found if one.kind == step[7:]]
        elif step.startswith("extension="):
            extensions = [one for each in found for one in items_of(each.object, each.type, "extension")]
            found = [one for one in extensions if one.object.get("url") == step[10:]]
        else:
            found = [one for each in found for one in items_of(each.object, each.type, step)]
    return found


def _describing(slice: Node, steps: list[str]) -> list[tuple[Node, tuple[str, ...]]]:
    """The nodes on the way from the slice to a path, each with the steps still to go."""
    nodes, node = [(slice, tuple(steps))], slice
    for at, step in enumerate(steps):
        if step.startswith("ofType="):
            continue
        name = "extension" if step.startswith("extension=") else step
        child = next((n.children[name] for n in (node, *node.slices.values()) if name in n.children), None)
        if child is None:
            break
        if step.startswith("extension="):
            child = next((s for s in child.slices.values() if step[10:] in s.profiles.get("Extension", ())), child)
        node = child
        nodes.append((node, tuple(steps[at + 1 :])))
    return nodes


def _within(value: Any, steps: tuple[str, ...]) -> Any:
    """The part of a fixed value or pattern at some steps; None when it says nothing there."""
    for step in steps:
        value = _only(value)
        value = value.get(step) if is_object(value) else None
    return _only(value) if steps else value


def _only(value: Any) -> Any:
    return value[0] if is_list(value) and len(value) == 1 else value
