"""Who may see what, told as it happens in the demo region: personas before screens, the real rules behind them."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pyotp
import pytest
import uvicorn
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.served import keep_keys
from tests.signed_in import QUICK
from xinglin.access.accounts import Account, Hat, personas
from xinglin.access.actor import Actor
from xinglin.access.reach import Reach
from xinglin.app.demonstrating import play
from xinglin.app.discovery import discover, folder_of
from xinglin.base.clock import tick_of, utc_now
from xinglin.base.crypto import Keys, signer_of
from xinglin.base.settings import Settings
from xinglin.doors.web import House, web_app
from xinglin.doors.web.gate import Gate, gate_of
from xinglin.engines.synthesis import county, stories_of
from xinglin.store import Records, Scope, Store, open_store
from xinglin.store.bulk import Loader, end
from xinglin.store.ledger.sealing import seal_next

SEED, RESIDENTS = 1, 40
PASSWORD, WIDE = "Xing-lin 2026 Chunsheng?", {"width": 1440, "height": 900}


@dataclass
class Demo:
    """The demo region, served. `ahead`: how far its clock runs before ours; `seated`: the browsers of its people."""

    address: str
    store: Store
    gate: Gate
    residents: dict[str, str]
    keys: Keys
    clock: Clock
    browser: Browser | None = None
    seated: list[BrowserContext] = field(default_factory=list)

    async def seat(self) -> Page:
        """Somebody nobody knows before a screen of their own."""
        assert self.browser is not None, "a browser is open"
        context = await self.browser.new_context(viewport=WIDE, locale="zh-CN")  # type: ignore[arg-type]
        self.seated.append(context)
        return await context.new_page()

    async def come_in(self, persona: str, hat: str = "") -> Page:
        """Somebody of the demo, signed in with one click."""
        page = await self.seat()
        await page.goto(self.address + "/demo/people")
        await page.locator(f"button[name=persona][value={persona}]").click()
        if hat:
            await page.get_by_role("button", name=hat).click()
        await expect(page.locator(".x-menu")).to_be_visible()
        return page

    async def open(self, page: Page, path: str) -> int:
        """Go to an address of the region; the status it answers with."""
        answer = await page.goto(self.address + path)
        assert answer is not None, "an address answers"
        return answer.status

    def record_of(self, name: str) -> str:
        return f"/person/{self.residents[name]}"


@dataclass
class Clock:
    """Our clock, set ahead by tests."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture(scope="module")
