"""What a role may do: one table of grants, read by every door.

Roles say what kind of deed is possible at all. Whose record it may be done to is the scope (`reach.py`): a resident may read
conditions, and their scope is their own record and their wards'.
"""

from __future__ import annotations

from dataclasses import dataclass

from xinglin.access.actor import Actor
from xinglin.base.errors import Forbidden
from xinglin.fhir.definitions import compartment

READS = frozenset({"read", "vread", "history", "search"})
WRITES = frozenset({"create", "update", "patch"})
DELETES = frozenset({"delete"})
BULK = frozenset({"export", "import"})
EVERYTHING = READS | WRITES | DELETES | BULK
"""The interactions there are; a batch or transaction is checked entry by entry."""

REGISTRATION = frozenset(
    "Account Appointment AppointmentResponse Coverage Encounter EpisodeOfCare Patient RelatedPerson Schedule Slot".split()
)
CARE = frozenset(
    """AllergyIntolerance CarePlan CareTeam ClinicalImpression Communication Composition DetectedIssue Device DeviceUseStatement
    DiagnosticReport DocumentReference Flag Goal Group Immunization List Media MedicationAdministration MedicationStatement NutritionOrder
    Observation QuestionnaireResponse Specimen Task""".split()
)
MEDICINE = frozenset(
    """Condition DeviceRequest FamilyMemberHistory ImagingStudy MedicationDispense MedicationRequest Procedure RequestGroup
    RiskAssessment ServiceRequest VisionPrescription""".split()
)
DIRECTORY = frozenset(
    """ActivityDefinition CareTeam CodeSystem ConceptMap Device Endpoint HealthcareService Library Location Measure Medication Organization
    OrganizationAffiliation PlanDefinition Practitioner PractitionerRole Questionnaire Schedule Slot StructureDefinition Substance ValueSet
    VerificationResult""".split()
)
"""What is about institutions, staff and knowledge, not about residents."""
LEDGER = frozenset({"AuditEvent"})
"""Read by the audit administrator (the platform's own ledger), and kept for other systems that send theirs."""
RECORD = frozenset(compartment("Patient")) | {"Patient", "Task"}
"""Every type of a resident's record: it lies in the Patient compartment, but for Task, which carries every request about them."""
ENVELOPES = frozenset({"Bundle", "Linkage", "MessageHeader", "Parameters", "Subscription"})
"""What may hold anything about anybody and names no patient by whom it could be told: for the platform's own machines."""
PHARMACY = frozenset(
    """AllergyIntolerance Condition DetectedIssue Encounter MedicationAdministration MedicationDispense MedicationRequest
    MedicationStatement Observation Patient Provenance SupplyDelivery SupplyRequest Task""".split()
)
PAYMENT = frozenset(
    """Account ChargeItem Claim ClaimResponse Coverage CoverageEligibilityRequest CoverageEligibilityResponse Encounter ExplanationOfBenefit
    Invoice Patient""".split()
)


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


_CLINICAL = (RECORD | DIRECTORY) - LEDGER
_ATTACHED = Grant(frozenset({"read", "vread"}), frozenset({"Binary"}))
"""A Binary is read through what it belongs to; no search finds one."""
_ATTACHES = Grant(frozenset({"create"}), frozenset({"Binary", "Provenance"}))
_REGISTERS = REGISTRATION - {"Patient", "RelatedPerson"}
"""What who treats registers: who a person is, and who speaks for them, is the registrar's."""

GRANTS: dict[str, tuple[Grant, ...]] = {
    "doctor": (Grant(READS, _CLINICAL), Grant(WRITES, _REGISTERS | CARE | MEDICINE), _ATTACHED, _ATTACHES),
    "nurse": (Grant(READS, _CLINICAL), Grant(WRITES, _REGISTERS | CARE), _ATTACHED, _ATTACHES),
    "pharmacist": (
        Grant(READS, PHARMACY | DIRECTORY),
        Grant(WRITES, frozenset({"DetectedIssue", "MedicationDispense", "Task"})),
        Grant(frozenset({"create"}), frozenset({"Provenance"})),
    ),
    "registrar": (Grant(READS, REGISTRATION | DIRECTORY | {"Consent"}), Grant(WRITES, REGISTRATION | {"Consent"})),
    "public_health": (Grant(READS, _CLINICAL), Grant(WRITES, frozenset({"Communication", "Flag", "QuestionnaireResponse", "Task"}))),
    "dispatcher": (
        Grant(READS, REGISTRATION | DIRECTORY | {"AllergyIntolerance", "Condition", "Flag", "Task"}),
        Grant(WRITES, frozenset({"Communication", "Encounter", "Task"})),
    ),
    "insurer": (Grant(READS, PAYMENT | DIRECTORY), Grant(WRITES, frozenset({"ClaimResponse", "CoverageEligibilityResponse"}))),
    "regulator": (Grant(READS, DIRECTORY),),
    "resident": (
        Grant(READS, _CLINICAL - {"Practitioner", "VerificationResult"}),  # these hold the ID numbers of staff
        Grant(WRITES, frozenset({"Communication", "Consent", "QuestionnaireResponse"})),
        _ATTACHED,
    ),
    "system_admin": (Grant(READS | WRITES, DIRECTORY),),
    "security_admin": (Grant(READS, DIRECTORY),),
    "audit_admin": (Grant(READS, DIRECTORY | LEDGER),),
    "reader": (Grant(READS, without=LEDGER | ENVELOPES | {"Binary"}), _ATTACHED),
    "system": (Grant(EVERYTHING),),
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
