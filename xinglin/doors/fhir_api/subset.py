"""A part of a resource, marked SUBSETTED. Source: R4 search.html#summary, #elements."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from xinglin.base.errors import Malformed
from xinglin.doors.fhir_api.asked import Pairs
from xinglin.fhir.codec import Resource, decode_resource, encode
from xinglin.fhir.definitions import element_of

SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
_ALWAYS = frozenset({"resourceType", "id", "meta"})
_SUMMARIES = ("true", "text", "data", "count", "false")


@dataclass(frozen=True, slots=True)
class Subset:
    """What is left of a resource. `summary`: "true", "text" or "data", or "" when `elements` names what stays."""

    summary: str = ""
    elements: frozenset[str] = frozenset()


def subset_of(query: Pairs) -> Subset | None:
    """The subset `_summary` and `_elements` ask for, None for the whole resource; raises `Malformed`."""
    summary = next((value for name, value in query if name == "_summary"), "false")
    if summary not in _SUMMARIES:
        raise Malformed("_summary={value} is not one of true, text, data, count, false.", value=summary[:40])
    elements = [part for name, value in query if name == "_elements" for part in value.split(",")]
    return subset(summary, tuple(elements))


def subset(summary: str | None, elements: tuple[str, ...]) -> Subset | None:
    """The same from a search's own fields."""
    named = frozenset(part.strip().rpartition(".")[2] for part in elements if part.strip())
    if named:
        return Subset("", named)
    return Subset(summary) if summary in ("true", "text", "data") else None


def shown(content: bytes, asked: Subset) -> bytes:
    """A stored resource's bytes cut down to the subset and tagged."""
    return encode(cut(decode_resource(content), asked))


def cut(resource: Resource, asked: Subset) -> Resource:
    """A resource cut down to the subset and tagged."""
    type_ = resource["resourceType"]
    kept = {key: value for key, value in resource.items() if _stays(type_, key, asked)}
    if asked.summary == "true":
        kept = {key: _summarised(type_, key, value) for key, value in kept.items()}
    meta = kept.get("meta", {})
    tags = meta.get("tag", [])
    return kept | {"meta": meta | {"tag": [*tags, SUBSETTED]}}


@lru_cache(maxsize=4096)
def _stays(type_: str, key: str, asked: Subset) -> bool:
    name = key.removeprefix("_")
    if name in _ALWAYS:
        return True
    found = element_of(type_, name)
    if found is None:
        return False
    element = found[0]
    if asked.summary == "true":
        return element.summary
    if asked.summary == "text":
        return name == "text" or element.min > 0
    if asked.summary == "data":
        return name != "text"
    return element.name in asked.elements or element.min > 0


def _summarised(type_: str, key: str, value: object) -> object:
    """Within backbone elements only what is marked too; data types stay whole."""
    found = element_of(type_, key.removeprefix("_"))
    if found is None or "." not in found[1]:
        return value
    if isinstance(value, list):
        return [_summarised_part(found[1], part) for part in value]
    return _summarised_part(found[1], value)


def _summarised_part(backbone: str, part: object) -> object:
    if not isinstance(part, dict):
        return part
    kept: Resource = {}
    for key, value in part.items():
        found = element_of(backbone, key.removeprefix("_"))
        if found and (found[0].summary or found[0].min > 0):
            kept[key] = _summarised(backbone, key, value)
    return kept
