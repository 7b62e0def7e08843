"""What the staff may practise: certificates with scope and end, their verification, titles, and further sites of practice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from xinglin.engines.synthesis import places
from xinglin.engines.synthesis.codes import HL7, OWN, Json, concept
from xinglin.engines.synthesis.ids import make_id
from xinglin.engines.synthesis.offices import DISCIPLINES, discipline

LICENCE_KIND, LICENCE, TITLE, SITE = OWN + "licence-kind", OWN + "licence", OWN + "professional-title", OWN + "practice-site"
SCOPE = OWN + "extension:licence-scope"
KINDS = {
    "doctor": "医师执业证书", "prevention": "医师执业证书", "nurse": "护士执业证书", "village": "乡村医生执业证书",
    "technician": "卫生技术资格证书",
}  # fmt: skip
_SCOPES = {
    "01": "公共卫生类别专业", "02": "全科医学专业", "03": "内科专业", "04": "外科专业", "05": "妇产科专业", "06": "妇产科专业",
    "07": "儿科专业",
    "09": "儿科专业", "10": "眼耳鼻咽喉科专业", "20": "急救医学专业", "30": "医学检验、病理专业", "32": "医学影像和放射治疗专业",
    "50": "中医专业",
}  # fmt: skip
"""First two digits of the discipline -> scope of practice as a doctor's certificate names it."""
_TITLES = {
    "231": "主任医师（药、护、技）", "232": "副主任医师（药、护、技）", "233": "主治（主管）医师（药、护、技）",
    "234": "师级", "235": "士级",
}  # fmt: skip
YEARS = 5
"""How long a nurse's or a village doctor's certificate holds."""
_LASTING = ("doctor", "prevention", "technician")


def certify(rng: Random, person: Json, post: str, department: str, number: int, today: date) -> Iterator[Json]:
    """Writes a certificate into a Practitioner under construction; yields its verification, which most have."""
    held = rng.randrange(60, YEARS * 365 - 30)
    if post not in _LASTING and number % 29 == 7:
        held = YEARS * 365 + rng.randrange(5, 200)  # some have let it run out
    elif post not in _LASTING and number % 29 == 15:
        held = YEARS * 365 - rng.randrange(5, 85)
    issued = today - timedelta(days=held)
    ends = None if post in _LASTING else issued + timedelta(days=YEARS * 365)
    written = f"{_PREFIX[post]}{places.AREA}{number:06d}"
    kind = "doctor" if post == "prevention" else post
    qualification: Json = {
        "identifier": [{"system": LICENCE, "value": written}],
        "code": concept(LICENCE_KIND, kind, KINDS[post]),
        "period": {"start": issued.isoformat()} | ({"end": ends.isoformat()} if ends else {}),
        "issuer": {"display": f"{places.COUNTY}卫生健康局"},
    }
    scope = _scope(post, department)
    person["qualification"] = [({"extension": [{"url": SCOPE, "valueString": scope}]} if scope else {}) | qualification]
    if rng.random() < 0.94:
        yield _verification(rng, person, written, issued + timedelta(days=rng.randrange(held // 2)), ends, today)


_PREFIX = {"doctor": "110", "prevention": "140", "nurse": "201", "village": "501", "technician": "301"}


def _scope(post: str, department: str) -> str:
    if post == "village":
        return "预防、保健和一般医疗服务"
    if post == "nurse":
        return ""
    return _SCOPES.get(DISCIPLINES[department][0][:2], "全科医学专业")


def _verification(rng: Random, person: Json, written: str, looked: date, ends: date | None, today: date) -> Json:
    status = "reval-fail" if ends and ends < today else "validated"
    return {
        "resourceType": "VerificationResult",
        "id": make_id(rng),
        "meta": dict(person["meta"]),
        "target": [{"reference": f"Practitioner/{person['id']}", "display": person["name"][0]["text"]}],
        "targetLocation": [f"Practitioner.qualification.where(identifier.value='{written}')"],
        "status": status,
        "statusDate": looked.isoformat(),
        "validationType": concept(HL7 + "validation-type", "primary", "primary source"),
        "lastPerformed": looked.isoformat(),
        **({"nextScheduled": ends.isoformat()} if ends else {}),
        "primarySource": [{"who": {"display": f"{places.COUNTY}卫生健康局"}, "validationDate": looked.isoformat()}],
    }


def title(rng: Random, post: str) -> Json | None:
    """The professional title of somebody in a post; None for village doctors, who have none."""
    if post == "village":
        return None
    ladder = "231 232 232 233 233 233 234 234" if post in ("doctor", "prevention") else "232 233 233 234 234 234 235"
    code = rng.choice(ladder.split())
    return concept(TITLE, code, _TITLES[code])


def further_site(rng: Random, role: Json, house: Json, department: str, start: date) -> Json:
    """A position beside somebody's first one, at another institution (`house` refers to it)."""
    specialty = concept(OWN + "department", department, department, discipline(department))
    return {
        "resourceType": "PractitionerRole",
        "id": make_id(rng),
        "meta": dict(role["meta"]),
        "active": True,
        "period": {"start": start.isoformat()},
        "practitioner": role["practitioner"],
        "organization": house,
        "code": [*role["code"], concept(SITE, "secondary", "多点执业")],
        "specialty": [specialty],
    }
