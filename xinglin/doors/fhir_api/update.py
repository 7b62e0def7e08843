"""update: PUT [base]/[type]/[id] and PUT [base]/[type]?search. Sources: R4 http.html#update, #upsert, #cond-update, #concurrency."""

from __future__ import annotations

from xinglin.base.errors import Malformed
from xinglin.base.ids import is_id
from xinglin.doors.fhir_api.call import Call, typed_resource_of
from xinglin.doors.fhir_api.conditional import condition_of
from xinglin.doors.fhir_api.reply import Reply
from xinglin.doors.fhir_api.written import checked, reply_to, write_one
from xinglin.store import Update, UpdateWhere


async def update(call: Call) -> Reply:
    """200 with the new version, 201 when the client named a new id, 412 when If-Match names another version."""
    return reply_to(await write_one(call, await replacement(call), "update", 200), call.conditions)


async def update_where(call: Call) -> Reply:
    """No match: 201 created; one match: 200 updated; several: 412."""
    return reply_to(await write_one(call, await replacement_where(call), "update", 200), call.conditions)


async def replacement(call: Call, full_url: str | None = None) -> Update:
    """The change an update asks for; raises `Malformed` when the body's id is missing or another, `Invalid`."""
    resource = await typed_resource_of(call)
    if not is_id(call.id):
        raise Malformed("{id} cannot be an id: 1 to 64 letters, digits, - and dots.", id=call.id[:80])
    if "id" not in resource:
        raise Malformed("The body has no id: it must be the address's, {id}.", id=call.id)
    if resource["id"] != call.id:
        raise Malformed("The body's id {found} is not the address's {id}.", found=str(resource["id"])[:80], id=call.id)
    only_new = call.conditions.if_none_match.strip() == "*"
    return Update(await checked(call, resource), call.id, call.conditions.if_match, only_new, full_url)


async def replacement_where(call: Call, full_url: str | None = None) -> UpdateWhere:
    """The change a conditional update asks for."""
    resource = await checked(call, await typed_resource_of(call))
    where = condition_of(call, call.asked)
    return UpdateWhere(resource, where, if_match=call.conditions.if_match, full_url=full_url)
