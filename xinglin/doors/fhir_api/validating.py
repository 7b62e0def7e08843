"""$validate: would this resource be accepted? Always 200 with an OperationOutcome. Source: R4 resource-operation-validate.html."""

from __future__ import annotations

from xinglin.base.errors import Issue, Malformed
from xinglin.base.ids import is_id
from xinglin.doors.fhir_api.call import Call, heavy
from xinglin.doors.fhir_api.operations import parameters_of, resource_in, texts_of
from xinglin.doors.fhir_api.outcome import outcome_of
from xinglin.doors.fhir_api.permits import permit
from xinglin.doors.fhir_api.reply import Reply
from xinglin.fhir.codec import Resource, encode

_MODES = ("create", "update", "delete", "profile")


async def validate_given(call: Call) -> Reply:
    """The resource in the body, against R4, the profiles it names, and `profile`."""
    asked = parameters_of(call)
    resource = resource_in(asked, "resource")
    if resource is None:
        raise Malformed("$validate needs a resource: as the body, or as the parameter resource.")
    return await _answer(call, asked, resource)


async def validate_stored(call: Call) -> Reply:
    """The resource in the body as the next version of the instance, or the instance itself when none is given."""
    permit(call, "read", call.type)
    asked = parameters_of(call)
    resource = resource_in(asked, "resource")
    if resource is None:
        resource = (await call.records.read(call.type, call.id)).resource()
    return await _answer(call, asked, resource)


async def _answer(call: Call, asked: Resource, resource: Resource) -> Reply:
    mode = next(iter(texts_of(asked, "mode")), None)
    if mode is not None and mode not in _MODES:
        raise Malformed("mode is one of {modes}, not {mode}.", modes=", ".join(_MODES), mode=mode[:40])
    profiles = texts_of(asked, "profile")
    issues = () if mode == "delete" else await call.means.shelf.issues(call.records, resource, profiles, large=heavy(call))
    found = (*_about_address(call, mode, resource), *issues)
    fine = Issue("information", "informational", "The resource is valid.")
    return Reply(200, encode(outcome_of(found or (fine,))), outcome=True)


def _about_address(call: Call, mode: str | None, resource: Resource) -> list[Issue]:
    """What create or update would refuse before they look inside."""
    issues = []
    if resource.get("resourceType") != call.type:
        found = str(resource.get("resourceType"))[:80]
        issues.append(Issue("error", "invalid", f"The resource is a {found}, the address says {call.type}."))
    if mode == "update" or (call.id and mode is None):
        if not is_id(str(resource.get("id", ""))):
            issues.append(Issue("error", "required", "An update needs the resource's id.", (f"{call.type}.id",)))
        elif call.id and resource["id"] != call.id:
            issues.append(Issue("error", "invalid", "The resource's id is not the address's.", (f"{call.type}.id",)))
    return issues
