"""The terminology operations of R4 as functions: Parameters (or query pairs) in, Parameters or ValueSet out.

`id` is the logical id when the operation is called on one resource. Source: https://hl7.org/fhir/R4/terminology-service.html
"""

from __future__ import annotations

from xinglin.base.errors import Invalid, Malformed, NotFound
from xinglin.fhir.codec import Resource
from xinglin.fhir.narrowing import is_object
from xinglin.fhir.terminology.arguments import (
    Arguments,
    Coding,
    Input,
    parameter,
    parameters,
    part,
    read_arguments,
)
from xinglin.fhir.terminology.canonical import split
from xinglin.fhir.terminology.expansion import ExpansionAsked, page_of
from xinglin.fhir.terminology.expansion import expand as expand_members
from xinglin.fhir.terminology.members import Members
from xinglin.fhir.terminology.registry import Terminology, Versions
from xinglin.fhir.terminology.system import (
    System,
    children,
    designations,
    display,
    find,
    properties,
    relation,
)
from xinglin.fhir.terminology.translation import (
    NO_MATCH,
    ConceptMapping,
    Match,
    TranslationAsked,
)
from xinglin.fhir.terminology.translation import translate as translate_code

# --- CodeSystem/$lookup ---


def lookup(terminology: Terminology, given: Input) -> Resource:
    """What is known of a code. Raises `NotFound` when the system or the code is unknown."""
    asked = read_arguments(given)
    coding = _coding(asked)
    if coding.system is None:
        raise Malformed("$lookup needs a system with the code.")
    system = _known_system(terminology, coding.system, coding.version)
    code = find(system, coding.code)
    if code is None:
        raise NotFound("The code {code} is not in {system}.", code=coding.code, system=system.url)
    wanted = asked.texts("property")
    language = asked.text("displayLanguage")
    with_designations = not wanted or any(name == "designation" or name.startswith("lang.") for name in wanted)
    return parameters(
        parameter("name", "String", system.resource.get("name") or system.resource.get("title") or system.url),
        parameter("version", "String", system.version),
        parameter("display", "String", display(system, code, language) or code),
        *(_designation(said) for said in designations(system, code) if with_designations),
        *_properties(system, code, wanted),
    )


def _coding(asked: Arguments) -> Coding:
    coding, code = asked.coding("coding"), asked.text("code")
    if (coding is None) == (code is None):
        raise Malformed("Give either a code (with its system) or a coding.")
    return coding or Coding(asked.text("system"), asked.text("version"), code or "", asked.text("display"))


def _known_system(terminology: Terminology, url: str, version: str | None) -> System:
    system = terminology.system(url, version)
    if system is None:
        raise NotFound("The code system {system} is not loaded.", system=f"{url}|{version}" if version else url)
    return system


def _designation(said: Resource) -> Resource:
    return part(
        "designation",
        parameter("language", "Code", said.get("language")),
        parameter("use", "Coding", said.get("use")),
        parameter("value", "String", said.get("value")),
    )


def _properties(system: System, code: str, wanted: tuple[str, ...]) -> list[Resource]:
    """Properties of a code; without a wish all of them, its definition, its parents and its children."""
    found: list[tuple[str, str, object]] = []
    if definition := system.concepts[code].get("definition"):
        found.append(("definition", "String", definition))
    found += [("parent", "Code", above) for above in system.parents.get(code, ())]
    found += [("child", "Code", below) for below in children(system).get(code, ())]
    taken = (system.roles["parent"], system.roles["child"])
    for said in properties(system, code):
        kind = next((key for key in said if key.startswith("value")), None)
        if kind and said.get("code") not in taken:
            found.append((said["code"], kind.removeprefix("value"), said[kind]))
    return [
        part("property", parameter("code", "Code", name), parameter("value", kind, value))
        for name, kind, value in found
        if not wanted or name in wanted
    ]


# --- CodeSystem/$subsumes ---


def subsumes(terminology: Terminology, given: Input, id: str | None = None) -> Resource:
    """How code A stands to code B. Raises `NotFound` for an unknown system or code."""
    asked = read_arguments(given)
    a, b = _side(asked, "A"), _side(asked, "B")
    own = _instance(terminology, "CodeSystem", id)
    url = asked.text("system") or a.system or b.system or (own or {}).get("url")
    if url is None:
        raise Malformed("$subsumes needs a system.")
    if {a.system, b.system} - {None, url}:
        raise Invalid("$subsumes compares two codes of one system.")
    system = _known_system(terminology, url, asked.text("version") or (own or {}).get("version"))
    codes = [find(system, side.code) for side in (a, b)]
    for side, code in zip((a, b), codes, strict=True):
        if code is None:
            raise NotFound("The code {code} is not in {system}.", code=side.code, system=url)
    return parameters(parameter("outcome", "Code", relation(system, codes[0] or "", codes[1] or "")))


def _side(asked: Arguments, side: str) -> Coding:
    coding, code = asked.coding(f"coding{side}"), asked.text(f"code{side}")
    if (coding is None) == (code is None):
        raise Malformed("Give either code{side} or coding{side}.", side=side)
    return coding or Coding(None, None, code or "", None)


def _instance(terminology: Terminology, type: str, id: str | None) -> Resource | None:
    if id is None:
        return None
    found = terminology.by_id(type, id)
    if found is None:
        raise NotFound("{type}/{id} is not loaded.", type=type, id=id)
    return found


# --- ValueSet/$expand ---


