"""What stands around the county's hospitals: the offices above them, regulators, pharmacies; classes, levels, and departments of all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from xinglin.base.national_ids import make_credit_code, make_organisation_code
from xinglin.engines.synthesis import places
from xinglin.engines.synthesis.codes import DEPARTMENT, HL7, ID_INSTITUTION, INSTITUTION_KIND, OWN, Json, coding, concept
from xinglin.engines.synthesis.ids import make_id

INSTITUTION_CLASS = OWN + "institution-class"
INSTITUTION_LEVEL = OWN + "institution-level"
DISCIPLINE = OWN + "discipline"

CLASSES = {
    "hospital": ("A100", "综合医院"), "tcm": ("A210", "中医（综合）医院"), "maternal": ("G100", "妇幼保健院"),
    "cdc": ("J100", "疾病预防控制中心"), "central": ("C210", "中心卫生院"), "township": ("C220", "乡卫生院"),
    "village": ("D600", "村卫生室"),
    "supervision": ("K100", "卫生监督所（局）"), "emergency": ("E100", "急救中心"),
}  # fmt: skip
"""Kind -> class of WS 218-2002."""
LEVELS = {
    "city": ("32", "三级甲等"), "hospital": ("22", "二级甲等"), "tcm": ("22", "二级甲等"), "maternal": ("23", "二级乙等"),
    "central": ("12", "一级甲等"), "township": ("13", "一级乙等"),
}  # fmt: skip
OFFICES = {"supervision": "卫生监督机构", "drug_authority": "市场和药品监管部门", "pharmacy": "药店", "emergency": "急救中心（站）"}
DISCIPLINES = {
    "心血管内科": ("0304", "心血管内科专业"), "呼吸内科": ("0301", "呼吸内科专业"), "神经内科": ("0303", "神经内科专业"),
    "内分泌科": ("0307", "内分泌专业"), "消化内科": ("0302", "消化内科专业"), "普通外科": ("0401", "普通外科专业"),
    "骨科": ("0403", "骨科专业"),
    "妇产科": ("0500", "妇产科"), "儿科": ("0700", "儿科"), "急诊医学科": ("2000", "急诊医学科"), "眼科": ("1000", "眼科"),
    "全科医学科": ("0200", "全科医疗科"), "检验科": ("3000", "医学检验科"), "医学影像科": ("3200", "医学影像科"),
    "中医内科": ("5001", "中医内科专业"), "针灸科": ("5013", "中医针灸科专业"), "推拿科": ("5014", "中医推拿科专业"),
    "中医骨伤科": ("5010", "中医骨伤科专业"), "康复科": ("5015", "中医康复医学专业"), "妇科": ("0501", "妇科专业"),
    "产科": ("0502", "产科专业"),
    "儿童保健科": ("0900", "儿童保健科"), "孕产保健科": ("0602", "围产期保健专业"), "传染病防制科": ("0100", "预防保健科"),
    "免疫规划科": ("0100", "预防保健科"), "慢性病防制科": ("0100", "预防保健科"), "全科": ("0200", "全科医疗科"),
    "公共卫生科": ("0100", "预防保健科"), "中医科": ("5000", "中医科"), "预防接种门诊": ("0100", "预防保健科"),
    "检验室": ("3000", "医学检验科"),
}  # fmt: skip
"""Department -> national discipline, in the four-digit form of the list of clinical disciplines."""
_PHARMACIES = ("杏林大药房", "济民药房", "康宁药店", "百草堂药店", "惠民大药房", "同德药房")


def classed(organization: Json, kind: str, level: str = "") -> None:
    """Writes class and level among the types of an organisation under construction."""
    if kind in CLASSES:
        organization["type"].append(concept(INSTITUTION_CLASS, *CLASSES[kind]))
    if (level or kind) in LEVELS:
        organization["type"].append(concept(INSTITUTION_LEVEL, *LEVELS[level or kind]))


def discipline(department: str) -> Json:
    """The coding of a department's national discipline."""
    return coding(DISCIPLINE, *DISCIPLINES[department])


