"""create: POST [base]/[type]. Sources: R4 http.html#create, http.html#ccreate (If-None-Exist).

Parameters in the address of a create are a condition too, as the client fhirpy means them: passed over, they would make a second one.
"""

from __future__ import annotations

from xinglin.doors.fhir_api.call import Call, typed_resource_of
from xinglin.doors.fhir_api.conditional import condition_of, none_exist_of
from xinglin.doors.fhir_api.reply import Reply
from xinglin.doors.fhir_api.written import checked, reply_to, write_one
from xinglin.fhir.search.model import Search
from xinglin.store import Create


async def create(call: Call) -> Reply:
    """201 with the new resource; 200 with the one that already matched If-None-Exist; 412 when several match."""
    return reply_to(await write_one(call, await creation(call), "create", 201), call.conditions)


async def creation(call: Call, full_url: str | None = None) -> Create:
    """The change a create asks for, its resource validated. Raises `Malformed`, `Invalid`."""
    resource = await checked(call, await typed_resource_of(call))
    return Create(resource, if_none_exist=_condition(call), full_url=full_url)


def _condition(call: Call) -> Search | None:
    asked = call.conditions.if_none_exist
    if asked is not None:
        return none_exist_of(call, asked)
    return condition_of(call, call.asked) if call.asked else None