async def served(postgres: Callable[[], str], keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """The region as `xinglin up` leaves it: county, personas, what the capabilities show; the sealer has worked once."""
    home: Path = tmp_path_factory.mktemp("demo")
    keep_keys(keys, home / "keys.json")
    dsn, clock = await asyncio.to_thread(postgres), Clock()
    settings = Settings(home=str(home), database_url=dsn, database_connections=8, demo=1)
    store = await open_store(settings, dsn, keys)
    today = utc_now().date()
    resources = county(SEED, RESIDENTS, today=today)
    await Loader(store.ground, bare=True).load_all(iter(lambda: list(islice(resources, 2000)), []))
    await end(store.ground.pool)
    told = stories_of(SEED, RESIDENTS, today=today)
    residents = {who.name: id_ for story, ids in told for who, id_ in zip(story.people, ids, strict=True)}
    await personas.settle(store.ground, store.records(Scope.everyone()), residents, clock())
    await play(store, discover(), residents, clock())
    listener = socket.create_server(("127.0.0.1", 0))
    gate = gate_of(settings, store, passwords=QUICK)
    server = uvicorn.Server(uvicorn.Config(web_app(_house(store, gate, clock)), log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield Demo(f"http://127.0.0.1:{listener.getsockname()[1]}", store, gate, residents, keys, clock)
    server.should_exit = True
    await serving
    await store.close()


def _house(store: Store, gate: Gate, clock: Clock) -> House:
    reach, capabilities = Reach(store, clock), discover()

    async def records(actor: Actor) -> Records:
        return store.records(await reach.scope(actor))

    return House(
        capabilities=capabilities, folders={name: folder_of(name) for name in capabilities}, gate=gate, records=records, now=clock,
        language="zh-CN", timezone=ZoneInfo("Asia/Shanghai"), audit=store.note, stale=reach.stale,
    )  # fmt: skip


@pytest.fixture
async def demo(served: Demo, browser: Browser) -> AsyncIterator[Demo]:
    """The region with screens before it."""
    served.browser = browser
    yield served
    for context in served.seated:
        await context.close()
    served.seated.clear()


async def test_the_village_does_not_learn_what_the_hospital_treats(demo: Demo) -> None:
    # Given 何志强, followed for high pressure in his village, and under antiviral treatment in the hospital
    him = demo.record_of("何志强")
    # When the village doctor opens his record
    village = await demo.come_in("village-doctor", "医生")
    assert await demo.open(village, him) == 200
    # Then the pressure is there, and no word of the rest
    main = village.get_by_role("main")
    await expect(main.get_by_text("原发性高血压").first).to_be_visible()
    for word in ("人类免疫缺陷", "HIV", "多替拉韦", "抗病毒", "CD4"):
        await expect(main).not_to_contain_text(word)
    # And the cardiologist before whom he sits today sees both
    doctor = await demo.come_in("cardiologist")
    assert await demo.open(doctor, him) == 200
    await expect(doctor.get_by_role("main").get_by_text("人类免疫缺陷病毒病").first).to_be_visible()
    await expect(doctor.get_by_role("main").get_by_text("多替拉韦").first).to_be_visible()


async def test_mental_illness_is_for_who_treats_and_who_is_asked_for_advice(demo: Demo) -> None:
    her = demo.record_of("马春梅")
    village, doctor = await demo.come_in("village-doctor", "医生"), await demo.come_in("cardiologist")
    assert await demo.open(village, her) == 200
    await expect(village.get_by_role("main")).not_to_contain_text("精神分裂症")
    assert await demo.open(doctor, her) == 200
    await expect(doctor.get_by_role("main").get_by_text("偏执型精神分裂症").first).to_be_visible()


async def test_a_nurse_opens_who_lies_on_her_ward_and_nobody_else(demo: Demo) -> None:
    nurse = await demo.come_in("nurse")
    assert await demo.open(nurse, demo.record_of("李德福")) == 200
    assert await demo.open(nurse, demo.record_of("孙玉梅")) == 404


async def test_breaking_the_glass_is_seen_answered_and_judged(demo: Demo) -> None:
    # Given a doctor who has no relationship with 王秀英
    doctor, her = await demo.come_in("township-doctor"), demo.record_of("王秀英")
    assert await demo.open(doctor, her) == 404
    # When they go the way the page offers, name her exactly and say why
    patient = (await demo.store.records(Scope.everyone()).read("Patient", demo.residents["王秀英"])).resource()
    await doctor.get_by_role("main").get_by_role("link", name="紧急").click()
    await doctor.get_by_label("完整的身份证号").fill(patient["identifier"][0]["value"])
    await doctor.get_by_role("button", name="查找").click()
    await doctor.get_by_label("送来时昏迷，病史不明").check()
    await doctor.get_by_label("补充说明").fill("家属联系不上")
    await doctor.get_by_role("button", name="立即打开档案").click()
    # Then the record stands open under the red banner
    await expect(doctor).to_have_url(demo.address + her)
    await expect(doctor.locator(".x-emergency")).to_contain_text("紧急调阅")
    name = await _name_of(doctor)
    # And the resident reads in plain words who looked and why
    resident = await demo.come_in("wang-xiuying")
    await demo.open(resident, "/who-looked")
    look = resident.get_by_role("main").get_by_role("listitem").filter(has_text=name).filter(has_text="家属联系不上").first
    await expect(look).to_contain_text("大王镇中心卫生院")
    await expect(look).to_contain_text("送来时昏迷")
    await expect(look).to_contain_text("等待审核")
    # When she objects
    await look.get_by_role("link", name="我有异议").click()
    await resident.get_by_label("哪里不对").fill("我那天在家，没有去过卫生院。")
    await resident.get_by_role("button", name="提交").click()
    await expect(resident.get_by_role("main")).to_contain_text("我那天在家")
    # Then the security administrator has both before them, and sees no medical data
    admin = await demo.come_in("security-admin")
    await demo.open(admin, "/security/objection")
    await expect(admin.get_by_role("main")).to_contain_text(name)
    await demo.open(admin, "/security/emergency")
    await admin.get_by_role("row").filter(has_text="家属联系不上").get_by_role("link").click()
    await expect(admin.get_by_role("main")).not_to_contain_text("王秀英")
    await admin.get_by_label("不合理：立即关闭档案").check()
    await admin.get_by_label("理由").fill("当日无急诊接诊记录。")
    await admin.get_by_role("button", name="审核").click()
    await expect(admin.get_by_role("main")).not_to_contain_text("家属联系不上")
    # And the record is closed, and she reads the judgement
    assert await demo.open(doctor, her) == 404
    await demo.open(resident, "/who-looked")
    await expect(resident.get_by_role("main")).to_contain_text("已审核：不合理")


async def _name_of(page: Page) -> str:
    """Who is signed in, as the bar says."""
    told = await page.locator(".x-who strong").first.text_content()
    assert told, "the bar names who is signed in"
    return told.strip()


async def test_a_doctors_view_follows_what_the_resident_permits(demo: Demo) -> None:
    # Given a specialist who may not see 王秀英
    doctor, her = await demo.come_in("cardiologist"), demo.record_of("王秀英")
    assert await demo.open(doctor, her) == 404
    # When she permits that doctor by name
    resident, name = await demo.come_in("wang-xiuying"), await _name_of(doctor)
    await demo.open(resident, "/my-consent/new")
    await resident.get_by_label("允许别人看我的档案").check()
    await resident.get_by_label("按姓名或名称查找医生、机构").fill(name)
    await resident.get_by_role("button", name="查找").click()
    await resident.get_by_role("radio", name=re.compile(f"{name}.*杏溪县人民医院")).check()
    await resident.get_by_role("button", name="看看会有什么变化").click()
    await expect(resident.get_by_role("main")).to_contain_text(name)
    await resident.get_by_role("button", name="确定，就这样").click()
    # Then the record opens
    assert await demo.open(doctor, her) == 200
    # And when she takes it back, it closes
    await demo.open(resident, "/my-consent")
    await resident.get_by_role("main").get_by_role("link").filter(has_text=name).first.click()
    await resident.get_by_role("button", name="撤回").click()
    assert await demo.open(doctor, her) == 404


async def test_another_hat_shows_another_county(demo: Demo) -> None:
    # Given somebody who is the village's doctor, and in public health
    page = await demo.come_in("village-doctor", "医生")
    tile = page.locator(".x-tile").filter(has_text="居民").locator(".x-tile-count")
    of_the_village = int((await tile.inner_text()).replace(",", ""))
    # When they change the hat in the bar
    await page.locator("header .x-drop-end summary").click()
    await page.locator("header").get_by_role("button", name="公卫人员").click()
    # Then they see the whole county by law, and still not what only those who treat see
    await expect(tile).not_to_have_text(str(of_the_village))
    assert int((await tile.inner_text()).replace(",", "")) >= RESIDENTS > of_the_village
    assert await demo.open(page, demo.record_of("何志强")) == 200
    await expect(page.get_by_role("main")).not_to_contain_text("人类免疫缺陷")


async def test_a_doctor_sets_up_the_second_step_and_uses_it_the_next_day(demo: Demo) -> None:
    # Given a doctor with a password from the administrator
    entrance, now = demo.gate.entrance, demo.clock()
    account = await entrance.register.create(Account("newcomer", "li.chun", "李春", hats=(Hat("h", "doctor", "王庄村卫生室"),)), now)
    await entrance.set_password(account, PASSWORD, now, issued=False)
    page = await demo.seat()
    # When they sign in for the first time, they copy the key into their authenticator
    await _give_password(page, demo)
    key = await page.locator(".x-key code").inner_text()
    await page.get_by_label("应用现在显示的 6 位数字").fill(pyotp.TOTP(key.replace(" ", "")).at(demo.clock()))
    await page.get_by_role("button", name="继续").click()
    await page.get_by_role("link", name="我已抄写好").click()
    await expect(page.locator(".x-menu")).to_be_visible()
    # Then the next time the code is asked for, and a used one does not open
    demo.clock.ahead += timedelta(days=1)
    page = await demo.seat()
    await _give_password(page, demo)
    await page.get_by_label("身份验证器上的验证码").fill("000000")
    await page.get_by_role("button", name="继续").click()
    await expect(page.get_by_role("alert")).to_contain_text("验证码错误")
    await page.get_by_label("身份验证器上的验证码").fill(pyotp.TOTP(key.replace(" ", "")).at(demo.clock()))
    await page.get_by_role("button", name="继续").click()
    await expect(page.locator(".x-menu")).to_be_visible()
    demo.clock.ahead = timedelta()


async def _give_password(page: Page, demo: Demo) -> None:
    await page.goto(demo.address + "/sign-in")
    await page.get_by_label("登录名").fill("li.chun")
    await page.get_by_label("密码").fill(PASSWORD)
    await page.get_by_role("button", name="登录", exact=True).click()


async def test_the_audit_administrator_finds_who_did_what_and_reads_no_record(demo: Demo) -> None:
    # Given the trail of the region, sealed
    await demo.store.trail.flush()
    await seal_next(demo.store.ground, signer_of(demo.keys, demo.store.ground.settings.cipher), tick_of(demo.clock()))
    auditor = await demo.come_in("audit-admin")
    # When they look for what the village doctor did
    await demo.open(auditor, "/security/audit")
    await auditor.get_by_label("账号、登录名或姓名").fill("李春生")
    await auditor.get_by_role("main").get_by_role("button", name="查询").click()
    # Then the acts stand there with person, role and ground
    rows = auditor.locator("tbody tr")
    await expect(rows.first).to_contain_text("李春生")
    assert await rows.filter(has_text="contract").count() > 0
    # And the ledger is sound
    await demo.open(auditor, "/security/ledger")
    await auditor.get_by_role("button", name="立即验证最新部分").click()
    await expect(auditor.get_by_role("main")).to_contain_text("未被改动")
    # And no record opens, in the menu or by its address
    await expect(auditor.locator(".x-menu")).not_to_contain_text("居民")
    assert await demo.open(auditor, demo.record_of("张桂兰")) == 403
    await expect(auditor.get_by_role("main")).not_to_contain_text("高血压")


async def test_at_first_sight_a_resident_finds_looks_an_objection_and_a_family_to_act_for(demo: Demo) -> None:
    zhang = await demo.come_in("zhang-guilan")
    await demo.open(zhang, "/who-looked")
    for words in ("李春生", "杏溪县医疗保障局", "我的异议"):
        await expect(zhang.get_by_role("main")).to_contain_text(words)
    liu = await demo.come_in("liu-li")
    await demo.open(liu, "/sign-in/ward")
    for name in ("陈小宝", "吴长根"):
        await expect(liu.get_by_role("button", name=name)).to_be_visible()


async def test_what_is_about_oneself_stands_under_me_and_in_no_menu_of_work(demo: Demo) -> None:
    for persona in ("nurse", "liu-li"):
        page = await demo.come_in(persona)
        await expect(page.locator(".x-menu")).not_to_contain_text("我的账号")
        await demo.open(page, "/me")
        for name in ("我的账号", "授权的应用"):
            await expect(page.get_by_role("main").get_by_role("link", name=name)).to_be_visible()
