"""The terminology of one server: CodeSystems, ValueSets and ConceptMaps by canonical address, in memory, worked out when first asked.

Not for several threads at once. What is loaded is not copied: do not change a resource that was put here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from xinglin.base.errors import Invalid, Malformed, Unknown
from xinglin.fhir.codec import Resource
from xinglin.fhir.terminology.canonical import split, version_key
from xinglin.fhir.terminology.members import Members, members_of
from xinglin.fhir.terminology.published import published
from xinglin.fhir.terminology.system import (
    System,
    ancestors,
    descendants,
    find,
    make_system,
    relation,
)
from xinglin.fhir.terminology.translation import ConceptMapping, make_mapping

TYPES = ("CodeSystem", "ValueSet", "ConceptMap")
EXPANSION_CODES_MAX = 50_000
IMPORTS_DEEP_MAX = 32


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    resource: Resource
    order: int


class Terminology:
    """Loaded code systems, value sets and concept maps. `put` and `drop` keep it in step with the store.

    `published`: those R4 itself defines are known too, where none of that address is loaded.
    """

    __slots__ = (
        "_by_id",
        "_by_url",
        "_implicit",
        "_mappings",
        "_members",
        "_order",
        "_published",
        "_supplements",
        "_systems",
        "expansion_codes_max",
    )

    def __init__(
        self, resources: Iterable[Resource] = (), *, published: bool = False, expansion_codes_max: int = EXPANSION_CODES_MAX
    ) -> None:
        self.expansion_codes_max = expansion_codes_max
        self._published = published
        self._order = 0
        self._by_id: dict[tuple[str, str], _Held] = {}
        self._by_url: dict[tuple[str, str], list[_Held]] = {}
        self._supplements: dict[str, list[_Held]] = {}
        self._implicit: dict[str, str] = {}
        self._systems: dict[tuple[str, str | None], System] = {}
        self._members: dict[str, Members] = {}
        self._mappings: dict[int, ConceptMapping] = {}
        for resource in resources:
            self.put(resource)

    # --- what is loaded ---

    def put(self, resource: Resource) -> None:
        """Takes a CodeSystem, ValueSet or ConceptMap in, in place of what had its id; other types are passed over."""
        kind = resource.get("resourceType", "")
        if kind not in TYPES:
            return
        self._order += 1
        key = (kind, str(resource.get("id") or f"#{self._order}"))
        self.drop(*key)
        held = self._by_id[key] = _Held(resource, self._order)
        if base := _supplemented(resource):
            self._supplements.setdefault(base, []).append(held)
        elif url := resource.get("url"):
            self._by_url.setdefault((kind, url), []).append(held)
        self._forget(kind)

    def drop(self, type: str, id: str) -> None:
        """Forgets a resource; nothing happens when it is not loaded."""
        held = self._by_id.pop((type, id), None)
        if held is None:
            return
        kept = self._by_url.get((type, held.resource.get("url", "")), [])
        if base := _supplemented(held.resource):
            kept = self._supplements[base]
        if held in kept:
            kept.remove(held)
        self._forget(type)

    def _forget(self, kind: str) -> None:
        """What was worked out may rest on what changed. Only for the kinds others are made of."""
        if kind == "CodeSystem":
            self._systems.clear()
            self._implicit.clear()
        if kind == "ConceptMap":
            self._mappings.clear()
        else:
            self._members.clear()

    def by_id(self, type: str, id: str) -> Resource | None:
        """A loaded resource by its logical id."""
        held = self._by_id.get((type, id))
        return held.resource if held else None

    def resource(self, type: str, url: str, version: str | None = None) -> Resource | None:
        """A loaded resource by its canonical address (`url` may end in `|version`): that version, or the newest, active ones first."""
        url, said = split(url)
        held = self._by_url.get((type, url), [])
        wanted = version or said
        if wanted:
            held = [h for h in held if h.resource.get("version") == wanted]
        if not held:
            return published(type, url, wanted) if self._published else None
        return max(held, key=_newness).resource

    def all(self, type: str) -> list[Resource]:
        """Every loaded resource of a type, in the order it came."""
        return [held.resource for (kind, _), held in self._by_id.items() if kind == type]

    # --- code systems ---

    def system(self, url: str, version: str | None = None) -> System | None:
        """A code system ready for questions, its supplements included; None when it (or that version) is not loaded."""
        key = (url, version)
        known = self._systems.get(key)
        if known is None:
            resource = self.resource("CodeSystem", url, version)
            if resource is None:
                return None
            known = self._systems[key] = make_system(resource, self._supplements_of(resource))
        return known

    def _supplements_of(self, resource: Resource) -> list[Resource]:
        held = self._supplements.get(resource.get("url", ""), ())
        return [h.resource for h in held if split(h.resource["supplements"])[1] in (None, resource.get("version"))]

    def subsumption(self, system: str, a: str, b: str) -> str | None:
        """How code A stands to code B (`equivalent`, `subsumes`, `subsumed-by`, `not-subsumed`), None when either is unknown."""
        known = self.system(system)
        if known is None or a not in known.concepts or b not in known.concepts:
            return None
        return relation(known, a, b)

    def below(self, system: str, code: str) -> frozenset[str] | None:
        """The code and all below it, for `:below`; None when the system or code is unknown."""
        known = self.system(system)
        exact = find(known, code) if known else None
        return None if known is None or exact is None else descendants(known, exact) | {exact}

    def above(self, system: str, code: str) -> frozenset[str] | None:
        """The code and all above it, for `:above`; None when the system or code is unknown."""
        known = self.system(system)
        exact = find(known, code) if known else None
        return None if known is None or exact is None else ancestors(known, exact) | {exact}

    # --- search ---

    def codes(self, how: str, operand: str) -> Collection[tuple[str, str]]:
        """What `:in` (a value set), `:above` and `:below` (`system|code`, or a code of any loaded system) mean, as (system, code).

        Raises `Unknown` when the terminology cannot say, `Malformed` for another `how`.
        """
        if how == "in":
            found = self.codes_of(operand)
            if found is None:
                raise Unknown("The value set {canonical}, or a code system it needs, is not loaded.", canonical=operand)
            return found
        if how not in ("above", "below"):
            raise Malformed("A terminology knows in, above and below, not {how}.", how=how)
        url, _, code = operand.rpartition("|")
        reach = self.below if how == "below" else self.above
        systems = [url] if url else [key[1] for key, held in self._by_url.items() if key[0] == "CodeSystem" and held]
        pairs = [(system, one) for system in systems for one in reach(system, code) or ()]
        if not pairs:
            raise Unknown("The code {code} is not in a loaded code system.", code=operand)
        return pairs

    # --- value sets ---

    def has(self, value_set: str, system: str, code: str) -> bool | None:
        """Whether a value set holds a code: a hash probe once worked out. None when it cannot be said (something is not loaded)."""
        members = self._members.get(value_set) or self.members(value_set)
        if members is None:
            return None
        if members.has(system, code):
            return True
        if system in members.codes and (known := self.system(system)) and known.folded is not None:
            return (exact := find(known, code)) is not None and members.has(system, exact)
        return None if members.missing else False

    def codes_of(self, value_set: str) -> frozenset[tuple[str, str]] | None:
        """All (system, code) of a value set, for `:in`; None when it is unknown or something it rests on is not loaded."""
        members = self.members(value_set)
        if members is None or members.missing:
            return None
        return frozenset((system, code) for system, codes in members.codes.items() for code in codes)

    def value_set(self, canonical: str, version: str | None = None) -> Resource | None:
        """A value set by address: a loaded one, or an implicit one (`system?fhir_vs`, `…?fhir_vs=isa/code`, a code system's own)."""
        found = self.resource("ValueSet", canonical, version)
        return found or self._implied(canonical)

    def members(self, canonical: str) -> Members | None:
        """The members of a value set by address, kept for the next time; None when unknown. Raises `Invalid`, `NotFound`, `TooCostly`."""
        known = self._members.get(canonical)
        return known if known is not None else _World(self).imported(canonical)

    def members_of(self, value_set: Resource, versions: Versions | None = None) -> Members:
        """The members of a value set given as a resource, with code system versions to use; not kept."""
        return members_of(value_set, _World(self, versions or Versions()))

    def keep(self, canonical: str, members: Members) -> Members:
        """Keeps what was worked out for an address."""
        self._members[canonical] = members
        return members

    def known_members(self, canonical: str) -> Members | None:
        """What was kept for an address."""
        return self._members.get(canonical)

    # --- concept maps ---

    def mapping(self, url: str, version: str | None = None) -> ConceptMapping | None:
        """A concept map by address, indexed both ways and kept; None when it is not loaded."""
        resource = self.resource("ConceptMap", url, version)
        return self.mapping_of(resource) if resource else None

    def mapping_of(self, resource: Resource) -> ConceptMapping:
        """The index of a loaded concept map, kept for the next time."""
        known = self._mappings.get(id(resource))
        if known is None:
            known = self._mappings[id(resource)] = make_mapping(resource)
        return known

    def _implied(self, canonical: str) -> Resource | None:
        url, version = split(canonical)
        base, asked, query = url.partition("?fhir_vs")
        if not asked and self.resource("CodeSystem", url) is None:
            url = base = self._own_value_sets().get(url, "")
        if self.resource("CodeSystem", base, version) is None:
            return None
        include: Resource = {"system": base} | ({"version": version} if version else {})
        if query.startswith("=isa/"):
            include["filter"] = [{"property": "concept", "op": "is-a", "value": query.removeprefix("=isa/")}]
        elif query:
            return None
        return {"resourceType": "ValueSet", "url": canonical, "status": "active", "compose": {"include": [include]}}

    def _own_value_sets(self) -> Mapping[str, str]:
        """CodeSystem.valueSet -> code system; made once."""
        if not self._implicit:
            for system in self.all("CodeSystem"):
                if "valueSet" in system and "url" in system:
                    self._implicit[split(system["valueSet"])[0]] = system["url"]
        return self._implicit


@dataclass(frozen=True, slots=True)
class Versions:
    """Code system versions an expansion asks for: used where the value set names none, used in any case, and refused when others."""

    preferred: Mapping[str, str] = field(default_factory=dict[str, str])
    forced: Mapping[str, str] = field(default_factory=dict[str, str])
    checked: Mapping[str, str] = field(default_factory=dict[str, str])

    def __bool__(self) -> bool:
        return bool(self.preferred or self.forced or self.checked)


class _World:
    """The terminology as one value set sees it while it is worked out: the versions asked for, and the imports open so far."""

    __slots__ = ("_open", "_terminology", "_versions")

    def __init__(self, terminology: Terminology, versions: Versions | None = None, open: tuple[str, ...] = ()) -> None:
        self._terminology, self._versions, self._open = terminology, versions or Versions(), open

    def system(self, url: str, version: str | None = None) -> System | None:
        asked = self._versions.forced.get(url) or version or self._versions.preferred.get(url)
        found = self._terminology.system(url, asked)
        checked = self._versions.checked.get(url)
        if found and checked and found.version != checked:
            raise Invalid("The value set uses version {used} of {system}, not {asked}.", used=found.version, system=url, asked=checked)
        return found

    def imported(self, canonical: str) -> Members | None:
        if not self._versions and (known := self._terminology.known_members(canonical)) is not None:
            return known
        if canonical in self._open or len(self._open) >= IMPORTS_DEEP_MAX:
            raise Invalid("The value set {canonical} contains itself, or imports go too deep.", canonical=canonical)
        value_set = self._terminology.value_set(canonical)
        if value_set is None:
            return None
        members = members_of(value_set, _World(self._terminology, self._versions, (*self._open, canonical)))
        return members if self._versions else self._terminology.keep(canonical, members)


def _supplemented(resource: Resource) -> str | None:
    """The url of the code system a supplement is for."""
    if resource.get("resourceType") != "CodeSystem" or resource.get("content") != "supplement":
        return None
    return split(resource.get("supplements") or "")[0] or None


def _newness(held: _Held) -> tuple[object, ...]:
    resource = held.resource
    return (resource.get("status") == "active", version_key(resource.get("version")), str(resource.get("date", "")), held.order)
