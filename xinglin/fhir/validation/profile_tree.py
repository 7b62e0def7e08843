"""A StructureDefinition's elements as a tree of constraints: children by name, slices by name.

The tree of a snapshot stands for itself; that of a differential only holds what it adds to its base, so the base is checked too.
Source: https://hl7.org/fhir/R4/profiling.html, element ids: https://hl7.org/fhir/R4/elementdefinition.html#id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from xinglin.fhir.codec import Resource
from xinglin.fhir.definitions import Invariant
from xinglin.fhir.validation.elements import check_of
from xinglin.fhir.validation.findings import Scope, refuses

CORE = "http://hl7.org/fhir/StructureDefinition/"
_COMPILED_MAX = 128


@dataclass(slots=True)
class Slicing:
    """How the values of an element are told apart: (kind, path) of each discriminator; `rules`: open, closed or openAtEnd."""

    discriminators: tuple[tuple[str, str], ...]
    rules: str
    ordered: bool


@dataclass(slots=True)
class Node:
    """What a profile says of one element, or of one slice of it. None and empty: nothing. `profiles`: those of each type in `kinds`."""

    min: int = 0
    max: int | None = None
    kinds: tuple[str, ...] = ()
    profiles: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    targets: tuple[str, ...] = ()
    fixed: Any = None
    pattern: Any = None
    strength: str = ""
    value_set: str = ""
    invariants: tuple[Invariant, ...] = ()
    slicing: Slicing | None = None
    children: dict[str, Node] = field(default_factory=dict[str, "Node"])
    slices: dict[str, Node] = field(default_factory=dict[str, "Node"])


@dataclass(frozen=True, slots=True)
class Profile:
    """A compiled profile. `base`: the profile it builds on and does not repeat, "" when there is none to check."""

    url: str
    type: str
    base: str
    root: Node


_compiled: dict[int, tuple[Resource, Profile | None]] = {}


def profile_of(structure: Resource) -> Profile | None:
    """The compiled form of a StructureDefinition, None when it is not valid R4 itself. Kept for as long as the same object comes back."""
    kept = _compiled.get(id(structure))
    if kept is not None:
        return kept[1]
    if len(_compiled) >= _COMPILED_MAX:
        _compiled.clear()
    profile = _compile(structure) if is_sound(structure, "StructureDefinition") else None
    _compiled[id(structure)] = (structure, profile)
    return profile


def is_sound(resource: Resource, type: str) -> bool:
    """Whether a resource has the form of a type; invariants are not asked."""
    return resource.get("resourceType") == type and not refuses(check_of(type, rules=False)(resource, Scope(resource)))


def _compile(structure: Resource) -> Profile:
    snapshot = structure.get("snapshot", {}).get("element", [])
    elements = snapshot or structure.get("differential", {}).get("element", [])
    root = Node()
    for element in elements:
        _describe(_at(root, _steps(element)), element)
    base = "" if snapshot else str(structure.get("baseDefinition", ""))
    return Profile(str(structure.get("url", "")), str(structure.get("type", "")), "" if base.startswith(CORE) else base, root)


def _steps(element: Resource) -> list[tuple[str, str]]:
    """(element, slice) for each step below the root of an element's id: `Patient.identifier:resident.use` -> identifier:resident, use."""
    id = element.get("id")
    if not isinstance(id, str):
        id = str(element.get("path", "")) + (f":{element['sliceName']}" if "sliceName" in element else "")
    steps = [step.partition(":") for step in id.split(".")[1:]]
    return [(name.removesuffix("[x]"), slice) for name, _, slice in steps]


def _at(root: Node, steps: list[tuple[str, str]]) -> Node:
    node = root
    for name, slice in steps:
        node = node.children.setdefault(name, Node())
        for part in slice.split("/") if slice else ():  # a/b: slice b within slice a
            node = node.slices.setdefault(part, Node())
    return node


def _describe(node: Node, element: Resource) -> None:
    node.min = element.get("min", 0)
    most = element.get("max", "*")
    node.max = int(most) if re.fullmatch("[0-9]{1,9}", most) else None
    types: list[Resource] = element.get("type", [])
    node.kinds = tuple(str(t.get("code", "")) for t in types)
    node.profiles = {str(t["code"]): _urls(t, "profile") for t in types if "profile" in t and "code" in t}
    node.targets = tuple(url for t in types for url in _urls(t, "targetProfile"))
    node.fixed = next((v for k, v in element.items() if k.startswith("fixed")), None)
    node.pattern = next((v for k, v in element.items() if k.startswith("pattern")), None)
    binding = element.get("binding", {})
    node.strength, node.value_set = binding.get("strength", ""), binding.get("valueSet", "").partition("|")[0]
    node.invariants = tuple(
        Invariant(rule["key"], rule.get("severity", "error"), rule["expression"], rule.get("human", ""))
        for rule in element.get("constraint", ())
        if "expression" in rule and "key" in rule and not _of_core(rule)
    )
    if slicing := element.get("slicing"):
        told = tuple((d.get("type", ""), d.get("path", "")) for d in slicing.get("discriminator", ()))
        node.slicing = Slicing(told, slicing.get("rules", "open"), slicing.get("ordered", False))


def _urls(type: Resource, key: str) -> tuple[str, ...]:
    """The urls of a list; null stands in it where a url has only an extension."""
    return tuple(url for url in type.get(key, ()) if url is not None)


def _of_core(rule: Resource) -> bool:
    """Rules a snapshot repeats from R4 itself: they were checked before."""
    return str(rule.get("source", "")).startswith(CORE) or rule["key"] in ("ele-1", "ext-1")
