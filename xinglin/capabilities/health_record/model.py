"""Frozen views of what a record holds, each `of` one resource. Nothing here decides; a name is a tuple of ways to say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from xinglin.fhir.codec import Resource
from xinglin.kit.banner import NO_ALLERGY_CODES, is_severe
from xinglin.kit.coding import Names, codes_of, first_code, has_code, id_of, names_of
from xinglin.kit.i18n import Phrase, t
from xinglin.kit.measurements import MEASUREMENTS, unit_said
from xinglin.kit.narrative import attached_text, plain_text

KINDS: Mapping[str, Phrase] = {
    "AMB": t("Outpatient"), "IMP": t("Inpatient"), "ACUTE": t("Inpatient"), "NONAC": t("Inpatient"), "OBSENC": t("Observation stay"),
    "SS": t("Day surgery"), "EMER": t("Emergency"), "HH": t("Home visit"), "FLD": t("Field visit"), "PRENC": t("Before admission"),
    "VR": t("Online visit"),
}  # fmt: skip
"""Encounter classes (HL7 v3 ActCode) as people call them."""
OTHER_KIND = t("Other visit")
KIND_ICONS: Mapping[str, str] = {"IMP": "bed", "ACUTE": "bed", "NONAC": "bed", "EMER": "ambulance", "HH": "home-heart", "VR": "video"}


@dataclass(frozen=True, slots=True)
class Visit:
    """An encounter in the timeline. `place` and `place_id`: the institution, "" when not recorded; times as written."""

    id: str
    kind: str
    title: Names
    reason: Names
    place: str
    place_id: str
    doctor: str
    start: str
    end: str

    @classmethod
    def of(cls, encounter: Resource, places: Mapping[str, str]) -> Self:
        """`places`: names of institutions by id, for references that carry none."""
        provider = encounter.get("serviceProvider")
        place_id = id_of(provider)
        period = encounter.get("period", {})
        reasons = (names_of(reason, ()) for reason in encounter.get("reasonCode", []))
        doctors = (one.get("individual", {}).get("display", "") for one in encounter.get("participant", []))
        return cls(
            id=encounter["id"],
            kind=encounter.get("class", {}).get("code", ""),
            title=names_of(next(iter(encounter.get("type", [])), None)),
            reason=next((names for names in reasons if names), ()),
            place=(provider or {}).get("display") or places.get(place_id, ""),
            place_id=place_id,
            doctor=next((name for name in doctors if name), ""),
            start=period.get("start", ""),
            end=period.get("end", ""),
        )

    @property
    def kind_phrase(self) -> Phrase:
        """Its class in words."""
        return KINDS.get(self.kind, OTHER_KIND)

    @property
    def icon(self) -> str:
        """The icon of its class."""
        return KIND_ICONS.get(self.kind, "stethoscope")

    @property
    def is_stay(self) -> bool:
        """Whether it lasted into another day."""
        return bool(self.end) and self.end[:10] != self.start[:10]


REFERRING = ("3457005", "103696004", "306206005", "referral", "11429006", "consultation", "185389009")
"""Categories of a ServiceRequest that hand somebody over or ask for advice (SNOMED CT and plain words): those of `access.relationships`."""


@dataclass(frozen=True, slots=True)
class Referral:
    """A referral or a request for advice. `by`: who asks, "" when not recorded; `time` as written."""

    id: str
    kind: Names
    reason: Names
    by: str
    urgent: bool
    time: str

    @classmethod
    def of(cls, request: Resource) -> Self:
        """The view of a ServiceRequest."""
        reasons = (names_of(reason, ()) for reason in request.get("reasonCode", []))
        return cls(
            id=request["id"],
            kind=names_of(next(iter(request.get("category", [])), None)),
            reason=next((names for names in reasons if names), ()),
            by=request.get("requester", {}).get("display", ""),
            urgent=request.get("priority") in ("urgent", "asap", "stat"),
            time=request.get("authoredOn", ""),
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """A condition. `key`: the disease, to gather repeats; `times`: how often it is recorded (the newest one is shown)."""

    id: str
    key: str
    name: Names
    code: str
    active: bool
    since: str
    ended: str
    source: str
    times: int = 1

    @classmethod
    def of(cls, condition: Resource, places: Mapping[str, str]) -> Self:
        """`places`: names of institutions by the id of the visit."""
        concept = condition.get("code")
        ended = condition.get("abatementDateTime", "")
        return cls(
            id=condition["id"],
            key=key_of(concept),
            name=names_of(concept),
            code=_telling_code(concept),
            active=not ended and not has_code(condition.get("clinicalStatus"), "inactive", "remission", "resolved"),
            since=condition.get("onsetDateTime") or condition.get("onsetPeriod", {}).get("start") or condition.get("recordedDate", ""),
            ended=ended,
            source=source_of(condition, places, "recorder", "asserter"),
        )


@dataclass(frozen=True, slots=True)
class Medicine:
    """A prescription: what, how it is taken, since when, by whom. `key`: the drug, to gather repeats."""

    id: str
    key: str
    name: Names
    dosage: str
    active: bool
    since: str
    source: str
    times: int = 1

    @classmethod
    def of(cls, request: Resource, places: Mapping[str, str]) -> Self:
        """From a MedicationRequest; a drug given by reference goes by the reference's display."""
        concept = request.get("medicationCodeableConcept")
        display = request.get("medicationReference", {}).get("display", "")
        dosage = next(iter(request.get("dosageInstruction", [])), {})
        return cls(
            id=request["id"],
            key=key_of(concept) or display,
            name=names_of(concept) or ((display,) if display else ()),
            dosage=dosage.get("text") or _dose(dosage),
            active=request.get("status") in ("active", "on-hold"),
            since=request.get("authoredOn", ""),
            source=source_of(request, places, "requester"),
        )


