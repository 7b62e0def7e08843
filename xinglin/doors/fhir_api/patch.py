"""patch: PATCH [base]/[type]/[id] and PATCH [base]/[type]?search, by JSON Patch, FHIRPath Patch or JSON Merge Patch.

Sources: R4 http.html#patch, fhirpatch.html, RFC 6902, RFC 7396. In a bundle the patch is a Binary (JSON Patch) or Parameters resource.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable

from xinglin.base.errors import Malformed, NotFound, UnsupportedMedia
from xinglin.base.ids import is_id
from xinglin.doors.fhir_api.call import Call, resource_of
from xinglin.doors.fhir_api.conditional import condition_of
from xinglin.doors.fhir_api.formats import JSON_PATCH, MERGE_PATCH
from xinglin.doors.fhir_api.reply import Reply
from xinglin.doors.fhir_api.written import checked_now, reply_to, write_one
from xinglin.fhir.codec import Resource, decode
from xinglin.fhir.patch import apply_fhirpath_patch, apply_json_patch, apply_merge_patch
from xinglin.store import Amend, AmendWhere

_JSON_PATCHES = (JSON_PATCH, "application/json-patch json")
_MERGE_PATCHES = (MERGE_PATCH, "application/merge-patch json")


async def patch(call: Call) -> Reply:
    """200 with the new version; 404, 410 when it is not there; 422 when the result breaks FHIR's rules."""
    return reply_to(await write_one(call, amendment(call), "patch", 200), call.conditions)


async def patch_where(call: Call) -> Reply:
    """The one match of the search is patched; 404 when nothing matches, 412 when several do."""
    return reply_to(await write_one(call, amendment_where(call), "patch", 200), call.conditions)


def amendment(call: Call, full_url: str | None = None) -> Amend:
    """The change a patch asks for, its form checked."""
    if not is_id(call.id):
        raise NotFound("There is no {type} with the id {id}.", type=call.type, id=call.id[:80])
    return Amend(call.type, call.id, _change(call), call.conditions.if_match, full_url)


def amendment_where(call: Call, full_url: str | None = None) -> AmendWhere:
    """The change a conditional patch asks for."""
    where = condition_of(call, call.asked)
    return AmendWhere(where, _change(call), call.conditions.if_match, full_url)


def _change(call: Call) -> Callable[[Resource], Resource]:
    apply = _patch_in(call)

    def change(resource: Resource) -> Resource:
        """The patched resource, if it is still the same one and keeps FHIR's rules."""
        patched = apply(resource)
        if patched.get("resourceType") != resource["resourceType"] or patched.get("id") != resource["id"]:
            raise Malformed("A patch may change neither resourceType nor id.")
        return checked_now(call, patched)

    return change


def _patch_in(call: Call) -> Callable[[Resource], Resource]:
    if call.given is None and call.media in _JSON_PATCHES:
        return _json_patch(decode(call.body))
    if call.given is None and (call.media in _MERGE_PATCHES or _is_bare(call)):
        merge = decode(call.body)
        return lambda resource: apply_merge_patch(resource, merge)
    body = resource_of(call)
    if body.get("resourceType") == "Parameters":
        parameters = checked_now(call, body)
        return lambda resource: apply_fhirpath_patch(resource, parameters)
    if call.given is not None and body.get("resourceType") == "Binary":
        return _json_patch(_in_binary(body))
    raise UnsupportedMedia("A patch is application/json-patch+json, application/merge-patch+json or a Parameters (FHIRPath Patch).")


def _is_bare(call: Call) -> bool:
    """Whether the body is an object that is no resource, sent as plain JSON: so the client fhirpy writes a merge patch."""
    body = decode(call.body) if call.media == "application/json" else None
    return isinstance(body, dict) and "resourceType" not in body


def _json_patch(operations: object) -> Callable[[Resource], Resource]:
    if not isinstance(operations, list):
        raise Malformed("A JSON Patch is a list of operations.")
    return lambda resource: apply_json_patch(resource, operations)


def _in_binary(binary: Resource) -> object:
    content = str(binary.get("contentType", "")).split(";")[0].strip()
    if content != JSON_PATCH:
        raise UnsupportedMedia("A Binary that is a patch has the contentType application/json-patch+json, not {type}.", type=content[:80])
    try:
        return decode(b64decode(str(binary.get("data", "")), validate=True))
    except (NotBase64, ValueError) as broken:
        raise Malformed("The Binary's data is not base64.") from broken
