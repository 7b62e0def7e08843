"""A resource against the profiles it claims (meta.profile) or is asked to meet: cardinality, fixed and pattern values, slices, required
bindings, reference targets, extensions and invariants. `mustSupport` is a duty of programs, not of data.

Only resources that are valid R4 come here. Source: https://hl7.org/fhir/R4/profiling.html, https://hl7.org/fhir/R4/structuredefinition.html.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from xinglin.base.errors import XinglinError
from xinglin.fhir.codec import Resource
from xinglin.fhir.definitions import RESOURCE_TYPES, code_system, is_a, plain_type, value_set
from xinglin.fhir.narrowing import is_object
from xinglin.fhir.validation.bindings import Parts, is_in
from xinglin.fhir.validation.findings import Finding, Found, Scope, below, error, joined, refuses, shown
from xinglin.fhir.validation.invariants import rule_of
from xinglin.fhir.validation.items import Item, items_of
from xinglin.fhir.validation.profile_tree import CORE, Node, Profile, Slicing, is_sound, profile_of
from xinglin.fhir.validation.slicing import belongs, can_tell, matches_pattern, slicing_of

DEPTH_MAX = 12
"""Profiles upon profiles, and profiles within profiles."""

CODED = ("code", "Coding", "CodeableConcept", "Quantity")
SYSTEM_KIND = "http://hl7.org/fhirpath/System."


class ProfileSource(Protocol):
    """Where profiles come from."""

    def structure(self, url: str) -> Resource | None:
        """The StructureDefinition or ValueSet of a canonical url (without version), None when it is not known."""
        ...


class Meeting:
    """One resource meeting profiles: what is needed all the way down."""

    def __init__(self, source: ProfileSource, scope: Scope, invariants: bool) -> None:
        self.source = source
        self.scope = scope
        self.invariants = invariants

    def profile(self, item: Item, url: str, depth: int = 0) -> Found:
        """The item against one profile, and the profile's base where it does not repeat it."""
        url = url.partition("|")[0]
        if depth > DEPTH_MAX:
            return [Finding("warning", "too-long", f"{url} builds on too many profiles: not checked.")]
        if url.startswith(CORE) and "/" not in (name := url.removeprefix(CORE)) and (name in RESOURCE_TYPES or is_a(name, "Element")):
            return None if is_a(item.type, name) or item.kind == plain_type(name) else error("structure", f"This is not a {name}.")
        structure = self.source.structure(url)
        profile = profile_of(structure) if structure is not None else None
        if profile is None:
            why = "not known here" if structure is None else "itself not a valid StructureDefinition"
            return [Finding("information", "not-found", f"The profile {shown(url)} is {why}: not checked.")]
        if profile.type != item.type and not is_a(item.type, profile.type):
            return error("structure", f"The profile {url} is of {profile.type}, not of {item.type}.")
        found = self.profile(item, profile.base, depth + 1) if profile.base else None
        return joined(found, self._value(item, profile.root, depth, profile))

    def _value(self, item: Item, node: Node, depth: int, profile: Profile) -> Found:
        """One value of an element against what is said of it and below it."""
        found = self._fixed(item, node)
        coded = item.value is not None and (item.kind in CODED or len(node.kinds) == 1)
        if coded and node.strength == "required" and not self.in_set(node.value_set, item.kind, item.value):
            found = joined(found, error("code-invalid", f"This is not in {node.value_set}, which {profile.url} requires."))
        if item.kind == "Reference" and node.targets:
            found = joined(found, self._target(item, node))
        if urls := node.profiles.get(item.kind):
            found = joined(found, self._one_of(item, urls, depth))
        for rule in node.invariants if self.invariants else ():
            found = joined(found, self._ruled(item, rule))
        for name, child in node.children.items():
            found = joined(found, self._element(item, name, child, depth, profile))
        return found

    def _one_of(self, item: Item, urls: tuple[str, ...], depth: int) -> Found:
        """The value conforms to one of the profiles of its type."""
        met = [self.profile(item, url, depth + 1) for url in urls]
        sound = next((found for found in met if not refuses(found)), met[0])
        return sound if len(met) == 1 or not refuses(sound) else error("structure", f"This meets none of {', '.join(urls)}.")

    def _fixed(self, item: Item, node: Node) -> Found:
        if node.fixed is not None and item.value != node.fixed:
            fixed = f" ({shown(node.fixed)})" if isinstance(node.fixed, str) else ""
            return error("value", f"The value is not the one that the profile fixes{fixed}.")
        if node.pattern is not None and not matches_pattern(item.value, node.pattern):
            return error("value", "The value does not match the pattern of the profile.")
        return None

    def _target(self, item: Item, node: Node) -> Found:
        type = _linked_type(item.object, self.scope)
        wanted = {self._type_of(url) for url in node.targets}
        if type is None or None in wanted or any(is_a(type, str(want)) for want in wanted):
            return None
        return error("value", f"This reference may not lead to {type}; it may lead to {', '.join(sorted(map(str, wanted)))}.", ".reference")

    def _type_of(self, url: str) -> str | None:
        name = url.removeprefix(CORE)
        if name in RESOURCE_TYPES or name == "Resource":
            return name
        structure = self.source.structure(url.partition("|")[0])
        return structure.get("type") if structure else None

    def _ruled(self, item: Item, rule: Any) -> Found:
        try:
            return rule_of(item.type if is_object(item.value) else item.kind, rule)(item.value, self.scope)
        except XinglinError as broken:
            return [Finding("warning", "not-supported", f"{rule.key} cannot be asked: {broken}")]

    def _element(self, of: Item, name: str, node: Node, depth: int, profile: Profile) -> Found:
        """All values of one element of an object."""
        items = items_of(of.object, of.type, name)
        found = _counted(len(items), node, f".{name}", profile.url)
        kinds = {plain_type(kind) for kind in node.kinds if not kind.startswith(SYSTEM_KIND)}
        for item in items:
            if kinds and not any(item.kind == kind or is_a(item.type, kind) for kind in kinds):
                wrong = f"{item.kind} is not among the types {profile.url} allows: {', '.join(sorted(kinds))}."
                found = below(found, error("structure", wrong), item.place)
            elif (bad := self._value(item, node, depth, profile)) is not None:
                found = below(found, bad, item.place)
        return joined(found, self._slices(items, name, node, depth, profile)) if node.slices else found

    def _slices(self, items: list[Item], name: str, node: Node, depth: int, profile: Profile) -> Found:
        slicing = slicing_of(name, node)
        if slicing is None or not can_tell(slicing):
            unchecked = f"The slices of {profile.url} here are told apart in a way that is not checked."
            return [Finding("information", "not-supported", unchecked, f".{name}")]
        found: Found = None
        taken: list[tuple[Item, str]] = []
        for item in items:
            slice = next((s for s, n in node.slices.items() if belongs(item, n, slicing, self.in_set, self._conforms)), "")
            taken.append((item, slice))
            if slice and (bad := self._value(item, node.slices[slice], depth, profile)) is not None:
                found = below(found, bad, item.place)
        for slice, inner in node.slices.items():
            own = [item for item, of in taken if of == slice]
            found = joined(found, _counted(len(own), inner, f".{name}", f"the slice {slice} of {profile.url}"))
            if inner.slices and own:
                found = joined(found, self._slices(own, name, inner, depth, profile))
        return joined(found, _placed(taken, name, node, slicing, profile))

    def in_set(self, url: str, kind: str, value: Any) -> bool:
        """Whether a code, Coding, CodeableConcept or Quantity is in a value set; True when the set cannot be enumerated."""
        parts = self._parts(url)
        if parts is None:
            return True
        if kind == "CodeableConcept":
            return any(is_in(coding, parts) for coding in value.get("coding", ()))
        if kind in ("Coding", "Quantity"):
            return is_in(value, parts)
        return not isinstance(value, str) or any(value in codes for _, codes in parts)

    def _parts(self, url: str) -> Parts | None:
        known = value_set(url)
        if known is not None:
            return known
        stored = self.source.structure(url)
        return _enumerated(stored) if stored and is_sound(stored, "ValueSet") else None

    def _conforms(self, item: Item, url: str) -> bool:
        return not refuses(self.profile(item, url, 1))


