"""One code system made ready for questions: is this a code, what is it called, what stands above and below it.

Source: FHIR R4, CodeSystem (https://hl7.org/fhir/R4/codesystem.html) and its concept properties. Whatever `hierarchyMeaning` says, the
hierarchy is taken as subsumption, for that is how classifications such as ICD are asked.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from xinglin.fhir.codec import Resource
from xinglin.fhir.narrowing import is_object

PROPERTY_URI = "http://hl7.org/fhir/concept-properties#"
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class System:
    """A code system and its supplements. `concepts`: code -> its CodeSystem.concept element, in the order of the definition.

    `parents`: code -> codes right above (absent: a root). `folded`: lower-case code -> code, None when case matters. `roles`: standard
    concept property -> the code this system gives it. The three maps at the end fill up as questions come.
    """

    url: str
    version: str | None
    resource: Resource
    concepts: Mapping[str, Resource]
    parents: Mapping[str, tuple[str, ...]]
    folded: Mapping[str, str] | None
    supplements: Mapping[str, tuple[Resource, ...]]
    roles: Mapping[str, str]
    ancestors_known: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    children_known: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    text_known: list[Any] = field(default_factory=list[Any])


def make_system(resource: Resource, supplements: Sequence[Resource] = ()) -> System:
    """The code system of a CodeSystem resource; `supplements` are CodeSystems of content `supplement`."""
    concepts, nested = _flatten(resource)
    roles = {name: _role(resource, name) for name in ("parent", "child", "inactive", "status", "notSelectable")}
    extra: dict[str, tuple[Resource, ...]] = {}
    for supplement in supplements:
        for code, concept in _flatten(supplement)[0].items():
            extra[code] = (*extra.get(code, ()), concept)
    return System(
        url=resource.get("url", ""),
        version=resource.get("version"),
        resource=resource,
        concepts=concepts,
        parents=_parents(concepts, nested, roles),
        folded={code.lower(): code for code in concepts} if resource.get("caseSensitive") is False else None,
        supplements=extra,
        roles=roles,
    )


def _flatten(resource: Resource) -> tuple[dict[str, Resource], dict[str, list[str]]]:
    """Concepts in the order of the definition, and which concepts they are nested in. A stack, not recursion: depth is the author's."""
    concepts: dict[str, Resource] = {}
    nested: dict[str, list[str]] = {}
    waiting: list[tuple[Resource, str | None]] = [(concept, None) for concept in reversed(resource.get("concept", ()))]
    while waiting:
        concept, above = waiting.pop()
        code = concept.get("code")
        if not isinstance(code, str):
            continue
        concepts.setdefault(code, concept)
        if above is not None:
            nested.setdefault(code, []).append(above)
        waiting.extend((below, code) for below in reversed(concept.get("concept", ())))
    return concepts, nested


def _role(resource: Resource, name: str) -> str:
    for definition in resource.get("property", ()):
        if definition.get("uri") == PROPERTY_URI + name:
            return definition.get("code", name)
    return name


