"""In the demo region guardians stand with kind, proof and end, as a registrar enters them; twice asked, nothing is written twice."""

from __future__ import annotations

from datetime import date

from tests.capabilities.guardianship.conftest import GRANNY, MOTHER, SYSTEM, person, resident
from tests.capabilities.watched import County
from xinglin.access.actor import Actor
from xinglin.base.national_ids import make_resident_id
from xinglin.capabilities.guardianship import demo, queries
from xinglin.capabilities.guardianship.model import GUARDIAN, PARENT
from xinglin.kit.stage import Stage
from xinglin.kit.unit import Unit

SON = make_resident_id("580123", date(2023, 7, 31), 11)
PEOPLE = {"刘丽": "liu", "陈小宝": "boy", "吴长根": "old"}
PLAIN = {
    "resourceType": "RelatedPerson", "id": "plain", "active": True, "patient": {"reference": "Patient/old"},
    "identifier": [{"system": SYSTEM, "value": MOTHER}], "relationship": [{"coding": [{"code": "GUARD"}]}], "name": [{"text": "刘丽"}],
}  # fmt: skip


async def test_a_guardian_of_the_demo_stands_whole_on_the_pages(county: County):
    await county.put(person("liu", "刘丽", MOTHER, "1996-04-02"), person("boy", "陈小宝", SON, "2023-07-31"))
    await county.put(person("old", "吴长根", GRANNY, "1948-02-29"), PLAIN)
    actor = Actor("a-desk", "registrar", "何登记")

    async def unit_of(_persona: str) -> Unit:
        return Unit(actor, county.store.records(await county.reach.scope(actor)), county.clock(), county.reach.stale)

    stage, unit = Stage(county.store, county.clock(), PEOPLE, unit_of), await unit_of("registrar")
    family = await (await resident(county, "liu", "刘丽")).get("/family")
    assert "其他系统登记" in family.text
    assert not any(line.strip().startswith(("·", '<div class="x-meta"> ·')) for line in family.text.splitlines())
    await demo.show(stage)
    first = [one for who in ("boy", "old") for one in await queries.guardians(unit, queries.everyone(unit), who)]
    assert [(one.one.kind, one.one.until[:10]) for one in first] == [(PARENT, "2041-07-30"), (GUARDIAN, "2028-10-22")]
    assert [one.one.proof.kind and one.one.proof.kind.code for one in first if one.one.proof] == ["birth", "notarised"]
    assert {one.one.by for one in first} == {"何登记"}
    text = (await (await resident(county, "liu", "刘丽")).get("/family")).text
    assert "其他系统登记" not in text
    assert "陈小宝" in text
    assert "吴长根" in text
    assert "未登记截止日期" not in text
    await demo.show(stage)
    assert first == [one for who in ("boy", "old") for one in await queries.guardians(unit, queries.everyone(unit), who)]
