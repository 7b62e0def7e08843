"""The cast of the demo: one account for each role, whose hats point at real people and institutions of the synthetic county.

Who plays a part is found in the store: the first of its name, institution and post, in order of id. So one county keeps one cast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from xinglin.access.accounts.model import Account, Hat, Proof
from xinglin.access.accounts.register import Register
from xinglin.access.accounts.rules import hat_from
from xinglin.access.accounts.sessions import Sessions
from xinglin.base.clock import tick_of
from xinglin.fhir.codec import Resource
from xinglin.store import Records, Update
from xinglin.store.ground import Ground

KIN = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"


@dataclass(frozen=True, slots=True)
class Part:
    """A part: its key, its group on the page, the role. `place`: the institution's name; `post`, `department`: codes of the staff's role.

    `patient`: the resident of that name. `also`: a second role the same person has. `name`: whom to prefer, and who it is otherwise.
    """

    key: str
    group: str
    role: str
    place: str = ""
    post: str = ""
    department: str = ""
    patient: str = ""
    also: str = ""
    name: str = ""


CAST = (
    Part("village-doctor", "clinic", "doctor", "王庄村卫生室", "village", also="public_health", name="李春生"),
    Part("township-doctor", "clinic", "doctor", "大王镇中心卫生院", "doctor", "全科"),
    Part("cardiologist", "hospital", "doctor", "杏溪县人民医院", "doctor", "心血管内科"),
    Part("nurse", "hospital", "nurse", "杏溪县人民医院", "nurse"),
    Part("pharmacist", "hospital", "pharmacist", "杏溪县人民医院", "pharmacist", name="陈药师"),
    Part("registrar", "hospital", "registrar", "杏溪县人民医院", "registrar", name="何登记"),
    Part("public-health", "county", "public_health", "杏溪县疾病预防控制中心", "prevention"),
    Part("dispatcher", "county", "dispatcher", "杏溪县人民医院", "dispatcher", name="周调度"),
    Part("insurer", "county", "insurer", "杏溪县医疗保障局", "insurer", name="钱经办"),
    Part("regulator", "county", "regulator", "杏溪县卫生健康局", "regulator", name="郑监管"),
    Part("system-admin", "platform", "system_admin", name="孙系统"),
    Part("security-admin", "platform", "security_admin", name="吴安全"),
    Part("audit-admin", "platform", "audit_admin", name="冯审计"),
    Part("zhang-guilan", "resident", "resident", patient="张桂兰"),
    Part("wang-xiuying", "resident", "resident", patient="王秀英"),
    Part("liu-li", "resident", "resident", patient="刘丽"),
)
"""刘丽 is the guardian: her son 陈小宝 is three."""


async def settle(ground: Ground, records: Records, residents: Mapping[str, str], now: datetime) -> int:
    """Make the cast's accounts, or bring them up to date; how many. `records` must see everyone; `residents`: name -> Patient id."""
    register, made = Register(ground), 0
    for part in CAST:
        hats = await _hats(part, records, residents)
        if not hats:
            continue
        account = _account(part, hats, tick_of(now))
        old = await register.look(account.id, now)
        if old is not None and (old.hats, old.name) != (account.hats, account.name):
            await register.remove(old.id, now)
            old = None
        if old is None:
            await register.create(account, now)
        made += 1
    await _guardian(records, residents)
    return made


async def _guardian(records: Records, residents: Mapping[str, str]) -> None:
    """刘丽 is her little son's guardian: a RelatedPerson with her ID number, unless there is one."""
    mother, child = residents.get("刘丽"), residents.get("陈小宝")
    if not mother or not child or await records.find("RelatedPerson", f"patient=Patient/{child}", count=1):
        return
    patient = (await records.read("Patient", mother)).resource()
    born = (await records.read("Patient", child)).resource().get("birthDate")
    related: Resource = {
        "resourceType": "RelatedPerson",
        "id": str(uuid5(NAMESPACE_URL, f"urn:xinglin:guardian:{child}")),
        "active": True,
        "identifier": patient["identifier"],
        "patient": {"reference": f"Patient/{child}", "display": "陈小宝"},
        "relationship": [{"coding": [{"system": KIN, "code": "GUARD"}, {"system": KIN, "code": "MTH"}], "text": "母亲（监护人）"}],
        "name": patient["name"],
        "gender": "female",
    } | ({"period": {"start": born}} if born else {})
    await records.write([Update(related, related["id"])])


async def dismiss(ground: Ground, now: datetime) -> int:
    """Take every persona and their sessions away, so that without the demo no such account exists; how many there were."""
    register, sessions = Register(ground), Sessions(ground)
    there = await register.personas(now)
    for account in there:
        await register.remove(account.id, now)
        await sessions.end_of(account.id, now)
    return len(there)


def _account(part: Part, hats: Sequence[tuple[Hat, str]], now_us: int) -> Account:
    id_ = str(uuid5(NAMESPACE_URL, f"urn:xinglin:persona:{part.key}"))
    proof = Proof("demo", now_us, "demo") if part.patient else None
    name = part.patient or hats[0][1] or part.name
    return Account(id_, f"demo.{part.key}", name, "demo", hats=tuple(hat for hat, _ in hats), proof=proof, persona=part.key)


async def _hats(part: Part, records: Records, residents: Mapping[str, str]) -> list[tuple[Hat, str]]:
    """The part's hats, each with the name of who plays it ("" when nobody of the county does)."""
    if part.patient:
        id_ = residents.get(part.patient)
        return [(Hat("resident", "resident", part.patient, f"Patient/{id_}"), part.patient)] if id_ else []
    if not part.place:
        return [(Hat(part.role, part.role, ""), "")]
    organizations = await records.find("Organization", f"name:exact={part.place}&_sort=_id", count=1)
    if not organizations:
        return []
    worker = await _worker(part, records, organizations[0]["id"])
    roles = (part.role, part.also) if part.also else (part.role,)
    if worker is None:
        return [(Hat(role, role, part.place, units=(f"Organization/{organizations[0]['id']}",)), "") for role in roles]
    teams = await records.find("CareTeam", f"participant={worker['practitioner']['reference']}&_sort=_id", count=10)
    units = [f"CareTeam/{team['id']}" for team in teams]
    return [(hat_from(role, worker, units), worker["practitioner"].get("display", "")) for role in roles]


async def _worker(part: Part, records: Records, organization: str) -> Resource | None:
    """The first PractitionerRole, in order of id, of the part's post and department; of its name, if somebody has it."""
    workers = await records.find("PractitionerRole", f"organization=Organization/{organization}&_sort=_id", count=500)
    posted = (one for one in workers if _holds(one, "code", part.post))
    fitting = [one for one in posted if not part.department or _holds(one, "specialty", part.department)]
    named = [one for one in fitting if part.name and one["practitioner"].get("display") == part.name]
    return next(iter(named or fitting), None)


def _holds(worker: Resource, element: str, code: str) -> bool:
    return any(coding.get("code") == code for concept in worker.get(element, []) for coding in concept.get("coding", []))
