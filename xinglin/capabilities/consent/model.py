"""What residents read about looks at their record, and what is kept of an objection: words, views and frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from xinglin.access.breakglass import Glass
from xinglin.kit.i18n import Phrase, t

GROUNDS: Mapping[str, Phrase] = {
    "self": t("It is your own record"),
    "guardian": t("A guardian may see it"),
    "encounter": t("They treated you at a visit"),
    "ward": t("You stayed on their ward"),
    "referral": t("You were referred to them, or by them"),
    "consultation": t("They were asked for their advice on your illness"),
    "appointment": t("You had an appointment with them"),
    "order": t("They ordered or carried out an examination for you"),
    "request": t("They worked on a request for you"),
    "contract": t("You have a contract with this family doctor"),
    "team": t("They belong to the team that cares for you"),
    "assignment": t("They look after the village or district you live in"),
    "institution": t("You were treated in their institution"),
    "permit": t("You allowed it"),
    "break-glass": t("An emergency; this is checked afterwards"),
    "role": t("Their duty by law (public health, insurance)"),
    "list": t("It stood in a list of several residents"),
}
"""Why somebody may see a record, as one would tell the resident. Keys: `access.relationships.KINDS`, `role`, `list`."""

WHATS: Mapping[str, Phrase] = {
    "Patient": t("personal details"),
    "RelatedPerson": t("relatives"),
    "Observation": t("measurements and laboratory values"),
    "DiagnosticReport": t("laboratory and examination reports"),
    "ServiceRequest": t("orders and referrals"),
    "Condition": t("diagnoses"),
    "AllergyIntolerance": t("allergies"),
    "Flag": t("warnings"),
    "MedicationRequest": t("prescriptions"),
    "MedicationStatement": t("medicines taken"),
    "MedicationDispense": t("medicines handed out"),
    "MedicationAdministration": t("medicines given"),
    "Encounter": t("visits"),
    "Composition": t("medical documents"),
    "DocumentReference": t("medical documents"),
    "ImagingStudy": t("images"),
    "Media": t("images"),
    "Procedure": t("operations and treatments"),
    "Immunization": t("vaccinations"),
    "CarePlan": t("care plans"),
    "CareTeam": t("the care team"),
    "EpisodeOfCare": t("contracts with the family doctor"),
    "Appointment": t("appointments"),
    "QuestionnaireResponse": t("questionnaires and follow-ups"),
    "Coverage": t("insurance"),
    "Claim": t("bills"),
    "ExplanationOfBenefit": t("bills"),
    "Consent": t("permissions given"),
    "Task": t("requests under way"),
}
"""Kinds of data in plain words."""

PARTS: tuple[tuple[str, Phrase], ...] = (
    (r"/person/[^/]+/visit/", t("the documents of one visit")),
    (r"/person/[^/]+/year/", t("the visits of one year")),
    (r"/person/[^/]+/result", t("one result through time")),
    (r"/person/[^/]+/consent", t("permissions given")),
    (r"/person/[^/?]+", t("the overview of the record")),
    (r"/person", t("the name in a list of residents")),
    (r"/visit", t("the name in a list of visits")),
    (r"/(clinic|hospital|emergency|public-health)$", t("the name in a list of visits")),
    (r"/find", t("the name in a list of residents")),
    (r"/my-record", t("the overview of the record")),
)
"""Addresses of pages and what they show of a resident."""

CODES: Mapping[str, Phrase] = {
    "85354-9": t("blood pressure"),
    "8480-6": t("blood pressure"),
    "8462-4": t("blood pressure"),
    "2339-0": t("blood sugar"),
    "1558-6": t("blood sugar"),
    "14771-0": t("blood sugar"),
    "4548-4": t("blood sugar"),
    "29463-7": t("body weight"),
    "8302-2": t("body height"),
}
"""LOINC codes asked for, in plain words."""

DEEDS: Mapping[str, Phrase] = {
    "create": t("wrote"),
    "update": t("changed"),
    "patch": t("changed"),
    "page-post": t("filled in a form"),
    "delete": t("deleted"),
    "print": t("printed"),
    "export": t("took a copy"),
    "reveal": t("looked at the whole ID number"),
    "history": t("looked at earlier versions"),
    "break-glass": t("opened the record in an emergency"),
    "emergency-lookup": t("looked the person up by number for an emergency"),
    "judge-justified": t("checked an emergency look"),
    "judge-unjustified": t("checked an emergency look"),
}
"""What was done, where it was more than looking."""
LOOKED = t("looked at")

State = Literal["open", "answered", "upheld", "dismissed"]
Move = Literal["object", "answer", "uphold", "dismiss", "reply"]
STATES: Mapping[State, Phrase] = {
    "open": t("Waits for an answer"),
    "answered": t("Answered"),
    "upheld": t("You were right"),
    "dismissed": t("The look was in order"),
}
FINAL = frozenset({"upheld", "dismissed"})


class Step(msgspec.Struct, frozen=True):
    """One step of an objection: which move, who made it in which role, what they wrote; microseconds since 1970."""

    move: Move
    by: str
    role: str
    words: str
    at: int


class Objection(msgspec.Struct, frozen=True):
    """A resident's objection to a look. `act`: its number in the ledger, `looked`: when it was; `about`: the account of who looked.

    `patient`: Patient id, `number`: in the trail; `account`: who objects (the resident or a guardian).
    """

    patient: str
    number: int
    account: str
    act: int
    looked: int
    about: str
    about_name: str
    about_place: str
    ground: str
    state: State
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose record a page is about: Patient id, number in the trail, name; `own` when it is the reader's."""

    id: str
    number: int
    name: str
    own: bool


