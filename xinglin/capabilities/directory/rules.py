"""What a row of each table means: whom it finds, what it would change, why it is refused. The same for a form and for a file.

What stands already is never refused: a fault counts only where a row says something new.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from xinglin.base.errors import Malformed
from xinglin.base.national_ids import ResidentId, parse_resident_id
from xinglin.capabilities.directory.model import (
    ID_INSTITUTION,
    ID_REGISTERED,
    ID_RESIDENT,
    ID_STAFF,
    Department,
    Equipment,
    Institution,
    Licence,
    Position,
    is_department,
    name_of_person,
    number_of,
    phone_of,
    tables,
)
from xinglin.fhir.codec import Resource
from xinglin.kit.coding import Code, id_of
from xinglin.kit.i18n import Phrase, t
from xinglin.kit.tables import Column, Fault, Row

Values = Mapping[str, str]
Key = tuple[str, ...]
_VERIFIED = re.compile(r"identifier\.value='([^']*)'")


@dataclass(slots=True)
class Known:
    """What there is, by reference and by the numbers and names people know it by."""

    resources: dict[str, Resource] = field(default_factory=dict[str, Resource])
    keys: dict[Key, str] = field(default_factory=dict[Key, str])

    def put(self, resource: Resource) -> None:
        """A resource, in the place of what it was before."""
        reference = f"{resource['resourceType']}/{resource['id']}"
        if before := self.resources.get(reference):
            for key in keys_of(before):
                if self.keys.get(key) == reference:
                    del self.keys[key]
        self.resources[reference] = resource
        self.keys |= dict.fromkeys(keys_of(resource), reference)

    def find(self, *key: str) -> Resource | None:
        """What a key leads to."""
        reference = self.keys.get(key)
        return self.resources[reference] if reference else None

    def of(self, type_: str) -> Iterator[Resource]:
        """Everything of one type."""
        return (one for one in self.resources.values() if one["resourceType"] == type_)


def keys_of(resource: Resource) -> list[Key]:
    """The keys people find a resource by, the surest last."""
    kind = resource["resourceType"]
    if kind == "Organization" and is_department(resource):
        one = Department.of(resource)
        return [("department", one.institution, name) for name in (one.name, one.code) if name]
    if kind == "Organization":
        numbers = [number for system in (ID_REGISTERED, ID_INSTITUTION) if (number := number_of(resource, system))]
        return [("institution", key) for number in numbers for key in ((number[8:17], number) if len(number) == 18 else (number,))]
    if kind == "Practitioner":
        return [("staff", number) for system in (ID_STAFF, ID_RESIDENT) if (number := number_of(resource, system))]
    if kind == "PractitionerRole":
        return [_position_key(Position.of(resource))]
    if kind == "Device":
        one = Equipment.of(resource)
        return [("equipment", one.institution, one.asset)]
    if kind == "VerificationResult":
        return [("verified", id_of(next(iter(resource.get("target", [])), None)), verified_number(resource))]
    return []


def _position_key(one: Position) -> Key:
    profession = one.profession.code if one.profession else ""
    return ("position", one.staff, one.institution, one.department, profession, "" if one.active else one.end)


def verified_number(result: Resource) -> str:
    """The number of the certificate a VerificationResult is about."""
    found = _VERIFIED.search(" ".join(result.get("targetLocation", [])))
    return found[1] if found else ""


def _name(code: Code | None) -> str:
    return code.code if code else ""


def _state(active: bool) -> str:
    return "yes" if active else "no"


def _organization(known: Known, id_: str) -> Institution | None:
    found = known.resources.get(f"Organization/{id_}")
    return Institution.of(found) if found else None


def _house(known: Known, id_: str) -> dict[str, str]:
    house = _organization(known, id_)
    return {"institution": house.code, "institution_name": house.name} if house else {"institution": "", "institution_name": ""}


def _worker(known: Known, id_: str) -> dict[str, str]:
    found = known.resources.get(f"Practitioner/{id_}")
    return {"staff": number_of(found, ID_RESIDENT, ID_STAFF), "staff_name": name_of_person(found)} if found else {}


def tell_institution(known: Known, resource: Resource, _which: str = "") -> Values:
    """An institution as a row."""
    one = Institution.of(resource)
    above = _organization(known, one.parent)
    return {
        "code": one.code, "name": one.name, "kind": _name(one.kind), "class": _name(one.kind_class), "level": _name(one.level),
        "parent": above.code if above else "", "parent_name": above.name if above else "", "phone": one.phone, "address": one.address,
        "active": _state(one.active),
    }  # fmt: skip


def tell_department(known: Known, resource: Resource, _which: str = "") -> Values:
    """A department as a row."""
    one = Department.of(resource)
    own = {"code": one.code, "name": one.name, "discipline": _name(one.discipline), "phone": one.phone, "active": _state(one.active)}
    return _house(known, one.institution) | own


def tell_staff(_known: Known, resource: Resource, _which: str = "") -> Values:
    """Somebody of the staff as a row."""
    return {
        "number": number_of(resource, ID_RESIDENT), "name": name_of_person(resource), "sex": resource.get("gender", ""),
        "born": resource.get("birthDate", ""), "staff_number": number_of(resource, ID_STAFF), "phone": phone_of(resource),
        "active": _state(resource.get("active", True)),
    }  # fmt: skip


def tell_licence(known: Known, resource: Resource, which: str = "") -> Values:
    """One certificate of somebody as a row; nothing when there is none of that number."""
    verified = known.find("verified", resource["id"], which)
    seen = {which: verified.get("statusDate", "")[:10]} if verified else {}
    found = (Licence.of(one, seen) for one in resource.get("qualification", []))
    one = next((one for one in found if one.number == which), None)
    if one is None:
        return {}
    return _worker(known, resource["id"]) | {
        "kind": _name(one.kind), "number": one.number, "scope": one.scope, "issuer": one.issuer, "issued": one.issued, "ends": one.ends,
        "verified": one.verified,
    }  # fmt: skip


def tell_position(known: Known, resource: Resource, _which: str = "") -> Values:
    """A position as a row."""
    one = Position.of(resource)
    return _worker(known, one.staff) | _house(known, one.institution) | {
        "department": one.department, "profession": _name(one.profession), "title": _name(one.title),
        "site": "secondary" if one.secondary else "primary", "start": one.start, "end": one.end,
    }  # fmt: skip


def tell_equipment(known: Known, resource: Resource, _which: str = "") -> Values:
    """A device as a row."""
    one = Equipment.of(resource)
    return _house(known, one.institution) | {
        "asset": one.asset, "name": one.name, "kind": _name(one.kind), "maker": one.maker, "model": one.model, "serial": one.serial,
        "place": one.place, "due": one.due, "active": _state(one.active),
    }  # fmt: skip


Tell = Callable[[Known, Resource, str], Values]
TELL: Mapping[str, Tell] = {
    "institution": tell_institution, "department": tell_department, "staff": tell_staff, "licence": tell_licence,
    "position": tell_position, "equipment": tell_equipment,
}  # fmt: skip
TYPES: Mapping[str, str] = {
    "institution": "Organization", "department": "Organization", "staff": "Practitioner", "licence": "Practitioner",
    "position": "PractitionerRole", "equipment": "Device",
}  # fmt: skip
"""The FHIR type each table's rows are kept in."""
KEYS: Mapping[str, Key] = {
    "institution": ("code",), "department": ("institution", "code"), "staff": ("number",), "licence": ("staff", "number"),
    "position": ("staff", "institution", "department", "profession", "end"), "equipment": ("institution", "asset"),
}  # fmt: skip
"""The columns that together say which one a row is about."""


