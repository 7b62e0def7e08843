"""A registrar enters who acts for whom: on a proof, until an end, and nobody whom the law does not let."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.capabilities.guardianship.conftest import (
    AUNT,
    AUTHORITY,
    CHILD,
    FILE,
    GRANNY,
    MOTHER,
    SYSTEM,
    TEEN,
    desk,
    form,
    person,
    resident,
    status,
)
from tests.capabilities.watched import County, encounter
from xinglin.fhir.validation import validate
from xinglin.kit.notices import notices_of
from xinglin.store import Scope
from xinglin.store.ledger.looking import acts

AT = "/person/child/guardians"
GRANNY_AT = "/person/granny/guardians"


async def entered(county: County):
    return await county.store.records(Scope.everyone()).find("RelatedPerson")


async def enter(county: County, at: str = AT, **more: str):
    return await (await desk(county)).post(at, data=form(**more), files=FILE)


async def test_a_parent_sees_the_childs_record_until_the_last_moment_before_the_18th_birthday(county: County):
    mother = await resident(county, "mother", "林芳")
    assert await status(county, mother, "/person/child") == 404
    kept = await enter(county)
    assert kept.status_code == 303
    assert "2026-11-23" in (await (await desk(county)).get(kept.headers["location"])).text
    assert await status(county, mother, "/person/child") == 200
    opened = await mother.get("/person/child")
    assert "支气管哮喘" in opened.text
    await county.store.trail.flush()
    looks = [one for one in await acts(county.store.ground, type="Patient", id="child", limit=50) if one.actor == "a-mother"]
    assert "guardian" in {one.ground for one in looks}
    county.clock.now = county.clock.now.replace(day=23, hour=15, minute=59, second=30)  # 23:59:30 in the county
    assert await status(county, await resident(county, "mother", "林芳"), "/person/child") == 200
    county.clock.now += timedelta(minutes=1)
    assert await status(county, await resident(county, "mother", "林芳"), "/person/child") == 404
    assert "2026-11-24" in (await (await desk(county)).get(AT + "/new")).text


async def test_what_is_ended_at_the_desk_is_closed_at_once_and_every_version_stays(county: County):
    where = (await enter(county)).headers["location"]
    mother, registrar = await resident(county, "mother", "林芳"), await desk(county)
    assert await status(county, mother, "/person/child") == 200
    unsaid = await registrar.post(where + "/ending", data={"reason": " "})
    assert unsaid.status_code == 422
    assert "请简单写明终止原因" in unsaid.text
    assert (await registrar.post(where + "/ending", data={"reason": "法院变更监护人"})).status_code == 303
    assert await status(county, mother, "/person/child") == 404
    told = (await registrar.get(where)).text
    for words in ("法院变更监护人", "挂号员 登记", "挂号员 终止", "已结束"):
        assert words in told
    assert (await registrar.post(where + "/ending", data={"reason": "再来一次"})).status_code == 422
    history = (await county.store.records(Scope.everyone()).history("RelatedPerson", where.rpartition("/")[2])).entries
    versions = [one.resource() for one in history]
    assert [one["active"] for one in versions] == [False, True]
    assert [one for made in versions for one in validate(made) if one.severity == "error"] == []
    assert (await enter(county)).status_code == 303, "after an end somebody may be entered again"


@pytest.mark.parametrize(
    ("at", "more", "words"),
    [
        (AT, {"number": TEEN}, "未成年人不能代理他人"),
        (AT, {"number": CHILD}, "本人不能做自己的监护人"),
        (AT, {"number": MOTHER[:-1] + ("0" if MOTHER[-1] != "0" else "1")}, "校验"),
        (AT, {"name": "林芬"}, "另一个姓名"),
        (AT, {"proof": "notarised"}, "不能证明这种关系"),
        (AT, {"proof_day": "2026-11-23"}, "这一天还没有到"),
        (AT, {"phone": "123"}, "电话"),
        (AT, AUTHORITY, "只有成年人可以书面委托"),
        (AT, {"kind": "guardian", "proof": "court", "until": "2026-11-24"}, "18 周岁生日前一天"),
        (GRANNY_AT, {}, "父母身份只适用于未成年人"),
        (GRANNY_AT, AUTHORITY | {"until": ""}, "必须填写截止日期"),
        (GRANNY_AT, AUTHORITY | {"until": "2029-11-23"}, "最长 3 年"),
        (GRANNY_AT, AUTHORITY | {"until": "2026-11-22"}, "必须在明天或以后"),
        (GRANNY_AT, AUTHORITY | {"kind": "guardian", "proof": "court", "until": "2036-11-23"}, "最长 10 年"),
    ],
)
async def test_what_the_law_does_not_let_is_refused_and_nothing_typed_is_lost(county: County, at: str, more: dict[str, str], words: str):
    refused = await enter(county, at, **more)
    assert refused.status_code == 422
    assert words in refused.text
    assert "5801-77" in refused.text or "公证2026-9" in refused.text
    assert await entered(county) == []


async def test_nobody_acts_for_the_dead_or_without_a_known_birth_date(county: County):
    await county.put(
        {"resourceType": "Patient", "id": "late", "name": [{"text": "某"}], "birthDate": "1940-01-01", "deceasedBoolean": True}
    )
    await county.put({"resourceType": "Patient", "id": "vague", "name": [{"text": "某"}], "birthDate": "1940"})
    assert "此人已故" in (await enter(county, "/person/late/guardians", **AUTHORITY)).text
    assert "出生日期不完整" in (await enter(county, "/person/vague/guardians", **AUTHORITY)).text
    assert await entered(county) == []


async def test_the_same_guardian_is_entered_once_and_renewed_on_a_new_proof(county: County):
    where = (await enter(county, GRANNY_AT, **AUTHORITY)).headers["location"]
    twice = await enter(county, GRANNY_AT, **AUTHORITY)
    assert twice.status_code == 422
    assert "请先续期或终止原登记" in twice.text
    key = where.rpartition("/")[2]
    registrar = await desk(county)
    assert "林芳" in (await registrar.get(f"{GRANNY_AT}/new", params={"renew": key})).text
    renewal = form(**AUTHORITY) | {"until": "2029-11-22", "proof_number": "公证2026-10", "renew": key}
    assert (await registrar.post(GRANNY_AT, data=renewal, files=FILE)).status_code == 303
    (one,) = await entered(county)
    assert one["period"]["end"].startswith("2029-11-22")
    assert one["meta"]["versionId"] == "2"
    told = (await registrar.get(where)).text
    assert "公证2026-9" in told, "the proof before stands in the history"
    assert "公证2026-10" in told


async def test_a_renewal_never_makes_another_person_of_the_guardian(county: County):
    where = (await enter(county, GRANNY_AT, **AUTHORITY)).headers["location"]
    forged = form(**AUTHORITY) | {"number": AUNT, "kind": "parent", "renew": where.rpartition("/")[2], "until": "2028-01-01"}
    assert (await (await desk(county)).post(GRANNY_AT, data=forged, files=FILE)).status_code == 303
    (one,) = await entered(county)
    assert one["identifier"][0]["value"] == MOTHER
    assert one["relationship"][0]["coding"][0]["code"] == "agent"
    foreign = form(**AUTHORITY) | {"renew": where.rpartition("/")[2]}
    assert (await (await desk(county)).post(AT, data=foreign, files=FILE)).status_code == 404


async def test_a_guardian_need_not_be_in_the_register_and_is_known_as_soon_as_they_are(county: County):
    assert (await enter(county, number=AUNT, name="林红", kind="guardian", proof="court", until="2026-11-23")).status_code == 303
    await county.put(person("aunt", "林红", AUNT, "1990-07-07"))
    assert await status(county, await resident(county, "aunt", "林红"), "/person/child") == 200


async def test_only_registrars_enter_guardians_and_never_their_own(county: County):
    await county.put(encounter("child"))
    for role, who in (("doctor", "Practitioner/li"), ("nurse", "Practitioner/li"), ("public_health", ""), ("system_admin", "")):
        one = await county.sign_in(f"a-{role}-x", role, "某人", who, ("Organization/hospital",))
        assert (await one.post(AT, data=form(), files=FILE)).status_code == 403, role
        assert (await one.get(AT)).status_code == 403, role
    assert (await (await resident(county, "mother", "林芳")).post(AT, data=form(), files=FILE)).status_code == 403
    await county.put({"resourceType": "Practitioner", "id": "clerk", "identifier": [{"system": SYSTEM, "value": MOTHER}]})
    refused = await (await desk(county, "a-clerk", "Practitioner/clerk")).post(AT, data=form(), files=FILE)
    assert refused.status_code == 403
    assert "请由同事办理" in refused.text
    assert await entered(county) == []


async def test_a_proof_is_needed_and_must_be_a_picture_or_a_pdf(county: County):
    registrar = await desk(county)
    for file, words in (
        ({}, "请上传证明材料"),
        ({"file": ("a.pdf", b"MZ\x90 program", "application/pdf")}, "这不是 PDF"),
        ({"file": ("a.html", b"<script>alert(1)</script>", "image/png")}, "这不是 PDF"),
        ({"file": ("a.pdf", b"%PDF-" + bytes(4 * 1024 * 1024), "application/pdf")}, "超过 4 MB"),
    ):
        refused = await registrar.post(AT, data=form(), files=file or {"other": ("x", b"")})
        assert refused.status_code == 422
        assert words in refused.text
    assert await entered(county) == []


async def test_the_proof_opens_only_for_who_may_see_the_ward(county: County):
    where = (await enter(county, GRANNY_AT, **AUTHORITY)).headers["location"]
    key, registrar = where.rpartition("/")[2], await desk(county)
    assert (await registrar.get(where + "/proof")).status_code == 404, "who entered it has no relation to her"
    assert "只有能看此人档案的人才能打开材料" in (await registrar.get(where)).text
    for who, name, right in (("granny", "赵秀英", 200), ("mother", "林芳", 200), ("zhang", "张桂兰", 404)):
        someone = await resident(county, who, name)
        assert await status(county, someone, f"/family/{key}/proof") == right, who
        assert (await someone.get(f"/family/{key}/proof")).content.startswith(b"%PDF-") == (right == 200)
    await county.put(encounter("granny"))
    assert await status(county, registrar, where + "/proof") == 200, "she has come to this hospital"
    opened = await registrar.get(where + "/proof")
    assert opened.headers["content-disposition"].startswith("attachment")
    (binary,) = [one.resource() for one in (await county.store.records(Scope.everyone()).history("Binary")).entries]
    assert binary["securityContext"] == {"reference": "Patient/granny"}
    (document,) = await county.store.records(Scope.everyone()).find("DocumentReference")
    assert [one for made in (binary, document) for one in validate(made) if one.severity == "error"] == []


async def test_the_desk_finds_a_person_by_whole_number_or_name_and_shows_nothing_clinical(county: County):
    registrar = await desk(county)
    for typed, there in ((CHILD, True), ("林小", True), (CHILD[:-2], False), (CHILD[-4:], False), ("林", False)):
        assert ("/person/child/guardians" in (await registrar.get("/guardianship", params={"q": typed})).text) == there, typed
    where = (await enter(county)).headers["location"]
    for page in ("/guardianship?q=林小", AT, AT + "/new", where):
        told = (await registrar.get(page)).text
        assert "支气管哮喘" not in told
        assert CHILD not in told, "numbers are masked"
        assert MOTHER not in told
    assert "林小雨" in (await registrar.get("/person/mother/guardians")).text, "for whom she acts"


async def test_everybody_concerned_is_told(county: County):
    await enter(county, GRANNY_AT, **AUTHORITY)
    await enter(county, GRANNY_AT, **AUTHORITY | {"number": AUNT, "name": "林红"})
    papers = notices_of(county.store)
    told = {who: [p.value.title.text for p in await papers.find_any([f"to Patient/{who}"], 0)] for who in ("granny", "mother", "child")}
    assert len(told["granny"]) == 2
    assert len(told["mother"]) == 2, "of herself, and of the other agent"
    assert told["child"] == []
    assert "林红 现在可以代理 赵秀英" in (await (await resident(county, "granny", "赵秀英")).get("/notice")).text


async def test_each_deed_stands_in_the_trail_in_the_name_of_who_did_it(county: County):
    await enter(county)
    await county.store.trail.flush()
    for type_ in ("RelatedPerson", "DocumentReference", "Binary"):
        deeds = [(one.actor, one.interaction) for one in await acts(county.store.ground, type=type_, limit=50)]
        assert ("a-desk", "create") in deeds, type_
    assert GRANNY not in str(await entered(county))
