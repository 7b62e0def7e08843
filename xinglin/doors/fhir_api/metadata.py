"""capabilities: GET [base]/metadata. Source: R4 http.html#capabilities, capabilitystatement.html. Made from what is really there."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from xinglin import __version__
from xinglin.doors.fhir_api.built_in import BUILT_IN
from xinglin.doors.fhir_api.call import Call
from xinglin.doors.fhir_api.reply import Reply
from xinglin.fhir.codec import Resource, encode
from xinglin.fhir.definitions import RESOURCE_TYPES, compartment_names, search_params
from xinglin.kit.capability import Operation

_FORMATS = ["application/fhir+json", "application/fhir+xml", "json", "xml"]
_INSTANCE = ("read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type")
_SYSTEM = ("transaction", "batch", "search-system", "history-system")
_DEFINITIONS = {
    "everything": "http://hl7.org/fhir/OperationDefinition/Patient-everything",
    "validate": "http://hl7.org/fhir/OperationDefinition/Resource-validate",
    "meta": "http://hl7.org/fhir/OperationDefinition/Resource-meta",
    "meta-add": "http://hl7.org/fhir/OperationDefinition/Resource-meta-add",
    "meta-delete": "http://hl7.org/fhir/OperationDefinition/Resource-meta-delete",
    "export": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export",
}
_DOCUMENTED = "https://hl7.org/fhir/R4/operations.html#"
_RESULT_PARAMS = ("_filter", "_has", "_list")


async def metadata(call: Call) -> Reply:
    """The CapabilityStatement, the same bytes for as long as the process lives."""
    return Reply(200, call.means.statement(call.base))


def statement(base: str, operations: Mapping[str, Operation], since: str) -> bytes:
    """A CapabilityStatement's bytes. `since`: the instant the process began, its `date`."""
    offered = _offered(operations)
    rest = {
        "mode": "server",
        "security": _security(base.removesuffix("/fhir")),
        "resource": [_resource(type_, offered) for type_ in RESOURCE_TYPES],
        "interaction": [{"code": code} for code in _SYSTEM],
        "operation": _listed(offered, "system", ""),
        "compartment": [f"http://hl7.org/fhir/CompartmentDefinition/{name.lower()}" for name in compartment_names()],
    }
    return encode({
        "resourceType": "CapabilityStatement",
        "id": "xinglin",
        "url": f"{base}/metadata",
        "version": __version__,
        "name": "Xinglin",
        "title": "Xinglin (杏林) FHIR R4",
        "status": "active",
        "date": since,
        "kind": "instance",
        "software": {"name": "Xinglin", "version": __version__},
        "implementation": {"description": "Xinglin regional health record", "url": base},
        "fhirVersion": "4.0.1",
        "format": _FORMATS,
        "patchFormat": ["application/json-patch+json", "application/fhir+json", "application/fhir+xml", "application/merge-patch+json"],
        "rest": [rest],
    })  # fmt: skip


def _security(site: str) -> Resource:
    """How a client gets a token (SMART App Launch 2.2, Declaring SMART support in the CapabilityStatement)."""
    ways = {"authorize": "authorize", "token": "token", "introspect": "introspect", "revoke": "revoke"}
    uris = [{"url": name, "valueUri": f"{site}/oauth/{path}"} for name, path in ways.items()]
    smart = {"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}
    return {
        "extension": [{"url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris", "extension": uris}],
        "cors": True,
        "service": [{"coding": [smart], "text": "OAuth 2.1 with SMART App Launch 2.2"}],
        "description": "A bearer token is needed for everything but this statement.",
    }


_Offered = list[tuple[str, tuple[str, ...], tuple[str, ...], str]]


def _offered(operations: Mapping[str, Operation]) -> _Offered:
    """(name, levels, types, definition) of every operation, built in or brought by a capability."""
    offered: _Offered = []
    for name, actions in BUILT_IN.items():
        offered += [(name, action.levels, action.types, _DEFINITIONS.get(name, _DOCUMENTED + name)) for action in actions]
    offered += [(o.name, o.levels, o.types, _DEFINITIONS.get(o.name, _DOCUMENTED + o.name)) for o in operations.values()]
    return offered


def _listed(offered: _Offered, level: str, type_: str) -> list[Resource]:
    fitting = (o for o in offered if level in o[1] and (not type_ or not o[2] or type_ in o[2]))
    found = {name: definition for name, _, _, definition in fitting}
    return [{"name": name, "definition": definition} for name, definition in found.items()]


def _resource(type_: str, offered: _Offered) -> Resource:
    params = search_params(type_)
    references = [name for name, param in params.items() if param.kind == "reference"]
    own = _listed([o for o in offered if o[2]], "type", type_) + _listed([o for o in offered if o[2]], "instance", type_)
    general = _listed([o for o in offered if not o[2]], "type", "") + _listed([o for o in offered if not o[2]], "instance", "")
    unique = {str(operation["name"]): operation for operation in (*own, *general)}
    return {
        "type": type_,
        "profile": f"http://hl7.org/fhir/StructureDefinition/{type_}",
        "interaction": [{"code": code} for code in _INSTANCE],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": True,
        "conditionalCreate": True,
        "conditionalRead": "full-support",
        "conditionalUpdate": True,
        "conditionalDelete": "single",
        "referencePolicy": ["literal", "logical"],
        "searchInclude": ["*", *(f"{type_}:{name}" for name in references)],
        **({"searchRevInclude": referring} if (referring := _referring().get(type_)) else {}),
        "searchParam": _params(type_),
        "operation": list(unique.values()),
    }


def _params(type_: str) -> list[Resource]:
    params = search_params(type_).values()
    listed = [{"name": param.name, "type": param.kind} | ({"definition": param.url} if param.url else {}) for param in params]
    return [*listed, *({"name": name, "type": "special"} for name in _RESULT_PARAMS)]


@cache
def _referring() -> Mapping[str, list[str]]:
    """`Source:param` by target, for the reference parameters that name their targets (not those that lead anywhere)."""
    found: dict[str, list[str]] = {}
    for source in RESOURCE_TYPES:
        for param in search_params(source).values():
            if param.kind == "reference" and len(param.targets) < len(RESOURCE_TYPES):
                for target in param.targets:
                    found.setdefault(target, []).append(f"{source}:{param.name}")
    return found
