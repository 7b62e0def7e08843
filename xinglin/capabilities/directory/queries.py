"""What the pages and the tables read: all of one kind within limits, the tree, one institution, one person, lists with filters."""

from __future__ import annotations

from asyncio import gather
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal
from urllib.parse import parse_qsl, quote
from zoneinfo import ZoneInfo

from xinglin.base.errors import NotFound, TooCostly
from xinglin.base.text import mask_number, mask_phone, pinyin_of_name
from xinglin.capabilities.directory import rules
from xinglin.capabilities.directory.model import (
    ID_RESIDENT,
    ID_STAFF,
    OWN,
    Department,
    Equipment,
    Institution,
    Licence,
    Position,
    Team,
    is_department,
    name_of_person,
    number_of,
    phone_of,
)
from xinglin.capabilities.directory.rules import Known, Values
from xinglin.fhir.codec import Resource
from xinglin.fhir.search.grammar import read_search
from xinglin.kit.i18n import Phrase
from xinglin.kit.person import SEXES
from xinglin.kit.unit import Unit

PAGE = 1000
RESOURCES_MAX = 100_000
SOON_DAYS = 90
ROWS_SHOWN = 50
BRANCH_ROWS_MAX = 300
FAMILY_DOCTOR = OWN + "team-kind|family-doctor"
_UTC = ZoneInfo("UTC")
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "institution": ("Organization",), "department": ("Organization",), "staff": ("Practitioner",),
    "licence": ("Practitioner", "VerificationResult"), "position": ("Organization", "Practitioner", "PractitionerRole"),
    "equipment": ("Organization", "Device"),
}  # fmt: skip


async def every(unit: Unit, type_: str, query: str = "") -> list[Resource]:
    """All of a type that a query finds. Raises `TooCostly` beyond `RESOURCES_MAX`."""
    search = replace(read_search(type_, parse_qsl(query), strict=True, zone=_UTC), count=PAGE, total="none")
    found: list[Resource] = []
    cursor: str | None = None
    while True:
        page = await unit.store.search(replace(search, cursor=cursor))
        found += [stored.resource() for stored in page.matches]
        cursor = page.next
        if cursor is None:
            return found
        if len(found) >= RESOURCES_MAX:
            raise TooCostly("There are more than {most} of them: choose an institution first.", most=RESOURCES_MAX)


async def known_of(unit: Unit, table: str) -> Known:
    """Everything the rows of a table may be about or refer to."""
    known = Known()
    for found in await gather(*(every(unit, type_, _own(type_)) for type_ in _NEEDED[table])):
        for resource in found:
            known.put(resource)
    return known


def _own(type_: str) -> str:
    return "patient:missing=true" if type_ == "Device" else ""


async def rows_of(unit: Unit, table: str) -> list[Values]:
    """Every row of a table as it would be typed, for export."""
    known = await known_of(unit, table)
    tell = rules.TELL[table]
    if table == "licence":
        return [
            tell(known, person, number["value"])
            for person in known.of("Practitioner")
            for one in person.get("qualification", [])
            for number in one.get("identifier", [])[:1]
        ]
    organizations = table in ("institution", "department")
    wanted = (one for one in known.of(rules.TYPES[table]) if not organizations or is_department(one) == (table == "department"))
    return [tell(known, one, "") for one in wanted]


# --- institutions ---


@dataclass(frozen=True, slots=True)
class Node:
    """An institution in the tree: those below it that are shown, and how many there are below in all."""

    institution: Institution
    below: tuple[Node, ...]
    count: int

    @property
    def folded(self) -> bool:
        """Whether there is more below than is shown."""
        return self.count > 0 and not self.below


@dataclass(frozen=True, slots=True)
class Tree:
    """The branch looked at (`path`: from the top down to it), and how many institutions there are of each kind and level in all."""

    nodes: tuple[Node, ...]
    path: tuple[Institution, ...]
    found: tuple[Institution, ...]
    total: int
    kinds: Mapping[str, int]


async def institutions(unit: Unit) -> dict[str, Institution]:
    """All institutions by id, departments left out."""
    found = await every(unit, "Organization")
    return {one["id"]: Institution.of(one) for one in found if not is_department(one)}


async def tree(unit: Unit, at: str, wanted: Callable[[Institution], bool] | None) -> Tree:
    """The tree below an institution (all of it with ""), or with `wanted` the list of those that are."""
    all_ = await institutions(unit)
    children: defaultdict[str, list[Institution]] = defaultdict(list)
    for one in sorted(all_.values(), key=lambda one: (one.kind.code != "commission" if one.kind else True, one.code)):
        children[one.parent if one.parent in all_ else ""].append(one)
    counts = _counts(children)
    path = _path(all_, at)
    found = tuple(one for one in all_.values() if wanted(one)) if wanted else ()
    tops = [all_[at]] if at in all_ else children[""]
    kinds = Counter(one.kind.code if one.kind else "other" for one in all_.values())
    return Tree(_grown(tops, children, counts), path, found, len(all_), kinds)


