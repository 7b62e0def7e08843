"""What both kinds of patch need of a JSON tree: copying within a budget, equality as JSON means it, and a last look at the result."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from xinglin.base.errors import Invalid, TooLarge
from xinglin.fhir.codec import Resource
from xinglin.fhir.narrowing import is_list, is_object

OPERATIONS_MAX = 1000
NODES_MAX = 200_000
"""Values a patch may copy in all, so that copies of copies do not grow without end."""
DEPTH_MAX = 200


class Budget:
    """Counts what a patch copies."""

    __slots__ = ("_left",)

    def __init__(self, nodes: int = NODES_MAX) -> None:
        self._left = nodes

    def copy(self, value: Any, deep: int = 0) -> Any:
        """A deep copy of a JSON value. Raises `TooLarge` when the budget is spent or the value is too deep."""
        self._left -= 1
        if self._left < 0 or deep > DEPTH_MAX:
            raise TooLarge("The patch makes the resource too large.")
        if is_object(value):
            return {key: self.copy(inner, deep + 1) for key, inner in value.items()}
        if is_list(value):
            return [self.copy(inner, deep + 1) for inner in value]
        return value


def equal(a: Any, b: Any) -> bool:
    """Equality of JSON values (RFC 6902, 4.6): numbers by value, `true` is not 1, lists in order, objects in any order."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if is_object(a) and is_object(b):
        return a.keys() == b.keys() and all(equal(value, b[key]) for key, value in a.items())
    if is_list(a) and is_list(b):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, int | Decimal) and isinstance(b, int | Decimal):
        return a == b
    return type(a) is type(b) and a == b


def finished(patched: Any, original: Mapping[str, Any]) -> Resource:
    """The result without lists and objects that the patch emptied. Raises `Invalid` when the patch changed the id or the type."""
    if not is_object(patched) or any(patched.get(key) != original.get(key) for key in ("resourceType", "id")):
        raise Invalid("A patch cannot change the id or the resourceType of a resource.")
    return _pruned(patched, 0)


def _pruned(value: Any, deep: int) -> Any:
    if deep > DEPTH_MAX:
        raise TooLarge("The patch nests the resource too deep.")
    if is_object(value):
        inner = {key: _kept(key, one, deep + 1) for key, one in value.items()}
        return {key: one for key, one in inner.items() if one is not None and one != {} and not _is_void(one)}
    return _kept("", value, deep) if is_list(value) else value


def _kept(key: str, value: Any, deep: int) -> Any:
    """What is left of one member. Where a list stands beside another (`_given` beside `given`), a void keeps its place as null."""
    if not is_list(value):
        return _pruned(value, deep)
    inner = [_pruned(one, deep + 1) for one in value]
    return [None if one == {} else one for one in inner] if key.startswith("_") else [one for one in inner if one not in ({}, [])]


def _is_void(value: Any) -> bool:
    return is_list(value) and all(one is None for one in value)
