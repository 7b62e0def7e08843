"""`$translate`: from the codes of one system to those of another, by concept maps, either way round.

Source: FHIR R4, ConceptMap (https://hl7.org/fhir/R4/conceptmap.html) and its operation `translate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from xinglin.base.errors import Invalid
from xinglin.fhir.codec import Resource
from xinglin.fhir.terminology.canonical import split

NO_MATCH = ("unmatched", "disjoint")
_TURNED = {"wider": "narrower", "narrower": "wider", "subsumes": "specializes", "specializes": "subsumes"}
OTHER_MAPS_MAX = 8


@dataclass(frozen=True, slots=True)
class Match:
    """One translation. `products` and `depends_on` are (element uri, system, code, display)."""

    equivalence: str
    system: str | None
    version: str | None
    code: str | None
    display: str | None
    products: tuple[tuple[str, str | None, str, str | None], ...]
    source: str | None


@dataclass(frozen=True, slots=True)
class ConceptMapping:
    """A ConceptMap indexed both ways: (system, code) -> what it says of it, as (group, element, target)."""

    resource: Resource
    forward: Mapping[tuple[str, str], list[tuple[Resource, Resource, Resource]]]
    backward: Mapping[tuple[str, str], list[tuple[Resource, Resource, Resource]]]


@dataclass(frozen=True, slots=True)
class TranslationAsked:
    """One code to translate; `dependencies`: element uri -> (system or None, code)."""

    system: str
    code: str
    target_system: str | None = None
    reverse: bool = False
    dependencies: Mapping[str, tuple[str | None, str]] | None = None


def make_mapping(resource: Resource) -> ConceptMapping:
    """The index of a ConceptMap resource."""
    forward: dict[tuple[str, str], list[tuple[Resource, Resource, Resource]]] = {}
    backward: dict[tuple[str, str], list[tuple[Resource, Resource, Resource]]] = {}
    for group in resource.get("group", ()):
        source, target_system = group.get("source", ""), group.get("target", "")
        for element in group.get("element", ()):
            for target in element.get("target", ()):
                row = (group, element, target)
                forward.setdefault((source, element.get("code", "")), []).append(row)
                if "code" in target:
                    backward.setdefault((target_system, target["code"]), []).append(row)
    return ConceptMapping(resource, forward, backward)


def translate(mapping: ConceptMapping, asked: TranslationAsked, other: Callable[[str], ConceptMapping | None]) -> list[Match]:
    """Every translation the map gives; `other` finds the maps that `unmapped` leads to."""
    return list(_translate(mapping, asked, other, 0))


def _translate(
    mapping: ConceptMapping, asked: TranslationAsked, other: Callable[[str], ConceptMapping | None], deep: int
) -> Iterator[Match]:
    index = mapping.backward if asked.reverse else mapping.forward
    rows = index.get((asked.system, asked.code), [])
    for group, element, target in rows:
        found_system = group.get("source") if asked.reverse else group.get("target")
        if asked.target_system in (None, found_system) and _applies(target, asked):
            yield _match(mapping, group, element, target, asked.reverse)
    if not rows and not asked.reverse:
        yield from _unmapped(mapping, asked, other, deep)


def _applies(target: Resource, asked: TranslationAsked) -> bool:
    """A target that depends on other elements holds only when these were given, with the value it wants."""
    given = asked.dependencies or {}
    for needed in target.get("dependsOn", ()):
        system, code = given.get(needed.get("property", ""), (None, None))
        if code != needed.get("value") or (system and needed.get("system") and split(needed["system"])[0] != system):
            return False
    return True


def _match(mapping: ConceptMapping, group: Resource, element: Resource, target: Resource, reverse: bool) -> Match:
    said = str(target.get("equivalence", "equivalent"))
    side, end = ("source", element) if reverse else ("target", target)
    products = () if reverse else target.get("product", ())
    return Match(
        equivalence=_TURNED.get(said, said) if reverse else said,
        system=group.get(side),
        version=group.get(side + "Version"),
        code=end.get("code"),
        display=end.get("display"),
        products=tuple((p.get("property", ""), p.get("system"), p.get("value", ""), p.get("display")) for p in products),
        source=mapping.resource.get("url"),
    )


def _unmapped(
    mapping: ConceptMapping, asked: TranslationAsked, other: Callable[[str], ConceptMapping | None], deep: int
) -> Iterator[Match]:
    """What a group says to do with a code of its source that it does not map: keep it, give a fixed code, ask another map."""
    for group in mapping.resource.get("group", ()):
        rule, target = group.get("unmapped"), group.get("target")
        if rule is None or group.get("source") != asked.system or asked.target_system not in (None, target):
            continue
        url = mapping.resource.get("url")
        if rule.get("mode") == "provided":
            yield Match("equal", target, None, asked.code, None, (), url)
        elif rule.get("mode") == "fixed":
            yield Match("inexact", target, None, rule.get("code"), rule.get("display"), (), url)
        elif rule.get("mode") == "other-map":
            if deep >= OTHER_MAPS_MAX:
                raise Invalid("The concept map {url} leads on and on to other maps.", url=url)
            if (following := other(rule.get("url", ""))) is not None:
                yield from _translate(following, asked, other, deep + 1)
