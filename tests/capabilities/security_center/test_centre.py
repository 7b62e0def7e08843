"""The security centre over a real store: what each administrator may open, live measures, and no resident in clear."""

from __future__ import annotations

import json
import re
from uuid import UUID

import msgspec
import pytest

from tests.capabilities.watched import HOSPITAL, NAMES, NUMBERS, PHONES, County, encounter
from tests.signed_in import QUICK
from xinglin.access.accounts import Entrance, Register
from xinglin.access.accounts.entrance import Origin, Refused
from xinglin.access.accounts.model import Account, Hat, Totp
from xinglin.access.policy import GRANTS, READS, Grant
from xinglin.base.clock import tick_of
from xinglin.base.crypto import Keys, signer_of
from xinglin.base.errors import TooMany
from xinglin.capabilities.security_center.capability import CAPABILITY
from xinglin.store import resealing
from xinglin.store.ledger.looking import acts
from xinglin.store.ledger.sealing import seal_next

IN_CLEAR = (*NAMES.values(), *NUMBERS.values(), *PHONES.values())
PAGES = [page.path for page in CAPABILITY.pages if page.method == "GET" and "{" not in page.path]


@pytest.mark.parametrize("role", ["doctor", "resident", "registrar", "regulator"])
async def test_nobody_but_administrators_comes_in(module_county: County, role: str):
    client = await module_county.sign_in(f"a-{role}", role, "某人")
    assert {(await client.get(path)).status_code for path in PAGES} == {403}


async def test_each_administrator_opens_what_is_theirs_and_no_more(module_county: County):
    for role in ("system_admin", "security_admin", "audit_admin"):
        client = await module_county.administrator(role)
        for page in CAPABILITY.pages:
            if page.path in PAGES and page.method == "GET":
                assert (await client.get(page.path)).status_code == (200 if role in page.roles else 403), (role, page.path)


async def test_no_page_shows_a_resident_in_clear(county: County):
    await county.put(encounter(), encounter("chen"))
    doctor, resident = await county.doctor(), await county.resident()
    await county.resident("chen")
    await doctor.get("/person/zhang")
    await doctor.get("/person?q=张桂兰")
    await doctor.get("/person/nobody?q=" + NUMBERS["zhang"])
    (form,) = set(re.findall(r'href="(/who-looked/\d+/objection\?of=zhang)"', (await resident.get("/who-looked")).text)[:1])
    await resident.post(form, data={"of": "zhang", "words": "张桂兰没有去过"})
    other = await county.doctor("a-wu", "吴医生", "Organization/other")
    found = (await other.post("/emergency-access", data={"number": NUMBERS["zhang"]})).headers.get("location", "")
    await other.post(found, data={"preset": "own", "reason": "张桂兰昏迷，家属在场"})
    opened: set[str] = set()
    for role in ("system_admin", "security_admin", "audit_admin"):
        client, waiting = await county.administrator(role), {path for path in PAGES if path != "/security/audit/export"}
        while waiting:
            path = waiting.pop()
            page = await client.get(path)
            if page.status_code == 200:
                opened.add(path)
                assert [clear for clear in IN_CLEAR if clear in page.text] == [], (role, path)
                waiting |= set(re.findall(r'href="(/security/(?:emergency|objection)/[0-9a-f-]+)"', page.text)) - opened
    assert {"/security/emergency/", "/security/objection/"} <= {path.rpartition("/")[0] + "/" for path in opened}
    audit = await county.administrator("audit_admin")
    export = (await audit.get("/security/audit/export")).content.decode("utf-8-sig")
    assert "page-get" in export
    assert [clear for clear in IN_CLEAR if clear in export] == []


async def test_failed_sign_ins_and_locks_are_seen(county: County):
    entrance = Entrance(county.store.ground, county.store.note, passwords=QUICK)
    for _ in range(5):
        with pytest.raises(Refused):
            await entrance.by_password("li", "wrong", Origin("10.9.9.9"), county.clock.now)
    with pytest.raises(TooMany):
        await entrance.by_password("li", "wrong", Origin("10.9.9.9"), county.clock.now)
    page = (await (await county.administrator()).get("/security/sign-in?hours=168")).text
    assert ">li<" in page
    assert "5 次" in page


async def test_a_session_is_ended_by_the_security_administrator(county: County):
    doctor, security = await county.doctor(), await county.administrator()
    assert (await doctor.get("/clinic")).status_code == 200
    page = (await security.get("/security/session")).text
    assert "李医生" in page
    (end,) = re.findall(r'action="(/security/session/[0-9a-f]+/end)"', page)
    assert (await security.post(end)).status_code == 303
    county.clock.later(seconds=3)
    assert (await doctor.get("/clinic")).status_code == 303
    assert (await security.post(end)).status_code == 404
    system = await county.administrator("system_admin")
    assert (await system.post(end)).status_code == 403


async def control(county: County, id: str) -> str:
    """How a control is shown now."""
    page = (await (await county.administrator()).get("/security/control")).text
    (shown,) = re.findall(rf'<li id="{re.escape(id)}">(.*?)</li>', page, re.DOTALL)
    return shown


async def test_live_evidence_follows_the_accounts(county: County):
    register, hat = Register(county.store.ground), Hat("h", "doctor", "县医院", units=(HOSPITAL,))
    made = await register.create(Account("s1", "s1", "赵", hats=(hat,), totp=Totp("x")), county.clock.now)
    before = await control(county, "mlps-8.1.4.1d")
    await register.change(made.id, county.clock.now, lambda one: msgspec.structs.replace(one, totp=None))
    after = await control(county, "mlps-8.1.4.1d")
    assert before != after
    assert "缺少" in after


