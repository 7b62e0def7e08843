"""One resident, one who asks, and the stored resources that make each relation and each consent of the statement."""

from __future__ import annotations

from typing import Any

from tests.access.statement import Case

Resource = dict[str, Any]
DOCTOR, HOSPITAL, TEAM, WARD = "Practitioner/p", "Organization/h", "CareTeam/t", "Location/w"
UNITS = (HOSPITAL, TEAM, WARD)
RESIDENT = "Patient/guardian"
CARD = "urn:test:card"
CARD_OF_RESIDENT = "card-guardian"
LEVELS = "urn:xinglin:sensitivity"

SPANS = {
    "now": {"start": "2026-11-01"},
    "ended": {"start": "2026-01-01", "end": "2026-02-01"},
    "not yet": {"start": "2027-06-01"},
}
_CATEGORY = {"referral": "3457005", "consultation": "11429006", "order": "26436-6"}


def relating(case: Case, patient: str, id_: str) -> list[Resource]:
    """What is stored so that the case's relation is there. Nothing for one's own record, an emergency and none."""
    span, who = SPANS[case.when], {"reference": f"Patient/{patient}"}
    begun = {"authoredOn": span["start"], "meta": {"lastUpdated": span.get("end", span["start"]) + "T00:00:00Z"}}
    over = case.when == "ended"
    match case.relation:
        case "encounter":
            return [_visit(case, id_, who, participant=[{"individual": {"reference": DOCTOR}}])]
        case "ward":
            return [_visit(case, id_, who, location=[{"location": {"reference": WARD}, "status": "active"}])]
        case "institution":
            return [_visit(case, id_, who, serviceProvider={"reference": HOSPITAL})]
        case "referral" | "consultation" | "order" as kind:
            category = [{"coding": [{"code": _CATEGORY[kind]}]}]
            made = {"resourceType": "ServiceRequest", "id": id_, "subject": who, "intent": "order", "category": category}
            return [made | begun | {"status": "completed" if over else "active", "performer": [{"reference": DOCTOR}]}]
        case "request":
            made = {"resourceType": "Task", "id": id_, "for": who, "intent": "order", "owner": {"reference": HOSPITAL}}
            return [made | begun | {"status": "completed" if over else "accepted"}]
        case "appointment":
            parts = [{"actor": who, "status": "accepted"}, {"actor": {"reference": DOCTOR}, "status": "accepted"}]
            day = {"now": "2026-11-25", "ended": "2026-03-01", "not yet": "2027-06-01"}[case.when]
            at = {"start": f"{day}T08:00:00+08:00", "end": f"{day}T08:10:00+08:00"}
            return [{"resourceType": "Appointment", "id": id_, "status": "booked", "participant": parts} | at]
        case "contract":
            made = {"resourceType": "EpisodeOfCare", "id": id_, "status": "finished" if over else "active", "patient": who}
            return [made | {"period": span, "careManager": {"reference": DOCTOR}}]
        case "team":
            made = {"resourceType": "CareTeam", "id": id_, "status": "active", "subject": who, "period": span}
            return [made | {"participant": [{"member": {"reference": TEAM}}]}]
        case "guardian":
            made = {"resourceType": "RelatedPerson", "id": id_, "patient": who, "period": span}
            role = [{"coding": [{"code": "GUARD"}]}]
            return [made | {"relationship": role, "identifier": [{"system": CARD, "value": CARD_OF_RESIDENT}]}]
        case "permit":
            return [consent(id_, patient, {"type": "permit", "period": span, "actor": actors(DOCTOR)})]
        case _:
            return []


def _visit(case: Case, id_: str, who: Resource, **more: Any) -> Resource:
    status = "finished" if case.when == "ended" else "in-progress"
    made = {"resourceType": "Encounter", "id": id_, "status": status, "class": {"code": "AMB"}, "subject": who}
    return made | {"period": SPANS[case.when]} | more


def actors(*references: str) -> list[Resource]:
    return [{"role": {"text": "x"}, "reference": {"reference": one}} for one in references]


def consent(id_: str, patient: str, provision: Resource, **more: Any) -> Resource:
    return {
        "resourceType": "Consent", "id": id_, "status": "active", "patient": {"reference": f"Patient/{patient}"},
        "scope": {"coding": [{"code": "patient-privacy"}]}, "category": [{"coding": [{"code": "INFA"}]}],
        "policyRule": {"coding": [{"code": "OPTIN"}]}, "provision": provision, **more,
    }  # fmt: skip


def consenting(case: Case, patient: str, id_: str) -> list[Resource]:
    """What is stored of the patient's consent."""
    here, this = actors(HOSPITAL), [{"system": "http://hl7.org/fhir/resource-types", "code": case.type}]
    other = [{"code": "Immunization" if case.type != "Immunization" else "Goal"}]
    rules: dict[str, Resource] = {
        "denied": {"type": "deny", "actor": here},
        "denied to all": {"type": "deny"},
        "denied this type": {"type": "deny", "class": this},
        "denied another type": {"type": "deny", "class": other},
        "denied the most sensitive": {"type": "deny", "securityLabel": [{"code": "R"}]},
        "this type permitted": {"type": "permit", "actor": here, "class": this},
        "this type permitted to all": {"type": "permit", "class": this},
        "denied to all but this one": {"type": "deny", "provision": [{"type": "permit", "actor": actors(DOCTOR)}]},
        "denied for another purpose": {"type": "deny", "purpose": [{"code": "HMARKT"}]},
    }
    return [consent(id_, patient, rules[case.consent])] if case.consent in rules else []


def labelled(level: int) -> Resource:
    """The meta of a resource labelled so."""
    return {"security": [{"system": LEVELS, "code": str(level)}]}