def _counted(count: int, node: Node, place: str, of: str) -> Found:
    if count < node.min:
        return error("required", f"{of} requires {node.min} of this element; there {'is' if count == 1 else 'are'} {count}.", place)
    if node.max is not None and count > node.max:
        return error("structure", f"{of} allows {node.max} of this element; there {'is' if count == 1 else 'are'} {count}.", place)
    return None


def _placed(taken: list[tuple[Item, str]], name: str, node: Node, slicing: Slicing, profile: Profile) -> Found:
    """Closed slicing takes every value; an ordered one wants the order of its slices; openAtEnd has others last."""
    found: Found = None
    rules = node.slicing.rules if node.slicing else slicing.rules
    names = list(node.slices)
    order = [names.index(slice) if slice else len(names) for _, slice in taken]
    if rules == "closed":
        for item, slice in taken:
            if not slice:
                found = below(found, error("structure", f"This is none of the slices of {profile.url}: {', '.join(names)}."), item.place)
    elif rules == "openAtEnd" and len(names) in order and any(o < len(names) for o in order[order.index(len(names)) :]):
        found = joined(found, error("structure", f"{profile.url} wants what is of no slice at the end.", f".{name}"))
    if slicing.ordered and (known := [o for o in order if o < len(names)]) != sorted(known):
        found = joined(found, error("structure", f"{profile.url} wants this order: {', '.join(names)}.", f".{name}"))
    return found


def _linked_type(reference: Resource, scope: Scope) -> str | None:
    link = reference.get("reference", "")
    if link.startswith("#"):
        return scope.contained.get(link[1:])
    return next((part for part in reversed(link.split("?")[0].split("/")) if part in RESOURCE_TYPES), reference.get("type"))


def _enumerated(stored: Resource) -> Parts | None:
    """The codes of a stored ValueSet that lists them, takes in whole systems known here, or is expanded."""
    rows: Iterable[Resource] = stored.get("compose", {}).get("include", ())
    parts: list[tuple[str, frozenset[str]]] = []
    for row in rows:
        system = code_system(row.get("system", ""))
        if "valueSet" in row or "filter" in row or ("concept" not in row and system is None):
            return None
        codes = frozenset(c["code"] for c in row["concept"] if "code" in c) if "concept" in row else frozenset(system[1] if system else ())
        parts.append((row.get("system", ""), codes))
    return None if not parts or "exclude" in stored.get("compose", {}) else tuple(parts)
