"""Forms of the directory: what cannot be is said beside its field, what was typed stays, what a table does not speak of is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from tests.capabilities.directory.conftest import TODAY
from xinglin.base.errors import Forbidden
from xinglin.base.national_ids import make_resident_id
from xinglin.capabilities.directory import pages, queries
from xinglin.fhir.validation import validate
from xinglin.kit.pages import Moved, Request, Shown
from xinglin.kit.unit import Unit

Ask = Callable[..., Request]
CARD = make_resident_id("580123", date(1990, 5, 6), 123)


async def hospital(unit: Unit) -> queries.Institution:
    return next(one for one in (await queries.institutions(unit)).values() if one.name == "杏溪县人民医院")


async def saved(unit: Unit, ask: Ask, table: str, id: str = "", **form: str) -> str:
    moved = await pages.save_form(unit, ask({"table": table} | ({"id": id} if id else {}), form=form))
    assert isinstance(moved, Moved), moved.values["faults"] if isinstance(moved, Shown) else moved
    return moved.to


async def refused(unit: Unit, ask: Ask, table: str, id: str = "", **form: str) -> dict[str, str]:
    shown = await pages.save_form(unit, ask({"table": table} | ({"id": id} if id else {}), form=form))
    assert isinstance(shown, Shown)
    assert shown.status == 422
    cells = shown.values["cells"]
    assert isinstance(cells, dict)
    assert form.items() >= {key: text for key, text in cells.items() if text}.items(), "what was typed is kept"
    faults = shown.values["faults"]
    assert isinstance(faults, dict)
    return {column: why.text for column, why in faults.items()}


async def test_somebody_new_gets_a_certificate_and_works_at_two_institutions(unit: Unit, ask: Ask) -> None:
    house = await hospital(unit)
    other = next(one for one in (await queries.institutions(unit)).values() if one.name == "大王镇中心卫生院")
    worker = (await saved(unit, ask, "staff", number=CARD, name="赵新")).rpartition("/")[2]
    ends = (TODAY + timedelta(days=30)).isoformat()
    licence = {"staff": CARD, "kind": "nurse", "number": "201580999000001", "issued": "2021-12-21", "ends": ends, "verified": "2026-11-01"}
    await saved(unit, ask, "licence", **licence)
    await saved(unit, ask, "position", staff=CARD, institution=house.code, department="儿科", profession="nurse", start="2022-01-01")
    await saved(unit, ask, "position", staff=CARD, institution=other.code, profession="nurse", site="secondary")
    told, positions, _ = await queries.read_worker(unit, worker, TODAY)
    assert (told.born, told.standing, told.licences[0].verified) == ("1990-05-06", "soon", "2026-11-01")
    assert CARD not in repr(told), "a page never holds a whole number"
    assert [(one.institution, one.secondary) for one in positions] == [(house.id, False), (other.id, True)]
    several = await queries.find_staff(unit, queries.StaffAsked("zhaoxin", licence="soon", sites="several"), 1, TODAY)
    assert [one.id for one, _ in several.rows] == [worker]
    theirs = {"Practitioner": "_id=", "PractitionerRole": "practitioner=Practitioner/", "VerificationResult": "target=Practitioner/"}
    for type_, query in theirs.items():
        for one in await queries.every(unit, type_, query + worker):
            assert [issue for issue in validate(one) if issue.severity == "error"] == []
    moved = await pages.end_position(unit, ask({"id": worker, "position": positions[1].id}))
    assert moved.to == f"/staff/{worker}"
    ended = (await queries.read_worker(unit, worker, TODAY))[1][-1]
    assert (ended.active, ended.end) == (False, TODAY.isoformat())


async def test_each_impossible_thing_is_said_beside_its_field(unit: Unit, ask: Ask) -> None:
    house = await hospital(unit)
    assert await refused(unit, ask, "staff", number=CARD[:-1] + "9", name="") == {
        "number": "The check character of the resident id number is wrong; a digit was mistyped.",
        "name": "This is needed.",
    }
    other = make_resident_id("580123", date(1991, 5, 6), 124)
    assert set(await refused(unit, ask, "staff", number=other, name="钱", sex="male", born="1991-05-07")) == {"sex", "born"}
    assert set(await refused(unit, ask, "licence", staff=other, kind="nurse", number="1")) == {"staff"}
    device = {"institution": house.code, "asset": "A1", "name": "心电图机", "kind": "ecg", "due": "31/12"}
    assert set(await refused(unit, ask, "equipment", **device)) == {"due"}
    assert set(await refused(unit, ask, "department", institution=house.code, name="航天科")) == {"discipline"}
    assert set(await refused(unit, ask, "institution", code=house.code, name="冒名医院", kind="hospital")) == {"code"}


async def test_an_institution_cannot_belong_to_what_belongs_to_it(unit: Unit, ask: Ask) -> None:
    all_ = await queries.institutions(unit)
    commission = next(one for one in all_.values() if one.name == "杏溪县卫生健康局")
    room = next(one for one in all_.values() if one.name == "王庄村卫生室")
    form = {"code": commission.code, "name": commission.name, "kind": "commission", "parent": room.code}
    assert set(await refused(unit, ask, "institution", commission.id, **form)) == {"parent"}


async def test_a_change_keeps_what_the_table_does_not_speak_of_and_refuses_an_old_version(unit: Unit, ask: Ask) -> None:
    house = await hospital(unit)
    before = (await unit.store.read("Organization", house.id)).resource()
    shown = await pages.show_form(unit, ask({"table": "institution", "id": house.id}))
    cells, version = shown.values["cells"], shown.values["version"]
    assert isinstance(cells, dict)
    assert isinstance(version, str)
    form = {key: text for key, text in cells.items() if key != "parent_name"} | {"phone": "0620-7654321", "version": version}
    assert await saved(unit, ask, "institution", house.id, **form) == f"/institution/{house.id}"
    after = (await unit.store.read("Organization", house.id)).resource()
    assert after["telecom"] == [before["telecom"][0] | {"value": "0620-7654321"}]
    assert {key: text for key, text in after.items() if key not in ("meta", "telecom")} == {
        key: text for key, text in before.items() if key not in ("meta", "telecom")
    }
    assert set(await refused(unit, ask, "institution", house.id, **(form | {"phone": "0620-7000000"}))) == {""}


async def test_only_the_system_administrator_writes(as_role: Callable[..., Unit], ask: Ask) -> None:
    for role in ("doctor", "security_admin", "audit_admin", "regulator"):
        with pytest.raises(Forbidden):
            await pages.save_form(as_role(role), ask({"table": "staff"}, form={"number": CARD, "name": "x"}))


async def test_the_tree_counts_what_stands_below_and_folds_when_it_is_large(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = await queries.tree(unit, "", None)
    top = next(node for node in tree.nodes if node.institution.name == "东岭省卫生健康委员会")
    city = next(node for node in top.below if node.institution.name == "云屏市卫生健康委员会")
    county = next(node for node in city.below if node.institution.name == "杏溪县卫生健康局")
    assert (top.count, city.count, county.count) == (141, 140, 138)
    assert next(node for node in county.below if node.institution.name == "大王镇中心卫生院").count == 10
    monkeypatch.setattr(queries, "BRANCH_ROWS_MAX", 30)
    folded = await queries.tree(unit, county.institution.id, None)
    assert [one.name for one in folded.path] == ["东岭省卫生健康委员会", "云屏市卫生健康委员会", "杏溪县卫生健康局"]
    assert next(node for node in folded.nodes[0].below if node.institution.name == "大王镇中心卫生院").folded
