"""Frozen views of institutions, departments, staff, licences, positions, equipment and teams, and the codes they are told by.

Institution classes are those of WS 218-2002, levels those of the hospital level table that goes with it, disciplines those of the
national list of clinical disciplines (both in `profiles/`). Systems under `urn:xinglin:` are our own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from xinglin.base.errors import Malformed
from xinglin.base.national_ids import parse_credit_code, parse_organisation_code, parse_phone, parse_resident_id, plain
from xinglin.fhir.codec import Resource, decode
from xinglin.kit.coding import Code, codes_of, id_of
from xinglin.kit.i18n import Phrase, t
from xinglin.kit.tables import Column, Read, Table, read_day

OWN = "urn:xinglin:"
HL7 = "http://terminology.hl7.org/CodeSystem/"
ID_RESIDENT = "urn:oid:2.16.156.10011.1.3"
ID_STAFF = "urn:oid:2.16.156.10011.1.4"
ID_INSTITUTION = "urn:oid:2.16.156.10011.1.5"
ID_REGISTERED = OWN + "institution-licence"
ID_DEPARTMENT = OWN + "department"
ID_ASSET = OWN + "asset-number"
ID_LICENCE = OWN + "licence"

KIND, CLASS, LEVEL, DISCIPLINE = OWN + "institution-kind", OWN + "institution-class", OWN + "institution-level", OWN + "discipline"
POST, TITLE, SITE, DEPARTMENT = OWN + "post", OWN + "professional-title", OWN + "practice-site", OWN + "department"
LICENCE, DEVICE, TEAM = OWN + "licence-kind", OWN + "equipment-kind", OWN + "team-kind"
SCOPE_EXTENSION, CALIBRATION_EXTENSION = OWN + "extension:licence-scope", OWN + "extension:calibration-due"
ORGANIZATION_TYPE = HL7 + "organization-type"


OFFICES = frozenset({"commission", "supervision", "drug_authority"})
SITES = (Code(SITE, "primary", "Primary site", "主要执业机构"), Code(SITE, "secondary", "Further site", "多点执业"))
STATES = (Code(OWN + "state", "yes", "In use", "在用"), Code(OWN + "state", "no", "Out of use", "停用"))
_SEX = "http://hl7.org/fhir/administrative-gender"
SEXES = (Code(_SEX, "male", "Male", "男"), Code(_SEX, "female", "Female", "女"))


@cache
def codes(name: str) -> tuple[Code, ...]:
    """The codes of a list in `profiles/`, in their order: kinds, classes, levels, disciplines, posts, titles, licences, equipment."""
    system = decode((Path(__file__).parent / "profiles" / f"{name}.json").read_bytes())
    every = [one for first in system["concept"] for one in (first, *first.get("concept", ()))]
    return tuple(Code(system["url"], one["code"], one["designation"][0]["value"], one["display"]) for one in every)


def coded(known: Sequence[Code], concepts: Sequence[Resource]) -> Code | None:
    """The first of `known` that one of the concepts carries."""
    carried = {pair for concept in concepts for pair in codes_of(concept)}
    return next((code for code in known if (code.system, code.code) in carried), None)


def bare(system: str, concepts: Sequence[Resource]) -> str:
    """The first code of a system in some concepts; "" for none."""
    return next((code for concept in concepts for of, code in codes_of(concept) if of == system), "")


def number_of(resource: Resource, *systems: str) -> str:
    """The first identifier of these systems, in their order; "" for none."""
    found = {one.get("system"): one.get("value", "") for one in reversed(resource.get("identifier", []))}
    return next((found[system] for system in systems if found.get(system)), "")


def phone_of(resource: Resource) -> str:
    """The first telephone number; "" for none."""
    return next((one["value"] for one in resource.get("telecom", []) if one.get("system") == "phone" and one.get("value")), "")


def extended(resource: Resource, url: str, key: str) -> str:
    """The value of an extension; "" for none."""
    return next((one.get(key, "") for one in resource.get("extension", []) if one.get("url") == url), "")


def is_department(organization: Resource) -> bool:
    """Whether it is a department of an institution."""
    return bare(ORGANIZATION_TYPE, organization.get("type", ())) == "dept"


def name_of_person(resource: Resource) -> str:
    """The official name as one text."""
    name = next(iter(resource.get("name", [])), {})
    return name.get("text") or name.get("family", "") + "".join(name.get("given", []))


@dataclass(frozen=True, slots=True)
class Institution:
    """An institution in the tree. `parent`: the id of what it belongs to, "" at the top."""

    id: str
    name: str
    code: str
    kind: Code | None
    kind_class: Code | None
    level: Code | None
    parent: str
    address: str
    phone: str
    active: bool

    @classmethod
    def of(cls, organization: Resource) -> Self:
        """The view of an Organization that is no department."""
        types = organization.get("type", [])
        address = next(iter(organization.get("address", [])), {})
        return cls(
            id=organization["id"],
            name=organization.get("name", ""),
            code=number_of(organization, ID_INSTITUTION, ID_REGISTERED),
            kind=coded(codes("kinds"), types),
            kind_class=coded(codes("classes"), types),
            level=coded(codes("levels"), types),
            parent=id_of(organization.get("partOf")),
            address=address.get("text", ""),
            phone=phone_of(organization),
            active=organization.get("active", True),
        )


@dataclass(frozen=True, slots=True)
class Department:
    """A department. `code`: its own within the institution; `discipline`: the national one."""

    id: str
    name: str
    code: str
    discipline: Code | None
    institution: str
    phone: str
    active: bool

    @classmethod
    def of(cls, organization: Resource) -> Self:
        """The view of an Organization of type dept."""
        return cls(
            id=organization["id"],
            name=organization.get("name", ""),
            code=number_of(organization, ID_DEPARTMENT),
            discipline=coded(codes("disciplines"), organization.get("type", [])),
            institution=id_of(organization.get("partOf")),
            phone=phone_of(organization),
            active=organization.get("active", True),
        )


@dataclass(frozen=True, slots=True)
class Licence:
    """A certificate and what is known of its verification. `ends` "" when it does not end; `verified` "" when nobody has looked."""

    kind: Code | None
    name: str
    number: str
    scope: str
    issuer: str
    issued: str
    ends: str
    verified: str = ""

    @classmethod
    def of(cls, qualification: Resource, verified: Mapping[str, str]) -> Self:
        """`verified`: certificate number -> the day it was last verified."""
        concept = qualification.get("code", {})
        number = next((one.get("value", "") for one in qualification.get("identifier", [])), "")
        period = qualification.get("period", {})
        return cls(
            kind=coded(codes("licences"), [concept]),
            name=concept.get("text", ""),
            number=number,
            scope=extended(qualification, SCOPE_EXTENSION, "valueString"),
            issuer=qualification.get("issuer", {}).get("display", ""),
            issued=period.get("start", ""),
            ends=period.get("end", ""),
            verified=verified.get(number, ""),
        )


@dataclass(frozen=True, slots=True)
class Position:
    """What somebody does where. `department`: its code within the institution; `secondary`: a further site beside the primary one."""

    id: str
    staff: str
    staff_name: str
    institution: str
    institution_name: str
    department: str
    profession: Code | None
    title: Code | None
    secondary: bool
    start: str
    end: str
    active: bool

    @classmethod
    def of(cls, role: Resource) -> Self:
        """The view of a PractitionerRole."""
        told, period = role.get("code", []), role.get("period", {})
        worker, institution = role.get("practitioner", {}), role.get("organization", {})
        return cls(
            id=role["id"],
            staff=id_of(worker),
            staff_name=worker.get("display", ""),
            institution=id_of(institution),
            institution_name=institution.get("display", ""),
            department=bare(DEPARTMENT, role.get("specialty", [])),
            profession=coded(codes("posts"), told),
            title=coded(codes("titles"), told),
            secondary=bare(SITE, told) == "secondary",
            start=period.get("start", ""),
            end=period.get("end", ""),
            active=role.get("active", True),
        )


@dataclass(frozen=True, slots=True)
class Equipment:
    """A device of an institution. `due`: when it must be calibrated next, "" when it need not be; `place`: where it stands."""

    id: str
    name: str
    kind: Code | None
    asset: str
    serial: str
    maker: str
    model: str
    institution: str
    institution_name: str
    place: str
    due: str
    active: bool

    @classmethod
    def of(cls, device: Resource) -> Self:
        """The view of a Device that has an owner."""
        owner = device.get("owner", {})
        return cls(
            id=device["id"],
            name=next((one.get("name", "") for one in device.get("deviceName", [])), ""),
            kind=coded(codes("equipment"), [device.get("type", {})]),
            asset=number_of(device, ID_ASSET),
            serial=device.get("serialNumber", ""),
            maker=device.get("manufacturer", ""),
            model=device.get("modelNumber", ""),
            institution=id_of(owner),
            institution_name=owner.get("display", ""),
            place=device.get("location", {}).get("display", ""),
            due=extended(device, CALIBRATION_EXTENSION, "valueDate"),
            active=device.get("status", "active") == "active",
        )


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of a team; `id` "" for who is not among the staff."""

    id: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Team:
    """A team of an institution, such as a family doctor's."""

    id: str
    name: str
    institution: str
    institution_name: str
    members: tuple[Member, ...]
    active: bool

    @classmethod
    def of(cls, team: Resource) -> Self:
        """The view of a CareTeam that cares for no one patient."""
        house = next(iter(team.get("managingOrganization", [])), {})
        return cls(
            id=team["id"],
            name=team.get("name", ""),
            institution=id_of(house),
            institution_name=house.get("display", ""),
            members=tuple(
                Member(
                    id_of(one.get("member")) if one["member"].get("reference", "").startswith("Practitioner/") else "",
                    one["member"].get("display", ""),
                    next((role.get("text", "") for role in one.get("role", [])), ""),
                )
                for one in team.get("participant", [])
                if "member" in one
            ),
            active=team.get("status", "active") == "active",
        )


