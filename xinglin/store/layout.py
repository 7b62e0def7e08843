"""How one resource type lies in its table: which search parameter feeds which typed column. Computed from the R4 tables, never configured.

A type has at most one *patient* parameter (its place in the Patient compartment; Contract, Device, GuidanceResponse and Task have one
too, though R4 leaves them out of it: what they say of a patient is that patient's), one *code* parameter (interned concepts),
one main date (`lo`, `hi`) and one main number (`num`); further dates and numbers get columns of their own. All else is tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from xinglin.fhir.definitions import RESOURCE_TYPES, compartment, search_params

TYPE_NUMBER = {name: number for number, name in enumerate(RESOURCE_TYPES)}

_PATIENT_FIRST = ("patient", "subject", "beneficiary", "individual", "actor", "candidate", "enterer", "recipient", "entity", "member")
_CODE_FIRST = ("code", "vaccine-code", "type", "role")
_CODED_BESIDES = frozenset({"Organization", "Location", "Medication", "Substance", "PractitionerRole", "HealthcareService", "Device"})
_DATE_FIRST = (
    "date",
    "onset-date",
    "authoredon",
    "authored-on",
    "birthdate",
    "started",
    "created",
    "period",
    "recorded",
    "sent",
    "issued",
    "collected",
)
_NUMBER_FIRST = ("value-quantity",)
DEFINITIONAL = frozenset(
    {"CodeSystem", "ValueSet", "ConceptMap", "NamingSystem", "StructureDefinition", "ImplementationGuide", "Questionnaire"}
)
"""Types whose resources can hold thousands of values of one parameter: these may overflow, and their content is checked."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The columns of one type. `spans` and `numbers` map a parameter to its column(s); the main ones are `lo`/`hi` and `num`."""

    type: str
    number: int
    table: str
    history: str
    patient: str | None
    code: str | None
    spans: dict[str, tuple[str, str]]
    numbers: dict[str, str]
    columns: tuple[str, ...]

    @property
    def overflows(self) -> bool:
        """Whether one parameter may have more values than a row should carry."""
        return self.type in DEFINITIONAL


def _first(wanted: tuple[str, ...], there: list[str]) -> str | None:
    return next((name for name in wanted if name in there), None)


def _patient_param(type_: str) -> str | None:
    if type_ == "Patient":
        return "_id"
    inside = list(compartment("Patient").get(type_, ()))
    params = search_params(type_)
    usable = [name for name in inside if name in params and params[name].kind == "reference"]
    if "patient" in params:  # every type that has `patient` means its subject by it
        usable.append("patient")
    return _first(_PATIENT_FIRST, usable) or (usable[0] if usable else None)


def _spans(names: list[str], main: str | None) -> dict[str, tuple[str, str]]:
    rest = [name for name in names if name != main]
    found = {main: ("lo", "hi")} if main else {}
    return found | {name: (f"lo{n}", f"hi{n}") for n, name in enumerate(rest, 1)}


def _numbers(names: list[str], main: str | None) -> dict[str, str]:
    rest = [name for name in names if name != main]
    found = {main: "num"} if main else {}
    return found | {name: f"num{n}" for n, name in enumerate(rest, 1)}


@cache
def layout(type_: str) -> Layout:
    """The layout of a resource type."""
    params = search_params(type_)
    patient = _patient_param(type_)
    coded = type_ == "Patient" or type_ in compartment("Patient") or type_ in _CODED_BESIDES
    code = _first(_CODE_FIRST, [name for name, param in params.items() if param.kind == "token"]) if coded else None
    dates = sorted(name for name, param in params.items() if param.kind == "date" and name != "_lastUpdated")
    single = [name for name in dates if not name.startswith("combo-")]
    spans = _spans(single, _first(_DATE_FIRST, single) or (single[0] if single else None))
    measured = sorted(
        name for name, p in params.items() if p.kind in ("number", "quantity") and not name.startswith(("combo-", "component-"))
    )
    numbers = _numbers(measured, _first(_NUMBER_FIRST, measured) or (measured[0] if measured else None))
    extra = [column for pair in spans.values() if pair[0] != "lo" for column in pair]
    extra += [column for column in numbers.values() if column != "num"]
    columns = ("tick", "lo", "num", "id", "patient", "code", "version", "presence", "hi", *extra, "tokens", "content")
    name = type_.lower()
    return Layout(type_, TYPE_NUMBER[type_], f'record."{name}"', f'history."{name}"', patient, code, spans, numbers, columns)
