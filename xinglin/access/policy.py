"""What a role may do: one table of grants, read by every door.

Roles say what kind of deed is possible at all. Whose record it may be done to is the store's scope. So a resident has no
grant on clinical types here: their own record is opened to them by its scope, never by the role.
"""

from __future__ import annotations

from dataclasses import dataclass

from xinglin.access.actor import Actor
from xinglin.base.errors import Forbidden

READS = frozenset({"read", "vread", "history", "search"})
WRITES = frozenset({"create", "update", "patch"})
DELETES = frozenset({"delete"})
BULK = frozenset({"export", "import"})
EVERYTHING = READS | WRITES | DELETES | BULK
"""The interactions there are; a batch or transaction is checked entry by entry."""

REGISTRATION = frozenset(
    {
        "Account",
        "Appointment",
        "AppointmentResponse",
        "Coverage",
        "Encounter",
        "EpisodeOfCare",
        "Patient",
        "RelatedPerson",
        "Schedule",
        "Slot",
    }
)
CARE = frozenset(
    {
        "AllergyIntolerance",
        "CarePlan",
        "CareTeam",
        "ClinicalImpression",
        "Communication",
        "Composition",
        "Consent",
        "DetectedIssue",
        "Device",
        "DeviceUseStatement",
        "DiagnosticReport",
        "DocumentReference",
        "Flag",
        "Goal",
        "Group",
        "Immunization",
        "List",
        "Media",
        "MedicationAdministration",
        "MedicationStatement",
        "NutritionOrder",
        "Observation",
        "QuestionnaireResponse",
        "Specimen",
        "Task",
    }
)
MEDICINE = frozenset(
    {
        "Binary",
        "Condition",
        "DeviceRequest",
        "FamilyMemberHistory",
        "ImagingStudy",
        "MedicationDispense",
        "MedicationRequest",
        "Procedure",
        "RequestGroup",
        "RiskAssessment",
        "ServiceRequest",
        "VisionPrescription",
    }
)
DIRECTORY = frozenset(
    {
        "CodeSystem",
        "ConceptMap",
        "HealthcareService",
        "Location",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "Questionnaire",
        "Schedule",
        "Slot",
        "StructureDefinition",
        "ValueSet",
    }
)
LEDGER = frozenset({"AuditEvent", "Provenance"})
"""Written by the platform alone."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Interactions a role may do to `types`, or with `types` None to every type but `without`."""

    interactions: frozenset[str]
    types: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    def covers(self, interaction: str, type_: str | None) -> bool:
        """Whether this grant allows it; `type_` None is an interaction on the whole system, every type of it."""
        if interaction not in self.interactions:
            return False
        if type_ is None:
            return self.types is None and not self.without
        return type_ not in self.without and (self.types is None or type_ in self.types)


GRANTS: dict[str, tuple[Grant, ...]] = {
    "admin": (Grant(EVERYTHING),),
    "doctor": (Grant(READS, without=LEDGER), Grant(WRITES, REGISTRATION | CARE | MEDICINE)),
    "nurse": (Grant(READS, without=LEDGER), Grant(WRITES, REGISTRATION | CARE)),
    "registrar": (Grant(READS, REGISTRATION | DIRECTORY), Grant(WRITES, REGISTRATION)),
    "resident": (Grant(READS, DIRECTORY),),
    "reader": (Grant(READS, without=LEDGER),),
    "system": (Grant(READS | WRITES | DELETES | BULK, without=LEDGER),),
    "auditor": (Grant(READS, LEDGER),),
}


def allowed(role: str, interaction: str, type_: str | None) -> bool:
    """Whether a role may do an interaction to a type, or with None to the whole system. An unknown role may do nothing."""
    return any(grant.covers(interaction, type_) for grant in GRANTS.get(role, ()))


def require(actor: Actor, interaction: str, type_: str | None) -> None:
    """Raise `Forbidden` unless the actor's role may do this."""
    if not allowed(actor.role, interaction, type_):
        raise Forbidden(
            "The role {role} may not {interaction} {type}.", role=actor.role, interaction=interaction, type=type_ or "the whole system"
        )
