"""How sensitive a resource is: the five levels of GB/T 39725-2020, stated as a security label or told by its codes.

Level 5 (very narrow circle, grave harm) is what only those who treat may see: HIV and other sexually transmitted disease, mental
illness, induced abortion, self-harm, abuse. What is in a patient's record is level 4 at least, whatever its label says: who could lower
a label could open a record. Institutions and knowledge are level 1 unless labelled: a medicine's page tells nothing of anyone.

Every coding of a resource of a patient counts, also those no search finds (why a medicine was ordered, what a bill is for), and those of
the resources it contains.

The lists are ours to answer for: the standard names HIV and sexually transmitted disease as examples of level 5 and leaves the rest to
the controller; the others follow HL7's sensitivity codes (v3 ActCode, InformationSensitivityPolicy).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, cast

from xinglin.fhir.codec import Resource
from xinglin.fhir.definitions import compartment

LEVEL_SYSTEM = "urn:xinglin:sensitivity"
"""Labels `1` to `5` in `meta.security`."""
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
RESTRICTED = 5
PERSONAL = 4
_BESIDE = frozenset({"Contract", "Device", "GuidanceResponse", "Task"})
"""About patients, though not of their compartment."""
_ENVELOPES = frozenset({"Bundle", "Linkage", "MessageHeader", "Parameters"})
"""These may hold anything about anybody."""
_CONFIDENTIAL = {"U": 1, "L": 2, "M": 3, "N": 4, "R": 5, "V": 5}
SENSITIVITIES = frozenset("ETH ETHUD HIV MH OPIOIDUD PSY PSYTHPN SDV SEX SPI STD SUD SUICIDE ABR BH DVD EMOTDIS MEL SA".split())

_ICD10 = re.compile(
    r"F\d\d"  # mental and behavioural disorders
    r"|A5\d|A6[0-4]"  # infections with a predominantly sexual mode of transmission
    r"|B2[0-4]|Z21|R75|Z11\.4|Z20\.6|Z71\.7"  # HIV: disease, carrier, evidence, screening, contact, counselling
    r"|O04|Z64\.0"  # induced abortion, unwanted pregnancy
    r"|X[67]\d|X8[0-4]|Z91\.5"  # self-harm
    r"|T74|Y0[5-7]|Z61\.[4-6]"  # abuse, assault, neglect
)
_ATC = re.compile(r"J05A[EGJRX]|J05AF0[1-7]|N05A|N07B[BC]")  # antiretrovirals, antipsychotics, treatment of addiction
_LOINC = frozenset(
    """7917-8 7918-6 14092-1 5220-9 5221-7 29893-5 30361-0 31201-7 33866-5 56888-1 58900-2 68961-2 75622-1 80203-3 20447-9 25835-0
    25836-8 24467-3 8127-3 5292-8 20507-0 20508-8 22461-8 31147-2 47236-5 47237-3 5393-4 24110-9 43304-5 21613-5 24111-7""".split()
)  # HIV antibodies, antigen, RNA; CD4 count; syphilis; chlamydia and gonococci
_SNOMED = frozenset(
    "86406008 62479008 165816005 76272004 15628003 74732009 58214004 13746004 191736004 66214007 7200002 82313006".split()
)
_ICD10_SYSTEM = re.compile(r"http://hl7\.org/fhir/sid/icd-10(-\w+)?|urn:oid:2\.16\.840\.1\.113883\.6\.3|urn:oid:2\.16\.156\.10011\.2\.3\.3\.11.*")


def level_of(resource: Resource) -> int:
    """1 to 5, of a whole resource."""
    type_ = resource["resourceType"]
    within: Any = resource if personal(type_) or type_ in _ENVELOPES else resource.get("meta", {}).get("security", [])
    return _highest(within, PERSONAL if personal(type_) else 1)


def _highest(whole: Any, level: int) -> int:
    """The highest level that anything with a system and a code tells, however deep."""
    left: list[Any] = [whole]
    while left:
        one = left.pop()
        if type(one) is dict:
            found = cast("dict[str, Any]", one)
            if "system" in found and type(code := found.get("code")) is str and type(system := found["system"]) is str:
                level = max(level, _level_of_code(system, code))
                if level == RESTRICTED:
                    break
            one = found.values()
        left += [part for part in one if type(part) is dict or type(part) is list]
    return level


def personal(type_: str) -> bool:
    """Whether resources of a type are about a patient."""
    return type_ == "Patient" or type_ in _BESIDE or type_ in compartment("Patient")


@lru_cache(maxsize=16_384)
def _level_of_code(system: str, code: str) -> int:
    if system == LEVEL_SYSTEM:
        return int(code) if code in "12345" and code else 1
    if system == CONFIDENTIALITY:
        return _CONFIDENTIAL.get(code, 1)
    if system == ACT_CODE:
        return RESTRICTED if code in SENSITIVITIES else 1
    told = (
        (system == "http://loinc.org" and code in _LOINC)
        or (system == "http://snomed.info/sct" and code in _SNOMED)
        or (system == "http://www.whocc.no/atc" and _ATC.match(code))
        or (_ICD10_SYSTEM.fullmatch(system) and _ICD10.match(code.upper()))
    )
    return RESTRICTED if told else 1
