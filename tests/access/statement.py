"""Who may do what, said a second time: plain lists and plain ifs, for a security officer to read and for the tests to hold the code to.

Written from issue 3 section 3, `docs/explanation/access.md` and the docstring of `access/actor.py`. It imports nothing of the platform.
"""

from __future__ import annotations

from dataclasses import dataclass

# --- what there is ---

ROLES = """doctor nurse pharmacist registrar public_health dispatcher insurer regulator resident system_admin security_admin audit_admin
    reader system""".split()
LOOKS = ["read", "vread", "history", "search"]
CHANGES = ["create", "update", "patch"]
INTERACTIONS = [*LOOKS, *CHANGES, "delete", "export", "import"]

RECORD = """Account AdverseEvent AllergyIntolerance Appointment AppointmentResponse AuditEvent Basic BodyStructure CarePlan CareTeam
    ChargeItem Claim ClaimResponse ClinicalImpression Communication CommunicationRequest Composition Condition Consent Coverage
    CoverageEligibilityRequest CoverageEligibilityResponse DetectedIssue DeviceRequest DeviceUseStatement DiagnosticReport DocumentManifest
    DocumentReference Encounter EnrollmentRequest EpisodeOfCare ExplanationOfBenefit FamilyMemberHistory Flag Goal Group ImagingStudy
    Immunization ImmunizationEvaluation ImmunizationRecommendation Invoice List MeasureReport Media MedicationAdministration
    MedicationDispense MedicationRequest MedicationStatement MolecularSequence NutritionOrder Observation Patient Person Procedure
    Provenance QuestionnaireResponse RelatedPerson RequestGroup ResearchSubject RiskAssessment ServiceRequest Specimen SupplyDelivery
    SupplyRequest Task VisionPrescription""".split()
"""What makes up the record of a resident."""
OF_PATIENTS_TOO = "Contract Device GuidanceResponse Schedule".split()
"""Not of the record by name, but what of these names a patient is that patient's."""
SHARED = "CareTeam Device Schedule Task".split()
"""Of these, what names no patient belongs to an institution, and is open as institutions are."""
DIRECTORY = """ActivityDefinition CareTeam CodeSystem ConceptMap Device Endpoint HealthcareService Library Location Measure Medication
    Organization OrganizationAffiliation PlanDefinition Practitioner PractitionerRole Questionnaire Schedule Slot StructureDefinition
    Substance ValueSet VerificationResult""".split()
"""Institutions, staff and knowledge."""
ENVELOPES = "Binary Bundle Linkage MessageHeader Parameters Subscription".split()
"""These may carry anything about anybody, and name no patient by which it could be told."""

REGISTRATION = "Account Appointment AppointmentResponse Coverage Encounter EpisodeOfCare Patient RelatedPerson Schedule Slot".split()
WHO_TREATS_REGISTERS = [type_ for type_ in REGISTRATION if type_ not in ("Patient", "RelatedPerson")]
CARE = """AllergyIntolerance CarePlan CareTeam ClinicalImpression Communication Composition DetectedIssue Device DeviceUseStatement
    DiagnosticReport DocumentReference Flag Goal Group Immunization List Media MedicationAdministration MedicationStatement NutritionOrder
    Observation QuestionnaireResponse Specimen Task""".split()
MEDICINE = """Condition DeviceRequest FamilyMemberHistory ImagingStudy MedicationDispense MedicationRequest Procedure RequestGroup
    RiskAssessment ServiceRequest VisionPrescription""".split()
PHARMACY = """AllergyIntolerance Condition DetectedIssue Encounter MedicationAdministration MedicationDispense MedicationRequest
    MedicationStatement Observation Patient Provenance SupplyDelivery SupplyRequest Task""".split()
PAYMENT = """Account ChargeItem Claim ClaimResponse Coverage CoverageEligibilityRequest CoverageEligibilityResponse Encounter
    ExplanationOfBenefit Invoice Patient""".split()

WHOLE_RECORD = [type_ for type_ in RECORD if type_ != "AuditEvent"]

MAY_LOOK_AT = {
    "doctor": [*WHOLE_RECORD, *DIRECTORY],
    "nurse": [*WHOLE_RECORD, *DIRECTORY],
    "pharmacist": [*PHARMACY, *DIRECTORY],
    "registrar": [*REGISTRATION, *DIRECTORY, "Consent"],
    "public_health": [*WHOLE_RECORD, *DIRECTORY],
    "dispatcher": [*REGISTRATION, *DIRECTORY, "AllergyIntolerance", "Condition", "Flag", "Task"],
    "insurer": [*PAYMENT, *DIRECTORY],
    "regulator": DIRECTORY,
    "resident": [type_ for type_ in [*WHOLE_RECORD, *DIRECTORY] if type_ not in ("Practitioner", "VerificationResult")],
    "system_admin": DIRECTORY,
    "security_admin": DIRECTORY,
    "audit_admin": [*DIRECTORY, "AuditEvent"],
}
MAY_CHANGE = {
    "doctor": [*WHO_TREATS_REGISTERS, *CARE, *MEDICINE],
    "nurse": [*WHO_TREATS_REGISTERS, *CARE],
    "pharmacist": ["DetectedIssue", "MedicationDispense", "Task"],
    "registrar": [*REGISTRATION, "Consent"],
    "public_health": ["Communication", "Flag", "QuestionnaireResponse", "Task"],
    "dispatcher": ["Communication", "Encounter", "Task"],
    "insurer": ["ClaimResponse", "CoverageEligibilityResponse"],
    "resident": ["Communication", "Consent", "QuestionnaireResponse"],
    "system_admin": DIRECTORY,
}