async def test_live_evidence_finds_a_record_written_past_the_platform(county: County):
    assert "已有证据" in await control(county, "crypto-8.4e")
    async with county.store.ground.side.connection() as connection:
        await connection.execute("UPDATE record.observation SET content = convert_to('{\"resourceType\"', 'UTF8')")
    shown = await control(county, "crypto-8.4e")
    assert "缺少" in shown


async def test_it_shows_when_an_administrator_may_read_medical_data(county: County, monkeypatch: pytest.MonkeyPatch):
    assert "三员都不能读取医疗数据" in await control(county, "mlps-8.1.4.2d")
    monkeypatch.setitem(GRANTS, "system_admin", (*GRANTS["system_admin"], Grant(READS, frozenset({"Condition"}))))
    assert "可读取医疗数据的管理员：system_admin" in await control(county, "mlps-8.1.4.2d")


async def test_the_lock_is_tried_and_the_trial_leaves_nothing(county: County):
    assert "锁定有效" in await control(county, "mlps-8.1.4.1b")
    assert "锁定有效" in await control(county, "mlps-8.1.4.1b")


async def test_a_document_is_noted_by_the_security_administrator_alone(county: County):
    security, system = await county.administrator(), await county.administrator("system_admin")
    address = "/security/control/mlps-8.1.4.9a/note"
    assert (await system.post(address, data={"standing": "noted", "words": "备份制度，柜2"})).status_code == 403
    assert (await security.post(address, data={"standing": "noted", "words": ""})).status_code == 400
    assert (await security.post(address, data={"standing": "noted", "words": "备份制度，柜2"})).status_code == 303
    shown = await control(county, "mlps-8.1.4.9a")
    assert "备份制度，柜2" in shown
    assert "已登记文件" in shown
    assert (await security.post("/security/control/nothing/note", data={"standing": "noted", "words": "备份制度"})).status_code == 404


async def test_the_newest_part_of_the_ledger_is_verified_from_the_page(county: County, keys: Keys):
    file = county.store.ground.settings.key_path
    file.parent.mkdir(parents=True, exist_ok=True)
    audit = await county.administrator("audit_admin")
    assert (await audit.post("/security/ledger/verification")).status_code == 503
    data = {str(number): key.hex() for number, key in keys.data.items()}
    file.touch(mode=0o600)
    file.write_text(json.dumps({"current": keys.current, "data": data, "index": keys.index.hex(), "token": keys.token.hex()}))
    await county.store.trail.flush()
    await seal_next(county.store.ground, signer_of(keys, county.store.ground.settings.cipher), tick_of(county.clock.now) * 2)
    assert (await audit.post("/security/ledger/verification")).status_code == 303
    assert "未被改动" in (await audit.get("/security/ledger")).text
    async with county.store.ground.side.connection() as connection:
        await connection.execute("UPDATE xinglin.audit SET actor = 'somebody' WHERE n = (SELECT min(n) FROM xinglin.audit)")
    assert (await audit.post("/security/ledger/verification")).status_code == 303
    page = (await audit.get("/security/ledger")).text
    assert "处问题" in page
    assert "审计账本被改动" in (await audit.get("/notice")).text


async def test_how_far_re_sealing_is_stands_beside_the_keys(county: County):
    security = await county.administrator()
    assert "还没有重新加密过" in (await security.get("/security/key")).text
    id_ = await resealing.begin(county.store.ground)
    assert "等待处理" in (await security.get("/security/key")).text
    async with county.store.ground.side.connection() as connection:
        await connection.execute("UPDATE xinglin.job SET state = 'running' WHERE id = $1", UUID(id_))
    page = (await security.get("/security/key")).text
    assert "进行中" in page
    assert "当前使用" in page


async def test_an_export_of_the_trail_leaves_a_row_of_its_own(county: County):
    await county.doctor()
    audit = await county.administrator("audit_admin")
    answer = await audit.get("/security/audit/export?role=doctor")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    await county.store.trail.flush()
    (row,) = await acts(county.store.ground, interaction="export")
    assert row.actor == "a-audit_admin"
    county.clock.later(minutes=16)
    assert (await audit.get("/security/audit/export")).headers["location"].startswith("/sign-in/again")


async def test_the_trail_is_searched(county: County):
    doctor, audit = await county.doctor(), await county.administrator("audit_admin")
    await doctor.get("/person/zhang")
    found = (await audit.get("/security/audit?who=李医生&refused=1")).text
    assert "李医生" in found
    assert "404" in found
    assert "没有符合的操作" in (await audit.get("/security/audit?role=insurer")).text
    assert "alert-danger" in (await audit.get("/security/audit?since=soon")).text


async def test_what_is_held_is_counted_by_kind_and_sensitivity(county: County):
    hiv = {
        "resourceType": "Observation", "id": "hiv", "status": "final", "subject": {"reference": "Patient/zhang"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "56888-1"}]},
    }  # fmt: skip
    await county.put(hiv, encounter())
    await (await county.doctor()).get("/person/zhang")
    page = (await (await county.administrator()).get("/security/asset")).text
    row = re.search(r"Observation</td>.*?>(\d+)</td>.*?>(\d+)</td>", page, re.DOTALL)
    assert row is not None
    assert row.groups() == ("3", "1")
    assert "给您看过病" in page
