"""What is under way on the last day: relations for access to follow, and what only those who treat may see."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time
from typing import Any

from tests.engines.synthesis.conftest import RESIDENTS, TODAY
from xinglin.access.relationships import TREATING, relations_of
from xinglin.base.clock import tick_of
from xinglin.engines.synthesis import care, county, staff, stories_of
from xinglin.fhir.sensitivity import RESTRICTED, level_of

ByType = dict[str, list[dict[str, Any]]]


def ids() -> dict[str, str]:
    return {story.key: people[0] for story, people in stories_of(7, RESIDENTS, today=TODAY)}


def test_one_cardiologist_has_patients_by_visit_stay_referral_consultation_and_appointment(resources: list[dict[str, Any]]):
    doctor = care.cardiologist(staff.build(7, TODAY)).ref["reference"]
    now = {"encounter", "referral", "consultation", "appointment", "request"}
    made = [(relation, one) for one in resources for relation in relations_of(one) if relation.holder == doctor]
    held = {(relation.kind, relation.patient) for relation, one in made if one.get("status") != "finished"}
    assert {kind for kind, _ in held} >= now
    told = ids()
    assert ("referral", told["zhang_guilan"]) in held
    assert ("encounter", told["he_zhiqiang"]) in held
    assert ("consultation", told["ma_chunmei"]) in held
    assert told["wang_xiuying"] not in {patient for _, patient in held}, "somebody is left to break the glass for"


def test_who_stays_lies_on_the_ward_of_their_department_where_its_nurses_work(by_type: ByType):
    lying = [one for one in by_type["Encounter"] if one["status"] == "in-progress" and one["class"]["code"] == "IMP"]
    wards = {one["location"][0]["location"]["reference"] for one in lying}
    assert len(wards) == 1
    there = [one for one in by_type["PractitionerRole"] if wards & {place["reference"] for place in one.get("location", ())}]
    assert {one["code"][0]["coding"][0]["code"] for one in there} == {"doctor", "nurse"}
    assert {one["specialty"][0]["text"] for one in there} == {care.DEPARTMENT}


def test_what_the_village_may_not_see_is_restricted_whole_and_its_own_care_is_not(resources: list[dict[str, Any]]):
    told = ids()
    for key in ("he_zhiqiang", "ma_chunmei"):
        about = [one for one in resources if one.get("subject", {}).get("reference") == f"Patient/{told[key]}"]
        by_level = Counter((level_of(one) == RESTRICTED, one["resourceType"]) for one in about)
        assert {type_ for closed, type_ in by_level if closed} >= {"Condition", "Encounter", "MedicationRequest", "DocumentReference"}
        assert by_level[False, "Encounter"] > 2
        closed_text = [one for one in about if level_of(one) == RESTRICTED]
        assert all(one["meta"]["security"] for one in closed_text)


def test_their_village_has_not_treated_them_for_so_long_that_it_treats_them_no_more(resources: list[dict[str, Any]]):
    told, now_us = ids(), tick_of(datetime.combine(TODAY, time(12), UTC))
    ours = {f"Patient/{told[key]}" for key in ("he_zhiqiang", "ma_chunmei")}
    about = [one for one in resources if one.get("subject", {}).get("reference") in ours]
    treating = [relation for one in about for relation in relations_of(one) if relation.kind in TREATING and relation.ends > now_us]
    hospital = {worker.ref["reference"] for worker in staff.build(7, TODAY).hospital.workers}
    assert {relation.holder for relation in treating} <= hospital


def test_an_old_man_and_his_granddaughter_are_bound_by_her_id_number(by_type: ByType):
    told = {story.key: people for story, people in stories_of(7, RESIDENTS, today=TODAY)}
    granddaughter = next(one for one in by_type["Patient"] if one["id"] == told["liu_li"][0])
    (relation,) = [relation for one in by_type["RelatedPerson"] for relation in relations_of(one)]
    assert relation.patient == told["wu_changgen"][0]
    assert relation.holder.endswith(granddaughter["identifier"][0]["value"])


def test_what_is_under_way_is_few_and_the_same_each_time():
    first = [one for one in county(7, 60, today=TODAY) if one.get("status") in ("in-progress", "arrived", "booked", "requested")]
    assert first == [one for one in county(7, 60, today=TODAY) if one.get("status") in ("in-progress", "arrived", "booked", "requested")]
    assert 5 < len(first) < 50


def test_two_hospitals_have_somebody_who_looks_after_residents_data_beside_their_post(by_type: ByType):
    codes = [(one["organization"]["display"], [code["coding"][0]["code"] for code in one["code"]]) for one in by_type["PractitionerRole"]]
    officers = {place: held for place, held in codes if "privacy" in held}
    assert sorted(officers) == ["杏溪县中医医院", "杏溪县人民医院"]
    assert all(held[0] != "privacy" for held in officers.values())
