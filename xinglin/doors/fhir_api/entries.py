"""The entries of a batch or transaction, read into calls. Source: R4 http.html#transaction, bundle.html (Bundle.entry.request)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from xinglin.base.clock import moment_of
from xinglin.base.errors import Issue, Malformed, TooLarge, XinglinError
from xinglin.doors.fhir_api.asked import NONE, Conditions, pairs_of, segments_of, version_of
from xinglin.doors.fhir_api.call import Call
from xinglin.fhir.codec import Resource
from xinglin.fhir.dates import span_of

PHASES = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3, "HEAD": 3}
"""The order in which R4 processes the methods of a transaction."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its place in the bundle, its call, and the fullUrl other entries may refer to."""

    place: int
    call: Call
    full_url: str | None

    @property
    def phase(self) -> int:
        """Its turn by R4's order."""
        return PHASES[self.call.method]


def located(error: XinglinError, place: int) -> XinglinError:
    """The same error, saying which entry it is about."""
    at = f"Bundle.entry[{place}]"
    issues = tuple(_within(issue, at) for issue in error.as_issues())
    again = type(error)("{said}", issues=issues, retry_after_s=error.retry_after_s, said=str(error))
    again.places.update(error.places)
    return again


def _within(issue: Issue, at: str) -> Issue:
    if any(path.startswith(at) for path in issue.at):
        return issue
    inside = tuple(f"{at}.resource{_below(path)}" for path in issue.at)
    return replace(issue, at=inside or (at,))


def _below(path: str) -> str:
    _, dot, rest = path.partition(".")
    return dot + rest


def entries_of(bundle: Resource, most: int) -> list[Any]:
    """The raw entries; raises `Malformed`, `TooLarge`."""
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise Malformed("Bundle.entry is not a list.")
    if len(entries) > most:
        raise TooLarge("The bundle has {count} entries; {most} are the most: split it, or use $import.", count=len(entries), most=most)
    return entries


def entry_of(call: Call, raw: Any, place: int) -> Entry:
    """One entry as a call of its own; raises `Malformed` (with the entry named by the caller)."""
    if not isinstance(raw, dict):
        raise Malformed("An entry is not an object.")
    request = raw.get("request")
    if not isinstance(request, dict):
        raise Malformed("An entry of a batch or transaction needs a request.")
    method, url = request.get("method"), request.get("url")
    if not isinstance(method, str) or method not in PHASES:
        raise Malformed("request.method is not one of {methods}.", methods=", ".join(PHASES))
    if not isinstance(url, str):
        raise Malformed("request.url is missing.")
    given = raw.get("resource")
    if given is not None and (not isinstance(given, dict) or not isinstance(given.get("resourceType"), str)):
        raise Malformed("The entry's resource is not a resource.")
    if given is None and method in ("POST", "PUT", "PATCH") and "$" not in url:
        raise Malformed("A {method} entry needs a resource.", method=method)
    full_url = raw.get("fullUrl")
    if full_url is not None and not isinstance(full_url, str):
        raise Malformed("The entry's fullUrl is not text.")
    return Entry(place, _call(call, method, url, request, given), full_url or None)


def _call(call: Call, method: str, url: str, request: Resource, given: Resource | None) -> Call:
    path, _, query = url.strip().removeprefix(call.base).partition("?")
    if "://" in path:
        raise Malformed("The url {url} leads to another server.", url=url[:200])
    try:
        segments = segments_of(unquote(path, errors="strict")) if path else ()
        pairs = pairs_of(query.encode("utf-8")) if query else ()
    except UnicodeError as broken:
        raise Malformed("The url of an entry is not UTF-8.") from broken
    conditions = _conditions(request, call.conditions) if len(request) > 2 or call.conditions is not NONE else NONE
    type_ = segments[0] if segments else ""
    id_ = segments[1] if len(segments) > 1 else ""
    pen = call.pen.of_entry(query)
    return Call(method, segments, pairs, call.base, call.actor, call.records.apart(), call.means, pen, conditions, type_, id_, given=given)


def _conditions(request: Resource, outer: Conditions) -> Conditions:
    for name in ("ifMatch", "ifNoneMatch", "ifModifiedSince", "ifNoneExist"):
        if not isinstance(request.get(name, ""), str):
            raise Malformed("request.{name} is not text.", name=name)
    return Conditions(
        if_match=version_of(request["ifMatch"]) if "ifMatch" in request else None,
        if_none_match=request.get("ifNoneMatch", ""),
        if_modified_since=_instant(request.get("ifModifiedSince", "")),
        if_none_exist=request.get("ifNoneExist"),
        back=outer.back,
        strict=outer.strict,
    )


def _instant(text: str) -> datetime | None:
    return moment_of(span_of(text, UTC)[0]) if text else None
