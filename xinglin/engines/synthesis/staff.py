"""Institutions of the county and who works there: Organization, Location, Practitioner, PractitionerRole, and what goes with them.

Ids come from the draft's own luck in the order things are founded; what was added later draws its own luck, so ids stay what they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from xinglin.base.national_ids import make_credit_code, make_organisation_code, make_resident_id
from xinglin.engines.synthesis import equipment, licences, names, offices, places, teams, wards
from xinglin.engines.synthesis.codes import (
    DEPARTMENT,
    HL7,
    ID_INSTITUTION,
    ID_RESIDENT,
    ID_STAFF,
    INSTITUTION_KIND,
    OWN,
    POST,
    Json,
    concept,
)
from xinglin.engines.synthesis.ids import luck, make_id

KINDS = {
    "commission": "卫生健康行政部门", "insurer": "医疗保障经办机构", "hospital": "综合医院", "tcm": "中医医院", "maternal": "妇幼保健院",
    "cdc": "疾病预防控制中心", "township": "乡镇卫生院", "village": "村卫生室",
}  # fmt: skip
DEPARTMENTS = {
    "hospital": (
        "心血管内科 呼吸内科 神经内科 内分泌科 消化内科 普通外科 骨科 妇产科 儿科 急诊医学科 眼科 全科医学科 检验科 医学影像科"
    ).split(),
    "tcm": "中医内科 针灸科 推拿科 中医骨伤科 康复科 检验科".split(),
    "maternal": "妇科 产科 儿童保健科 孕产保健科 检验科".split(),
    "cdc": "传染病防制科 免疫规划科 慢性病防制科".split(),
    "township": "全科 公共卫生科 中医科 预防接种门诊 检验室".split(),
    "village": ["全科"],
    "commission": [],
    "insurer": [],
}
_STAFF = {"hospital": 60, "tcm": 28, "maternal": 20, "cdc": 10, "township": 12, "village": 1, "commission": 0, "insurer": 0}
GUARDED = ("hospital", "tcm")
"""Where somebody looks after residents' data beside their own post."""
_POSTS = {"doctor": "医师", "nurse": "护士", "village": "乡村医生", "prevention": "公共卫生医师", "technician": "检验技师"}


@dataclass(frozen=True, slots=True)
class Worker:
    """A practitioner as others refer to them."""

    id: str
    name: str
    sex: str
    post: str
    department: str
    ref: Json


@dataclass(frozen=True, slots=True)
class Institution:
    """An institution as others refer to it. `source` stands in `meta.source` of all it records; `wards`: department -> place."""

    id: str
    name: str
    kind: str
    parent: str | None
    town: int | None
    village: int | None
    ref: Json
    location: Json
    source: str
    workers: tuple[Worker, ...]
    wards: Mapping[str, Json] = field(default_factory=dict[str, Json])

    def of(self, department: str) -> tuple[Worker, ...]:
        """Those of a department; everyone when it has none."""
        return tuple(w for w in self.workers if w.department == department) or self.workers


@dataclass(frozen=True, slots=True)
class County:
    """All institutions, and the quick ways to the ones a resident meets."""

    institutions: tuple[Institution, ...]
    hospital: Institution
    tcm: Institution
    maternal: Institution
    insurer: Institution
    townships: tuple[Institution, ...]
    rooms: tuple[tuple[Institution, ...], ...]
    resources: tuple[Json, ...] = field(repr=False)


def build(seed: int, today: date) -> County:
    """The institutions and staff; the same for every shard of a seed."""
    draft = _Draft(luck(seed, "institutions"), today)
    commission = draft.institution(f"{places.COUNTY}卫生健康局", "commission", None)
    insurer = draft.institution(f"{places.COUNTY}医疗保障局", "insurer", None)
    hospital = draft.institution(f"{places.COUNTY}人民医院", "hospital", commission)
    tcm = draft.institution(f"{places.COUNTY}中医医院", "tcm", commission)
    maternal = draft.institution(f"{places.COUNTY}妇幼保健院", "maternal", commission)
    draft.institution(f"{places.COUNTY}疾病预防控制中心", "cdc", commission)
    townships, rooms = [], []
    for t, town in enumerate(places.TOWNS):
        clinic = draft.institution(f"{town.name}{'中心' if t in (0, 1, 5) else ''}卫生院", "township", commission, t)
        townships.append(clinic)
        rooms.append(tuple(draft.institution(f"{v.name}卫生室", "village", clinic, t, i) for i, v in enumerate(town.villages)))
    made = tuple(_registered(draft, luck(seed, "directory"), townships, rooms))
    return County(tuple(draft.made), hospital, tcm, maternal, insurer, tuple(townships), tuple(rooms), made)


