"""Common medicines of a county and their prescriptions (MedicationRequest). Codes are our own key, and ATC where the drug has one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import starmap

from xinglin.engines.synthesis.codes import ATC, DRUG, ID_PRESCRIPTION, ROUTES, UCUM, Json, coding, concept
from xinglin.engines.synthesis.ids import make_id
from xinglin.engines.synthesis.pen import Record, Visit
from xinglin.engines.synthesis.tables import rows


@dataclass(frozen=True, slots=True)
class Drug:
    """A medicine as it is usually given. `dose` in `unit`, `per_day` times."""

    key: str
    name: str
    concept: Json
    dose: Decimal | int
    unit: str
    per_day: int
    route: Json
    text: str


def _read(key: str, name: str, pack: str, atc: str, dose: str, unit: str, per_day: str, route: str) -> Drug:
    more = [coding(ATC, atc, name)] if atc else []
    amount = Decimal(dose) if "." in dose else int(dose)
    text = f"每次{dose}{unit}，每日{per_day}次，{route}"
    return Drug(key, name, concept(DRUG, key, f"{name} {pack}", *more), amount, unit, int(per_day), ROUTES[route], text)


DRUGS = {drug.key: drug for drug in starmap(_read, rows("drugs"))}
_BETA_LACTAMS = {
    "amoxicillin": "azithromycin", "amoxicillin_child": "azithromycin_child", "cefuroxime": "azithromycin", "ceftriaxone": "levofloxacin",
}  # fmt: skip
_FOR_CHILDREN = {
    "paracetamol": "cold_child", "lianhua": "fever_child", "ibuprofen": "ibuprofen_child", "ambroxol": "ambroxol_child",
    "amoxicillin": "amoxicillin_child", "azithromycin": "azithromycin_child", "loratadine": "loratadine_child",
}  # fmt: skip
_TIMES_A_DAY = {n: {"repeat": {"frequency": n, "period": 1, "periodUnit": "d"}} for n in (1, 2, 3, 4)}


def suitable(record: Record, key: str, day: date) -> Drug:
    """The drug in the form for the age; another antibiotic for who is allergic to penicillin."""
    age = record.age(day)
    if age < 12:
        key = _FOR_CHILDREN.get(key, key)
    if record.allergic_to_penicillin:
        key = _BETA_LACTAMS.get(key, key)
    return DRUGS["azithromycin_child" if key == "levofloxacin" and age < 18 else key]


def prescribe(visit: Visit, key: str, days: int, reason: Json, number: str, *, long_term: bool = False) -> None:
    """A prescription of `days`; active while its supply lasts."""
    record = visit.record
    drug = suitable(record, key, visit.day)
    lasts = visit.day + timedelta(days=days + (14 if long_term else 0)) > record.until
    made: Json = {
        "resourceType": "MedicationRequest",
        "id": make_id(record.rng),
        "meta": {"source": visit.place.source},
        "identifier": [{"system": ID_PRESCRIPTION, "value": number}],
        "status": "active" if lasts else "completed",
        "intent": "order",
        "medicationCodeableConcept": drug.concept,
        "subject": record.patient,
        "encounter": visit.ref,
        "authoredOn": visit.at,
        "requester": visit.doctor.ref,
        "reasonCode": [reason],
        "dosageInstruction": [
            {
                "text": drug.text,
                "timing": _TIMES_A_DAY[drug.per_day],
                "route": drug.route,
                "doseAndRate": [{"doseQuantity": {"value": drug.dose, "unit": drug.unit}}],
            }
        ],
        "dispenseRequest": {
            "expectedSupplyDuration": {"value": days, "unit": "天", "system": UCUM, "code": "d"},
            "performer": visit.place.ref,
        },
    }
    record.put(made)
    if lasts:
        _replace(record.supplies, drug.key, made)


def _replace(supplies: dict[str, Json], key: str, made: Json) -> None:
    """Of two running prescriptions of one drug only the later stays active."""
    earlier = supplies.get(key)
    if earlier and earlier["authoredOn"] > made["authoredOn"]:
        made["status"] = "completed"
        return
    if earlier:
        earlier["status"] = "completed"
    supplies[key] = made
