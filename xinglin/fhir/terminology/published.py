"""The code systems and value sets R4 itself defines, made into resources from the definitions' tables when one is asked for."""

from __future__ import annotations

from functools import cache

from xinglin.fhir import definitions
from xinglin.fhir.codec import Resource

VERSION = "4.0.1"


def published(type: str, url: str, version: str | None = None) -> Resource | None:
    """A CodeSystem or ValueSet of R4 by its address; None when R4 has none, not as a list of codes, or in another version."""
    if type == "CodeSystem" and version and (old := _code_system(f"{url}|{version}")):
        return old
    if version not in (None, VERSION):
        return None
    return _code_system(url) if type == "CodeSystem" else _value_set(url) if type == "ValueSet" else None


def _version(url: str) -> Resource:
    """Tables of HL7 v2 have versions of their own, `url|2.1`; what FHIR itself defines has that of R4; v3 is left without."""
    own = url.partition("|")[2] or (VERSION if url.startswith("http://hl7.org/fhir/") else "")
    return {"version": own} if own else {}


@cache
def _code_system(url: str) -> Resource | None:
    found = definitions.code_system(url)
    if found is None:
        return None
    title, concepts = found
    listed: list[Resource] = []
    for concept in concepts.values():
        above: Resource = {"property": [{"code": "parent", "valueCode": concept.parent}]} if concept.parent else {}
        listed.append({"code": concept.code, "display": concept.display} | above)
    properties = [{"code": "parent", "uri": "http://hl7.org/fhir/concept-properties#parent", "type": "code"}]
    head: Resource = {"resourceType": "CodeSystem", "url": url.partition("|")[0], "name": title, "title": title}
    head |= {"status": "active", "content": "complete"} | _version(url)
    return head | {"caseSensitive": True, "property": properties, "concept": listed}


@cache
def _value_set(url: str) -> Resource | None:
    parts = definitions.value_set(url)
    if parts is None:
        return None
    include: list[Resource] = []
    for system, codes in parts:
        known = definitions.code_system(system)
        ordered = [code for code in (known[1] if known else sorted(codes)) if code in codes]
        url_alone, _, version = system.partition("|")
        rule: Resource = {"system": url_alone} | ({"version": version} if version else {})
        include.append(rule | ({} if known and len(ordered) == len(known[1]) else {"concept": [{"code": c} for c in ordered]}))
    name = url.rpartition("/")[2]
    head: Resource = {"resourceType": "ValueSet", "url": url, "name": name, "status": "active"}
    return head | _version(url) | {"compose": {"include": include}}
