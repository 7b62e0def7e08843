"""Binary: whose it is stands in its `securityContext` (R4 binary.html). Who may see that may see it; no search finds one."""

from __future__ import annotations

from xinglin.base.errors import Forbidden, NotFound
from xinglin.base.ids import is_id
from xinglin.doors.fhir_api.call import Call
from xinglin.fhir.codec import Resource
from xinglin.fhir.definitions import RESOURCE_TYPES


async def require_context(call: Call, binary: Resource) -> None:
    """Raises `NotFound` unless what a Binary belongs to is visible here; `Forbidden` when it belongs to nothing and not all is."""
    if call.records.scope.unlimited:
        return
    type_, _, id_ = str(binary.get("securityContext", {}).get("reference", "")).partition("/")
    if type_ not in RESOURCE_TYPES or type_ == "Binary" or not is_id(id_):
        raise Forbidden("A Binary without a securityContext is for the platform's own machines.")
    try:
        await call.records.read(type_, id_)
    except NotFound:
        raise NotFound("There is no {type}/{id}.", type="Binary", id=call.id or "new") from None
