"""What kind of JSON value this is, said so that the type checker knows it too."""

from __future__ import annotations

from typing import Any, TypeGuard

from xinglin.fhir.codec import Resource


def is_object(value: Any) -> TypeGuard[Resource]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether a JSON value is a list."""
    return isinstance(value, list)