# --- the tables people fill in (`forms/tables.json`) ---


def _tried(read: Callable[[str], str]) -> Callable[[str], str | Phrase]:
    def tried(text: str) -> str | Phrase:
        try:
            return read(text)
        except Malformed as refused:
            return Phrase(refused.text, tuple(refused.places.items()))

    return tried


def _institution_code(text: str) -> str:
    """A unified social credit code, an organisation code, or the 22 characters of an institution's licence to practise."""
    number = plain(text)
    if len(number) == 9:
        return parse_organisation_code(number)
    if len(number) == 22 and number.isalnum() and number.isascii():
        return number
    return parse_credit_code(number).number


def _resident_number(text: str) -> str:
    return parse_resident_id(text).number


def _staff_number(text: str) -> str:
    return _resident_number(text) if len(plain(text)) == 18 else _unbroken(text)


def _unbroken(text: str) -> str:
    return "".join(text.split())


def _phone(text: str) -> str:
    parse_phone(text)
    return text


def _licence_number(text: str) -> str | Phrase:
    number = _unbroken(text)
    usual = number.isprintable() and not set(number) & set("'\"\\") and len(number) <= 60
    return number if usual else t("Write the number as it stands on the certificate, without quotation marks.")


READS: Mapping[str, Read] = {
    "text": str,
    "unbroken": _unbroken,
    "day": read_day,
    "institution": _tried(_institution_code),
    "resident": _tried(_resident_number),
    "staff": _tried(_staff_number),
    "phone": _tried(_phone),
    "licence": _licence_number,
}
REFUSALS = (
    t("A resident id number has 17 digits and a check character."),
    t("The resident id number holds an impossible birth date."),
    t("The check character of the resident id number is wrong; a digit was mistyped."),
    t("An organisation code has 8 digits or letters and a check character."),
    t("The check character of the organisation code is wrong; a character was mistyped."),
    t("A unified social credit code has 18 digits or letters, without I, O, S, V, Z."),
    t("The check character of the unified social credit code is wrong; a character was mistyped."),
    t("A telephone number is 11 digits of a mobile, or a landline with its area code."),
)
"""What the checks of national numbers say, so that it is said in both languages."""


@cache
def tables() -> Mapping[str, Table]:
    """The tables by their noun: institution, department, staff, licence, position, equipment."""
    described = decode((Path(__file__).parent / "forms" / "tables.json").read_bytes())
    return {one["name"]: Table(one["name"], (one["en"], one["zh"]), tuple(map(_column, one["columns"]))) for one in described}


def _column(told: Resource) -> Column:
    own = {"states": STATES, "sexes": SEXES, "sites": SITES}
    choices = told.get("choices", "")
    return Column(
        key=told["key"],
        title=(told["en"], told["zh"]),
        read=READS[told["read"]],
        required=told.get("required", False),
        choices=(own.get(choices) or codes(choices)) if choices else (),
        told=told.get("told", False),
        names=tuple(told.get("names", ())),
        hint=tuple(told.get("hint", ())),
        kind="date" if told["read"] == "day" else "text",
    )
