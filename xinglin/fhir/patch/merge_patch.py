"""JSON Merge Patch. Source: RFC 7396. Not one of R4's formats, but what the Python client fhirpy sends."""

from __future__ import annotations

from typing import Any

from xinglin.base.errors import Malformed
from xinglin.fhir.codec import Resource
from xinglin.fhir.narrowing import is_object
from xinglin.fhir.patch.tree import Budget, finished


def apply_merge_patch(resource: Resource, patch: Any) -> Resource:
    """The resource with the members of the patch: objects merged, null removed, lists and all else replaced whole.

    Raises `Malformed` (not a patch), `Invalid` (the id or type would change), `TooLarge`.
    """
    if not is_object(patch):
        raise Malformed("A merge patch is an object.")
    budget = Budget()
    return finished(_merged(budget.copy(resource), budget.copy(patch)), resource)


def _merged(target: Any, patch: Any) -> Any:
    if not is_object(patch):
        return patch
    result: Resource = target if is_object(target) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value)
    return result
