"""The 5,306 resources HL7 published with R4 (npm `hl7.fhir.r4.examples`): each validates, or is refused for a fault it really has."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from xinglin.base.errors import Issue
from xinglin.fhir.codec import Resource, decode
from xinglin.fhir.validation import validate

EXAMPLES = Path(os.environ.get("XINGLIN_EXAMPLES") or Path(__file__).parents[2] / "node_modules" / "hl7.fhir.r4.examples")
EXAMPLES_COUNT = 5306

BLANK_NARRATIVE = "a <div> with nothing but white space: txt-2 wants content"
NO_BASE = "base is required of a SearchParameter (1..*)"
NO_PARENT = "sdf-4: not abstract, and without a baseDefinition"
GUIDE = "the guide of the specification itself, with neither name nor status, both 1..1"

REFUSED = {
    "ActivityDefinition-blood-tubes-supply": ("ActivityDefinition.text.div", BLANK_NARRATIVE),
    "ActivityDefinition-heart-valve-replacement": ("ActivityDefinition.text.div", BLANK_NARRATIVE),
    "EventDefinition-example": ("EventDefinition.text.div", BLANK_NARRATIVE),
    "Questionnaire-zika-virus-exposure-assessment": ("Questionnaire.text.div", BLANK_NARRATIVE),
    "Bundle-dataelements": ("Bundle", "bdl-7: three entries are named de-Quantity.value, and so on, none with a version"),
    "DeviceMetric-example": ("DeviceMetric.parent.reference", "parent is a Device; DeviceDefinition/dc102 is not"),
    "DeviceUseStatement-example": ("DeviceUseStatement.reasonReference[0].reference", "a Procedure is none of the types a reason may be"),
    "MedicationRequest-medrx0301": ("MedicationRequest.dispenseRequest.performer.reference", "only an Organization dispenses"),
    "Observation-clinical-gender": ("Observation.performer[0].reference", "an Encounter performs nothing"),
    "Questionnaire-qs1": ("Questionnaire.item[0].item[0].linkId", "linkId is required of each item (1..1)"),
    "SearchParameter-codesystem-extensions-CodeSystem-author": ("SearchParameter.base", NO_BASE),
    "SearchParameter-codesystem-extensions-CodeSystem-effective": ("SearchParameter.base", NO_BASE),
    "SearchParameter-codesystem-extensions-CodeSystem-end": ("SearchParameter.base", NO_BASE),
    "SearchParameter-codesystem-extensions-CodeSystem-keyword": ("SearchParameter.base", NO_BASE),
    "SearchParameter-codesystem-extensions-CodeSystem-workflow": ("SearchParameter.base", NO_BASE),
    "SearchParameter-valueset-extensions-ValueSet-author": ("SearchParameter.base", NO_BASE),
    "SearchParameter-valueset-extensions-ValueSet-effective": ("SearchParameter.base", NO_BASE),
    "SearchParameter-valueset-extensions-ValueSet-end": ("SearchParameter.base", NO_BASE),
    "SearchParameter-valueset-extensions-ValueSet-keyword": ("SearchParameter.base", NO_BASE),
    "SearchParameter-valueset-extensions-ValueSet-workflow": ("SearchParameter.base", NO_BASE),
    "SearchParameter-questionnaireresponse-extensions-QuestionnaireResponse-item-subject": (
        "SearchParameter.id",
        "an id has at most 64 characters",
    ),
    "StructureDefinition-Definition": ("StructureDefinition", NO_PARENT),
    "StructureDefinition-Event": ("StructureDefinition", NO_PARENT),
    "StructureDefinition-FiveWs": ("StructureDefinition", NO_PARENT),
    "StructureDefinition-Request": ("StructureDefinition", NO_PARENT),
    "ImplementationGuide-fhir": ("ImplementationGuide.name", GUIDE),
    "ig-r4": ("ImplementationGuide.name", GUIDE),
}
"""File -> the first location of its fault, and the fault."""

pytestmark = pytest.mark.skipif(not EXAMPLES.exists(), reason="the official examples are not installed: npm ci, or set XINGLIN_EXAMPLES")


def files() -> list[Path]:
    return sorted(file for file in EXAMPLES.glob("*.json") if file.name != "package.json")


def read(name: str) -> Resource:
    return decode((EXAMPLES / f"{name}.json").read_bytes())


def errors(issues: tuple[Issue, ...]) -> list[Issue]:
    return [issue for issue in issues if issue.severity == "error"]


@cache
def findings() -> dict[str, list[Issue]]:
    """The errors of each example, and what could not be asked of it."""
    found: dict[str, list[Issue]] = {}
    for file in files():
        telling = [i for i in validate(decode(file.read_bytes())) if i.severity == "error" or i.code == "not-supported"]
        if telling:
            found[file.stem] = telling
    return found


def refused() -> dict[str, list[Issue]]:
    return {name: found for name, issues in findings().items() if (found := errors(tuple(issues)))}


def test_the_package_is_the_whole_of_r4() -> None:
    assert len(files()) == EXAMPLES_COUNT


def test_every_example_without_a_fault_is_accepted() -> None:
    assert {name: found[0] for name, found in refused().items() if name not in REFUSED} == {}


def test_every_refused_example_is_refused_where_its_fault_is() -> None:
    assert {name: found[0].at[0] for name, found in refused().items()} == {name: at for name, (at, _) in REFUSED.items()}


def test_no_invariant_of_r4_is_beyond_the_expression_engine() -> None:
    assert [i for issues in findings().values() for i in issues if i.code == "not-supported"] == []


class Published:
    """The profiles and value sets HL7 published with R4, by url."""

    def __init__(self) -> None:
        kept = (decode(file.read_bytes()) for kind in ("StructureDefinition", "ValueSet") for file in EXAMPLES.glob(f"{kind}-*.json"))
        self.known = {one["url"]: one for one in kept}

    def structure(self, url: str) -> Resource | None:
        return self.known.get(url)


@pytest.fixture(scope="module")
def published() -> Published:
    return Published()


def claims_a_profile(raw: bytes) -> bool:
    return b'"profile"' in raw and bool(decode(raw).get("meta", {}).get("profile"))


def test_examples_meet_the_profiles_they_claim(published: Published) -> None:
    claiming = [file for file in files() if file.stem not in REFUSED and claims_a_profile(file.read_bytes())]
    broken = {f.stem: found[0] for f in claiming if (found := errors(validate(decode(f.read_bytes()), profiles=published)))}
    assert len(claiming) > 1900
    assert broken == {}


@pytest.mark.parametrize(
    ("example", "profile"),
    [
        ("blood-pressure", "bp"),
        ("blood-pressure-cancel", "bp"),
        ("blood-pressure-dar", "bp"),
        ("body-height", "bodyheight"),
        ("body-temperature", "bodytemp"),
        ("bmi", "bmi"),
        ("heart-rate", "heartrate"),
        ("respiratory-rate", "resprate"),
        ("satO2", "oxygensat"),
        ("vitals-panel", "vitalspanel"),
        ("head-circumference", "headcircum"),
    ],
)
def test_a_vital_sign_meets_its_own_profile_and_no_other(example: str, profile: str, published: Published) -> None:
    observation = read(f"Observation-{example}")
    url = "http://hl7.org/fhir/StructureDefinition/"
    other = "heartrate" if profile != "heartrate" else "bodytemp"
    assert errors(validate(observation, profiles=published, against=[url + profile])) == []
    assert errors(validate(observation, profiles=published, against=[url + other])) != []
