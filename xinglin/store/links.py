"""References between the entries of one transaction: `urn:uuid:…` and conditional ones become `Type/id` before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from xinglin.fhir.codec import Resource


def rewritten(resource: Resource, targets: Mapping[str, str]) -> Resource:
    """The resource with every reference and uri that `targets` knows exchanged; parts without any are shared, not copied."""
    return _rewrite(resource, targets)


def _rewrite(value: Any, targets: Mapping[str, str]) -> Any:
    if type(value) is dict:
        return _rewrite_object(cast("dict[str, Any]", value), targets)
    if type(value) is list:
        parts = cast("list[Any]", value)
        fresh = [_target(part, targets) if type(part) is str else _rewrite(part, targets) for part in parts]
        return fresh if any(a is not b for a, b in zip(fresh, parts, strict=True)) else parts
    return value


def _rewrite_object(value: dict[str, Any], targets: Mapping[str, str]) -> dict[str, Any]:
    changed: dict[str, Any] | None = None
    for key, part in value.items():
        if type(part) is str and len(part) > 8:
            fresh = _target(part, targets)
        elif type(part) in (dict, list):
            fresh = _rewrite(part, targets)
        else:
            continue
        if fresh is not part:
            changed = changed or dict(value)
            changed[key] = fresh
    return changed if changed is not None else value


def _target(text: str, targets: Mapping[str, str]) -> str:
    found = targets.get(text)
    if found is None and "#" in text:  # a fragment of another entry
        base, _, fragment = text.partition("#")
        found = targets.get(base)
        return f"{found}#{fragment}" if found is not None else text
    return found if found is not None else text


def conditional(resources: Iterable[Resource]) -> set[str]:
    """The conditional references (`Patient?identifier=…`) in these resources."""
    return {
        text for resource in resources for text in _references(resource) if "?" in text and not text.startswith(("http:", "https:", "urn:"))
    }


def _references(value: Any) -> Iterator[str]:
    if type(value) is dict:
        for key, part in cast("dict[str, Any]", value).items():
            if key == "reference" and type(part) is str:
                yield part
            elif type(part) in (dict, list):
                yield from _references(part)
    elif type(value) is list:
        for part in cast("list[Any]", value):
            yield from _references(part)