def may_act(role: str, interaction: str, type_: str) -> bool:
    """Whether a role may do such a thing to such a type at all."""
    if role == "system":
        return True
    if interaction in ("delete", "export", "import"):
        return False
    if role == "reader":
        if type_ == "Binary":
            return interaction in ("read", "vread")
        return interaction in LOOKS and type_ != "AuditEvent" and type_ not in ENVELOPES
    if role in ("doctor", "nurse", "resident") and type_ == "Binary" and interaction in ("read", "vread"):
        return True
    if role in ("doctor", "nurse") and type_ in ("Binary", "Provenance") and interaction == "create":
        return True
    if role == "pharmacist" and type_ == "Provenance" and interaction == "create":  # a reviewed prescription is signed
        return True
    if interaction in LOOKS:
        return type_ in MAY_LOOK_AT.get(role, [])
    return type_ in MAY_CHANGE.get(role, [])


# --- whose record ---

CARE_ROLES = ["doctor", "nurse", "pharmacist", "registrar", "dispatcher", "resident"]
"""They see the records of those they have a relation with, and no others."""
COUNTY_ROLES = ["public_health", "insurer", "reader"]
"""They see everybody's, but for the most sensitive."""
BY_LAW = ["public_health", "insurer"]
"""Consent does not stop these."""
TREATS = ["self", "guardian", "encounter", "ward", "referral", "consultation", "break-glass"]
RELATIONS = [*TREATS, "appointment", "order", "request", "contract", "team", "assignment", "institution", "permit"]
WHEN = ["now", "ended", "not yet"]
CONSENTS = [
    "none", "denied", "denied to all", "denied this type", "denied another type", "denied the most sensitive", "this type permitted",
    "denied to all but this one", "denied for another purpose", "this type permitted to all",
]  # fmt: skip
OPEN_TO = {"registrar": ["Coverage", "Patient", "RelatedPerson"], "dispatcher": ["Patient"]}
"""What is read of everyone: how else would they find who stands before them."""
BEGINS = {"registrar": REGISTRATION, "dispatcher": ["Encounter", "Task"]}
"""What they may begin for anyone."""


@dataclass(frozen=True)
class Case:
    """One resource of one patient, and one who asks. `level`: 1 to 5. `names_patient`: it is about a patient, not an institution."""

    role: str
    type: str
    relation: str = "none"
    when: str = "now"
    consent: str = "none"
    level: int = 3
    names_patient: bool = True


def can_be(case: Case) -> bool:
    """Whether the case can come up: a resident alone is a patient or a guardian, and holds no post; who treats may break the glass."""
    if case.relation in ("self", "guardian"):
        return case.role == "resident"
    if case.relation == "break-glass":
        return case.role in ("doctor", "nurse", "dispatcher")
    if case.relation == "permit":
        return case.consent in ("none", "denied for another purpose", "denied the most sensitive", "denied this type")
    return case.role != "resident" or case.relation == "none"


def sees(case: Case) -> bool:
    """Whether the resource is there at all for who asks."""
    if case.role == "system":
        return True
    if not about_a_patient(case):
        return case.level < 5
    if case.role in BY_LAW:
        return case.level < 5
    if case.role == "reader":
        return case.level < 5 and not denied(case) and (case.consent != "denied this type" or let_in_by_name(case))
    if case.role not in CARE_ROLES:
        return False
    if case.consent == "denied this type" and not above_consent(case) and not let_in_by_name(case):
        return False
    if case.level == 5:
        return treats(case) and not denied(case) and (case.consent != "denied the most sensitive" or above_consent(case))
    if case.type in OPEN_TO.get(case.role, []):
        return True
    return belongs(case) or case.consent == "this type permitted"


def about_a_patient(case: Case) -> bool:
    if case.type in SHARED or case.type in OF_PATIENTS_TOO:
        return case.names_patient
    return case.type in RECORD


def related(case: Case) -> bool:
    return case.relation != "none" and case.when == "now"


def treats(case: Case) -> bool:
    return related(case) and case.relation in TREATS


def above_consent(case: Case) -> bool:
    """One's own record, one's ward's, and an emergency: no consent stands against these."""
    return related(case) and case.relation in ("self", "guardian", "break-glass")


def let_in_by_name(case: Case) -> bool:
    """What names who goes before what names nobody: the patient lets this one in, whatever is denied to people at large."""
    return case.consent == "denied to all but this one" or (related(case) and case.relation == "permit")


def denied(case: Case) -> bool:
    """Whether the patient keeps who asks out of the whole record."""
    return case.consent in ("denied", "denied to all") and not above_consent(case)


def belongs(case: Case) -> bool:
    """Whether the patient's record is open to who asks: by a relation, or because the patient lets this one in."""
    return (related(case) and not denied(case)) or case.consent == "denied to all but this one"


# --- changing ---


def may_change(case: Case) -> bool:
    """Whether a stored resource may be changed: seen, and the record is one's own to write in."""
    return may_act(case.role, "update", case.type) and sees(case) and may_write_for(case)


def may_create(case: Case) -> bool:
    """Whether something new may be written for the patient."""
    if not may_act(case.role, "create", case.type):
        return False
    return may_write_for(case) or case.type in BEGINS.get(case.role, [])


def may_write_for(case: Case) -> bool:
    if case.role in ("system", *BY_LAW) or not about_a_patient(case):
        return True
    if case.role == "resident" and case.type == "Consent":
        return related(case) and case.relation in ("self", "guardian")
    return case.role in CARE_ROLES and belongs(case)
