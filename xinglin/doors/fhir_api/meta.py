"""$meta, $meta-add, $meta-delete. Sources: R4 resource-operation-meta.html, -meta-add.html, -meta-delete.html."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xinglin.base.errors import Malformed
from xinglin.doors.fhir_api.call import Call
from xinglin.doors.fhir_api.operations import parameters_of, values_of
from xinglin.doors.fhir_api.permits import permit, permitted
from xinglin.doors.fhir_api.reply import Reply
from xinglin.doors.fhir_api.written import checked_now, write_one
from xinglin.fhir.codec import Resource, encode
from xinglin.fhir.definitions import RESOURCE_TYPES
from xinglin.fhir.search.model import Search
from xinglin.store import Amend

NEWEST = 100
"""`$meta` on a type looks at so many of its newest resources."""
_LABELS = ("profile", "security", "tag")


async def meta_of_one(call: Call) -> Reply:
    """The instance's meta."""
    permit(call, "read", call.type)
    stored = await call.records.read(call.type, call.id)
    return _answer(stored.resource().get("meta", {}))


async def meta_of_many(call: Call) -> Reply:
    """The labels in use on a type, or on every type the role may read: those of the newest resources of each."""
    if call.type:
        permit(call, "search", call.type)
    types = (call.type,) if call.type else permitted(call, "search", RESOURCE_TYPES)
    merged: Resource = {}
    for type_ in types:
        page = await call.records.search(Search(type_, count=NEWEST, total="none"))
        for stored in page.matches:
            merged = _with(merged, stored.resource().get("meta", {}))
    return _answer(merged)


async def meta_add(call: Call) -> Reply:
    """Labels added to an instance; those it has are not doubled."""
    return await _amend(call, _with)


async def meta_delete(call: Call) -> Reply:
    """Labels taken from an instance; those it has not are no error."""
    return await _amend(call, _without)


async def _amend(call: Call, merge: Any) -> Reply:
    permit(call, "update", call.type)
    given = _given(call)

    def change(resource: Resource) -> Resource:
        return checked_now(call, resource | {"meta": merge(resource.get("meta", {}), given)})

    outcome = await write_one(call, Amend(call.type, call.id, change), "patch", 200)
    return _answer(outcome.stored.resource().get("meta", {}) if outcome.stored else {})


def _given(call: Call) -> Resource:
    values = values_of(parameters_of(call), "meta")
    if len(values) != 1 or not isinstance(values[0], dict):
        raise Malformed("One parameter meta of type Meta is needed.")
    for label in _LABELS:
        if not isinstance(values[0].get(label, []), list):
            raise Malformed("meta.{label} is not a list.", label=label)
    return values[0]


def _with(meta: Resource, more: Resource) -> Resource:
    return meta | {label: merged for label in _LABELS if (merged := _joined(meta.get(label, []), more.get(label, [])))}


def _without(meta: Resource, less: Resource) -> Resource:
    kept = {label: [item for item in meta.get(label, []) if _key(item) not in _keys(less.get(label, []))] for label in _LABELS}
    rest = {key: value for key, value in meta.items() if key not in _LABELS}
    return rest | {label: items for label, items in kept.items() if items}


def _joined(items: list[Any], more: list[Any]) -> list[Any]:
    have = _keys(items)
    return [*items, *{_key(item): item for item in more if _key(item) not in have}.values()]


def _keys(items: Iterable[Any]) -> set[Any]:
    return {_key(item) for item in items}


def _key(item: Any) -> Any:
    """A profile is its url; a coding its system and code."""
    return (str(item.get("system")), str(item.get("code"))) if isinstance(item, dict) else str(item)


def _answer(meta: Resource) -> Reply:
    return Reply(200, encode({"resourceType": "Parameters", "parameter": [{"name": "return", "valueMeta": meta}]}))
