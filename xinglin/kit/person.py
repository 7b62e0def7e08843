"""A resident as every page shows one. Numbers are masked here, once: a page holds a full one only when asked (`number_of`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from xinglin.base.text import mask_number, mask_phone
from xinglin.fhir.codec import Resource
from xinglin.kit.coding import has_code
from xinglin.kit.i18n import Phrase, t
from xinglin.kit.times import Age, age_on, moment_of

SEXES: dict[str, Phrase] = {"male": t("Male"), "female": t("Female"), "other": t("Other sex")}
NATIONAL_ID_CODES = ("NI", "NNCHN", "SS")
"""HL7 v2-0203 types of a person's national number; SS is what American records carry."""
_RESIDENT_NUMBER_LENGTH = 18


@dataclass(frozen=True, slots=True)
class Person:
    """Name, sex, birth date (as written), age, masked number and telephone. `died`: the age is that at death."""

    id: str
    name: str
    sex: Phrase
    born: str
    age: Age | None
    died: bool
    number: str
    phone: str
    home: str

    @classmethod
    def of(cls, patient: Resource, now: datetime, timezone: ZoneInfo) -> Self:
        """The view of a Patient at a moment."""
        death = patient.get("deceasedDateTime")
        died = bool(death or patient.get("deceasedBoolean"))
        end = moment_of(death, timezone) if death else now.astimezone(timezone)
        last_day = (end.date() if isinstance(end, datetime) else end) or now.date()
        return cls(
            id=patient["id"],
            name=name_of(patient),
            sex=SEXES.get(patient.get("gender", ""), t("Sex unknown")),
            born=patient.get("birthDate", ""),
            age=None if died and not death else age_on(patient.get("birthDate"), last_day, timezone),
            died=died,
            number=_masked(mask_number, number_of(patient)),
            phone=_masked(mask_phone, _phone(patient)),
            home=_home(patient),
        )


def _masked(mask: Callable[[str], str], number: str) -> str:
    return mask(number) if number else ""


def name_of(person: Resource) -> str:
    """The name of a Patient or Practitioner in the order of its language; "?" when there is none."""
    names = person.get("name", [])
    best = next((name for name in names if name.get("use") in ("official", "usual")), names[0] if names else {})
    if best.get("text"):
        return best["text"]
    given, family = best.get("given", []), best.get("family", "")
    eastern = family + "".join(given)
    return (eastern if not eastern.isascii() else " ".join((*given, family)).strip()) or "?"


def _phone(patient: Resource) -> str:
    return next((one["value"] for one in patient.get("telecom", []) if one.get("system") == "phone" and one.get("value")), "")


def number_of(patient: Resource) -> str:
    """The whole national number, else any other; "" when there is none. Only for a page whose reader asked to see it."""
    identifiers = [one for one in patient.get("identifier", []) if one.get("value")]
    national = [one for one in identifiers if has_code(one.get("type"), *NATIONAL_ID_CODES)]
    resident = [one for one in identifiers if len(one["value"]) == _RESIDENT_NUMBER_LENGTH and one["value"][:17].isdigit()]
    return next((one["value"] for one in (*national, *resident, *identifiers)), "")


def _home(patient: Resource) -> str:
    address = next(iter(patient.get("address", [])), {})
    if address.get("text"):
        return address["text"]
    parts = [address.get("state"), address.get("city"), address.get("district"), *address.get("line", [])]
    told = [part for part in parts if part]
    return "".join(told) if told and not "".join(told).isascii() else ", ".join(reversed(told))