def _registered(draft: _Draft, rng: Random, townships: list[Institution], rooms: list[tuple[Institution, ...]]) -> Iterator[Json]:
    """All resources in an order in which nothing refers ahead; the drafted ones with what a register knows of them."""
    house = {one.id: one for one in draft.made}
    workers = {one.id: one for made in draft.made for one in made.workers}
    around = offices.around(rng, draft.made[0].ref)
    yield from around.above
    verified: list[Json] = []
    roles: dict[str, Json] = {}
    privacy = {one.workers[-1].id for one in draft.made if one.kind in GUARDED}
    for resource in draft.out:
        if resource["resourceType"] == "Organization":
            _class(resource, house[resource["id"]], around)
        elif resource["resourceType"] == "Practitioner":
            worker = workers[resource["id"]]
            verified += licences.certify(rng, resource, worker.post, worker.department, len(roles), draft.today)
        elif resource["resourceType"] == "PractitionerRole":
            worker = workers[resource["practitioner"]["reference"].partition("/")[2]]
            _settle(rng, resource, worker, draft.today)
            if worker.id in privacy:
                resource["code"] = [*resource["code"], concept(POST, "privacy", "隐私专员")]
            if ward := house[resource["organization"]["reference"].partition("/")[2]].wards.get(worker.department):
                resource["location"] = [*resource["location"], ward]
            roles[worker.id] = resource
        yield resource
        if resource["resourceType"] == "Location":
            one = house[resource["managingOrganization"]["reference"].partition("/")[2]]
            yield from wards.locations(one.wards, one.ref, one.location, one.source)
    yield from around.beside
    yield from verified
    for number, one in enumerate(draft.made):
        if one.kind != "village":
            yield from offices.departments(rng, one.ref, one.source, DEPARTMENTS[one.kind])
        yield from equipment.equip(rng, one.kind, one.ref, one.source, number, draft.today)
    for clinic, own, town in zip(townships, rooms, places.TOWNS, strict=True):
        doctors = [one for one in draft.made[2].of("全科医学科" if town.weight > 6 else "心血管内科") if one.post == "doctor"]
        guest = roles[doctors[int(town.code) % len(doctors)].id]
        yield licences.further_site(rng, guest, clinic.ref, "全科", draft.today - timedelta(days=rng.randrange(30, 700)))
        yield from teams.family_doctors(rng, clinic, own, town.name)


def _class(organization: Json, made: Institution, around: offices.Around) -> None:
    kind = "central" if made.kind == "township" and "中心" in made.name else made.kind
    offices.classed(organization, kind)
    if made.kind == "commission":
        organization["partOf"] = around.seat


def _settle(rng: Random, role: Json, worker: Worker, today: date) -> None:
    role["period"] = {"start": (today - timedelta(days=rng.randrange(200, 5000))).isoformat()}
    if title := licences.title(rng, worker.post):
        role["code"] = [*role["code"], title]
    specialty = role["specialty"][0]
    role["specialty"] = [specialty | {"coding": [*specialty["coding"], offices.discipline(worker.department)]}]


