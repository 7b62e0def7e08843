"""What the pages read, from a real store that holds the drawn world."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

import pytest

from tests.doors.web.drawn import SMITH, WANG, ZHANG, settle
from xinglin.base.errors import NotFound
from xinglin.capabilities.health_record import queries, rules
from xinglin.kit.unit import Unit
from xinglin.store import Scope, Store

ZONE = ZoneInfo("Asia/Shanghai")


async def _found(unit: Unit, typed: str) -> set[str]:
    people = await queries.find_people(unit, rules.meaning_of(typed), ZONE)
    assert people.total == len(people.found)
    return {person.id for person in people.found}


@pytest.mark.parametrize(
    "typed", ["张桂兰", "桂兰", "张", "zgl", "zhangguilan", "zhanggui", "1224", "181224", "15412347734", "580123195906181224"]
)
async def test_a_resident_is_found_by_name_pinyin_initials_number_tail_or_telephone(unit: Unit, typed: str) -> None:
    assert await _found(unit, typed) == {ZHANG}


@pytest.mark.parametrize("typed", ["smith", "Anna", "ann"])
async def test_a_resident_with_a_latin_name_is_found_by_it(unit: Unit, typed: str) -> None:
    assert await _found(unit, typed) == {SMITH}


@pytest.mark.parametrize("typed", ["李四", "qqq", "9999", "13900000000", "a,b|c$d", "1"])
async def test_nobody_is_found_by_what_fits_nobody(unit: Unit, typed: str) -> None:
    assert await _found(unit, typed) == set()


async def test_the_list_goes_on_page_by_page_without_loss_or_repeat(unit: Unit, told: Store) -> None:
    names = [{"resourceType": "Patient", "id": f"many-{n}", "name": [{"text": f"赵某{n}"}]} for n in range(45)]
    await settle(told.records(Scope.everyone()), names)
    meant, seen, cursor = rules.meaning_of("赵某"), [], None
    for _ in range(3):
        page = await queries.find_people(unit, meant, ZONE, by="name", cursor=cursor)
        seen += [person.id for person in page.found]
        cursor = page.next
    assert (sorted(seen), cursor) == (sorted(one["id"] for one in names), None)


async def test_a_record_says_of_each_entry_where_and_when(unit: Unit) -> None:
    record = await queries.read_record(unit, ZHANG, ZONE)
    (problem,) = record.problems
    assert (problem.source, problem.since, problem.code) == ("杏溪县人民医院", "2019-04", "I10")
    (medicine,) = record.medicines
    assert (medicine.source, medicine.dosage) == ("杏溪县人民医院", "每次1片，每日1次")
    (pressure,) = record.latest
    assert [(one.source, one.time[:10]) for one in pressure.series] == [("杏溪县人民医院", "2025-03-02"), ("王庄村卫生室", "2026-11-21")]
    assert [measure.direction for measure in pressure.result.measures] == ["up", "up"]
    assert [(visit.id, visit.place) for visit in record.visits] == [("today", "王庄村卫生室"), ("stay", "杏溪县人民医院"), ("nowhere", "")]


async def test_a_visit_opens_with_everything_written_in_it(unit: Unit) -> None:
    opened = await queries.read_visit(unit, ZHANG, "stay", ZONE)
    assert [one.id for one in opened.problems] == ["hypertension"]
    assert [one.id for one in opened.results] == ["p1"]
    assert [one.id for one in opened.medicines] == ["amlodipine"]
    assert [(one.id, one.body) for one in opened.papers] == [("report", (("", "心影增大 <b>请复查</b>"),))]


async def test_a_visit_of_someone_else_does_not_open_in_this_record(unit: Unit) -> None:
    with pytest.raises(NotFound):
        await queries.read_visit(unit, ZHANG, "other", ZONE)
    with pytest.raises(NotFound):
        await queries.read_record(unit, "nobody", ZONE)


async def test_one_result_is_followed_through_time(unit: Unit) -> None:
    latest = await queries.read_series(unit, ZHANG, "http://loinc.org|85354-9", ZONE)
    assert [[int(measure.number or 0) for measure in one.measures] for one in latest.series] == [[185, 115], [162, 98]]
    with pytest.raises(NotFound):
        await queries.read_series(unit, ZHANG, "http://loinc.org|1-8", ZONE)


async def test_recent_visits_are_those_of_the_days_asked_with_their_residents(unit: Unit) -> None:
    today, week = await asyncio.gather(queries.recent_visits(unit, 1, ZONE), queries.recent_visits(unit, 7, ZONE))
    assert [(visit.id, person and person.id) for visit, person in today.rows] == [("today", ZHANG)]
    assert [(visit.id, person and person.id) for visit, person in week.rows] == [("today", ZHANG), ("other", WANG)]
    assert (await queries.count_visits(unit, 1, ZONE), await queries.count_visits(unit, 7, ZONE)) == (1, 2)