@dataclass(frozen=True, slots=True)
class Someone:
    """Who looked: account, name, role, institution, reference in the record; "" for what is not known."""

    account: str
    name: str
    role: str
    place: str
    person: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What one person did with the record on one day, on one ground. `first`, `last`: instants; `act`: the newest act's number.

    `objection`: key of the case about one of these acts, "" for none. `glass`: the emergency behind it.
    """

    day: str
    who: Someone
    own: bool
    refused: bool
    glass: Glass | None
    grounds: tuple[Phrase, ...]
    whats: tuple[Phrase, ...]
    deeds: tuple[Phrase, ...]
    wheres: tuple[Phrase, ...]
    first: str
    last: str
    count: int
    act: int
    objection: str


@dataclass(frozen=True, slots=True)
class Relationship:
    """Somebody who may see the record now: name, kind of relation, since and until (ISO text, "" for open), what it follows from."""

    name: str
    kind: str
    since: str
    until: str
    follows: Phrase


KIND_GROUPS: Mapping[str, tuple[Phrase, tuple[str, ...]]] = {
    "diagnoses": (t("diagnoses"), ("Condition", "ClinicalImpression", "RiskAssessment", "FamilyMemberHistory")),
    "results": (t("measurements and laboratory values"), ("Observation", "DiagnosticReport", "Specimen")),
    "medicines": (
        t("medicines"),
        ("MedicationRequest", "MedicationDispense", "MedicationAdministration", "MedicationStatement"),
    ),
    "visits": (t("visits"), ("Encounter", "EpisodeOfCare", "Appointment")),
    "documents": (t("medical documents"), ("Composition", "DocumentReference")),
    "images": (t("images"), ("ImagingStudy", "Media")),
    "procedures": (t("operations and treatments"), ("Procedure",)),
    "vaccinations": (t("vaccinations"), ("Immunization",)),
}
"""What a rule of consent can be limited to: key -> (words, resource types)."""

PURPOSES: Mapping[str, Phrase] = {"TREAT": t("for treatment"), "HRESCH": t("for research")}
"""Codes of HL7 v3 PurposeOfUse."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a resident wants to lay down. `who`: a reference, "" for everyone; `kinds`: keys of `KIND_GROUPS`, () for all.

    `only_sensitive`: about what is labelled most sensitive alone; `with_sensitive`: a permission that includes it. `until`: ISO day.
    """

    permit: bool
    who: str = ""
    who_name: str = ""
    kinds: tuple[str, ...] = ()
    only_sensitive: bool = False
    with_sensitive: bool = False
    purpose: str = ""
    until: str = ""
    paper: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """A consent as it stands: id, what it lays down (None when it came from elsewhere in a form we cannot say), since when, by whom.

    `state`: active, inactive (withdrawn) or ended; `versions`: how many there are.
    """

    id: str
    choice: Choice | None
    state: str
    since: str
    by: str
    versions: int