def _counts(children: Mapping[str, Sequence[Institution]]) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    reached: list[Institution] = list(children.get("", ()))
    for one in reached:  # the list grows while it is walked: parents before children
        reached += children.get(one.id, ())
    for one in reversed(reached):
        counts[one.parent] += 1 + counts[one.id]
    return counts


def _grown(tops: Sequence[Institution], children: Mapping[str, Sequence[Institution]], counts: Mapping[str, int]) -> tuple[Node, ...]:
    """Level after level, as many as fit on a page."""
    opened: set[str] = set()
    level, rows = list(tops), len(tops)
    while level:
        deeper = [(one, children.get(one.id, ())) for one in level]
        level = []
        for one, below in deeper:
            if rows + len(below) <= BRANCH_ROWS_MAX or not opened:
                opened.add(one.id)
                rows += len(below)
                level += below
    return tuple(_node(one, children, counts, opened) for one in tops)


def _node(one: Institution, children: Mapping[str, Sequence[Institution]], counts: Mapping[str, int], opened: set[str]) -> Node:
    below = tuple(_node(child, children, counts, opened) for child in children.get(one.id, ())) if one.id in opened else ()
    return Node(one, below, counts[one.id])


def _path(all_: Mapping[str, Institution], at: str) -> tuple[Institution, ...]:
    path: list[Institution] = []
    one = all_.get(at)
    while one is not None and one not in path:
        path.append(one)
        one = all_.get(one.parent)
    return tuple(reversed(path))


@dataclass(frozen=True, slots=True)
class House:
    """One institution: what it belongs to, what belongs to it, its departments with staff counts, positions, equipment."""

    institution: Institution
    path: tuple[Institution, ...]
    below: tuple[Institution, ...]
    departments: tuple[tuple[Department, int], ...]
    positions: tuple[Position, ...]
    staff: Mapping[str, Worker]
    equipment: tuple[Equipment, ...]


async def read_house(unit: Unit, id_: str, today: date) -> House:
    """One institution. Raises `NotFound`, `Gone`."""
    stored = await unit.store.read("Organization", id_)
    one = stored.resource()
    if is_department(one):
        raise NotFound("This is a department; open its institution.")
    at = f"organization=Organization/{quote(id_)}"
    below, roles, devices, all_ = await gather(
        every(unit, "Organization", f"partof=Organization/{quote(id_)}"),
        every(unit, "PractitionerRole", at + "&active=true"),
        every(unit, "Device", at),
        institutions(unit),
    )
    positions = sorted((Position.of(role) for role in roles), key=lambda role: (role.department, role.secondary, role.staff_name))
    busy = Counter(position.department for position in positions)
    parts = [Department.of(part) for part in below if is_department(part)]
    departments = sorted(parts, key=lambda part: part.discipline.code if part.discipline else "")
    people = await _workers(unit, [position.staff for position in positions], today)
    return House(
        institution=Institution.of(one),
        path=_path(all_, id_)[:-1],
        below=tuple(sorted((Institution.of(part) for part in below if not is_department(part)), key=lambda part: part.code)),
        departments=tuple((part, busy[part.code]) for part in departments),
        positions=tuple(positions),
        staff=people,
        equipment=tuple(sorted((Equipment.of(device) for device in devices), key=lambda device: device.due or "9")),
    )


# --- staff ---