@dataclass(frozen=True, slots=True)
class Allergy:
    """What the resident must not meet. `severe`: high criticality or a severe reaction on record. `denies`: "no known allergy"."""

    id: str
    name: Names
    reaction: Names
    severe: bool
    denies: bool
    recorded: str
    source: str

    @classmethod
    def of(cls, allergy: Resource, places: Mapping[str, str]) -> Self:
        """From an AllergyIntolerance."""
        reactions = allergy.get("reaction", [])
        signs = (names_of(sign) for reaction in reactions for sign in reaction.get("manifestation", []))
        return cls(
            id=allergy["id"],
            name=names_of(allergy.get("code")),
            reaction=next((names for names in signs if names), ()),
            severe=is_severe(allergy),
            denies=has_code(allergy.get("code"), *NO_ALLERGY_CODES),
            recorded=allergy.get("recordedDate") or allergy.get("onsetDateTime", ""),
            source=source_of(allergy, places, "recorder", "asserter"),
        )


@dataclass(frozen=True, slots=True)
class Measure:
    """One measured value (or one component of several): number or words, unit, reference range, which way it lies."""

    name: Names
    text: Names
    number: Decimal | None
    unit: str
    low: Decimal | None
    high: Decimal | None
    range_text: str
    direction: str

    @classmethod
    def of(cls, measured: Resource) -> Self:
        """From an Observation or one of its components."""
        quantity = measured.get("valueQuantity", {})
        number = quantity.get("value")
        span = next(iter(measured.get("referenceRange", [])), {})
        low, high = span.get("low", {}).get("value"), span.get("high", {}).get("value")
        interpretation = first_code(next(iter(measured.get("interpretation", [])), None))
        return cls(
            name=names_of(measured.get("code"), MEASUREMENTS),
            text=_value_text(measured),
            number=None if number is None else Decimal(number),
            unit=unit_said(quantity.get("unit") or quantity.get("code", "")),
            low=None if low is None else Decimal(low),
            high=None if high is None else Decimal(high),
            range_text=span.get("text", ""),
            direction=direction(number, low, high, interpretation),
        )


_INTERPRETED: Mapping[str, str] = {
    "HH": "critical-up",
    "HU": "critical-up",
    "LL": "critical-down",
    "LU": "critical-down",
    "H": "up",
    "L": "down",
    "A": "abnormal",
    "AA": "abnormal",
    "POS": "abnormal",
    "N": "normal",
    "NEG": "normal",
}


def direction(number: Decimal | int | None, low: Decimal | int | None, high: Decimal | int | None, interpretation: str) -> str:
    """up, down, critical-up, critical-down, abnormal or normal: the laboratory's own word first, else by the range; "" for neither."""
    if interpretation in _INTERPRETED:
        return _INTERPRETED[interpretation]
    if number is None or (low is None and high is None):
        return ""
    if low is not None and number < low:
        return "down"
    return "up" if high is not None and number > high else "normal"


SYSTOLIC = "8480-6"
"""Stands first in a blood pressure, however it was recorded."""