@dataclass(frozen=True, slots=True)
class Around:
    """Organisations around the county's own: `above` comes before them, `beside` after."""

    above: tuple[Json, ...]
    beside: tuple[Json, ...]

    @property
    def seat(self) -> Json:
        """What the county's health commission belongs to."""
        return {"reference": f"Organization/{self.above[1]['id']}", "display": self.above[1]["name"]}


def around(rng: Random, commission: Json) -> Around:
    """Province and city above the county's commission (`commission` refers to it); city hospital, regulators, pharmacies beside it."""
    province = _office(rng, 0, f"{places.PROVINCE}卫生健康委员会", "commission", None, "580000", places.PROVINCE)
    city = _office(rng, 1, f"{places.CITY}卫生健康委员会", "commission", _ref(province), "580100", places.PROVINCE + places.CITY)
    hospital = _office(rng, 2, f"{places.CITY}人民医院", "hospital", _ref(city), "580100", places.PROVINCE + places.CITY)
    classed(hospital, "hospital", "city")
    here = places.PROVINCE + places.CITY + places.COUNTY
    supervision = _office(rng, 3, f"{places.COUNTY}卫生监督所", "supervision", commission, places.AREA, here)
    classed(supervision, "supervision")
    emergency = _office(rng, 4, f"{places.COUNTY}急救中心", "emergency", commission, places.AREA, here)
    classed(emergency, "emergency")
    market = _office(rng, 5, f"{places.COUNTY}市场监督管理局", "drug_authority", None, places.AREA, here)
    names = [f"{town.name[:-1]}{_PHARMACIES[n % len(_PHARMACIES)]}" for n, town in enumerate((*places.TOWNS, *places.TOWNS[:2]), 0)]
    pharmacies = [_office(rng, 6 + n, name, "pharmacy", _ref(market), places.AREA, here) for n, name in enumerate(names)]
    return Around((province, city), (hospital, supervision, emergency, market, *pharmacies))


def _office(rng: Random, number: int, name: str, kind: str, parent: Json | None, area: str, address: str) -> Json:
    office = kind in ("commission", "drug_authority")
    credit = make_credit_code("1", "1" if office else "2", area, make_organisation_code(f"5809{number:04d}"))
    told = {"commission": "卫生健康行政部门", "hospital": "综合医院"} | OFFICES
    general = ("govt", "政府机构") if kind in ("commission", "supervision", "drug_authority") else ("prov", "医疗卫生机构")
    made: Json = {
        "resourceType": "Organization",
        "id": make_id(rng),
        "meta": {"source": f"{OWN}institution:{credit}"},
        "identifier": [{"system": ID_INSTITUTION, "value": credit}],
        "active": True,
        "type": [concept(HL7 + "organization-type", *general), concept(INSTITUTION_KIND, kind, told[kind])],
        "name": name,
        "telecom": [{"system": "phone", "value": f"{places.PHONE_AREA}-{8000000 + rng.randrange(999999)}", "use": "work"}],
        "address": [{"use": "work", "text": address, "state": places.PROVINCE, "country": "CN"}],
    }
    return made | ({"partOf": parent} if parent else {})


def departments(rng: Random, house: Json, source: str, names: list[str]) -> Iterator[Json]:
    """The departments of an institution (`house` refers to it), under the names its staff work in."""
    for name in names:
        yield {
            "resourceType": "Organization",
            "id": make_id(rng),
            "meta": {"source": source},
            "identifier": [{"system": DEPARTMENT, "value": name}],
            "active": True,
            "type": [concept(HL7 + "organization-type", "dept", "科室"), concept(DISCIPLINE, *DISCIPLINES[name])],
            "name": name,
            "partOf": house,
        }


def _ref(organization: Json) -> Json:
    return {"reference": f"Organization/{organization['id']}", "display": organization["name"]}
