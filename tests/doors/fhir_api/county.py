"""A small county made to leak: what is secret says so in its own words, and everything points at everything."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from xinglin.access.actor import Actor
from xinglin.access.tokens import issue_for
from xinglin.base.crypto import Keys
from xinglin.doors.fhir_api import FhirDoor
from xinglin.store import Delete, Records, Update

Resource = dict[str, Any]
Client = httpx.AsyncClient
ClientOf = Callable[[Actor], Client]
NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
OTHER, FIVE, ENVELOPE = "SECRETOTHER", "SECRETFIVE", "SECRETENVELOPE"
"""In every resource of the neighbour; in every most sensitive one; in what may hold anything about anybody."""
HOSPITAL, CARD = "Organization/hospital", "urn:test:card"
R = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]}

TREATING = Actor("a-li", "doctor", "Li", "Practitioner/li", (HOSPITAL,))
COLLEAGUE = Actor("a-he", "nurse", "He", "Practitioner/he", (HOSPITAL,))
STRANGER = Actor("a-wu", "doctor", "Wu", "Practitioner/wu", ("Organization/elsewhere",))
RESIDENT = Actor("a-own", "resident", "Own", "Patient/own")
PHARMACIST = Actor("a-yao", "pharmacist", "Yao", "Practitioner/yao", (HOSPITAL,))
REGISTRAR = Actor("a-gua", "registrar", "Gua", "Practitioner/gua", (HOSPITAL,))
DISPATCHER = Actor("a-dis", "dispatcher", "Dis")
INSURER, READER = Actor("a-ins", "insurer", "Ins"), Actor("a-rea", "reader", "Rea")
REGULATOR, ADMIN = Actor("a-reg", "regulator", "Reg"), Actor("a-adm", "system_admin", "Adm")
AUDITOR, SECURITY = Actor("a-aud", "audit_admin", "Aud"), Actor("a-sec", "security_admin", "Sec")
HEALTH = Actor("a-pub", "public_health", "Pub")
LAB = "patient/Observation.rs?category=laboratory"
APP = Actor("a-li", "doctor", "Li", "Practitioner/li", (HOSPITAL,), client="app", scopes=("patient/Patient.rs", LAB), patient="own")
MACHINE = Actor("m", "system", "m", client="app", scopes=("patient/*.cruds",), patient="own")

HIDDEN: dict[Actor, tuple[str, ...]] = {
    TREATING: (OTHER, ENVELOPE),
    COLLEAGUE: (OTHER, FIVE, ENVELOPE),
    STRANGER: (OTHER, FIVE, ENVELOPE),
    RESIDENT: (OTHER, ENVELOPE),
    PHARMACIST: (OTHER, FIVE, ENVELOPE),
    DISPATCHER: (OTHER, FIVE, ENVELOPE),
    REGISTRAR: (OTHER, FIVE, ENVELOPE),
    INSURER: (FIVE, ENVELOPE),
    READER: (FIVE, ENVELOPE),
    HEALTH: (FIVE, ENVELOPE),
    REGULATOR: (OTHER, FIVE, ENVELOPE),
    ADMIN: (OTHER, FIVE, ENVELOPE),
    SECURITY: (OTHER, FIVE, ENVELOPE),
    AUDITOR: (OTHER, FIVE, ENVELOPE),
    APP: (OTHER, FIVE, ENVELOPE),
    MACHINE: (OTHER,),
}
"""The words each of these may never read."""


def about(type_: str, id_: str, who: str, secret: str = "", **more: Any) -> Resource:
    """A resource of a patient, with a secret in its narrative."""
    name = "for" if type_ == "Task" else "patient" if type_ in BY_PATIENT else "subject"
    text = {"text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{secret}</div>'}} if secret else {}
    return {"resourceType": type_, "id": id_, **text, name: {"reference": f"Patient/{who}"}, **more}


BY_PATIENT = ("AllergyIntolerance", "Claim", "Consent", "Device", "EpisodeOfCare", "FamilyMemberHistory", "Immunization", "RelatedPerson")
AMBULANT: dict[str, Any] = {"class": {"code": "AMB"}}
CODE = {"coding": [{"system": "urn:c", "code": "secret"}]}
HIV = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "B20"}]}
PLAIN: dict[str, Resource] = {
    "Observation": {"status": "final", "code": CODE, "valueString": "x"},
    "Condition": {"code": CODE},
    "Task": {"status": "accepted", "intent": "order", "description": "x"},
    "Device": {"deviceName": [{"name": "x", "type": "other"}]},
    "GuidanceResponse": {"status": "success", "moduleUri": "urn:x"},
    "Contract": {"status": "executed"},
    "Basic": {"code": CODE},
    "Communication": {"status": "completed"},
    "Composition": {"status": "final", "type": CODE, "date": "2026-01-01", "title": "x", "author": [{"display": "x"}]},
    "DiagnosticReport": {"status": "final", "code": CODE},
    "DocumentReference": {"status": "current", "content": [{"attachment": {"title": "x"}}]},
    "Flag": {"status": "active", "code": CODE},
    "List": {"status": "current", "mode": "working"},
    "MedicationRequest": {"status": "active", "intent": "order", "medicationCodeableConcept": CODE},
    "QuestionnaireResponse": {"status": "completed"},
    "Claim": {"status": "active", "use": "claim", "type": CODE, "created": "2026-01-01", "priority": CODE, "provider": {"display": "x"}},
    "Encounter": {"status": "in-progress", "class": {"code": "AMB"}},
    "Coverage": {"status": "active", "payor": [{"display": "x"}]},
    "Immunization": {"status": "completed", "vaccineCode": CODE, "occurrenceDateTime": "2026-01-01"},
}


def world() -> list[Resource]:
    """Two residents, `own` and `other`, with the same record each; what is between them; and what belongs to nobody."""
    made: list[Resource] = [
        {"resourceType": "Organization", "id": "hospital", "name": "H"},
        {"resourceType": "Practitioner", "id": "li", "name": [{"text": "Li"}]},
        {"resourceType": "Patient", "id": "own", "gender": "female", "identifier": [{"system": CARD, "value": "own"}]},
        {"resourceType": "Patient", "id": "other", "gender": "male", "identifier": [{"system": CARD, "value": "other"}]},
    ]
    for who, secret in (("own", ""), ("other", OTHER)):
        made += [about(type_, f"{who}-{type_.lower()}", who, secret, **more) for type_, more in PLAIN.items() if type_ != "Coverage"]
        made += _sensitive(who, secret)
        made.append({"resourceType": "Binary", "id": f"{who}-binary", "contentType": "text/plain", "data": hidden(secret or "x"),
                     "securityContext": {"reference": f"Observation/{who}-observation"}})  # fmt: skip
    return [*made, *_between(), *_nobodys()]


def hidden(text: str) -> str:
    """A secret as it stands in a Binary."""
    return b64encode(text.encode()).decode()


def _sensitive(who: str, secret: str) -> list[Resource]:
    """Labelled, told by a code that can be searched, by one that cannot, and by one in a contained resource."""
    told = f"{secret}{FIVE}"
    contained = {"resourceType": "Condition", "id": "c", "subject": {"reference": f"Patient/{who}"}, "code": HIV}
    return [
        about("Observation", f"{who}-five", who, told, meta=R, **PLAIN["Observation"]),
        about("Condition", f"{who}-hiv", who, told, code=HIV),
        about("MedicationRequest", f"{who}-arv", who, told, **PLAIN["MedicationRequest"], reasonCode=[HIV]),
        about("Claim", f"{who}-bill", who, told, **PLAIN["Claim"], diagnosis=[{"sequence": 1, "diagnosisCodeableConcept": HIV}]),
        about("Observation", f"{who}-held", who, told, **PLAIN["Observation"], contained=[contained]),
        about("Encounter", f"{who}-visit", who, told, status="finished", reasonCode=[HIV], **AMBULANT),
    ]


def _between() -> list[Resource]:
    """What makes the relations, and own resources that lead to the other's."""

    def to(type_: str, id_: str) -> Resource:
        return {"reference": f"{type_}/{id_}"}

    items = (
        "Observation/other-observation",
        "Binary/other-binary",
        "Binary/nobody",
        "Condition/other-hiv",
        "Condition/own-hiv",
        "Task/other-task",
    )
    lab = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}]
    return [
        about("Encounter", "e", "own", status="in-progress", participant=[{"individual": to("Practitioner", "li")}],
              serviceProvider=to("Organization", "hospital"), diagnosis=[{"condition": to("Condition", "own-hiv")}],
              **AMBULANT),
        about("Observation", "between", "own", **PLAIN["Observation"], category=lab, derivedFrom=[to("Observation", "other-observation")],
              hasMember=[to("Observation", "own-five")], focus=[to("Patient", "other")], performer=[to("Patient", "other")]),
        about("List", "between", "own", **PLAIN["List"], entry=[{"item": {"reference": one}} for one in items]),
        about("DiagnosticReport", "between", "own", **PLAIN["DiagnosticReport"], result=[to("Observation", "other-observation")]),
        about("Task", "between", "own", **PLAIN["Task"], focus=to("Binary", "other-binary"), basedOn=[to("Task", "other-task")]),
        about("Composition", "between", "own", **PLAIN["Composition"],
              section=[{"title": "x", "entry": [to("Observation", "other-five")]}]),
        about("Basic", "between", "own", code=CODE),
        about("Observation", "back", "other", OTHER, **PLAIN["Observation"], derivedFrom=[to("Observation", "own-observation")],
              focus=[to("Patient", "own")], encounter=to("Encounter", "e")),
        {"resourceType": "Provenance", "id": "p", "target": [to("Observation", "other-observation")], "recorded": "2026-01-01T00:00:00Z",
         "agent": [{"who": {"display": OTHER}}]},
        {"resourceType": "Person", "id": "person", "name": [{"text": OTHER}], "link": [{"target": to("Patient", "other")}]},
        {"resourceType": "Linkage", "id": "linkage",
         "item": [{"type": "source", "resource": to("Patient", "other") | {"display": ENVELOPE}}]},
    ]  # fmt: skip