Standing = Literal["ended", "soon", "fine", "open", "none"]


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody of the staff. `number` and `phone` are masked; `standing`: that of the certificate that ends first."""

    id: str
    name: str
    sex: Phrase | None
    born: str
    number: str
    staff_number: str
    phone: str
    active: bool
    licences: tuple[Licence, ...]
    standing: Standing
    ends: str

    @classmethod
    def of(cls, person: Resource, today: date, verified: Mapping[str, str] | None = None) -> Worker:
        """`verified`: certificate number -> the day it was last verified."""
        licences = tuple(Licence.of(one, verified or {}) for one in person.get("qualification", []))
        ends = min((one.ends for one in licences if one.ends), default="")
        number, phone = number_of(person, ID_RESIDENT), phone_of(person)
        return cls(
            id=person["id"], name=name_of_person(person), sex=SEXES.get(person.get("gender", "")), born=person.get("birthDate", ""),
            number=mask_number(number) if number else "", staff_number=number_of(person, ID_STAFF),
            phone=mask_phone(phone) if phone else "",
            active=person.get("active", True), licences=licences, standing=standing(ends, today) if licences else "none", ends=ends,
        )  # fmt: skip


def standing(ends: str, today: date) -> Standing:
    """Whether a certificate has ended, ends within 90 days, later, or never."""
    if not ends:
        return "open"
    return "ended" if ends < today.isoformat() else "soon" if ends <= (today + timedelta(days=SOON_DAYS)).isoformat() else "fine"


async def _workers(unit: Unit, ids: Iterable[str], today: date) -> dict[str, Worker]:
    wanted = list(dict.fromkeys(one for one in ids if one))
    parts = [wanted[start : start + 200] for start in range(0, len(wanted), 200)]
    found = await gather(*(every(unit, "Practitioner", "_id=" + ",".join(quote(one) for one in part)) for part in parts))
    return {one["id"]: Worker.of(one, today) for part in found for one in part}


@dataclass(frozen=True, slots=True)
class StaffAsked:
    """The filters of the list of staff; "" for any."""

    text: str = ""
    institution: str = ""
    department: str = ""
    profession: str = ""
    licence: str = ""
    sites: str = ""

    def lets(self, worker: Worker, positions: Sequence[Position]) -> bool:
        """Whether somebody with these positions is asked for. Institution, department and profession must be of one position."""
        here = any(
            (not self.institution or one.institution == self.institution)
            and (not self.department or one.department == self.department)
            and (not self.profession or (one.profession is not None and one.profession.code == self.profession))
            for one in positions
        )
        several = len({one.institution for one in positions}) > 1
        return (
            (here or not (self.institution or self.department or self.profession))
            and (not self.licence or worker.standing == self.licence)
            and (not self.sites or several)
            and (not self.text or _means(self.text, worker))
        )


def _means(text: str, worker: Worker) -> bool:
    typed = text.casefold().strip()
    pinyin = pinyin_of_name(worker.name)
    told = (worker.name.casefold(), worker.staff_number.casefold(), *(one.number.casefold() for one in worker.licences))
    return any(typed in one for one in told) or pinyin.full.startswith(typed) or pinyin.initials.startswith(typed)


@dataclass(frozen=True, slots=True)
class Staff:
    """A page of the list: each with their positions; how many in all; the departments there are to choose from."""

    rows: tuple[tuple[Worker, tuple[Position, ...]], ...]
    total: int
    pages: int


async def find_staff(unit: Unit, asked: StaffAsked, page: int, today: date) -> Staff:
    """Those asked for, by name."""
    query = "active=true" + (f"&organization=Organization/{quote(asked.institution)}" if asked.institution and not asked.sites else "")
    roles = [Position.of(role) for role in await every(unit, "PractitionerRole", query)]
    at: defaultdict[str, list[Position]] = defaultdict(list)
    for role in roles:
        at[role.staff].append(role)
    if asked.institution:
        people = await _workers(unit, at, today)
    else:
        people = {one["id"]: Worker.of(one, today) for one in await every(unit, "Practitioner")}
    for held in at.values():
        held.sort(key=lambda one: (one.secondary, one.start))
    found = [(worker, tuple(at[worker.id])) for worker in people.values() if asked.lets(worker, at[worker.id])]
    found.sort(key=lambda one: (one[0].ends or "9" if asked.licence else "", pinyin_of_name(one[0].name).full))
    first = (page - 1) * ROWS_SHOWN
    return Staff(tuple(found[first : first + ROWS_SHOWN]), len(found), -(-len(found) // ROWS_SHOWN))


async def read_worker(unit: Unit, id_: str, today: date) -> tuple[Worker, tuple[Position, ...], Mapping[tuple[str, str], str]]:
    """Somebody of the staff, every position they have or had, and the names of its departments. Raises `NotFound`, `Gone`."""
    stored = await unit.store.read("Practitioner", id_)
    roles, results = await gather(
        every(unit, "PractitionerRole", f"practitioner=Practitioner/{quote(id_)}"),
        every(unit, "VerificationResult", f"target=Practitioner/{quote(id_)}"),
    )
    verified = {rules.verified_number(one): one.get("statusDate", "")[:10] for one in results}
    positions = sorted((Position.of(role) for role in roles), key=lambda role: (not role.active, role.secondary, role.start))
    houses = ",".join(f"Organization/{quote(one)}" for one in {position.institution for position in positions if position.institution})
    parts = await every(unit, "Organization", f"partof={houses}") if houses else []
    departments = {(one.institution, one.code): one.name for one in map(Department.of, filter(is_department, parts))}
    return Worker.of(stored.resource(), today, verified), tuple(positions), departments


# --- equipment and teams ---


async def find_equipment(unit: Unit, institution: str, kind: str, due: str, today: date) -> list[Equipment]:
    """Devices of institutions, those due for calibration first. `due`: ended or soon."""
    query = f"organization=Organization/{quote(institution)}" if institution else _own("Device")
    found = [Equipment.of(one) for one in await every(unit, "Device", query)]
    owned = [one for one in found if one.institution and (not kind or (one.kind and one.kind.code == kind))]
    wanted = [one for one in owned if not due or standing(one.due, today) == due]
    return sorted(wanted, key=lambda one: (one.due or "9", one.institution_name, one.asset))


async def find_teams(unit: Unit) -> list[Team]:
    """The family doctors' teams."""
    found = [Team.of(one) for one in await every(unit, "CareTeam", f"category={quote(FAMILY_DOCTOR, safe='')}")]
    return sorted(found, key=lambda one: (one.institution_name, one.name))
