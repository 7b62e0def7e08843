"""A resident sees whom they act for and who acts for them, and takes back what they gave; nothing else."""

from __future__ import annotations

from tests.capabilities.guardianship.conftest import AUTHORITY, FILE, act_for, desk, form, resident, status
from tests.capabilities.watched import County
from xinglin.access.policy import allowed
from xinglin.store import Scope
from xinglin.store.ledger.looking import acts

GRANNY_AT = "/person/granny/guardians"


async def given(county: County, at: str = GRANNY_AT, **more: str) -> str:
    kept = await (await desk(county)).post(at, data=form(**AUTHORITY | more), files=FILE)
    assert kept.status_code == 303
    return kept.headers["location"].rpartition("/")[2]


async def test_a_resident_ends_the_authority_they_gave_at_once(county: County):
    key = await given(county)
    granny, agent = await resident(county, "granny", "赵秀英"), await resident(county, "mother", "林芳")
    assert await status(county, agent, "/person/granny") == 200
    page = (await granny.get("/family")).text
    for words in ("谁代我办理", "林芳", "书面委托代理人", "到 2027-11-22", "公证委托书"):
        assert words in page
    assert not allowed("resident", "update", "RelatedPerson"), "so the platform does it for them"
    assert (await granny.get(f"/family/{key}/ending")).status_code == 200
    assert (await granny.post(f"/family/{key}/ending", data={"reason": ""})).status_code == 303
    assert await status(county, agent, "/person/granny") == 404
    assert "本人撤销" in (await granny.get("/family")).text
    await county.store.trail.flush()
    (deed,) = [one for one in await acts(county.store.ground, type="RelatedPerson", id=key, limit=50) if one.interaction == "update"]
    assert (deed.actor, deed.role, deed.ground) == ("a-granny", "resident", "self")
    assert (await granny.post(f"/family/{key}/ending", data={})).status_code == 403, "it has ended"


async def test_only_who_gave_it_ends_it(county: County):
    key = await given(county)
    for who, name in (("mother", "林芳"), ("zhang", "张桂兰")):
        other = await resident(county, who, name)
        assert (await other.get(f"/family/{key}/ending")).status_code == 404
        assert (await other.post(f"/family/{key}/ending")).status_code == 404
    (one,) = await county.store.records(Scope.everyone()).find("RelatedPerson")
    assert one["active"] is True


async def test_who_acts_for_them_does_not_end_anothers_authority_in_their_name(county: County):
    key = await given(county)
    agent = await resident(county, "mother", "林芳")
    await act_for(agent, "Patient/granny")
    assert "您正在代 赵秀英 办理" in (await agent.get("/family")).text
    assert (await agent.post(f"/family/{key}/ending")).status_code == 404


async def test_no_ward_ends_what_a_court_or_birth_gave(county: County):
    appointed = await given(county, kind="guardian", proof="court")
    granny = await resident(county, "granny", "赵秀英")
    assert "终止委托" not in (await granny.get("/family")).text
    assert (await granny.post(f"/family/{appointed}/ending")).status_code == 403
    born = await given(county, "/person/child/guardians", kind="parent", proof="birth", until="")
    child = await resident(county, "child", "林小雨")
    assert (await child.post(f"/family/{born}/ending")).status_code == 403
    assert all(one["active"] for one in await county.store.records(Scope.everyone()).find("RelatedPerson"))


async def test_a_guardian_opens_the_record_or_switches_from_the_page_of_the_family(county: County):
    await given(county, "/person/child/guardians", kind="parent", proof="birth", until="")
    mother = await resident(county, "mother", "林芳")
    page = (await mother.get("/family")).text
    assert 'href="/person/child"' in page
    assert "到 2026-11-23" in page
    await act_for(mother, "Patient/child")
    assert await status(county, mother, "/person/child") == 200
    assert await status(county, mother, "/person/mother") == 404, "confined to the child while acting for it"
    county.clock.later(days=3)
    mother = await resident(county, "mother", "林芳")
    told = (await mother.get("/family")).text
    assert "您没有代任何人办理" in told
    assert "林小雨" not in told


async def test_who_is_not_in_the_register_yet_is_told_where_to_go(county: County):
    stranger = await county.sign_in("a-new", "resident", "新人")
    assert (await stranger.get("/family")).status_code == 404


async def test_an_entry_from_another_system_is_shown_and_a_contact_for_emergencies_is_not(county: County):
    about = {"resourceType": "RelatedPerson", "patient": {"reference": "Patient/granny"}, "name": [{"text": "外系统"}]}
    role = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
    identifier = [{"system": "urn:x", "value": "7"}]
    guard, friend = ({"coding": [{"system": role, "code": code}]} for code in ("GUARD", "FRND"))
    await county.put(about | {"id": "r1", "relationship": [guard], "identifier": identifier})
    await county.put(about | {"id": "r2", "relationship": [friend], "identifier": identifier, "name": [{"text": "邻居"}]})
    page = (await (await resident(county, "granny", "赵秀英")).get("/family")).text
    assert "外系统" in page
    assert "未登记截止日期" in page
    assert "邻居" not in page