def _nobodys() -> list[Resource]:
    inside = about("Condition", "x", "other", f"{OTHER}{FIVE}", code=HIV)
    return [
        {"resourceType": "Bundle", "id": "nobody", "type": "collection", "entry": [{"resource": inside}, {"fullUrl": f"urn:{ENVELOPE}"}]},
        {"resourceType": "Binary", "id": "nobody", "contentType": "text/plain", "data": hidden(ENVELOPE)},
        {"resourceType": "Basic", "id": "nobody", "code": {"text": OTHER}},
        {"resourceType": "Parameters", "id": "nobody", "parameter": [{"name": "x", "valueString": ENVELOPE}]},
        {"resourceType": "MessageHeader", "id": "nobody", "eventUri": "urn:x", "source": {"endpoint": f"urn:{ENVELOPE}"}},
        {"resourceType": "Subscription", "id": "nobody", "status": "requested", "reason": ENVELOPE, "criteria": "Observation?",
         "channel": {"type": "rest-hook", "endpoint": "https://x.test", "header": [f"Authorization: {ENVELOPE}"]}},
    ]  # fmt: skip


async def settle(records: Records) -> None:
    """Write the county, move one resource from the other to `own`, relabel one, and delete two."""
    await records.write([Update(one, one["id"]) for one in world()])
    moved = about("Observation", "moved", "other", OTHER, **PLAIN["Observation"])
    eased = about("Observation", "eased", "own", FIVE, meta=R, **PLAIN["Observation"])
    gone = [about("Observation", f"{who}-gone", who, secret, **PLAIN["Observation"]) for who, secret in (("own", ""), ("other", OTHER))]
    await records.write([Update(one, one["id"]) for one in (moved, eased, *gone)])
    again = [about("Observation", id_, "own", **PLAIN["Observation"]) for id_ in ("moved", "eased")]
    await records.write([Update(one, one["id"]) for one in again])
    await records.write([Delete("Observation", "own-gone"), Delete("Observation", "other-gone")])


def client_of(door: FhirDoor, keys: Keys) -> ClientOf:
    """Makes the client of an actor."""

    def make(actor: Actor) -> Client:
        headers = {"authorization": f"Bearer {issue_for(keys, actor, 3600, now=NOON)}"}
        return Client(transport=httpx.ASGITransport(door), base_url="http://hie.test/fhir", headers=headers)

    return make


def shown(answer: httpx.Response) -> str:
    """Everything an answer says, headers too, and what stands in Binaries."""
    text = answer.text + " ".join(f"{name}: {value}" for name, value in answer.headers.items())
    for secret in (OTHER, FIVE, ENVELOPE):
        text += secret if hidden(secret)[:-4] in text else ""
    return text
