"""What stands above everything about a resident: who, what is dangerous, what they are managed for, who cares for them, who pays.

It shows only what the reader's role may read and their scope lets through. A kind of resource the role may not read is left out,
and then the banner does not claim that there is none.
"""

from __future__ import annotations

import re
from asyncio import gather
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from urllib.parse import quote
from zoneinfo import ZoneInfo

from xinglin.access.breakglass import cases
from xinglin.access.policy import allowed
from xinglin.base.clock import tick_of
from xinglin.base.errors import Gone, NotFound
from xinglin.fhir.codec import Resource
from xinglin.fhir.sensitivity import RESTRICTED, level_of
from xinglin.kit.coding import Names, codes_of, has_code, id_of, names_of
from xinglin.kit.i18n import Phrase, t
from xinglin.kit.person import Person, name_of
from xinglin.kit.unit import Unit

ENTRIES_MAX = 200

_CHRONIC: tuple[tuple[Phrase, str, frozenset[str]], ...] = (
    (t("Hypertension"), r"I1[0-5]", frozenset({"38341003", "59621000"})),
    (t("Diabetes"), r"E1[0-4]", frozenset({"44054006", "73211009", "46635009"})),
    (t("Coronary heart disease"), r"I2[0-5]", frozenset({"53741008", "22298006", "414545008"})),
    (t("Heart failure"), r"I50", frozenset({"84114007", "88805009"})),
    (t("Atrial fibrillation"), r"I48", frozenset({"49436004"})),
    (t("Stroke"), r"I6[0-9]", frozenset({"230690007"})),
    (t("COPD"), r"J44", frozenset({"13645005", "185086009", "87433001"})),
    (t("Asthma"), r"J4[56]", frozenset({"195967001", "233678006"})),
    (t("Chronic kidney disease"), r"N18", frozenset({"709044004", "431855005", "431856006", "433144002"})),
    (t("Tuberculosis"), r"A1[5-9]", frozenset({"56717001"})),
    (t("Chronic hepatitis B"), r"B18\.[01]", frozenset({"61977001"})),
    (t("Severe mental disorder"), r"F2[0-9]|F3[01]", frozenset({"58214004", "13746004"})),
    (t("Epilepsy"), r"G40", frozenset({"84757009"})),
    (t("Dementia"), r"F0[0-3]|G30", frozenset({"26929004", "230265002"})),
    (t("Cancer"), r"C[0-9]{2}", frozenset({"254837009", "254637007", "363406005", "126906006"})),
)
"""Label, ICD-10 pattern, SNOMED CT concepts: the diseases a resident is managed for."""

GROUNDS: Mapping[str, Phrase] = {
    "self": t("this is your own record"),
    "guardian": t("you are the guardian"),
    "encounter": t("you take part in a visit"),
    "ward": t("the resident lies on your ward"),
    "referral": t("a referral to or from you"),
    "consultation": t("a consultation"),
    "appointment": t("an appointment"),
    "order": t("an order"),
    "request": t("a request to you"),
    "contract": t("you are the contract doctor"),
    "team": t("you belong to the care team"),
    "assignment": t("the resident belongs to your district"),
    "institution": t("the resident was treated at your institution"),
    "permit": t("the resident has permitted it"),
    "break-glass": t("emergency access, which will be reviewed"),
    "role": t("your role covers the whole region"),
}
"""By what someone sees a record (`access.relationships.KINDS`), as the banner says it."""

NO_ALLERGY_CODES = ("716186003", "409137002", "428607008", "429625007")
"""SNOMED CT: no known allergy, drug allergy, environmental allergy, food allergy."""


@dataclass(frozen=True, slots=True)
class Danger:
    """An allergy as a label. `severe`: high criticality or a severe reaction on record. `denies`: "no known allergy"."""

    name: Names
    severe: bool
    denies: bool

    @classmethod
    def of(cls, allergy: Resource) -> Self:
        """From an AllergyIntolerance."""
        return cls(names_of(allergy.get("code")), is_severe(allergy), has_code(allergy.get("code"), *NO_ALLERGY_CODES))


@dataclass(frozen=True, slots=True)
class Behind:
    """The resources a banner is made of, for a page that shows them too. None: not for the reader's role.

    `doctor`: the contract doctor's name. `ground`: by what kind of relation the reader sees all this, "" when nothing is said.
    `emergency_minutes`: how long the record stays open to who broke the glass, 0 for who sees it on another ground.
    """

    patient: Resource
    conditions: list[Resource] | None
    allergies: list[Resource] | None
    flags: list[Resource] | None
    coverages: list[Resource] | None
    doctor: str
    ground: str
    emergency_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Banner:
    """The banner of one resident. `allergies` None: not for the reader's role. `restricted`: something labelled most sensitive is shown.

    `ground`: on what ground the reader sees it, None when nothing is said.
    """

    person: Person
    allergies: tuple[Danger, ...] | None
    flags: tuple[Names, ...]
    chronic: tuple[Phrase, ...]
    doctor: str
    insurance: tuple[Names, ...]
    restricted: bool
    ground: Phrase | None
    emergency_minutes: int = 0

    @classmethod
    def of(cls, behind: Behind, now: datetime, timezone: ZoneInfo) -> Self:
        """The banner at a moment."""
        allergies, flags = behind.allergies, behind.flags or []
        conditions, coverages = behind.conditions or [], behind.coverages or []
        return cls(
            person=Person.of(behind.patient, now, timezone),
            allergies=None if allergies is None else _dangers(allergies),
            flags=tuple(names_of(flag.get("code")) for flag in flags if flag.get("status") == "active"),
            chronic=chronic_labels(conditions),
            doctor=behind.doctor,
            insurance=tuple(dict.fromkeys(name for name in map(_insurance, coverages) if name)),
            restricted=any(level_of(one) >= RESTRICTED for one in (behind.patient, *conditions, *(allergies or []), *flags)),
            ground=GROUNDS.get(behind.ground),
            emergency_minutes=behind.emergency_minutes,
        )