def find(known: Known, table: str, values: Values) -> Resource | None:
    """What a row is about, if it is there already."""
    if table == "institution":
        return known.find("institution", values.get("code", ""))
    if table in ("staff", "licence"):
        return known.find("staff", values.get("number" if table == "staff" else "staff", ""))
    house = known.find("institution", values.get("institution", ""))
    if house is None:
        return None
    if table == "department":
        return known.find("department", house["id"], values.get("code") or values.get("name", ""))
    if table == "equipment":
        return known.find("equipment", house["id"], values.get("asset", ""))
    worker = known.find("staff", values.get("staff", ""))
    if worker is None:
        return None
    begun = ("position", worker["id"], house["id"], _department(known, house["id"], values), values.get("profession", ""))
    end = values.get("end", "")
    return (known.find(*begun, end) if end else None) or known.find(*begun, "")


def _department(known: Known, house: str, values: Values) -> str:
    """A department's code, from its code or name; as it was typed when there is none such."""
    found = known.find("department", house, values.get("department", ""))
    return Department.of(found).code if found else values.get("department", "")


def _complete(known: Known, table: str, values: Values, current: Values) -> Values:
    """A whole row: what it says over what stands, and what follows from it."""
    columns = tables()[table].asked
    full = {column.key: values.get(column.key, current.get(column.key, "")) for column in columns}
    if "active" in full:
        full["active"] = full["active"] or "yes"
    if table == "institution" and current:
        full["code"] = current["code"] if len(full["code"]) == 9 and full["code"] == current["code"][8:17] else full["code"]
    if table == "department":
        full["code"] = full["code"] or full["name"]
    if table == "staff" and (card := _card(full["number"])):
        full |= {"sex": full["sex"] or card.sex, "born": full["born"] or card.birth.isoformat()}
    if table == "position":
        full["site"] = full["site"] or "primary"
        house = known.find("institution", full["institution"])
        full["department"] = _department(known, house["id"], full) if house else full["department"]
    if table in ("licence", "position") and (worker := known.find("staff", full["staff"])):
        full["staff"] = number_of(worker, ID_RESIDENT, ID_STAFF)
    if "institution" in full and (house := known.find("institution", full["institution"])):
        full["institution"] = Institution.of(house).code
    return full


def _card(number: str) -> ResidentId | None:
    try:
        return parse_resident_id(number)
    except Malformed:
        return None


