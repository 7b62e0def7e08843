"""read and vread: GET [base]/[type]/[id] and .../_history/[vid]. Sources: R4 http.html#read, #vread, #cread (conditional read)."""

from __future__ import annotations

from xinglin.base.clock import tick_of
from xinglin.base.errors import NotFound
from xinglin.base.ids import is_id
from xinglin.doors.fhir_api.asked import NONE, Conditions, matches_etag
from xinglin.doors.fhir_api.attached import require_context
from xinglin.doors.fhir_api.call import Call
from xinglin.doors.fhir_api.reply import Reply
from xinglin.doors.fhir_api.subset import shown, subset_of
from xinglin.store import Stored


async def read(call: Call) -> Reply:
    """200 with the stored bytes, 304 when the client has them, 404 never there, 410 deleted."""
    return _answer(call, await _permitted(call, await call.records.read(call.type, _id(call))))


async def vread(call: Call) -> Reply:
    """One version; 404 for one that is none, 410 for a deletion."""
    version = call.path[3]
    if not version.isascii() or not version.isdecimal() or len(version) > 9:
        raise NotFound("{type}/{id} has no version {version}.", type=call.type, id=call.id[:64], version=version[:80])
    return _answer(call, await _permitted(call, await call.records.vread(call.type, _id(call), int(version))))


async def _permitted(call: Call, stored: Stored) -> Stored:
    if stored.type == "Binary":
        await require_context(call, stored.resource())
    return stored


def _id(call: Call) -> str:
    if not is_id(call.id):
        raise NotFound("There is no {type} with the id {id}.", type=call.type, id=call.id[:80])
    return call.id


def _answer(call: Call, stored: Stored) -> Reply:
    if call.conditions is not NONE and _unchanged(call.conditions, stored):
        return Reply(304, version=stored.version, tick=stored.tick)
    if not call.query or (subset := subset_of(call.query)) is None:
        return Reply(200, stored.content, stored.version, stored.tick)
    return Reply(200, shown(stored.content, subset), stored.version, stored.tick)


def _unchanged(conditions: Conditions, stored: Stored) -> bool:
    if conditions.if_none_match:
        return matches_etag(conditions.if_none_match, stored.version)
    since = conditions.if_modified_since
    return since is not None and stored.tick // 1_000_000 <= tick_of(since) // 1_000_000