def expand(terminology: Terminology, given: Input, id: str | None = None, *, identifier: str, timestamp: str) -> Resource:
    """A value set with its expansion. `identifier`: a uri for this expansion, `timestamp`: a dateTime; both come from the caller.

    Flat unless `excludeNested=false` is asked for the whole. Raises `NotFound`, `Invalid`, `TooCostly`.
    """
    asked = read_arguments(given)
    versions = _versions(asked)
    value_set, members = _value_set(terminology, asked, id, versions)
    offset, count = page_of(asked.number("offset"), asked.number("count"))
    wish = ExpansionAsked(
        filter=asked.text("filter"),
        offset=offset,
        count=count,
        active_only=asked.flag("activeOnly") is True,
        designations=asked.flag("includeDesignations") is True,
        designation=asked.texts("designation"),
        definition=asked.flag("includeDefinition") is True,
        nested=asked.flag("excludeNested") is False,
        not_for_ui=asked.flag("excludeNotForUI") is not True,
        language=asked.text("displayLanguage"),
        without=tuple(split(canonical)[0] for canonical in asked.texts("exclude-system")),
    )
    most = terminology.expansion_codes_max
    return expand_members(value_set, members, terminology.system, wish, identifier=identifier, timestamp=timestamp, codes_max=most)


def _versions(asked: Arguments) -> Versions:
    named = [asked.texts(name) for name in ("system-version", "force-system-version", "check-system-version")]
    maps = [{url: version for url, version in map(split, said) if version} for said in named]
    return Versions(*maps)


def _value_set(terminology: Terminology, asked: Arguments, id: str | None, versions: Versions) -> tuple[Resource, Members]:
    """The value set an operation is about: named by id or url, or sent along. Raises `NotFound` when it is not loaded."""
    sent = asked.resource("valueSet", "ValueSet") or _instance(terminology, "ValueSet", id)
    if sent is not None:
        return sent, terminology.members_of(sent, versions)
    url, version = split(asked.text("url") or "")
    version = asked.text("valueSetVersion") or version
    if not url:
        raise Malformed("Name the value set by url, or send it as valueSet.")
    canonical = f"{url}|{version}" if version else url
    value_set = terminology.value_set(canonical)
    members = None if value_set is None else terminology.members_of(value_set, versions) if versions else terminology.members(canonical)
    if value_set is None or members is None:
        raise NotFound("The value set {canonical} is not loaded.", canonical=canonical)
    return value_set, members


# --- ConceptMap/$translate ---


def translate(terminology: Terminology, given: Input, id: str | None = None) -> Resource:
    """The translations of a code, coding or CodeableConcept. Raises `NotFound` when the concept map is not loaded."""
    asked = read_arguments(given)
    maps = _maps(terminology, asked, id)
    found: list[tuple[Match, Coding]] = []
    for coding in _to_translate(asked):
        wish = TranslationAsked(
            system=coding.system or "",
            code=coding.code,
            target_system=asked.text("targetsystem"),
            reverse=asked.flag("reverse") is True,
            dependencies=_dependencies(asked),
        )
        found += [(match, coding) for one in maps for match in translate_code(one, wish, terminology.mapping)]
    result = any(match.equivalence not in NO_MATCH for match, _ in found)
    message = None if result else "No concept map has a translation for this code."
    return parameters(
        parameter("result", "Boolean", result), parameter("message", "String", message), *(_matched(match) for match, _ in found)
    )


def _to_translate(asked: Arguments) -> tuple[Coding, ...]:
    codings = asked.codings("codeableConcept")
    if not codings:
        codings = (_coding(asked),)
    if any(coding.system is None for coding in codings):
        raise Malformed("$translate needs a system with each code.")
    return codings


def _maps(terminology: Terminology, asked: Arguments, id: str | None) -> list[ConceptMapping]:
    """The maps to use: the one named, or all between the value sets given."""
    sent = asked.resource("conceptMap", "ConceptMap") or _instance(terminology, "ConceptMap", id)
    if sent is not None:
        return [terminology.mapping_of(sent)]
    if url := asked.text("url"):
        named = terminology.mapping(url, asked.text("conceptMapVersion"))
        if named is None:
            raise NotFound("The concept map {url} is not loaded.", url=url)
        return [named]
    source, target = asked.text("source"), asked.text("target")
    if asked.flag("reverse") is True:
        source, target = target, source
    return [
        terminology.mapping_of(one)
        for one in terminology.all("ConceptMap")
        if source in (None, _end(one, "source")) and target in (None, _end(one, "target"))
    ]


def _end(concept_map: Resource, side: str) -> str | None:
    return concept_map.get(f"{side}Uri") or concept_map.get(f"{side}Canonical")


def _dependencies(asked: Arguments) -> dict[str, tuple[str | None, str]]:
    given: dict[str, tuple[str | None, str]] = {}
    for said in asked.values.get("dependency", []):
        concept = said.get("concept") if is_object(said) else None
        element = said.get("element") if is_object(said) else None
        coding = next(iter(concept.get("coding", ())), None) if is_object(concept) else None
        if isinstance(element, str) and is_object(coding):
            given[element] = (coding.get("system"), str(coding.get("code")))
    return given


def _matched(match: Match) -> Resource:
    return part(
        "match",
        parameter("equivalence", "Code", match.equivalence),
        parameter("concept", "Coding", _concept(match.system, match.code, match.display, match.version) if match.code else None),
        *(
            part("product", parameter("element", "Uri", element), parameter("concept", "Coding", _concept(system, code, name)))
            for element, system, code, name in match.products
        ),
        parameter("source", "Uri", match.source),
    )


def _concept(system: str | None, code: str | None, name: str | None, version: str | None = None) -> Resource:
    named = {"system": system, "version": version, "code": code, "display": name}
    return {key: value for key, value in named.items() if value is not None}