@dataclass(frozen=True, slots=True)
class Result:
    """An observation: its measures (components, or itself), when, from where. `key`: system|code, what makes a series."""

    id: str
    key: str
    name: Names
    group: str
    measures: tuple[Measure, ...]
    time: str
    source: str

    @classmethod
    def of(cls, observation: Resource, places: Mapping[str, str]) -> Self:
        """From an Observation; `group` is vital-signs, laboratory or other."""
        categories = [code for category in observation.get("category", []) for _, code in codes_of(category)]
        period = observation.get("effectivePeriod", {})
        parts = sorted(observation.get("component", []), key=lambda part: not has_code(part.get("code"), SYSTOLIC))
        return cls(
            id=observation["id"],
            key=key_of(observation.get("code")),
            name=names_of(observation.get("code"), MEASUREMENTS),
            group=next((code for code in categories if code in ("vital-signs", "laboratory")), "other"),
            measures=tuple(Measure.of(part) for part in parts) if parts else (Measure.of(observation),),
            time=observation.get("effectiveDateTime") or period.get("start") or observation.get("issued", ""),
            source=source_of(observation, places),
        )


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest result of a series, with the whole series, oldest first."""

    result: Result
    series: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """A report or document of a visit: FHIR type, kind, title, when, from where. `body`: (heading, plain words) of each section."""

    type: str
    id: str
    kind: Phrase
    icon: str
    title: Names
    body: tuple[tuple[str, str], ...]
    time: str
    source: str

    @classmethod
    def of(cls, paper: Resource, places: Mapping[str, str]) -> Self:
        """From a DiagnosticReport, DocumentReference, Composition, ImagingStudy, Procedure or Immunization."""
        kind, icon = PAPERS[paper["resourceType"]]
        return cls(
            type=paper["resourceType"],
            id=paper["id"],
            kind=kind,
            icon=icon,
            title=_title(paper),
            body=_body(paper),
            time=_paper_time(paper),
            source=source_of(paper, places, "author", "custodian"),
        )


PAPERS: Mapping[str, tuple[Phrase, str]] = {
    "DocumentReference": (t("Document"), "file-text"),
    "Composition": (t("Document"), "file-text"),
    "DiagnosticReport": (t("Report"), "report-medical"),
    "ImagingStudy": (t("Imaging"), "photo-scan"),
    "Procedure": (t("Procedure"), "scissors"),
    "Immunization": (t("Vaccination"), "vaccine"),
}


def source_of(resource: Resource, places: Mapping[str, str], *people: str) -> str:
    """Where it comes from: the institution of its visit, else who performed or wrote it, else the sending system; "" when not recorded."""
    visit = resource.get("encounter") or next(iter((resource.get("context") or {}).get("encounter", [])), None)
    if place := places.get(id_of(visit)):
        return place
    for field in (*people, "performer", "author"):
        value = resource.get(field)
        for one in value if isinstance(value, list) else [value]:
            if display := (one or {}).get("display") or (one or {}).get("actor", {}).get("display"):
                return display
    return resource.get("meta", {}).get("source", "")


def key_of(concept: Resource | None) -> str:
    """What makes two records "the same thing": the first coding, else the words."""
    codes = codes_of(concept)
    return "|".join(codes[0]) if codes else (concept or {}).get("text", "")


def _telling_code(concept: Resource | None) -> str:
    """The code worth showing beside a name: ICD, else none (SNOMED and RxNorm numbers say nothing to a reader)."""
    icd = (code for system, code in codes_of(concept) if "icd" in system.lower())
    return next(icd, "")


def _value_text(measured: Resource) -> Names:
    if "valueString" in measured:
        return (measured["valueString"],)
    if "valueBoolean" in measured:
        return ("+" if measured["valueBoolean"] else "-",)
    if "valueInteger" in measured:
        return (str(measured["valueInteger"]),)
    if "valueRange" in measured:
        span = measured["valueRange"]
        return (f"{span.get('low', {}).get('value', '')}-{span.get('high', {}).get('value', '')}",)
    return names_of(measured.get("valueCodeableConcept") or measured.get("dataAbsentReason"))


def _dose(dosage: Resource) -> str:
    quantity = next(iter(dosage.get("doseAndRate", [])), {}).get("doseQuantity", {})
    repeat = dosage.get("timing", {}).get("repeat", {})
    often = f"{repeat['frequency']}/{repeat.get('period', 1)}{repeat.get('periodUnit', 'd')}" if "frequency" in repeat else ""
    return " ".join(part for part in (str(quantity.get("value", "")), quantity.get("unit", ""), often) if part)


def _title(paper: Resource) -> Names:
    if paper.get("title") or paper.get("description"):
        return (paper.get("title") or paper["description"],)
    series = next(iter(paper.get("series", [])), {}).get("bodySite", {}).get("display")
    procedure = next(iter(paper.get("procedureCode", [])), None)
    return names_of(paper.get("code") or paper.get("type") or paper.get("vaccineCode") or procedure) or ((series,) if series else ())


def _paper_time(paper: Resource) -> str:
    period = paper.get("performedPeriod") or paper.get("effectivePeriod") or {}
    fields = ("effectiveDateTime", "performedDateTime", "occurrenceDateTime", "started", "date", "issued")
    return period.get("start") or next((paper[field] for field in fields if field in paper), "")


def _body(paper: Resource) -> tuple[tuple[str, str], ...]:
    """What a paper says, as plain text: narrative markup is dropped, never shown as markup."""
    sections = [(section.get("title", ""), plain_text(section.get("text", {}).get("div", ""))) for section in paper.get("section", [])]
    attached = [content.get("attachment", {}) for content in paper.get("content", [])] + paper.get("presentedForm", [])
    texts = [(one.get("title", ""), attached_text(one)) for one in attached]
    conclusion = paper.get("conclusion", "")
    return tuple((heading, words) for heading, words in (("", conclusion), *sections, *texts) if words)
