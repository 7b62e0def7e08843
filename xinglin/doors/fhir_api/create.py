"""create: POST [base]/[type]. Sources: R4 http.html#create, http.html#ccreate (If-None-Exist)."""

from __future__ import annotations

from xinglin.doors.fhir_api.call import Call, typed_resource_of
from xinglin.doors.fhir_api.conditional import none_exist_of
from xinglin.doors.fhir_api.reply import Reply
from xinglin.doors.fhir_api.written import checked, reply_to, write_one
from xinglin.store import Create


async def create(call: Call) -> Reply:
    """201 with the new resource; 200 with the one that already matched If-None-Exist; 412 when several match."""
    return reply_to(await write_one(call, await creation(call), "create", 201), call.conditions)


async def creation(call: Call, full_url: str | None = None) -> Create:
    """The change a create asks for, its resource validated. Raises `Malformed`, `Invalid`."""
    resource = await checked(call, typed_resource_of(call))
    asked = call.conditions.if_none_exist
    where = None if asked is None else none_exist_of(call.type, asked, call.means.settings)
    return Create(resource, if_none_exist=where, full_url=full_url)
