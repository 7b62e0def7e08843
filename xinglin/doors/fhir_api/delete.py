"""delete: DELETE [base]/[type]/[id] and DELETE [base]/[type]?search. Sources: R4 http.html#delete, #3.1.0.7.1 (conditional delete)."""

from __future__ import annotations

from xinglin.base.errors import NotFound
from xinglin.base.ids import is_id
from xinglin.doors.fhir_api.call import Call
from xinglin.doors.fhir_api.conditional import condition_of
from xinglin.doors.fhir_api.reply import Reply
from xinglin.doors.fhir_api.written import reply_to_delete, write_one
from xinglin.store import Delete, DeleteWhere

MULTIPLE = "_multiple"
"""`DELETE [type]?…&_multiple=true` deletes every match; without it more than one match is refused with 412."""


async def delete(call: Call) -> Reply:
    """204, also when it was deleted before or never there."""
    return reply_to_delete(await write_one(call, removal(call), "delete", 204), call.conditions)


async def delete_where(call: Call) -> Reply:
    """204 when nothing, one, or with `_multiple=true` any number matched; 412 when several match without it."""
    return reply_to_delete(await write_one(call, removal_where(call), "delete", 204), call.conditions)


def removal(call: Call) -> Delete:
    """The change a delete asks for."""
    if not is_id(call.id):
        raise NotFound("There is no {type} with the id {id}.", type=call.type, id=call.id[:80])
    return Delete(call.type, call.id, if_match=call.conditions.if_match)


def removal_where(call: Call) -> DeleteWhere:
    """The change a conditional delete asks for."""
    many = (MULTIPLE, "true") in call.asked
    pairs = tuple(pair for pair in call.asked if pair[0] != MULTIPLE)
    return DeleteWhere(condition_of(call, pairs), many=many)