class _Draft:
    """Institutions while they are founded, numbered in order."""

    def __init__(self, rng: Random, today: date) -> None:
        self.rng = rng
        self.today = today
        self.made: list[Institution] = []
        self.out: list[Json] = []

    def institution(
        self, name: str, kind: str, parent: Institution | None, town: int | None = None, village: int | None = None
    ) -> Institution:
        """Founds an institution: its organisation, its place, its staff."""
        rng = self.rng
        number = len(self.made)
        identity, place = make_id(rng), make_id(rng)
        credit = make_credit_code("1", "2", places.AREA, make_organisation_code(f"5801{number:04d}"))
        source = f"{OWN}institution:{credit}"
        ref = {"reference": f"Organization/{identity}", "display": name}
        telecom = [{"system": "phone", "value": f"{places.PHONE_AREA}-{7000000 + rng.randrange(999999)}", "use": "work"}]
        self.out.append(_organization(identity, name, kind, credit, source, parent, _address(town, village), telecom))
        self.out.append(_location(place, name, source, ref, town, village))
        location = {"reference": f"Location/{place}", "display": name}
        beds = wards.wards_of(kind, identity, name)
        workers = tuple(self._workers(kind, name, ref, place, source))
        made = Institution(identity, name, kind, parent.id if parent else None, town, village, ref, location, source, workers, beds)
        self.made.append(made)
        return made

    def _workers(self, kind: str, name: str, ref: Json, place: str, source: str) -> Iterator[Worker]:
        rng = self.rng
        count = _STAFF[kind] + (rng.random() < 0.25 if kind == "village" else 0)
        departments = DEPARTMENTS[kind]
        for n in range(count):
            department = departments[n % len(departments)]
            post = _post(kind, department, n // len(departments))
            sex = "female" if post == "nurse" or rng.random() < 0.45 else "male"
            birth = date(self.today.year - rng.randrange(26, 60), rng.randrange(1, 13), rng.randrange(1, 29))
            person = names.surname(rng) + names.given_name(rng, sex, birth.year)
            if name == "王庄村卫生室" and n == 0:
                person, sex = "李春生", "male"
            identity = make_id(rng)
            number = f"{places.AREA}{len(self.out):09d}"
            card = make_resident_id(places.AREA, birth, 900 + rng.randrange(50) * 2 + (sex == "male"))
            self.out.append(_practitioner(identity, person, sex, birth, number, card, source))
            worker_ref = {"reference": f"Practitioner/{identity}", "display": person}
            self.out.append(_role(make_id(rng), worker_ref, ref, place, post, department, source))
            yield Worker(identity, person, sex, post, department, worker_ref)


def _post(kind: str, department: str, row: int) -> str:
    if kind == "village":
        return "village"
    if department.startswith("检验"):
        return "technician"
    if department in ("公共卫生科", "预防接种门诊", "免疫规划科", "传染病防制科", "慢性病防制科"):
        return "prevention"
    return "nurse" if row % 3 == 2 else "doctor"


def _organization(
    identity: str, name: str, kind: str, credit: str, source: str, parent: Institution | None, address: Json, telecom: list[Json]
) -> Json:
    office = kind in ("commission", "insurer")
    made: Json = {
        "resourceType": "Organization",
        "id": identity,
        "meta": {"source": source},
        "identifier": [{"system": ID_INSTITUTION, "value": credit}],
        "active": True,
        "type": [
            concept(HL7 + "organization-type", "govt" if office else "prov", "政府机构" if office else "医疗卫生机构"),
            concept(INSTITUTION_KIND, kind, KINDS[kind]),
        ],
        "name": name,
        "telecom": telecom,
        "address": [address],
    }
    if parent:
        made["partOf"] = parent.ref
    return made


def _location(identity: str, name: str, source: str, ref: Json, town: int | None, village: int | None) -> Json:
    return {
        "resourceType": "Location",
        "id": identity,
        "meta": {"source": source},
        "status": "active",
        "name": name,
        "mode": "instance",
        "physicalType": concept(HL7 + "location-physical-type", "bu", "建筑"),
        "address": _address(town, village),
        "managingOrganization": ref,
    }


def _practitioner(identity: str, name: str, sex: str, birth: date, number: str, card: str, source: str) -> Json:
    cut = 2 if name[:2] in ("欧阳", "诸葛", "上官", "司马") else 1
    return {
        "resourceType": "Practitioner",
        "id": identity,
        "meta": {"source": source},
        "identifier": [{"system": ID_STAFF, "value": number}, {"system": ID_RESIDENT, "value": card}],
        "active": True,
        "name": [{"use": "official", "text": name, "family": name[:cut], "given": [name[cut:]]}],
        "gender": sex,
        "birthDate": birth.isoformat(),
    }


def _role(identity: str, worker: Json, organization: Json, place: str, post: str, department: str, source: str) -> Json:
    return {
        "resourceType": "PractitionerRole",
        "id": identity,
        "meta": {"source": source},
        "active": True,
        "practitioner": worker,
        "organization": organization,
        "code": [concept(POST, post, _POSTS[post])],
        "specialty": [concept(DEPARTMENT, department, department)],
        "location": [{"reference": f"Location/{place}"}],
    }


def _address(town: int | None, village: int | None) -> Json:
    parts = [places.TOWNS[town].name] if town is not None else ["城关镇", "杏林大道"]
    if town is not None and village is not None:
        parts.append(places.TOWNS[town].villages[village].name)
    line = "".join(parts)
    return {
        "use": "work",
        "text": f"{places.PROVINCE}{places.CITY}{places.COUNTY}{line}",
        "line": [line],
        "city": places.CITY,
        "district": places.COUNTY,
        "state": places.PROVINCE,
        "country": "CN",
    }
