"""Is this a valid R4 resource, and does it meet its profiles? `validate` says what is wrong with it, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from xinglin.base.errors import Issue
from xinglin.fhir.codec import Resource
from xinglin.fhir.narrowing import is_object
from xinglin.fhir.validation.elements import check_of
from xinglin.fhir.validation.findings import Finding, Found, Scope, below, issues, refuses
from xinglin.fhir.validation.items import Item
from xinglin.fhir.validation.profiles import Meeting, ProfileSource

__all__ = ["ProfileSource", "validate"]


def validate(
    resource: Resource, *, profiles: ProfileSource | None = None, against: Sequence[str] = (), invariants: bool = True
) -> tuple[Issue, ...]:
    """Every fault of a resource with its FHIRPath location, () when there is none. "error" refuses it, "warning" does not. Never raises.

    With `profiles`, a resource that is valid R4 is also held against the profiles it and the resources in it claim in `meta.profile`,
    and against those whose urls are in `against`.
    """
    given: Any = resource
    try:
        found = check_of("Resource", invariants)(given, Scope(given))
        if profiles is not None and not refuses(found):
            for place, one, scope in _resources(given, "", Scope(given)):
                claimed = (*one.get("meta", {}).get("profile", ()), *(against if one is given else ()))
                found = _meet(found, place, one, Meeting(profiles, scope, invariants), claimed)
    except RecursionError:
        found = [Finding("error", "too-long", "The resource is nested too deep.")]
    name = given.get("resourceType") if is_object(given) else None
    return issues(found, name if isinstance(name, str) and name.isalpha() else "Resource")


def _meet(found: Found, place: str, resource: Resource, meeting: Meeting, urls: Sequence[str]) -> Found:
    for url in dict.fromkeys(url for url in urls if url):
        if bad := meeting.profile(Item(resource, "Resource", ""), url):
            found = below(found, bad, place)
    return found


def _resources(resource: Resource, place: str, scope: Scope) -> Iterator[tuple[str, Resource, Scope]]:
    """The resource and those within it: contained ones, bundle entries, parameters' resources."""
    yield place, resource, scope
    for index, one in enumerate(resource.get("contained", ())):
        yield f"{place}.contained[{index}]", one, scope.inside(one)
    if resource["resourceType"] == "Bundle":
        for index, entry in enumerate(resource.get("entry", ())):
            if "resource" in entry:
                one = entry["resource"]
                yield from _resources(one, f"{place}.entry[{index}].resource", Scope(one))
    if resource["resourceType"] == "Parameters":
        for index, parameter in enumerate(resource.get("parameter", ())):
            if "resource" in parameter:
                one = parameter["resource"]
                yield from _resources(one, f"{place}.parameter[{index}].resource", Scope(one))
