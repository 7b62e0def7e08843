"""Invariants worth their own code: nearly every resource meets them, or FHIRPath would walk the whole resource for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC
from decimal import Decimal
from typing import Any

from xinglin.base.errors import Malformed
from xinglin.fhir.dates import span_of
from xinglin.fhir.validation.findings import Scope
from xinglin.fhir.validation.skeleton import UCUM, Ask, Truth

Object = Mapping[str, Any]


def _contained(value: Object) -> list[Object]:
    return value.get("contained") or []


def _dom_2(value: Object, _scope: Scope) -> Truth:
    return "contained" not in value or not any("contained" in one for one in value["contained"])


def _dom_3(value: Object, scope: Scope) -> Truth:
    if "contained" not in value:
        return True
    links = {text for text in strings(scope.resource) if text.startswith("#")}
    return all(f"#{one.get('id', '')}" in links or "#" in strings(one) for one in _contained(value))


def _dom_4(value: Object, _scope: Scope) -> Truth:
    return "contained" not in value or not any(("versionId" in m or "lastUpdated" in m) for m in _metas(value))


def _dom_5(value: Object, _scope: Scope) -> Truth:
    return "contained" not in value or not any("security" in meta for meta in _metas(value))


def _metas(value: Object) -> list[Object]:
    return [one.get("meta", {}) for one in _contained(value)]


def _dom_6(value: Object, _scope: Scope) -> Truth:
    return "text" in value and "div" in value["text"]


def strings(value: Any) -> Iterator[str]:
    """Every string of a JSON value."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            left.extend(one.values())  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        elif isinstance(one, list):
            left.extend(one)  # pyright: ignore[reportUnknownArgumentType]


def _per_1(value: Object, _scope: Scope) -> Truth:
    start, end = value.get("start"), value.get("end")
    if start is None or end is None:
        return True
    if start[10:11] and len(start) == len(end) and start[19:] == end[19:]:
        return start <= end
    return not is_after(start, end)


def is_after(start: str, end: str) -> bool:
    """Whether a date or time is after another for certain, whatever their precisions."""
    try:
        return span_of(start, UTC)[0] >= span_of(end, UTC)[1]
    except Malformed:
        return False


def _rng_2(value: Object, _scope: Scope) -> Truth:
    low, high = value.get("low", {}), value.get("high", {})
    units = ("system", "code") if "code" in low or "code" in high else ("unit",)
    if "value" not in low or "value" not in high or any(low.get(u) != high.get(u) for u in units):
        return True
    return low["value"] <= high["value"]


def _age_1(value: Object, scope: Scope) -> Truth:
    return _measured(value, scope) and ("value" not in value or value["value"] > 0)


def _cnt_3(value: Object, scope: Scope) -> Truth:
    number = value.get("value", 0)
    whole = not isinstance(number, Decimal) or "." not in str(number)
    return _measured(value, scope) and value.get("code", "1") == "1" and whole


def _measured(value: Object, _scope: Scope) -> bool:
    return ("code" in value or "value" not in value) and value.get("system", UCUM) == UCUM


def _obs_7(value: Object, _scope: Scope) -> Truth:
    components: list[Object] = value.get("component", ())
    if not components or not any(key.startswith("value") for key in value):
        return True
    whole = _codings(value.get("code", {}))
    return not any(whole & _codings(component.get("code", {})) for component in components)


def _codings(concept: Object) -> set[tuple[Any, ...]]:
    return {tuple(sorted((k, v) for k, v in coding.items() if isinstance(v, str | bool))) for coding in concept.get("coding", ())}


def _bdl_3(value: Object, _scope: Scope) -> Truth:
    asks = value.get("type") in ("batch", "transaction", "history")
    return all(("request" in entry) is asks for entry in value.get("entry", ()))


def _bdl_4(value: Object, _scope: Scope) -> Truth:
    answers = value.get("type") in ("batch-response", "transaction-response", "history")
    return all(("response" in entry) is answers for entry in value.get("entry", ()))


def _bdl_7(value: Object, _scope: Scope) -> Truth:
    if value.get("type") == "history":
        return True
    named = [(e["fullUrl"], e.get("resource", {}).get("meta", {}).get("versionId")) for e in value.get("entry", ()) if "fullUrl" in e]
    return len(set(named)) == len(named)


def _bdl_8(value: Object, _scope: Scope) -> Truth:
    return "/_history/" not in value.get("fullUrl", "")


def _ext_1(value: Object, _scope: Scope) -> Truth:
    return ("extension" in value) is not any(key.startswith(("value", "_value")) for key in value)


def _que_2(value: Object, _scope: Scope) -> Truth:
    links = list(_link_ids(value))
    return len(set(links)) == len(links)


def _link_ids(value: Object) -> Iterator[str]:
    left: list[Object] = list(value.get("item", ()))
    while left:
        item = left.pop()
        if "linkId" in item:
            yield item["linkId"]
        left.extend(item.get("item", ()))


NATIVE: dict[str, Ask] = {
    "age-1": _age_1,
    "bdl-3": _bdl_3,
    "bdl-4": _bdl_4,
    "bdl-7": _bdl_7,
    "bdl-8": _bdl_8,
    "cnt-3": _cnt_3,
    "dis-1": _measured,
    "dom-2": _dom_2,
    "dom-3": _dom_3,
    "dom-4": _dom_4,
    "dom-5": _dom_5,
    "dom-6": _dom_6,
    "ext-1": _ext_1,
    "obs-7": _obs_7,
    "per-1": _per_1,
    "que-2": _que_2,
    "rng-2": _rng_2,
}
"""Invariant key -> question. Keys that R4 uses for more than one rule (inv-1) may not stand here."""