async def read_banner(unit: Unit, person_id: str, timezone: ZoneInfo) -> Banner:
    """The banner of a resident. Raises NotFound or Gone."""
    return Banner.of(await read_behind(unit, person_id), unit.now, timezone)


async def read_behind(unit: Unit, person_id: str) -> Behind:
    """What a banner is made of, in one go. Raises NotFound or Gone."""
    patient, conditions, allergies, flags, coverages, teams = await gather(
        unit.store.read("Patient", person_id),
        _of_patient(unit, "Condition", person_id, "&_sort=-recorded-date"),
        _of_patient(unit, "AllergyIntolerance", person_id),
        _of_patient(unit, "Flag", person_id),
        _of_patient(unit, "Coverage", person_id, "&status=active"),
        _of_patient(unit, "CareTeam", person_id, "&status=active"),
    )
    resource = patient.resource()
    ground = unit.store.scope.ground_of(patient.patient)
    doctor, minutes = await gather(_contract_doctor(unit, resource, teams or []), _emergency_minutes(unit, person_id, ground))
    return Behind(resource, conditions, allergies, flags, coverages, doctor, ground, minutes)


async def _emergency_minutes(unit: Unit, person_id: str, ground: str) -> int:
    """For how many minutes yet the reader has the record open because they broke the glass."""
    if ground != "break-glass":
        return 0
    now_us = tick_of(unit.now)
    papers = await cases(unit.store.store).find(f"account {unit.actor.id}", now_us)
    mine = (paper.value for paper in papers if paper.value.patient == person_id and paper.value.state != "unjustified")
    return max((-(-(one.ends - now_us) // 60_000_000) for one in mine if one.ends > now_us), default=0)


def chronic_labels(conditions: Iterable[Resource]) -> tuple[Phrase, ...]:
    """The chronic diseases among the active conditions, in the order of the table."""
    codes = [code for condition in conditions if is_active(condition) for _, code in codes_of(condition.get("code"))]
    return tuple(label for label, icd, snomed in _CHRONIC if any(code in snomed or re.match(icd, code) for code in codes))


def is_active(condition: Resource) -> bool:
    """Whether a Condition goes on: not ended, not in remission, not entered in error."""
    ended = condition.get("abatementDateTime") or has_code(condition.get("clinicalStatus"), "inactive", "remission", "resolved")
    return not ended and not has_code(condition.get("verificationStatus"), "refuted", "entered-in-error")


def is_current(allergy: Resource) -> bool:
    """Whether an AllergyIntolerance stands: neither refuted, entered in error, nor resolved."""
    status, verified = allergy.get("clinicalStatus"), allergy.get("verificationStatus")
    return not has_code(status, "inactive", "resolved") and not has_code(verified, "refuted", "entered-in-error")


def is_severe(allergy: Resource) -> bool:
    """Whether it can kill: high criticality, or a severe reaction on record."""
    return allergy.get("criticality") == "high" or any(one.get("severity") == "severe" for one in allergy.get("reaction", []))


def _dangers(allergies: Iterable[Resource]) -> tuple[Danger, ...]:
    return tuple(sorted((Danger.of(one) for one in allergies if is_current(one)), key=lambda danger: not danger.severe))


def _insurance(coverage: Resource) -> Names:
    payors = (payor.get("display", "") for payor in coverage.get("payor", []))
    return names_of(coverage.get("type")) or tuple(name for name in payors if name)[:1]


async def _of_patient(unit: Unit, kind: str, person_id: str, more: str = "") -> list[Resource] | None:
    if not allowed(unit.actor.role, "search", kind):
        return None
    return await unit.store.find(kind, f"patient=Patient/{quote(person_id)}{more}", count=ENTRIES_MAX)


async def _contract_doctor(unit: Unit, patient: Resource, teams: Iterable[Resource]) -> str:
    """Whom the resident signed with: the patient's general practitioner, else the first practitioner of an active care team."""
    members = [part.get("member", {}) for team in teams for part in team.get("participant", [])]
    doctors = [*patient.get("generalPractitioner", []), *(one for one in members if "Practitioner" in one.get("reference", ""))]
    return await _named(unit, doctors[0]) if doctors else ""


async def _named(unit: Unit, reference: Resource) -> str:
    if reference.get("display"):
        return reference["display"]
    kind = reference.get("reference", "").rpartition("/")[0].rpartition("/")[2]
    if kind not in ("Practitioner", "Organization") or not allowed(unit.actor.role, "read", kind):
        return ""
    try:
        found = (await unit.store.read(kind, id_of(reference))).resource()
    except (NotFound, Gone):
        return ""
    return found["name"] if kind == "Organization" and found.get("name") else name_of(found) if kind == "Practitioner" else ""
