"""The FHIR operations `$lookup`, `$subsumes`, `$validate-code`, `$expand`, `$translate`. Source: R4, terminology-service.html"""

from __future__ import annotations

from xinglin.base.errors import Findings, Invalid
from xinglin.base.ids import new_id
from xinglin.capabilities.terminology.queries import present
from xinglin.fhir import terminology as fhir
from xinglin.fhir.codec import Resource
from xinglin.fhir.terminology import Terminology
from xinglin.fhir.validation import validate
from xinglin.kit.capability import Call
from xinglin.kit.unit import Unit


async def lookup(unit: Unit, call: Call) -> Resource:
    """CodeSystem/$lookup."""
    return fhir.lookup(await _known(unit, call), call.parameters)


async def subsumes(unit: Unit, call: Call) -> Resource:
    """CodeSystem/$subsumes."""
    return fhir.subsumes(await _known(unit, call), call.parameters, call.id)


async def validate_code(unit: Unit, call: Call) -> Resource:
    """CodeSystem/$validate-code and ValueSet/$validate-code."""
    known = await _known(unit, call)
    judge = fhir.validate_code_in_system if call.type == "CodeSystem" else fhir.validate_code_in_value_set
    return judge(known, call.parameters, call.id)


async def expand(unit: Unit, call: Call) -> Resource:
    """ValueSet/$expand; every expansion has an identifier of its own."""
    moment = unit.now.isoformat(timespec="seconds")
    return fhir.expand(await _known(unit, call), call.parameters, call.id, identifier=f"urn:uuid:{new_id()}", timestamp=moment)


async def translate(unit: Unit, call: Call) -> Resource:
    """ConceptMap/$translate."""
    return fhir.translate(await _known(unit, call), call.parameters, call.id)


async def _known(unit: Unit, call: Call) -> Terminology:
    """The terminology as it is now. Resources sent along are checked first: the engine trusts what it is given."""
    for parameter in call.parameters.get("parameter", ()):
        sent = parameter.get("resource")
        if sent is not None and (found := Findings(validate(sent, invariants=False))).refuses:
            raise Invalid("The resource sent with the operation is not valid.", issues=found.issues)
    return await present(unit)
