"""The FHIR operations `$sign` on a document and `$verify-signature` on a Provenance: the same deeds as the pages."""

from __future__ import annotations

from typing import Any

from xinglin.base.errors import Malformed
from xinglin.capabilities.signature import actions, queries, rules
from xinglin.capabilities.signature.model import Pick
from xinglin.fhir.codec import Resource
from xinglin.kit.capability import Call
from xinglin.kit.signing import read_signature, verify
from xinglin.kit.unit import Unit


async def sign(unit: Unit, call: Call) -> Resource:
    """`POST [type]/[id]/$sign`: signs the present version, or refuses when it is not `version`; answers with the Provenance."""
    assert call.type is not None
    assert call.id is not None
    queries.permit(unit, "read", call.type)
    version = _version(call.parameters) or (await unit.store.read(call.type, call.id)).version
    (made,) = await actions.sign_all(unit, [Pick(call.type, call.id, version)])
    return made.resource()


def _version(parameters: Resource) -> int | None:
    parts: list[Any] = [part for part in parameters.get("parameter", []) if part.get("name") == "version"]
    if not parts:
        return None
    value = next((str(value) for key, value in parts[0].items() if key.startswith("value")), "")
    if not value.isascii() or not value.isdecimal() or len(value) > 9:
        raise Malformed("The parameter {name} is a whole number, not {value}.", name="version", value=value[:40])
    return int(value)


async def verify_signature(unit: Unit, call: Call) -> Resource:
    """`GET Provenance/[id]/$verify-signature`: what the signature proves, as Parameters."""
    assert call.id is not None
    queries.permit(unit, "read", "Provenance")
    provenance = (await unit.store.read("Provenance", call.id)).resource()
    message, (type_, _, _) = read_signature(provenance)
    queries.permit(unit, "read", type_)
    return rules.answer_of(await verify(unit.store, queries.authority(unit), provenance), message)
