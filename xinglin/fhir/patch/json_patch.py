"""JSON Patch. Source: RFC 6902 (patch), RFC 6901 (pointer); https://hl7.org/fhir/R4/http.html#patch"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xinglin.base.errors import Invalid, Malformed, TooLarge
from xinglin.fhir.codec import Resource
from xinglin.fhir.narrowing import is_list, is_object
from xinglin.fhir.patch.tree import DEPTH_MAX, OPERATIONS_MAX, Budget, equal, finished

_INDEX = re.compile(r"(0|[1-9]\d{0,8})\Z")
_BAD_ESCAPE = re.compile(r"~(?![01])")

Pointer = tuple[str, ...]


def apply_json_patch(resource: Resource, operations: Any) -> Resource:
    """The resource with the operations done in order, or not at all.

    `operations`: the parsed patch document. Raises `Malformed` (not a patch), `Invalid` (a place is not there, a test fails, the id or
    type would change), `TooLarge`.
    """
    if not is_list(operations):
        raise Malformed("A JSON Patch is a list of operations.")
    if len(operations) > OPERATIONS_MAX:
        raise TooLarge("A patch may have {most} operations.", most=OPERATIONS_MAX)
    budget = Budget()
    document = budget.copy(resource)
    for place, said in enumerate(operations):
        read = _read(said, place)
        document = _DEEDS[read.op](document, read, budget)
    return finished(document, resource)


@dataclass(frozen=True, slots=True)
class _Operation:
    op: str
    path: Pointer
    source: Pointer = ()
    value: Any = None


def _read(said: Any, place: int) -> _Operation:
    if not is_object(said) or not isinstance(said.get("op"), str) or said["op"] not in _DEEDS:
        raise Malformed("Operation {place} of the patch has no op of add, remove, replace, move, copy, test.", place=place)
    op = said["op"]
    needed = ["path"] + ["from"] * (op in ("move", "copy")) + ["value"] * (op in ("add", "replace", "test"))
    if missing := [name for name in needed if name not in said]:
        raise Malformed("Operation {place} ({op}) of the patch needs {name}.", place=place, op=op, name=missing[0])
    source = pointer(said["from"]) if "from" in needed else ()
    return _Operation(op, pointer(said["path"]), source, said.get("value"))


def pointer(text: Any) -> Pointer:
    """The steps of a JSON Pointer, escapes undone. Raises `Malformed`."""
    if not isinstance(text, str) or (text and text[0] != "/") or _BAD_ESCAPE.search(text):
        raise Malformed("{pointer} is not a JSON Pointer.", pointer=str(text)[:100])
    steps = tuple(step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:])
    if len(steps) > DEPTH_MAX:
        raise TooLarge("A JSON Pointer may have {most} steps.", most=DEPTH_MAX)
    return steps


# --- the six operations: (document, operation, budget) -> document ---


def _add(document: Any, said: _Operation, budget: Budget) -> Any:
    return _put(document, said.path, budget.copy(said.value))


def _remove(document: Any, said: _Operation, _: Budget) -> Any:
    return _taken(document, said.path)[0]


def _replace(document: Any, said: _Operation, budget: Budget) -> Any:
    value = budget.copy(said.value)
    if not said.path:
        return value
    parent = _at(document, said.path[:-1])
    parent[_existing(parent, said.path)] = value
    return document


def _move(document: Any, said: _Operation, _: Budget) -> Any:
    if said.path == said.source:
        _at(document, said.source)
        return document
    if said.path[: len(said.source)] == said.source:
        raise Invalid("{path} cannot be moved into itself.", path=_written(said.source))
    document, value = _taken(document, said.source)
    return _put(document, said.path, value)


def _copy(document: Any, said: _Operation, budget: Budget) -> Any:
    return _put(document, said.path, budget.copy(_at(document, said.source)))


def _test(document: Any, said: _Operation, _: Budget) -> Any:
    if not equal(_at(document, said.path), said.value):
        raise Invalid("The test of {path} fails: it has another value now.", path=_written(said.path))
    return document


_DEEDS: dict[str, Callable[[Any, _Operation, Budget], Any]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


# --- places in a document ---


def _at(document: Any, path: Pointer) -> Any:
    for deep in range(len(path)):
        document = document[_existing(document, path[: deep + 1])]
    return document


def _existing(parent: Any, path: Pointer) -> Any:
    """The key or index of the last step, which must be there."""
    step = path[-1]
    if is_object(parent) and step in parent:
        return step
    if is_list(parent) and _INDEX.match(step) and int(step) < len(parent):
        return int(step)
    raise Invalid("There is nothing at {path}.", path=_written(path))


def _put(document: Any, path: Pointer, value: Any) -> Any:
    if not path:
        return value
    parent, step = _at(document, path[:-1]), path[-1]
    if is_object(parent):
        parent[step] = value
    elif is_list(parent) and (step == "-" or (_INDEX.match(step) and int(step) <= len(parent))):
        parent.insert(len(parent) if step == "-" else int(step), value)
    else:
        raise Invalid("Nothing can be added at {path}.", path=_written(path))
    return document


def _taken(document: Any, path: Pointer) -> tuple[Any, Any]:
    if not path:
        raise Invalid("A patch cannot remove the whole resource.")
    parent = _at(document, path[:-1])
    return document, parent.pop(_existing(parent, path))


def _written(path: Pointer) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path) or "the resource"