def _check(known: Known, table: str, full: Values, about: Resource | None, today: date) -> Iterator[Fault]:
    """What a readable row says that cannot be."""
    if table == "institution":
        yield from _check_institution(known, full, about)
    if table == "staff" and (card := _card(full["number"])):
        if full["sex"] != card.sex:
            yield Fault("sex", t("The ID number says otherwise."))
        if full["born"] != card.birth.isoformat():
            yield Fault("born", t("The ID number says {born}.", born=card.birth.isoformat()))
        if card.birth > today:
            yield Fault("number", t("The resident id number holds an impossible birth date."))
    if table in ("licence", "position") and known.find("staff", full["staff"]) is None:
        yield Fault("staff", t("Nobody of the staff has this number. Enter the person first."))
    if table in ("department", "position", "equipment"):
        house = known.find("institution", full["institution"])
        if house is None:
            yield Fault("institution", t("No institution has this code. Enter the institution first."))
        elif table == "position" and full["department"] and known.find("department", house["id"], full["department"]) is None:
            yield Fault("department", t("{institution} has no such department. Enter the department first.", institution=house["name"]))
    for first, last in (("issued", "ends"), ("start", "end")):
        if full.get(first) and full.get(last) and full[last] < full[first]:
            yield Fault(last, t("It ends before it begins."))
    for past in ("issued", "verified"):
        if full.get(past, "") > today.isoformat():
            yield Fault(past, t("This day has not come yet."))


def _check_institution(known: Known, full: Values, about: Resource | None) -> Iterator[Fault]:
    if about is None and len(full["code"]) == 9:
        yield Fault("code", t("A new institution needs its unified social credit code, or the 22 characters of its licence to practise."))
    if not full["parent"]:
        return
    above = known.find("institution", full["parent"])
    if above is None:
        yield Fault("parent", t("No institution has this code. Enter the institution first."))
    seen: set[str] = set()
    while above is not None and above["id"] not in seen:
        if about is not None and above["id"] == about["id"]:
            yield Fault("parent", t("It cannot belong to itself, nor to what belongs to it."))
            return
        seen.add(above["id"])
        above = known.resources.get(f"Organization/{id_of(above.get('partOf'))}")


@dataclass(frozen=True, slots=True)
class Change:
    """One column that changes, as values."""

    column: Column
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of a row: new, changed, unchanged or refused. `about`: what it changes; `full`: all it says then."""

    row: Row
    what: Literal["new", "changed", "unchanged", "refused"]
    full: Values
    changes: tuple[Change, ...]
    faults: tuple[Fault, ...]
    about: Resource | None


def settle(known: Known, table: str, row: Row, today: date, about: Resource | None = None, which: str = "") -> Settled:
    """What becomes of a row, or of a form about something (`about`, and for a certificate its number before, `which`)."""
    found = find(known, table, row.values)
    target = about or found
    current = TELL[table](known, target, which or row.values.get("number", "")) if target else {}
    full = _complete(known, table, row.values, current)
    faults = [one for one in row.faults if row.cells.get(one.column, "") != current.get(one.column, None)]
    wrong = {one.column for one in faults}
    asked = tables()[table].asked
    faults += [Fault(one.key, t("This is needed.")) for one in asked if one.required and not full[one.key] and one.key not in wrong]
    checked = () if faults else tuple(_check(known, table, full, target, today))
    faults += [one for one in checked if full.get(one.column, "") != current.get(one.column)]
    if about is not None and (other := _known_already(known, table, about, found, full, current)):
        faults.append(other)
    if faults:
        return Settled(row, "refused", full, (), tuple(faults), target)
    columns = [column for column in asked if full[column.key] != current.get(column.key, "")]
    changes = tuple(Change(column, current.get(column.key, ""), full[column.key]) for column in columns)
    new = target is None or not current
    return Settled(row, "new" if new else "changed" if changes else "unchanged", full, changes, (), target)


def _known_already(known: Known, table: str, about: Resource, found: Resource | None, full: Values, current: Values) -> Fault | None:
    """Somebody else is known by what a form would be known by."""
    key = KEYS[table][-1] if table != "position" else "profession"
    if table == "licence":
        taken = full["number"] != current.get("number") and bool(tell_licence(known, about, full["number"]))
    else:
        taken = found is not None and found["id"] != about["id"]
    return Fault(key, t("Another one is known by this already.")) if taken else None


def taken(table: str, settled: Settled) -> Settled:
    """A form for something new that is about what is there already is refused."""
    key = KEYS[table][-1] if table != "position" else "profession"
    why = Fault(key, t("Another one is known by this already."))
    return Settled(settled.row, "refused", settled.full, (), (why,), settled.about)


def row_key(table: str, settled: Settled) -> Key:
    """What a row is about, to find two rows of a file that are about the same."""
    return tuple(settled.full[column] for column in KEYS[table])


def repeated(settled: Settled, first: int) -> Settled:
    """A row that is about the same as an earlier one is refused."""
    why: Phrase = t("Row {row} is about the same.", row=first)
    return Settled(settled.row, "refused", settled.full, (), (Fault("", why),), settled.about)