def _parents(concepts: Mapping[str, Resource], nested: dict[str, list[str]], roles: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Nesting, `parent` properties and `child` properties, put together."""
    found = {code: list(above) for code, above in nested.items()}
    for code, concept in concepts.items():
        for said in concept.get("property", ()):
            other = value_of(said)
            if other not in concepts:
                continue
            if said.get("code") == roles["parent"]:
                found.setdefault(code, []).append(other)
            elif said.get("code") == roles["child"]:
                found.setdefault(other, []).append(code)
    return {code: tuple(dict.fromkeys(above)) for code, above in found.items()}


# --- codes and their words ---


def find(system: System, code: str) -> str | None:
    """The code as the system writes it (case folded where the system says so), or None."""
    if code in system.concepts:
        return code
    return system.folded.get(code.lower()) if system.folded is not None else None


def designations(system: System, code: str) -> Iterator[Resource]:
    """The designations of a code, those of supplements after its own."""
    for concept in (system.concepts[code], *system.supplements.get(code, ())):
        yield from concept.get("designation", ())


def properties(system: System, code: str) -> Iterator[Resource]:
    """The properties of a code as {code, value[x]}, those of supplements after its own."""
    for concept in (system.concepts[code], *system.supplements.get(code, ())):
        yield from concept.get("property", ())


def display(system: System, code: str, language: str | None = None) -> str | None:
    """What the code is called, in a language if there is such a designation (`zh` is met by `zh-CN`), else as defined."""
    own = system.concepts[code].get("display")
    if language and not speaks(system.resource.get("language"), language):
        for said in designations(system, code):
            if speaks(said.get("language"), language):
                return said.get("value", own)
    return own


def speaks(language: str | None, asked: str) -> bool:
    """Whether a language tag is the one asked for, or a dialect of it."""
    return language is not None and (language.lower() + "-").startswith(asked.lower() + "-")


def value_of(said: Resource) -> Any:
    """The value[x] of a concept property; of a Coding its code."""
    for key, value in said.items():
        if key.startswith("value"):
            return value["code"] if is_object(value) and "code" in value else value
    return None


def values(system: System, code: str, name: str) -> Iterator[str]:
    """The values of a property of a code as text; `code`, `concept`, `display`, `definition`, `parent` and `child` are properties too."""
    if name in ("code", "concept"):
        yield code
    elif name in ("display", "definition"):
        if (text := system.concepts[code].get(name)) is not None:
            yield text
    elif name == system.roles["parent"]:
        yield from system.parents.get(code, ())
    elif name == system.roles["child"]:
        yield from children(system).get(code, ())
    else:
        for said in properties(system, code):
            if said.get("code") == name:
                yield as_text(value_of(said))


def as_text(value: Any) -> str:
    """A property value as a filter writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def said_with(system: System, typed: Sequence[str]) -> set[str]:
    """The codes in whose code, display or designations every typed word stands. `typed`: case folded, without line ends, at least one.

    All words of a system lie in one text, made once: a search is a scan of it, not a call for each code.
    """
    if not system.text_known:
        lines = [_line(system, code) for code in system.concepts]
        system.text_known.extend(("\n".join(lines), [0, *accumulate(len(line) + 1 for line in lines)], list(system.concepts)))
    text, starts, codes = system.text_known
    rarest = max(typed, key=len)
    found: set[str] = set()
    place = text.find(rarest)
    while place >= 0:
        at = bisect_right(starts, place) - 1
        if all(word in text[starts[at] : starts[at + 1]] for word in typed):
            found.add(codes[at])
        place = text.find(rarest, starts[at + 1])
    return found


def _line(system: System, code: str) -> str:
    said = [str(one.get("value", "")) for one in designations(system, code)]
    return " ".join(" ".join([code, system.concepts[code].get("display", ""), *said]).casefold().split())


def is_active(system: System, code: str) -> bool:
    """False when a property says inactive, or that its status is retired or inactive."""
    roles = system.roles
    for said in properties(system, code):
        if said.get("code") == roles["inactive"] and as_text(value_of(said)) == "true":
            return False
        if said.get("code") == roles["status"] and value_of(said) in ("retired", "inactive"):
            return False
    return True


def is_abstract(system: System, code: str) -> bool:
    """True when the code groups others and is not for use itself (`notSelectable`)."""
    role = system.roles["notSelectable"]
    return any(said.get("code") == role and as_text(value_of(said)) == "true" for said in properties(system, code))


# --- hierarchy ---


def children(system: System) -> Mapping[str, list[str]]:
    """Code -> codes right below; made once."""
    if not system.children_known and system.parents:
        for code in system.concepts:
            for above in system.parents.get(code, ()):
                system.children_known.setdefault(above, []).append(code)
    return system.children_known


def ancestors(system: System, code: str) -> frozenset[str]:
    """All codes above, itself not among them; kept for the next time. A hierarchy that runs in a circle does no harm."""
    known = system.ancestors_known.get(code)
    if known is None:
        known = system.ancestors_known[code] = _reach(system.parents, code) if code in system.parents else _NONE
    return known


def descendants(system: System, code: str) -> frozenset[str]:
    """All codes below, itself not among them."""
    return _reach(children(system), code)


def _reach(steps: Mapping[str, Sequence[str]], start: str) -> frozenset[str]:
    seen: set[str] = set()
    waiting = list(steps.get(start, ()))
    while waiting:
        code = waiting.pop()
        if code not in seen:
            seen.add(code)
            waiting.extend(steps.get(code, ()))
    seen.discard(start)
    return frozenset(seen)


def relation(system: System, a: str, b: str) -> str:
    """How code A stands to code B: `equivalent`, `subsumes`, `subsumed-by` or `not-subsumed` (R4 concept-subsumption-outcome)."""
    if a == b:
        return "equivalent"
    if a in ancestors(system, b):
        return "subsumes"
    return "subsumed-by" if b in ancestors(system, a) else "not-subsumed"
