"""What a value set holds: its `compose` worked out to the set of codes of each system, so that asking after a code is one hash probe.

Source: FHIR R4, ValueSet composition rules (https://hl7.org/fhir/R4/valueset.html#compositions).
"""

from __future__ import annotations

from collections.abc import Iterable, KeysView, Mapping
from dataclasses import dataclass
from typing import Protocol

from xinglin.base.errors import Invalid, NotFound
from xinglin.fhir.codec import Resource
from xinglin.fhir.terminology.canonical import join
from xinglin.fhir.terminology.filters import keep
from xinglin.fhir.terminology.system import System, find, is_active

Codes = dict[str, KeysView[str]]
"""system -> its codes, in order. Keys of a dict: ordered, and a set."""


@dataclass(frozen=True, slots=True)
class Members:
    """The codes of a value set. `stated`: the element that names a code with words of its own (include.concept, expansion.contains).

    `versions`: system -> version used. `missing`: canonicals of systems and value sets that are not loaded; a "no" is then not certain.
    """

    codes: Mapping[str, KeysView[str]]
    stated: Mapping[tuple[str, str], Resource]
    versions: Mapping[str, str | None]
    missing: tuple[str, ...] = ()

    def has(self, system: str, code: str) -> bool:
        """Whether the value set holds the code, written exactly so."""
        codes = self.codes.get(system)
        return codes is not None and code in codes

    def __len__(self) -> int:
        return sum(map(len, self.codes.values()))


class World(Protocol):
    """Where a value set finds what it is made of."""

    def system(self, url: str, version: str | None = None) -> System | None:
        """A loaded code system."""
        ...

    def imported(self, canonical: str) -> Members | None:
        """The members of another loaded value set. Raises `Invalid` when it is being worked out already."""
        ...


def members_of(value_set: Resource, world: World) -> Members:
    """The members of a value set; its stored expansion where the compose cannot be worked out.

    Raises `Invalid` (a rule makes no sense), `NotFound` (what an exclude names is not loaded), `TooCostly` (a regular expression).
    """
    expansion: Resource = value_set.get("expansion") or {}
    if value_set.get("compose") is None:
        return _from_expansion(expansion)
    made = _Making(world)
    try:
        members = _composed(value_set["compose"], made)
    except NotFound:
        if not _is_whole(expansion):
            raise
        return _from_expansion(expansion)
    return _from_expansion(expansion) if members.missing and _is_whole(expansion) else members


@dataclass(slots=True)
class _Making:
    """What gathers while one compose is worked out."""

    world: World
    stated: dict[tuple[str, str], Resource]
    versions: dict[str, str | None]
    missing: list[str]

    def __init__(self, world: World) -> None:
        self.world, self.stated, self.versions, self.missing = world, {}, {}, []


def _composed(compose: Resource, made: _Making) -> Members:
    codes: Codes = {}
    for include in compose.get("include", ()):
        for system, more in _rule(include, made).items():
            codes[system] = _join(codes[system], more) if system in codes else more
    lacking = len(made.missing)
    for exclude in compose.get("exclude", ()):
        for system, fewer in _rule(exclude, made).items():
            if system in codes:
                codes[system] = dict.fromkeys(code for code in codes[system] if code not in fewer).keys()
        if len(made.missing) > lacking:
            raise NotFound("The value set leaves out codes of {canonical}, which is not loaded.", canonical=made.missing[-1])
    if compose.get("inactive") is False:
        codes = {url: _active(made.world.system(url), kept) for url, kept in codes.items()}
    return Members({url: kept for url, kept in codes.items() if kept}, made.stated, made.versions, tuple(dict.fromkeys(made.missing)))


def _join(first: KeysView[str], more: Iterable[str]) -> KeysView[str]:
    return (dict.fromkeys(first) | dict.fromkeys(more)).keys()


def _active(system: System | None, codes: KeysView[str]) -> KeysView[str]:
    if system is None:
        return codes
    return dict.fromkeys(c for c in codes if c not in system.concepts or is_active(system, c)).keys()


def _rule(rule: Resource, made: _Making) -> Codes:
    """One include or exclude: the codes of its system that are also in every value set it names."""
    imports, url = rule.get("valueSet", ()), rule.get("system")
    if not imports and not url:
        raise Invalid("An include or exclude of a value set needs a system or a valueSet.")
    if url and not imports:
        return {url: _of_system(url, rule, made)}
    parts = [_imported(canonical, made) for canonical in imports]
    codes = dict(parts[0].codes)
    for other in parts[1:]:
        codes = {s: _meet(kept, other.codes[s]) for s, kept in codes.items() if s in other.codes}
    if url:
        own = _of_system(url, rule, made)
        codes = {url: _meet(own, codes[url])} if url in codes else {}
    return codes


def _meet(first: KeysView[str], second: KeysView[str]) -> KeysView[str]:
    return dict.fromkeys(code for code in first if code in second).keys()


def _imported(canonical: str, made: _Making) -> Members:
    members = made.world.imported(canonical)
    if members is None:
        made.missing.append(canonical)
        return Members({}, {}, {})
    made.stated.update({k: v for k, v in members.stated.items() if k not in made.stated})
    made.versions.update({k: v for k, v in members.versions.items() if k not in made.versions})
    made.missing.extend(members.missing)
    return members


def _of_system(url: str, rule: Resource, made: _Making) -> KeysView[str]:
    listed, filters, version = rule.get("concept"), rule.get("filter"), rule.get("version")
    system = made.world.system(url, version)
    if url not in made.versions:
        made.versions[url] = system.version if system else version
    if listed and filters:
        raise Invalid("An include of a value set may name concepts or filters, not both (vsd-3).")
    if listed:
        return _listed(url, listed, system, made)
    if system is None or system.resource.get("content") == "not-present":
        made.missing.append(join(url, version))
        return dict[str, None]().keys()
    return keep(system, filters) if filters else system.concepts.keys()


def _listed(url: str, listed: list[Resource], system: System | None, made: _Making) -> KeysView[str]:
    """Concepts named one by one need no loaded system: the value set itself is the authority that they are meant."""
    codes: dict[str, None] = {}
    for concept in listed:
        code = concept.get("code")
        if not isinstance(code, str):
            raise Invalid("A concept of a value set needs a code.")
        code = (find(system, code) if system else None) or code
        codes[code] = None
        if "display" in concept or "designation" in concept or system is None:
            made.stated.setdefault((url, code), concept)
    return codes.keys()


# --- an expansion made elsewhere ---


def _is_whole(expansion: Resource) -> bool:
    if not expansion or expansion.get("offset"):
        return False
    total = expansion.get("total")
    return total is None or total <= len(_from_expansion(expansion))


def _from_expansion(expansion: Resource) -> Members:
    codes: dict[str, dict[str, None]] = {}
    stated: dict[tuple[str, str], Resource] = {}
    versions: dict[str, str | None] = {}
    waiting = list(reversed(expansion.get("contains", ())))
    while waiting:
        entry = waiting.pop()
        waiting.extend(reversed(entry.get("contains", ())))
        system, code = entry.get("system"), entry.get("code")
        if isinstance(system, str) and isinstance(code, str):
            codes.setdefault(system, {})[code] = None
            stated[system, code] = entry
            versions.setdefault(system, entry.get("version"))
    return Members({system: kept.keys() for system, kept in codes.items()}, stated, versions)
