"""Where a Reference may lead: `Type/id`, an absolute address, `urn:uuid:`, a conditional `Type?…`, or `#id`: a contained resource."""

from __future__ import annotations

import re
from typing import Any

from xinglin.fhir.definitions import RESOURCE_TYPES
from xinglin.fhir.validation.findings import Check, Found, Scope, error, shown

_TYPES = frozenset(RESOURCE_TYPES)
_TYPE_AND_ID = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?(?:#.*)?\Z").match


def reference_to(targets: tuple[str, ...], base: Check) -> Check:
    """A check of a Reference element: `base` looks at its form, this at where it leads; no targets = any resource."""
    allowed = frozenset(targets) or _TYPES
    starts = tuple(f"{target}/" for target in sorted(allowed))

    def check(value: Any, scope: Scope) -> Found:
        found = base(value, scope)
        if found is not None:
            return found
        link = value.get("reference")
        if link is None or ((link.startswith("urn:") or link.startswith(starts)) and "type" not in value):
            return _said_type(value, allowed)
        return _led_astray(link, allowed, scope) or _said_type(value, allowed)

    return check


def _led_astray(link: str, allowed: frozenset[str], scope: Scope) -> Found:
    if link.startswith("#"):
        return _contained(link, allowed, scope)
    led = _TYPE_AND_ID(link)
    type = led[1] if led else link.partition("?")[0] if "?" in link else None
    if type in _TYPES:
        return None if type in allowed else _wrong(type, allowed, ".reference")
    if "://" not in link and not link.startswith(("urn:", "/")) and type is not None:
        return error("value", f"{shown(link)} names no resource type of R4.", ".reference")
    return None


def _contained(link: str, allowed: frozenset[str], scope: Scope) -> Found:
    if link == "#":  # from a contained resource to the one around it
        type: str | None = str(scope.root.get("resourceType")) if scope.resource is not scope.root else None
    else:
        type = scope.contained.get(link[1:])
    if type is None:
        return error("invariant", f"ref-1: {shown(link)} leads to no contained resource.")
    return None if type in allowed else _wrong(type, allowed, ".reference")


def _said_type(value: dict[str, Any], allowed: frozenset[str]) -> Found:
    type = value.get("type")
    if type is None or type in allowed or type not in _TYPES:
        return None
    return _wrong(str(type), allowed, ".type")


def _wrong(type: str, allowed: frozenset[str], place: str) -> Found:
    names = sorted(allowed)
    wanted = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
    return error("value", f"This reference may not lead to {type}; it may lead to {wanted}.", place)
